//! What every journal must do: one suite, run against each of them. PostgreSQL is a real server that the tests
//! start (`scripts/postgres.sh`).

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use sidestage_action::{Code, Level, Made, Principal, effect::Intent, effect::Settlement};
use sidestage_runs::{
    EffectRecord, Event, EventKind, Failure, Filter, Journal, Key, RunSpec, Status,
    journal::{Batch, Begun, Lease, NewRun, Undone, Write},
};
use support::journals::{self, Kind};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(60);

fn ada() -> Principal {
    Principal::Backstage {
        plugin: "scaffolder".into(),
        user: Some("user:default/ada".into()),
    }
}

fn new(key: Option<&str>) -> NewRun {
    NewRun {
        spec: RunSpec {
            id: Uuid::now_v7(),
            principal: ada(),
            action: "coder:create-workspace".into(),
            connection: "coder".into(),
            organization: Some("acme \0 \u{1f980}".into()),
            input: json!({"user": "ada", "nul": "\0", "list": [1, 2.5, null]}),
            needs_secret: true,
            dry_run: false,
            continues: None,
            undoes: None,
            trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
            created_at: "2026-11-23T12:00:00.123Z".parse().unwrap(),
        },
        key: key.map(|name| Key::given(&ada(), name).unwrap()),
        owner: "one".into(),
        lease: LEASE,
        answer_for: Duration::from_secs(60),
    }
}

async fn begin(journal: &dyn Journal, new: &NewRun) -> Lease {
    match journal.begin(new).await.unwrap() {
        Begun::New { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

async fn found(journal: &dyn Journal, new: &NewRun) -> Option<Uuid> {
    match journal.begin(new).await.unwrap() {
        Begun::New { .. } => None,
        Begun::Found(record) => Some(record.spec.id),
        other => panic!("{other:?}"),
    }
}

fn line(id: u64, message: &str) -> Write {
    Write::Event(Event {
        id,
        time: "2026-11-23T12:00:00.5Z".parse().unwrap(),
        kind: EventKind::Log {
            level: Level::Info,
            message: message.into(),
        },
    })
}

fn intent(id: u64, key: &str) -> Write {
    Write::Intent(EffectRecord {
        id,
        intent: Intent {
            kind: "workspace".into(),
            key: key.into(),
        },
        settlement: None,
        carried: false,
        undoing: false,
    })
}

fn settled(effect: u64, settlement: Settlement) -> Write {
    Write::Settlement { effect, settlement }
}

fn created(id: &str) -> Settlement {
    Settlement::Created { id: id.into() }
}

fn end(status: Status) -> Write {
    Write::End {
        status,
        at: Timestamp::now().round(jiff::Unit::Millisecond).unwrap(),
        output: (status == Status::Succeeded).then(|| json!({"id": "7"})),
        error: (status != Status::Succeeded).then(|| Failure {
            code: Code::Conflict,
            message: "It \0 is there.".into(),
            fields: Vec::new(),
            retryable: false,
            retry_after: Some(Duration::from_millis(1500)),
        }),
    }
}

async fn write(journal: &dyn Journal, lease: Lease, writes: Vec<Write>) -> bool {
    journal
        .append(&[Batch { lease, writes }])
        .await
        .unwrap()
        .remove(0)
}

async fn what_is_written_is_read(journal: Arc<dyn Journal>) {
    let new = new(None);
    let lease = begin(&*journal, &new).await;
    assert!(
        write(
            &*journal,
            lease,
            vec![
                line(1, "one \0 \\u0000 \"quoted\""),
                intent(0, "ada/dev"),
                line(2, "two"),
                settled(0, created("w-1")),
                intent(1, "ada/\0"),
            ]
        )
        .await
    );
    let record = journal.run(new.spec.id).await.unwrap().unwrap();
    let spec = RunSpec {
        organization: record.spec.organization.clone(),
        ..new.spec.clone()
    };
    assert_eq!(record.spec, spec);
    assert_eq!(
        (record.status, record.cancel_requested),
        (Status::Running, false)
    );
    let events = journal.events(spec.id, 0, 10).await.unwrap();
    assert_eq!(
        events.into_iter().map(Write::Event).collect::<Vec<_>>(),
        [line(1, "one \0 \\u0000 \"quoted\""), line(2, "two")]
    );
    assert_eq!(journal.events(spec.id, 1, 10).await.unwrap().len(), 1);
    let effects = journal.effects(spec.id).await.unwrap();
    assert_eq!(
        effects
            .iter()
            .map(|effect| effect.settlement.clone())
            .collect::<Vec<_>>(),
        [Some(created("w-1")), None]
    );
    assert!(write(&*journal, lease, vec![end(Status::Failed)]).await);
    let record = journal.run(spec.id).await.unwrap().unwrap();
    let Write::End { error, .. } = end(Status::Failed) else {
        unreachable!()
    };
    assert_eq!((record.status, record.error), (Status::Failed, error));
    assert!(record.ended_at.is_some());
    assert_eq!(journal.run(Uuid::now_v7()).await.unwrap(), None);
}

async fn a_key_names_one_run(journal: Arc<dyn Journal>) {
    let first = new(Some("k"));
    let lease = begin(&*journal, &first).await;
    assert_eq!(found(&*journal, &new(Some("k"))).await, Some(first.spec.id));
    // Another request with the same key is found, too: the caller sees what differs.
    let mut other = new(Some("k"));
    other.spec.input = json!({});
    assert_eq!(found(&*journal, &other).await, Some(first.spec.id));
    // Another caller's key is another key.
    let mut bob = new(None);
    bob.spec.principal = Principal::Key { name: "bob".into() };
    bob.key = Some(Key::given(&bob.spec.principal, "k").unwrap());
    begin(&*journal, &bob).await;
    write(&*journal, lease, vec![end(Status::Succeeded)]).await;
    assert_eq!(found(&*journal, &new(Some("k"))).await, Some(first.spec.id));
    let key = first.key.clone().unwrap();
    journal.release_key(&key, Uuid::now_v7()).await.unwrap();
    assert!(journal.named(&key).await.unwrap().is_some());
    journal.release_key(&key, first.spec.id).await.unwrap();
    assert!(journal.named(&key).await.unwrap().is_none());
    begin(&*journal, &new(Some("k"))).await;
}

async fn of_many_that_begin_with_one_key_one_does(journal: Arc<dyn Journal>) {
    let tasks = (0..24).map(|_| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let new = new(Some("race"));
            match journal.begin(&new).await.unwrap() {
                Begun::New { .. } => (true, new.spec.id),
                Begun::Found(record) => (false, record.spec.id),
                other => panic!("{other:?}"),
            }
        })
    });
    let all = futures::future::join_all(tasks).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|(new, _)| *new).count(), 1);
    assert_eq!(
        all.iter().map(|(_, id)| id).collect::<HashSet<_>>().len(),
        1
    );
}

