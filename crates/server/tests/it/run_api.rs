//! Door 3: start, join, follow, read, cancel.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{Service, answer, workspace};

#[tokio::test]
async fn a_run_is_started_followed_to_its_end_and_read() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    let events = service.follow(&id, None).await;
    let names: Vec<&str> = events.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names[names.len() - 2..], ["output", "end"], "{events:?}");
    assert!(
        names.contains(&"log") && names.contains(&"progress"),
        "{names:?}"
    );
    let ids: Vec<String> = events.iter().map(|(id, _, _)| id.clone()).collect();
    assert_eq!(
        ids,
        (1..=events.len())
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
    );
    let output = &events[events.len() - 2].2["output"];
    assert_eq!(
        (&output["ownerName"], &output["created"]),
        (&json!("ada"), &json!(true))
    );

    let (status, run) = answer(service.ci(Method::GET, &format!("/v1/runs/{id}"))).await;
    assert_eq!(
        (status, &run["status"], &run["output"]),
        (200, &json!("succeeded"), output)
    );
    assert_eq!(run["effects"][0]["key"], "ada/dev");
    assert_eq!(run["effects"][0]["settlement"]["result"], "created");
}

#[tokio::test]
async fn a_follower_that_lost_the_stream_misses_nothing_and_sees_nothing_twice() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    let all = service.follow(&id, None).await;
    assert_eq!(service.follow(&id, Some("3")).await, all[3..]);
    let bad = service
        .ci(Method::GET, &format!("/v1/runs/{id}/events"))
        .header("last-event-id", "three");
    let (status, problem) = answer(bad).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")));
}

#[tokio::test]
async fn the_same_key_joins_and_makes_nothing_twice() {
    let service = Service::start().await;
    let body = json!({ "action": "coder:create-workspace", "input": workspace("dev") });
    let start = |body: &Value| {
        service
            .ci(Method::POST, "/v1/runs")
            .header("idempotency-key", "task:step:1")
            .json(body)
    };
    let (first, run) = answer(start(&body)).await;
    let (second, joined) = answer(start(&body)).await;
    assert_eq!((first, second, &run["id"]), (201, 200, &joined["id"]));

    let (status, problem) = answer(start(
        &json!({ "action": "coder:create-workspace", "input": workspace("other") }),
    ))
    .await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("idempotency_mismatch"))
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("these differ: workspaceName."),
        "{problem}"
    );
}

#[tokio::test]
async fn a_dry_run_looks_and_changes_nothing() {
    let service = Service::start().await;
    let body =
        json!({ "action": "coder:create-workspace", "input": workspace("dev"), "dryRun": true });
    let (_, run) = answer(service.ci(Method::POST, "/v1/runs").json(&body)).await;
    let events = service.follow(run["id"].as_str().unwrap(), None).await;
    assert_eq!(
        events.last().unwrap().2["status"],
        "succeeded",
        "{events:?}"
    );
    assert!(
        service
            .sandbox
            .sandbox()
            .requests()
            .all()
            .iter()
            .all(|request| !request.writes)
    );
}

#[tokio::test]
async fn cancelling_ends_a_run_and_its_build() {
    let service = Service::start().await;
    let id = service
        .start_run(json!({ "user": "ada", "template": "slow", "workspaceName": "dev" }))
        .await;
    let (status, _) = answer(service.ci(Method::POST, &format!("/v1/runs/{id}/cancel"))).await;
    assert_eq!(status, 202);
    let events = service.follow(&id, None).await;
    let end = &events.last().unwrap().2;
    assert_eq!(
        (&end["status"], &end["error"]["code"]),
        (&json!("cancelled"), &json!("cancelled")),
        "{end}"
    );
    let (status, _) = answer(service.ci(Method::POST, &format!("/v1/runs/{id}/cancel"))).await;
    assert_eq!(status, 200, "a second cancel finds it ended");
}

#[tokio::test]
async fn a_run_of_another_caller_is_not_found() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    let token = service.backstage.token("sidestage");
    for (method, path) in [
        (Method::GET, format!("/v1/runs/{id}")),
        (Method::GET, format!("/v1/runs/{id}/events")),
        (Method::POST, format!("/v1/runs/{id}/cancel")),
    ] {
        let (status, problem) = answer(service.bare(method, &path).bearer_auth(&token)).await;
        assert_eq!(
            (status, &problem["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_action_is_described_with_both_schemas() {
    let service = Service::start().await;
    let (_, actions) = answer(service.ci(Method::GET, "/v1/actions")).await;
    let (_, action) = answer(service.ci(Method::GET, "/v1/actions/coder:create-workspace")).await;
    assert!(actions.as_array().unwrap().contains(&action));
    assert_eq!(
        action["schema"]["input"]["properties"]["workspaceName"]["type"],
        "string"
    );
    assert_eq!(
        action["schema"]["output"]["properties"]["workspaceUrl"]["type"],
        "string"
    );
}

#[tokio::test]
async fn stopping_ends_the_stream_of_a_long_run_so_that_its_follower_comes_back() {
    let service = Service::with("server: {shutdownGrace: 1s}").await;
    let id = service
        .start_run(json!({ "user": "ada", "template": "slow", "workspaceName": "dev" }))
        .await;
    let stream = service
        .ci(Method::GET, &format!("/v1/runs/{id}/events"))
        .send()
        .await
        .unwrap();
    let reading = tokio::spawn(stream.text());
    service.stop().await;
    let text = reading.await.unwrap().unwrap();
    assert!(!text.contains("event: end"), "{text}");
}
