//! Twenty 2.38 (github.com/twentyhq/twenty), as far as provisioning goes: its GraphQL API with the words and codes of its
//! refusals, which it answers with HTTP 200.
//!
//! `document` reads what is sent, `operations` does it; `objects` says what people and companies consist of, `values` what
//! may be written into them, `filters` which of them are meant, `selection` what is shown; `state` holds what there is and
//! `seed` what is there at the start; `router` knows who calls.

mod document;
mod error;
mod filters;
mod objects;
mod operations;
mod router;
mod seed;
mod selection;
mod state;
mod values;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
};
use http::Method;
use serde_json::Value;

use crate::twin::{Tokens, Twin};

pub use seed::{ADMIN_KEY, EXPIRED_KEY, READER_KEY, REVOKED_KEY};
pub use state::{Release, Settings};

/// The in-memory Twenty. Cheap to clone: clones are the same.
#[derive(Clone)]
pub struct Twenty(Arc<Inner>);

struct Inner {
    state: Mutex<state::State>,
    url: RwLock<String>,
}

impl Twenty {
    pub(crate) fn new() -> Self {
        Twenty(Arc::new(Inner {
            state: Mutex::new(seed::seed()),
            url: RwLock::default(),
        }))
    }

    /// Changes its settings, as who runs it does.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
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

impl Twin for Twenty {
    fn id(&self) -> &'static str {
        "twenty"
    }

    fn tokens(&self) -> Tokens {
        Tokens {
            administrator: ADMIN_KEY,
            member: READER_KEY,
        }
    }

    fn router(&self) -> Router {
        router::router(self.clone())
    }

    fn set_url(&self, url: &str) {
        *self.0.url.write().unwrap_or_else(PoisonError::into_inner) = url.into();
    }

    /// `people` and `companies`, deleted ones included.
    fn state(&self) -> Value {
        Twenty::state(self).show()
    }

    fn reset(&self) {
        *Twenty::state(self) = seed::seed();
    }

    /// The path, and the operations: `/graphql/createPerson`.
    fn route(&self, path: &str, body: &[u8]) -> String {
        match document::read(body) {
            Ok(document) if path == "/graphql" => {
                let names = document.fields.iter().map(|field| &*field.name);
                format!("{path}/{}", names.collect::<Vec<_>>().join("+"))
            }
            _ => path.into(),
        }
    }

    fn writes(&self, _method: &Method, route: &str) -> bool {
        route
            .strip_prefix("/graphql/")
            .is_some_and(|names| names.split('+').any(operations::changes))
    }

    /// A 200 as well. How long to wait is not said, but how long the limiter's window is; the newer limiter, which says
    /// `retryAfterMs`, is behind a flag that is off.
    fn rate_limited(&self, seconds: u64) -> Response {
        let error = error::Error::limit_reached(100, seconds * 1000);
        Json(error.alone()).into_response()
    }

    fn internal_error(&self) -> Value {
        error::Error::internal("Query read timeout").alone()
    }
}