async fn after_a_failure_the_next_run_has_what_was_made(journal: Arc<dyn Journal>) {
    let first = new(Some("k"));
    let lease = begin(&*journal, &first).await;
    let all = vec![
        intent(0, "made"),
        settled(0, created("1")),
        intent(1, "refused"),
        settled(1, Settlement::Refused),
        intent(2, "unknown"),
        settled(2, Settlement::Unknown),
        intent(3, "open"),
        end(Status::Failed),
    ];
    write(&*journal, lease, all).await;
    let second = new(Some("k"));
    let Begun::New {
        continues, effects, ..
    } = journal.begin(&second).await.unwrap()
    else {
        panic!("it is found instead of continued")
    };
    assert_eq!(continues, Some(first.spec.id));
    let keys: Vec<_> = effects.iter().map(|effect| &*effect.intent.key).collect();
    assert_eq!(keys, ["made", "unknown", "open"]);
    assert!(effects.iter().all(|effect| effect.carried));
    assert_eq!(journal.effects(second.spec.id).await.unwrap(), effects);
    let old = journal.run(first.spec.id).await.unwrap().unwrap();
    assert_eq!(old.continued_by, Some(second.spec.id));
    // A retry of the first one finds the one that goes on already.
    let mut retry = new(None);
    retry.spec.continues = Some(first.spec.id);
    assert_eq!(found(&*journal, &retry).await, Some(second.spec.id));
}

fn undo_of(run: &NewRun, dry_run: bool) -> NewRun {
    let mut undo = new(None);
    undo.spec.undoes = Some(run.spec.id);
    undo.spec.dry_run = dry_run;
    undo
}

