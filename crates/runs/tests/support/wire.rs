//! The wire between a process and the services: a call that is on its way can be cut off there, come late, come
//! twice, or be answered from before the last change.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use sidestage_sandbox::Running;
use tokio::sync::watch;
use url::Url;

use super::points::Points;

/// How the wire behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Passes everything on. A call whose process dies before it was passed on is lost.
    #[default]
    Good,
    /// A call whose process dies before it was passed on comes to the service later.
    Late,
    /// Every call that may change something comes twice; the first answer counts.
    Twice,
    /// The first answer to each change is lost on its way back, and the next looks show what was there before it.
    Stale,
    /// Every change is answered as it should be, and the next looks show what was there before it.
    Behind,
    /// The first answer to each change is 500, after the service did it.
    Wrong,
    /// The first answer to each change is cut in the middle.
    Broken,
}

type Answer = (StatusCode, HeaderMap, Bytes);

#[derive(Clone)]
pub struct Wire {
    services: sidestage_sandbox::Sandbox,
    url: Url,
    points: Points,
    manner: Manner,
    http: reqwest::Client,
    /// True: calls that were held back are passed on.
    late: watch::Sender<bool>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The last answer to each look, and how often it is given once more although it is no longer true.
    seen: HashMap<(String, Bytes), (Answer, usize)>,
    /// The changes that were answered.
    changes: HashSet<(String, Bytes)>,
    /// Calls that may change something and are still passed on; the next one is refused, once.
    until_refused: Option<usize>,
    under_way: usize,
}

impl Wire {
    pub async fn before(services: &Running, points: Points, manner: Manner) -> (Wire, Url) {
        let wire = Wire {
            services: services.sandbox().clone(),
            url: services.url.clone(),
            points,
            manner,
            // The machine's certificates take long to read, and none is needed here.
            http: reqwest::Client::builder()
                .tls_certs_only([])
                .build()
                .unwrap(),
            late: watch::Sender::new(false),
            state: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = services.url.clone();
        let port = listener.local_addr().unwrap().port();
        url.set_port(Some(port)).unwrap();
        let carrier = wire.clone();
        let router = Router::new().fallback(move |request: Request| {
            let carrier = carrier.clone();
            // A client that dies does not take back what it sent.
            async move {
                tokio::spawn(async move { carrier.carry(request).await })
                    .await
                    .unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (wire, url)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// After this many calls that may change something, one is refused.
    pub fn refuse_after(&self, changes: usize) {
        self.state().until_refused = Some(changes);
    }

    /// Passes on what was held back, and waits until it has arrived.
    pub async fn deliver_what_is_late(&self) {
        self.late.send_replace(true);
        while self.state().under_way > 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn carry(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let path = parts.uri.path_and_query().unwrap().to_string();
        let (method, headers) = (parts.method, parts.headers);
        let look = !self.writes(&method, parts.uri.path(), &body);
        // Of GraphQL everything has one path.
        let question = (path.clone(), body.clone());
        let words = format!("{method} {path}");
        let pass_on = || self.pass_on(method.clone(), path.clone(), headers.clone(), body.clone());

        if self.manner == Manner::Late && !look {
            self.state().under_way += 1;
            let mut late = self.late.subscribe();
            tokio::select! {
                biased;
                () = self.points.reach(format!("before {words}")) => self.state().under_way -= 1,
                () = async { drop(late.wait_for(|late| *late).await) } => {
                    pass_on().await;
                    self.state().under_way -= 1;
                    std::future::pending().await
                }
            }
        } else {
            self.points.reach(format!("before {words}")).await;
        }
        if look {
            let mut state = self.state();
            if let Some((answer, left)) = state.seen.get_mut(&question)
                && *left > 0
            {
                *left -= 1;
                return respond(answer.clone());
            }
        } else if let Some(left) = &mut self.state().until_refused {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => {
                    *left = usize::MAX;
                    return respond((StatusCode::FORBIDDEN, HeaderMap::new(), Bytes::new()));
                }
            }
        }
        let answer = pass_on().await;
        if self.manner == Manner::Twice && !look {
            pass_on().await;
        }
        let first_answer = {
            let mut state = self.state();
            let changes = !look && answer.0.is_success();
            let first = changes && state.changes.insert((words.clone(), question.1.clone()));
            if look {
                state.seen.insert(question, (answer.clone(), 0));
            }
            if changes && self.manner == Manner::Behind || first && self.manner == Manner::Stale {
                state.seen.values_mut().for_each(|(_, left)| *left = 2);
            }
            first
        };
        self.points.reach(format!("after {words}")).await;
        let (status, headers, body) = answer;
        match self.manner {
            Manner::Stale if first_answer => {
                respond((StatusCode::BAD_GATEWAY, headers, Bytes::new()))
            }
            Manner::Wrong if first_answer => respond((
                StatusCode::INTERNAL_SERVER_ERROR,
                HeaderMap::new(),
                Bytes::new(),
            )),
            Manner::Broken if first_answer => {
                let half = body.slice(..body.len() / 2);
                respond((status, headers, half))
            }
            _ => respond((status, headers, body)),
        }
    }

    /// Whether a call asks for a change.
    fn writes(&self, method: &Method, path: &str, body: &[u8]) -> bool {
        let (service, path) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        self.services
            .writes(service, method, &format!("/{path}"), body)
    }

    async fn pass_on(
        &self,
        method: Method,
        path: String,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Answer {
        headers.remove(http::header::HOST);
        headers.remove(http::header::CONTENT_LENGTH);
        let url = self.url.join(&path).unwrap();
        let request = self.http.request(method, url).headers(headers).body(body);
        let answer = request.send().await.unwrap();
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(http::header::CONTENT_LENGTH);
        headers.remove(http::header::TRANSFER_ENCODING);
        (status, headers, answer.bytes().await.unwrap())
    }
}

fn respond((status, headers, body): Answer) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
