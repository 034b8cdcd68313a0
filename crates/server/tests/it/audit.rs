//! The audit log: who was allowed what, and what was done.

use reqwest::Method;
use serde_json::{Value, json};

use crate::service::{CI_KEY, NARROW_KEY, Service, answer, workspace};

/// A line without what differs from run to run.
fn masked(mut line: Value, run: &str) -> Value {
    for (name, value) in line.as_object_mut().unwrap() {
        if name == "time" {
            *value = "[time]".into();
        }
    }
    let text = line.to_string().replace(run, "[run]");
    let id = line["outcome"]["id"].as_str().unwrap_or("none").to_owned();
    serde_json::from_str(&text.replace(&id, "[id]")).unwrap()
}

#[tokio::test]
async fn a_run_leaves_a_line_for_each_decision_each_change_and_its_end() {
    let service = Service::start().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let body = json!({"action": "coder:create-workspace", "input": workspace("dev")});
    let request = service
        .ci(Method::POST, "/v1/runs")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .json(&body);
    let (_, run) = answer(request).await;
    let id = run["id"].as_str().unwrap();
    service.follow(id, None).await;
    let lines: Vec<String> = service
        .audit()
        .into_iter()
        .map(|line| masked(line, id).to_string())
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn who_is_refused_stands_in_it_too_and_no_token_does() {
    let service = Service::start().await;
    let body = json!({"action": "coder:create-workspace", "input": workspace("dev")});
    let request = service
        .bare(Method::POST, "/v1/runs")
        .bearer_auth(NARROW_KEY);
    assert_eq!(answer(request.json(&body)).await.0, 403);
    let audit = service.audit();
    let line = &audit[0];
    assert_eq!(
        (&line["outcome"], &line["who"]),
        (&json!("denied"), &json!("key:narrow"))
    );
    assert_eq!(line["policies"], json!([]));
    let text = json!(audit).to_string();
    assert!(!text.contains(NARROW_KEY) && !text.contains(CI_KEY));
}
