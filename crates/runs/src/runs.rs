//! All runs of this process.

use std::{
    collections::{HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use serde_json::Value;
use sidestage_action::{
    Code, Context, Error, Level, Prepared, Principal, Recorder, Result, RunContext, effect::Looking,
};
use sidestage_redact::Redactor;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    event::{Failure, Status, now},
    key::{Key, differing_fields},
    record::Record,
    run::Run,
};

/// How runs behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest a run may take.
    pub limit: Duration,
    /// How long after a cancel or the limit a run may take to clear up, before it is ended by force.
    pub grace: Duration,
    /// A running run says something at least this often.
    pub quiet: Duration,
    /// How long a run is kept after its end.
    pub keep: Duration,
    /// Runs under way at the same time.
    pub most_running: usize,
    /// How `ensure` looks after a lost answer.
    pub looking: Looking,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limit: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(90),
            quiet: Duration::from_secs(20),
            keep: Duration::from_secs(24 * 60 * 60),
            most_running: 1_000,
            looking: Looking::default(),
        }
    }
}

/// What a run is started with.
pub struct Start {
    /// The action's id.
    pub action: String,
    /// Who asks, as a door has verified it.
    pub principal: Principal,
    /// The checked input.
    pub prepared: Prepared,
    /// Whether nothing may be changed.
    pub dry_run: bool,
    /// The key that joins it to an earlier run.
    pub key: Option<Key>,
}

/// What [`Runs::start`] ended with.
pub struct Started {
    /// The run.
    pub run: Arc<Run>,
    /// Whether it was there before.
    pub joined: bool,
}

/// All runs. Cheap to clone.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    settings: Settings,
    redactor: Redactor,
    table: Mutex<Table>,
    tasks: TaskTracker,
    draining: CancellationToken,
    closing: CancellationToken,
}

#[derive(Default)]
struct Table {
    runs: HashMap<Uuid, Arc<Run>>,
    keys: HashMap<Key, Uuid>,
    running: usize,
    /// In the order in which they ended.
    ended: VecDeque<(Instant, Uuid, Option<Key>)>,
}

impl Runs {
    /// No runs yet.
    pub fn new(settings: Settings, redactor: Redactor) -> Self {
        Runs(Arc::new(Inner {
            settings,
            redactor,
            table: Mutex::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
        }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a run, or joins the one that the key names.
    ///
    /// A key joins a run under way and returns one that succeeded; after one that did not, it starts anew.
    ///
    /// # Errors
    /// [`Code::IdempotencyMismatch`] when the key was used with another input, [`Code::RateLimited`] when
    /// too many runs are under way, [`Code::UpstreamUnavailable`] when the service is stopping.
    pub fn start(&self, start: Start) -> Result<Started> {
        if self.0.draining.is_cancelled() {
            let message = "Sidestage is stopping and takes no new runs. Running the step again in a moment is safe.";
            return Err(Error::new(Code::UpstreamUnavailable, message)
                .retry_after(Some(Duration::from_secs(5))));
        }
        let mut table = self.table();
        table.forget_ended(self.0.settings.keep);
        if let Some(run) = start.key.as_ref().and_then(|key| table.named(key)) {
            refuse_other_input(&run, &start)?;
            if matches!(run.status(), Status::Running | Status::Succeeded) {
                return Ok(Started { run, joined: true });
            }
        }
        if table.running >= self.0.settings.most_running {
            let message = format!(
                "Sidestage has {} runs under way and takes no more for now.",
                table.running
            );
            return Err(
                Error::new(Code::RateLimited, message).retry_after(Some(Duration::from_secs(10)))
            );
        }
        table.running += 1;
        let Start {
            action,
            principal,
            prepared,
            dry_run,
            key,
        } = start;
        let run = Arc::new(Run {
            id: Uuid::now_v7(),
            action,
            principal,
            connection: prepared.connection.clone(),
            dry_run,
            created_at: now(),
            input: prepared.input.clone(),
            record: Record::new(self.0.redactor.clone()),
            cancel: CancellationToken::new(),
            closing: self.0.closing.clone(),
        });
        table.runs.insert(run.id, run.clone());
        if let Some(key) = &key {
            table.keys.insert(key.clone(), run.id);
        }
        drop(table);

        let span = tracing::info_span!("run", run_id = %run.id, action = run.action, connection = run.connection);
        let (runs, task) = (self.clone(), run.clone());
        self.0.tasks.spawn(
            async move {
                runs.execute(&task, prepared).await;
                let mut table = runs.table();
                table.running -= 1;
                table.ended.push_back((Instant::now(), task.id, key));
            }
            .instrument(span),
        );
        Ok(Started { run, joined: false })
    }

    /// The run with that id, if `principal` started it.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for a run of somebody else.
    pub fn get(&self, id: Uuid, principal: &Principal) -> Result<Arc<Run>> {
        let run = self.table().runs.get(&id).cloned();
        run.filter(|run| run.principal == *principal).ok_or_else(|| {
            Error::not_found(format!(
                "There is no run {id} of yours. Runs are kept while Sidestage runs, and for a time after their end; \
                 starting it again with the same key continues from what was made."
            ))
        })
    }

    /// Forgets a derived key once its outcome was handed over: the next same request looks anew.
    pub fn release(&self, key: &Key) {
        self.table().keys.remove(key);
    }

    /// Whether no new runs are taken.
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Stops: takes no new runs, gives those under way `grace` to end, then sends followers away.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                running = self.table().running,
                "stopping with runs under way; they are settled by looking when run again"
            );
        }
        self.0.closing.cancel();
    }

