//! The service put together: what the doors share, the router, and the one path that every request takes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sidestage_action::{Code, Descriptor, Error, Principal, Result, Runnable};
use sidestage_actions::{Choice, Registry};
use sidestage_runs::{Key, Run, Runs, Start, Started};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    auth::{Authenticator, Door},
    backstage_actions, health, openapi, options,
    problem::Problem,
    run_api,
};

/// What the doors share. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    runs: Runs,
    auth: Authenticator,
    body_limit: usize,
    step_wait: Duration,
    /// Answers that are asked for all the time, made once.
    action_list: Bytes,
    provider_lists: BTreeMap<String, Bytes>,
    options: options::Options,
}

impl App {
    /// Puts the service together.
    pub fn new(
        registry: Arc<Registry>,
        runs: Runs,
        auth: Authenticator,
        server: &crate::config::Server,
    ) -> Self {
        let mut by_provider: BTreeMap<String, Vec<&Descriptor>> = BTreeMap::new();
        for action in registry.iter() {
            let descriptor = action.descriptor();
            by_provider
                .entry(descriptor.plugin_id.clone())
                .or_default()
                .push(descriptor);
        }
        let provider_lists = by_provider
            .into_iter()
            .map(|(provider, actions)| {
                (
                    provider,
                    Bytes::from(json!({ "actions": actions }).to_string()),
                )
            })
            .collect();
        let descriptors: Vec<&Descriptor> =
            registry.iter().map(|action| action.descriptor()).collect();
        App(Arc::new(Inner {
            action_list: json!(descriptors).to_string().into(),
            provider_lists,
            options: options::Options::new(),
            registry,
            runs,
            auth,
            body_limit: server.body_limit,
            step_wait: server.step_wait.0,
        }))
    }

    /// The answer of `GET /v1/actions`.
    pub(crate) fn action_list(&self) -> Bytes {
        self.0.action_list.clone()
    }

    /// The answer of door 1's list for a provider.
    pub(crate) fn provider_list(&self, provider: &str) -> Result<Bytes> {
        self.0.provider_lists.get(provider).cloned().ok_or_else(|| {
            let known: Vec<&str> = self.0.provider_lists.keys().map(String::as_str).collect();
            Error::not_found(format!(
                "There is no provider with this id; the providers are: {}.",
                known.join(", ")
            ))
        })
    }

    /// The runs of this process.
    pub fn runs(&self) -> &Runs {
        &self.0.runs
    }

    pub(crate) fn step_wait(&self) -> Duration {
        self.0.step_wait
    }

    /// Who sends these headers, as far as the door takes them.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
        door: Door<'_>,
    ) -> Result<Principal> {
        let authorization = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        self.0.auth.authenticate(authorization, door).await
    }

    /// The registered actions, in the order of their ids.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &Descriptor> {
        self.0.registry.descriptors()
    }

    /// The action with that id.
    pub(crate) fn action(&self, id: &str) -> Result<&Arc<dyn Runnable>> {
        self.0.registry.get(id).ok_or_else(|| {
            let known: Vec<&str> = self.actions().map(|action| action.id.as_str()).collect();
            let hint = match sidestage_action::schema::nearest(id, known.iter().copied()) {
                Some(near) => format!(" Did you mean {near}?"),
                None => format!(" The actions are: {}.", known.join(", ")),
            };
            Error::not_found(format!("There is no action with this id.{hint}"))
        })
    }

    /// The one path of every door: authorise, validate, start or join. `key` is made once the input is known.
    pub(crate) async fn start(
        &self,
        principal: Principal,
        action: &str,
        input: Value,
        dry_run: bool,
        key: impl FnOnce(&Principal, &str, &Value) -> Result<Option<Key>>,
    ) -> Result<Started> {
        let action = self.action(action)?;
        let id = &action.descriptor().id;
        self.0.auth.authorise(&principal, id)?;
        let prepared = action.prepare(input)?;
        let key = key(&principal, &prepared.connection, &prepared.input)?;
        let started = self.0.runs.start(Start {
            action: id.clone(),
            principal,
            prepared,
            dry_run,
            key,
        });
        let started = started.await?;
        tracing::info!(run_id = %started.run.spec.id, joined = started.joined, "run");
        Ok(started)
    }

    /// A list of choices for a form.
    pub(crate) async fn options(
        &self,
        headers: &HeaderMap,
        provider: String,
        list: String,
        narrowing: BTreeMap<String, String>,
    ) -> Result<Arc<Vec<Choice>>> {
        let principal = self
            .authenticate(headers, Door::Provider(&provider))
            .await?;
        self.0.auth.authorise_options(&principal, &provider)?;
        let Inner {
            options, registry, ..
        } = &*self.0;
        options
            .get(registry, principal, provider, list, narrowing)
            .await
    }

    /// The run with that id, if the caller may see it.
    pub(crate) async fn run(&self, principal: &Principal, id: &str) -> Result<Run> {
        let id: Uuid = id
            .parse()
            .map_err(|_| Error::not_found("A run's id is a UUID, and this is none."))?;
        let Some(owner) = self.only_runs_of(principal) else {
            let run = self.0.runs.get(id, None).await?;
            self.0.auth.authorise(principal, &run.spec.action)?;
            return Ok(run);
        };
        self.0.runs.get(id, Some(owner)).await
    }

    /// Whose runs the caller may see. None: everybody's.
    pub(crate) fn only_runs_of<'a>(&self, principal: &'a Principal) -> Option<&'a Principal> {
        (!self.0.auth.sees_all_runs(principal)).then_some(principal)
    }

    /// Whether the caller may run the action.
    pub(crate) fn authorise(&self, principal: &Principal, action: &str) -> Result<()> {
        self.0.auth.authorise(principal, action)
    }

    /// The router of all doors.
    pub fn router(self) -> Router {
        let limit = self.0.body_limit;
        openapi::serve(documented(), &self)
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(DefaultBodyLimit::max(limit))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn(finish))
            .with_state(self)
    }
}

