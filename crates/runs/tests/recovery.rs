//! Replicas that share a journal, and what is taken back. Each test runs against a real SQLite file and a real
//! PostgreSQL.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use sidestage_action::{
    Code, Principal, UndoOutput,
    effect::{Intent, Looking, Settlement},
};
use sidestage_redact::Redactor;
use sidestage_runs::{
    EffectRecord, Event, EventKind, Failure, Filter, Key, Run, RunSpec, Runs, Settings, Snapshot,
    Start, Started, Status,
    journal::{Batch, Begun, Lease, NewRun, Write},
};
use support::{
    accounts::Accounts,
    disturbed::Disturbed,
    journals::{self, Kind, Place},
    points::Points,
};

const ACTION: &str = "test:create-accounts";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn ci() -> Principal {
    Principal::Key { name: "ci".into() }
}

struct Stage {
    place: Place,
    accounts: Arc<Accounts>,
}

impl Stage {
    async fn new(kind: Kind) -> Self {
        Stage {
            place: journals::open(kind).await,
            accounts: Arc::default(),
        }
    }

    fn settings(name: &str) -> Settings {
        Settings {
            replica: name.into(),
            lease: Duration::from_millis(400),
            looking: Looking {
                times: 2,
                pause: Duration::from_millis(1),
            },
            ..Settings::default()
        }
    }

    /// Another process, with a journal connection of its own.
    async fn replica(&self, name: &str) -> Runs {
        self.replica_with(Self::settings(name)).await
    }

    async fn replica_with(&self, settings: Settings) -> Runs {
        let journal = self.place.open_again().await;
        Runs::open(settings, Redactor::new(), journal, self.accounts.actions())
            .await
            .unwrap()
    }
}

/// A process that can be killed: it has a runtime of its own.
struct Process(Option<tokio::runtime::Runtime>, Runs);

impl Process {
    async fn start(stage: &Stage, name: &str) -> Self {
        Self::start_with(stage, Stage::settings(name), Points::default()).await
    }

