//! The journal: what runs have said and done, kept where a crash does not reach it.
//!
//! One trait. [`Sql`] keeps it in SQLite or PostgreSQL; [`Memory`] keeps it for tests whose time is paused
//! and for benches. What is given to it is scrubbed already.

mod memory;
mod sql;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sidestage_action::{
    Code, Error, Made, OnFailure, Principal, Result, effect::Intent, effect::Settlement,
};
use uuid::Uuid;

use crate::{
    event::{Event, Failure, Status},
    key::{Key, differing_fields},
};

pub use memory::Memory;
pub use sql::Sql;

/// Where runs are written down. Every method is one transaction.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Writes a run down before it starts; or finds the one that goes by the key, if that is under way, has
    /// succeeded lately, or was another request. After one that ended otherwise the new run continues it. What is being
    /// taken back is not gone on with, nor the other way round.
    async fn begin(&self, new: &NewRun) -> Result<Begun>;

    /// Writes what runs have said and done. For each of the batches: whether its lease still holds; if not,
    /// nothing of it is written. What was written already, and its answer lost, may be written again.
    async fn append(&self, batches: &[Batch]) -> Result<Vec<bool>>;

    /// A run.
    async fn run(&self, id: Uuid) -> Result<Option<RunRecord>>;

    /// The run that goes by a key.
    async fn named(&self, key: &Key) -> Result<Option<RunRecord>>;

    /// Runs, the newest first.
    async fn list(&self, filter: &Filter) -> Result<Vec<RunRecord>>;

    /// What a run said after an event, in order, `most` at most.
    async fn events(&self, run: Uuid, after: u64, most: usize) -> Result<Vec<Event>>;

    /// What a run changed or meant to change, in order.
    async fn effects(&self, run: Uuid) -> Result<Vec<EffectRecord>>;

    /// Notes that a run shall end.
    async fn request_cancel(&self, run: Uuid) -> Result<()>;

    /// Forgets a key, if it still names that run.
    async fn release_key(&self, key: &Key, run: Uuid) -> Result<()>;

    /// Renews these leases, and tells which of them still hold.
    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<Held>>;

    /// Gives up the leases of a replica: others may take its runs up at once.
    async fn hand_over(&self, owner: &str) -> Result<()>;

    /// Takes up runs whose lease has run out, the oldest first.
    async fn take_over(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<TakenOver>>;

    /// Forgets runs that ended before, `most` at most. How many there were.
    async fn forget(&self, ended_before: Timestamp, most: usize) -> Result<u64>;
}

/// What a run was asked to do. Never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSpec {
    /// Sortable by time.
    pub id: Uuid,
    /// Who asked.
    pub principal: Principal,
    /// The action's id.
    pub action: String,
    /// The connection that it works through.
    pub connection: String,
    /// The organization (tenant) that it is done for.
    pub organization: Option<String>,
    /// The input without its secrets.
    pub input: Value,
    /// Whether the input had a secret: such a run cannot be taken up by another process.
    pub needs_secret: bool,
    /// Whether it changes nothing.
    pub dry_run: bool,
    /// The run whose unfinished work it goes on with.
    pub continues: Option<Uuid>,
    /// The run that it takes back.
    pub undoes: Option<Uuid>,
    /// The trace that the request for it belongs to.
    pub trace: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl RunSpec {
    /// What becomes of what the run made, if it fails.
    pub(crate) fn on_failure(&self) -> OnFailure {
        match self.input["onFailure"].as_str() {
            Some("undo") => OnFailure::Undo,
            _ => OnFailure::Keep,
        }
    }

    /// The names of what two requests differ in. Never values.
    pub(crate) fn differences(&self, other: &RunSpec) -> Vec<String> {
        if self.undoes.is_some() && self.undoes == other.undoes {
            // What an undo takes back follows from the run: what is left of it.
            return Vec::new();
        }
        let mut names = differing_fields(&self.input, &other.input);
        let others = [
            ("action", self.action != other.action),
            ("connection", self.connection != other.connection),
            ("dryRun", self.dry_run != other.dry_run),
        ];
        names.extend(
            others
                .iter()
                .filter(|(_, differs)| *differs)
                .map(|(name, _)| (*name).to_owned()),
        );
        names.sort();
        names.dedup();
        names
    }
}

/// A run as the journal has it now.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct RunRecord {
    pub spec: RunSpec,
    /// The run that goes on with its unfinished work.
    pub continued_by: Option<Uuid>,
    pub status: Status,
    pub ended_at: Option<Timestamp>,
    pub output: Option<Value>,
    pub error: Option<Failure>,
    /// The error with which it will end, once what it made is taken back.
    pub failing: Option<Failure>,
    pub cancel_requested: bool,
}

impl RunRecord {
    fn of(spec: RunSpec) -> Self {
        RunRecord {
            spec,
            continued_by: None,
            status: Status::Running,
            ended_at: None,
            output: None,
            error: None,
            failing: None,
            cancel_requested: false,
        }
    }

