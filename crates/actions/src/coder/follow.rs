//! Waiting for a workspace: its build, then its agents. What Coder logs goes into the step's log.

use std::{collections::BTreeMap, time::Duration};

use sidestage_action::{Code, Context, Error, Level, Result};
use uuid::Uuid;

use super::client::{Agent, Build, Client, Dashboard, JobStatus, Transition, Workspace};

/// Follows one workspace.
#[derive(Clone, Copy)]
pub(super) struct Follow<'a> {
    pub(super) ctx: &'a Context,
    pub(super) client: &'a Client,
    pub(super) dashboard: &'a Dashboard,
    pub(super) owner: &'a str,
    pub(super) name: &'a str,
}

/// How many times in a row a wait may find Coder unwell before it gives up, each after the client's own retries.
const PATIENCE: u32 = 10;

impl Follow<'_> {
    /// Waits until a build has succeeded; shows its log.
    pub(super) async fn until_built(&self, build: Uuid) -> Result<()> {
        let mut log = BuildLog::default();
        let build = self.watch(build, Some(&mut log)).await?;
        match build.job.status {
            JobStatus::Succeeded => {
                let resources = match build.transition {
                    Transition::Delete => "gone",
                    _ => "there",
                };
                self.ctx.info(format!(
                    "build {} has succeeded: the workspace's resources are {resources}",
                    build.build_number
                ));
                Ok(())
            }
            JobStatus::Canceled => Err(self.failed(&build, "was cancelled in Coder")),
            _ => Err(self.failed(&build, "failed")),
        }
    }

    /// Waits until a build has ended, whatever its end.
    pub(super) async fn until_ended(&self, build: Uuid) -> Result<Build> {
        self.watch(build, None).await
    }

    async fn watch(&self, build: Uuid, mut log: Option<&mut BuildLog>) -> Result<Build> {
        let Follow { ctx, client, .. } = *self;
        let mut pace = Pace::new(client.poll());
        let mut said = Once::default();
        loop {
            // The log is read after the state, so that the last lines of a build that has ended are in it.
            let build = self.look(|| client.build(build)).await?;
            if let Some(log) = &mut log {
                let after = log.after;
                for line in self.look(|| client.build_logs(build.id, after)).await? {
                    log.write(ctx, line);
                }
            }
            match build.job.status {
                JobStatus::Pending => self.say_pending(&build, &mut said)?,
                JobStatus::Running => {
                    said.progress(ctx, format!("Coder works on build {}", build.build_number))
                }
                JobStatus::Canceling => {
                    said.progress(ctx, format!("Coder cancels build {}", build.build_number))
                }
                _ => {}
            }
            if build.job.status.is_final() {
                return Ok(build);
            }
            ctx.pause(pace.next()).await?;
        }
    }

    /// Waits until every agent is final, so that a person can connect. Returns the workspace, and the
    /// worst state of its agents in Coder's word. `show_logs`: also those of agents that are final already.
    pub(super) async fn until_ready(
        &self,
        build: Uuid,
        show_logs: bool,
    ) -> Result<(Workspace, String)> {
        let Follow { ctx, client, .. } = *self;
        let mut pace = Pace::new(client.poll());
        let mut after: BTreeMap<Uuid, i64> = BTreeMap::new();
        let mut said = Once::default();
        let mut show_logs = show_logs;
        loop {
            let workspace = self.reload().await?;
            let latest = &workspace.latest_build;
            if latest.id != build {
                return Err(self.replaced(latest));
            }
            let mut worst = "ready";
            let mut waiting = Vec::new();
            for agent in latest.agents() {
                let readiness = self.readiness(agent);
                show_logs |= matches!(readiness, Ok(Readiness::Waiting(_)));
                if show_logs {
                    let seen = after.entry(agent.id).or_default();
                    let since = *seen;
                    for line in self.look(|| client.agent_logs(agent.id, since)).await? {
                        *seen = line.id.max(*seen);
                        write(ctx, &line.level, &line.output);
                    }
                }
                match readiness? {
                    Readiness::Ready => {}
                    Readiness::Degraded(state, warning) => {
                        worst = state;
                        said.warn(ctx, &agent.name, warning);
                    }
                    Readiness::Waiting(doing) => {
                        waiting.push(format!("the agent {} {doing}", agent.name))
                    }
                }
            }
            if waiting.is_empty() {
                if worst == "ready" {
                    ctx.info("the workspace is ready: you can connect");
                }
                let worst = worst.to_owned();
                return Ok((workspace, worst));
            }
            said.progress(ctx, waiting.join("; "));
            ctx.pause(pace.next()).await?;
        }
    }

    /// Looks, and looks again for a while where Coder is not well: that does not end what is waited for.
    async fn look<T, F>(&self, look: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let Follow { ctx, client, .. } = *self;
        for _ in 1..PATIENCE {
            match ctx.race(look()).await {
                Err(error)
                    if matches!(error.code(), Code::UpstreamUnavailable | Code::RateLimited) =>
                {
                    ctx.warn("Coder is not well right now; the wait goes on");
                    ctx.pause(error.wait().unwrap_or(client.poll())).await?;
                }
                result => return result,
            }
        }
        ctx.race(look()).await
    }

    /// The workspace as it is now.
    pub(super) async fn reload(&self) -> Result<Workspace> {
        let found = self
            .look(|| self.client.workspace(self.owner, self.name))
            .await?;
        found.ok_or_else(|| {
            Error::conflict(format!(
                "The workspace {}/{} was deleted by somebody else meanwhile. Run the step again to make it anew.",
                self.owner, self.name
            ))
        })
    }

    /// A build that waits for a provisioner. One for which there is none would wait for ever.
    fn say_pending(&self, build: &Build, said: &mut Once) -> Result<()> {
        let Follow {
            ctx, owner, name, ..
        } = *self;
        match build.matched_provisioners {
            Some(matched) if matched.count == 0 => {
                return Err(Error::new(
                    Code::UpstreamRejected,
                    format!(
                        "No provisioner of Coder will pick up the build of {owner}/{name}: none has the tags that the \
                         template asks for. A Coder administrator has to start one, or to change the template's tags; \
                         the build then begins by itself. See {}",
                        self.dashboard.build(owner, name, build.build_number)
                    ),
                )
                .says_what_remains());
            }
            Some(matched) if matched.available == 0 => {
                said.warn(
                    ctx,
                    "",
                    "no provisioner of Coder is connected right now; the build waits for one"
                        .into(),
                );
            }
            _ => {}
        }
        let queue = match (build.job.queue_position, build.job.queue_size) {
            (position, size) if position > 0 => format!(", {position} of {size} in the queue"),
            _ => String::new(),
        };
        said.progress(
            ctx,
            format!(
                "build {} waits for a provisioner{queue}",
                build.build_number
            ),
        );
        Ok(())
    }

    fn failed(&self, build: &Build, how: &str) -> Error {
        let Follow { owner, name, .. } = *self;
        let log = self.dashboard.build(owner, name, build.build_number);
        let why = match build.job.error.trim().trim_end_matches('.') {
            "" => String::new(),
            why => format!(": {why}"),
        };
        let sentence = match &*build.job.error_code {
            "INSUFFICIENT_QUOTA" => format!(
                "The quota of {owner} in Coder is spent, so {owner}/{name} was not built. Delete a workspace that is \
                 no longer needed (a stopped one may cost less), or ask a Coder administrator for more; then run the \
                 step again. See {log}"
            ),
            "REQUIRED_TEMPLATE_VARIABLES" => format!(
                "The template lacks values of its own variables, so {owner}/{name} was not built{why}. A Coder \
                 administrator has to set them; then run the step again. See {log}"
            ),
            _ => {
                let (state, again) = match build.transition {
                    Transition::Delete => ("perhaps in parts", "goes on deleting it"),
                    _ => ("not built", "builds it anew"),
                };
                format!(
                    "Build {} of {owner}/{name} {how}{why}. The workspace remains, {state}: running the step again \
                     {again}. Coder's log: {log}",
                    build.build_number
                )
            }
        };
        Error::new(Code::UpstreamRejected, sentence).says_what_remains()
    }

    fn replaced(&self, latest: &Build) -> Error {
        let Follow { owner, name, .. } = *self;
        let Build {
            build_number,
            transition,
            ..
        } = latest;
        let what = format!("{transition:?}").to_lowercase();
        Error::conflict(format!(
            "Somebody else has begun build {build_number} ({what}) of {owner}/{name} while this step waited. Run the \
             step again once it has ended. See {}",
            self.dashboard.build(owner, name, *build_number)
        ))
    }

    fn readiness(&self, agent: &Agent) -> Result<Readiness> {
        let Follow { owner, name, .. } = *self;
        let page = self.dashboard.workspace(owner, name);
        Ok(match (&*agent.status, &*agent.lifecycle_state) {
            (_, "start_error") => Readiness::Degraded(
                "start_error",
                format!(
                    "a start script of the agent {} failed: you can connect, but something may be missing. See {page}",
                    agent.name
                ),
            ),
            (_, "start_timeout") => Readiness::Degraded(
                "start_timeout",
                format!(
                    "a start script of the agent {} takes too long: you can connect, but something may be missing. See {page}",
                    agent.name
                ),
            ),
            ("connected", "ready") => Readiness::Ready,
            (_, "shutting_down" | "shutdown_timeout" | "shutdown_error" | "off") => {
                return Err(Error::conflict(format!(
                    "The workspace {owner}/{name} was stopped while this step waited for it. Run the step again to start it."
                )));
            }
            ("timeout", _) => {
                let see = if agent.troubleshooting_url.is_empty() {
                    &page
                } else {
                    &agent.troubleshooting_url
                };
                return Err(Error::new(
                    Code::UpstreamUnavailable,
                    format!(
                        "The agent {} of {owner}/{name} did not connect within {} s, so nobody can connect to the \
                         workspace, although it is built. Its machine may be slow or may not reach Coder. See {see}",
                        agent.name, agent.connection_timeout_seconds
                    ),
                )
                .says_what_remains());
            }
            ("disconnected", _) => Readiness::Waiting("has lost its connection".into()),
            ("connected", "starting") => {
                Readiness::Waiting("is connected and runs its start scripts".into())
            }
            ("connected", _) => Readiness::Waiting("is connected and starts".into()),
            _ => Readiness::Waiting("is not connected yet".into()),
        })
    }
}

