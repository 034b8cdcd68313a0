//! What a run is recorded to have said and done.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sidestage_action::{
    EffectId, Level, Recorder, Result,
    effect::{Intent, Settlement},
};
use sidestage_redact::Redactor;
use tokio::{sync::watch, time::Instant};

use crate::event::{Event, EventKind, Failure, Status, now};

/// Events that one run keeps. The oldest go first; followers that are further behind miss them.
const MOST_EVENTS: usize = 10_000;

/// One change that the run made or meant to make.
#[derive(Clone, Debug, Serialize)]
pub struct EffectRecord {
    /// What was meant, written before.
    #[serde(flatten)]
    pub intent: Intent,
    /// What became of it, written after. None: not known yet.
    pub settlement: Option<Settlement>,
}

/// The record of one run. Everything is scrubbed on its way in.
pub(crate) struct Record {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    redactor: Redactor,
}

pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) ended_at: Option<(Timestamp, Instant)>,
    pub(crate) output: Option<Value>,
    pub(crate) error: Option<Failure>,
    pub(crate) effects: Vec<EffectRecord>,
    pub(crate) last_event_at: Instant,
    pub(crate) doing: Option<String>,
    events: VecDeque<Event>,
    next_id: u64,
}

impl Record {
    pub(crate) fn new(redactor: Redactor) -> Arc<Self> {
        Arc::new(Record {
            state: Mutex::new(State {
                status: Status::Running,
                ended_at: None,
                output: None,
                error: None,
                effects: Vec::new(),
                last_event_at: Instant::now(),
                doing: None,
                events: VecDeque::new(),
                next_id: 1,
            }),
            changed: watch::Sender::new(()),
            redactor,
        })
    }

    /// A panic while the lock was held leaves nothing half written that a reader could trip over.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The events after `id`, and whether the last of them is the end.
    pub(crate) fn events_after(&self, id: u64) -> (Vec<Event>, bool) {
        let state = self.state();
        let first = state.events.front().map_or(1, |event| event.id);
        let skip = (id + 1).saturating_sub(first) as usize;
        (
            state.events.iter().skip(skip).cloned().collect(),
            state.status != Status::Running,
        )
    }

    fn push(state: &mut State, kind: EventKind) {
        if state.events.len() == MOST_EVENTS {
            state.events.pop_front();
        }
        let event = Event {
            id: state.next_id,
            time: now(),
            kind,
        };
        state.next_id += 1;
        state.last_event_at = Instant::now();
        state.events.push_back(event);
    }

    fn say(&self, kind: EventKind) {
        let mut state = self.state();
        if state.status != Status::Running {
            return;
        }
        if let EventKind::Progress { message, .. } = &kind {
            state.doing = Some(message.clone());
        }
        Self::push(&mut state, kind);
        drop(state);
        self.changed.send_replace(());
    }

    /// Ends the run, once.
    pub(crate) fn end(&self, outcome: Result<Value, Failure>, status: Status) {
        let mut state = self.state();
        if state.status != Status::Running {
            return;
        }
        match outcome {
            Ok(mut output) => {
                self.redactor.scrub_json(&mut output);
                Self::push(
                    &mut state,
                    EventKind::Output {
                        output: output.clone(),
                    },
                );
                Self::push(
                    &mut state,
                    EventKind::End {
                        status,
                        error: None,
                    },
                );
                state.output = Some(output);
            }
            Err(mut failure) => {
                failure.message = self.scrub(failure.message);
                for field in &mut failure.fields {
                    field.detail = self.scrub(std::mem::take(&mut field.detail));
                }
                Self::push(
                    &mut state,
                    EventKind::End {
                        status,
                        error: Some(failure.clone()),
                    },
                );
                state.error = Some(failure);
            }
        }
        state.status = status;
        state.ended_at = Some((now(), Instant::now()));
        drop(state);
        self.changed.send_replace(());
    }

    fn scrub(&self, text: String) -> String {
        match self.redactor.scrub(&text) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(scrubbed) => scrubbed,
        }
    }
}

#[async_trait]
impl Recorder for Record {
    fn log(&self, level: Level, message: String) {
        self.say(EventKind::Log {
            level,
            message: self.scrub(message),
        });
    }

    fn progress(&self, message: String, percent: Option<u8>) {
        self.say(EventKind::Progress {
            message: self.scrub(message),
            percent,
        });
    }

    async fn intend(&self, intent: &Intent) -> Result<EffectId> {
        tracing::info!(
            kind = intent.kind,
            key = intent.key,
            "effect: about to make it"
        );
        let mut state = self.state();
        state.effects.push(EffectRecord {
            intent: intent.clone(),
            settlement: None,
        });
        Ok(EffectId(state.effects.len() as u64 - 1))
    }

    async fn settle(&self, effect: EffectId, settlement: &Settlement) -> Result<()> {
        let mut state = self.state();
        if let Some(record) = state.effects.get_mut(effect.0 as usize) {
            tracing::info!(
                kind = record.intent.kind,
                key = record.intent.key,
                ?settlement,
                "effect: settled"
            );
            record.settlement = Some(settlement.clone());
        }
        Ok(())
    }
}
