//! Door 3: start, join, follow, read, cancel.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::service::{GITEA_OPERATOR_KEY, OPERATOR_KEY, Service, answer, events, workspace};

#[tokio::test]
async fn a_run_is_started_followed_to_its_end_and_read() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    let events = service.follow(&id, None).await;
    let names: Vec<&str> = events.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names[names.len() - 2..], ["output", "end"], "{events:?}");
    assert!(names.contains(&"log"), "{names:?}");
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
    let beyond = u64::MAX.to_string();
    assert_eq!(service.follow(&id, Some(&beyond)).await, []);
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
        (Method::POST, format!("/v1/runs/{id}/retry")),
        (Method::POST, format!("/v1/runs/{id}/undo")),
        (Method::POST, format!("/v1/runs/{id}/undo?dryRun=true")),
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
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    insta::assert_snapshot!(last, @r#"
    event: reconnect
    retry: 1000
    data: {"message":"Sidestage is stopping; the run goes on. Follow it again."}
    "#);
}

#[tokio::test]
async fn clients_that_do_nothing_do_not_hold_up_the_stop() {
    let service = Service::with("server: {shutdownGrace: 1s}").await;
    let address = service.url.trim_start_matches("http://").to_owned();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let half = "POST /v1/runs HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    silent.write_all(half.as_bytes()).await.unwrap();
    // The service has taken it: it answers who came after it.
    assert_eq!(
        service
            .ci(Method::GET, "/v1/runs")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let stopped = tokio::time::timeout(Duration::from_secs(60), service.stop()).await;
    stopped.expect("it does not stop");
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_each_caller_sees_its_own() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let id = service.start_run(workspace(name)).await;
        service.follow(&id, None).await;
        ids.insert(0, id);
    }
    let list = async |query: &str| {
        let path = format!("/v1/runs{query}");
        answer(service.ci(Method::GET, &path)).await
    };
    let ids_of = |list: &Value| {
        let runs = list["runs"].as_array().unwrap().iter();
        runs.map(|run| run["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (_, all) = list("").await;
    assert_eq!(ids_of(&all), ids);
    assert_eq!(all["runs"][0]["startedBy"], "key:ci");
    let (_, page) = list(&format!("?limit=1&before={}", ids[0])).await;
    assert_eq!(ids_of(&page), ids[1..2]);
    assert_eq!(ids_of(&list("?status=failed").await.1).len(), 0);
    for bad in ["?limit=0", "?before=7", "?status=done", "?colour=red"] {
        assert_eq!(list(bad).await.0, 400, "{bad}");
    }
    let token = service.backstage.token("sidestage");
    let (_, others) = answer(service.bare(Method::GET, "/v1/runs").bearer_auth(token)).await;
    assert_eq!(ids_of(&others).len(), 0);
}

#[tokio::test]
async fn a_key_for_all_runs_sees_and_ends_those_of_others() {
    let service = Service::start().await;
    let id = service
        .start_run(json!({ "user": "ada", "template": "slow", "workspaceName": "dev" }))
        .await;
    let call = |method, path: String| service.bare(method, &path).bearer_auth(OPERATOR_KEY);
    let (status, run) = answer(call(Method::GET, format!("/v1/runs/{id}"))).await;
    assert_eq!((status, &run["startedBy"]), (200, &json!("key:ci")));
    let (status, _) = answer(call(Method::POST, format!("/v1/runs/{id}/cancel"))).await;
    assert_eq!(status, 202);
    let end = service.follow(&id, None).await.pop().unwrap().2;
    assert_eq!(end["status"], "cancelled");
}

#[tokio::test]
async fn a_run_is_undone_by_a_run_that_says_what_stays() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    let undo = async |id: &str, query: &str| {
        let path = format!("/v1/runs/{id}/undo{query}");
        answer(service.ci(Method::POST, &path)).await
    };
    service.follow(&id, None).await;
    let (status, run) = undo(&id, "?dryRun=true").await;
    assert_eq!(
        (status, &run["undoes"], &run["dryRun"]),
        (201, &json!(id), &json!(true))
    );
    let undo_id = run["id"].as_str().unwrap().to_owned();
    service.follow(&undo_id, None).await;
    let (_, run) = answer(service.ci(Method::GET, &format!("/v1/runs/{undo_id}"))).await;
    let output = &run["output"];
    let told = [&output["undone"], &output["kept"]].map(|list| list.as_array().unwrap().len());
    assert_eq!(told.iter().sum::<usize>(), 1, "{output}");
    let (status, problem) = undo(&undo_id, "").await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    assert_eq!(undo(&id, "?dryRun=perhaps").await.0, 400);

    assert_eq!(workspaces_in_use(&service), 1, "a dry run changes nothing");
    let (status, run) = undo(&id, "").await;
    assert_eq!((status, &run["dryRun"]), (201, &json!(false)));
    let undo_id = run["id"].as_str().unwrap();
    service.follow(undo_id, None).await;
    let (_, run) = answer(service.ci(Method::GET, &format!("/v1/runs/{undo_id}"))).await;
    assert_eq!(run["output"]["undone"][0]["key"], "ada/dev");
    assert_eq!(run["output"]["kept"], json!([]));
    assert_eq!(workspaces_in_use(&service), 0);
    let (_, run) = answer(service.ci(Method::GET, &format!("/v1/runs/{id}"))).await;
    assert_eq!(run["effects"][0]["settlement"]["result"], "undone");
}

/// How many workspaces of the name dev there are in the sandbox's Coder.
fn workspaces_in_use(service: &Service) -> usize {
    let state = service.sandbox.sandbox().state();
    let workspaces = state["coder"]["workspaces"].as_array().unwrap().iter();
    let of_ada = workspaces.filter(|one| one["name"] == "dev" && one["deleted"] == false);
    of_ada.count()
}

#[tokio::test]
async fn a_key_for_all_runs_undoes_and_retries_those_of_its_actions_and_no_others() {
    let service = Service::start().await;
    let id = service.start_run(workspace("dev")).await;
    service.follow(&id, None).await;
    let undo = format!("/v1/runs/{id}/undo");
    for path in [&undo, &format!("/v1/runs/{id}/retry")] {
        let call = service
            .bare(Method::POST, path)
            .bearer_auth(GITEA_OPERATOR_KEY);
        let (status, problem) = answer(call).await;
        assert_eq!(
            (status, &problem["code"]),
            (403, &json!("forbidden")),
            "{path}"
        );
    }
    assert_eq!(workspaces_in_use(&service), 1);
    let call = service.bare(Method::POST, &undo).bearer_auth(OPERATOR_KEY);
    let (status, run) = answer(call).await;
    assert_eq!(
        (status, &run["startedBy"], &run["undoes"]),
        (201, &json!("key:operator"), &json!(id))
    );
    let undo = run["id"].as_str().unwrap();
    let events = format!("/v1/runs/{undo}/events");
    let call = service.bare(Method::GET, &events).bearer_auth(OPERATOR_KEY);
    let said = call.send().await.unwrap().text().await.unwrap();
    assert!(said.contains(r#""status":"succeeded""#), "{said}");
    assert_eq!(workspaces_in_use(&service), 0);
}

#[tokio::test]
async fn who_retries_the_run_of_another_stands_in_it_and_in_the_audit_log() {
    let service = Service::start().await;
    let slow = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let id = service.start_run(slow).await;
    answer(service.ci(Method::POST, &format!("/v1/runs/{id}/cancel"))).await;
    service.follow(&id, None).await;
    let retry = format!("/v1/runs/{id}/retry");
    let call = service.bare(Method::POST, &retry).bearer_auth(OPERATOR_KEY);
    let (status, run) = answer(call).await;
    assert_eq!((status, &run["startedBy"]), (201, &json!("key:ci")));
    let next = run["id"].as_str().unwrap();
    answer(service.ci(Method::POST, &format!("/v1/runs/{next}/cancel"))).await;
    let first = &service.follow(next, None).await[0].2;
    assert_eq!(first["message"], "started again by key:operator");
    let audit = service.audit();
    let started = audit.iter().filter(|line| line["outcome"] == "started");
    let who = started.map(|line| [line["who"].clone(), line["by"].clone()]);
    assert_eq!(
        who.collect::<Vec<_>>(),
        [
            [json!("key:ci"), Value::Null],
            [json!("key:ci"), json!("key:operator")]
        ]
    );
}

#[tokio::test]
async fn what_a_run_has_said_so_far_is_given_without_waiting_for_more() {
    let service = Service::start().await;
    let slow = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let id = service.start_run(slow).await;
    let path = format!("/v1/runs/{id}/events?follow=false");
    let so_far = async || {
        let answer = service.ci(Method::GET, &path).send().await.unwrap();
        events(&answer.text().await.unwrap())
    };
    while so_far().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(so_far().await.iter().all(|(_, name, _)| name != "end"));
    answer(service.ci(Method::POST, &format!("/v1/runs/{id}/cancel"))).await;
    let all = service.follow(&id, None).await;
    assert_eq!(so_far().await, all);
    let bad = service.ci(Method::GET, &path.replace("false", "perhaps"));
    assert_eq!(answer(bad).await.0, 400);
}

#[tokio::test]
async fn a_cancelled_run_is_retried_and_a_succeeded_one_is_not() {
    let service = Service::start().await;
    let slow = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let id = service.start_run(slow).await;
    let retry =
        async |id: &str| answer(service.ci(Method::POST, &format!("/v1/runs/{id}/retry"))).await;
    assert_eq!(retry(&id).await.0, 409, "it is under way");
    answer(service.ci(Method::POST, &format!("/v1/runs/{id}/cancel"))).await;
    service.follow(&id, None).await;
    let (status, run) = retry(&id).await;
    assert_eq!((status, &run["continues"]), (201, &json!(id)));
    let (status, again) = retry(&id).await;
    assert_eq!((status, &again["id"]), (200, &run["id"]));
    let (_, old) = answer(service.ci(Method::GET, &format!("/v1/runs/{id}"))).await;
    assert_eq!(old["continuedBy"], run["id"]);
}

#[tokio::test]
async fn beyond_its_places_sidestage_says_when_to_come_back() {
    let service = Service::with("runs: {mostRunning: 1, mostWaiting: 0}").await;
    let slow = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    service.start_run(slow).await;
    let body = json!({ "action": "coder:create-workspace", "input": workspace("other") });
    let refused = service
        .ci(Method::POST, "/v1/runs")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "10");
}
