//! How Gitea refuses: `{message, url}`, where the url is that of its API's description
//! (services/context/api.go, APIError).

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

pub(super) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Error {
            status,
            body: json!({
                "message": message.into(),
                "url": "http://localhost:3000/api/swagger",
            }),
        }
    }

    /// What has to do with the caller's account has a message only (routers/api/v1/api.go, verifyAuthWithOptions).
    pub(super) fn account(message: &str) -> Self {
        Error {
            status: StatusCode::FORBIDDEN,
            body: json!({ "message": message }),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Error::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Error::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found() -> Self {
        Error::new(StatusCode::NOT_FOUND, "not found")
    }

    /// Where a user stands in the path (services/context/user.go).
    pub(super) fn no_user(name: &str) -> Self {
        Error::new(
            StatusCode::NOT_FOUND,
            format!("user does not exist [uid: 0, name: {name}]"),
        )
    }

    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Error::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// A field of a body that breaks its rule; only the first one is named.
    pub(super) fn field(name: &str, rule: &str) -> Self {
        Error::unprocessable(format!("[{name}]: {rule}"))
    }

    /// Site administrators are told what went wrong; others are told nothing.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Error::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn body(&self) -> &Value {
        &self.body
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