    async fn start_with(stage: &Stage, settings: Settings, points: Points) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (url, actions) = (stage.place.url().to_owned(), stage.accounts.actions());
        let runs = runtime.spawn(async move {
            let journal = Arc::new(sidestage_runs::journal::Sql::open(&url).await.unwrap());
            let journal = Arc::new(Disturbed::new(journal, points));
            Runs::open(settings, Redactor::new(), journal, actions)
                .await
                .unwrap()
        });
        let runs = runs.await.unwrap();
        Process(Some(runtime), runs)
    }

    async fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce(Runs) -> futures::future::BoxFuture<'static, T> + Send + 'static,
    ) -> T {
        let runs = self.1.clone();
        let task = self
            .0
            .as_ref()
            .unwrap()
            .spawn(async move { work(runs).await });
        task.await.unwrap()
    }

    fn kill(mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

async fn try_start(
    runs: &Runs,
    key: Option<&str>,
    input: Value,
) -> sidestage_action::Result<Started> {
    let prepared = runs.find_action(ACTION).unwrap().prepare(input).unwrap();
    runs.start(Start {
        action: ACTION.into(),
        principal: ci(),
        prepared,
        dry_run: false,
        key: key.map(|key| Key::given(&ci(), key).unwrap()),
        trace: Some(TRACE.into()),
    })
    .await
}

async fn start(runs: &Runs, key: Option<&str>, input: Value) -> Run {
    try_start(runs, key, input).await.unwrap().run
}

async fn end(run: &Run) -> Snapshot {
    let ended = run.ended(Duration::from_secs(60)).await.unwrap();
    ended.expect("the run hangs")
}

/// Until the run has said this.
async fn says(run: &Run, text: &str) -> u64 {
    let mut events = Box::pin(run.clone().follow(0));
    while let Some(event) = events.next().await {
        if let EventKind::Log { message, .. } | EventKind::Progress { message, .. } = &event.kind
            && message.contains(text)
        {
            return event.id;
        }
    }
    panic!("it never says {text:?}")
}

async fn events(run: &Run, after: u64) -> Vec<Event> {
    run.clone().follow(after).collect().await
}

fn waiting(names: &[&str]) -> Value {
    json!({ "names": names, "wait": true })
}

async fn another_replica_takes_up_what_a_dead_one_left(kind: Kind) {
    let stage = Stage::new(kind).await;
    let dead = Process::start(&stage, "dead").await;
    let (id, seen) = dead
        .within(|runs| {
            Box::pin(async move {
                let run = start(&runs, Some("k"), waiting(&["ada", "bob"])).await;
                (run.spec.id, says(&run, "waiting at the gate").await)
            })
        })
        .await;
    let other = stage.replica("other").await;
    // A client that follows through the other replica, from where it was.
    let run = other.get(id, Some(&ci())).await.unwrap();
    let following = tokio::spawn({
        let run = run.clone();
        async move { events(&run, seen).await }
    });
    dead.kill();
    says(&run, "taken up again after an interruption").await;
    assert_eq!(run.spec.trace.as_deref(), Some(TRACE));
    stage.accounts.gate.0.add_permits(1);
    let rest = following.await.unwrap();
    assert_eq!(rest[0].id, seen + 1);
    assert!(matches!(
        rest.last().unwrap().kind,
        EventKind::End {
            status: Status::Succeeded,
            ..
        }
    ));
    let ended = end(&run).await;
    assert_eq!(ended.output, Some(json!({"created": ["ada", "bob"]})));
    assert_eq!(stage.accounts.changes(), ["create ada", "create bob"]);
    // The same key finds it, too.
    assert!(
        try_start(&other, Some("k"), waiting(&["ada", "bob"]))
            .await
            .unwrap()
            .joined
    );
}

async fn a_replica_that_lost_its_lease_changes_nothing_more(kind: Kind) {
    let stage = Stage::new(kind).await;
    let slow = stage.replica("slow").await;
    let run = start(&slow, None, json!({"names": ["ada"], "wait": true})).await;
    says(&run, "waiting at the gate").await;
    let thief = stage.place.open_again().await;
    // The slow one may renew its lease in between.
    let taken = loop {
        thief.hand_over("slow").await.unwrap();
        let taken = thief.take_over("thief", Duration::from_secs(60), 10);
        let taken = taken.await.unwrap();
        if !taken.is_empty() {
            break taken;
        }
    };
    assert_eq!(taken.len(), 1);
    stage.accounts.gate.0.add_permits(1);
    // What the slow one has to say is refused, and it lets go: the run goes on elsewhere.
    while slow.works_on(run.spec.id) {
        tokio::task::yield_now().await;
    }
    assert_eq!(run.status().await.unwrap(), Status::Running);
}

async fn a_run_that_needs_a_secret_ends_with_a_sentence(kind: Kind) {
    let stage = Stage::new(kind).await;
    let dead = Process::start(&stage, "one").await;
    let id = dead
        .within(|runs| {
            Box::pin(async move {
                let input = json!({"names": ["ada"], "wait": true, "token": "s3cr3t-token"});
                let run = start(&runs, Some("k"), input).await;
                says(&run, "waiting at the gate").await;
                run.spec.id
            })
        })
        .await;
    dead.kill();
    let again = stage.replica("one").await;
    let run = again.get(id, None).await.unwrap();
    let error = end(&run).await.error.unwrap();
    assert!(
        error
            .message
            .contains("was given a secret that Sidestage does not keep"),
        "{error:?}"
    );
    assert!(error.message.contains("Run the step again"), "{error:?}");
    let remains = "What this run had made remains: account ada.";
    assert!(error.message.contains(remains), "{error:?}");
    // The step run again has the secret, and what was made.
    stage.accounts.gate.0.add_permits(1);
    let input = json!({"names": ["ada"], "wait": true, "token": "s3cr3t-token"});
    let next = start(&again, Some("k"), input).await;
    assert_eq!(next.spec.continues, Some(id));
    assert_eq!(end(&next).await.output, Some(json!({"created": ["ada"]})));
}

async fn a_cancel_reaches_the_replica_that_works_on_the_run(kind: Kind) {
    let stage = Stage::new(kind).await;
    let (one, two) = (stage.replica("one").await, stage.replica("two").await);
    let run = start(&one, None, waiting(&["ada"])).await;
    says(&run, "waiting at the gate").await;
    let seen = two.get(run.spec.id, None).await.unwrap();
    seen.cancel().await.unwrap();
    assert_eq!(end(&seen).await.status, Status::Cancelled);
}

async fn stopping_hands_over_and_the_next_one_goes_on(kind: Kind) {
    let stage = Stage::new(kind).await;
    let old = stage.replica("old").await;
    let run = start(&old, None, waiting(&["ada"])).await;
    let seen = says(&run, "waiting at the gate").await;
    let follower = tokio::spawn({
        let run = run.clone();
        async move { events(&run, seen).await }
    });
    old.drain(Duration::ZERO).await;
    assert!(
        follower.await.unwrap().is_empty(),
        "sent away without an end"
    );
    let new = stage.replica("new").await;
    stage.accounts.gate.0.add_permits(1);
    let run = new.get(run.spec.id, None).await.unwrap();
    assert_eq!(end(&run).await.status, Status::Succeeded);
    assert_eq!(stage.accounts.changes(), ["create ada"]);
}

async fn an_undo_takes_back_what_the_run_made_and_nothing_else(kind: Kind) {
    let stage = Stage::new(kind).await;
    stage.accounts.there().insert("adopted".into(), 99);
    let runs = stage.replica("one").await;
    let input = json!({"names": ["ada", "adopted", "root", "bob"]});
    let run = start(&runs, Some("k"), input.clone()).await;
    end(&run).await;
    let undo = async |dry_run| {
        let undo = runs.undo(&run, &ci(), None, dry_run).await.unwrap();
        assert!(!undo.joined);
        assert_eq!(undo.run.spec.undoes, Some(run.spec.id));
        let ended = end(&undo.run).await;
        let output: UndoOutput = serde_json::from_value(ended.output.unwrap()).unwrap();
        (undo.run, output)
    };
    let made = |output: &UndoOutput| {
        let undone = output.undone.iter().map(|made| made.key.clone());
        undone.collect::<Vec<_>>()
    };
    let before = stage.accounts.changes();
    let (_, planned) = undo(true).await;
    assert_eq!(
        stage.accounts.changes(),
        before,
        "a dry run changes nothing"
    );
    assert_eq!(made(&planned), ["bob", "ada"], "the newest first");
    // As long as nothing is taken back, the key has its answer.
    assert!(
        try_start(&runs, Some("k"), input.clone())
            .await
            .unwrap()
            .joined
    );

    let (undo_run, output) = undo(false).await;
    assert_eq!(output, planned);
    assert_eq!(output.kept[0].why, "The account root cannot be removed.");
    assert_eq!(stage.accounts.names(), ["adopted", "root"]);
    let effects = end(&undo_run).await.effects;
    let effects: Vec<_> = effects
        .iter()
        .map(|effect| (&*effect.intent.kind, &*effect.intent.key))
        .collect();
    assert_eq!(
        effects,
        [("removal of account", "bob"), ("removal of account", "ada")]
    );
    // An undo again finds it gone; the key starts anew.
    undo(false).await;
    let again = try_start(&runs, Some("k"), input).await.unwrap();
    assert!(!again.joined);
    assert_eq!(
        end(&again.run).await.output,
        Some(json!({"created": ["ada", "bob"]}))
    );
    let refused = runs
        .undo(&undo_run, &ci(), None, false)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), Code::Conflict);
}

