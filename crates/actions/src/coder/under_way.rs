//! The build that a run waits for, and its end when the run is over before it.

use std::time::Duration;

use sidestage_action::{Code, Error, Result};

use super::{
    builds::Cancel,
    client::{Build, JobStatus},
    follow::Follow,
};

/// How long clearing up after a cancelled run may take.
const CLEANUP: Duration = Duration::from_secs(30);

/// How long it is waited for a build that is being cancelled. Terraform may need longer to end in order.
const CANCELING: Duration = Duration::from_secs(10);

/// The build that a run waits for.
pub(super) struct UnderWay {
    /// Whether this run, or one that it continues, has begun it. All runs call Coder as the same user.
    pub(super) made: bool,
    pub(super) build: Build,
}

/// What became of a build that should end.
enum Ended {
    Canceled,
    Canceling,
    Before,
    NotOurs,
}

impl UnderWay {
    /// Cancels the build of a run that is over, and says what is left.
    pub(super) async fn clear_up(self, follow: &Follow<'_>, over: Error) -> Error {
        let ctx = &follow.ctx.cleanup(CLEANUP);
        let Follow { owner, name, .. } = *follow;
        let (number, key) = (self.build.build_number, format!("{owner}/{name}"));
        let what = match self.end(&Follow { ctx, ..*follow }).await {
            Ok(Ended::Canceled) => format!("Its build {number} of {key} was cancelled in Coder."),
            Ok(Ended::Canceling) => format!("Coder is cancelling its build {number} of {key}."),
            Ok(Ended::Before) => format!("Build {number} of {key} had already ended."),
            Ok(Ended::NotOurs) => {
                format!(
                    "Build {number} of {key} was begun by somebody else, or by another run, and goes on."
                )
            }
            Err(error) => {
                let why = error.message().trim_end_matches('.');
                format!("Build {number} of {key} goes on, since it could not be cancelled ({why}).")
            }
        };
        let page = follow.dashboard.workspace(owner, name);
        let left = format!(
            "The workspace {key} remains: run the step again to continue, or delete it in Coder at {page}"
        );
        let how = match over.code() {
            Code::Cancelled => "The run was cancelled.",
            _ => "The run's time is up.",
        };
        Error::new(over.code(), format!("{how} {what} {left}"))
            .says_what_remains()
            .because(over)
    }

    async fn end(&self, follow: &Follow<'_>) -> Result<Ended> {
        let UnderWay { made, build } = self;
        let Follow {
            ctx,
            client,
            owner,
            name,
            ..
        } = *follow;
        let now = ctx.race(client.build(build.id)).await?;
        if now.job.status.is_final() {
            return Ok(Ended::Before);
        }
        if !made {
            return Ok(Ended::NotOurs);
        }
        let key = format!("{owner}/{name}/builds/{}", build.build_number);
        ctx.ensure(&Cancel {
            client,
            build: build.id,
            key,
        })
        .await?;
        let ctx = &ctx.within(CANCELING);
        match (Follow { ctx, ..*follow }).until_ended(build.id).await {
            Ok(ended) if ended.job.status == JobStatus::Canceled => Ok(Ended::Canceled),
            Ok(_) => Ok(Ended::Before),
            Err(_) => Ok(Ended::Canceling),
        }
    }
}
