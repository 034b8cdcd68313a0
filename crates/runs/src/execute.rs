//! Working on one run: waiting for its turn, doing the work, taking back what it made where that was asked
//! for, and ending it, whatever happens.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use serde_json::Value;
use sidestage_action::{
    Code, Context, Error, Kept, Level, Made, OnFailure, Prepared, Principal, Recorder, Result,
    RunContext, UndoOutput, Work, after,
};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    event::{Failure, Status},
    journal::{RunSpec, Undone},
    queue::Turn,
    record::Pen,
    runs::{Live, Runs, Settings},
};

/// What there is to do for a run.
pub(crate) struct Execution {
    pub(crate) spec: RunSpec,
    pub(crate) prepared: Result<Prepared>,
    pub(crate) limit: Duration,
    /// Who asked for it, if that is not whose run it is.
    pub(crate) retried_by: Option<Principal>,
    /// How often it was taken up, if it was begun by another process.
    pub(crate) attempt: Option<u64>,
    /// In how many turns it was worked on and interrupted.
    pub(crate) turns: u64,
    /// It has failed already, and takes back what it made.
    pub(crate) failing: Option<Failure>,
    /// It was taken up so often that `prepared` says it is given up, whatever it was doing.
    pub(crate) given_up: bool,
}

impl Execution {
    pub(crate) fn new(spec: RunSpec, prepared: Result<Prepared>, limit: Duration) -> Self {
        Execution {
            spec,
            prepared,
            limit,
            retried_by: None,
            attempt: None,
            turns: 0,
            failing: None,
            given_up: false,
        }
    }

    /// Works on the run until it has ended, is left to another replica, or was taken by one.
    pub(crate) async fn run(self, runs: &Runs, live: &Live, turn: Turn) {
        let span = tracing::info_span!(
            "run", run_id = %self.spec.id, action = self.spec.action, connection = self.spec.connection
        );
        let turns = self.turns;
        let work = async {
            tokio::select! {
                biased;
                () = live.record.lost().cancelled() => tracing::warn!("another replica has taken the run over"),
                () = runs.0.handing_over.cancelled() => {
                    // This turn ends in order.
                    live.record.turns(turns).await;
                    tracing::info!("the run is left to another replica");
                }
                () = self.run_to_end(runs, live, turn) => {}
            }
        };
        work.instrument(span).await;
    }

    async fn run_to_end(self, runs: &Runs, live: &Live, turn: Turn) {
        let pen = |undoing| Pen {
            record: live.record.clone(),
            undoing,
        };
        if let Some(attempt) = self.attempt {
            let message =
                format!("taken up again after an interruption of Sidestage (attempt {attempt})");
            pen(false).log(Level::Info, message);
        }
        if let Some(by) = &self.retried_by {
            pen(false).log(Level::Info, format!("started again by {by}"));
        }
        let deadline = after(self.limit);
        let waits = matches!(turn, Turn::Waiting(_));
        if waits {
            live.record.turns(self.turns).await;
        }
        let place = wait_for(turn, deadline, runs, live, &pen(false)).await;
        if waits || self.attempt.is_some() {
            // Before anything is done: it may be what ends the process.
            live.record.turns(self.turns + 1).await;
        }
        let mut changes = live.record.changes();
        // Known until the end is written: a failure may quote them.
        let secrets = self.prepared.iter().flat_map(|prepared| &prepared.secrets);
        let _secrets: Vec<_> = secrets.map(|secret| runs.0.redactor.add(secret)).collect();
        let (result, on_failure) = match (self.prepared, self.failing) {
            (Err(error), Some(mut failure)) if self.given_up => {
                let error = with_what_remains(error, live);
                failure.message = format!("{} {}", failure.message, error.message());
                (Err(failure), OnFailure::Keep)
            }
            // It has come as far as this before, and said what is unknown.
            (_, Some(failure)) => (Err(failure), OnFailure::Undo),
            (Err(error), None) => {
                let on_failure = self.spec.on_failure();
                let error = match on_failure {
                    OnFailure::Keep => with_what_remains(error, live),
                    OnFailure::Undo => error,
                };
                (Err(say_what_is_unknown(&error, live)), on_failure)
            }
            (Ok(prepared), None) => {
                let on_failure = prepared.on_failure;
                let result = work(
                    runs,
                    live,
                    pen(false),
                    Job {
                        on_failure,
                        work: prepared.work,
                        cancel: live.cancel.clone(),
                        limit: deadline.saturating_duration_since(Instant::now()),
                        dry_run: self.spec.dry_run,
                    },
                )
                .await;
                (result.map_err(|error| fail(&error, live)), on_failure)
            }
        };
        let (outcome, undone) = match result {
            Ok(output) => {
                let undone = what_is_undone(&self.spec, &output);
                (Ok(output), undone)
            }
            Err(mut failure) => {
                let made = live.record.made();
                let undone = match on_failure {
                    OnFailure::Undo if !made.is_empty() => {
                        let made = take_back(runs, live, pen(true), &mut failure, made).await;
                        let run = self.spec.id;
                        Some(Undone { run, made })
                    }
                    _ => None,
                };
                (Err(failure), undone)
            }
        };
        let status = match &outcome {
            Ok(_) => Status::Succeeded,
            Err(failure) if failure.code == Code::Cancelled => Status::Cancelled,
            Err(_) => Status::Failed,
        };
        tracing::info!(status = status.as_str(), "run ended");
        live.record.end(outcome, status, undone);
        drop(place);
        while !live.record.state().ended {
            if changes.changed().await.is_err() {
                break;
            }
        }
    }
}

