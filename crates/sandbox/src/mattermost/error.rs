//! How Mattermost refuses: `{id, message, detailed_error, request_id, status_code}`
//! (server/public/model/utils.go, AppError). The detail is blank unless the server is a developer's.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::state::new_id;

/// A refusal.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    body: Value,
}

pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn new(status: StatusCode, id: &str, message: impl Into<String>) -> Self {
        Error {
            status,
            body: json!({
                "id": id,
                "message": message.into(),
                "detailed_error": "",
                "request_id": new_id(),
                "status_code": status.as_u16(),
            }),
        }
    }

    pub(super) fn bad(id: &str, message: impl Into<String>) -> Self {
        Error::new(StatusCode::BAD_REQUEST, id, message)
    }

    pub(super) fn missing(id: &str, message: impl Into<String>) -> Self {
        Error::new(StatusCode::NOT_FOUND, id, message)
    }

    pub(super) fn forbidden(id: &str, message: impl Into<String>) -> Self {
        Error::new(StatusCode::FORBIDDEN, id, message)
    }

    /// No session: a wrong token, one that has expired, or one whose owner is deactivated.
    pub(super) fn no_session() -> Self {
        Error::new(
            StatusCode::UNAUTHORIZED,
            "api.context.session_expired.app_error",
            "Invalid or expired session, please login again.",
        )
    }

    /// A right is missing; which one stands in the detail, which is blank.
    pub(super) fn permissions() -> Self {
        Error::forbidden(
            "api.context.permissions.app_error",
            "You do not have the appropriate permissions.",
        )
    }

    pub(super) fn no_route() -> Self {
        Error::missing(
            "api.context.404.app_error",
            "Sorry, we could not find the page.",
        )
    }

    pub(super) fn url_param(name: &str) -> Self {
        Error::bad(
            "api.context.invalid_url_param.app_error",
            format!("Invalid or missing {name} parameter in request URL."),
        )
    }

    pub(super) fn body_param(name: &str) -> Self {
        Error::bad(
            "api.context.invalid_body_param.app_error",
            format!("Invalid or missing {name} in request body."),
        )
    }

    pub(super) fn no_user() -> Self {
        Error::missing("app.user.missing_account.const", "Unable to find the user.")
    }

    pub(super) fn no_team() -> Self {
        Error::missing(
            "app.team.get.find.app_error",
            "Unable to find the existing team.",
        )
    }

    pub(super) fn no_channel() -> Self {
        Error::missing(
            "app.channel.get.existing.app_error",
            "Unable to find the existing channel.",
        )
    }

    pub(super) fn no_team_member() -> Self {
        Error::missing(
            "app.team.get_member.missing.app_error",
            "No team member found for that user ID and team ID.",
        )
    }

    /// What a database that does not answer ends in.
    pub(super) fn internal() -> Self {
        Error::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "app.user.save.app_error",
            "Unable to save the account.",
        )
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