async fn on_failure_undo_takes_back_before_the_run_ends(kind: Kind) {
    let stage = Stage::new(kind).await;
    stage.accounts.there().insert("adopted".into(), 99);
    let runs = stage.replica("one").await;
    let names = ["ada", "adopted", "root", "bob"];
    let input = json!({"names": names, "fail": true, "onFailure": "undo"});
    let run = start(&runs, None, input).await;
    let ended = end(&run).await;
    assert_eq!(
        ended.error.unwrap().message,
        "The last step is refused. What this run had made was taken back: account bob, account ada. account root stays: The account root cannot be removed."
    );
    assert_eq!(ended.status, Status::Failed);
    assert_eq!(stage.accounts.names(), ["adopted", "root"]);
    // A cancelled run takes back, too.
    let run = start(
        &runs,
        None,
        json!({"names": ["eve"], "wait": true, "onFailure": "undo"}),
    )
    .await;
    says(&run, "waiting at the gate").await;
    run.cancel().await.unwrap();
    assert_eq!(end(&run).await.status, Status::Cancelled);
    assert_eq!(stage.accounts.names(), ["adopted", "root"]);
}

async fn what_was_taken_back_is_nobodys(kind: Kind) {
    let stage = Stage::new(kind).await;
    let runs = stage.replica("one").await;
    let input = json!({"names": ["ada"], "fail": true, "onFailure": "undo"});
    let first = start(&runs, Some("k"), input.clone()).await;
    let ended = end(&first).await;
    let settlements = ended.effects.iter().map(|effect| &effect.settlement);
    let undone = settlements.filter(|one| **one == Some(Settlement::Undone));
    assert_eq!(undone.count(), 1, "{:?}", ended.effects);
    assert_eq!(stage.accounts.names(), Vec::<String>::new());
    // Somebody makes it by hand, and it has the id that it had.
    stage.accounts.there().insert("ada".into(), 1);
    let next = start(&runs, Some("k"), input.clone()).await;
    assert_eq!(next.spec.continues, Some(first.spec.id));
    let message = end(&next).await.error.unwrap().message;
    assert_eq!(message, "The last step is refused.");
    assert_eq!(stage.accounts.names(), ["ada"]);
    // The same where an undo of its own took it back.
    let first = start(&runs, None, json!({"names": ["bob"], "fail": true})).await;
    end(&first).await;
    let undo = runs.undo(&first, &ci(), None, false).await.unwrap().run;
    end(&undo).await.output.unwrap();
    let id = stage.accounts.changes().len() as u32 - 1;
    stage.accounts.there().insert("bob".into(), id);
    let retry = runs.retry(&first, &ci(), None).await.unwrap().run;
    end(&retry).await;
    let undo = runs.undo(&retry, &ci(), None, false).await.unwrap().run;
    assert_eq!(
        end(&undo).await.output,
        Some(json!({"undone": [], "kept": []}))
    );
    assert_eq!(stage.accounts.names(), ["ada", "bob"]);
}

