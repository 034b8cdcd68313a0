//! Door 3: the run API, `/v1`.

use std::{convert::Infallible, sync::LazyLock, time::Duration};

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidestage_action::{Code, Error, Result, schema};
use sidestage_runs::{EventKind, Failure, Filter, Key, Run, RunRecord, RunSpec, Started, Status};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    app::{App, Json},
    auth::Caller,
    problem::Problem,
};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_actions))
        .routes(routes!(describe_action))
        .routes(routes!(list_runs, start_run))
        .routes(routes!(read_run))
        .routes(routes!(follow_run))
        .routes(routes!(cancel_run))
        .routes(routes!(retry_run))
        .routes(routes!(undo_run))
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

/// A run, without what it did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunSummary {
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
    /// The organization (tenant) that it is done for.
    organization: Option<String>,
    /// Who asked for it.
    started_by: String,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it runs.
    ended_at: Option<String>,
    /// The run that ended without success and that this one goes on from.
    continues: Option<Uuid>,
    /// The run that goes on from this one.
    continued_by: Option<Uuid>,
    /// The run that this one takes back.
    undoes: Option<Uuid>,
    /// A problem; null unless it failed or was cancelled.
    error: Option<Problem>,
}

/// A run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunView {
    #[serde(flatten)]
    summary: RunSummary,
    /// By the action's output schema; null unless it succeeded.
    #[schema(value_type = Option<Object>)]
    output: Option<Value>,
    /// The changes that it made or meant to make, in order: `kind`, `key`, `settlement`; `carried`: made by the
    /// run that it continues; `undoing`: takes back what the run made.
    #[schema(value_type = Vec<Object>)]
    effects: Value,
}

/// A page of runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunList {
    /// The newest first.
    runs: Vec<RunSummary>,
}

impl RunSummary {
    fn new(
        spec: &RunSpec,
        status: Status,
        ended_at: Option<Timestamp>,
        continued_by: Option<Uuid>,
        error: Option<&Failure>,
    ) -> Self {
        RunSummary {
            id: spec.id,
            action: spec.action.clone(),
            status,
            dry_run: spec.dry_run,
            connection: spec.connection.clone(),
            organization: spec.organization.clone(),
            started_by: spec.principal.to_string(),
            created_at: spec.created_at.to_string(),
            ended_at: ended_at.map(|at| at.to_string()),
            continues: spec.continues,
            continued_by,
            undoes: spec.undoes,
            error: error.map(Problem::from),
        }
    }
}

impl From<&RunRecord> for RunSummary {
    fn from(record: &RunRecord) -> Self {
        RunSummary::new(
            &record.spec,
            record.status,
            record.ended_at,
            record.continued_by,
            record.error.as_ref(),
        )
    }
}

async fn view(run: &Run) -> Result<RunView> {
    let now = run.snapshot().await?;
    Ok(RunView {
        summary: RunSummary::new(
            &run.spec,
            now.status,
            now.ended_at,
            now.continued_by,
            now.error.as_ref(),
        ),
        output: now.output,
        effects: json!(now.effects),
    })
}

/// The answer for a run that was started or joined.
async fn started(started: Started) -> Result<Response, Problem> {
    let status = match started.joined {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    };
    let run = &started.run;
    let mut response = (status, axum::Json(view(run).await?)).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/runs/{}", run.spec.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// List the actions
#[utoipa::path(
    get, path = "/v1/actions", tag = "Actions", security(("token" = [])),
    responses((status = 200, description = "Actions, sorted by id", content_type = "application/json"))
)]
async fn list_actions(State(app): State<App>, caller: Caller) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        app.action_list(&caller, None),
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
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(axum::Json(app.visible(&caller, &id)?).into_response())
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
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json,
) -> Result<Response, Problem> {
    let request = read_request(body)?;
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => Some(Key::given(
            &caller.principal,
            &String::from_utf8_lossy(value.as_bytes()),
        )?),
    };
    let input = Value::Object(request.input);
    let run = app.start(
        caller,
        &request.action,
        input,
        request.dry_run,
        |_, _, _| Ok(key),
    );
    started(run.await?).await
}

/// Which runs to list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only runs that are `running`, `succeeded`, `failed` or `cancelled`.
    status: Option<String>,
    /// Only runs of this action.
    action: Option<String>,
    /// Only runs older than this one: the next page begins after the last run of this one.
    before: Option<String>,
    /// Runs on a page, 1 to 200. Default: 50.
    limit: Option<String>,
}

