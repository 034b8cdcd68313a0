//! All runs: starting, joining, finding, taking back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_action::{
    Code, Error, Made, Prepared, Principal, Result, Runnable,
    effect::{Intent, Looking},
};
use sidestage_redact::Redactor;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    caretaker,
    event::{Status, now},
    execute::Execution,
    journal::{Begun, EffectRecord, Filter, Journal, Lease, NewRun, RunRecord, RunSpec},
    key::Key,
    queue::Queues,
    record::{Past, Record},
    run::{Run, forgotten},
    writer::Writer,
};

/// How runs behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this process among those that share the journal. Started again under the same name, it
    /// takes its runs up at once.
    pub replica: String,
    /// The longest a run may take, the wait for its turn included.
    pub limit: Duration,
    /// How long after a cancel or the limit a run may take to clear up, before it is ended by force.
    pub grace: Duration,
    /// How long a run that failed may take to take back what it made.
    pub undo_limit: Duration,
    /// A running run says something at least this often.
    pub quiet: Duration,
    /// How long a run is kept after its end.
    pub keep: Duration,
    /// Runs under way at the same time on one connection.
    pub most_running: usize,
    /// Runs on one connection that are accepted and wait for their turn.
    pub most_waiting: usize,
    /// How long a replica may be silent before another one takes its runs up.
    pub lease: Duration,
    /// How long a run that has succeeded answers its key. After that the same request looks anew.
    pub answer_for: Duration,
    /// How often a run may be interrupted while it is worked on, before it is given up.
    pub most_attempts: u64,
    /// How `ensure` looks after a lost answer.
    pub looking: Looking,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            replica: Uuid::now_v7().to_string(),
            limit: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(90),
            undo_limit: Duration::from_secs(5 * 60),
            quiet: Duration::from_secs(20),
            keep: Duration::from_secs(30 * 24 * 60 * 60),
            most_running: 1_000,
            most_waiting: 1_000,
            lease: Duration::from_secs(15),
            answer_for: Duration::from_secs(60 * 60),
            most_attempts: 20,
            looking: Looking::default(),
        }
    }
}

/// Finds an action by its id: runs do not know which there are.
pub type FindAction = Arc<dyn Fn(&str) -> Option<Arc<dyn Runnable>> + Send + Sync>;

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
    /// The trace that the request belongs to.
    pub trace: Option<String>,
}

/// What [`Runs::start`] ended with.
pub struct Started {
    /// The run.
    pub run: Run,
    /// Whether it was there before.
    pub joined: bool,
}

/// All runs. Cheap to clone.
#[derive(Clone)]
pub struct Runs(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) redactor: Redactor,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) find_action: FindAction,
    writer: Writer,
    live: Mutex<HashMap<Uuid, Arc<Live>>>,
    pub(crate) queues: Queues,
    pub(crate) tasks: TaskTracker,
    draining: CancellationToken,
    /// Those that still run are to be left to others.
    pub(crate) handing_over: CancellationToken,
    closing: CancellationToken,
}

/// A run that this process works on.
pub(crate) struct Live {
    pub(crate) spec: RunSpec,
    pub(crate) record: Arc<Record>,
    pub(crate) cancel: CancellationToken,
}

impl Runs {
    /// The runs of a journal. Takes up those that this replica, or one that is gone, has left.
    ///
    /// # Errors
    /// When the journal cannot be read or written.
    pub async fn open(
        settings: Settings,
        redactor: Redactor,
        journal: Arc<dyn Journal>,
        find_action: FindAction,
    ) -> Result<Self> {
        let runs = Runs(Arc::new(Inner {
            writer: Writer::start(journal.clone()),
            queues: Queues::new(settings.most_running, settings.most_waiting),
            settings,
            redactor,
            journal,
            find_action,
            live: Mutex::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
            handing_over: CancellationToken::new(),
            closing: CancellationToken::new(),
        }));
        // What this replica had before it was started again is nobody's now.
        runs.journal().hand_over(&runs.0.settings.replica).await?;
        caretaker::take_over_all(&runs).await?;
        tokio::spawn(caretaker::look_after(Arc::downgrade(&runs.0)));
        Ok(runs)
    }

