//! What a connection lets through: a service that keeps failing is left alone, and none is called too often.

#![allow(clippy::unwrap_used)]

mod stub;

use std::time::Duration;

use insta::assert_snapshot;
use sidestage_upstream::{Error, Upstream};
use stub::{Step, Stub, ok, say};
use tokio::{
    task::{JoinSet, yield_now},
    time::{advance, pause, resume},
};

/// A client that does not repeat anything, before a service that does these things.
async fn client(steps: impl IntoIterator<Item = Step>) -> (Stub, Upstream) {
    let stub = Stub::start(steps).await;
    let mut settings = stub.settings();
    settings.retries = 0;
    settings.break_after = 3;
    settings.break_for = Duration::from_secs(30);
    (stub, Upstream::new(settings).unwrap())
}

async fn call(upstream: &Upstream) -> Result<(), Error> {
    upstream.get("/", &[]).send().await.map(|_| ())
}

async fn fail(upstream: &Upstream, times: usize) {
    for _ in 0..times {
        call(upstream).await.unwrap_err();
    }
}

async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

fn unwell() -> Step {
    say("503 Service Unavailable", "", "{}")
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_left_alone_and_it_is_said_since_when_and_why() {
    let (stub, upstream) = client([unwell()]).await;
    fail(&upstream, 3).await;
    let error = call(&upstream).await.unwrap_err();
    assert_eq!(stub.count(), 3, "the fourth call is not sent");
    assert!(!error.may_have_changed() && !error.is_transient());
    assert!(error.retry_after().unwrap() > Duration::from_secs(28));
    let sentence = error.to_string().replace(&*error.call().host, "HOST");
    let since = sentence.find("since ").unwrap() + "since ".len();
    let date = &sentence[since..since + "Sun, 06 Nov 1994 08:49:37 GMT".len()];
    assert!(date.ends_with(" GMT"), "{sentence}");
    assert_snapshot!(sentence.replace(date, "DATE"), @"coder (HOST) cannot be reached: it has not been well since DATE (503 Service Unavailable) and is left alone");
}

#[tokio::test]
async fn after_a_while_one_call_is_let_through_to_see() {
    let (stub, upstream) = client([unwell(), unwell(), unwell(), unwell(), ok()]).await;
    fail(&upstream, 3).await;
    pass(Duration::from_secs(31)).await;
    fail(&upstream, 2).await;
    assert_eq!(
        stub.count(),
        4,
        "it is still not well, so the next is not sent"
    );
    pass(Duration::from_secs(31)).await;
    for _ in 0..3 {
        call(&upstream).await.unwrap();
    }
    assert_eq!(stub.count(), 7);
}

#[tokio::test]
async fn a_call_that_sees_and_is_dropped_leaves_the_next_to_see() {
    let (stub, upstream) = client([
        unwell(),
        unwell(),
        unwell(),
        Step::Stall(String::new()),
        ok(),
    ])
    .await;
    fail(&upstream, 3).await;
    pass(Duration::from_secs(31)).await;
    let looking = tokio::spawn({
        let upstream = upstream.clone();
        async move { call(&upstream).await }
    });
    stub.arrived(4).await;
    fail(&upstream, 1).await;
    assert_eq!(stub.count(), 4, "one call sees at a time");
    looking.abort();
    assert!(looking.await.unwrap_err().is_cancelled());
    call(&upstream).await.unwrap();
}

#[tokio::test]
async fn an_answer_between_failures_and_a_refusal_are_no_reason_to_leave_it_alone() {
    let refused = || say("404 Not Found", "", "{}");
    let steps = [unwell(), unwell(), ok(), unwell(), unwell(), refused()];
    let (stub, upstream) = client(steps).await;
    for _ in 0..20 {
        let _ = call(&upstream).await;
    }
    assert_eq!(stub.count(), 20);
}

#[tokio::test]
async fn no_more_calls_a_minute_than_the_service_takes() {
    let stub = Stub::start([ok()]).await;
    let mut settings = stub.settings();
    settings.per_minute = Some(60);
    settings.max_concurrent = 100;
    let upstream = Upstream::new(settings).unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..30 {
        let upstream = upstream.clone();
        calls.spawn(async move { call(&upstream).await });
    }
    // Ten seconds' worth at once, and the one that is due.
    stub.arrived(11).await;
    pause();
    for _ in 0..100 {
        yield_now().await;
    }
    assert_eq!(stub.count(), 11);
    advance(Duration::from_secs(5)).await;
    resume();
    stub.arrived(16).await;
    calls.abort_all();
}
