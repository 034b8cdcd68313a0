//! A journal that is disturbed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use sidestage_action::{Error, Result};
use sidestage_runs::{
    EffectRecord, Event, EventKind, Filter, Journal, Key, RunRecord,
    journal::{Batch, Begun, Held, Lease, NewRun, TakenOver, Write},
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::points::Points;

/// A journal whose process dies before or after a write, or that takes runs and nothing of what they say.
pub struct Disturbed {
    journal: Arc<dyn Journal>,
    points: Points,
    pub is_full: AtomicBool,
    /// How long it takes to say that it is full.
    pub refuses_after: Duration,
    /// One more intent or end was refused.
    pub refusals: Notify,
    /// It is full once it has taken the next intent.
    pub fills_up_with_an_intent: AtomicBool,
    /// Writes of which it is not told that they were made.
    pub answers_to_lose: AtomicUsize,
}

impl Disturbed {
    pub fn new(journal: Arc<dyn Journal>, points: Points) -> Self {
        Disturbed {
            journal,
            points,
            is_full: AtomicBool::new(false),
            refuses_after: Duration::ZERO,
            refusals: Notify::new(),
            fills_up_with_an_intent: AtomicBool::new(false),
            answers_to_lose: AtomicUsize::new(0),
        }
    }
}

/// What a write is, in a few words.
fn words(batches: &[Batch]) -> String {
    let words = batches
        .iter()
        .flat_map(|batch| &batch.writes)
        .map(|write| match write {
            Write::Event(event) => match &event.kind {
                EventKind::Log { .. } | EventKind::Progress { .. } => "a line".to_owned(),
                EventKind::Output { .. } => "the output".into(),
                EventKind::End { .. } => "the last event".into(),
            },
            Write::Intent(effect) => format!("the intent of {}", effect.intent.key),
            Write::Settlement { .. } => "a settlement".into(),
            Write::Turns(_) => "the turn".into(),
            Write::Failing(_) => "the failure".into(),
            Write::Undone(_) => "what is undone".into(),
            Write::End { .. } => "the end".into(),
        });
    words.collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Journal for Disturbed {
    async fn begin(&self, new: &NewRun) -> Result<Begun> {
        self.points.reach("before the run is written down").await;
        let begun = self.journal.begin(new).await;
        self.points.reach("after the run is written down").await;
        begun
    }

    async fn append(&self, batches: &[Batch]) -> Result<Vec<bool>> {
        if self.is_full.load(Ordering::Relaxed) {
            tokio::time::sleep(self.refuses_after).await;
            let mut writes = batches.iter().flat_map(|batch| &batch.writes);
            if writes.any(|write| matches!(write, Write::Intent(_) | Write::End { .. })) {
                self.refusals.notify_one();
            }
            return Err(Error::internal("the disk is full"));
        }
        let words = words(batches);
        self.points.reach(format!("before writing {words}")).await;
        let held = self.journal.append(batches).await;
        let mut writes = batches.iter().flat_map(|batch| &batch.writes);
        if writes.any(|write| matches!(write, Write::Intent(_)))
            && self.fills_up_with_an_intent.swap(false, Ordering::Relaxed)
        {
            self.is_full.store(true, Ordering::Relaxed);
        }
        self.points.reach(format!("after writing {words}")).await;
        let left = |left: usize| left.checked_sub(1);
        let lost = self
            .answers_to_lose
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        match lost {
            Ok(_) => Err(Error::internal("the connection was cut")),
            Err(_) => held,
        }
    }

    async fn run(&self, id: Uuid) -> Result<Option<RunRecord>> {
        self.journal.run(id).await
    }

    async fn named(&self, key: &Key) -> Result<Option<RunRecord>> {
        self.journal.named(key).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<RunRecord>> {
        self.journal.list(filter).await
    }

    async fn events(&self, run: Uuid, after: u64, most: usize) -> Result<Vec<Event>> {
        self.journal.events(run, after, most).await
    }

    async fn effects(&self, run: Uuid) -> Result<Vec<EffectRecord>> {
        self.journal.effects(run).await
    }

    async fn request_cancel(&self, run: Uuid) -> Result<()> {
        self.journal.request_cancel(run).await
    }

    async fn release_key(&self, key: &Key, run: Uuid) -> Result<()> {
        self.journal.release_key(key, run).await
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<Held>> {
        self.journal.renew(leases, lease).await
    }

    async fn hand_over(&self, owner: &str) -> Result<()> {
        self.journal.hand_over(owner).await
    }

    async fn take_over(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<TakenOver>> {
        self.journal.take_over(owner, lease, most).await
    }

    async fn forget(&self, ended_before: Timestamp, most: usize) -> Result<u64> {
        self.journal.forget(ended_before, most).await
    }
}