    pub(crate) fn journal(&self) -> &dyn Journal {
        &*self.0.journal
    }

    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    pub(crate) fn all_live(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Live>>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run, if this process works on it.
    pub(crate) fn live(&self, id: Uuid) -> Option<Arc<Live>> {
        let live = self.all_live().get(&id).cloned();
        live.filter(|live| !live.record.lost().is_cancelled())
    }

    /// Whether this process works on the run.
    pub fn works_on(&self, id: Uuid) -> bool {
        self.live(id).is_some()
    }

    /// Starts a run, or joins the one that the key names.
    ///
    /// A key joins a run under way and returns one that succeeded lately; after one that did not, a new run continues
    /// it: what that one made counts as made by the new one.
    ///
    /// # Errors
    /// [`Code::IdempotencyMismatch`] when the key was used with another input, [`Code::Conflict`] while what the key
    /// names is being taken back, [`Code::RateLimited`] when
    /// too many runs are waiting, [`Code::UpstreamUnavailable`] when the service is stopping or its journal
    /// cannot be written.
    pub async fn start(&self, start: Start) -> Result<Started> {
        let Start {
            action,
            principal,
            prepared,
            dry_run,
            key,
            trace,
        } = start;
        let spec = RunSpec {
            trace,
            ..self.spec(action, principal, &prepared, dry_run)
        };
        self.begin(spec, prepared, key, None).await
    }

    fn spec(
        &self,
        action: String,
        principal: Principal,
        prepared: &Prepared,
        dry_run: bool,
    ) -> RunSpec {
        let mut input = prepared.input.clone();
        self.0.redactor.scrub_json(&mut input);
        RunSpec {
            id: Uuid::now_v7(),
            principal,
            action,
            connection: prepared.connection.clone(),
            organization: prepared.organization.clone(),
            // What was scrubbed is missing as much as what was never kept.
            needs_secret: !prepared.secrets.is_empty() || input != prepared.input,
            input,
            dry_run,
            continues: None,
            undoes: None,
            trace: None,
            created_at: now(),
        }
    }

    /// Begins a run, or joins the one that is there. `retried_by` is who asked, if that is not whose run it is.
    async fn begin(
        &self,
        spec: RunSpec,
        prepared: Prepared,
        key: Option<Key>,
        retried_by: Option<Principal>,
    ) -> Result<Started> {
        if self.is_draining() {
            let message = "Sidestage is stopping and takes no new runs. Running the step again in a moment is safe.";
            return Err(Error::new(Code::UpstreamUnavailable, message)
                .retry_after(Some(Duration::from_secs(5))));
        }
        let Some(place) = self.0.queues.of(&spec.connection).accept() else {
            return self.join_only(spec, key).await;
        };
        let runs = self.clone();
        // In a task of its own: who asked may go away between the two steps, and the run must not be left
        // written down with nobody working on it.
        let begun = tokio::spawn(async move {
            let new = NewRun {
                spec,
                key,
                owner: runs.0.settings.replica.clone(),
                lease: runs.0.settings.lease,
                answer_for: runs.0.settings.answer_for,
            };
            let begun = runs.journal().begin(&new).await?;
            let (lease, continues, effects) = match begun {
                Begun::Found(record) => return runs.join(&new.spec, *record),
                Begun::BeingUndone { run, by } => return Err(being_undone(run, by)),
                Begun::Continued { by } => return Err(continued(new.spec.undoes, by)),
                Begun::New {
                    lease,
                    continues,
                    effects,
                } => (lease, continues, effects),
            };
            let spec = RunSpec {
                continues,
                ..new.spec
            };
            let past = Past {
                effects,
                last_event: 0,
            };
            let execution = Execution {
                retried_by,
                ..Execution::new(spec.clone(), Ok(prepared), runs.0.settings.limit)
            };
            runs.launch(lease, past, execution, Some(place));
            let run = runs.handle(spec);
            Ok(Started { run, joined: false })
        });
        begun.await.map_err(Error::internal)?
    }

    /// There is no place for a new run, but one that is there already can be joined.
    async fn join_only(&self, spec: RunSpec, key: Option<Key>) -> Result<Started> {
        if let Some(key) = &key
            && let Some(record) = self.journal().named(key).await?
            && record.answers(&spec, self.0.settings.answer_for)
        {
            return self.join(&spec, record);
        }
        let Settings {
            most_running,
            most_waiting,
            ..
        } = self.0.settings;
        let message = format!(
            "On the connection {}, {most_running} runs are worked on and {most_waiting} are waiting; Sidestage takes no \
             more for now.",
            spec.connection
        );
        Err(Error::new(Code::RateLimited, message).retry_after(Some(Duration::from_secs(10))))
    }

    fn join(&self, wanted: &RunSpec, found: RunRecord) -> Result<Started> {
        if let Some(run) = found.spec.undoes
            && found.spec.principal != wanted.principal
        {
            // Who has begun it follows it; others may not even see it.
            return Err(being_undone(run, found.spec.id));
        }
        let differing = found.spec.differences(wanted);
        if !differing.is_empty() {
            let message = format!(
                "This Idempotency-Key was used for run {} with another request; these differ: {}. Use a new key for a \
                 new request.",
                found.spec.id,
                differing.join(", ")
            );
            return Err(Error::new(Code::IdempotencyMismatch, message));
        }
        Ok(Started {
            run: self.handle(found.spec),
            joined: true,
        })
    }

    /// Works on a run from here on, when its turn comes.
    pub(crate) fn launch(
        &self,
        lease: Lease,
        past: Past,
        execution: Execution,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let turn = self.0.queues.of(&execution.spec.connection).line_up();
        let live = Arc::new(Live {
            record: Record::new(lease, past, self.0.redactor.clone(), self.0.writer.clone()),
            spec: execution.spec.clone(),
            cancel: CancellationToken::new(),
        });
        self.all_live().insert(lease.run, live.clone());
        let runs = self.clone();
        self.0.tasks.spawn(async move {
            execution.run(&runs, &live, turn).await;
            let mut all = runs.all_live();
            // The same run may have come back to this process in the meantime.
            if all
                .get(&lease.run)
                .is_some_and(|now| Arc::ptr_eq(now, &live))
            {
                all.remove(&lease.run);
            }
            drop(place);
        });
    }

    fn handle(&self, spec: RunSpec) -> Run {
        Run {
            spec,
            runs: self.clone(),
        }
    }

    /// The run with that id, if `principal` started it, or `principal` is none and may see all.
    ///
    /// # Errors
    /// [`Code::NotFound`], also for a run of somebody else.
    pub async fn get(&self, id: Uuid, principal: Option<&Principal>) -> Result<Run> {
        let spec = match self.live(id) {
            Some(live) => Some(live.spec.clone()),
            None => self.journal().run(id).await?.map(|record| record.spec),
        };
        spec.filter(|spec| principal.is_none_or(|principal| spec.principal == *principal))
            .map(|spec| self.handle(spec))
            .ok_or_else(|| forgotten(id))
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<RunRecord>> {
        self.journal().list(filter).await
    }

    /// Takes back what a run made: a run itself, one at a time. While one is under way, asking again joins it.
    ///
    /// # Errors
    /// [`Code::Conflict`] while the run is under way, when another one goes on with it, or while an undo is under way that
    /// somebody else has asked for; otherwise as [`start`](Self::start).
    pub async fn undo(
        &self,
        run: &Run,
        principal: &Principal,
        trace: Option<String>,
        dry_run: bool,
    ) -> Result<Started> {
        let id = run.spec.id;
        let now = run.snapshot().await?;
        let refuse = |why: String| Err(Error::conflict(why));
        if now.status == Status::Running {
            return refuse(format!(
                "Run {id} is under way. Cancel it, wait for its end, then undo it."
            ));
        }
        if run.spec.undoes.is_some() {
            return refuse(format!(
                "Run {id} is an undo itself. To have back what it took away, run the step again."
            ));
        }
        if let Some(next) = now.continued_by {
            return Err(continued(Some(id), next));
        }
        let forward = now.effects.iter().filter(|effect| !effect.undoing);
        let made = forward.clone().filter_map(EffectRecord::made).collect();
        let unknown = forward.filter(|effect| effect.is_unknown());
        let unknown = unknown.map(|effect| effect.intent.clone()).collect();
        let prepared = self.prepare_undo(&run.spec, made, unknown)?;
        let spec = RunSpec {
            undoes: Some(id),
            trace,
            organization: run.spec.organization.clone(),
            ..self.spec(
                run.spec.action.clone(),
                principal.clone(),
                &prepared,
                dry_run,
            )
        };
        // Two that only look do not get in each other's way.
        let scope = if dry_run {
            principal
        } else {
            &run.spec.principal
        };
        let key = Key::undo(scope, id, dry_run);
        self.begin(spec, prepared, Some(key), None).await
    }

    /// The work that takes back what a run made, and says what it may have made.
    pub(crate) fn prepare_undo(
        &self,
        spec: &RunSpec,
        made: Vec<Made>,
        unknown: Vec<Intent>,
    ) -> Result<Prepared> {
        let action = self.find_action(&spec.action)?;
        let mut prepared = action.prepare_undo(&spec.connection, made)?;
        if !unknown.is_empty() {
            prepared.input["unknown"] = json!(unknown);
            let take_back = prepared.work;
            prepared.work = Box::new(move |ctx| {
                Box::pin(async move {
                    for Intent { kind, key } in &unknown {
                        ctx.warn(format!(
                            "It is not known whether {kind} {key} was made, so it is not touched. Check it, or run the step \
                             again, which looks."
                        ));
                    }
                    let mut output = take_back(ctx).await?;
                    output["unknown"] = json!(unknown);
                    Ok(output)
                })
            });
        }
        Ok(prepared)
    }

    /// The action with that id.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub fn find_action(&self, id: &str) -> Result<Arc<dyn Runnable>> {
        (self.0.find_action)(id).ok_or_else(|| {
            Error::not_found(format!(
                "Sidestage no longer has the action {id} of this run."
            ))
        })
    }

    /// Starts a run again that did not succeed, with the same input; what it made counts as made by the new
    /// one. That belongs to whoever the old one belongs to; if `by` is somebody else, it says so.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the run is under way, has succeeded, or needs a secret that is not kept;
    /// otherwise as [`start`](Self::start).
    pub async fn retry(&self, run: &Run, by: &Principal, trace: Option<String>) -> Result<Started> {
        let id = run.spec.id;
        let now = run.snapshot().await?;
        let refuse = |why: String| Err(Error::conflict(why));
        match now.status {
            Status::Running => return refuse(format!("Run {id} is under way.")),
            Status::Succeeded => {
                return refuse(format!(
                    "Run {id} has succeeded; there is nothing to do again."
                ));
            }
            Status::Failed | Status::Cancelled => {}
        }
        if run.spec.needs_secret {
            return refuse(needs_secret(id));
        }
        let prepared = self.prepare_again(&run.spec)?;
        let spec = RunSpec {
            id: Uuid::now_v7(),
            continues: Some(id),
            trace,
            created_at: crate::event::now(),
            ..run.spec.clone()
        };
        let other = (*by != run.spec.principal).then(|| by.clone());
        self.begin(spec, prepared, None, other).await
    }

    /// The work of a run, from what the journal has kept of it.
    pub(crate) fn prepare_again(&self, spec: &RunSpec) -> Result<Prepared> {
        match spec.undoes {
            None => {
                let prepared = self
                    .find_action(&spec.action)?
                    .prepare(spec.input.clone())?;
                if prepared.connection != spec.connection {
                    // What is recorded of it is of another service.
                    return Err(Error::conflict(format!(
                        "Run {} was begun through the connection {}; by Sidestage's configuration its input now means \
                         {}. Run the step again to begin there.",
                        spec.id, spec.connection, prepared.connection
                    )));
                }
                Ok(prepared)
            }
            Some(_) => {
                let made = serde_json::from_value(spec.input["undo"].clone());
                let unknown = match &spec.input["unknown"] {
                    Value::Null => Ok(Vec::new()),
                    unknown => serde_json::from_value(unknown.clone()),
                };
                let (made, unknown) = (
                    made.map_err(Error::internal)?,
                    unknown.map_err(Error::internal)?,
                );
                self.prepare_undo(spec, made, unknown)
            }
        }
    }

    /// Forgets a derived key once its outcome was handed over: the next same request looks anew.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn release(&self, key: &Key, run: &Run) -> Result<()> {
        self.journal().release_key(key, run.spec.id).await
    }

