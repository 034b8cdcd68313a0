//! The service put together: what the doors share, the router, and the one path that every request takes.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Request, State, rejection::BytesRejection,
    },
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sidestage_action::{Code, Descriptor, Error, Principal, Result, Runnable};
use sidestage_actions::{Choice, Registry};
use sidestage_redact::Redactor;
use sidestage_runs::{Filter, Key, Run, RunRecord, Runs, Start, Started};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{
    access::{Access, Wanted},
    auth::{Authenticator, Caller, Door, Presented},
    backstage_actions, health,
    listen::Tls,
    openapi, options,
    problem::Problem,
    rate::RateLimit,
    run_api,
    streams::{Place, Streams},
};

/// What the doors share. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    runs: Runs,
    auth: Authenticator,
    access: Access,
    rate: RateLimit<Principal>,
    streams: Streams,
    connections: NonZeroU32,
    tls: Option<Arc<Tls>>,
    redactor: Redactor,
    body_limit: usize,
    step_wait: Duration,
    /// The actions as the doors show them, asked for all the time and so written once, by provider and id.
    shown: BTreeMap<String, Vec<(String, String)>>,
    options: options::Options,
}

impl App {
    /// Puts the service together.
    pub(crate) fn new(
        registry: Arc<Registry>,
        runs: Runs,
        auth: Authenticator,
        access: Access,
        tls: Option<Arc<Tls>>,
        redactor: Redactor,
        server: &crate::config::Server,
    ) -> Self {
        let mut shown: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for action in registry.descriptors() {
            let text = json!(action).to_string();
            shown
                .entry(action.plugin_id.clone())
                .or_default()
                .push((action.id.clone(), text));
        }
        App(Arc::new(Inner {
            shown,
            access,
            tls,
            redactor,
            rate: RateLimit::new(server.requests_per_minute),
            streams: Streams::new(server.event_streams),
            connections: server.connections,
            options: options::Options::new(),
            registry,
            runs,
            auth,
            body_limit: server.body_limit,
            step_wait: server.step_wait.0,
        }))
    }

    /// The actions that the caller may run, as JSON; of one provider, or of all.
    pub(crate) fn action_list(&self, caller: &Caller, provider: Option<&str>) -> String {
        let shown = self.0.shown.iter();
        let of_provider = shown.filter(|(id, _)| provider.is_none_or(|provider| provider == *id));
        let texts: Vec<&str> = of_provider
            .flat_map(|(_, actions)| actions)
            .filter(|(id, _)| self.0.access.may_some(caller, id))
            .map(|(_, text)| text.as_str())
            .collect();
        format!("[{}]", texts.join(","))
    }

    /// Whether there is such a provider.
    pub(crate) fn check_provider(&self, provider: &str) -> Result<()> {
        if self.0.shown.contains_key(provider) {
            return Ok(());
        }
        let known: Vec<&str> = self.0.shown.keys().map(String::as_str).collect();
        Err(Error::not_found(format!(
            "There is no provider with this id; the providers are: {}.",
            known.join(", ")
        )))
    }

    /// The runs of this process.
    pub fn runs(&self) -> &Runs {
        &self.0.runs
    }

    /// How connections are taken in, where not in plain text.
    pub(crate) fn tls(&self) -> Option<Arc<Tls>> {
        self.0.tls.clone()
    }

    /// How many connections may be open at once.
    pub(crate) fn connections(&self) -> NonZeroU32 {
        self.0.connections
    }

    /// A place for one more event stream of the caller's.
    pub(crate) fn open_stream(&self, caller: &Caller) -> Result<Place> {
        self.0.streams.open(&caller.principal)
    }

    pub(crate) fn step_wait(&self) -> Duration {
        self.0.step_wait
    }