/// The routes that the OpenAPI document lists.
pub(crate) fn documented() -> OpenApiRouter<App> {
    run_api::router()
        .merge(backstage_actions::router())
        .merge(options::router())
        .merge(health::router())
}

async fn unknown_route() -> Problem {
    Problem::http(
        StatusCode::NOT_FOUND,
        "not_found",
        "There is nothing at this address; /docs lists what there is.",
    )
}

async fn wrong_method() -> Problem {
    let detail =
        "This address does not take this method; the Allow header and /docs say which it takes.";
    Problem::http(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    Problem::from(Error::internal(format!(
        "panic: {}",
        text.unwrap_or_default()
    )))
    .into_response()
}

/// Gives a request its id, logs it, and renders a problem for the door by which it leaves.
async fn finish(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = tokio::time::Instant::now();
    let span = tracing::info_span!("request", request_id = id, %method, path);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = Some(id.clone());
        let rendered = if path.starts_with("/api/") {
            problem.render_for_backstage(method.as_str(), &path)
        } else {
            problem.render()
        };
        let allow = response.headers_mut().remove(header::ALLOW);
        response = rendered;
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if let Ok(id) = id.parse() {
        response.headers_mut().insert("x-request-id", id);
    }
    let status = response.status().as_u16();
    span.in_scope(|| {
        tracing::info!(
            status,
            elapsed_ms = started.elapsed().as_millis() as u64,
            "request"
        )
    });
    response
}

/// A JSON body, whatever its content type says. Refusals name the place, never what stood there.
pub(crate) struct Json(pub(crate) Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(unreadable)?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Json(value)),
            Err(_) if bytes.is_empty() => Err(Problem::from(Error::new(
                Code::InvalidInput,
                "The request has no body; a JSON object is expected.",
            ))),
            Err(error) => Err(Problem::from(Error::new(
                Code::InvalidInput,
                format!("The body is not JSON: {error}. A JSON object is expected."),
            ))),
        }
    }
}

fn unreadable(rejection: BytesRejection) -> Problem {
    match rejection.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => Problem::http(
            status,
            "payload_too_large",
            "The body is larger than server.bodyLimit allows.",
        ),
        _ => Problem::from(Error::new(
            Code::InvalidInput,
            "The body ended early or could not be read.",
        )),
    }
}

/// Who is calling `/v1`.
pub(crate) struct Caller(pub(crate) Principal);

impl axum::extract::FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        app: &App,
    ) -> Result<Self, Problem> {
        Ok(Caller(
            app.authenticate(&parts.headers, Door::RunApi).await?,
        ))
    }
}