async fn what_is_being_taken_back_is_not_gone_on_with(kind: Kind) {
    let stage = Stage::new(kind).await;
    let runs = stage.replica("one").await;
    let input = json!({"names": ["slow"]});
    let first = start(&runs, Some("k"), input.clone()).await;
    end(&first).await.output.unwrap();
    let undo = runs.undo(&first, &ci(), None, false).await.unwrap().run;
    says(&undo, "waiting at the gate").await;
    let refused = try_start(&runs, Some("k"), input.clone()).await;
    let refused = refused.err().unwrap();
    assert_eq!(refused.code(), Code::Conflict);
    let by = format!("is being taken back by run {}", undo.spec.id);
    assert!(refused.message().contains(&by), "{refused}");
    stage.accounts.gate.0.add_permits(1);
    end(&undo).await.output.unwrap();
    let again = start(&runs, Some("k"), input).await;
    assert_eq!(end(&again).await.output, Some(json!({"created": ["slow"]})));
}

async fn what_a_run_made_is_taken_back_by_one_at_a_time_whoever_asks(kind: Kind) {
    let stage = Stage::new(kind).await;
    let (runs, other) = (stage.replica("one").await, stage.replica("two").await);
    let operator = Principal::Key {
        name: "operator".into(),
    };
    let first = start(&runs, None, json!({"names": ["slow"]})).await;
    end(&first).await.output.unwrap();
    let theirs = other.get(first.spec.id, None).await.unwrap();
    let owner = ci();
    let (by_owner, by_operator) = tokio::join!(
        runs.undo(&first, &owner, None, false),
        other.undo(&theirs, &operator, None, false)
    );
    let (undo, refused) = match (by_owner, by_operator) {
        (Ok(undo), Err(refused)) | (Err(refused), Ok(undo)) => (undo.run, refused),
        (one, other) => panic!("{:?} {:?}", one.err(), other.err()),
    };
    assert_eq!(refused.code(), Code::Conflict);
    let by = format!("is being taken back by run {}", undo.spec.id);
    assert!(refused.message().contains(&by), "{refused}");
    // The same caller joins, and whoever only looks is in nobody's way.
    let joined = runs.undo(&first, &undo.spec.principal, None, false).await;
    let joined = joined.unwrap();
    assert!(joined.joined && joined.run.spec.id == undo.spec.id);
    for who in [owner, operator] {
        let planned = runs.undo(&first, &who, None, true).await.unwrap().run;
        end(&planned).await.output.unwrap();
    }
    says(&undo, "waiting at the gate").await;
    stage.accounts.gate.0.add_permits(1);
    end(&undo).await.output.unwrap();
    assert_eq!(stage.accounts.changes(), ["create slow", "remove slow"]);
}

/// The token that the run was given is gone; what it made goes by the connection's own.
async fn on_failure_undo_needs_no_action(kind: Kind) {
    let stage = Stage::new(kind).await;
    let dead = Process::start(&stage, "one").await;
    let id = dead
        .within(|runs| {
            Box::pin(async move {
                let input = json!({"names": ["ada"], "wait": true, "token": "s3cr3t-token", "onFailure": "undo"});
                let run = start(&runs, None, input).await;
                says(&run, "waiting at the gate").await;
                run.spec.id
            })
        })
        .await;
    dead.kill();
    let again = stage.replica("one").await;
    let error = end(&again.get(id, None).await.unwrap())
        .await
        .error
        .unwrap();
    let back = "What this run had made was taken back: account ada.";
    assert!(error.message.ends_with(back), "{error:?}");
    assert_eq!(stage.accounts.names(), Vec::<String>::new());
}

async fn what_kills_sidestage_while_it_takes_back_is_given_up(kind: Kind) {
    let stage = Stage::new(kind).await;
    let new = begun(json!({"names": ["ada"]}), "2026-11-01T00:00:00Z");
    let lease = write_down(&stage, &new).await;
    let failing = Failure {
        code: Code::UpstreamRejected,
        message: "The last step is refused.".into(),
        fields: Vec::new(),
        retryable: false,
        retry_after: None,
    };
    let settled = Settlement::Created { id: "1".into() };
    let writes = vec![
        Write::Settlement {
            effect: 0,
            settlement: settled,
        },
        Write::Failing(failing),
    ];
    let journal = stage.place.journal();
    journal.append(&[Batch { lease, writes }]).await.unwrap();
    let settings = Settings {
        most_attempts: 1,
        ..Stage::settings("one")
    };
    let runs = stage.replica_with(settings).await;
    let ended = end(&runs.get(new.spec.id, None).await.unwrap()).await;
    assert_eq!(
        ended.error.unwrap().message,
        "The last step is refused. The run was interrupted 1 times, and is not taken up again: it may be what ends Sidestage. Its log has more. Run the step again once that is mended. What this run had made remains: account ada. Running the step again continues from there."
    );
}