    /// Whether no new runs are taken.
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Stops: takes no new runs, gives those under way `grace` to end, leaves the others to another replica or
    /// to the next start, then sends followers away.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait())
            .await
            .is_err()
        {
            let left = self.all_live().len();
            self.0.handing_over.cancel();
            self.0.tasks.wait().await;
            match self.journal().hand_over(&self.0.settings.replica).await {
                Ok(()) => tracing::info!(left, "stopping; the runs under way are handed over"),
                Err(error) => {
                    tracing::warn!(left, %error, "stopping; the runs under way are taken up when their lease ends");
                }
            }
        }
        self.0.closing.cancel();
    }
}

fn being_undone(run: Uuid, by: Uuid) -> Error {
    Error::conflict(format!(
        "What run {run} made is being taken back by run {by}. Wait for its end; the same request then starts anew."
    ))
    .retry_after(Some(Duration::from_secs(5)))
}

fn continued(run: Option<Uuid>, by: Uuid) -> Error {
    let run = run.unwrap_or_default();
    Error::conflict(format!(
        "Run {run} was continued by run {by}, which has what both of them made. Undo that one."
    ))
}

pub(crate) fn needs_secret(id: Uuid) -> String {
    format!(
        "Run {id} was interrupted, and it was given a secret that Sidestage does not keep, so it cannot go on by itself. \
         Run the step again: what was made already is found and used."
    )
}