/// List runs, the newest first
#[utoipa::path(
    get, path = "/v1/runs", tag = "Runs", security(("token" = [])),
    params(ListQuery),
    responses(
        (status = 200, description = "The caller's runs; everybody's, where the key has `allRuns`", body = RunList),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is wrong"),
    )
)]
async fn list_runs(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| {
        let message =
            "The parameters of this list are status, action, before and limit, each at most once.";
        Error::new(Code::InvalidInput, message)
    })?;
    let status = query.status.as_deref().map(str::parse::<Status>);
    let before = query.before.as_deref().map(str::parse::<Uuid>);
    let limit = query.limit.as_deref().map(str::parse::<usize>);
    let filter = Filter {
        principal: None,
        status: status.transpose()?,
        action: query.action,
        organizations: None,
        before: before
            .transpose()
            .map_err(|_| Error::invalid("before", "before must be the id of a run."))?,
        most: match limit.unwrap_or(Ok(50)) {
            Ok(most @ 1..=200) => most,
            _ => {
                return Err(
                    Error::invalid("limit", "limit must be a number from 1 to 200.").into(),
                );
            }
        },
    };
    let runs = app.list_runs(&caller, filter).await?;
    let runs = runs.iter().map(RunSummary::from).collect();
    Ok(axum::Json(RunList { runs }).into_response())
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
    let run = app.run(&caller, &id).await?;
    Ok(axum::Json(view(&run).await?).into_response())
}

/// Whether to wait for more.
#[derive(Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FollowQuery {
    /// `false`: what the run has said so far, and no more. Default: `true`.
    #[param(required = false)]
    follow: bool,
}

impl Default for FollowQuery {
    fn default() -> Self {
        FollowQuery { follow: true }
    }
}

/// Follow a run as server-sent events
#[utoipa::path(
    get, path = "/v1/runs/{id}/events", tag = "Runs", security(("token" = [])),
    params(
        ("id" = String, Path, description = "The run's id"),
        FollowQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last event seen; the stream goes on after it"),
    ),
    responses(
        (status = 200, description = "`log`, `progress`, `output`, `end`; `reconnect` without an id when Sidestage stops, or cannot read its journal", content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many event streams"),
    )
)]
async fn follow_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Result<Query<FollowQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(query) = query.map_err(|_| {
        let message = "The only parameter of an event stream is follow, which is true or false.";
        Error::new(Code::InvalidInput, message)
    })?;
    let run = app.run(&caller, &id).await?;
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
    let place = app.open_stream(&caller)?;
    let events = match query.follow {
        true => run
            .clone()
            .follow(after)
            .map(|event| Ok(sse(&event)))
            .chain(reconnect(app, run))
            .inspect(move |_| {
                let _ = &place;
            })
            .boxed(),
        false => {
            let said = run.said(after).await?;
            stream::iter(said).map(|event| Ok(sse(&event))).boxed()
        }
    };
    Ok(Sse::new(events).keep_alive(
        KeepAlive::new()
            .interval(Duration::from_secs(15))
            .text("keep-alive"),
    ))
}

/// Tells a follower whose run goes on that it shall come back, here or to another replica, and why.
fn reconnect(app: App, run: Run) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::once(async move {
        let goes_on = match run.status().await {
            Ok(status) => status == Status::Running,
            // It is forgotten, or else the journal cannot be read.
            Err(error) => error.code() != Code::NotFound,
        };
        goes_on.then(|| {
            let why = match app.runs().is_draining() {
                true => "Sidestage is stopping",
                false => "Sidestage cannot read its journal at the moment",
            };
            let data = json!({ "message": format!("{why}; the run goes on. Follow it again.") });
            let event = Event::default().event("reconnect");
            Ok(event.retry(Duration::from_secs(1)).data(data.to_string()))
        })
    })
    .filter_map(std::future::ready)
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
    let run = app.run(&caller, &id).await?;
    let status = if run.status().await? == Status::Running {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    app.cancel(&caller, &run).await?;
    Ok((status, axum::Json(view(&run).await?)).into_response())
}

/// Start a run again that did not succeed, with the same input
#[utoipa::path(
    post, path = "/v1/runs/{id}/retry", tag = "Runs", security(("token" = [])),
    params(("id" = String, Path, description = "The run's id")),
    responses(
        (status = 201, description = "A new run that continues it: what it made counts as made by the new one", body = RunView),
        (status = 200, description = "Another run continues it already", body = RunView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is under way, has succeeded, or needs a secret that is not kept"),
    )
)]
async fn retry_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let run = app.run(&caller, &id).await?;
    started(app.retry(&caller, &run).await?).await
}

/// Whether to look only.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UndoQuery {
    /// `true`: say what would be taken back, and change nothing.
    dry_run: bool,
}

/// Take back what a run made
#[utoipa::path(
    post, path = "/v1/runs/{id}/undo", tag = "Runs", security(("token" = [])),
    params(("id" = String, Path, description = "The run's id"), UndoQuery),
    responses(
        (status = 201, description = "A run that takes it back, the newest first; its output lists what is `undone`, what is `kept` and why, and what is `unknown`: perhaps made, and not touched", body = RunView),
        (status = 200, description = "Such a run, asked for by the same caller, is under way; joined", body = RunView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The run is under way, is being taken back for somebody else, is an undo itself, or was continued by another"),
    )
)]
async fn undo_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Result<Query<UndoQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|_| {
        let message = "The only parameter of an undo is dryRun, which is true or false.";
        Error::new(Code::InvalidInput, message)
    })?;
    let run = app.run(&caller, &id).await?;
    started(app.undo(&caller, &run, query.dry_run).await?).await
}
