//! What a run that this process works on is recorded to have said and done.
//!
//! A line is shown to followers once it is in the journal, so that its number never comes to mean another
//! line. What is said in the meantime waits here and goes to the journal together ([`crate::writer`]).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value;
use sidestage_action::{
    Earlier, EffectId, Error, Level, Made, Recorder, Result,
    effect::{Intent, Settlement},
};
use sidestage_redact::Redactor;
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    event::{Event, EventKind, Failure, Status, now},
    journal::{Batch, EffectRecord, Lease, Undone, Write, unavailable},
    writer::Writer,
};

/// Lines that one run may say. Beyond them only that it still waits, and its end, are recorded.
const MOST_EVENTS: u64 = 10_000;

/// Events that are kept at hand. A follower that is further behind reads the journal.
const AT_HAND: usize = 256;

/// The record of one run. Everything is scrubbed on its way in.
pub(crate) struct Record {
    lease: Lease,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    /// Cancelled when another replica has taken the run over.
    lost: CancellationToken,
    redactor: Redactor,
    writer: Writer,
}

pub(crate) struct State {
    /// Whether its end is in the journal.
    pub(crate) ended: bool,
    pub(crate) effects: Vec<EffectRecord>,
    pub(crate) last_event_at: Instant,
    pub(crate) doing: Option<String>,
    at_hand: VecDeque<Event>,
    last_event: u64,
    next_effect: u64,
    /// Nothing is said after the end.
    closed: bool,
    waiting: Vec<Waiting>,
    queued: bool,
}

/// Something on its way to the journal, and who waits for it to be there.
pub(crate) struct Waiting {
    write: Write,
    done: Option<oneshot::Sender<Result<()>>>,
}

/// What the journal has of the run when this process begins to work on it.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) effects: Vec<EffectRecord>,
    pub(crate) last_event: u64,
}

impl Record {
    pub(crate) fn new(lease: Lease, past: Past, redactor: Redactor, writer: Writer) -> Arc<Self> {
        let next_effect = past.effects.iter().map(|effect| effect.id + 1).max();
        Arc::new(Record {
            lease,
            state: Mutex::new(State {
                ended: false,
                effects: past.effects,
                last_event_at: Instant::now(),
                doing: None,
                at_hand: VecDeque::new(),
                last_event: past.last_event,
                next_effect: next_effect.unwrap_or(0),
                closed: false,
                waiting: Vec::new(),
                queued: false,
            }),
            changed: watch::Sender::new(()),
            lost: CancellationToken::new(),
            redactor,
            writer,
        })
    }

