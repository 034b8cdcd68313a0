//! Door 1: Backstage's own actions protocol.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::service::{Service, answer, workspace};

const INVOKE: &str = "/api/coder/.backstage/actions/v1/actions/coder%3Acreate-workspace/invoke";
const INVOKE_V2: &str = "/api/coder/.backstage/actions/v2/actions/coder%3Acreate-workspace/invoke";

fn invoke(service: &Service, input: &Value) -> RequestBuilder {
    service
        .bare(Method::POST, INVOKE)
        .bearer_auth(service.backstage.token("coder"))
        .json(input)
}

#[tokio::test]
async fn a_provider_lists_its_actions_as_a_backstage_plugin_does() {
    let service = Service::start().await;
    let list = service.bare(Method::GET, "/api/coder/.backstage/actions/v1/actions");
    let (status, body) = answer(list.bearer_auth(service.backstage.token("coder"))).await;
    assert_eq!(status, 200);
    let action = &body["actions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|action| action["id"] == "coder:create-workspace")
        .unwrap();
    assert_eq!(
        (&action["name"], &action["pluginId"]),
        (&json!("create-workspace"), &json!("coder"))
    );
    assert_eq!(
        action["attributes"],
        json!({"destructive": false, "idempotent": true, "readOnly": false})
    );
    for key in ["title", "description", "examples"] {
        assert!(!action[key].is_null(), "{key}");
    }
}

#[tokio::test]
async fn an_action_runs_and_answers_its_output_on_v1_and_v2() {
    let service = Service::start().await;
    let (status, body) = answer(invoke(&service, &workspace("dev"))).await;
    assert_eq!(
        (status, &body["output"]["created"]),
        (200, &json!(true)),
        "{body}"
    );
    let v2 = service
        .bare(Method::POST, INVOKE_V2)
        .bearer_auth(service.backstage.token("coder"));
    let (status, body) =
        answer(v2.json(&json!({ "input": workspace("dev"), "secrets": {} }))).await;
    assert_eq!(
        (status, &body["output"]["created"]),
        (200, &json!(false)),
        "the second one adopts: {body}"
    );
}

#[tokio::test]
async fn secrets_are_refused_rather_than_ignored() {
    let service = Service::start().await;
    let v2 = service
        .bare(Method::POST, INVOKE_V2)
        .bearer_auth(service.backstage.token("coder"));
    let (status, body) =
        answer(v2.json(&json!({ "input": workspace("dev"), "secrets": {"token": "canary"} })))
            .await;
    assert_eq!(status, 400);
    assert!(!body.to_string().contains("canary"));
}

#[tokio::test]
async fn a_wait_that_backstage_would_not_sit_out_is_answered_and_the_same_request_joins() {
    let service = Service::with("server: {stepWait: 1s}").await;
    let input = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let (status, first) = answer(invoke(&service, &input)).await;
    let (_, second) = answer(invoke(&service, &input)).await;
    assert_eq!(
        (status, &first["error"]["name"]),
        (503, &json!("ServiceUnavailableError"))
    );
    let message = first["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Still running as run ") && message.contains("Run this step again"),
        "{message}"
    );
    let run = |body: &Value| {
        body["error"]["message"].as_str().unwrap()["Still running as run ".len()..][..36].to_owned()
    };
    assert_eq!(run(&first), run(&second));
    let writes = service
        .sandbox
        .sandbox()
        .requests()
        .all()
        .into_iter()
        .filter(|request| request.writes)
        .count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn a_step_that_waits_when_sidestage_stops_is_told_that_its_run_goes_on() {
    let service = Service::with("server: {shutdownGrace: 1s}").await;
    let input = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let step = tokio::spawn(answer(invoke(&service, &input)));
    let sandbox = service.sandbox.sandbox().clone();
    while !sandbox
        .requests()
        .all()
        .iter()
        .any(|request| request.writes)
    {
        tokio::task::yield_now().await;
    }
    service.stop().await;
    let (status, body) = step.await.unwrap();
    assert_eq!(status, 503, "{body}");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Still running as run "), "{message}");
}

#[tokio::test]
async fn a_refusal_has_backstages_body_and_its_sentence_in_the_reason_phrase() {
    let service = Service::start().await;
    let (status, body) = answer(invoke(&service, &workspace("my_app"))).await;
    assert_eq!(
        (status, &body["error"]["name"]),
        (400, &json!("InputError"))
    );
    assert_eq!(body["response"]["statusCode"], 400);
    assert_eq!(body["request"], json!({"method": "POST", "url": INVOKE}));
    let message = body["error"]["message"].as_str().unwrap();
    let token = service.backstage.token("coder");
    let line = status_line(&service, &token, &workspace("my_app")).await;
    assert_eq!(line, format!("HTTP/1.1 400 {message}"));
    // The log has more under an id that is said, too.
    let line = status_line(&service, "nonsense", &workspace("dev")).await;
    let (sentence, id) = line.rsplit_once(" (request ").unwrap();
    assert!(
        sentence.ends_with("under this request's id.") && id.len() == 37,
        "{line}"
    );
}

/// The status line as it stands on the wire: HTTP libraries hide the reason phrase.
async fn status_line(service: &Service, token: &str, input: &Value) -> String {
    let mut stream = TcpStream::connect(service.url.trim_start_matches("http://"))
        .await
        .unwrap();
    let body = input.to_string();
    let request = format!(
        "POST {INVOKE} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn an_action_of_another_provider_is_not_found_here() {
    let service = Service::start().await;
    let path = "/api/coder/.backstage/actions/v1/actions/gitea:create-user/invoke";
    let (status, body) = answer(
        service
            .bare(Method::POST, path)
            .bearer_auth(service.backstage.token("coder"))
            .json(&json!({})),
    )
    .await;
    assert_eq!(
        (status, &body["error"]["name"]),
        (404, &json!("NotFoundError"))
    );
    let path = "/api/nobody/.backstage/actions/v1/actions";
    let (status, body) = answer(service.bare(Method::GET, path)).await;
    let message = body["error"]["message"].as_str().unwrap();
    let sentence = "There is no provider with this id; the providers are: coder";
    assert!(status == 404 && message.starts_with(sentence), "{body}");
}