    /// Who sends a request, as far as the door takes them.
    pub(crate) async fn authenticate(
        &self,
        presented: &Presented,
        door: Door<'_>,
    ) -> Result<Caller> {
        let caller = self.0.auth.authenticate(presented, door).await?;
        let too_many = "You make more requests";
        self.0.rate.count(&caller.principal, too_many)?;
        Ok(caller)
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
        caller: Caller,
        action: &str,
        mut input: Value,
        dry_run: bool,
        key: impl FnOnce(&Principal, &str, &Value) -> Result<Option<Key>>,
    ) -> Result<Started> {
        let action = self.action(action)?;
        let id = &action.descriptor().id;
        let access = &self.0.access;
        let named = input.get("organization").and_then(Value::as_str);
        let organization = access.target(&caller, named)?;
        if let (Some(organization), Some(input)) = (&organization, input.as_object_mut()) {
            // What was left out and is plain stands in the run's record, as if it had been given.
            input
                .entry("organization")
                .or_insert_with(|| organization.as_str().into());
        }
        let prepared = action.prepare(input);
        // Who may not learns that, and not what else is wrong.
        let connection = prepared.as_ref().ok().map(|prepared| &*prepared.connection);
        access.check(
            &caller,
            Wanted {
                action: id,
                organization: organization.as_deref(),
                connection,
                dry_run,
            },
        )?;
        let prepared = prepared?;
        // A key drives a change to its end. A look is made anew: what was there may be gone, and what was not may be there.
        let key = match action.descriptor().attributes.read_only {
            true => None,
            false => key(&caller.principal, &prepared.connection, &prepared.input)?,
        };
        let by = caller.principal.clone();
        let started = self.0.runs.start(Start {
            action: id.clone(),
            principal: caller.principal,
            prepared,
            dry_run,
            key,
            trace: Some(caller.trace.clone()),
        });
        Ok(self.started(started.await?, &by, &caller.trace))
    }

    /// Writes down that a run was started or joined, and by whom.
    fn started(&self, started: Started, by: &Principal, trace: &str) -> Started {
        let Started { run, joined } = &started;
        tracing::info!(run_id = %run.spec.id, joined, %by, "run");
        let outcome = if *joined { "joined" } else { "started" };
        self.0.access.audit().run(run, outcome, by, trace);
        started
    }

    /// Starts a run again that did not succeed.
    pub(crate) async fn retry(&self, caller: &Caller, run: &Run) -> Result<Started> {
        self.check_run(caller, run, false)?;
        let (by, trace) = (&caller.principal, Some(caller.trace.clone()));
        let retry = self.0.runs.retry(run, by, trace).await?;
        Ok(self.started(retry, by, &caller.trace))
    }

    /// Asks a run to end: the caller's own, or one that the caller may start.
    pub(crate) async fn cancel(&self, caller: &Caller, run: &Run) -> Result<()> {
        if run.spec.principal != caller.principal {
            self.check_run(caller, run, run.spec.dry_run)?;
        }
        run.cancel().await
    }

    /// Takes back what a run made.
    pub(crate) async fn undo(&self, caller: &Caller, run: &Run, dry_run: bool) -> Result<Started> {
        self.check_run(caller, run, dry_run)?;
        let (by, trace) = (&caller.principal, Some(caller.trace.clone()));
        let undo = self.0.runs.undo(run, by, trace, dry_run).await?;
        Ok(self.started(undo, by, &caller.trace))
    }

    /// A list of choices for a form.
    pub(crate) async fn options(
        &self,
        presented: &Presented,
        provider: String,
        list: String,
        mut narrowing: BTreeMap<String, String>,
    ) -> Result<Arc<Vec<Choice>>> {
        let caller = self.authenticate(presented, Door::Forms(&provider)).await?;
        self.check_provider(&provider)?;
        let Inner {
            access,
            options,
            registry,
            ..
        } = &*self.0;
        let named = narrowing.get("organization").map(String::as_str);
        let organization = access.target(&caller, named)?;
        access.check(
            &caller,
            Wanted {
                action: &format!("{provider}:options"),
                organization: organization.as_deref(),
                connection: narrowing.get("connection").map(String::as_str),
                dry_run: true,
            },
        )?;
        if let Some(organization) = organization {
            narrowing.insert("organization".into(), organization);
        }
        options
            .get(registry, caller.principal, provider, list, narrowing)
            .await
    }

