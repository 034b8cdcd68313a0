//! What one caller may ask for.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;

use crate::service::{CI_KEY, OPERATOR_KEY, Service, read};

#[tokio::test]
async fn a_caller_who_asks_too_often_is_told_when_to_come_back_and_others_are_not() {
    let service = Service::with("server: {requestsPerMinute: 1}").await;
    let ask = async |token: &str| {
        let request = service.bare(Method::GET, "/v1/runs").bearer_auth(token);
        request.send().await.unwrap()
    };
    assert_eq!(ask(CI_KEY).await.status(), 200);
    let refused = ask(CI_KEY).await;
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let (status, problem) = read(refused).await;
    assert_eq!((status, &problem["code"]), (429, &"rate_limited".into()));
    assert_eq!(ask(OPERATOR_KEY).await.status(), 200);
}

#[tokio::test]
async fn an_address_without_a_valid_token_is_told_when_to_come_back_and_callers_there_are_not() {
    let service = Service::with("server: {requestsPerMinute: 1}").await;
    let doors = ["/v1/runs", "/api/coder/options/templates"];
    let strangers = [None, Some("nobodys-token")];
    let ask = async |path: &str, token: Option<&str>| {
        let mut request = service.bare(Method::GET, path);
        // Whose address that is, anybody may write.
        request = request.header("x-forwarded-for", "192.0.2.7");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    };
    assert_eq!(ask(doors[0], None).await.status(), 401);
    for token in strangers {
        for path in doors {
            let refused = ask(path, token).await;
            assert!(refused.headers().contains_key("retry-after"));
            assert_eq!(refused.status(), 429, "{path} {token:?}");
        }
    }
    let problem = read(ask(doors[0], None).await).await.1;
    insta::assert_snapshot!(problem["detail"].as_str().unwrap(), @"From your address come more requests without a valid token than server.requestsPerMinute allows. Come back after the time that Retry-After says.");
    assert_eq!(ask(doors[0], Some(CI_KEY)).await.status(), 200);
    assert_eq!(ask("/docs/", None).await.status(), 200);
}

#[tokio::test]
async fn a_caller_with_too_many_event_streams_is_told_when_to_come_back_and_others_are_not() {
    let service = Service::with("server: {eventStreams: 2}").await;
    let slow = json!({ "user": "ada", "template": "slow", "workspaceName": "dev" });
    let id = service.start_run(slow).await;
    let follow = async |token: &str| {
        let path = format!("/v1/runs/{id}/events");
        let request = service.bare(Method::GET, &path).bearer_auth(token);
        request.send().await.unwrap()
    };
    let open = [follow(CI_KEY).await, follow(CI_KEY).await];
    assert!(open.iter().all(|answer| answer.status() == 200));
    let refused = follow(CI_KEY).await;
    assert_eq!(refused.headers()["retry-after"], "10");
    let (status, problem) = read(refused).await;
    assert_eq!(status, 429);
    insta::assert_snapshot!(problem["detail"].as_str().unwrap(), @"You have 2 event streams open, which is what server.eventStreams allows. Close one, or wait for the end of a run.");
    assert_eq!(follow(OPERATOR_KEY).await.status(), 200);
    // Who goes away makes room.
    drop(open);
    while follow(CI_KEY).await.status() != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_more_connections_are_taken_in_than_there_are_places_for() {
    let service = Service::with("server: {connections: 2}").await;
    let address = service.url.trim_start_matches("http://");
    let mut silent = Vec::new();
    for _ in 0..2 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let health = service.bare(Method::GET, "/.backstage/health/v1/liveness");
    let mut answer = tokio::spawn(health.send());
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut answer).await;
    assert!(waits.is_err(), "it is not taken in yet");
    silent.pop();
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
}