async fn only_a_run_that_was_worked_on_is_given_up(kind: Kind) {
    let stage = Stage::new(kind).await;
    let settings = Settings {
        most_running: 1,
        most_attempts: 2,
        ..Stage::settings("one")
    };
    let mut ids = Vec::new();
    for turn in 0..2 {
        let dead = Process::start_with(&stage, settings.clone(), Points::default()).await;
        let known = ids.clone();
        ids = dead
            .within(move |runs| {
                Box::pin(async move {
                    let mut all = Vec::new();
                    for name in ["poison", "waits"] {
                        all.push(match turn {
                            0 => start(&runs, None, waiting(&[name])).await,
                            _ => runs.get(known[all.len()], None).await.unwrap(),
                        });
                    }
                    while all[0].doing().as_deref() != Some("waiting at the gate") {
                        tokio::task::yield_now().await;
                    }
                    says(&all[1], "waiting for its turn").await;
                    all.iter().map(|run| run.spec.id).collect()
                })
            })
            .await;
        dead.kill();
    }
    stage.accounts.gate.0.add_permits(1);
    let last = stage.replica_with(settings).await;
    let poison = end(&last.get(ids[0], None).await.unwrap()).await;
    let said = "The run was interrupted 2 times, and is not taken up again";
    let error = poison.error.unwrap();
    assert!(error.message.starts_with(said), "{error:?}");
    let waited = end(&last.get(ids[1], None).await.unwrap()).await;
    assert_eq!(waited.status, Status::Succeeded, "{:?}", waited.error);
}

async fn to_be_handed_over_is_no_reason_to_be_given_up(kind: Kind) {
    let stage = Stage::new(kind).await;
    let settings = Settings {
        most_attempts: 1,
        ..Stage::settings("one")
    };
    let mut runs = stage.replica_with(settings.clone()).await;
    let id = start(&runs, None, waiting(&["ada"])).await.spec.id;
    for _ in 0..3 {
        let run = runs.get(id, None).await.unwrap();
        while run.doing().as_deref() != Some("waiting at the gate") {
            tokio::task::yield_now().await;
        }
        runs.drain(Duration::ZERO).await;
        runs = stage.replica_with(settings.clone()).await;
    }
    stage.accounts.gate.0.add_permits(1);
    let ended = end(&runs.get(id, None).await.unwrap()).await;
    assert_eq!(ended.status, Status::Succeeded, "{:?}", ended.error);
}

async fn a_run_does_not_go_on_at_another_service(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut new = begun(json!({"names": ["ada"]}), "2026-11-01T00:00:00Z");
    new.spec.connection = "before".into();
    write_down(&stage, &new).await;
    let runs = stage.replica("one").await;
    let error = end(&runs.get(new.spec.id, None).await.unwrap())
        .await
        .error
        .unwrap();
    let said = "was begun through the connection before; by Sidestage's configuration its input now means test.";
    assert!(error.message.contains(said), "{error:?}");
    assert_eq!(stage.accounts.changes(), Vec::<String>::new());
}

async fn a_retry_goes_on_from_what_was_made(kind: Kind) {
    let stage = Stage::new(kind).await;
    let runs = stage.replica("one").await;
    let run = start(&runs, Some("k"), waiting(&["ada"])).await;
    says(&run, "waiting at the gate").await;
    let refused = runs.retry(&run, &ci(), None).await.err().unwrap();
    assert!(refused.message().contains("is under way"), "{refused}");
    run.cancel().await.unwrap();
    end(&run).await;
    stage.accounts.gate.0.add_permits(1);
    let operator = Principal::Key {
        name: "operator".into(),
    };
    let retry = runs.retry(&run, &operator, None).await.unwrap();
    assert!(!retry.joined);
    assert_eq!(retry.run.spec.principal, ci(), "it stays its owner's");
    says(&retry.run, "started again by key:operator").await;
    assert_eq!(
        end(&retry.run).await.output,
        Some(json!({"created": ["ada"]}))
    );
    assert_eq!(end(&run).await.continued_by, Some(retry.run.spec.id));
    let again = runs.retry(&run, &ci(), None).await.unwrap();
    assert!(again.joined && again.run.spec.id == retry.run.spec.id);
    let refused = runs.undo(&run, &ci(), None, false).await.err().unwrap();
    assert!(
        refused.message().contains("was continued by run"),
        "{refused}"
    );
    assert!(
        try_start(&runs, Some("k"), waiting(&["ada"]))
            .await
            .unwrap()
            .joined
    );
}