async fn an_undone_run_no_longer_answers_its_key(journal: Arc<dyn Journal>) {
    let first = new(Some("k"));
    let lease = begin(&*journal, &first).await;
    write(&*journal, lease, vec![end(Status::Succeeded)]).await;
    let lease = begin(&*journal, &undo_of(&first, true)).await;
    write(&*journal, lease, vec![end(Status::Succeeded)]).await;
    assert_eq!(found(&*journal, &new(Some("k"))).await, Some(first.spec.id));
    let undo = undo_of(&first, false);
    let lease = begin(&*journal, &undo).await;
    // Neither does it while it is being undone: what it had made is going.
    let being_undone = Begun::BeingUndone {
        run: first.spec.id,
        by: undo.spec.id,
    };
    assert_eq!(journal.begin(&new(Some("k"))).await.unwrap(), being_undone);
    write(&*journal, lease, vec![end(Status::Failed)]).await;
    assert_eq!(found(&*journal, &new(Some("k"))).await, None);
}

async fn what_is_gone_on_with_is_not_undone_and_the_other_way_round(journal: Arc<dyn Journal>) {
    let first = new(Some("k"));
    let lease = begin(&*journal, &first).await;
    let made = vec![
        intent(0, "one"),
        settled(0, created("1")),
        intent(1, "two"),
        settled(1, created("2")),
        end(Status::Failed),
    ];
    write(&*journal, lease, made).await;
    let undo = undo_of(&first, false);
    let lease = begin(&*journal, &undo).await;
    let being_undone = Begun::BeingUndone {
        run: first.spec.id,
        by: undo.spec.id,
    };
    let mut retry = new(None);
    retry.spec.continues = Some(first.spec.id);
    assert_eq!(journal.begin(&retry).await.unwrap(), being_undone);
    assert_eq!(journal.begin(&new(Some("k"))).await.unwrap(), being_undone);
    let undone = Write::Undone(Undone {
        run: first.spec.id,
        made: vec![Made {
            kind: "workspace".into(),
            key: "two".into(),
            id: "2".into(),
        }],
    });
    write(&*journal, lease, vec![undone, end(Status::Succeeded)]).await;
    let effects = journal.effects(first.spec.id).await.unwrap();
    let settlements: Vec<_> = effects
        .iter()
        .filter_map(|effect| effect.settlement.clone())
        .collect();
    assert_eq!(settlements, [created("1"), Settlement::Undone]);
    // What is gone is not the next one's.
    let Begun::New { effects, .. } = journal.begin(&retry).await.unwrap() else {
        panic!("it is not begun")
    };
    let keys: Vec<_> = effects.iter().map(|effect| &*effect.intent.key).collect();
    assert_eq!(keys, ["one"]);
    let by = retry.spec.id;
    assert_eq!(
        journal.begin(&undo_of(&first, false)).await.unwrap(),
        Begun::Continued { by }
    );
}

async fn a_success_of_long_ago_does_not_answer_its_key(journal: Arc<dyn Journal>) {
    let first = new(Some("k"));
    let lease = begin(&*journal, &first).await;
    write(&*journal, lease, vec![end(Status::Succeeded)]).await;
    let mut later = new(Some("k"));
    later.answer_for = Duration::ZERO;
    let Begun::New {
        continues, effects, ..
    } = journal.begin(&later).await.unwrap()
    else {
        panic!("it answers")
    };
    assert_eq!((continues, effects), (None, Vec::new()));
    assert_eq!(found(&*journal, &new(Some("k"))).await, Some(later.spec.id));
}

