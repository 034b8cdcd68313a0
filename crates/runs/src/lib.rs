//! Runs: one execution of one action, with its record. Starting, joining, following, cancelling, recovering,
//! taking back.
//!
//! A run lives in its own task: whoever started it may go away. What it says and does goes into the
//! [`journal`], so that it outlives the process: another replica, or the same one started again, takes it up
//! (`caretaker`), and what was begun and not known is settled by looking
//! ([`ensure`](sidestage_action::Context::ensure)).

mod caretaker;
mod event;
mod execute;
pub mod journal;
mod key;
mod queue;
mod record;
mod run;
mod runs;
mod writer;

pub use event::{Event, EventKind, Failure, Status};
pub use journal::{EffectRecord, Filter, Journal, RunRecord, RunSpec};
pub use key::Key;
pub use run::{Run, Snapshot};
pub use runs::{FindAction, Runs, Settings, Start, Started};