    /// Whether a new request with the same key gets this run instead of a new one.
    pub(crate) fn answers(&self, new: &RunSpec, answer_for: Duration) -> bool {
        let is_recent = self.ended_at.is_some_and(|at| {
            let age = Duration::try_from(Timestamp::now().duration_since(at));
            age.unwrap_or_default() < answer_for
        });
        let ended_well = self.status == Status::Succeeded && new.undoes.is_none();
        self.status == Status::Running
            || ended_well && is_recent
            || !self.spec.differences(new).is_empty()
    }
}

/// One change that a run made or meant to make.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EffectRecord {
    /// Position in the run.
    #[serde(skip)]
    pub id: u64,
    /// What was meant, written before.
    #[serde(flatten)]
    pub intent: Intent,
    /// What became of it, written after. None: not known yet.
    pub settlement: Option<Settlement>,
    /// Whether an attempt that this run continues made it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
    /// Whether it takes back what the run made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undoing: bool,
}

impl EffectRecord {
    /// What it made, if it did.
    pub(crate) fn made(&self) -> Option<Made> {
        match &self.settlement {
            Some(Settlement::Created { id }) => Some(Made {
                kind: self.intent.kind.clone(),
                key: self.intent.key.clone(),
                id: id.clone(),
            }),
            _ => None,
        }
    }

    /// Whether it is not known if it made something.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.settlement, None | Some(Settlement::Unknown))
    }

    /// Whether it made something, or may have.
    pub(crate) fn matters(&self) -> bool {
        self.is_unknown() || self.made().is_some()
    }
}

/// A run to be written down.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// What it is asked to do. `continues` names a run that ended without success.
    pub spec: RunSpec,
    /// What it goes by.
    pub key: Option<Key>,
    /// The replica that will work on it.
    pub owner: String,
    /// How long the replica may be silent.
    pub lease: Duration,
    /// How long a run that has succeeded answers its key.
    pub answer_for: Duration,
}

/// What became of [`Journal::begin`].
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// It is written down and may start.
    New {
        /// Our turn on it.
        lease: Lease,
        /// The run that it goes on with.
        continues: Option<Uuid>,
        /// What that one made or may have made.
        effects: Vec<EffectRecord>,
    },
    /// This one goes by the key already.
    Found(Box<RunRecord>),
    /// It is refused, and nothing is written down: this run takes back what it would go on with.
    BeingUndone {
        /// The run whose work it is.
        run: Uuid,
        /// The one that takes it back.
        by: Uuid,
    },
    /// It is an undo, and is refused: this run goes on with what it would take back.
    Continued {
        /// The run that goes on.
        by: Uuid,
    },
}

/// A replica's turn on a run. Whoever takes the run over gets the next number, and nothing more is written
/// by an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The run.
    pub run: Uuid,
    /// The fencing number.
    pub epoch: u64,
}

/// What one run has to write.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The turn in which it was said and done.
    pub lease: Lease,
    /// In order.
    pub writes: Vec<Write>,
}

/// One thing to write.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Write {
    Event(Event),
    Intent(EffectRecord),
    Settlement {
        effect: u64,
        settlement: Settlement,
    },
    /// In how many turns it was worked on, but for those that ended in order.
    Turns(u64),
    /// The run has failed and takes back what it made.
    Failing(Failure),
    Undone(Undone),
    End {
        status: Status,
        at: Timestamp,
        output: Option<Value>,
        error: Option<Failure>,
    },
}

/// What a run had made, and what was taken back by itself or by another run.
#[derive(Clone, Debug, PartialEq)]
pub struct Undone {
    /// Who had made it.
    pub run: Uuid,
    /// What is gone.
    pub made: Vec<Made>,
}

impl Undone {
    /// Writes it down in the effects of the run that had made it.
    pub(crate) fn mark(&self, effects: &mut [EffectRecord]) {
        let forward = effects.iter_mut().filter(|effect| !effect.undoing);
        for effect in forward {
            if effect.made().is_some_and(|made| self.made.contains(&made)) {
                effect.settlement = Some(Settlement::Undone);
            }
        }
    }
}

/// A run that a replica works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The turn.
    pub lease: Lease,
    /// Whether it shall end.
    pub cancel_requested: bool,
}

/// A run that another process was working on.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct TakenOver {
    pub record: RunRecord,
    pub lease: Lease,
    pub effects: Vec<EffectRecord>,
    /// The number of its last event; 0: it has none.
    pub last_event: u64,
    /// In how many turns it was worked on and interrupted.
    pub turns: u64,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub principal: Option<Principal>,
    pub status: Option<Status>,
    pub action: Option<String>,
    /// Only runs that were done for one of these.
    pub organizations: Option<Vec<String>>,
    /// Only runs older than this one.
    pub before: Option<Uuid>,
    pub most: usize,
}

/// Nothing is done without the journal.
pub(crate) fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = "Sidestage cannot read or write its journal, and makes no change without it. Run the step again \
                   later; if this stays, Sidestage's log has the cause.";
    Error::new(Code::UpstreamUnavailable, message)
        .retry_after(Some(Duration::from_secs(5)))
        .because(cause)
}
