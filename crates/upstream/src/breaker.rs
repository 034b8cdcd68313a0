//! The circuit breaker of one connection: a service that keeps failing is left alone for a while.
//!
//! Closed, calls go through. After some failures in a row it opens: calls are refused at once, with since
//! when and why. Then one call is let through to see; it closes the breaker, or opens it again.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Breaker {
    /// Failures in a row that open it.
    failures: u32,
    /// How long it stays open.
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed {
        failures: u32,
        /// When the first of them was.
        since: SystemTime,
    },
    Open {
        since: SystemTime,
        why: String,
        until: Instant,
        /// Whether a call is under way to see whether the service is well again.
        probing: bool,
    },
}

/// Why a call is not let through.
#[derive(Debug)]
pub(crate) struct Resting {
    /// Since when and why, as it stands in sentences.
    pub(crate) cause: String,
    /// How long until it is worth trying again.
    pub(crate) wait: Duration,
}

/// A call that was let through. One that ends without a word, since it was dropped, says nothing of the service.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    breaker: &'a Breaker,
    probing: bool,
}

impl Breaker {
    pub(crate) fn new(failures: u32, rest: Duration) -> Breaker {
        Breaker {
            failures: failures.max(1),
            rest,
            state: Mutex::new(CLOSED),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self) -> Result<Passage<'_>, Resting> {
        let mut state = self.state();
        let probing = match &mut *state {
            State::Closed { .. } => false,
            State::Open { until, probing, .. } if Instant::now() >= *until && !*probing => {
                *probing = true;
                true
            }
            State::Open {
                since, why, until, ..
            } => {
                // While a call is under way to see, the next is soon enough.
                let wait = until
                    .saturating_duration_since(Instant::now())
                    .max(Duration::from_secs(1));
                let since = httpdate::fmt_http_date(*since);
                return Err(Resting {
                    cause: format!("it has not been well since {since} ({why}) and is left alone"),
                    wait,
                });
            }
        };
        Ok(Passage {
            breaker: self,
            probing,
        })
    }
}

const CLOSED: State = State::Closed {
    failures: 0,
    since: SystemTime::UNIX_EPOCH,
};

impl Passage<'_> {
    /// The service has answered.
    pub(crate) fn well(self) {
        *self.breaker.state() = CLOSED;
    }

    /// The service has not, or not well.
    pub(crate) fn unwell(self, why: impl FnOnce() -> String) {
        let mut state = self.breaker.state();
        let (failures, since) = match &*state {
            State::Closed { failures: 0, .. } => (1, SystemTime::now()),
            State::Closed { failures, since } => (failures + 1, *since),
            State::Open { since, .. } if self.probing => (self.breaker.failures, *since),
            // A call that was under way when the breaker opened.
            State::Open { .. } => return,
        };
        *state = if failures < self.breaker.failures {
            State::Closed { failures, since }
        } else {
            State::Open {
                since,
                why: why(),
                until: Instant::now() + self.breaker.rest,
                probing: false,
            }
        };
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let (true, State::Open { probing, .. }) = (self.probing, &mut *self.breaker.state()) {
            *probing = false;
        }
    }
}