async fn whoever_lost_the_lease_writes_nothing(journal: Arc<dyn Journal>) {
    let new = new(None);
    let old = begin(&*journal, &new).await;
    let turns = Write::Turns(3);
    write(
        &*journal,
        old,
        vec![line(1, "ours"), intent(0, "ada/dev"), turns],
    )
    .await;
    let taken = journal.take_over("two", LEASE, 10).await.unwrap();
    assert!(taken.is_empty());
    journal.hand_over("one").await.unwrap();
    let taken = journal.take_over("two", LEASE, 10).await.unwrap();
    assert_eq!(taken.len(), 1);
    let taken = &taken[0];
    assert_eq!(
        (taken.lease.epoch, taken.last_event, taken.turns),
        (2, 1, 3)
    );
    assert_eq!(taken.effects.len(), 1);
    // The old one is told so, and another run in the same batch is not held up by it.
    let other = self::new(None);
    let other = begin(&*journal, &other).await;
    let batches = [(old, "late"), (other, "fine"), (taken.lease, "theirs")];
    let batches = batches.map(|(lease, text)| Batch {
        lease,
        writes: vec![line(2, text)],
    });
    assert_eq!(journal.append(&batches).await.unwrap(), [false, true, true]);
    let events = journal.events(new.spec.id, 1, 10).await.unwrap();
    assert_eq!(
        events.into_iter().map(Write::Event).collect::<Vec<_>>(),
        [line(2, "theirs")]
    );
}

async fn a_lease_that_ran_out_is_taken_by_one_of_many(journal: Arc<dyn Journal>) {
    let mut new = new(None);
    new.lease = Duration::ZERO;
    begin(&*journal, &new).await;
    let tasks = (0..8).map(|replica| {
        let journal = journal.clone();
        let owner = format!("replica-{replica}");
        tokio::spawn(async move { journal.take_over(&owner, LEASE, 10).await.unwrap() })
    });
    let taken = futures::future::join_all(tasks).await;
    assert_eq!(taken.into_iter().flat_map(Result::unwrap).count(), 1);
}

async fn what_is_handed_over_is_taken_up_the_oldest_first(journal: Arc<dyn Journal>) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = new(None);
        begin(&*journal, &new).await;
        ids.push(new.spec.id);
    }
    journal.hand_over("two").await.unwrap();
    let taken = journal.take_over("two", LEASE, 10).await.unwrap();
    assert!(taken.is_empty(), "they are of another replica");
    journal.hand_over("one").await.unwrap();
    for portion in [&ids[..2], &ids[2..]] {
        let taken = journal.take_over("two", LEASE, 2).await.unwrap();
        let taken: Vec<_> = taken.iter().map(|taken| taken.record.spec.id).collect();
        assert_eq!(taken, portion);
    }
}

/// Its answer may be lost, as any.
async fn what_is_written_twice_is_there_once(journal: Arc<dyn Journal>) {
    let new = new(None);
    let lease = begin(&*journal, &new).await;
    let all = vec![
        line(1, "one"),
        intent(0, "ada/dev"),
        settled(0, created("w-1")),
        line(2, "two"),
    ];
    assert!(write(&*journal, lease, all.clone()).await);
    assert!(write(&*journal, lease, [all, vec![line(3, "three")]].concat()).await);
    let events = journal.events(new.spec.id, 0, 10).await.unwrap();
    assert_eq!(
        events.into_iter().map(Write::Event).collect::<Vec<_>>(),
        [line(1, "one"), line(2, "two"), line(3, "three")]
    );
    assert_eq!(journal.effects(new.spec.id).await.unwrap().len(), 1);
}

async fn a_cancel_is_heard_by_who_works_on_the_run(journal: Arc<dyn Journal>) {
    let new = new(None);
    let lease = begin(&*journal, &new).await;
    journal.request_cancel(new.spec.id).await.unwrap();
    let held = journal.renew(&[lease], LEASE).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].lease, held[0].cancel_requested), (lease, true));
    write(&*journal, lease, vec![end(Status::Cancelled)]).await;
    assert!(journal.renew(&[lease], LEASE).await.unwrap().is_empty());
}

async fn a_lease_is_renewed_as_long_as_it_holds(journal: Arc<dyn Journal>) {
    let mut leases = Vec::new();
    for _ in 0..3 {
        let mut new = new(None);
        new.lease = Duration::ZERO;
        leases.push(begin(&*journal, &new).await);
    }
    let held = journal.renew(&leases[..2], LEASE).await.unwrap();
    assert_eq!(held.len(), 2);
    // The third is not renewed with those of the same replica, and lapses.
    let taken = journal.take_over("two", LEASE, 10).await.unwrap();
    let taken: Vec<_> = taken.into_iter().map(|taken| taken.lease).collect();
    let next = Lease {
        epoch: 2,
        ..leases[2]
    };
    assert_eq!(taken, [next]);
    let held = journal.renew(&[leases[2], next], LEASE).await.unwrap();
    assert_eq!(
        held[..].iter().map(|held| held.lease).collect::<Vec<_>>(),
        [next]
    );
}

