//! How Twenty refuses: `{data, errors: [{message, extensions: {code, subCode, userFriendlyMessage}}]}`
//! (engine/core-modules/graphql/utils/graphql-errors.util.ts).

use serde_json::{Value, json};

/// A refusal.
#[derive(Debug)]
pub(super) struct Error {
    message: String,
    extensions: Value,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Error {
            message: message.into(),
            extensions: json!({ "code": code }),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Error::new("BAD_USER_INPUT", message)
    }

    /// The document does not fit the schema: nothing of it is done.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Error::new("GRAPHQL_VALIDATION_FAILED", message)
    }

    /// A value in `data` or `filter` that cannot be one.
    pub(super) fn args(message: impl Into<String>) -> Self {
        Error::bad(message).sub("INVALID_ARGS_DATA")
    }

    pub(super) fn unauthenticated(message: &str) -> Self {
        Error::new("UNAUTHENTICATED", message).sub("UNAUTHENTICATED")
    }

    pub(super) fn forbidden(sub_code: &str, message: &str) -> Self {
        Error::new("FORBIDDEN", message).sub(sub_code)
    }

    pub(super) fn not_found() -> Self {
        Error::new("NOT_FOUND", "Record not found").sub("RECORD_NOT_FOUND")
    }

    pub(super) fn limit_reached(limit: u32, window_ms: u64) -> Self {
        Error::bad(format!("Limit reached ({limit} tokens per {window_ms} ms)"))
            .sub("LIMIT_REACHED")
    }

    pub(super) fn internal(message: &str) -> Self {
        Error::new("INTERNAL_SERVER_ERROR", message)
    }

    pub(super) fn sub(self, sub_code: &str) -> Self {
        self.with("subCode", sub_code.into())
    }

    /// What the person at the screen is shown.
    pub(super) fn friendly(self, message: &str) -> Self {
        self.with("userFriendlyMessage", message.into())
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.extensions[name] = value;
        self
    }

    /// Whether the document itself is wrong, so that nothing of it is done.
    pub(super) fn is_of_document(&self) -> bool {
        self.extensions["code"] == "GRAPHQL_VALIDATION_FAILED"
    }

    pub(super) fn json(&self) -> Value {
        json!({ "message": self.message, "extensions": self.extensions })
    }

    /// The whole answer, when nothing was done at all.
    pub(super) fn alone(&self) -> Value {
        json!({ "errors": [self.json()] })
    }
}
