//! `coder:delete-workspace`

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{
    Action, Attributes, Code, Context, Description, Effect, Error, Example, Result,
};

use super::{
    client::{Build, Client, JobStatus, Transition, Workspace},
    create_workspace::timeout,
    follow::Follow,
    under_way::UnderWay,
    users::find_leaver,
};

/// How long a deletion may take.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Which workspace it is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// Whose workspace it is: the user's name in Coder, its id, or its e-mail address.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    user: String,
    /// The user's e-mail address. Where it is given, the user must have it: nothing is done to somebody else of that name.
    #[schemars(length(min = 3), extend("examples" = ["grace@example.com"]))]
    email: Option<String>,
    /// The workspace's name.
    #[schemars(length(min = 1), extend("examples" = ["old-project"]))]
    workspace_name: String,
    /// How long the step may take, such as `20m`. Default: 30m.
    #[schemars(length(min = 1), extend("examples" = ["20m"]))]
    timeout: Option<String>,
}

/// What became of the workspace.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Its id in Coder; empty where there was none.
    #[schemars(extend("examples" = ["8a0cfd4e-6a3c-4f0b-9a52-2f1f3a1c9b7d"]))]
    workspace_id: String,
    /// Its name.
    #[schemars(extend("examples" = ["old-project"]))]
    workspace_name: String,
    /// Its owner's name in Coder.
    #[schemars(extend("examples" = ["grace"]))]
    owner_name: String,
    /// Whether it was there and is gone now. False: there was none.
    #[schemars(extend("examples" = [true]))]
    deleted: bool,
}

pub(super) struct DeleteWorkspace;

impl Action for DeleteWorkspace {
    const NAME: &'static str = "delete-workspace";

    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Delete a Coder workspace",
            description: "Deletes a workspace in [Coder](https://coder.com) with all that is in it, and waits until it is \
                          gone; Coder's build log is shown in the step's log. It cannot be undone. Where there is no \
                          such workspace, nothing is done, and the step says so.",
            attributes: Attributes::REMOVES,
            examples: vec![Example {
                description: "A workspace that is no longer needed",
                input: json!({ "user": "grace", "workspaceName": "old-project" }),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let limit = timeout(input.timeout.as_deref())?;
        let ctx = &ctx.within(limit.unwrap_or(TIMEOUT));
        let none = |owner: String| Output {
            workspace_id: String::new(),
            workspace_name: input.workspace_name.clone(),
            owner_name: owner,
            deleted: false,
        };
        let Some(owner) = ctx
            .race(find_leaver(client, &input.user, input.email.as_deref()))
            .await?
        else {
            ctx.warn(format!(
                "Coder has no user {}, or the credential of this connection may not see it: nothing to delete",
                input.user
            ));
            return Ok(none(input.user));
        };
        let found = ctx
            .race(client.workspace(&owner.username, &input.workspace_name))
            .await?;
        let Some(workspace) = found else {
            let gone = Gone {
                owner: &owner.username,
                name: &input.workspace_name,
            };
            // An attempt that was interrupted may have deleted it; then it counts as done by this run.
            let deleted = ctx.ensure(&gone).await?.created();
            if !deleted {
                ctx.info(format!(
                    "there is no workspace {}: nothing to delete",
                    gone.key()
                ));
            }
            return Ok(Output {
                deleted,
                ..none(owner.username)
            });
        };
        let boundary = client.boundary();
        boundary.check("workspaceName", &workspace.organization_name)?;
        delete(ctx, client, &workspace).await?;
        Ok(Output {
            workspace_id: workspace.id.to_string(),
            workspace_name: workspace.name,
            owner_name: workspace.owner_name,
            deleted: true,
        })
    }
}

/// Deletes a workspace and waits until it is gone.
pub(super) async fn delete(ctx: &Context, client: &Client, workspace: &Workspace) -> Result<()> {
    let deployment = ctx.race(client.deployment()).await?;
    let follow = Follow {
        ctx,
        client,
        dashboard: &deployment.dashboard,
        owner: &workspace.owner_name,
        name: &workspace.name,
    };
    let latest = &workspace.latest_build;
    if latest.transition != Transition::Delete && !latest.job.status.is_final() {
        if ctx.is_dry_run() {
            ctx.info("dry run: its present build would have to end first");
        } else {
            ctx.info("waiting until its present build has ended");
            follow.until_ended(latest.id).await?;
        }
    }
    let deletion = Deletion { client, workspace };
    let ensured = ctx.ensure(&deletion).await?;
    let made = ensured.created();
    if ctx.is_dry_run() {
        return Ok(());
    }
    let Some(build) = ensured.object else {
        return Ok(());
    };
    let id = build.id;
    match follow.until_built(id).await {
        Err(error) if matches!(error.code(), Code::Cancelled | Code::DeadlineExceeded) => {
            Err(UnderWay { made, build }.clear_up(&follow, error).await)
        }
        result => result,
    }
}

/// A workspace that is not there, and was perhaps deleted by an attempt that this run continues.
struct Gone<'a> {
    owner: &'a str,
    name: &'a str,
}

impl Effect for Gone<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        DELETION
    }

    fn key(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok(Some(()))
    }

    async fn create(&self) -> Result<()> {
        Err(Error::internal("what is gone is not deleted"))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.key()
    }
}

const DELETION: &str = "deletion of workspace";

/// The deletion of a workspace: a build that takes away what the others made.
pub(super) struct Deletion<'a> {
    pub(super) client: &'a Client,
    pub(super) workspace: &'a Workspace,
}

impl Effect for Deletion<'_> {
    /// None: it is gone.
    type Object = Option<Build>;

    fn kind(&self) -> &'static str {
        DELETION
    }

    fn key(&self) -> String {
        format!("{}/{}", self.workspace.owner_name, self.workspace.name)
    }

    async fn find(&self) -> Result<Option<Option<Build>>> {
        let Workspace {
            id,
            owner_name,
            name,
            ..
        } = self.workspace;
        let now = self.client.workspace(owner_name, name).await?;
        // Somebody may have made another one of that name since.
        let Some(now) = now.filter(|now| now.id == *id) else {
            return Ok(Some(None));
        };
        let build = now.latest_build;
        let is_ending = build.transition == Transition::Delete
            && !matches!(build.job.status, JobStatus::Failed | JobStatus::Canceled);
        Ok(is_ending.then_some(Some(build)))
    }

    async fn create(&self) -> Result<Option<Build>> {
        self.client
            .delete_workspace(self.workspace.id)
            .await
            .map(Some)
    }

    fn preview(&self) -> Option<Build> {
        None
    }

    /// The workspace's own id goes with it.
    fn id(&self, _: &Option<Build>) -> String {
        self.key()
    }
}
