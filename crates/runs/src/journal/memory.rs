//! A journal in memory: for tests whose time is paused, which a database would not wait for, and to measure
//! what a database costs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use sidestage_action::Result;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Batch, Begun, EffectRecord, Filter, Held, Journal, Lease, NewRun, RunRecord, RunSpec,
    TakenOver, Write,
};
use crate::{
    event::{Event, Status},
    key::Key,
};

/// Forgets everything when it is dropped.
#[derive(Default)]
pub struct Memory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    runs: BTreeMap<Uuid, Row>,
    keys: HashMap<Key, Uuid>,
}

struct Row {
    record: RunRecord,
    owner: String,
    epoch: u64,
    lease_until: Instant,
    ended_at: Option<Instant>,
    events: Vec<Event>,
    effects: Vec<EffectRecord>,
    turns: u64,
}

impl Tables {
    /// The run that takes back what a run made, while it is under way.
    fn undo_of(&self, run: Uuid) -> Option<Uuid> {
        let mut all = self.runs.values().filter(|row| row.is_running());
        let undo = all.find(|row| {
            let RunSpec {
                undoes, dry_run, ..
            } = row.record.spec;
            undoes == Some(run) && !dry_run
        });
        undo.map(|row| row.record.spec.id)
    }

    /// What a batch means for other runs.
    fn after(&mut self, batch: &Batch) {
        for write in &batch.writes {
            match write {
                Write::Undone(undone) => {
                    if let Some(row) = self.runs.get_mut(&undone.run) {
                        undone.mark(&mut row.effects);
                    }
                }
                Write::End { .. } => {
                    let spec = self.runs.get(&batch.lease.run).map(|row| &row.record.spec);
                    let undone = spec
                        .filter(|spec| !spec.dry_run)
                        .and_then(|spec| spec.undoes);
                    self.keys.retain(|_, run| Some(*run) != undone);
                }
                _ => {}
            }
        }
    }
}

impl Memory {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn lease(&self) -> Lease {
        Lease {
            run: self.record.spec.id,
            epoch: self.epoch,
        }
    }

    fn is_running(&self) -> bool {
        self.record.status == Status::Running
    }

    fn write(&mut self, write: &Write) {
        match write.clone() {
            Write::Event(event) => {
                if self.events.last().is_none_or(|last| last.id < event.id) {
                    self.events.push(event);
                }
            }
            Write::Intent(effect) => {
                self.effects.retain(|known| known.id != effect.id);
                self.effects.push(effect);
            }
            Write::Settlement { effect, settlement } => {
                if let Some(known) = self.effects.iter_mut().find(|known| known.id == effect) {
                    known.settlement = Some(settlement);
                }
            }
            Write::Turns(turns) => self.turns = turns,
            Write::Failing(failure) => self.record.failing = Some(failure),
            Write::Undone(_) => {}
            Write::End {
                status,
                at,
                output,
                error,
            } => {
                self.record.status = status;
                self.record.ended_at = Some(at);
                self.record.output = output;
                self.record.error = error;
                self.ended_at = Some(Instant::now());
            }
        }
    }
}

#[async_trait]
impl Journal for Memory {
    async fn begin(&self, new: &NewRun) -> Result<Begun> {
        let mut tables = self.tables();
        let mut spec = new.spec.clone();
        if let Some(key) = &new.key {
            let named = tables.keys.get(key).and_then(|id| tables.runs.get(id));
            if let Some(row) = named {
                let run = row.record.spec.id;
                if let Some(by) = tables.undo_of(run) {
                    return Ok(Begun::BeingUndone { run, by });
                }
                if row.record.answers(&new.spec, new.answer_for) {
                    return Ok(Begun::Found(Box::new(row.record.clone())));
                }
                if row.record.status != Status::Succeeded {
                    spec.continues = Some(row.record.spec.id);
                }
            }
        }
        if let Some(run) = spec.continues
            && let Some(by) = tables.undo_of(run)
        {
            return Ok(Begun::BeingUndone { run, by });
        }
        let undone = spec.undoes.and_then(|id| tables.runs.get(&id));
        if let Some(by) = undone.and_then(|row| row.record.continued_by)
            && !spec.dry_run
        {
            return Ok(Begun::Continued { by });
        }
        let mut effects = Vec::new();
        if let Some(old) = spec.continues.and_then(|id| tables.runs.get_mut(&id)) {
            if let Some(other) = old.record.continued_by {
                if let Some(row) = tables.runs.get(&other) {
                    return Ok(Begun::Found(Box::new(row.record.clone())));
                }
            } else {
                old.record.continued_by = Some(spec.id);
                effects = old.effects.clone();
                effects.retain(|effect| effect.matters() && !effect.undoing);
                effects.iter_mut().for_each(|effect| effect.carried = true);
            }
            let (old, new) = (spec.continues, spec.id);
            let keys = tables.keys.values_mut().filter(|run| Some(**run) == old);
            keys.for_each(|run| *run = new);
        }
        if let Some(key) = &new.key {
            tables.keys.insert(key.clone(), spec.id);
        }
        let row = Row {
            record: RunRecord::of(spec.clone()),
            owner: new.owner.clone(),
            epoch: 1,
            lease_until: Instant::now() + new.lease,
            ended_at: None,
            events: Vec::new(),
            effects: effects.clone(),
            turns: 1,
        };
        let lease = row.lease();
        tables.runs.insert(spec.id, row);
        Ok(Begun::New {
            lease,
            continues: spec.continues,
            effects,
        })
    }

