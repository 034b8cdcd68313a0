//! Runs as their callers see them. Time is paused: a wait takes no time, and its length is exact.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use serde_json::{Value, json};
use sidestage_action::{
    Code, Context, Effect, Error, OnFailure, Prepared, Principal, Result, effect::Settlement,
};
use sidestage_redact::Redactor;
use sidestage_runs::{
    Event, EventKind, Key, Run, Runs, Settings, Start, Started, Status, journal::Memory,
};
use tokio::sync::Notify;

fn ada() -> Principal {
    Principal::Backstage {
        plugin: "scaffolder".into(),
        user: Some("user:default/ada".into()),
    }
}

async fn runs() -> Runs {
    runs_with(Settings::default()).await
}

async fn runs_with(settings: Settings) -> Runs {
    let journal = Arc::new(Memory::default());
    let no_actions = Arc::new(|_: &str| None);
    Runs::open(settings, Redactor::new(), journal, no_actions)
        .await
        .unwrap()
}

/// A run whose work is an async closure.
fn start<F>(
    input: Value,
    key: Option<&str>,
    work: impl FnOnce(Context) -> F + Send + 'static,
) -> Start
where
    F: Future<Output = Result<Value>> + Send + 'static,
{
    Start {
        action: "test:work".into(),
        principal: ada(),
        prepared: Prepared {
            connection: "test".into(),
            organization: None,
            input,
            on_failure: OnFailure::Keep,
            secrets: Vec::new(),
            work: Box::new(move |ctx| Box::pin(work(ctx))),
        },
        dry_run: false,
        key: key.map(|key| Key::given(&ada(), key).unwrap()),
        trace: None,
    }
}

