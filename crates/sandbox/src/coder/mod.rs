//! Coder v2.36 (github.com/coder/coder), as far as provisioning goes: statuses, words and order of checks.
//!
//! `routes` reads like Coder's router; `state` holds what it holds and how a build goes with time; `view`
//! shows it; `decode` refuses a body in Go's words; `seed` is what is there at the start.

mod decode;
mod error;
mod routes;
mod seed;
mod state;
mod view;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::twin::{Tokens, Twin};

pub use seed::{EXPIRED_TOKEN, MEMBER_TOKEN, OWNER_TOKEN};
pub use state::BuildBehaviour;

/// The in-memory Coder. Cheap to clone: clones are the same.
#[derive(Clone)]
pub struct Coder(Arc<Inner>);

struct Inner {
    state: Mutex<state::State>,
    build: Duration,
    /// How far its clock is ahead.
    ahead: Mutex<Duration>,
    url: RwLock<String>,
}

impl Coder {
    pub(crate) fn new(build: Duration) -> Self {
        Coder(Arc::new(Inner {
            state: Mutex::new(seed::seed()),
            build,
            ahead: Mutex::default(),
            url: RwLock::default(),
        }))
    }

    fn state_mut(&self) -> MutexGuard<'_, state::State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Instant {
        Instant::now() + *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self) -> String {
        self.0
            .url
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Lets time pass for its builds.
    pub fn advance(&self, by: Duration) {
        *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// How the next builds go, instead of as their templates say.
    pub fn next_builds(&self, behaviour: BuildBehaviour, times: usize) {
        self.state_mut()
            .queued
            .extend(std::iter::repeat_n(behaviour, times));
    }

    /// Makes a workspace dormant, as Coder does with one that is not used.
    pub fn make_dormant(&self, owner: &str, name: &str) {
        let mut state = self.state_mut();
        let owner = state
            .users
            .iter()
            .find(|user| user.username == owner)
            .map(|user| user.id);
        for workspace in &mut state.workspaces {
            if Some(workspace.owner) == owner && workspace.name == name {
                workspace.dormant = true;
            }
        }
    }
}

impl Twin for Coder {
    fn id(&self) -> &'static str {
        "coder"
    }

    fn tokens(&self) -> Tokens {
        Tokens {
            administrator: OWNER_TOKEN,
            member: MEMBER_TOKEN,
        }
    }

    fn router(&self) -> Router {
        routes::router(self.clone())
    }

    fn set_url(&self, url: &str) {
        *self.0.url.write().unwrap_or_else(PoisonError::into_inner) = url.into();
    }

    /// `users`, and `workspaces` with their `builds`, deleted ones included.
    fn state(&self) -> Value {
        let (mut state, now) = (self.state_mut(), self.now());
        routes::bury(&mut state, now);
        let workspaces: Vec<Value> = state
            .workspaces
            .iter()
            .map(|workspace| {
                let builds: Vec<Value> = workspace
                    .builds
                    .iter()
                    .map(|build| {
                        let parameters: serde_json::Map<String, Value> =
                            build.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                        json!({
                            "number": build.number,
                            "transition": build.transition,
                            "status": build.status(now),
                            "parameters": parameters,
                        })
                    })
                    .collect();
                json!({
                    "id": workspace.id,
                    "name": workspace.name,
                    "owner": state.username(workspace.owner),
                    "template": state.template_by_id(workspace.template).map(|template| template.name),
                    "organization": state.organization(workspace.organization),
                    "status": workspace.latest().status(now),
                    "deleted": workspace.deleted,
                    "builds": builds,
                })
            })
            .collect();
        let users: Vec<Value> = state.users.iter().map(view::user).collect();
        json!({ "users": users, "workspaces": workspaces })
    }

    fn reset(&self) {
        *self.state_mut() = seed::seed();
    }

    fn writes(&self, method: &Method, path: &str) -> bool {
        !matches!(*method, Method::GET | Method::HEAD) && !path.ends_with("/evaluate")
    }

    fn rate_limited(&self, seconds: u64) -> Response {
        let message = "You've been rate limited for sending more than 512 requests in 1m0s.";
        (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", seconds.to_string())],
            Json(json!({ "message": message })),
        )
            .into_response()
    }
}
