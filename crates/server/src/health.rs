//! Health, at the addresses where Backstage has its own.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(liveness))
        .routes(routes!(readiness))
}

/// Whether the process is alive
#[utoipa::path(
    get, path = "/.backstage/health/v1/liveness", tag = "Health",
    responses((status = 200, description = "`{\"status\": \"ok\"}`", content_type = "application/json"))
)]
async fn liveness() -> Response {
    axum::Json(json!({ "status": "ok" })).into_response()
}

/// Whether new runs are taken
#[utoipa::path(
    get, path = "/.backstage/health/v1/readiness", tag = "Health",
    responses(
        (status = 200, description = "`{\"status\": \"ok\"}`", content_type = "application/json"),
        (status = 503, description = "`{\"status\": \"error\", \"message\": ...}`", content_type = "application/json"),
    )
)]
async fn readiness(State(app): State<App>) -> Response {
    if app.runs().is_draining() {
        let body =
            json!({ "status": "error", "message": "Sidestage is stopping and takes no new runs." });
        return (http::StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response();
    }
    axum::Json(json!({ "status": "ok" })).into_response()
}
