//! Faults that a test switches on: in front of every service, so that all of them fail alike.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Sandbox, requests, twin::Twin};

/// What goes wrong, for which requests, how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// `coder`.
    pub service: String,
    /// A method; none: all.
    #[serde(default)]
    pub method: Option<String>,
    /// A path within the service; `*` stands for one segment, `**` for any number. GraphQL's is followed by the name of
    /// the operation: `/graphql/createPerson`.
    pub path: String,
    /// How often; none: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// What goes wrong.
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Another answer than the service's.
    Status {
        /// The status.
        status: u16,
        /// The JSON body.
        #[serde(default)]
        body: Option<Value>,
        /// More headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Whether the work is done all the same.
        #[serde(default)]
        after: bool,
    },
    /// The answer comes late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The connection is closed before anything is done.
    DropBefore,
    /// The work is done, and the connection closed without an answer.
    DropAfter,
    /// 429, as the service says it.
    RateLimit {
        /// Seconds.
        #[serde(rename = "retryAfter")]
        retry_after: u64,
    },
    /// The work is done, and half of the answer's JSON is sent.
    BrokenBody,
    /// The request comes twice; the first answer is sent.
    Twice,
}

impl Fault {
    /// What it is called where faults are counted.
    fn name(&self) -> String {
        match self {
            Fault::Status {
                status,
                after: true,
                ..
            } => format!("{status} after the work"),
            Fault::Status { status, .. } => format!("{status} instead of the work"),
            Fault::Delay { .. } => "late".into(),
            Fault::DropBefore => "cut before the work".into(),
            Fault::DropAfter => "cut after the work".into(),
            Fault::RateLimit { .. } => "rate limit".into(),
            Fault::BrokenBody => "half a body".into(),
            Fault::Twice => "twice".into(),
        }
    }
}

/// The faults that are switched on.
#[derive(Default)]
pub struct Faults(Mutex<Switched>);

#[derive(Default)]
struct Switched {
    rules: Vec<FaultRule>,
    /// By what they are called.
    hits: BTreeMap<String, usize>,
}

impl Faults {
    fn switched(&self) -> MutexGuard<'_, Switched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches one on.
    pub fn add(&self, rule: FaultRule) {
        self.switched().rules.push(rule);
    }

    /// Switches all off.
    pub fn clear(&self) {
        self.switched().rules.clear();
    }

    /// How many calls were hit so far, by what went wrong.
    pub fn hits(&self) -> BTreeMap<String, usize> {
        self.switched().hits.clone()
    }

    /// The first that fits, counted down, and counted.
    fn take(&self, service: &str, method: &Method, path: &str) -> Option<Fault> {
        let mut switched = self.switched();
        let Switched { rules, hits } = &mut *switched;
        let at = rules.iter().position(|rule| {
            rule.service == service
                && rule
                    .method
                    .as_ref()
                    .is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
                && fits(&rule.path, path)
        })?;
        let fault = rules[at].fault.clone();
        if let Some(times) = &mut rules[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                rules.remove(at);
            }
        }
        *hits.entry(fault.name()).or_default() += 1;
        Some(fault)
    }
}

fn fits(glob: &str, path: &str) -> bool {
    fn segments(glob: &[&str], path: &[&str]) -> bool {
        match (glob, path) {
            ([], []) => true,
            (["**", rest @ ..], _) => (0..=path.len()).any(|skip| segments(rest, &path[skip..])),
            (["*", glob @ ..], [_, path @ ..]) => segments(glob, path),
            ([want, glob @ ..], [have, path @ ..]) => want == have && segments(glob, path),
            _ => false,
        }
    }
    segments(
        &glob.split('/').collect::<Vec<_>>(),
        &path.split('/').collect::<Vec<_>>(),
    )
}

/// Marks an answer that must not be sent.
#[derive(Clone, Copy)]
pub(crate) struct Dropped;

/// In front of every service: notes the request, and lets a fault have its way.
pub(crate) async fn intervene(
    State(sandbox): State<Sandbox>,
    request: Request,
    next: Next,
) -> Response {
    let (method, whole) = (request.method().clone(), request.uri().path().to_owned());
    let (service, rest) = whole
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((whole.trim_start_matches('/'), ""));
    let (parts, body) = request.into_parts();
    let body = read(body).await;
    let twin = sandbox.twin(service);
    let path = format!("/{rest}");
    let path = twin.map_or(path.clone(), |twin| twin.route(&path, &body));
    let fault = sandbox.faults().take(service, &method, &path);
    let request = Request::from_parts(parts, Body::from(body));
    let response = with_fault(twin, fault, request, next).await;
    let dropped = response.extensions().get::<Dropped>().is_some();
    sandbox.requests().push(requests::Request {
        service: service.into(),
        writes: twin.is_some_and(|twin| twin.writes(&method, &path)),
        method: method.to_string(),
        path,
        status: if dropped {
            0
        } else {
            response.status().as_u16()
        },
    });
    response
}

async fn with_fault(
    twin: Option<&dyn Twin>,
    fault: Option<Fault>,
    request: Request,
    next: Next,
) -> Response {
    let (Some(twin), Some(fault)) = (twin, fault) else {
        return next.run(request).await;
    };
    match fault {
        Fault::Delay { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        Fault::DropBefore => dropped(),
        Fault::DropAfter => {
            next.run(request).await;
            dropped()
        }
        Fault::RateLimit { retry_after } => twin.rate_limited(retry_after),
        Fault::Status {
            status,
            body,
            headers,
            after,
        } => {
            if after {
                next.run(request).await;
            }
            let body = body.unwrap_or_else(|| twin.internal_error());
            let mut response = axum::Json(body).into_response();
            *response.status_mut() =
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Fault::Twice => {
            let (parts, body) = request.into_parts();
            let body = read(body).await;
            let once = || Request::from_parts(parts.clone(), Body::from(body.clone()));
            let answer = next.clone().run(once()).await;
            next.run(once()).await;
            answer
        }
        Fault::BrokenBody => {
            let (mut parts, body) = next.run(request).await.into_parts();
            let bytes = read(body).await;
            parts.headers.remove(http::header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(bytes.slice(..bytes.len() / 2)))
        }
    }
}

async fn read(body: Body) -> Bytes {
    let body = body.collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .unwrap_or_default()
}

fn dropped() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Dropped);
    response
}