    /// A panic while the lock was held leaves nothing half written that a reader could trip over.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Our turn on the run.
    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }

    /// Whether it has come to its end, which may not be in the journal yet.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Cancelled when another replica has taken the run over: nothing here is true any more.
    pub(crate) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// The events after `id`, if they are at hand.
    pub(crate) fn events_after(&self, id: u64) -> Option<Vec<Event>> {
        let state = self.state();
        let first = match state.at_hand.front() {
            Some(first) => first.id,
            // Nothing new was said here; what was said before is in the journal.
            None if id >= state.last_event => return Some(Vec::new()),
            None => return None,
        };
        let next = id.saturating_add(1);
        let skip = usize::try_from(next.checked_sub(first)?).unwrap_or(usize::MAX);
        Some(state.at_hand.iter().skip(skip).cloned().collect())
    }

    /// What the run may have made, and it is not known whether it did; in words.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let state = self.state();
        let unknown = state
            .effects
            .iter()
            .filter(|effect| !effect.undoing && effect.is_unknown());
        unknown
            .map(|effect| format!("{} {}", effect.intent.kind, effect.intent.key))
            .collect()
    }

    /// What the run has made and not taken back, in order.
    pub(crate) fn made(&self) -> Vec<Made> {
        let state = self.state();
        let forward = state.effects.iter().filter(|effect| !effect.undoing);
        forward.filter_map(EffectRecord::made).collect()
    }

    fn say(self: &Arc<Self>, kind: EventKind) {
        let mut state = self.state();
        if state.last_event <= MOST_EVENTS {
            self.say_all(&mut state, kind);
        }
    }

    /// Says that the run still waits, however much it has said: it must not fall silent.
    pub(crate) fn say_waiting(self: &Arc<Self>, message: String) {
        let (level, message) = (Level::Info, self.scrub(message));
        self.say_all(&mut self.state(), EventKind::Log { level, message });
    }

    fn say_all(self: &Arc<Self>, state: &mut State, kind: EventKind) {
        if state.closed {
            return;
        }
        let kind = match kind {
            _ if state.last_event == MOST_EVENTS => EventKind::Log {
                level: Level::Warn,
                message: format!("{MOST_EVENTS} lines are said; what follows is not recorded"),
            },
            kind => kind,
        };
        if let EventKind::Progress { message, .. } = &kind {
            state.doing = Some(message.clone());
        }
        let event = state.event(kind);
        self.enqueue(state, Write::Event(event), None);
    }

    /// Writes something and waits until it is in the journal.
    async fn write(self: &Arc<Self>, write: Write) -> Result<()> {
        let (done, written) = oneshot::channel();
        self.enqueue(&mut self.state(), write, Some(done));
        written
            .await
            .unwrap_or_else(|_| Err(unavailable("the writer has stopped")))
    }

    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        write: Write,
        done: Option<oneshot::Sender<Result<()>>>,
    ) {
        if self.lost.is_cancelled() {
            // Whoever waits learns it by the sender that is dropped here.
            return;
        }
        state.waiting.push(Waiting { write, done });
        if !std::mem::replace(&mut state.queued, true) {
            self.writer.queue(self.clone());
        }
    }

    /// The run has failed with this, and takes back what it made.
    pub(crate) async fn failing(self: &Arc<Self>, failure: &Failure) -> Result<()> {
        self.write(Write::Failing(failure.clone().scrubbed(&self.redactor)))
            .await
    }

    /// Writes down in how many turns the run was worked on, this one included or not. Whether that is written or not, it
    /// goes on.
    pub(crate) async fn turns(self: &Arc<Self>, turns: u64) {
        let _ = self.write(Write::Turns(turns)).await;
    }

    /// Ends the run, once. It may have taken back what it had made itself, or what another run had.
    pub(crate) fn end(
        self: &Arc<Self>,
        outcome: Result<Value, Failure>,
        status: Status,
        undone: Option<Undone>,
    ) {
        let mut state = self.state();
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        if let Some(undone) = undone {
            if undone.run == self.lease.run {
                undone.mark(&mut state.effects);
            }
            self.enqueue(&mut state, Write::Undone(undone), None);
        }
        // What was begun and cannot be known is not left open.
        let open: Vec<u64> = state
            .effects
            .iter_mut()
            .filter(|effect| effect.settlement.is_none())
            .map(|effect| {
                effect.settlement = Some(Settlement::Unknown);
                effect.id
            })
            .collect();
        for effect in open {
            let settlement = Settlement::Unknown;
            self.enqueue(&mut state, Write::Settlement { effect, settlement }, None);
        }
        let (output, error) = match outcome {
            Ok(mut output) => {
                self.redactor.scrub_json(&mut output);
                let event = state.event(EventKind::Output {
                    output: output.clone(),
                });
                self.enqueue(&mut state, Write::Event(event), None);
                (Some(output), None)
            }
            Err(failure) => (None, Some(failure.scrubbed(&self.redactor))),
        };
        let event = state.event(EventKind::End {
            status,
            error: error.clone(),
        });
        let at = event.time;
        self.enqueue(&mut state, Write::Event(event), None);
        let end = Write::End {
            status,
            at,
            output,
            error,
        };
        self.enqueue(&mut state, end, None);
    }

    /// What waits to be written.
    pub(crate) fn take_waiting(&self) -> (Batch, Vec<Option<oneshot::Sender<Result<()>>>>) {
        let mut state = self.state();
        state.queued = false;
        let waiting = std::mem::take(&mut state.waiting);
        let (writes, done) = waiting
            .into_iter()
            .map(|Waiting { write, done }| (write, done))
            .unzip();
        let lease = self.lease;
        (Batch { lease, writes }, done)
    }

    /// The batch is in the journal: followers may see it.
    pub(crate) fn written(&self, batch: Batch, done: Vec<Option<oneshot::Sender<Result<()>>>>) {
        let mut state = self.state();
        for write in batch.writes {
            match write {
                Write::Event(event) => {
                    if state.at_hand.len() == AT_HAND {
                        state.at_hand.pop_front();
                    }
                    state.at_hand.push_back(event);
                }
                Write::End { .. } => state.ended = true,
                _ => {}
            }
        }
        drop(state);
        for done in done.into_iter().flatten() {
            let _ = done.send(Ok(()));
        }
        self.changed.send_replace(());
    }

    /// The batch could not be written. Who waits is told, and it is tried again; all but an intent, since a change
    /// whose intent is not there is not made. It may have got in all the same: then the journal is to know that nothing
    /// was sent.
    pub(crate) fn not_written(
        self: &Arc<Self>,
        batch: Batch,
        done: Vec<Option<oneshot::Sender<Result<()>>>>,
        why: &Error,
    ) {
        let mut state = self.state();
        let mut again = Vec::new();
        for (write, done) in batch.writes.into_iter().zip(done) {
            if let Some(done) = done {
                let _ = done.send(Err(unavailable(why.message().to_owned())));
            }
            let write = match write {
                Write::Intent(meant) => {
                    // One that was meant again is as unknown as it was before.
                    let known = state.effects.iter().find(|known| known.id == meant.id);
                    let settlement = match known {
                        Some(_) => Settlement::Unknown,
                        None => Settlement::Refused,
                    };
                    let effect = meant.id;
                    Write::Settlement { effect, settlement }
                }
                write => write,
            };
            again.push(Waiting { write, done: None });
        }
        again.append(&mut state.waiting);
        state.waiting = again;
        if !std::mem::replace(&mut state.queued, true) {
            self.writer.queue(self.clone());
        }
    }

    /// Another replica has taken the run over.
    pub(crate) fn lose(&self) {
        self.lost.cancel();
        self.state().waiting.clear();
        self.changed.send_replace(());
    }

    fn scrub(&self, text: String) -> String {
        match self.redactor.scrub(&text) {
            std::borrow::Cow::Borrowed(_) => text,
            std::borrow::Cow::Owned(scrubbed) => scrubbed,
        }
    }
}

