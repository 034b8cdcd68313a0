//! Points at which a process can be made to die.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Counts the points that a process comes to. At the one that a test says, nothing goes on any more, as in a
/// process that is no more; the test then takes the process away.
#[derive(Clone, Default)]
pub struct Points(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    dead: Notify,
}

#[derive(Default)]
struct State {
    passed: Vec<String>,
    dies_at: Option<usize>,
    is_dead: bool,
}

impl Points {
    /// The process dies at its `n`-th point, counted from 0.
    pub fn dying_at(n: usize) -> Self {
        let points = Points::default();
        points.state().dies_at = Some(n);
        points
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes to a point. Does not come back from the last one, nor from any after it.
    pub async fn reach(&self, what: impl Into<String>) {
        let dead = {
            let mut state = self.state();
            if !state.is_dead {
                state.passed.push(what.into());
                state.is_dead = state.dies_at == Some(state.passed.len() - 1);
            }
            state.is_dead
        };
        if dead {
            self.0.dead.notify_one();
            std::future::pending().await
        }
    }

    /// Resolves when the process has died.
    pub async fn death(&self) {
        self.0.dead.notified().await;
    }

    /// What the last point was, for the words of a failure.
    pub fn last(&self) -> String {
        let state = self.state();
        let last = state.passed.last().cloned().unwrap_or_default();
        format!("point {}: {last}", state.passed.len().saturating_sub(1))
    }
}
