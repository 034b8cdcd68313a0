//! One run, as those who started or follow it see it: wherever it is worked on.

use std::time::Duration;

use futures::Stream;
use jiff::Timestamp;
use serde_json::Value;
use sidestage_action::{Error, Result};
use uuid::Uuid;

use crate::{
    event::{Event, EventKind, Failure, Status},
    journal::{EffectRecord, RunSpec},
    runs::Runs,
};

/// How often a run that another replica works on is looked at.
const POLL: Duration = Duration::from_millis(500);

/// Events that are read at once.
const PAGE: usize = 500;

/// One execution of one action. Cheap to clone.
#[derive(Clone)]
pub struct Run {
    /// What it was asked to do.
    pub spec: RunSpec,
    pub(crate) runs: Runs,
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
    /// The run that goes on with its unfinished work.
    pub continued_by: Option<Uuid>,
}

impl Run {
    /// The run as it is now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let id = self.spec.id;
        if let Some(live) = self.runs.live(id) {
            let state = live.record.state();
            if !state.ended {
                return Ok(Snapshot {
                    status: Status::Running,
                    ended_at: None,
                    output: None,
                    error: None,
                    effects: state.effects.clone(),
                    continued_by: None,
                });
            }
        }
        let journal = self.runs.journal();
        let record = journal.run(id).await?.ok_or_else(|| forgotten(id))?;
        Ok(Snapshot {
            status: record.status,
            ended_at: record.ended_at,
            output: record.output,
            error: record.error,
            effects: journal.effects(id).await?,
            continued_by: record.continued_by,
        })
    }

    /// Where it is in its life.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn status(&self) -> Result<Status> {
        let id = self.spec.id;
        if let Some(live) = self.runs.live(id)
            && !live.record.state().ended
        {
            return Ok(Status::Running);
        }
        let record = self.runs.journal().run(id).await?;
        Ok(record.ok_or_else(|| forgotten(id))?.status)
    }

    /// What it said last that it is doing, where this process knows.
    pub fn doing(&self) -> Option<String> {
        let live = self.runs.live(self.spec.id)?;
        live.record.state().doing.clone()
    }

    /// Asks it to end. It ends soon after, unless it has already.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub async fn cancel(&self) -> Result<()> {
        if let Some(live) = self.runs.live(self.spec.id) {
            // Also where the journal cannot be written.
            live.cancel.cancel();
        }
        self.runs.journal().request_cancel(self.spec.id).await
    }

    /// What it says after the event `after` (0: from the start), as it says it, until its end.
    ///
    /// The stream also ends, without an end event, when the service stops or the journal cannot be read: the
    /// follower comes back later.
    pub fn follow(self, after: u64) -> impl Stream<Item = Event> + Send {
        async_stream::stream! {
            let mut after = after;
            loop {
                let change = self.next_change();
                let page = match self.events_after(after).await {
                    Ok(page) => page,
                    Err(error) => {
                        tracing::warn!(run_id = %self.spec.id, %error, "a follower is sent away");
                        break;
                    }
                };
                let more = !page.is_empty();
                for event in page {
                    after = event.id;
                    let ended = matches!(event.kind, EventKind::End { .. });
                    yield event;
                    if ended {
                        return;
                    }
                }
                if more {
                    continue;
                }
                // Whoever has seen the end already is not kept waiting for another one.
                if !matches!(self.status().await, Ok(Status::Running)) {
                    if matches!(self.events_after(after).await, Ok(page) if !page.is_empty()) {
                        continue;
                    }
                    break;
                }
                tokio::select! {
                    () = change => {}
                    () = self.runs.closing().cancelled() => break,
                }
            }
        }
    }

    /// What it has said after the event `after` (0: from the start), as far as that goes now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn said(&self, after: u64) -> Result<Vec<Event>> {
        let mut said: Vec<Event> = Vec::new();
        loop {
            let after = said.last().map_or(after, |last| last.id);
            match self.events_after(after).await? {
                page if page.is_empty() => return Ok(said),
                page => said.extend(page),
            }
        }
    }

    async fn events_after(&self, after: u64) -> Result<Vec<Event>> {
        let at_hand = self
            .runs
            .live(self.spec.id)
            .and_then(|live| live.record.events_after(after));
        match at_hand {
            Some(events) => Ok(events),
            None => {
                let journal = self.runs.journal();
                journal.events(self.spec.id, after, PAGE).await
            }
        }
    }

    /// Resolves when there may be something new. To be called before one looks.
    fn next_change(&self) -> impl Future<Output = ()> + Send + 'static {
        let live = self.runs.live(self.spec.id);
        let waiting = live.map(|live| (live.record.changes(), live));
        async move {
            match waiting {
                Some((mut changes, live)) => {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = live.record.lost().cancelled() => {}
                    }
                }
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Waits for the end, `limit` at most. None: it goes on.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn ended(&self, limit: Duration) -> Result<Option<Snapshot>> {
        let wait = async {
            loop {
                let change = self.next_change();
                let now = self.snapshot().await?;
                if now.status != Status::Running {
                    return Ok(now);
                }
                change.await;
            }
        };
        tokio::select! {
            ended = tokio::time::timeout(limit, wait) => ended.ok().transpose(),
            () = self.runs.closing().cancelled() => Ok(None),
        }
    }
}

pub(crate) fn forgotten(id: Uuid) -> Error {
    Error::not_found(format!(
        "There is no run {id} of yours. Runs are kept for a time after their end (runs.keep in Sidestage's \
         configuration)."
    ))
}
