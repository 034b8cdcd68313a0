//! One run, as those who started or follow it see it.

use std::{sync::Arc, time::Duration};

use futures::Stream;
use jiff::Timestamp;
use serde_json::Value;
use sidestage_action::Principal;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    event::{Event, Failure, Status},
    record::{EffectRecord, Record},
};

/// One execution of one action.
pub struct Run {
    /// Sortable by time.
    pub id: Uuid,
    /// The action's id.
    pub action: String,
    /// Who asked.
    pub principal: Principal,
    /// The connection that it works through.
    pub connection: String,
    /// Whether it changes nothing.
    pub dry_run: bool,
    /// When it started.
    pub created_at: Timestamp,
    /// The input without its secrets.
    pub(crate) input: Value,
    pub(crate) record: Arc<Record>,
    pub(crate) cancel: CancellationToken,
    /// Ends every follower when the service stops.
    pub(crate) closing: CancellationToken,
}

/// A run at one moment.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub status: Status,
    pub ended_at: Option<Timestamp>,
    pub output: Option<Value>,
    pub error: Option<Failure>,
    pub effects: Vec<EffectRecord>,
}

impl Run {
    /// The run as it is now.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.record.state();
        Snapshot {
            status: state.status,
            ended_at: state.ended_at.map(|(at, _)| at),
            output: state.output.clone(),
            error: state.error.clone(),
            effects: state.effects.clone(),
        }
    }

    /// Where it is in its life.
    pub fn status(&self) -> Status {
        self.record.state().status
    }

    /// What it said last that it is doing.
    pub fn doing(&self) -> Option<String> {
        self.record.state().doing.clone()
    }

    /// Asks it to end. It ends soon after, unless it has already.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// What it says after the event `after` (0: from the start), as it says it, until its end.
    ///
    /// The stream also ends, without an end event, when the service stops: the follower comes back later.
    pub fn follow(self: Arc<Self>, after: u64) -> impl Stream<Item = Event> + Send {
        async_stream::stream! {
            let mut changes = self.record.changes();
            let mut after = after;
            loop {
                changes.mark_unchanged();
                let (events, ended) = self.record.events_after(after);
                for event in events {
                    after = event.id;
                    yield event;
                }
                if ended {
                    break;
                }
                tokio::select! {
                    _ = changes.changed() => {}
                    () = self.closing.cancelled() => break,
                }
            }
        }
    }

    /// Waits for the end, `limit` at most. None: it goes on.
    pub async fn ended(&self, limit: Duration) -> Option<Snapshot> {
        let mut changes = self.record.changes();
        let wait = async {
            while self.status() == Status::Running {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            ended = tokio::time::timeout(limit, wait) => ended.ok().map(|()| self.snapshot()),
            () = self.closing.cancelled() => None,
        }
    }
}
