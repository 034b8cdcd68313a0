//! What Coder holds.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;
use uuid::Uuid;

pub(super) struct State {
    pub(super) organizations: Vec<Organization>,
    pub(super) users: Vec<User>,
    pub(super) tokens: Vec<Token>,
    pub(super) templates: Vec<Template>,
    pub(super) workspaces: Vec<Workspace>,
    /// How the next builds behave, before their templates are asked.
    pub(super) queued: VecDeque<BuildBehaviour>,
}

pub(super) struct Organization {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) is_default: bool,
}

#[derive(Clone)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) status: &'static str,
    pub(super) is_owner: bool,
    pub(super) login_type: String,
    /// Git providers that the user has linked.
    pub(super) linked: Vec<&'static str>,
    pub(super) organizations: Vec<Uuid>,
}

pub(super) struct Token {
    pub(super) text: &'static str,
    pub(super) user: Uuid,
    pub(super) expired: bool,
}

#[derive(Clone)]
pub(super) struct Template {
    pub(super) id: Uuid,
    pub(super) version: Uuid,
    pub(super) organization: Uuid,
    pub(super) name: &'static str,
    pub(super) display_name: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) presets: Vec<Preset>,
    pub(super) deprecated: Option<&'static str>,
    pub(super) external_auth: Vec<&'static str>,
    pub(super) importing: bool,
    pub(super) has_agent: bool,
    pub(super) behaviour: BuildBehaviour,
}

#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// None: required.
    pub(super) default: Option<&'static str>,
    pub(super) options: &'static [&'static str],
    pub(super) range: Option<(i64, i64)>,
    pub(super) regex: Option<&'static str>,
    pub(super) mutable: bool,
    pub(super) ephemeral: bool,
}

impl Default for Parameter {
    fn default() -> Self {
        Parameter {
            name: "",
            kind: "string",
            default: None,
            options: &[],
            range: None,
            regex: None,
            mutable: true,
            ephemeral: false,
        }
    }
}

impl Parameter {
    /// What is wrong with a value; the words are those of `coder/preview` and `codersdk/richparameters.go`.
    pub(super) fn complaint(&self, value: &str) -> Option<String> {
        if !self.options.is_empty() && !self.options.contains(&value) {
            return Some(format!(
                "Value must be a valid option; the value \"{value}\" must be defined as one of options"
            ));
        }
        match (self.kind, self.range, self.regex) {
            ("number", Some((least, most)), _) => match value.parse::<i64>() {
                Err(_) => Some(format!(
                    "Invalid parameter type; the value \"{value}\" is not a number"
                )),
                Ok(number) if !(least..=most).contains(&number) => Some(format!(
                    "Invalid parameter value; value {number} is not in the range {least} to {most}"
                )),
                Ok(_) => None,
            },
            ("bool", ..) if !matches!(value, "true" | "false") => Some(
                "Invalid parameter type; boolean value can be either \"true\" or \"false\"".into(),
            ),
            (kind, ..)
                if kind.starts_with("list")
                    && serde_json::from_str::<Vec<String>>(value).is_err() =>
            {
                Some("Invalid parameter type; value is not a list of strings".into())
            }
            // The only pattern of the seed is a prefix.
            (_, _, Some(regex)) if !value.starts_with(regex.trim_start_matches('^')) => Some(
                format!("Invalid parameter value; value does not match {regex}"),
            ),
            _ => None,
        }
    }
}

#[derive(Clone)]
pub(super) struct Preset {
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) parameters: Vec<(&'static str, &'static str)>,
    pub(super) default: bool,
}

pub(super) struct Workspace {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) owner: Uuid,
    pub(super) template: Uuid,
    pub(super) organization: Uuid,
    pub(super) created_at: Timestamp,
    pub(super) ttl_ms: Option<i64>,
    pub(super) autostart: Option<String>,
    pub(super) automatic_updates: String,
    pub(super) dormant: bool,
    pub(super) deleted: bool,
    /// Oldest first; there is always one.
    pub(super) builds: Vec<Build>,
}

impl Workspace {
    pub(super) fn latest(&self) -> &Build {
        &self.builds[self.builds.len() - 1]
    }
}

/// How a build goes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(tag = "behaviour", rename_all = "snake_case")]
pub enum BuildBehaviour {
    /// Well.
    #[default]
    Succeed,
    /// Terraform fails.
    Fail {
        /// What the job says.
        error: String,
    },
    /// The quota is spent.
    Quota,
    /// It runs until it is cancelled.
    Hang,
    /// No provisioner will ever take it.
    NoProvisioner,
    /// The agent's start script fails.
    AgentStartError,
    /// The agent never connects, and Coder says so in the end.
    AgentTimeout,
    /// The agent goes on connecting.
    AgentHang,
}

pub(super) struct Build {
    pub(super) id: Uuid,
    pub(super) job: Uuid,
    pub(super) agent: Uuid,
    pub(super) number: i64,
    pub(super) transition: &'static str,
    pub(super) initiator: Uuid,
    pub(super) version: Uuid,
    pub(super) preset: Option<Uuid>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) has_agent: bool,
    pub(super) behaviour: BuildBehaviour,
    pub(super) created_at: Timestamp,
    pub(super) started: Instant,
    pub(super) duration: Duration,
    pub(super) cancelled: Option<Instant>,
}

/// How far a build's job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Pending,
    Running,
    Succeeded,
    Canceling,
    Canceled,
    Failed,
}

