//! What a run says, as its followers read it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidestage_action::{Code, Error, FieldError, Level};

/// One thing that a run said. `id` grows by one from 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Position in the run.
    pub id: u64,
    /// When it was said.
    pub time: Timestamp,
    /// What was said.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A line in the step's log.
    Log {
        /// How loud.
        level: Level,
        /// The line.
        message: String,
    },
    /// What the run is doing now.
    Progress {
        /// In words.
        message: String,
        /// How much is done, 0 to 100.
        #[serde(skip_serializing_if = "Option::is_none")]
        percent: Option<u8>,
    },
    /// The output; comes once, before a successful end.
    Output {
        /// By the action's output schema.
        output: Value,
    },
    /// The last event.
    End {
        /// How it ended.
        status: Status,
        /// Why, when it did not succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
}

impl EventKind {
    /// The name of the server-sent event.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Log { .. } => "log",
            EventKind::Progress { .. } => "progress",
            EventKind::Output { .. } => "output",
            EventKind::End { .. } => "end",
        }
    }
}

/// The time, as precisely as people read it.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now)
}

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// Why a run did not succeed: the public half of an [`Error`], scrubbed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The class.
    pub code: Code,
    /// The sentence.
    pub message: String,
    /// The input's fields at fault.
    pub fields: Vec<FieldError>,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// How long to wait.
    pub retry_after: Option<Duration>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Failure {
            code: error.code(),
            message: error.message().into(),
            fields: error.fields().to_vec(),
            retryable: error.is_retryable(),
            retry_after: error.wait(),
        }
    }
}
