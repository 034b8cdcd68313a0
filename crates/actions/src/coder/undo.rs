//! Taking back what this provider's actions made. What people have used since is not deleted.

use sidestage_action::{Context, Error, Made, Result, Undone};
use uuid::Uuid;

use super::{
    client::Client,
    delete_workspace::delete,
    users::{MembershipEnd, SetStatus, Status, UserDeletion},
};

pub(super) async fn undo(ctx: &Context, client: &Client, made: &Made) -> Result<Undone> {
    match made.kind.as_str() {
        "workspace" => {
            let id = id(&made.id)?;
            let (owner, name) = made.key.split_once('/').unwrap_or((&made.key, ""));
            let found = ctx.race(client.workspace(owner, name)).await?;
            match found.filter(|workspace| workspace.id == id) {
                Some(workspace) if workspace.was_used() => Ok(Undone::Stays(format!(
                    "Somebody has worked in the workspace {} since, so it is left as it is. Delete it in Coder, or by \
                     coder:delete-workspace, when it is no longer needed.",
                    made.key
                ))),
                Some(workspace) => delete(ctx, client, &workspace).await.map(|()| Undone::Gone),
                None => Ok(Undone::Gone),
            }
        }
        "user" => {
            let Some(user) = ctx.race(client.user(&made.id)).await? else {
                return Ok(Undone::Gone);
            };
            // A new account is dormant until its person signs in.
            if user.status != "dormant" {
                let status = Status::Suspended;
                let user = &user;
                ctx.ensure(&SetStatus {
                    client,
                    user,
                    status,
                })
                .await?;
                return Ok(Undone::Stays(format!(
                    "{} has signed in to Coder since, so the account is not deleted: it is suspended. To use it again, \
                     run coder:create-user with reactivate.",
                    user.username
                )));
            }
            let deletion = UserDeletion {
                client,
                id: id(&made.id)?,
                username: &made.key,
            };
            ctx.ensure(&deletion).await?;
            Ok(Undone::Gone)
        }
        kind @ ("suspension of user" | "activation of user") => {
            let Some(user) = ctx.race(client.user(&made.id)).await? else {
                return Ok(Undone::Gone);
            };
            let status = match kind {
                "suspension of user" => Status::Active,
                _ => Status::Suspended,
            };
            ctx.ensure(&SetStatus {
                client,
                user: &user,
                status,
            })
            .await?;
            Ok(Undone::Gone)
        }
        "membership of organization" => {
            let (organization, user) = made.id.split_once('/').unwrap_or((&made.id, ""));
            let end = MembershipEnd {
                client,
                organization: id(organization)?,
                user: id(user)?,
                key: &made.key,
            };
            ctx.ensure(&end).await?;
            Ok(Undone::Gone)
        }
        "deletion of workspace" => Ok(Undone::Stays(
            "What was deleted cannot be brought back; a new workspace of that name can be made."
                .into(),
        )),
        "build" | "cancellation of build" => Ok(Undone::Stays(
            "A build that has begun cannot be taken back; stop or update the workspace in Coder."
                .into(),
        )),
        kind => Err(Error::internal(format!("no way is known to undo a {kind}"))),
    }
}

fn id(text: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|error| Error::internal(format!("the journal's id of a thing in Coder: {error}")))
}
