//! In-memory services that answer, and refuse, as the real ones do: for the demo, for tests, and for
//! authors of templates. What is known of the real ones, with sources, is in each service's module.
//!
//! Each is under its name: Coder is at `/coder`. What a test needs besides is at `/sandbox`: faults to switch on, how the next
//! builds behave, the requests that came, and what there is.

mod coder;
mod control;
mod faults;
pub mod gitea;
pub mod mattermost;
mod requests;
mod serve;
pub mod twenty;
mod twin;

use std::{sync::Arc, time::Duration};

use axum::Router;
use http::Method;
use serde_json::Value;
use tokio::net::TcpListener;

pub use coder::{BuildBehaviour, Coder, EXPIRED_TOKEN, MEMBER_TOKEN, OWNER_TOKEN};
pub use faults::{Fault, FaultRule, Faults};
pub use gitea::Gitea;
pub use mattermost::Mattermost;
pub use requests::{Request, Requests};
pub use serve::Running;
pub use twenty::Twenty;
pub use twin::Tokens;

use twin::Twin;

/// How the sandbox behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a workspace's build takes.
    pub build: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            build: Duration::from_secs(3),
        }
    }
}

/// The services and what was asked of them. Cheap to clone: clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    coder: Coder,
    mattermost: Mattermost,
    gitea: Gitea,
    twenty: Twenty,
    faults: Faults,
    requests: Requests,
}

impl Sandbox {
    /// A sandbox with its seed.
    pub fn new(options: Options) -> Self {
        Sandbox(Arc::new(Inner {
            coder: Coder::new(options.build),
            mattermost: Mattermost::new(),
            gitea: Gitea::new(),
            twenty: Twenty::new(),
            faults: Faults::default(),
            requests: Requests::default(),
        }))
    }

    /// Coder.
    pub fn coder(&self) -> &Coder {
        &self.0.coder
    }

    /// Mattermost.
    pub fn mattermost(&self) -> &Mattermost {
        &self.0.mattermost
    }

    /// Gitea.
    pub fn gitea(&self) -> &Gitea {
        &self.0.gitea
    }

    /// Twenty.
    pub fn twenty(&self) -> &Twenty {
        &self.0.twenty
    }

    /// Faults to switch on.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What was asked.
    pub fn requests(&self) -> &Requests {
        &self.0.requests
    }

    /// Every service.
    fn twins(&self) -> [&dyn Twin; 4] {
        [self.coder(), self.mattermost(), self.gitea(), self.twenty()]
    }

    fn twin(&self, service: &str) -> Option<&dyn Twin> {
        self.twins().into_iter().find(|twin| twin.id() == service)
    }

    pub(crate) fn set_url(&self, url: &str) {
        for twin in self.twins() {
            twin.set_url(&format!("{url}/{}", twin.id()));
        }
    }

    /// The names of the services.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        self.twins().into_iter().map(Twin::id)
    }

    /// Tokens that the service of that name knows.
    pub fn tokens(&self, service: &str) -> Option<Tokens> {
        self.twin(service).map(Twin::tokens)
    }

    /// Whether such a request to a service asks for a change.
    pub fn writes(&self, service: &str, method: &Method, path: &str, body: &[u8]) -> bool {
        self.twin(service)
            .is_some_and(|twin| twin.writes(method, &twin.route(path, body)))
    }

    /// What there is in every service, by its name.
    pub fn state(&self) -> Value {
        let states = self
            .twins()
            .map(|twin| (twin.id().to_owned(), twin.state()));
        Value::Object(states.into_iter().collect())
    }

    /// All services under their paths, behind the faults.
    pub fn router(&self) -> Router {
        let services = self
            .twins()
            .into_iter()
            .fold(Router::new(), |router, twin| {
                router.nest(&format!("/{}", twin.id()), twin.router())
            });
        services
            .layer(axum::middleware::from_fn_with_state(
                self.clone(),
                faults::intervene,
            ))
            .merge(control::router(self.clone()))
    }

    /// Serves on a listener until the answer is dropped or stopped.
    pub fn start(options: Options, listener: TcpListener) -> Running {
        Running::new(Sandbox::new(options), listener)
    }

    /// Serves on a free port of loopback.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn spawn(options: Options) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        Sandbox::start(options, listener)
    }

    /// Back to the seed: no faults, no requests, nothing made.
    pub fn reset(&self) {
        self.twins().into_iter().for_each(Twin::reset);
        self.faults().clear();
        self.requests().clear();
    }
}