async fn runs_beyond_the_places_wait_in_order_and_beyond_that_are_refused(kind: Kind) {
    let stage = Stage::new(kind).await;
    let runs = stage
        .replica_with(Settings {
            most_running: 1,
            most_waiting: 2,
            ..Stage::settings("one")
        })
        .await;
    let first = start(&runs, Some("a"), waiting(&["a"])).await;
    says(&first, "waiting at the gate").await;
    let second = start(&runs, Some("b"), waiting(&["b"])).await;
    says(&second, "waiting for its turn").await;
    let third = start(&runs, Some("c"), waiting(&["c"])).await;
    says(&third, "waiting for its turn").await;
    let refused = try_start(&runs, Some("d"), waiting(&["d"]))
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), Code::RateLimited);
    assert!(refused.wait().is_some());
    // Who has a run already is not refused, nor is a cancel of one that waits.
    assert!(
        try_start(&runs, Some("c"), waiting(&["c"]))
            .await
            .unwrap()
            .joined
    );
    third.cancel().await.unwrap();
    assert_eq!(end(&third).await.status, Status::Cancelled);
    stage.accounts.gate.0.add_permits(2);
    end(&first).await;
    end(&second).await;
    assert_eq!(stage.accounts.changes(), ["create a", "create b"]);
}

async fn a_replica_that_is_full_on_one_connection_takes_up_what_is_left_on_another(kind: Kind) {
    let stage = Stage::new(kind).await;
    let dead = Process::start(&stage, "dead").await;
    let settings = Settings {
        most_running: 1,
        most_waiting: 0,
        ..Stage::settings("other")
    };
    let other = stage.replica_with(settings).await;
    let full = start(&other, None, waiting(&["ada"])).await;
    says(&full, "waiting at the gate").await;
    let id = dead
        .within(|runs| {
            Box::pin(async move {
                let input = json!({"names": ["bob"], "wait": true, "connection": "another"});
                let run = start(&runs, None, input).await;
                says(&run, "waiting at the gate").await;
                run.spec.id
            })
        })
        .await;
    dead.kill();
    let run = other.get(id, None).await.unwrap();
    says(&run, "taken up again after an interruption").await;
    stage.accounts.gate.0.add_permits(2);
    assert_eq!(end(&run).await.status, Status::Succeeded);
    assert_eq!(end(&full).await.status, Status::Succeeded);
}

async fn of_many_runs_that_were_left_none_is_forgotten(kind: Kind) {
    const MANY: usize = 130;
    let stage = Stage::new(kind).await;
    let dead = Process::start(&stage, "one").await;
    let ids = dead
        .within(|runs| {
            Box::pin(async move {
                let all = (0..MANY).map(|n| {
                    let runs = runs.clone();
                    let input = json!({"names": [n.to_string()], "wait": true});
                    async move { start(&runs, None, input).await.spec.id }
                });
                futures::future::join_all(all).await
            })
        })
        .await;
    dead.kill();
    stage.accounts.gate.0.add_permits(MANY);
    let again = stage.replica("one").await;
    for id in ids {
        let run = again.get(id, None).await.unwrap();
        assert_eq!(end(&run).await.status, Status::Succeeded);
    }
    assert_eq!(stage.accounts.changes().len(), MANY);
}

async fn what_was_accepted_goes_on_in_order_after_a_kill(kind: Kind) {
    let stage = Stage::new(kind).await;
    let settings = Settings {
        most_running: 1,
        ..Stage::settings("one")
    };
    let dead = Process::start_with(&stage, settings.clone(), Points::default()).await;
    // More than are taken up at once.
    let mut names: Vec<String> = (0..120).map(|n| format!("person {n}")).collect();
    let accepted = names.clone();
    dead.within(|runs| {
        Box::pin(async move {
            for name in accepted {
                start(&runs, None, waiting(&[&name])).await;
            }
        })
    })
    .await;
    dead.kill();
    let again = stage.replica_with(settings).await;
    // Who comes now comes last.
    let last = start(&again, None, waiting(&["last"])).await;
    names.push("last".into());
    stage.accounts.gate.0.add_permits(names.len());
    end(&last).await;
    let made: Vec<_> = names.iter().map(|name| format!("create {name}")).collect();
    assert_eq!(stage.accounts.changes(), made);
}

/// A run of replica "one" that has just begun.
fn begun(input: Value, at: &str) -> NewRun {
    NewRun {
        spec: RunSpec {
            id: uuid::Uuid::now_v7(),
            principal: ci(),
            action: ACTION.into(),
            connection: "test".into(),
            organization: None,
            input,
            needs_secret: false,
            dry_run: false,
            continues: None,
            undoes: None,
            trace: None,
            created_at: at.parse().unwrap(),
        },
        key: None,
        owner: "one".into(),
        lease: Duration::from_secs(15),
        answer_for: Duration::from_secs(60),
    }
}

/// The run is in the journal, with the intent of an account "ada", and nobody works on it.
async fn write_down(stage: &Stage, new: &NewRun) -> Lease {
    let journal = stage.place.journal();
    let Begun::New { lease, .. } = journal.begin(new).await.unwrap() else {
        panic!("it is there already")
    };
    let intent = EffectRecord {
        id: 0,
        intent: Intent {
            kind: "account".into(),
            key: "ada".into(),
        },
        settlement: None,
        carried: false,
        undoing: false,
    };
    let writes = vec![Write::Intent(intent)];
    journal.append(&[Batch { lease, writes }]).await.unwrap();
    lease
}