enum Readiness {
    Ready,
    /// Final, but not well: Coder's word, and a warning.
    Degraded(&'static str, String),
    Waiting(String),
}

/// Says a thing once, and again only when it has changed.
#[derive(Default)]
struct Once {
    progress: String,
    warnings: BTreeMap<String, String>,
}

impl Once {
    fn progress(&mut self, ctx: &Context, doing: String) {
        if self.progress != doing {
            ctx.progress(&doing, None);
            self.progress = doing;
        }
    }

    fn warn(&mut self, ctx: &Context, about: &str, warning: String) {
        if self.warnings.get(about) != Some(&warning) {
            ctx.warn(&warning);
            self.warnings.insert(about.to_owned(), warning);
        }
    }
}

#[derive(Default)]
struct BuildLog {
    after: i64,
    stage: String,
}

impl BuildLog {
    fn write(&mut self, ctx: &Context, line: super::client::BuildLog) {
        self.after = line.id.max(self.after);
        if !line.stage.is_empty() && line.stage != self.stage {
            ctx.info(format!("Coder: {}", line.stage));
            self.stage = line.stage;
            // A stage may announce itself, too.
            if line.output.trim() == self.stage {
                return;
            }
        }
        write(ctx, &line.log_level, &line.output);
    }
}

fn write(ctx: &Context, level: &str, line: &str) {
    let line = line.trim_end();
    if line.is_empty() {
        return;
    }
    let level = match level {
        "trace" | "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    ctx.log(level, line);
}

/// How often a wait looks: quickly at first, then at the connection's pace.
struct Pace {
    next: Duration,
    slowest: Duration,
}

impl Pace {
    fn new(slowest: Duration) -> Self {
        Pace {
            next: slowest / 10,
            slowest,
        }
    }

    fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 3 / 2).min(self.slowest);
        now
    }
}
