//! Bad input: a clear error that names the field, never a 500, never an echo of a secret.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::service::{Service, workspace};

/// One line a refusal: status, code, sentence, fields.
async fn refusal(request: RequestBuilder) -> String {
    let response = request.send().await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = response.json().await.unwrap();
    let fields = problem["field"]
        .as_str()
        .map(|field| format!(" [{field}]"))
        .unwrap_or_default();
    format!(
        "{} {}: {}{fields}",
        problem["status"],
        problem["code"].as_str().unwrap(),
        problem["detail"].as_str().unwrap()
    )
}

#[tokio::test]
async fn a_bad_request_is_refused_with_a_sentence() {
    let service = Service::start().await;
    let post = |body: &str| service.ci(Method::POST, "/v1/runs").body(body.to_owned());
    insta::assert_snapshot!(refusal(post("")).await, @"400 invalid_input: The request has no body; a JSON object is expected.");
    insta::assert_snapshot!(refusal(post("{\"action\": hunter2}")).await, @"400 invalid_input: The body is not JSON: expected value at line 1 column 12. A JSON object is expected.");
    insta::assert_snapshot!(refusal(post("[]")).await, @"400 invalid_input: Invalid input: the input must be a map. []");
    insta::assert_snapshot!(refusal(post("{}")).await, @"400 invalid_input: Invalid input: action is required; input is required.");
    insta::assert_snapshot!(refusal(post(r#"{"action": 7, "input": {}}"#)).await, @"400 invalid_input: Invalid input: action must be a string. [/action]");
    insta::assert_snapshot!(refusal(post(r#"{"action": "coder:create-workspace", "inputs": {}}"#)).await, @"400 invalid_input: Invalid input: input is required; inputs is not an input; did you mean input?");
    insta::assert_snapshot!(refusal(post(r#"{"action": "coder:create-workspce", "input": {}}"#)).await, @"404 not_found: There is no action with this id. Did you mean coder:create-workspace?");
    insta::assert_snapshot!(refusal(post(&format!("{{\"action\": \"{}\"}}", "x".repeat(2_000_000)))).await, @"413 payload_too_large: The body is larger than server.bodyLimit allows.");
    insta::assert_snapshot!(refusal(service.ci(Method::DELETE, "/v1/runs")).await, @"405 method_not_allowed: This address does not take this method; the Allow header and /docs say which it takes.");
    insta::assert_snapshot!(refusal(service.ci(Method::GET, "/v1/run")).await, @"404 not_found: There is nothing at this address; /docs lists what there is.");
    insta::assert_snapshot!(refusal(service.ci(Method::GET, "/v1/runs/7")).await, @"404 not_found: A run's id is a UUID, and this is none.");
    let key = service
        .ci(Method::POST, "/v1/runs")
        .header("idempotency-key", "")
        .json(&json!({"action": "coder:create-workspace", "input": {}}));
    insta::assert_snapshot!(refusal(key).await, @"400 invalid_input: The Idempotency-Key header must be 1 to 255 printable ASCII characters.");
}

#[tokio::test]
async fn a_bad_input_is_refused_before_anything_is_asked_of_the_service() {
    let service = Service::start().await;
    let start = |input: Value| {
        service
            .ci(Method::POST, "/v1/runs")
            .json(&json!({"action": "coder:create-workspace", "input": input}))
    };
    let with = |key: &str, value: Value| {
        let mut input = workspace("dev");
        input[key] = value;
        start(input)
    };
    insta::assert_snapshot!(refusal(start(json!({}))).await, @"400 invalid_input: Invalid input: user is required; workspaceName is required.");
    insta::assert_snapshot!(refusal(with("workspacename", json!("x"))).await, @"400 invalid_input: Invalid input: workspacename is not an input; did you mean workspaceName? [/workspacename]");
    insta::assert_snapshot!(refusal(with("user", json!(["hunter2"]))).await, @"400 invalid_input: Invalid input: user must be a string. [/user]");
    insta::assert_snapshot!(refusal(with("workspaceName", json!("${{ parameters.nme }}"))).await, @"400 invalid_input: Invalid input: workspaceName still holds a template expression (${{ ... }}): Backstage could not evaluate it and passed its text on; check its names, filters and brackets in the template. [/workspaceName]");
    insta::assert_snapshot!(refusal(with("connection", json!("staging"))).await, @"400 invalid_input: There is no connection to Coder with this name. The connections are: coder. [/connection]");
    insta::assert_snapshot!(refusal(with("coderUrl", json!("http://169.254.169.254/latest/"))).await, @"400 invalid_input: coderUrl is not the URL of a configured connection to Coder, and no other host is called. The connections are: coder. [/coderUrl]");
    insta::assert_snapshot!(refusal(with("token", json!("hunter2-hunter2"))).await, @"400 invalid_input: The connection coder has a credential of its own and takes no token from a template; leave it out. [/token]");
    assert!(service.sandbox.sandbox().requests().all().is_empty());
}

#[tokio::test]
async fn deep_nesting_is_refused_and_not_followed() {
    let service = Service::start().await;
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let refusal = refusal(service.ci(Method::POST, "/v1/runs").body(body)).await;
    assert!(refusal.starts_with("400 invalid_input"), "{refusal}");
}
