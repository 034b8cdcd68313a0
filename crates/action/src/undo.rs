//! Taking back what a run made.

use serde::{Deserialize, Serialize};

use crate::{Context, Result, effect::Intent};

/// What the journal has kept of an effect: something that a run made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// [`Effect::kind`](crate::Effect::kind).
    pub kind: String,
    /// [`Effect::key`](crate::Effect::key).
    pub key: String,
    /// The service's id.
    pub id: String,
}

/// What becomes of what a run made, if it fails or is cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It stays: running the step again continues from there.
    #[default]
    Keep,
    /// It is taken back, the newest first.
    Undo,
}

/// What became of one thing that is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// It is gone, whoever took it away.
    Gone,
    /// It stays, because of this: a sentence that says what a person can do.
    Stays(String),
}

/// What an undo ends with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoOutput {
    /// What is gone.
    pub undone: Vec<Made>,
    /// What stays.
    pub kept: Vec<Kept>,
    /// What the run may have made: it is not known, so it is not touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Intent>,
}

/// Something that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What it is.
    #[serde(flatten)]
    pub made: Made,
    /// Why it stays, and what a person can do.
    pub why: String,
}

impl Context {
    /// Takes one thing back by `undo`, which may be asked more than once. That it was gone already is believed only after
    /// looking as often as after a lost answer: a service may not show yet what it has just made, and what is recorded as
    /// gone is nobody's.
    ///
    /// # Errors
    /// What `undo` says.
    pub async fn take_back<F>(&self, undo: impl Fn() -> F) -> Result<Undone>
    where
        F: Future<Output = Result<Undone>>,
    {
        let mut pause = self.looking().pause;
        for _ in 1..self.looking().times {
            let before = *self.ensured();
            let undone = undo().await?;
            let now = *self.ensured();
            let nothing_done = undone == Undone::Gone && now.created == before.created;
            let was_gone = nothing_done || now.adopted > before.adopted;
            if !was_gone || self.is_dry_run() {
                return Ok(undone);
            }
            self.pause(pause).await?;
            pause *= 2;
        }
        undo().await
    }
}
