//! What every in-memory service has in common.

use axum::{Json, Router, response::Response};
use axum::{http::StatusCode, response::IntoResponse};
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

/// A service that stands in for a real one.
pub(crate) trait Twin: Send + Sync {
    /// Its name, and its path: `coder`.
    fn id(&self) -> &'static str;

    /// Tokens that its seed knows.
    fn tokens(&self) -> Tokens;

    /// What it answers, relative to its path.
    fn router(&self) -> Router;

    /// Where it is reached, without a slash at the end: links in its answers begin with it.
    fn set_url(&self, url: &str);

    /// What there is, for tests to count.
    fn state(&self) -> Value;

    /// Back to the seed.
    fn reset(&self);

    /// What a request is called, for faults and in the list of requests: its path, unless that does not say enough.
    fn route(&self, path: &str, _body: &[u8]) -> String {
        path.into()
    }

    /// Whether a request of that [`route`](Self::route) asks for a change.
    fn writes(&self, method: &Method, _route: &str) -> bool {
        !matches!(*method, Method::GET | Method::HEAD)
    }

    /// What it says when it gets too many requests, and when to come back.
    fn rate_limited(&self, seconds: u64) -> Response {
        let body = json!({ "message": "Too many requests." });
        (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", seconds.to_string())],
            Json(body),
        )
            .into_response()
    }

    /// What it says when it is not well.
    fn internal_error(&self) -> Value {
        json!({ "message": "An internal server error occurred." })
    }
}

/// Tokens of a service's seed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Tokens {
    /// Of an administrator.
    pub administrator: &'static str,
    /// Of somebody who is no administrator.
    pub member: &'static str,
}
