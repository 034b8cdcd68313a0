//! Mattermost v11 (github.com/mattermost/mattermost), as far as provisioning goes: statuses, ids and words of
//! its refusals, and the order of its checks.
//!
//! `users`, `teams`, `channels` and `server` hold its handlers, `router` puts them under their paths and knows who
//! calls; `rules` says what a name or a password may be; `state` holds what there is and `view` shows it; `seed` is
//! what is there at the start.

mod channels;
mod error;
mod router;
mod rules;
mod seed;
mod server;
mod state;
mod teams;
mod users;
mod view;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use crate::twin::{Tokens, Twin};

pub use seed::{ADMIN_TOKEN, EXPIRED_TOKEN, MEMBER_TOKEN};
pub use server::Settings;

/// The in-memory Mattermost. Cheap to clone: clones are the same.
#[derive(Clone)]
pub struct Mattermost(Arc<Inner>);

struct Inner {
    state: Mutex<state::State>,
    url: RwLock<String>,
}

impl Mattermost {
    pub(crate) fn new() -> Self {
        Mattermost(Arc::new(Inner {
            state: Mutex::new(seed::seed()),
            url: RwLock::default(),
        }))
    }

    /// Changes its settings, as an administrator does in the System Console.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Changes an account in a way for which it has no call here: as SCIM, LDAP or a plugin would.
    pub fn change_user(&self, username: &str, change: impl FnOnce(&mut User)) {
        let mut state = self.state();
        if let Some(user) = state
            .users
            .iter_mut()
            .find(|user| user.username == username)
        {
            change(user);
        }
    }

    fn state(&self) -> MutexGuard<'_, state::State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self) -> String {
        self.0
            .url
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

pub use state::User;

impl Twin for Mattermost {
    fn id(&self) -> &'static str {
        "mattermost"
    }

    fn tokens(&self) -> Tokens {
        Tokens {
            administrator: ADMIN_TOKEN,
            member: MEMBER_TOKEN,
        }
    }

    fn router(&self) -> Router {
        router::router(self.clone())
    }

    fn set_url(&self, url: &str) {
        *self.0.url.write().unwrap_or_else(PoisonError::into_inner) = url.into();
    }

    /// `users`, `teams` with their `members` and `channels`, archived ones included, and the `mails` that went out.
    fn state(&self) -> Value {
        view::state(&Mattermost::state(self))
    }

    fn reset(&self) {
        *Mattermost::state(self) = seed::seed();
    }

    /// The limiter answers before the API does, and not in JSON.
    fn rate_limited(&self, seconds: u64) -> Response {
        let headers = [
            ("retry-after", seconds.to_string()),
            ("x-ratelimit-limit", "101".into()),
            ("x-ratelimit-remaining", "0".into()),
            ("x-ratelimit-reset", seconds.to_string()),
        ];
        (StatusCode::TOO_MANY_REQUESTS, headers, "limit exceeded\n").into_response()
    }

    fn internal_error(&self) -> Value {
        error::Error::internal().body().clone()
    }
}