impl State {
    fn event(&mut self, kind: EventKind) -> Event {
        self.last_event += 1;
        self.last_event_at = Instant::now();
        Event {
            id: self.last_event,
            time: now(),
            kind,
        }
    }
}

/// The record as an action sees it.
pub(crate) struct Pen {
    pub(crate) record: Arc<Record>,
    /// Whether the run takes back what it made.
    pub(crate) undoing: bool,
}

impl Pen {
    fn scrubbed(&self, intent: &Intent) -> Intent {
        Intent {
            kind: intent.kind.clone(),
            key: self.record.scrub(intent.key.clone()),
        }
    }
}

#[async_trait]
impl Recorder for Pen {
    fn log(&self, level: Level, message: String) {
        let message = self.record.scrub(message);
        self.record.say(EventKind::Log { level, message });
    }

    fn progress(&self, message: String, percent: Option<u8>) {
        let message = self.record.scrub(message);
        self.record.say(EventKind::Progress { message, percent });
    }

    fn earlier(&self, intent: &Intent) -> Option<Earlier> {
        let intent = self.scrubbed(intent);
        let state = self.record.state();
        let mut newest_first = state.effects.iter().rev();
        let effect = newest_first.find(|effect| effect.intent == intent && effect.matters())?;
        Some(Earlier {
            effect: EffectId(effect.id),
            made: effect.made().map(|made| made.id),
        })
    }

    async fn intend(&self, intent: &Intent) -> Result<EffectId> {
        let intent = self.scrubbed(intent);
        tracing::info!(
            kind = intent.kind,
            key = intent.key,
            "effect: about to make it"
        );
        let effect = {
            let mut state = self.record.state();
            let open = state
                .effects
                .iter()
                .find(|effect| effect.intent == intent && effect.is_unknown());
            let effect = open.map_or(state.next_effect, |effect| effect.id);
            state.next_effect = state.next_effect.max(effect + 1);
            effect
        };
        let meant = EffectRecord {
            id: effect,
            intent,
            settlement: None,
            carried: false,
            undoing: self.undoing,
        };
        self.record.write(Write::Intent(meant.clone())).await?;
        let mut state = self.record.state();
        state.effects.retain(|known| known.id != effect);
        state.effects.push(meant);
        Ok(EffectId(effect))
    }

    async fn settle(&self, effect: EffectId, settlement: &Settlement) -> Result<()> {
        let settlement = settlement.clone();
        {
            let mut state = self.record.state();
            if let Some(known) = state.effects.iter_mut().find(|known| known.id == effect.0) {
                tracing::info!(
                    kind = known.intent.kind,
                    key = known.intent.key,
                    ?settlement,
                    "effect: settled"
                );
                known.settlement = Some(settlement.clone());
            }
        }
        let effect = effect.0;
        self.record
            .write(Write::Settlement { effect, settlement })
            .await
    }
}
