//! Door 1: Backstage's own actions protocol. Each provider looks like a Backstage plugin.
//!
//! As `@backstage/backend-defaults` 0.18 speaks it: `GET .backstage/actions/v1/actions`, asked before every
//! step, and `POST .backstage/actions/{v1,v2}/actions/{id}/invoke`. It carries no log lines, no cancel, no
//! task id and no key; of a refusal the person sees only the status line.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sidestage_action::{Code, Error, Result};
use sidestage_runs::{Key, Run, Status};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::{App, Json},
    auth::{Door, Presented},
    problem::Problem,
};

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(invoke))
        .routes(routes!(invoke_with_secrets))
}

/// List a provider's actions, as Backstage asks for them before every step
#[utoipa::path(
    get,
    path = "/api/{provider}/.backstage/actions/v1/actions",
    tag = "Backstage actions protocol",
    params(("provider" = String, Path, description = "A provider's id: `coder`")),
    responses((status = 200, description = "`{\"actions\": [...]}`", content_type = "application/json"))
)]
async fn list(
    State(app): State<App>,
    Path(provider): Path<String>,
    presented: Presented,
) -> Result<Response, Problem> {
    app.check_provider(&provider)?;
    let caller = app
        .authenticate(&presented, Door::Provider(&provider))
        .await?;
    let list = format!(
        "{{\"actions\":{}}}",
        app.action_list(&caller, Some(&provider))
    );
    Ok(([(header::CONTENT_TYPE, "application/json")], list).into_response())
}

/// Run an action and wait for its output
#[utoipa::path(
    post,
    path = "/api/{provider}/.backstage/actions/v1/actions/{id}/invoke",
    tag = "Backstage actions protocol",
    params(
        ("provider" = String, Path, description = "A provider's id: `coder`"),
        ("id" = String, Path, description = "An action's id: `coder:create-workspace`"),
    ),
    request_body(content = Object, description = "The action's input"),
    responses(
        (status = 200, description = "`{\"output\": {...}}`", content_type = "application/json"),
        (status = 503, description = "The run goes on; the same request joins it"),
    )
)]
async fn invoke(
    State(app): State<App>,
    Path((provider, id)): Path<(String, String)>,
    presented: Presented,
    body: Result<Json, Problem>,
) -> Result<Response, Problem> {
    run(
        &app,
        &provider,
        &id,
        &presented,
        body.map(|Json(input)| input),
    )
    .await
}

/// Run an action, with secrets beside the input
#[utoipa::path(
    post,
    path = "/api/{provider}/.backstage/actions/v2/actions/{id}/invoke",
    tag = "Backstage actions protocol",
    params(
        ("provider" = String, Path, description = "A provider's id: `coder`"),
        ("id" = String, Path, description = "An action's id: `coder:create-workspace`"),
    ),
    request_body(content = Object, description = "`{\"input\": {...}}`"),
    responses(
        (status = 200, description = "`{\"output\": {...}}`", content_type = "application/json"),
        (status = 503, description = "The run goes on; the same request joins it"),
    )
)]
async fn invoke_with_secrets(
    State(app): State<App>,
    Path((provider, id)): Path<(String, String)>,
    presented: Presented,
    body: Result<Json, Problem>,
) -> Result<Response, Problem> {
    let input = body.and_then(|Json(body)| unwrap_v2(body).map_err(Problem::from));
    run(&app, &provider, &id, &presented, input).await
}

/// No action declares secrets: connections hold them. Some given all the same are refused, not ignored.
fn unwrap_v2(mut body: Value) -> Result<Value> {
    if body
        .get("secrets")
        .and_then(Value::as_object)
        .is_some_and(|secrets| !secrets.is_empty())
    {
        let message = "This action takes no secrets: the connection in Sidestage's configuration has the credential.";
        return Err(Error::invalid("/secrets", message));
    }
    let input = body.get_mut("input").map(Value::take);
    input.ok_or_else(|| {
        Error::invalid(
            "/input",
            "The body must be a JSON object with the action's input under \"input\".",
        )
    })
}

async fn run(
    app: &App,
    provider: &str,
    id: &str,
    presented: &Presented,
    input: Result<Value, Problem>,
) -> Result<Response, Problem> {
    app.check_provider(provider)?;
    let caller = app
        .authenticate(presented, Door::Provider(provider))
        .await?;
    if id.split(':').next() != Some(provider) {
        return Err(Error::not_found(format!("{provider} has no action with this id.")).into());
    }
    let input = input?;
    let mut key = None;
    let started = app.start(caller, id, input, false, |principal, connection, input| {
        key = Some(Key::derived(principal, id, connection, input));
        Ok(key.clone())
    });
    let run = started.await?.run;
    let Some(ended) = run.ended(app.step_wait()).await? else {
        return Err(still_running(&run).into());
    };
    // A success is handed over: the next same request looks anew instead of repeating this answer. After a
    // failure it goes on from there.
    if let Some(key) = key.filter(|_| ended.status == Status::Succeeded) {
        app.runs().release(&key, &run).await?;
    }
    match (ended.status, ended.error) {
        (Status::Succeeded, _) => {
            let body = json!({ "output": ended.output }).to_string();
            Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
        }
        (_, Some(failure)) => Err(Problem::from(&failure)),
        (_, None) => Err(Error::internal("a run ended without output and without error").into()),
    }
}

fn still_running(run: &Run) -> Error {
    let doing = run
        .doing()
        .map(|doing| format!(" ({doing})"))
        .unwrap_or_default();
    Error::new(
        Code::StillRunning,
        format!(
            "Still running as run {}{doing}. Run this step again to keep waiting for it.",
            run.spec.id
        ),
    )
}
