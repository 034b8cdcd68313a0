//! SIGTERM: a replica takes no new runs, gives those under way some time, and hands over what is left; whoever follows
//! one goes on at another replica.

#![allow(clippy::unwrap_used)]

mod support;

use std::{process::Command, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sidestage_sandbox::{Options, Sandbox};
use support::{Events, KEY, Postgres, Replica};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn send(request: RequestBuilder) -> Value {
    let answer = request.bearer_auth(KEY).send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_follower_of_a_replica_that_stops_goes_on_at_another_one() {
    let sandbox = Sandbox::spawn(Options {
        build: Duration::from_millis(20),
    })
    .await;
    let postgres = Postgres::start(&["-c", "fsync=off"]).await;
    let audit = tempfile::NamedTempFile::new().unwrap();
    let more = format!(
        "server: {{shutdownGrace: 3s}}\naudit: {{to: 'file:{}'}}",
        audit.path().display()
    );
    let [one, two] =
        ["one", "two"].map(|name| Replica::start(name, &postgres.url, &sandbox, &["coder"], &more));
    let http = Client::new();
    while !(one.is_up().await && two.is_up().await) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let slow = |name: &str| {
        let input = json!({"user": "ada", "template": "slow", "workspaceName": name});
        let body = json!({"action": "coder:create-workspace", "input": input});
        http.post(format!("{}/v1/runs", one.url)).json(&body)
    };
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let run = send(slow("dev").header("traceparent", parent)).await;
    let path = format!("/v1/runs/{}/events", run["id"].as_str().unwrap());
    let follow = async |replica: &Replica, after: u64| {
        let request = http.get(format!("{}{path}", replica.url));
        let request = request.header("last-event-id", after).bearer_auth(KEY);
        Events::of(request.send().await.unwrap())
    };
    let mut events = follow(&one, 0).await;
    let mut last = events.next().await.unwrap().id.unwrap();
    assert_eq!(last, 1);

    let pid = one.child().id().to_string();
    let terminated = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(terminated.unwrap().success());
    let ready = format!("{}/.backstage/health/v1/readiness", one.url);
    while http.get(&ready).send().await.unwrap().status() != StatusCode::SERVICE_UNAVAILABLE {}
    let refused = slow("other").bearer_auth(KEY).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "5");

    let mut names = Vec::new();
    while let Some(event) = events.next().await {
        if let Some(id) = event.id {
            assert_eq!(id, last + 1);
            last = id;
        }
        names.push(event.name);
    }
    assert_eq!(names.last().unwrap(), "reconnect", "{names:?}");
    let ended = tokio::task::spawn_blocking(move || one.child().wait().unwrap());
    assert!(ended.await.unwrap().success());

    let mut events = follow(&two, last).await;
    let next = events.next().await.unwrap();
    assert_eq!(next.id, Some(last + 1));
    let message = next.data["message"].as_str().unwrap();
    assert!(message.starts_with("taken up again"), "{message}");
    let cancel = path.replace("/events", "/cancel");
    send(http.post(format!("{}{cancel}", two.url))).await;
    let mut end = Value::Null;
    while let Some(event) = events.next().await {
        end = event.data;
    }
    assert_eq!(end["status"], "cancelled", "{end}");
    let made = sandbox.sandbox().state()["coder"]["workspaces"].to_string();
    assert_eq!(made.matches(r#""name":"dev""#).count(), 1, "{made}");

    // Whoever works on the run, what is done in it belongs to the trace in which it was asked for.
    let audit = std::fs::read_to_string(audit.path()).unwrap();
    let lines = audit
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_run: Vec<_> = lines.filter(|line| line["run"] == run["id"]).collect();
    let outcomes: Vec<_> = of_run.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(
        of_run.last().unwrap()["outcome"],
        "cancelled",
        "{outcomes:?}"
    );
    for line in of_run {
        assert_eq!(line["trace"], TRACE, "{line}");
    }
}
