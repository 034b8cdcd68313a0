//! Looks after the runs in the journal: renews our leases, hears of cancels, takes up what others have left,
//! forgets what is old.

use std::{collections::HashMap, sync::Weak, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sidestage_action::{Code, Error, Result};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    execute::Execution,
    journal::TakenOver,
    record::Past,
    runs::{Inner, Runs, needs_secret},
};

/// How often runs are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);

/// Runs that are forgotten at once: nobody else can write meanwhile.
const MOST_FORGOTTEN: usize = 500;

/// Runs that are taken up at once.
const MOST_TAKEN: usize = 100;

/// Goes on until the process stops, or nobody holds the runs any more.
pub(crate) async fn look_after(runs: Weak<Inner>) {
    let Some(lease) = runs.upgrade().map(|inner| inner.settings.lease) else {
        return;
    };
    let mut tick = tokio::time::interval(lease / 4);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut forgotten_at = None;
    loop {
        tick.tick().await;
        let Some(runs) = runs.upgrade().map(Runs) else {
            return;
        };
        if runs.0.handing_over.is_cancelled() {
            return;
        }
        let looked = async {
            renew(&runs).await?;
            take_over_all(&runs).await?;
            if forgotten_at.is_none_or(|at: Instant| at.elapsed() >= FORGET_EVERY) {
                // However many there are, the leases are renewed between two portions.
                let are_all = forget(&runs).await?;
                forgotten_at = are_all.then(Instant::now);
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = looked.await {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(cause, "the journal cannot be looked after");
        }
    }
}

/// Renews the leases of the runs that are worked on here; lets go of those that are no longer ours.
async fn renew(runs: &Runs) -> Result<()> {
    let ours: Vec<_> = runs.all_live().values().cloned().collect();
    let leases: Vec<_> = ours.iter().map(|live| live.record.lease()).collect();
    let held = runs.journal().renew(&leases, runs.0.settings.lease).await?;
    let held: HashMap<_, _> = held
        .iter()
        .map(|held| (held.lease, held.cancel_requested))
        .collect();
    for live in ours {
        match held.get(&live.record.lease()) {
            Some(true) => live.cancel.cancel(),
            // One that has just ended has no lease either.
            None if !live.record.is_closed() => live.record.lose(),
            _ => {}
        }
    }
    Ok(())
}

/// Takes up all that has been left, the oldest first. However much it is, the leases are renewed between two portions.
pub(crate) async fn take_over_all(runs: &Runs) -> Result<()> {
    while take_over(runs).await? == MOST_TAKEN {
        renew(runs).await?;
    }
    Ok(())
}

/// Takes up a portion of what has been left. How many runs that were.
async fn take_over(runs: &Runs) -> Result<usize> {
    if runs.is_draining() {
        return Ok(0);
    }
    let settings = &runs.0.settings;
    let taken = runs
        .journal()
        .take_over(&settings.replica, settings.lease, MOST_TAKEN)
        .await?;
    let count = taken.len();
    for taken in taken {
        // There may be none any more. What was accepted once is worked on all the same.
        let place = runs.0.queues.of(&taken.record.spec.connection).accept();
        let execution = resume(runs, &taken);
        let TakenOver {
            record,
            lease,
            effects,
            last_event,
            turns: _,
        } = taken;
        tracing::warn!(run_id = %lease.run, attempt = lease.epoch, "taking a run up that was interrupted");
        let past = Past {
            effects,
            last_event,
        };
        runs.launch(lease, past, execution, place);
        if record.cancel_requested
            && let Some(live) = runs.live(lease.run)
        {
            live.cancel.cancel();
        }
    }
    Ok(count)
}

fn resume(runs: &Runs, taken: &TakenOver) -> Execution {
    let settings = &runs.0.settings;
    let spec = taken.record.spec.clone();
    let attempt = taken.lease.epoch;
    let given_up = taken.turns >= settings.most_attempts;
    let prepared = if given_up {
        let message = format!(
            "The run was interrupted {} times, and is not taken up again: it may be what ends Sidestage. Its log has \
             more. Run the step again once that is mended.",
            taken.turns
        );
        Err(Error::new(Code::Internal, message))
    } else if spec.needs_secret {
        let message = needs_secret(spec.id);
        Err(Error::new(Code::UpstreamUnavailable, message))
    } else {
        runs.prepare_again(&spec)
    };
    let age = Duration::try_from(Timestamp::now().duration_since(spec.created_at));
    let left = settings.limit.saturating_sub(age.unwrap_or_default());
    // However long nobody was there, what was begun is looked at.
    let left = left.max(settings.grace);
    Execution {
        attempt: Some(attempt),
        turns: taken.turns,
        given_up,
        failing: taken.record.failing.clone(),
        ..Execution::new(spec, prepared, left)
    }
}

/// Forgets a portion of what is old. Whether that was all.
async fn forget(runs: &Runs) -> Result<bool> {
    let keep = SignedDuration::try_from(runs.0.settings.keep).unwrap_or(SignedDuration::MAX);
    let before = Timestamp::now().checked_sub(keep).unwrap_or(Timestamp::MIN);
    let forgotten = runs.journal().forget(before, MOST_FORGOTTEN).await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "old runs are forgotten");
    }
    Ok(forgotten < MOST_FORGOTTEN as u64)
}