async fn runs_are_listed_newest_first(journal: Arc<dyn Journal>) {
    let mut ids = Vec::new();
    for n in 0..5 {
        let new = new(None);
        let lease = begin(&*journal, &new).await;
        if n % 2 == 0 {
            write(&*journal, lease, vec![end(Status::Succeeded)]).await;
        }
        ids.push(new.spec.id);
    }
    ids.reverse();
    let list = async |filter: Filter| {
        let runs = journal.list(&filter).await.unwrap();
        runs.into_iter().map(|run| run.spec.id).collect::<Vec<_>>()
    };
    let all = Filter {
        most: 10,
        ..Filter::default()
    };
    assert_eq!(list(all.clone()).await, ids);
    let page = Filter {
        most: 2,
        before: Some(ids[1]),
        principal: Some(ada()),
        action: Some("coder:create-workspace".into()),
        ..Filter::default()
    };
    assert_eq!(list(page).await, ids[2..4]);
    let running = Filter {
        status: Some(Status::Running),
        ..all.clone()
    };
    assert_eq!(list(running).await, [ids[1], ids[3]]);
    let nobody = Filter {
        principal: Some(Principal::Key { name: "x".into() }),
        ..all
    };
    assert!(list(nobody).await.is_empty());
}

async fn what_is_old_is_forgotten_and_what_runs_is_not(journal: Arc<dyn Journal>) {
    let (ended, running) = (new(Some("ended")), new(Some("running")));
    let lease = begin(&*journal, &ended).await;
    begin(&*journal, &running).await;
    let all = vec![line(1, "x"), intent(0, "x"), end(Status::Failed)];
    write(&*journal, lease, all).await;
    let hour = Duration::from_secs(3600);
    let ago = Timestamp::now() - hour;
    assert_eq!(journal.forget(ago, 10).await.unwrap(), 0);
    assert_eq!(journal.forget(Timestamp::now(), 0).await.unwrap(), 0);
    // What ended in this very millisecond stays for another one.
    while journal.forget(Timestamp::now(), 10).await.unwrap() == 0 {}
    assert_eq!(journal.run(ended.spec.id).await.unwrap(), None);
    assert!(
        journal
            .events(ended.spec.id, 0, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(journal.effects(ended.spec.id).await.unwrap().is_empty());
    assert!(journal.run(running.spec.id).await.unwrap().is_some());
    assert_eq!(
        found(&*journal, &new(Some("running"))).await,
        Some(running.spec.id)
    );
    begin(&*journal, &new(Some("ended"))).await;
}

macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[tokio::test] async fn $test() { super::$test(super::journals::open(super::Kind::Memory).await.journal()).await; })* }
        mod sqlite { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { let place = super::journals::open(super::Kind::Sqlite).await; super::$test(place.journal()).await; })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $test() { let place = super::journals::open(super::Kind::Postgres).await; super::$test(place.journal()).await; })* }
    };
}

suite![
    what_is_written_is_read,
    a_key_names_one_run,
    of_many_that_begin_with_one_key_one_does,
    after_a_failure_the_next_run_has_what_was_made,
    an_undone_run_no_longer_answers_its_key,
    what_is_gone_on_with_is_not_undone_and_the_other_way_round,
    a_success_of_long_ago_does_not_answer_its_key,
    whoever_lost_the_lease_writes_nothing,
    a_lease_that_ran_out_is_taken_by_one_of_many,
    what_is_handed_over_is_taken_up_the_oldest_first,
    what_is_written_twice_is_there_once,
    a_lease_is_renewed_as_long_as_it_holds,
    a_cancel_is_heard_by_who_works_on_the_run,
    runs_are_listed_newest_first,
    what_is_old_is_forgotten_and_what_runs_is_not,
];

/// A journal that is opened again has what it had: the migrations are not run twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_opened_again_has_what_it_had() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let place = journals::open(kind).await;
        let new = new(None);
        begin(&*place.journal(), &new).await;
        let again = place.open_again().await;
        assert!(again.run(new.spec.id).await.unwrap().is_some());
    }
}
