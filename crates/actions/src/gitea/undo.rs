//! Taking back what a run made. What people have used since is left as it is.

use sidestage_action::{Context, Error, Made, Result, Undone};

use super::{
    account::{Deletion, SignIn},
    client::{Client, Repository, User},
    repository,
    team::{Leaving, Place},
};

/// The message of the commit by which Gitea itself begins a repository (services/repository/init.go).
const FIRST_COMMIT: &str = "Initial commit";

pub(super) async fn undo(ctx: &Context, client: &Client, made: &Made) -> Result<Undone> {
    let undo = Undo { ctx, client, made };
    match &*made.kind {
        "account" => undo.account().await,
        "activation" => undo.sign_in(false).await,
        "deactivation" => undo.sign_in(true).await,
        "team membership" => undo.team_membership().await,
        "repository" => undo.repository().await,
        kind => Ok(Undone::Stays(format!(
            "Sidestage does not know how to take back a {kind} in Gitea. Somebody has to do it there."
        ))),
    }
}

struct Undo<'a> {
    ctx: &'a Context,
    client: &'a Client,
    made: &'a Made,
}

impl Undo<'_> {
    /// The account with this id, if it still has the name that it had.
    async fn user(&self, username: &str, id: &str) -> Result<Option<User>> {
        let found = self.ctx.race(self.client.user(username)).await?;
        Ok(found.filter(|user| user.id.to_string() == id))
    }

    /// Deleted, if nobody has ever signed in to it and it has nothing; shut out otherwise. Gitea refuses to delete what has
    /// something.
    async fn account(&self) -> Result<Undone> {
        let (ctx, client) = (self.ctx, self.client);
        let Some(user) = &self.user(&self.made.key, &self.made.id).await? else {
            return Ok(Undone::Gone);
        };
        let name = &user.login;
        if !user.was_used() {
            match ctx.ensure(&Deletion { client, user }).await {
                Ok(_) => return Ok(Undone::Gone),
                Err(refused) if !has_something(&refused) => return Err(refused),
                Err(_) => {}
            }
        }
        let allowed = false;
        ctx.ensure(&SignIn {
            client,
            user,
            allowed,
        })
        .await?;
        Ok(Undone::Stays(format!(
            "The account {name} in Gitea has been used since, or has repositories or a place in an organization, so it is \
             not deleted: it may no longer sign in. To use it again, run gitea:create-user with reactivate."
        )))
    }

    async fn sign_in(&self, allowed: bool) -> Result<Undone> {
        let client = self.client;
        if let Some(user) = &self.user(&self.made.key, &self.made.id).await? {
            let sign_in = SignIn {
                client,
                user,
                allowed,
            };
            self.ctx.ensure(&sign_in).await?;
        }
        Ok(Undone::Gone)
    }

    async fn team_membership(&self) -> Result<Undone> {
        let client = self.client;
        let Made { key, id, .. } = self.made;
        let Some(place) = Place::parse(key, id) else {
            return Ok(Undone::Stays(format!(
                "{id} is not an id of a membership in Gitea. Somebody has to take the person out there."
            )));
        };
        let user_id = place.user_id.to_string();
        if self.user(place.username, &user_id).await?.is_some() {
            self.ctx.ensure(&Leaving { client, place }).await?;
        }
        Ok(Undone::Gone)
    }

    async fn repository(&self) -> Result<Undone> {
        let client = self.client;
        let Made { key, id, .. } = self.made;
        let Some((owner, name)) = key.split_once('/') else {
            return Err(Error::internal(format!("{key} is no key of a repository")));
        };
        let found = self.ctx.race(client.repository(owner, name)).await?;
        let Some(found) = found.filter(|found| found.id.to_string() == *id) else {
            return Ok(Undone::Gone);
        };
        if !self.ctx.race(self.is_untouched(owner, &found)).await? {
            return Ok(Undone::Stays(format!(
                "People have worked in the repository {key} since, so it is left as it is. Delete it in Gitea when it is \
                 no longer needed."
            )));
        }
        let id = found.id;
        let deletion = repository::Deletion {
            client,
            owner,
            name,
            id,
        };
        self.ctx.ensure(&deletion).await?;
        Ok(Undone::Gone)
    }

    /// Whether a repository holds nothing but what Gitea put there itself.
    async fn is_untouched(&self, owner: &str, found: &Repository) -> Result<bool> {
        let used = found.open_issues_count + found.open_pr_counter + found.release_counter;
        if used + found.forks_count > 0 || found.branch_count > 1 {
            return Ok(false);
        }
        if found.empty {
            return Ok(true);
        }
        let newest = self.client.newest_commits(owner, &found.name, 2).await?;
        Ok(matches!(&*newest, [only] if only.trim() == FIRST_COMMIT))
    }
}

/// Whether Gitea refuses to delete an account because it has something.
fn has_something(refused: &Error) -> bool {
    refused.message().contains("user still has ")
}
