//! What a run says, as its followers read it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidestage_action::{Code, Error, FieldError, Level};
use sidestage_redact::Redactor;

/// One thing that a run said. `id` grows by one from 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 4] = [
        Status::Running,
        Status::Succeeded,
        Status::Failed,
        Status::Cancelled,
    ];

    /// The name as it stands in JSON and in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let status = Status::ALL
            .into_iter()
            .find(|status| status.as_str() == text);
        status.ok_or_else(|| {
            let known = Status::ALL.map(Status::as_str).join(", ");
            Error::invalid("status", format!("A run's status is one of {known}."))
        })
    }
}

/// Why a run did not succeed: the public half of an [`Error`], scrubbed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl Failure {
    /// The same without known secrets.
    pub(crate) fn scrubbed(mut self, redactor: &Redactor) -> Self {
        self.message = redactor.scrub(&self.message).into_owned();
        for field in &mut self.fields {
            field.detail = redactor.scrub(&field.detail).into_owned();
        }
        self
    }
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