/// Waits until it is the run's turn, or the run is over before it.
async fn wait_for(
    turn: Turn,
    deadline: Instant,
    runs: &Runs,
    live: &Live,
    pen: &Pen,
) -> Option<OwnedSemaphorePermit> {
    let mut turn = match turn {
        Turn::Come(place) => return place,
        Turn::Waiting(turn) => turn,
    };
    let Settings {
        most_running,
        quiet,
        ..
    } = runs.0.settings;
    let connection = &live.spec.connection;
    pen.progress(
        format!("waiting for its turn: {most_running} runs are worked on already on {connection}"),
        None,
    );
    loop {
        tokio::select! {
            place = &mut turn => return place.ok(),
            () = live.cancel.cancelled() => return None,
            () = tokio::time::sleep_until(deadline) => return None,
            () = tokio::time::sleep(quiet) => {
                pen.log(Level::Info, "still waiting for its turn".into());
            }
        }
    }
}

struct Job {
    on_failure: OnFailure,
    work: Work,
    cancel: CancellationToken,
    limit: Duration,
    dry_run: bool,
}

/// Does some work, says so while it waits, and comes back within a bound.
async fn work(runs: &Runs, live: &Live, pen: Pen, job: Job) -> Result<Value> {
    let settings = &runs.0.settings;
    let started = Instant::now();
    let waits = Pen {
        record: pen.record.clone(),
        undoing: pen.undoing,
    };
    let ctx = Context::new(
        RunContext {
            id: live.spec.id,
            principal: live.spec.principal.clone(),
            organization: live.spec.organization.clone(),
            dry_run: job.dry_run,
            on_failure: job.on_failure,
            looking: settings.looking,
            recorder: std::sync::Arc::new(pen),
        },
        job.cancel.clone(),
        job.limit,
    );
    tracing::info!(principal = %live.spec.principal, dry_run = job.dry_run, "work begins");
    let mut work = AssertUnwindSafe((job.work)(ctx)).catch_unwind().boxed();
    let overdue = overdue(&job.cancel, job.limit, settings);
    tokio::pin!(overdue);
    loop {
        let quiet_until = live.record.state().last_event_at + settings.quiet;
        tokio::select! {
            biased;
            result = &mut work => {
                return result.unwrap_or_else(|panic| Err(Error::internal(panic_text(&panic))));
            }
            error = &mut overdue => return Err(error),
            () = tokio::time::sleep_until(quiet_until) => waits.say_still_waiting(started, settings.quiet),
        }
    }
}

