//! What one caller may ask for.

use reqwest::Method;

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
