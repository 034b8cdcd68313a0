//! What a running action can do besides calling its service: log, report progress, `ensure`, wait, and
//! learn that it should end.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Code, Error, Made, OnFailure, Principal, Result,
    effect::{Intent, Looking, Settlement},
};

/// How loud a log line is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Where a run's lines and effects go. The `runs` crate implements it; so does [`crate::testing`].
///
/// Whatever it is given may hold a secret: it scrubs before it keeps or shows anything.
#[async_trait]
pub trait Recorder: Send + Sync {
    /// A line in the step's log.
    fn log(&self, level: Level, message: String);

    /// What the run is doing now, with how much of it is done (0 to 100) where that is known.
    fn progress(&self, message: String, percent: Option<u8>);

    /// The newest change with this kind and key that this run, or an attempt that it continues, has made or
    /// may have made.
    fn earlier(&self, _intent: &Intent) -> Option<Earlier> {
        None
    }

    /// Writes down that a change is about to be made. One that is not settled yet is meant again.
    ///
    /// # Errors
    /// When it cannot be written: the change must not be made then.
    async fn intend(&self, intent: &Intent) -> Result<EffectId>;

    /// Writes down what became of it.
    ///
    /// # Errors
    /// When it cannot be written: the next run settles the effect by looking.
    async fn settle(&self, effect: EffectId, settlement: &Settlement) -> Result<()>;
}

/// Names one recorded effect within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EffectId(pub u64);

/// A change that was begun before, perhaps by an attempt that was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its name in the record.
    pub effect: EffectId,
    /// The service's id of what it made. None: it is not known whether it made anything.
    pub made: Option<String>,
}

/// The context of one run. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    run: Arc<RunContext>,
    /// What was made so far, for people.
    made: Arc<Mutex<Vec<String>>>,
    /// How `ensure` has ended so far.
    ensured: Arc<Mutex<EnsuredSoFar>>,
    /// How many of its calls wait to be sent.
    waiting: Arc<watch::Sender<usize>>,
    /// What the run takes back, if it is an undo.
    undoing: Arc<[Made]>,
    cancel: CancellationToken,
    deadline: Instant,
}

/// How often `ensure` has made what was asked for, and how often it was there.
#[derive(Clone, Copy, Default)]
pub(crate) struct EnsuredSoFar {
    pub(crate) created: usize,
    pub(crate) adopted: usize,
}

/// What a run is given when it starts.
pub struct RunContext {
    /// The run's id.
    pub id: Uuid,
    /// Who asked.
    pub principal: Principal,
    /// The organization (tenant) that the run acts for, from the input.
    pub organization: Option<String>,
    /// Whether nothing may be changed.
    pub dry_run: bool,
    /// What becomes of what the run made, if it fails.
    pub on_failure: OnFailure,
    /// How `ensure` looks after a lost answer.
    pub looking: Looking,
    /// Where lines and effects go.
    pub recorder: Arc<dyn Recorder>,
}

impl Context {
    /// A context that ends when `cancel` is cancelled or `limit` has passed.
    pub fn new(run: RunContext, cancel: CancellationToken, limit: Duration) -> Self {
        Context {
            run: Arc::new(run),
            made: Arc::default(),
            ensured: Arc::default(),
            waiting: Arc::default(),
            undoing: Arc::default(),
            cancel,
            deadline: after(limit),
        }
    }

    /// The run's id.
    pub fn run_id(&self) -> Uuid {
        self.run.id
    }

    /// Who asked for the run.
    pub fn principal(&self) -> &Principal {
        &self.run.principal
    }

    /// The organization (tenant) that the run acts for.
    pub fn organization(&self) -> Option<&str> {
        self.run.organization.as_deref()
    }

    /// Whether this is a dry run: nothing may be changed. [`Context::ensure`] sees to it.
    pub fn is_dry_run(&self) -> bool {
        self.run.dry_run
    }

    pub(crate) fn on_failure(&self) -> OnFailure {
        self.run.on_failure
    }

    pub(crate) fn recorder(&self) -> &dyn Recorder {
        &*self.run.recorder
    }

    pub(crate) fn looking(&self) -> Looking {
        self.run.looking
    }

    pub(crate) fn made(&self) -> MutexGuard<'_, Vec<String>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How `ensure` has ended so far.
    pub(crate) fn ensured(&self) -> MutexGuard<'_, EnsuredSoFar> {
        self.ensured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the run's calls wait to be sent: a client counts them here. A change that still waits when the run is
    /// over is not made.
    pub fn waiting(&self) -> Arc<watch::Sender<usize>> {
        self.waiting.clone()
    }

    /// A line in the step's log.
    pub fn log(&self, level: Level, message: impl Into<String>) {
        self.run.recorder.log(level, message.into());
    }

    /// An info line.
    pub fn info(&self, message: impl Into<String>) {
        self.log(Level::Info, message);
    }

    /// A warning: the run goes on, but a person should know.
    pub fn warn(&self, message: impl Into<String>) {
        self.log(Level::Warn, message);
    }

    /// What the run is doing now.
    pub fn progress(&self, message: impl Into<String>, percent: Option<u8>) {
        self.run.recorder.progress(message.into(), percent);
    }

    /// The same run with a nearer deadline. One that is further away changes nothing.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Context {
            deadline: self.deadline.min(after(limit)),
            ..self.clone()
        }
    }

    /// The same run for clearing up after it was cancelled or ran out of time: no longer cancelled, with
    /// `limit` to finish.
    #[must_use]
    pub fn cleanup(&self, limit: Duration) -> Self {
        Context {
            run: self.run.clone(),
            made: self.made.clone(),
            ensured: self.ensured.clone(),
            waiting: self.waiting.clone(),
            undoing: self.undoing.clone(),
            cancel: CancellationToken::new(),
            deadline: after(limit),
        }
    }

    /// The same run, taking all of this back.
    #[must_use]
    pub fn taking_back(&self, made: &[Made]) -> Self {
        Context {
            undoing: made.into(),
            ..self.clone()
        }
    }

    /// All that the run takes back, if it is an undo: what will be gone when it comes to the oldest, although a dry run
    /// still sees it.
    pub fn undoing(&self) -> &[Made] {
        &self.undoing
    }

    /// How long the run may still go on.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether the run should go on.
    ///
    /// # Errors
    /// [`Code::Cancelled`] or [`Code::DeadlineExceeded`].
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            Err(cancelled())
        } else if Instant::now() >= self.deadline {
            Err(deadline())
        } else {
            Ok(())
        }
    }

    /// Waits for `work` as long as the run goes on. For reading and waiting only: `work` is dropped when
    /// the run ends.
    ///
    /// # Errors
    /// [`Code::Cancelled`], [`Code::DeadlineExceeded`], or what `work` says.
    pub async fn race<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep_until(self.deadline) => Err(deadline()),
            result = work => result,
        }
    }

    /// A pause that ends early when the run does.
    ///
    /// # Errors
    /// [`Code::Cancelled`] or [`Code::DeadlineExceeded`].
    pub async fn pause(&self, duration: Duration) -> Result<()> {
        self.race(async {
            tokio::time::sleep(duration).await;
            Ok(())
        })
        .await
    }
}

/// The moment when this time has passed. A time that no clock can add is as good as none.
pub fn after(limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(now + FAR)
}

fn cancelled() -> Error {
    Error::new(Code::Cancelled, "The run was cancelled.")
}

fn deadline() -> Error {
    Error::new(
        Code::DeadlineExceeded,
        "The run's time is up. Running the step again continues from what is there.",
    )
}
