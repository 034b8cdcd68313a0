//! The error taxonomy. Every failure of an action is one of [`Code`]'s classes, carries a sentence a
//! person can act on, and keeps its private cause to itself.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// The result of anything an action does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The class of a failure. The names are part of the API: they are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The input is wrong.
    InvalidInput,
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// The caller, or the connection's credential, may not do this.
    Forbidden,
    /// What the input names does not exist, or cannot be seen.
    NotFound,
    /// Something with that name exists and is not what was asked for.
    Conflict,
    /// An idempotency key was used again with another input.
    IdempotencyMismatch,
    /// Too many requests.
    RateLimited,
    /// The run was cancelled.
    Cancelled,
    /// A fault of Sidestage's own.
    Internal,
    /// The service refused in a way that the input cannot mend.
    UpstreamRejected,
    /// The service cannot be reached, or is not well.
    UpstreamUnavailable,
    /// The run goes on; the same request joins it.
    StillRunning,
    /// The run's time is up.
    DeadlineExceeded,
    /// A change was sent, its answer was lost, and looking did not settle it.
    OutcomeUnknown,
}

impl Code {
    /// Every class, for tables and tests.
    pub const ALL: [Code; 14] = [
        Code::InvalidInput,
        Code::Unauthenticated,
        Code::Forbidden,
        Code::NotFound,
        Code::Conflict,
        Code::IdempotencyMismatch,
        Code::RateLimited,
        Code::Cancelled,
        Code::Internal,
        Code::UpstreamRejected,
        Code::UpstreamUnavailable,
        Code::StillRunning,
        Code::DeadlineExceeded,
        Code::OutcomeUnknown,
    ];

    /// The name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidInput => "invalid_input",
            Code::Unauthenticated => "unauthenticated",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::Conflict => "conflict",
            Code::IdempotencyMismatch => "idempotency_mismatch",
            Code::RateLimited => "rate_limited",
            Code::Cancelled => "cancelled",
            Code::Internal => "internal",
            Code::UpstreamRejected => "upstream_rejected",
            Code::UpstreamUnavailable => "upstream_unavailable",
            Code::StillRunning => "still_running",
            Code::DeadlineExceeded => "deadline_exceeded",
            Code::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// Whether the same request can succeed later without anyone changing anything.
    fn retryable(self) -> bool {
        matches!(
            self,
            Code::RateLimited
                | Code::UpstreamUnavailable
                | Code::StillRunning
                | Code::DeadlineExceeded
                | Code::OutcomeUnknown
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One field of an input that is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FieldError {
    /// JSON pointer into the input; `""` is the input itself.
    pub field: String,
    /// What is wrong there and what was expected. Never the offending value.
    pub detail: String,
}

/// A failure of an action.
///
/// `Display` is the message for people. The cause is for the service's own log only: it is reached by
/// [`std::error::Error::source`] and leaves by no door.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    message: String,
    fields: Vec<FieldError>,
    retryable: bool,
    retry_after: Option<Duration>,
    may_have_changed: bool,
    says_what_remains: bool,
    cause: Option<Cause>,
}

impl Error {
    /// An error of a class, with a sentence that says what was wrong, where, and what to do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            fields: Vec::new(),
            retryable: code.retryable(),
            retry_after: None,
            may_have_changed: false,
            says_what_remains: false,
            cause: None,
        }))
    }

    /// [`Code::InvalidInput`] at one field, given by its name (`workspaceName`) or JSON pointer.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let field = if field.is_empty() || field.starts_with('/') {
            field.to_owned()
        } else {
            format!("/{field}")
        };
        Error::new(Code::InvalidInput, message.clone()).with_fields(vec![FieldError {
            field,
            detail: message,
        }])
    }

    /// [`Code::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Error::new(Code::NotFound, message)
    }

    /// [`Code::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Error::new(Code::Conflict, message)
    }

    /// [`Code::Forbidden`].
    pub fn forbidden(message: impl Into<String>) -> Self {
        Error::new(Code::Forbidden, message)
    }

    /// [`Code::Internal`]: the cause is logged, the person reads only that it is our fault.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Error::new(
            Code::Internal,
            "Sidestage failed by a fault of its own. Its log has the cause under the id of this request or run; \
             running the step again is safe.",
        )
        .because(cause)
    }

    /// Adds the private cause.
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Names the fields at fault.
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.0.fields = fields;
        self
    }

    /// Says when to try again.
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        if wait.is_some() {
            self.0.retry_after = wait;
            self.0.retryable = true;
        }
        self
    }

    /// Marks that the change may have been made although its answer says otherwise or was lost:
    /// [`Context::ensure`](crate::Context::ensure) then looks before anything else is done.
    pub fn maybe_changed(mut self, may_have_changed: bool) -> Self {
        self.0.may_have_changed = may_have_changed;
        self
    }

    /// Marks that the sentence says by itself what the run has made and leaves behind.
    pub fn says_what_remains(mut self) -> Self {
        self.0.says_what_remains = true;
        self
    }

    /// Adds what the run has made before it failed, unless the sentence says so already.
    pub fn with_what_remains(mut self, made: &[String]) -> Self {
        if !made.is_empty() && !self.0.says_what_remains {
            let made = made.join(", ");
            let sentence = self.0.message.trim_end();
            self.0.message = format!(
                "{sentence} What this run had made remains: {made}. Running the step again continues from there."
            );
        }
        self
    }

    /// The class.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The fields at fault, if the input is.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// Whether the same request can succeed later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// How long to wait before trying again, where the service said so.
    pub fn wait(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether a change may have been made.
    pub fn may_have_changed(&self) -> bool {
        self.0.may_have_changed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}