/// Nobody was there for longer than a run may take; it is looked at all the same.
async fn what_was_begun_long_ago_is_settled_by_looking(kind: Kind) {
    let stage = Stage::new(kind).await;
    let new = begun(json!({"names": ["ada"]}), "2026-11-01T00:00:00Z");
    write_down(&stage, &new).await;
    stage.accounts.there().insert("ada".into(), 7);
    let runs = stage.replica("one").await;
    let ended = end(&runs.get(new.spec.id, None).await.unwrap()).await;
    let created = json!({"created": ["ada"]});
    assert_eq!(ended.output, Some(created), "{:?}", ended.error);
}

macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::Kind::Sqlite).await; })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::Kind::Postgres).await; })* }
    };
}

on_both![
    another_replica_takes_up_what_a_dead_one_left,
    a_replica_that_lost_its_lease_changes_nothing_more,
    a_run_that_needs_a_secret_ends_with_a_sentence,
    a_cancel_reaches_the_replica_that_works_on_the_run,
    stopping_hands_over_and_the_next_one_goes_on,
    an_undo_takes_back_what_the_run_made_and_nothing_else,
    on_failure_undo_takes_back_before_the_run_ends,
    what_was_taken_back_is_nobodys,
    what_is_being_taken_back_is_not_gone_on_with,
    what_a_run_made_is_taken_back_by_one_at_a_time_whoever_asks,
    on_failure_undo_needs_no_action,
    what_kills_sidestage_while_it_takes_back_is_given_up,
    only_a_run_that_was_worked_on_is_given_up,
    to_be_handed_over_is_no_reason_to_be_given_up,
    a_run_does_not_go_on_at_another_service,
    a_retry_goes_on_from_what_was_made,
    runs_beyond_the_places_wait_in_order_and_beyond_that_are_refused,
    a_replica_that_is_full_on_one_connection_takes_up_what_is_left_on_another,
    of_many_runs_that_were_left_none_is_forgotten,
    what_was_accepted_goes_on_in_order_after_a_kill,
    what_was_begun_long_ago_is_settled_by_looking,
];

