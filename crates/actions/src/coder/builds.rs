//! Changes to a workspace's builds: starting one, cancelling one.

use sidestage_action::{Code, Effect, Error, Result};
use uuid::Uuid;

use super::client::{Build, Client, JobStatus, Transition, Workspace};

/// A new start of a workspace that is not running.
pub(super) struct Start<'a> {
    pub(super) client: &'a Client,
    /// The workspace as it was seen, with the build that has ended.
    pub(super) workspace: &'a Workspace,
    /// Another version than the one that it has.
    pub(super) version: Option<Uuid>,
}

impl Effect for Start<'_> {
    type Object = Build;

    fn kind(&self) -> &'static str {
        START
    }

    fn key(&self) -> String {
        start_key(self.workspace, self.workspace.latest_build.build_number + 1)
    }

    async fn find(&self) -> Result<Option<Build>> {
        let Workspace {
            owner_name,
            name,
            latest_build: ended,
            ..
        } = self.workspace;
        let now = self
            .client
            .workspace(owner_name, name)
            .await?
            .map(|workspace| workspace.latest_build);
        Ok(now.filter(|build| {
            build.build_number > ended.build_number && build.transition == Transition::Start
        }))
    }

    async fn create(&self) -> Result<Build> {
        self.client.start(self.workspace.id, self.version).await
    }

    fn preview(&self) -> Build {
        Build {
            build_number: self.workspace.latest_build.build_number + 1,
            ..Build::preview()
        }
    }

    fn id(&self, build: &Build) -> String {
        build.id.to_string()
    }
}

/// A build that is there, and was perhaps begun by an attempt that this run continues.
pub(super) struct Begun<'a> {
    pub(super) workspace: &'a Workspace,
}

impl Effect for Begun<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        START
    }

    fn key(&self) -> String {
        start_key(self.workspace, self.workspace.latest_build.build_number)
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok(Some(()))
    }

    async fn create(&self) -> Result<()> {
        Err(Error::internal("what is there is not begun"))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.workspace.latest_build.id.to_string()
    }
}

const START: &str = "build";

/// Coder numbers the builds of a workspace, so the next one has a name before it is made.
fn start_key(workspace: &Workspace, number: i64) -> String {
    let Workspace {
        owner_name, name, ..
    } = workspace;
    format!("{owner_name}/{name}/builds/{number}")
}

/// The end of a build that is no longer wanted.
pub(super) struct Cancel<'a> {
    pub(super) client: &'a Client,
    pub(super) build: Uuid,
    /// For people: `ada/dev/builds/1`.
    pub(super) key: String,
}

impl Effect for Cancel<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "cancellation of build"
    }

    fn key(&self) -> String {
        self.key.clone()
    }

    async fn find(&self) -> Result<Option<()>> {
        let status = self.client.build(self.build).await?.job.status;
        Ok((status.is_final() || status == JobStatus::Canceling).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        // Coder cancels only what is in the state that it is told. One that waits it cancels for everybody, one
        // that has begun only where the template allows it.
        match self.client.cancel(self.build, "pending").await {
            Err(error) if error.code() == Code::Conflict => {
                self.client.cancel(self.build, "running").await
            }
            result => result,
        }
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.build.to_string()
    }
}