    /// Does the work, says so while it waits, and ends the record whatever happens.
    async fn execute(&self, run: &Run, prepared: Prepared) {
        let settings = &self.0.settings;
        let _secrets: Vec<_> = prepared
            .secrets
            .iter()
            .map(|secret| self.0.redactor.add(secret))
            .collect();
        let started = Instant::now();
        let ctx = Context::new(
            RunContext {
                id: run.id,
                principal: run.principal.clone(),
                organization: prepared.organization,
                dry_run: run.dry_run,
                looking: settings.looking,
                recorder: run.record.clone(),
            },
            run.cancel.clone(),
            settings.limit,
        );
        tracing::info!(principal = %run.principal, dry_run = run.dry_run, "run started");
        let mut work = AssertUnwindSafe((prepared.work)(ctx))
            .catch_unwind()
            .boxed();
        let overdue = overdue(run, settings);
        tokio::pin!(overdue);
        let result = loop {
            let quiet_until = run.record.state().last_event_at + settings.quiet;
            tokio::select! {
                biased;
                result = &mut work => break result.unwrap_or_else(|panic| Err(Error::internal(panic_text(&panic)))),
                error = &mut overdue => break Err(error),
                () = tokio::time::sleep_until(quiet_until) => run.say_still_waiting(started, settings.quiet),
            }
        };
        finish(run, result);
    }
}

impl Table {
    fn named(&self, key: &Key) -> Option<Arc<Run>> {
        self.keys.get(key).and_then(|id| self.runs.get(id)).cloned()
    }

    fn forget_ended(&mut self, keep: Duration) {
        while self
            .ended
            .front()
            .is_some_and(|(at, ..)| at.elapsed() >= keep)
        {
            let Some((_, id, key)) = self.ended.pop_front() else {
                break;
            };
            self.runs.remove(&id);
            if let Some(key) = key.filter(|key| self.keys.get(key) == Some(&id)) {
                self.keys.remove(&key);
            }
        }
    }
}

impl Run {
    /// Silence kills Backstage's event stream after 45 to 60 s behind load balancers.
    fn say_still_waiting(&self, started: Instant, quiet: Duration) {
        let (doing, last) = {
            let state = self.record.state();
            (state.doing.clone(), state.last_event_at)
        };
        if last.elapsed() < quiet {
            return;
        }
        let doing = doing.unwrap_or_else(|| "working".into());
        self.record.log(
            Level::Info,
            format!(
                "still waiting after {} s: {doing}",
                started.elapsed().as_secs()
            ),
        );
    }
}

/// Ends an action that did not end by itself in time.
async fn overdue(run: &Run, settings: &Settings) -> Error {
    let code = tokio::select! {
        () = run.cancel.cancelled() => Code::Cancelled,
        () = tokio::time::sleep(settings.limit) => Code::DeadlineExceeded,
    };
    tokio::time::sleep(settings.grace).await;
    let why = if code == Code::Cancelled {
        "was cancelled"
    } else {
        "ran out of time"
    };
    let message = format!(
        "The run {why} and did not end within {} s after that, so it was stopped by force. Running the step again \
         looks at what is there and continues.",
        settings.grace.as_secs()
    );
    Error::new(code, message)
}

fn refuse_other_input(run: &Run, start: &Start) -> Result<()> {
    let mut differing = differing_fields(&run.input, &start.prepared.input);
    let others = [
        ("action", run.action != start.action),
        ("connection", run.connection != start.prepared.connection),
        ("dryRun", run.dry_run != start.dry_run),
    ];
    differing.extend(
        others
            .iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| (*name).to_owned()),
    );
    differing.sort();
    differing.dedup();
    if differing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "This Idempotency-Key was used for run {} with another request; these differ: {}. Use a new key for a new request.",
        run.id,
        differing.join(", ")
    );
    Err(Error::new(Code::IdempotencyMismatch, message))
}

fn finish(run: &Run, result: Result<Value>) {
    match result {
        Ok(output) => {
            run.record.end(Ok(output), Status::Succeeded);
            tracing::info!("run succeeded");
        }
        Err(error) => {
            let status = if error.code() == Code::Cancelled {
                Status::Cancelled
            } else {
                Status::Failed
            };
            tracing::warn!(code = %error.code(), cause = causes(&error), "run ended: {error}");
            run.record.end(Err(Failure::from(&error)), status);
        }
    }
}

/// The private causes, for the service's own log.
fn causes(error: &Error) -> String {
    let sources = std::iter::successors(std::error::Error::source(error), |source| source.source());
    sources
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("the action panicked: {}", text.unwrap_or_default())
}
