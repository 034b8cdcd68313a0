//! Gitea 1.27 (github.com/go-gitea/gitea), as far as provisioning and Backstage's `publish:gitea` go: statuses and words
//! of its refusals, the order of its checks, and git over HTTP.
//!
//! `users`, `organizations` and `repositories` hold its handlers, `git` serves what is pushed and pulled, `router` puts
//! them under their paths and knows who calls; `rules` says what a name or a password may be; `state` holds what there is
//! and `view` shows it; `seed` is what is there at the start.

mod error;
mod git;
mod organizations;
mod repositories;
mod router;
mod rules;
mod seed;
mod state;
mod users;
mod view;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use axum::Router;
use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::twin::{Tokens, Twin};

pub use seed::{ADMIN_PASSWORD, ADMIN_TOKEN, GRACE_IN_KEYCLOAK, MEMBER_TOKEN, NARROW_TOKEN};
pub use state::{Settings, User};

/// The in-memory Gitea. Cheap to clone: clones are the same. What git needs on disk is gone with the last of them.
#[derive(Clone)]
pub struct Gitea(Arc<Inner>);

struct Inner {
    state: Mutex<state::State>,
    url: RwLock<String>,
    /// Where git keeps repositories. Made when the first one is needed.
    folder: OnceLock<TempDir>,
    /// Held while one is made.
    making: tokio::sync::Mutex<()>,
}

impl Gitea {
    pub(crate) fn new() -> Self {
        Gitea(Arc::new(Inner {
            state: Mutex::new(seed::seed()),
            url: RwLock::default(),
            folder: OnceLock::new(),
            making: tokio::sync::Mutex::default(),
        }))
    }

    /// Changes its settings, as an administrator does in `app.ini`.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Changes an account, as its person or an administrator does on the web.
    pub fn change_user(&self, username: &str, change: impl FnOnce(&mut User)) {
        let mut state = self.state();
        let id = state.user(username).map(|user| user.id);
        if let Some(user) = id.and_then(|id| state.user_mut(id).ok()) {
            change(user);
        }
    }

    /// Gives an account another name; the old one leads to it.
    pub fn rename_user(&self, username: &str, to: &str) {
        let id = self.state().user(username).map(|user| user.id);
        if let Some(id) = id {
            self.state().redirects.push((username.into(), id));
            self.change_user(username, |user| user.login = to.into());
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

    fn folder(&self) -> io::Result<&Path> {
        if let Some(folder) = self.0.folder.get() {
            return Ok(folder.path());
        }
        let new = TempDir::with_prefix("sidestage-sandbox-gitea-")?;
        Ok(self.0.folder.get_or_init(|| new).path())
    }

    async fn making(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.making.lock().await
    }
}

impl Twin for Gitea {
    fn id(&self) -> &'static str {
        "gitea"
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

    /// `users`, `organizations` with their `teams` and `members`, `repositories`, and the `mails` that went out.
    fn state(&self) -> Value {
        view::state(&Gitea::state(self))
    }

    fn reset(&self) {
        *Gitea::state(self) = seed::seed();
    }

    /// A fetch asks by POST, too.
    fn writes(&self, method: &Method, route: &str) -> bool {
        !matches!(*method, Method::GET | Method::HEAD) && !route.ends_with("/git-upload-pack")
    }

    fn internal_error(&self) -> Value {
        error::Error::internal("database is locked").body().clone()
    }
}
