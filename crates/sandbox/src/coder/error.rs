//! How Coder refuses: `{message, detail, validations}` (codersdk/client.go, Response).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    body: Value,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Error {
            status,
            body: json!({ "message": message.into() }),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Error::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.body["detail"] = detail.into().into();
        self
    }

    pub(super) fn field(mut self, field: &str, detail: impl Into<String>) -> Self {
        let validation = json!({ "field": field, "detail": detail.into() });
        match self.body["validations"].as_array_mut() {
            Some(validations) => validations.push(validation),
            None => self.body["validations"] = json!([validation]),
        }
        self
    }

    /// Missing, or not to be seen (coderd/httpapi/httpapi.go).
    pub(super) fn not_found() -> Self {
        Error::new(
            StatusCode::NOT_FOUND,
            "Resource not found or you do not have access to this resource",
        )
    }

    /// The message is always the same, the reason is in the detail (coderd/httpmw/apikey.go).
    pub(super) fn signed_out(detail: impl Into<String>) -> Self {
        let message =
            "You are signed out or your session has expired. Please sign in again to continue.";
        Error::new(StatusCode::UNAUTHORIZED, message).detail(detail)
    }

    /// The body could not be decoded; `detail` is the decoder's text.
    pub(super) fn not_json(detail: impl Into<String>) -> Self {
        Error::bad("Request body must be valid JSON.").detail(detail)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
