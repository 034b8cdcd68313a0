//! Door 3: the run API, `/v1`.

use std::{convert::Infallible, sync::Arc, sync::LazyLock, time::Duration};

use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidestage_action::{Code, Error, Result, schema};
use sidestage_runs::{EventKind, Key, Run, Status};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::{App, Caller, Json},
    problem::Problem,
};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_actions))
        .routes(routes!(describe_action))
        .routes(routes!(start_run))
        .routes(routes!(read_run))
        .routes(routes!(follow_run))
        .routes(routes!(cancel_run))
}

/// A run to start.
#[derive(Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StartRun {
    /// The action's id: `coder:create-workspace`.
    action: String,
    /// The action's input.
    #[schema(value_type = Object)]
    input: serde_json::Map<String, Value>,
    /// Look, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// A run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunView {
    /// Sortable by time.
    id: Uuid,
    /// The action's id.
    action: String,
    /// `running`, `succeeded`, `failed` or `cancelled`.
    #[schema(value_type = String)]
    status: Status,
    /// Whether it changes nothing.
    dry_run: bool,
    /// The connection that it works through.
    connection: String,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it runs.
    ended_at: Option<String>,
    /// By the action's output schema; null unless it succeeded.
    #[schema(value_type = Option<Object>)]
    output: Option<Value>,
    /// A problem; null unless it failed or was cancelled.
    error: Option<Problem>,
    /// The changes that it made or meant to make, in order: `kind`, `key`, `settlement`.
    #[schema(value_type = Vec<Object>)]
    effects: Value,
}

impl From<&Run> for RunView {
    fn from(run: &Run) -> Self {
        let now = run.snapshot();
        RunView {
            id: run.id,
            action: run.action.clone(),
            status: now.status,
            dry_run: run.dry_run,
            connection: run.connection.clone(),
            created_at: run.created_at.to_string(),
            ended_at: now.ended_at.map(|at| at.to_string()),
            output: now.output,
            error: now.error.as_ref().map(Problem::from),
            effects: json!(now.effects),
        }
    }
}

/// List the actions
#[utoipa::path(
    get, path = "/v1/actions", tag = "Actions", security(("token" = [])),
    responses((status = 200, description = "Actions, sorted by id", content_type = "application/json"))
)]
async fn list_actions(State(app): State<App>, _: Caller) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        app.action_list(),
    )
        .into_response()
}

/// Describe an action
#[utoipa::path(
    get, path = "/v1/actions/{id}", tag = "Actions", security(("token" = [])),
    params(("id" = String, Path, description = "An action's id: `coder:create-workspace`")),
    responses((status = 200, description = "The action", content_type = "application/json"), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn describe_action(
    State(app): State<App>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(axum::Json(app.action(&id)?.descriptor()).into_response())
}

/// Start a run, or join the one that the key names
#[utoipa::path(
    post, path = "/v1/runs", tag = "Runs", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters, scoped to the caller")),
    request_body = StartRun,
    responses(
        (status = 201, description = "Started", body = RunView),
        (status = 200, description = "Joined, or found ended", body = RunView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The input is wrong"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "No accepted token"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "Not allowed"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such action"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The key was used with another input"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many runs"),
    )
)]
async fn start_run(
    State(app): State<App>,
    Caller(principal): Caller,
    headers: HeaderMap,
    Json(body): Json,
) -> Result<Response, Problem> {
    let request = read_request(body)?;
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => Some(Key::given(
            &principal,
            &String::from_utf8_lossy(value.as_bytes()),
        )?),
    };
    let input = Value::Object(request.input);
    let started = app.start(
        principal,
        &request.action,
        input,
        request.dry_run,
        |_, _, _| Ok(key),
    )?;
    let status = if started.joined {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let mut response = (status, axum::Json(RunView::from(&*started.run))).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/runs/{}", started.run.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

fn read_request(body: Value) -> Result<StartRun> {
    static CHECKER: LazyLock<Result<schema::Checker>> =
        LazyLock::new(|| schema::Checker::new(&schema::of_input::<StartRun>()));
    match &*CHECKER {
        Ok(checker) => checker.check(&body)?,
        Err(error) => return Err(Error::internal(error.to_string())),
    }
    serde_json::from_value(body).map_err(Error::internal)
}

/// Read a run
#[utoipa::path(
    get, path = "/v1/runs/{id}", tag = "Runs", security(("token" = [])),
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, body = RunView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
async fn read_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let run = find(&app, caller, &id)?;
    Ok(axum::Json(RunView::from(&*run)).into_response())
}

/// Follow a run as server-sent events
#[utoipa::path(
    get, path = "/v1/runs/{id}/events", tag = "Runs", security(("token" = [])),
    params(
        ("id" = String, Path, description = "The run's id"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event seen; the stream goes on after it"),
    ),
    responses(
        (status = 200, description = "`log`, `progress`, `output`, `end`", content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let run = find(&app, caller, &id)?;
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.trim().parse().ok())
            .ok_or_else(|| {
                Error::new(
                    Code::InvalidInput,
                    "The Last-Event-ID header must be the number of an event of this run.",
                )
            })?,
    };
    let events = run.follow(after).map(|event| Ok(sse(&event)));
    Ok(Sse::new(events).keep_alive(
        KeepAlive::new()
            .interval(Duration::from_secs(15))
            .text("keep-alive"),
    ))
}

fn sse(event: &sidestage_runs::Event) -> Event {
    let time = event.time.to_string();
    let data = match &event.kind {
        EventKind::Log { level, message } => {
            json!({ "time": time, "level": level, "message": message })
        }
        EventKind::Progress {
            message,
            percent: None,
        } => json!({ "time": time, "message": message }),
        EventKind::Progress { message, percent } => {
            json!({ "time": time, "message": message, "percent": percent })
        }
        EventKind::Output { output } => json!({ "time": time, "output": output }),
        EventKind::End {
            status,
            error: None,
        } => json!({ "time": time, "status": status }),
        EventKind::End {
            status,
            error: Some(error),
        } => {
            json!({ "time": time, "status": status, "error": Problem::from(error) })
        }
    };
    Event::default()
        .id(event.id.to_string())
        .event(event.kind.name())
        .data(data.to_string())
}

/// Ask a run to end
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", tag = "Runs", security(("token" = [])),
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 202, description = "Asked; follow the run to see it end", body = RunView),
        (status = 200, description = "It had ended already", body = RunView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
async fn cancel_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let run = find(&app, caller, &id)?;
    let status = if run.status() == Status::Running {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    run.cancel();
    Ok((status, axum::Json(RunView::from(&*run))).into_response())
}

fn find(app: &App, Caller(principal): Caller, id: &str) -> Result<Arc<Run>> {
    let id: Uuid = id
        .parse()
        .map_err(|_| Error::not_found("A run's id is a UUID, and this is none."))?;
    app.runs().get(id, &principal)
}