fn refused(started: Result<Started>) -> Error {
    match started {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}

async fn events(run: &Run, after: u64) -> Vec<Event> {
    run.clone().follow(after).collect().await
}

fn said(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match &event.kind {
            EventKind::Log { message, .. } | EventKind::Progress { message, .. } => message.clone(),
            EventKind::Output { output } => format!("output {output}"),
            EventKind::End { status, error } => {
                format!(
                    "end {status:?} {}",
                    error.as_ref().map_or("", |error| &error.message)
                )
            }
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_follower_reads_everything_in_order_and_resumes_where_it_was() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |ctx| {
            ctx.info("one");
            ctx.progress("two", Some(50));
            Ok(json!({"done": true}))
        }))
        .await
        .unwrap()
        .run;
    let all = events(&run, 0).await;
    assert_eq!(
        said(&all),
        ["one", "two", r#"output {"done":true}"#, "end Succeeded "]
    );
    assert_eq!(
        all.iter().map(|event| event.id).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert_eq!(events(&run, 2).await, all[2..]);
}

#[tokio::test(start_paused = true)]
async fn a_follower_sees_a_line_before_the_run_ends() {
    let go_on = Arc::new(Notify::new());
    let gate = go_on.clone();
    let run = runs()
        .await
        .start(start(json!({}), None, async move |ctx| {
            ctx.info("working");
            gate.notified().await;
            Ok(json!({}))
        }))
        .await
        .unwrap()
        .run;
    let mut stream = Box::pin(run.clone().follow(0));
    assert_eq!(said(&[stream.next().await.unwrap()]), ["working"]);
    assert_eq!(run.status().await.unwrap(), Status::Running);
    go_on.notify_one();
    assert_eq!(stream.count().await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_run_says_that_it_waits_and_what_for() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |ctx| {
            ctx.progress("the workspace is starting", None);
            ctx.pause(Duration::from_secs(50)).await?;
            Ok(json!({}))
        }))
        .await
        .unwrap()
        .run;
    assert_eq!(
        said(&events(&run, 1).await)[..2],
        [
            "still waiting after 20 s: the workspace is starting",
            "still waiting after 40 s: the workspace is starting"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_has_said_too_much_still_says_that_it_waits() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |ctx| {
            for n in 0..10_500 {
                ctx.info(n.to_string());
            }
            ctx.pause(Duration::from_secs(30)).await?;
            ctx.info("not recorded");
            ctx.pause(Duration::from_secs(20)).await?;
            Ok(json!({}))
        }))
        .await
        .unwrap()
        .run;
    assert_eq!(
        said(&events(&run, 10_000).await),
        [
            "10000 lines are said; what follows is not recorded",
            "still waiting after 20 s: working",
            "still waiting after 40 s: working",
            "output {}",
            "end Succeeded "
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_no_clock_can_add_is_none() {
    let limit = Duration::MAX;
    let settings = Settings {
        limit,
        ..Settings::default()
    };
    let work = start(json!({}), None, async move |ctx: Context| {
        ctx.within(limit).cleanup(limit).check()?;
        Ok(json!("done"))
    });
    let run = runs_with(settings).await.start(work).await.unwrap().run;
    assert_eq!(
        said(&events(&run, 0).await),
        [r#"output "done""#, "end Succeeded "]
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_joins_a_run_under_way_and_returns_one_that_succeeded() {
    let runs = runs().await;
    let work = || {
        start(json!({"a": 1}), Some("k"), async |ctx: Context| {
            ctx.pause(Duration::from_secs(5)).await.map(|()| json!(1))
        })
    };
    let first = runs.start(work()).await.unwrap();
    let joined = runs.start(work()).await.unwrap();
    assert!(!first.joined && joined.joined && first.run.spec.id == joined.run.spec.id);
    events(&first.run, 0).await;
    let again = runs.start(work()).await.unwrap();
    assert!(again.joined && again.run.spec.id == first.run.spec.id);
}

#[tokio::test(start_paused = true)]
async fn a_key_starts_anew_after_a_run_that_failed() {
    let runs = runs().await;
    let first = runs
        .start(start(json!({}), Some("k"), async |_| {
            Err(Error::not_found("no"))
        }))
        .await
        .unwrap()
        .run;
    events(&first, 0).await;
    let second = runs
        .start(start(json!({}), Some("k"), async |_| Ok(json!({}))))
        .await
        .unwrap();
    assert!(!second.joined && second.run.spec.id != first.spec.id);
}

#[tokio::test(start_paused = true)]
async fn a_key_with_another_input_is_refused_naming_fields_and_no_values() {
    let runs = runs().await;
    let input = json!({"name": "dev", "cpu": 2});
    runs.start(start(input, Some("k"), async |_| Ok(json!({}))))
        .await
        .unwrap();
    let error = refused(
        runs.start(start(json!({"name": "hunter2"}), Some("k"), async |_| {
            Ok(json!({}))
        }))
        .await,
    );
    assert_eq!(error.code(), Code::IdempotencyMismatch);
    assert!(
        error.message().contains("these differ: cpu, name."),
        "{error}"
    );
    assert!(!error.message().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn keys_are_scoped_to_their_caller() {
    let runs = runs().await;
    runs.start(start(json!({"a": 1}), Some("k"), async |_| Ok(json!({}))))
        .await
        .unwrap();
    let bob = Principal::Key { name: "bob".into() };
    let other = Start {
        principal: bob.clone(),
        key: Some(Key::given(&bob, "k").unwrap()),
        ..start(json!({"a": 2}), None, async |_| Ok(json!({})))
    };
    assert!(!runs.start(other).await.unwrap().joined);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_somebody_else_is_not_found() {
    let runs = runs().await;
    let run = runs
        .start(start(json!({}), None, async |_| Ok(json!({}))))
        .await
        .unwrap()
        .run;
    assert!(runs.get(run.spec.id, Some(&ada())).await.is_ok());
    let bob = Principal::Key { name: "bob".into() };
    assert_eq!(
        runs.get(run.spec.id, Some(&bob))
            .await
            .err()
            .unwrap()
            .code(),
        Code::NotFound
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_run() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |ctx| {
            ctx.pause(Duration::MAX / 4).await.map(|()| json!(1))
        }))
        .await
        .unwrap()
        .run;
    run.cancel().await.unwrap();
    assert_eq!(
        said(&events(&run, 0).await),
        ["end Cancelled The run was cancelled."]
    );
}

#[tokio::test(start_paused = true)]
async fn an_action_that_ignores_its_cancellation_is_ended_by_force() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |_| {
            std::future::pending().await
        }))
        .await
        .unwrap()
        .run;
    run.cancel().await.unwrap();
    let all = events(&run, 0).await;
    let last = said(&all).pop().unwrap();
    assert!(
        last.starts_with("end Cancelled The run was cancelled and did not end within 90 s"),
        "{last}"
    );
}

#[tokio::test(start_paused = true)]
async fn so_is_one_that_ignores_that_its_time_is_up() {
    let settings = Settings {
        limit: Duration::from_secs(60),
        ..Settings::default()
    };
    let hang = start(json!({}), None, async |_| std::future::pending().await);
    let run = runs_with(settings).await.start(hang).await.unwrap().run;
    let started = tokio::time::Instant::now();
    let ended = run.ended(Duration::from_secs(600)).await.unwrap().unwrap();
    assert_eq!(started.elapsed().as_secs(), 60 + 90);
    assert_eq!(ended.status, Status::Failed);
    let error = ended.error.unwrap();
    assert_eq!(error.code, Code::DeadlineExceeded);
    insta::assert_snapshot!(error.message, @"The run ran out of time and did not end within 90 s after that, so it was stopped by force. Running the step again looks at what is there and continues.");
}

/// A change whose answer never comes.
struct Unanswered;

impl Effect for Unanswered {
    type Object = ();

    fn kind(&self) -> &'static str {
        "account"
    }

    fn key(&self) -> String {
        "ada".into()
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok(None)
    }

    async fn create(&self) -> Result<()> {
        std::future::pending().await
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        String::new()
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_run_had_begun_when_it_was_ended_by_force_is_unknown() {
    let work = start(json!({}), None, async |ctx: Context| {
        ctx.ensure(&Unanswered).await?;
        Ok(json!({}))
    });
    let run = runs().await.start(work).await.unwrap().run;
    while run.snapshot().await.unwrap().effects.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.cancel().await.unwrap();
    let ended = run.ended(Duration::from_secs(600)).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Cancelled);
    let settlements: Vec<_> = ended.effects.iter().map(|one| &one.settlement).collect();
    assert_eq!(settlements, [&Some(Settlement::Unknown)]);
    let message = ended.error.unwrap().message;
    let said = "It is not known whether this was made: account ada.";
    assert!(message.contains(said), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_run_has_a_longest_time() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |ctx| {
            ctx.pause(Duration::from_secs(7200))
                .await
                .map(|()| json!(1))
        }))
        .await
        .unwrap()
        .run;
    let all = events(&run, 0).await;
    assert!(
        said(&all)
            .pop()
            .unwrap()
            .starts_with("end Failed The run's time is up.")
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_its_turn_counts_for_the_longest_time_of_a_run() {
    let settings = Settings {
        most_running: 1,
        limit: Duration::from_secs(60),
        ..Settings::default()
    };
    let runs = runs_with(settings).await;
    let hang = start(json!({}), None, async |_| std::future::pending().await);
    runs.start(hang).await.unwrap();
    let second = start(json!({}), None, async |ctx| {
        ctx.check()?;
        Ok(json!({}))
    });
    let run = runs.start(second).await.unwrap().run;
    let started = tokio::time::Instant::now();
    let all = said(&events(&run, 0).await);
    assert_eq!(started.elapsed().as_secs(), 60, "{all:?}");
    assert!(
        all.last()
            .unwrap()
            .starts_with("end Failed The run's time is up."),
        "{all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_the_run_as_our_fault_and_is_not_shown() {
    let run = runs()
        .await
        .start(start(json!({}), None, async |_| panic!("secret detail")))
        .await
        .unwrap()
        .run;
    let last = said(&events(&run, 0).await).pop().unwrap();
    assert!(
        last.starts_with("end Failed Sidestage failed by a fault of its own."),
        "{last}"
    );
    assert!(!last.contains("secret detail"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_run_is_scrubbed_from_all_it_says() {
    let mut start = start(json!({}), None, async |ctx| {
        ctx.warn("calling with s3cr3t-token");
        ctx.progress("s3cr3t-token", None);
        Err(Error::conflict("the token s3cr3t-token is refused"))
    });
    start.prepared.secrets.push("s3cr3t-token".into());
    let run = runs().await.start(start).await.unwrap().run;
    let all = serde_json::to_string(&events(&run, 0).await).unwrap();
    assert!(!all.contains("s3cr3t"), "{all}");
    assert!(all.contains("calling with ***"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn more_runs_than_allowed_are_refused_with_a_time_to_wait() {
    let settings = Settings {
        most_running: 1,
        most_waiting: 0,
        ..Settings::default()
    };
    let runs = runs_with(settings).await;
    let wait = || {
        start(json!({}), None, async |ctx: Context| {
            ctx.pause(Duration::from_secs(1)).await.map(|()| json!(1))
        })
    };
    let first = runs.start(wait()).await.unwrap().run;
    let error = refused(runs.start(wait()).await);
    assert_eq!(
        (error.code(), error.wait()),
        (Code::RateLimited, Some(Duration::from_secs(10)))
    );
    events(&first, 0).await;
    tokio::task::yield_now().await;
    assert!(runs.start(wait()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_slow_holds_up_no_run_of_another() {
    let settings = Settings {
        most_running: 1,
        most_waiting: 1,
        ..Settings::default()
    };
    let runs = runs_with(settings).await;
    let hang = || start(json!({}), None, async |_| std::future::pending().await);
    for _ in 0..2 {
        runs.start(hang()).await.unwrap();
    }
    let refused = refused(runs.start(hang()).await);
    insta::assert_snapshot!(refused, @"On the connection test, 1 runs are worked on and 1 are waiting; Sidestage takes no more for now.");
    let mut other = start(json!({}), None, async |_| Ok(json!({})));
    other.prepared.connection = "another".into();
    let run = runs.start(other).await.unwrap().run;
    let ended = run.ended(Duration::from_secs(1)).await.unwrap().unwrap();
    assert_eq!(ended.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_ended_run_is_forgotten_after_a_time() {
    let runs = runs().await;
    let run = runs
        .start(start(json!({}), Some("k"), async |_| Ok(json!({}))))
        .await
        .unwrap()
        .run;
    events(&run, 0).await;
    tokio::time::advance(Duration::from_secs(31 * 24 * 60 * 60)).await;
    runs.start(start(json!({}), None, async |_| Ok(json!({}))))
        .await
        .unwrap();
    assert!(runs.get(run.spec.id, Some(&ada())).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_a_run_end_and_takes_no_new_one() {
    let runs = runs().await;
    let run = runs
        .start(start(json!({}), None, async |ctx| {
            ctx.pause(Duration::from_secs(5)).await.map(|()| json!(1))
        }))
        .await
        .unwrap()
        .run;
    let draining = tokio::spawn({
        let runs = runs.clone();
        async move { runs.drain(Duration::from_secs(10)).await }
    });
    tokio::task::yield_now().await;
    let error = refused(
        runs.start(start(json!({}), None, async |_| Ok(json!({}))))
            .await,
    );
    assert_eq!(error.code(), Code::UpstreamUnavailable);
    draining.await.unwrap();
    assert_eq!(run.status().await.unwrap(), Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn stopping_sends_the_followers_of_a_long_run_away_without_an_end() {
    let runs = runs().await;
    let run = runs
        .start(start(json!({}), None, async |_| {
            std::future::pending().await
        }))
        .await
        .unwrap()
        .run;
    let follower = tokio::spawn({
        let run = run.clone();
        async move { events(&run, 0).await }
    });
    runs.drain(Duration::from_secs(1)).await;
    assert!(
        follower
            .await
            .unwrap()
            .iter()
            .all(|event| !matches!(event.kind, EventKind::End { .. }))
    );
}
