//! `/sandbox`: what a test switches and reads.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{BuildBehaviour, FaultRule, Sandbox};

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route(
            "/sandbox/health",
            get(async || Json(json!({ "status": "ok" }))),
        )
        .route(
            "/sandbox/requests",
            get(list_requests).delete(clear_requests),
        )
        .route("/sandbox/faults", post(add_fault).delete(clear_faults))
        .route("/sandbox/coder/builds", post(queue_builds))
        .route("/sandbox/tokens", get(tokens))
        .route("/sandbox/state", get(state))
        .route("/sandbox/reset", post(reset))
        .with_state(sandbox)
}

async fn list_requests(State(sandbox): State<Sandbox>) -> Response {
    Json(sandbox.requests().all()).into_response()
}

async fn clear_requests(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.requests().clear();
    StatusCode::NO_CONTENT
}

async fn add_fault(State(sandbox): State<Sandbox>, body: Bytes) -> Result<StatusCode, Response> {
    sandbox.faults().add(read::<FaultRule>(&body)?);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

/// How the next builds behave.
#[derive(Deserialize)]
struct Builds {
    #[serde(flatten)]
    behaviour: BuildBehaviour,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

async fn queue_builds(State(sandbox): State<Sandbox>, body: Bytes) -> Result<StatusCode, Response> {
    let Builds { behaviour, times } = read(&body)?;
    sandbox.coder().next_builds(behaviour, times);
    Ok(StatusCode::NO_CONTENT)
}

/// The tokens of each service, by its name.
async fn tokens(State(sandbox): State<Sandbox>) -> Response {
    let tokens: BTreeMap<_, _> = sandbox
        .services()
        .filter_map(|service| Some((service, sandbox.tokens(service)?)))
        .collect();
    Json(tokens).into_response()
}

async fn state(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(sandbox.state())
}

async fn reset(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.reset();
    StatusCode::NO_CONTENT
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Response> {
    let refuse = |error: serde_json::Error| {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({ "message": error.to_string() })),
        )
            .into_response()
    };
    serde_json::from_slice(body).map_err(refuse)
}