    async fn append(&self, batches: &[Batch]) -> Result<Vec<bool>> {
        let mut tables = self.tables();
        let held = batches.iter().map(|batch| {
            let row = tables.runs.get_mut(&batch.lease.run);
            let row = row.filter(|row| row.is_running() && row.lease() == batch.lease);
            row.map(|row| batch.writes.iter().for_each(|write| row.write(write)))
                .is_some()
        });
        let held: Vec<_> = held.collect();
        for (batch, _) in batches.iter().zip(&held).filter(|(_, held)| **held) {
            tables.after(batch);
        }
        Ok(held)
    }

    async fn run(&self, id: Uuid) -> Result<Option<RunRecord>> {
        Ok(self.tables().runs.get(&id).map(|row| row.record.clone()))
    }

    async fn named(&self, key: &Key) -> Result<Option<RunRecord>> {
        let tables = self.tables();
        let row = tables.keys.get(key).and_then(|id| tables.runs.get(id));
        Ok(row.map(|row| row.record.clone()))
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<RunRecord>> {
        let tables = self.tables();
        let fits = |record: &&RunRecord| {
            let Filter {
                principal,
                status,
                action,
                organizations,
                before,
                most: _,
            } = filter;
            let organization = record.spec.organization.as_ref();
            principal
                .as_ref()
                .is_none_or(|p| *p == record.spec.principal)
                && status.is_none_or(|status| status == record.status)
                && action.as_ref().is_none_or(|id| *id == record.spec.action)
                && organizations.as_ref().is_none_or(|names| {
                    organization.is_some_and(|organization| names.contains(organization))
                })
                && before.is_none_or(|before| record.spec.id < before)
        };
        let newest_first = tables.runs.values().rev().map(|row| &row.record);
        Ok(newest_first
            .filter(fits)
            .take(filter.most)
            .cloned()
            .collect())
    }

    async fn events(&self, run: Uuid, after: u64, most: usize) -> Result<Vec<Event>> {
        let tables = self.tables();
        let events = tables.runs.get(&run).map_or(&[][..], |row| &row.events);
        let after = events.iter().filter(|event| event.id > after);
        Ok(after.take(most).cloned().collect())
    }

    async fn effects(&self, run: Uuid) -> Result<Vec<EffectRecord>> {
        let tables = self.tables();
        let mut effects = tables
            .runs
            .get(&run)
            .map_or_else(Vec::new, |row| row.effects.clone());
        effects.sort_by_key(|effect| effect.id);
        Ok(effects)
    }

    async fn request_cancel(&self, run: Uuid) -> Result<()> {
        if let Some(row) = self.tables().runs.get_mut(&run) {
            row.record.cancel_requested |= row.is_running();
        }
        Ok(())
    }

    async fn release_key(&self, key: &Key, run: Uuid) -> Result<()> {
        let mut tables = self.tables();
        if tables.keys.get(key) == Some(&run) {
            tables.keys.remove(key);
        }
        Ok(())
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<Held>> {
        let mut tables = self.tables();
        let held = leases.iter().filter_map(|ours| {
            let row = tables.runs.get_mut(&ours.run)?;
            if !row.is_running() || row.lease() != *ours {
                return None;
            }
            row.lease_until = Instant::now() + lease;
            Some(Held {
                lease: *ours,
                cancel_requested: row.record.cancel_requested,
            })
        });
        Ok(held.collect())
    }

    async fn hand_over(&self, owner: &str) -> Result<()> {
        let mut tables = self.tables();
        for row in tables.runs.values_mut().filter(|row| row.owner == owner) {
            row.lease_until = Instant::now();
        }
        Ok(())
    }

    async fn take_over(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<TakenOver>> {
        let mut tables = self.tables();
        let now = Instant::now();
        let left = tables
            .runs
            .values_mut()
            .filter(|row| row.is_running() && row.lease_until <= now);
        Ok(left
            .take(most)
            .map(|row| {
                row.owner = owner.into();
                row.epoch += 1;
                row.lease_until = now + lease;
                TakenOver {
                    record: row.record.clone(),
                    lease: row.lease(),
                    effects: row.effects.clone(),
                    last_event: row.events.last().map_or(0, |event| event.id),
                    turns: row.turns,
                }
            })
            .collect())
    }

    async fn forget(&self, ended_before: Timestamp, most: usize) -> Result<u64> {
        let age = Duration::try_from(Timestamp::now().duration_since(ended_before));
        let age = age.unwrap_or_default();
        let mut tables = self.tables();
        // Paused time is tokio's: the age counts, not the date.
        let old = tables
            .runs
            .iter()
            .filter(|(_, row)| row.ended_at.is_some_and(|at| at.elapsed() >= age));
        let old: Vec<_> = old.map(|(id, _)| *id).take(most).collect();
        let Tables { runs, keys } = &mut *tables;
        runs.retain(|id, _| !old.contains(id));
        keys.retain(|_, run| runs.contains_key(run));
        Ok(old.len() as u64)
    }
}