    /// The run with that id, if the caller may see it.
    pub(crate) async fn run(&self, caller: &Caller, id: &str) -> Result<Run> {
        let id: Uuid = id
            .parse()
            .map_err(|_| Error::not_found("A run's id is a UUID, and this is none."))?;
        if !self.0.auth.sees_all_runs(&caller.principal) {
            return self.0.runs.get(id, Some(&caller.principal)).await;
        }
        let run = self.0.runs.get(id, None).await?;
        self.check_run(caller, &run, true)?;
        Ok(run)
    }

    /// Runs, the newest first: the caller's own, or those that a key for all runs may see.
    pub(crate) async fn list_runs(
        &self,
        caller: &Caller,
        filter: Filter,
    ) -> Result<Vec<RunRecord>> {
        let runs = &self.0.runs;
        if !self.0.auth.sees_all_runs(&caller.principal) {
            let principal = Some(caller.principal.clone());
            return runs
                .list(&Filter {
                    principal,
                    ..filter
                })
                .await;
        }
        let own = caller.memberships.iter();
        let own = own.map(|one| one.organization.to_string()).collect();
        let organizations = self.0.access.tenancy().then_some(own);
        runs.list(&Filter {
            organizations,
            ..filter
        })
        .await
    }

    /// Whether the caller may run what that run did.
    fn check_run(&self, caller: &Caller, run: &Run, dry_run: bool) -> Result<()> {
        self.0.access.check(
            caller,
            Wanted {
                action: &run.spec.action,
                organization: run.spec.organization.as_deref(),
                connection: Some(&run.spec.connection),
                dry_run,
            },
        )
    }

    /// The action with that id, if the caller may run it.
    pub(crate) fn visible(&self, caller: &Caller, id: &str) -> Result<&Descriptor> {
        let action = self.action(id)?.descriptor();
        match self.0.access.may_some(caller, &action.id) {
            true => Ok(action),
            false => Err(Error::not_found("There is no action with this id for you.")),
        }
    }

    /// The service, as long as it is there.
    pub(crate) fn weak(&self) -> impl Fn() -> Option<App> + Send + 'static {
        let weak = Arc::downgrade(&self.0);
        move || weak.upgrade().map(App)
    }

    /// Reads again what may change while the service runs: what it is, and whether it has changed.
    pub(crate) fn reload(&self) -> Vec<(&'static str, Result<bool, String>)> {
        let policies = self.0.access.reload_policies();
        let mut read = vec![("policies", policies.map_err(|error| error.to_string()))];
        if let Some(tls) = &self.0.tls {
            let tls = tls.reload().map_err(|error| error.to_string());
            read.push(("TLS certificates", tls));
        }
        read
    }

    /// The router of all doors.
    pub fn router(self) -> Router {
        let limit = self.0.body_limit;
        openapi::serve(documented(), &self)
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method)
            .layer(DefaultBodyLimit::max(limit))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn_with_state(self.clone(), finish))
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
async fn finish(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let started = tokio::time::Instant::now();
    if let Ok(id) = id.parse() {
        request.headers_mut().insert("x-request-id", id);
    }
    let span = tracing::info_span!("request", request_id = id, %method, path);
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.request_id = Some(id.clone());
        // A refusal may quote what an input holds, such as a secret in the wrong place.
        problem.scrub(&app.0.redactor);
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
        let bytes = tokio::time::timeout(BODY_TIME, Bytes::from_request(request, state));
        let bytes = bytes.await.map_err(|_| too_slow())?.map_err(unreadable)?;
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

/// How long a client may take to send a body.
const BODY_TIME: Duration = Duration::from_secs(30);

fn too_slow() -> Problem {
    Problem::http(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        format!("The body did not come within {} s.", BODY_TIME.as_secs()),
    )
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

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        app: &App,
    ) -> Result<Self, Problem> {
        let Ok(presented) = Presented::from_request_parts(parts, app).await;
        Ok(app.authenticate(&presented, Door::RunApi).await?)
    }
}
