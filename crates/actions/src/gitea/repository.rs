//! Changes to a repository: made, deleted.

use sidestage_action::{Difference, Effect, Result};

use super::{
    client::{Client, CreateRepository, Repository},
    refusals::About,
};

/// Whose a repository is.
pub(super) enum Owner {
    Account(String),
    Organization(String),
}

impl Owner {
    /// As Gitea writes it.
    pub(super) fn name(&self) -> &str {
        match self {
            Owner::Account(name) | Owner::Organization(name) => name,
        }
    }
}

fn key(owner: &str, name: &str) -> String {
    format!("{owner}/{name}").to_lowercase()
}

/// The repository that is asked for.
pub(super) struct NewRepository<'a> {
    pub(super) client: &'a Client,
    pub(super) owner: &'a Owner,
    pub(super) name: &'a str,
    pub(super) description: Option<&'a str>,
    pub(super) private: Option<bool>,
    pub(super) auto_init: bool,
    pub(super) default_branch: Option<&'a str>,
}

fn seen_by(private: bool) -> &'static str {
    if private { "private" } else { "public" }
}

impl NewRepository<'_> {
    /// Nobody is shown more than was asked for.
    fn is_private(&self) -> bool {
        self.private.unwrap_or(true)
    }
}

impl Effect for NewRepository<'_> {
    type Object = Repository;

    fn kind(&self) -> &'static str {
        "repository"
    }

    fn key(&self) -> String {
        key(self.owner.name(), self.name)
    }

    async fn find(&self) -> Result<Option<Repository>> {
        self.client.repository(self.owner.name(), self.name).await
    }

    /// What is in it is its owner's: it may have been worked in since.
    async fn differences(&self, found: &Repository) -> Result<Vec<Difference>> {
        let private = self.private.and_then(|asked| {
            Difference::between("visibility", seen_by(found.private), seen_by(asked))
        });
        let branch = self
            .default_branch
            .and_then(|asked| Difference::between("defaultBranch", &found.default_branch, asked));
        let description = self
            .description
            .and_then(|asked| Difference::between("description", &found.description, asked));
        Ok([private, branch, description]
            .into_iter()
            .flatten()
            .collect())
    }

    fn remedy(&self) -> String {
        "Choose another repositoryName, change the repository in Gitea, or leave out what differs to use it as it is."
            .into()
    }

    async fn create(&self) -> Result<Repository> {
        let body = CreateRepository {
            name: self.name,
            description: self.description.unwrap_or_default(),
            private: self.is_private(),
            auto_init: self.auto_init,
            default_branch: self.default_branch,
        };
        let (made, about) = match self.owner {
            Owner::Account(account) => (
                self.client.create_personal_repository(account, &body).await,
                About {
                    account,
                    repository: self.name,
                    ..About::default()
                },
            ),
            Owner::Organization(organization) => (
                self.client
                    .create_organization_repository(organization, &body)
                    .await,
                About {
                    organization,
                    repository: self.name,
                    ..About::default()
                },
            ),
        };
        made.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) -> Repository {
        Repository {
            name: self.name.into(),
            private: self.is_private(),
            default_branch: self.default_branch.unwrap_or("main").into(),
            ..Repository::default()
        }
    }

    fn id(&self, repository: &Repository) -> String {
        repository.id.to_string()
    }
}

/// A repository that is to be gone.
pub(super) struct Deletion<'a> {
    pub(super) client: &'a Client,
    pub(super) owner: &'a str,
    pub(super) name: &'a str,
    pub(super) id: u64,
}

impl Effect for Deletion<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "deletion of repository"
    }

    fn key(&self) -> String {
        key(self.owner, self.name)
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.repository(self.owner, self.name).await?;
        let is_there = now.is_some_and(|now| now.id == self.id);
        Ok((!is_there).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let done = self.client.delete_repository(self.owner, self.name).await;
        done.map_err(|refused| refused.error)
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.id.to_string()
    }
}
