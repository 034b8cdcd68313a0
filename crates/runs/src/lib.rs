//! Runs: one execution of one action, with its record. Starting, joining, following, cancelling.
//!
//! A run lives in its own task: whoever started it may go away. What it says is an ordered list of
//! [`Event`]s that any number of followers read, each from where it left off. The record is kept in
//! memory; an action that is run again after a restart finds and adopts what was made.

mod event;
mod key;
mod record;
mod run;
mod runs;

pub use event::{Event, EventKind, Failure, Status};
pub use key::Key;
pub use record::EffectRecord;
pub use run::{Run, Snapshot};
pub use runs::{Runs, Settings, Start, Started};
