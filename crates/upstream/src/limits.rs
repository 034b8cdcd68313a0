//! What every call passes before it may be sent: the door of one connection.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

use crate::breaker::{Breaker, Passage, Resting};

/// The limits that all clones of one client share. Those of another connection are its own: a service that
/// is slow or not well holds up nobody else.
#[derive(Debug)]
pub(crate) struct Limits {
    calls: Semaphore,
    pace: Option<Pace>,
    breaker: Breaker,
}

/// A place among the calls under way, held until it is dropped: when the answer has been read, not while a
/// call waits to be repeated.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) passage: Passage<'a>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Limits {
    pub(crate) fn new(max_concurrent: usize, per_minute: Option<u32>, breaker: Breaker) -> Limits {
        Limits {
            calls: Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS)),
            pace: per_minute.map(Pace::new),
            breaker,
        }
    }

    /// Waits for a place. The breaker is asked last: it may have opened meanwhile.
    pub(crate) async fn enter(&self) -> Result<Place<'_>, Resting> {
        // The semaphore is never closed; were it, calls would go on without a bound.
        let permit = self.calls.acquire().await.ok();
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        Ok(Place {
            passage: self.breaker.enter()?,
            _permit: permit,
        })
    }
}

/// Keeps calls from coming faster than a service takes them: some at once, then evenly.
#[derive(Debug)]
struct Pace {
    /// From one call to the next.
    every: Duration,
    /// How far ahead of the even pace calls may be.
    ahead: Duration,
    /// When the next call would be due at an even pace.
    due: Mutex<Option<Instant>>,
}

impl Pace {
    /// A sixth of a minute's calls may come at once.
    fn new(per_minute: u32) -> Pace {
        let every = Duration::from_secs(60) / per_minute.max(1);
        Pace {
            every,
            ahead: Duration::from_secs(10),
            due: Mutex::default(),
        }
    }

    async fn wait(&self) {
        let turn = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = due.map_or_else(Instant::now, |due| due.max(Instant::now()));
            *due = Some(turn + self.every);
            turn
        };
        sleep_until(turn.checked_sub(self.ahead).unwrap_or(turn)).await;
    }
}