impl Pen {
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
        let seconds = started.elapsed().as_secs();
        let message = format!("still waiting after {seconds} s: {doing}");
        self.record.say_waiting(message);
    }
}

/// Ends an action that did not end by itself in time.
async fn overdue(cancel: &CancellationToken, limit: Duration, settings: &Settings) -> Error {
    let code = tokio::select! {
        () = cancel.cancelled() => Code::Cancelled,
        () = tokio::time::sleep(limit) => Code::DeadlineExceeded,
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

/// Takes back what the run made, and adds to its failure what became of it. That the run has come to this
/// is written down first: were it interrupted now, it would go on here. Returns what is gone.
async fn take_back(
    runs: &Runs,
    live: &Live,
    pen: Pen,
    failure: &mut Failure,
    made: Vec<Made>,
) -> Vec<Made> {
    if let Err(error) = live.record.failing(failure).await {
        failure.message = format!(
            "{} What this run had made remains: {}",
            failure.message,
            error.message()
        );
        return Vec::new();
    }
    pen.log(
        Level::Warn,
        format!("{} Taking back what was made.", failure.message),
    );
    let undone = match runs.prepare_undo(&live.spec, made.clone(), Vec::new()) {
        Err(error) => Err(error),
        Ok(prepared) => {
            let job = Job {
                on_failure: OnFailure::Keep,
                work: prepared.work,
                // Whoever cancelled the run wants it undone.
                cancel: CancellationToken::new(),
                limit: runs.0.settings.undo_limit,
                dry_run: false,
            };
            work(runs, live, pen, job).await
        }
    };
    let output = undone
        .and_then(|output| serde_json::from_value::<UndoOutput>(output).map_err(Error::internal));
    let (sentence, undone) = match output {
        Ok(output) => (what_was_undone(&output), output.undone),
        Err(error) => {
            let made = list(&made);
            let sentence = format!("It could not be taken back ({error}), and remains: {made}.");
            (sentence, Vec::new())
        }
    };
    failure.message = format!("{} {sentence}", failure.message);
    undone
}

/// What a run has taken back of what another one had made.
fn what_is_undone(spec: &RunSpec, output: &Value) -> Option<Undone> {
    let run = spec.undoes.filter(|_| !spec.dry_run)?;
    let output: UndoOutput = serde_json::from_value(output.clone()).ok()?;
    let made = output.undone;
    Some(Undone { run, made })
}

fn what_was_undone(output: &UndoOutput) -> String {
    let mut sentences = Vec::new();
    if !output.undone.is_empty() {
        sentences.push(format!(
            "What this run had made was taken back: {}.",
            list(&output.undone)
        ));
    }
    for Kept { made, why } in &output.kept {
        sentences.push(format!("{} {} stays: {why}", made.kind, made.key));
    }
    sentences.join(" ")
}

fn list(made: &[Made]) -> String {
    made.iter()
        .map(|made| format!("{} {}", made.kind, made.key))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A run that ends without its action says what it has made.
fn with_what_remains(error: Error, live: &Live) -> Error {
    if live.spec.undoes.is_some() {
        return error;
    }
    let made = live.record.made();
    let made: Vec<_> = made
        .iter()
        .map(|made| format!("{} {}", made.kind, made.key))
        .collect();
    error.with_what_remains(&made)
}

/// A run that ends with a change of which it is not known whether it was made says what to check.
fn say_what_is_unknown(error: &Error, live: &Live) -> Failure {
    let mut failure = Failure::from(error);
    let unknown = live.record.unknown();
    if !unknown.is_empty() && failure.code != Code::OutcomeUnknown {
        failure.message = format!(
            "{} It is not known whether this was made: {}. Check it, or run the step again, which looks.",
            failure.message.trim_end(),
            unknown.join(", ")
        );
    }
    failure
}

fn fail(error: &Error, live: &Live) -> Failure {
    if error.code() == Code::Cancelled {
        tracing::info!("run was cancelled: {error}");
    } else {
        tracing::warn!(code = %error.code(), cause = causes(error), "run failed: {error}");
    }
    say_what_is_unknown(error, live)
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
