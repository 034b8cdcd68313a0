//! What every call passes before it may be sent: the door of one connection.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The limits that all clones of one client share. A rate limiter and a circuit breaker belong into
/// [`Limits::enter`].
#[derive(Debug)]
pub(crate) struct Limits {
    calls: Semaphore,
}

impl Limits {
    pub(crate) fn new(max_concurrent: usize) -> Limits {
        Limits {
            calls: Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS)),
        }
    }

    /// Waits for a place among the calls under way. The place is held until the permit is dropped, which
    /// is when the answer has been read: not while a call waits to be repeated.
    pub(crate) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed; were it, calls would go on without a bound.
        self.calls.acquire().await.ok()
    }
}
