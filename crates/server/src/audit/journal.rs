//! The journal, with a line in the audit log for each change and each end of a run that it takes in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::json;
use sidestage_action::{Result, effect::Intent};
use sidestage_runs::{
    Event, Filter, Key, RunRecord, RunSpec,
    journal::{Batch, Begun, EffectRecord, Held, Journal, Lease, NewRun, TakenOver, Write},
};
use uuid::Uuid;

use super::{Audit, lock};

/// A journal that keeps the audit log.
pub(crate) struct Audited<J> {
    journal: J,
    audit: Audit,
    /// The runs that this process works on.
    runs: Mutex<HashMap<Uuid, Known>>,
}

struct Known {
    spec: Arc<RunSpec>,
    /// What was meant, by its number.
    intents: HashMap<u64, (Intent, bool)>,
}

impl<J> Audited<J> {
    pub(crate) fn new(journal: J, audit: Audit) -> Self {
        Audited {
            journal,
            audit,
            runs: Mutex::default(),
        }
    }

    fn know(&self, spec: &RunSpec, effects: &[EffectRecord]) {
        let intents = effects
            .iter()
            .map(|effect| (effect.id, (effect.intent.clone(), effect.undoing)));
        let known = Known {
            spec: Arc::new(spec.clone()),
            intents: intents.collect(),
        };
        lock(&self.runs).insert(spec.id, known);
    }

    fn written(&self, batch: &Batch) {
        let run = batch.lease.run;
        let mut runs = lock(&self.runs);
        let Some(known) = runs.get_mut(&run) else {
            return;
        };
        for write in &batch.writes {
            match write {
                Write::Intent(effect) => {
                    let intent = (effect.intent.clone(), effect.undoing);
                    known.intents.insert(effect.id, intent);
                }
                Write::Settlement { effect, settlement } => {
                    if let Some((intent, undoing)) = known.intents.get(effect) {
                        let line = json!({
                            "outcome": settlement,
                            "kind": intent.kind,
                            "key": intent.key,
                            "undoing": undoing,
                        });
                        self.audit.of_run("effect", &known.spec, line);
                    }
                }
                Write::End { status, error, .. } => {
                    let code = error.as_ref().map(|error| error.code);
                    let line = json!({ "outcome": status, "code": code });
                    self.audit.of_run("run", &known.spec, line);
                }
                Write::Event(_) | Write::Turns(_) | Write::Failing(_) | Write::Undone(_) => {}
            }
        }
        if batch
            .writes
            .iter()
            .any(|write| matches!(write, Write::End { .. }))
        {
            runs.remove(&run);
        }
    }
}

#[async_trait]
impl<J: Journal> Journal for Audited<J> {
    async fn begin(&self, new: &NewRun) -> Result<Begun> {
        let begun = self.journal.begin(new).await?;
        if let Begun::New { effects, .. } = &begun {
            self.know(&new.spec, effects);
        }
        Ok(begun)
    }

    async fn append(&self, batches: &[Batch]) -> Result<Vec<bool>> {
        let held = self.journal.append(batches).await?;
        for (batch, held) in batches.iter().zip(&held) {
            match held {
                true => self.written(batch),
                // It is another replica's now.
                false => drop(lock(&self.runs).remove(&batch.lease.run)),
            }
        }
        Ok(held)
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
        let taken = self.journal.take_over(owner, lease, most).await?;
        for one in &taken {
            self.know(&one.record.spec, &one.effects);
        }
        Ok(taken)
    }

    async fn forget(&self, ended_before: Timestamp, most: usize) -> Result<u64> {
        self.journal.forget(ended_before, most).await
    }
}