/// A replica whose journal is disturbed.
async fn disturbed(stage: &Stage, disturb: impl FnOnce(&mut Disturbed)) -> (Runs, Arc<Disturbed>) {
    let mut journal = Disturbed::new(stage.place.journal(), Points::default());
    disturb(&mut journal);
    let journal = Arc::new(journal);
    let runs = Runs::open(
        Stage::settings("one"),
        Redactor::new(),
        journal.clone(),
        stage.accounts.actions(),
    );
    (runs.await.unwrap(), journal)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_fails_the_run_before_any_change() {
    let stage = Stage::new(Kind::Sqlite).await;
    let (runs, journal) = disturbed(&stage, |journal| {
        journal.is_full = AtomicBool::new(true);
    })
    .await;
    let run = start(&runs, Some("k"), json!({"names": ["ada"]})).await;
    // It cannot even write down that it failed, and does so as soon as it can.
    journal.refusals.notified().await;
    journal.refusals.notified().await;
    assert_eq!(stage.accounts.changes(), Vec::<String>::new());
    journal.is_full.store(false, Ordering::Relaxed);
    let error = end(&run).await.error.unwrap();
    assert!(
        error.message.contains("makes no change without it"),
        "{error:?}"
    );
    assert_eq!(stage.accounts.changes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_when_the_journal_failed_is_written_down_as_soon_as_it_can_be() {
    let stage = Stage::new(Kind::Sqlite).await;
    let (runs, journal) = disturbed(&stage, |journal| {
        journal.fills_up_with_an_intent = AtomicBool::new(true);
    })
    .await;
    let run = start(&runs, None, json!({"names": ["ada", "bob"]})).await;
    journal.refusals.notified().await;
    journal.refusals.notified().await;
    assert_eq!(stage.accounts.changes(), ["create ada"]);
    journal.is_full.store(false, Ordering::Relaxed);
    let ended = end(&run).await;
    assert_eq!(ended.status, Status::Failed);
    let results: Vec<_> = ended
        .effects
        .into_iter()
        .map(|effect| effect.settlement)
        .collect();
    assert_eq!(results, [Some(Settlement::Created { id: "1".into() })]);
    // So it can be taken back.
    end(&runs.undo(&run, &ci(), None, false).await.unwrap().run).await;
    assert_eq!(stage.accounts.names(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_although_the_journal_loses_the_answers_to_its_writes() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        // The first writes, then those that settle and end.
        for (kept, lost) in [(0, 2), (1, 2), (2, 4)] {
            let stage = Stage::new(kind).await;
            let (runs, journal) = disturbed(&stage, |_| {}).await;
            let run = start(&runs, None, waiting(&["ada"])).await;
            if kept > 0 {
                says(&run, "waiting at the gate").await;
            }
            journal.answers_to_lose.store(lost, Ordering::Relaxed);
            stage.accounts.gate.0.add_permits(1);
            if kept > 1 {
                run.cancel().await.unwrap();
            }
            let ended = end(&run).await;
            assert_ne!(ended.status, Status::Running);
            // Also that of an intent of which it was not told that it was written.
            let settlements = ended.effects.iter().map(|effect| &effect.settlement);
            assert!(settlements.clone().all(Option::is_some), "{ended:?}");
            assert!(
                settlements
                    .clone()
                    .all(|one| *one != Some(Settlement::Unknown)),
                "{ended:?}"
            );
            let ids: Vec<_> = events(&run, 0).await.iter().map(|event| event.id).collect();
            assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
        }
    }
}

/// A replica that is gone had sent a change, and the run ended without another look.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_says_what_the_run_may_have_made() {
    let stage = Stage::new(Kind::Sqlite).await;
    stage.accounts.there().insert("ada".into(), 7);
    let mut new = begun(json!({"names": ["ada"]}), "2026-11-01T00:00:00Z");
    new.spec.needs_secret = true;
    write_down(&stage, &new).await;
    let runs = stage.replica("one").await;
    let run = runs.get(new.spec.id, None).await.unwrap();
    let error = end(&run).await.error.unwrap();
    assert!(
        error
            .message
            .contains("It is not known whether this was made: account ada."),
        "{error:?}"
    );
    let undo = runs.undo(&run, &ci(), None, false).await.unwrap().run;
    let output = end(&undo).await.output.unwrap();
    assert_eq!(
        output,
        json!({"undone": [], "kept": [], "unknown": [{"kind": "account", "key": "ada"}]})
    );
    assert_eq!(stage.accounts.names(), ["ada"]);
}

/// Time is paused: each write takes five seconds to fail.
#[tokio::test(start_paused = true)]
async fn a_journal_that_hangs_is_noticed_by_all_runs_at_about_the_same_time() {
    let stage = Stage::new(Kind::Memory).await;
    let (runs, journal) = disturbed(&stage, |journal| {
        journal.is_full = AtomicBool::new(true);
        journal.refuses_after = Duration::from_secs(5);
    })
    .await;
    let mut all = Vec::new();
    for n in 0..50 {
        all.push(start(&runs, None, json!({"names": [n.to_string()]})).await);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    journal.is_full.store(false, Ordering::Relaxed);
    for run in all {
        assert_eq!(end(&run).await.status, Status::Failed);
    }
    assert_eq!(stage.accounts.changes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_falls_silent_fails_a_run_before_any_more_is_changed() {
    let stage = Stage::new(Kind::Postgres).await;
    let runs = stage.replica("one").await;
    let input = json!({"names": ["ada"], "wait": true, "fail": true, "onFailure": "undo"});
    let run = start(&runs, None, input).await;
    says(&run, "waiting at the gate").await;
    stage.place.signal_postgres("-STOP").await;
    stage.accounts.gate.0.add_permits(1);
    // Longer than the writer waits.
    tokio::time::sleep(Duration::from_secs(15)).await;
    stage.place.signal_postgres("-CONT").await;
    let error = end(&run).await.error.unwrap();
    let said = "What this run had made remains: Sidestage cannot read or write its journal";
    assert!(error.message.contains(said), "{error:?}");
    assert_eq!(stage.accounts.names(), ["ada"]);
}

/// The process dies at every point of a run that fails and takes back what it made.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_made_is_taken_back_whenever_it_is_interrupted() {
    for n in 0.. {
        let stage = Stage::new(Kind::Sqlite).await;
        let points = Points::dying_at(n);
        let dead = Process::start_with(&stage, Stage::settings("one"), points.clone()).await;
        let input = json!({"names": ["ada", "bob"], "fail": true, "onFailure": "undo"});
        let asked = input.clone();
        let work = dead.within(|runs| {
            Box::pin(async move {
                let run = start(&runs, Some("k"), asked).await;
                end(&run).await;
            })
        });
        let survived = tokio::select! {
            biased;
            () = points.death() => false,
            () = work => true,
        };
        dead.kill();
        let at = points.last();
        let again = stage.replica("one").await;
        let mut all = again
            .list(&Filter {
                most: 9,
                ..Filter::default()
            })
            .await
            .unwrap();
        let run = match all.pop() {
            Some(record) => again.get(record.spec.id, None).await.unwrap(),
            None => start(&again, Some("k"), input).await,
        };
        let ended = end(&run).await;
        assert_eq!(ended.status, Status::Failed, "{at}");
        assert_eq!(
            ended.error.unwrap().message,
            "The last step is refused. What this run had made was taken back: account bob, account ada.",
            "{at}"
        );
        assert_eq!(stage.accounts.names(), Vec::<String>::new(), "{at}");
        assert!(
            ended
                .effects
                .iter()
                .all(|effect| effect.settlement.is_some()),
            "{at}"
        );
        if survived {
            assert!(n > 10, "{n} points only");
            break;
        }
    }
}
