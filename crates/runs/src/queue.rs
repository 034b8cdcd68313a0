//! The places that runs have: so many are worked on at a time, and so many more are accepted and wait for their
//! turn. Each connection has its own: a service that is slow holds up nobody else's runs.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use futures::FutureExt;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The queues of all connections.
pub(crate) struct Queues {
    most_running: usize,
    most_accepted: usize,
    queues: Mutex<HashMap<String, Queue>>,
}

/// The queue of one connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    /// A place for each run that is accepted.
    accepted: Arc<Semaphore>,
    /// A place for each run that is worked on; given out in order.
    places: Arc<Semaphore>,
}

impl Queues {
    pub(crate) fn new(most_running: usize, most_waiting: usize) -> Self {
        let most_running = most_running.min(Semaphore::MAX_PERMITS / 2);
        Queues {
            most_running,
            most_accepted: most_running + most_waiting.min(Semaphore::MAX_PERMITS / 2),
            queues: Mutex::default(),
        }
    }

    /// The queue of a connection.
    pub(crate) fn of(&self, connection: &str) -> Queue {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Queue {
            accepted: Arc::new(Semaphore::new(self.most_accepted)),
            places: Arc::new(Semaphore::new(self.most_running)),
        };
        match queues.get(connection) {
            Some(queue) => queue.clone(),
            None => queues.entry(connection.into()).or_insert_with(new).clone(),
        }
    }
}

impl Queue {
    /// A place for one more run, if there is one.
    pub(crate) fn accept(&self) -> Option<OwnedSemaphorePermit> {
        self.accepted.clone().try_acquire_owned().ok()
    }

    /// Stands in line from this moment on: whoever came first goes first, however their tasks are scheduled.
    pub(crate) fn line_up(&self) -> Turn {
        let mut turn: Waiting = Box::pin(self.places.clone().acquire_owned());
        match (&mut turn).now_or_never() {
            Some(place) => Turn::Come(place.ok()),
            None => Turn::Waiting(turn),
        }
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A run's turn to be worked on. The queue is never closed; were it, runs would go on without a bound.
pub(crate) enum Turn {
    Come(Option<OwnedSemaphorePermit>),
    Waiting(Waiting),
}
