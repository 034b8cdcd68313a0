//! What was asked of the services.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// `coder`.
    pub service: String,
    /// The method.
    pub method: String,
    /// The path within the service; behind that of GraphQL the name of the operation.
    pub path: String,
    /// The status of its answer; 0 when the connection was dropped.
    pub status: u16,
    /// Whether it asks for a change.
    pub writes: bool,
}

/// The requests, in order.
#[derive(Default)]
pub struct Requests(Mutex<Vec<Request>>);

impl Requests {
    /// All so far.
    pub fn all(&self) -> Vec<Request> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(crate) fn push(&self, request: Request) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
    }
}