impl Job {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Job::Pending => "pending",
            Job::Running => "running",
            Job::Succeeded => "succeeded",
            Job::Canceling => "canceling",
            Job::Canceled => "canceled",
            Job::Failed => "failed",
        }
    }

    pub(super) fn is_active(self) -> bool {
        matches!(self, Job::Pending | Job::Running | Job::Canceling)
    }
}

impl Build {
    /// How much of the build's time has passed at `now`, in parts of 1. Beyond 1 the agent connects.
    fn progress(&self, now: Instant) -> f64 {
        if self.duration.is_zero() {
            return f64::INFINITY;
        }
        now.saturating_duration_since(self.started).as_secs_f64() / self.duration.as_secs_f64()
    }

    pub(super) fn job(&self, now: Instant) -> Job {
        if let Some(cancelled) = self.cancelled {
            let took = now.saturating_duration_since(cancelled);
            return if took >= self.duration / 10 {
                Job::Canceled
            } else {
                Job::Canceling
            };
        }
        match (&self.behaviour, self.progress(now)) {
            (BuildBehaviour::NoProvisioner, _) => Job::Pending,
            (_, part) if part < 0.1 => Job::Pending,
            (BuildBehaviour::Hang, _) => Job::Running,
            (_, part) if part < 1.0 => Job::Running,
            (BuildBehaviour::Fail { .. } | BuildBehaviour::Quota, _) => Job::Failed,
            _ => Job::Succeeded,
        }
    }

    /// `latest_build.status`, from job and transition (codersdk/provisionerdaemons.go, ConvertWorkspaceStatus).
    pub(super) fn status(&self, now: Instant) -> &'static str {
        match (self.job(now), self.transition) {
            (Job::Pending, _) => "pending",
            (Job::Running, "start") => "starting",
            (Job::Running, "stop") => "stopping",
            (Job::Running, _) => "deleting",
            (Job::Succeeded, "start") => "running",
            (Job::Succeeded, "stop") => "stopped",
            (Job::Succeeded, _) => "deleted",
            (Job::Canceling, _) => "canceling",
            (Job::Canceled, _) => "canceled",
            (Job::Failed, _) => "failed",
        }
    }

    /// The agent's status and lifecycle state.
    pub(super) fn agent(&self, now: Instant) -> (&'static str, &'static str) {
        match (&self.behaviour, self.progress(now)) {
            (BuildBehaviour::AgentHang, _) => ("connecting", "created"),
            (BuildBehaviour::AgentTimeout, part) if part >= 1.5 => ("timeout", "created"),
            (BuildBehaviour::AgentTimeout, _) => ("connecting", "created"),
            (_, part) if part < 1.2 => ("connecting", "created"),
            (_, part) if part < 1.5 => ("connected", "starting"),
            (BuildBehaviour::AgentStartError, _) => ("connected", "start_error"),
            _ => ("connected", "ready"),
        }
    }

    /// The lines of Terraform's log that are there at `now`: stage, source, level, text.
    pub(super) fn logs(
        &self,
        now: Instant,
    ) -> Vec<(&'static str, &'static str, &'static str, String)> {
        let what = match self.transition {
            "start" => ("Starting workspace", "Creating"),
            "stop" => ("Stopping workspace", "Stopping"),
            _ => ("Deleting workspace", "Destroying"),
        };
        let script = [
            (
                0.1,
                "Setting up",
                "provisioner_daemon",
                "info",
                "Setting up".to_owned(),
            ),
            (
                0.2,
                "Detecting persistent resources",
                "provisioner",
                "info",
                "Terraform 1.13.4".to_owned(),
            ),
            (
                0.3,
                "Detecting persistent resources",
                "provisioner",
                "debug",
                "data.coder_workspace.me: Refreshing...".to_owned(),
            ),
            (
                0.4,
                what.0,
                "provisioner",
                "info",
                format!("coder_agent.main: {}...", what.1),
            ),
            (
                0.6,
                what.0,
                "provisioner",
                "info",
                format!("docker_container.workspace[0]: {}...", what.1),
            ),
            (
                0.9,
                what.0,
                "provisioner",
                "info",
                "Apply complete! Resources: 3 added, 0 changed, 0 destroyed.".to_owned(),
            ),
            (
                1.0,
                "Cleaning Up",
                "provisioner_daemon",
                "info",
                "Cleaning Up".to_owned(),
            ),
        ];
        if self.behaviour == BuildBehaviour::NoProvisioner {
            return Vec::new();
        }
        let part = match &self.behaviour {
            BuildBehaviour::Hang => self.progress(now).min(0.7),
            _ => self.progress(now),
        };
        let mut lines: Vec<_> = script
            .into_iter()
            .filter(|(at, ..)| part >= *at)
            .map(|(_, stage, source, level, text)| (stage, source, level, text))
            .collect();
        if let (BuildBehaviour::Fail { error }, Job::Failed) = (&self.behaviour, self.job(now)) {
            lines.retain(|(.., text)| !text.starts_with("Apply complete"));
            lines.push((what.0, "provisioner", "error", format!("Error: {error}")));
        }
        lines
    }

    pub(super) fn agent_logs(&self, now: Instant) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let (status, lifecycle) = self.agent(now);
        if status == "connected" {
            lines.push(("info", "Running the start script".to_owned()));
        }
        match lifecycle {
            "ready" => lines.push(("info", "code-server listens on port 13337".to_owned())),
            "start_error" => lines.push(("error", "npm ci: exit status 1".to_owned())),
            _ => {}
        }
        lines
    }
}
