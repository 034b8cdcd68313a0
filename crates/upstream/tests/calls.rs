//! What is sent, what is sent again, and what comes of it.

#![allow(clippy::unwrap_used)]

mod stub;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use sidestage_upstream::{
    BuildError, Credential, Error, HeaderName, Request, Settings, StatusCode, Upstream,
};
use stub::{Step, Stub, ok, say, settings};
use tokio::{
    net::TcpListener,
    sync::{Barrier, mpsc},
    task::yield_now,
    time::{advance, pause, resume},
};

/// The sentence, with the address of the stub taken out.
fn sentence(error: &Error) -> String {
    error.to_string().replace(&*error.call().host, "HOST")
}

fn get(stub: &Stub) -> Request {
    stub.upstream().get("/users/{user}", &["anna"])
}

fn post(stub: &Stub) -> Request {
    stub.upstream()
        .post("/users", &[])
        .json(&json!({"name": "anna"}))
}

/// The error of one call to a stub that always does the same.
async fn error(step: Step) -> Error {
    get(&Stub::start([step]).await).send().await.unwrap_err()
}

async fn json_error(answer: Step) -> Error {
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct User {
        id: u32,
        status: Status,
    }
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Status {
        active: bool,
    }
    let stub = Stub::start([answer]).await;
    let error = get(&stub).send().await.unwrap().json::<User>().unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }) && !error.is_transient());
    assert_eq!(stub.count(), 1);
    error
}

#[tokio::test]
async fn a_call_is_sent_as_it_was_written() {
    let stub = Stub::start([ok()]).await;
    let answer = stub
        .upstream()
        .post("/users/{user}/x", &["a/b c"])
        .query("q", "exact_name:x&y")
        .query("limit", 5)
        .json(&json!({"a": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().unwrap(), json!({"id": 7}));
    let request = stub.requests()[0]
        .replace(stub.url.authority(), "HOST")
        .replace('\r', "");
    assert_snapshot!(request, @r#"
POST /base/users/a%2Fb%20c/x?q=exact_name%3Ax%26y&limit=5 HTTP/1.1
content-type: application/json
accept: application/json
authorization: Bearer hunter2-secret
user-agent: sidestage/0.1.0
host: HOST
content-length: 7

{"a":1}
"#);
}

#[tokio::test]
async fn a_value_cannot_change_the_path() {
    let stub = Stub::start([ok()]).await;
    for user in ["..", ".", "", "../admin"] {
        let error = stub
            .upstream()
            .delete("/users/{user}", &[user])
            .send()
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Invalid { .. }),
            "{user:?}: {error:?}"
        );
        assert!(!error.may_have_changed() && !error.is_transient());
    }
    assert_eq!(stub.count(), 0);
    stub.upstream()
        .get("/users/{user}", &["a/b?c#d%2e"])
        .send()
        .await
        .unwrap();
    assert!(stub.requests()[0].starts_with("GET /base/users/a%2Fb%3Fc%23d%252e HTTP/1.1"));
}

#[tokio::test]
async fn a_reading_call_is_repeated_until_it_is_answered() {
    let cut = Step::Say("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":".into());
    let stub = Stub::start([Step::HangUpUnread, Step::HangUp, cut, ok()]).await;
    assert_eq!(get(&stub).send().await.unwrap().text(), r#"{"id":7}"#);
    assert_eq!(stub.count(), 4);

    for status in [
        "429 Too Many Requests",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        let stub = Stub::start([say(status, "", ""), ok()]).await;
        get(&stub).send().await.unwrap();
        assert_eq!(stub.count(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_reading_call_is_not_repeated_for_ever_nor_after_a_definite_answer() {
    let stub = Stub::start([Step::HangUp]).await;
    let error = get(&stub).send().await.unwrap_err();
    assert!(
        matches!(error, Error::Lost { .. }) && error.is_transient() && !error.may_have_changed()
    );
    assert_eq!(stub.count(), 4);
    assert_eq!(error.call().attempts, 4);

    for status in [
        "400 Bad Request",
        "404 Not Found",
        "409 Conflict",
        "500 Internal Server Error",
        "301 Moved",
    ] {
        let stub = Stub::start([say(status, "", "")]).await;
        get(&stub).send().await.unwrap_err();
        assert_eq!(stub.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_writing_call_whose_answer_is_lost_is_sent_once() {
    let cut = Step::Say("HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n{\"id\":".into());
    for step in [Step::HangUpUnread, Step::HangUp, cut] {
        let stub = Stub::start([step]).await;
        let error = post(&stub).send().await.unwrap_err();
        assert!(matches!(error, Error::Lost { .. }), "{error:?}");
        assert!(error.may_have_changed());
        assert_eq!(stub.count(), 1);
    }
}

#[tokio::test]
async fn a_writing_call_after_which_the_service_is_not_well_is_sent_once() {
    for status in [
        "500 Oops",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway Timeout",
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let stub = Stub::start([say(status, "retry-after: 0\r\n", ""), ok()]).await;
            let error = stub
                .upstream()
                .request(method.parse().unwrap(), "/users", &[])
                .send()
                .await
                .unwrap_err();
            assert!(matches!(error, Error::Unwell { .. }) && error.may_have_changed());
            assert_eq!(stub.count(), 1, "{method} {status}");
        }
    }
}

#[tokio::test]
async fn a_writing_call_is_repeated_where_it_had_no_effect() {
    let stub = Stub::start([say("429 Too Many Requests", "", ""), ok()]).await;
    post(&stub).send().await.unwrap();
    let requests = stub.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[tokio::test]
async fn a_post_that_only_reads_is_repeated() {
    let stub = Stub::start([Step::HangUp, say("502 Bad Gateway", "", ""), ok()]).await;
    post(&stub).reading().send().await.unwrap();
    assert_eq!(stub.count(), 3);
}

#[tokio::test]
async fn a_call_that_cannot_be_sent_changes_nothing_and_is_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let upstream = Upstream::new(settings(url)).unwrap();
    let upstream =
        upstream.with_observer(move |retry| tell.lock().unwrap().push(retry.to_string()));
    let error = upstream
        .post("/users", &[])
        .json(&json!({}))
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::NotSent { .. }) && error.is_transient() && !error.may_have_changed()
    );
    assert_snapshot!(sentence(&error), @"coder (HOST) cannot be reached: Connection refused (os error 111) (tried 4 times)");
    assert_eq!(told.lock().unwrap().len(), 3);
    assert_snapshot!(told.lock().unwrap()[0], @"coder cannot be reached; trying again in 0.1 s");
}

#[tokio::test]
async fn a_service_that_does_not_speak_tls_is_not_called_again() {
    let stub = Stub::start([Step::Greet("HTTP/1.1 400 Bad Request\r\n\r\n".into())]).await;
    let mut url = stub.url.clone();
    url.set_scheme("https").unwrap();
    let error = Upstream::new(settings(url))
        .unwrap()
        .post("/", &[])
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert!(!error.is_transient() && !error.may_have_changed());
    assert_eq!(stub.count(), 1);
    assert_snapshot!(sentence(&error), @"coder (HOST) cannot be reached: received corrupt message of type InvalidContentType");
}

/// Lets so much time go by once the stub has the request.
async fn pass(stub: &Stub, time: Duration) {
    stub.arrived(1).await;
    pause();
    advance(time).await;
    for _ in 0..10 {
        yield_now().await;
    }
    resume();
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_is_lost() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let stub = Stub::start([Step::Stall(said.into())]).await;
        let call = tokio::spawn(post(&stub).timeout(Duration::from_secs(40)).send());
        pass(&stub, Duration::from_secs(41)).await;
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Lost { .. }) && error.may_have_changed());
        assert_eq!(stub.count(), 1);
        let told = "coder (HOST) gave no whole answer: none within 40 s";
        assert_eq!(sentence(&error), told);
    }
}

#[tokio::test]
async fn a_writing_call_is_given_more_time_than_a_reading_one() {
    let stub = Stub::start([Step::Stall(String::new()), ok()]).await;
    let call = tokio::spawn(get(&stub).send());
    pass(&stub, Duration::from_secs(16)).await;
    call.await.unwrap().unwrap();
    assert_eq!(stub.count(), 2);

    let stub = Stub::start([Step::Stall(String::new()), ok()]).await;
    let call = tokio::spawn(post(&stub).send());
    pass(&stub, Duration::from_secs(58)).await;
    assert!(!call.is_finished());
    pass(&stub, Duration::from_secs(3)).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Lost { .. }));
}

#[tokio::test]
async fn sentences_about_refusals() {
    let refusal = error(say(
        "409 Conflict",
        "content-type: application/json\r\n",
        r#"{"message":"Workspace \"x\"\n already exists.","validations":[{"field":"name"}]}"#,
    ))
    .await;
    assert!(
        matches!(
            refusal,
            Error::Refused {
                status: StatusCode::CONFLICT,
                ..
            }
        ) && !refusal.is_transient()
    );
    assert_eq!(refusal.json().unwrap()["validations"][0]["field"], "name");
    let mut all = vec![sentence(&refusal)];
    let text = "content-type: text/plain\r\n";
    for (status, headers, body) in [
        (
            "401 Unauthorized",
            "",
            r#"{"message":"You are signed out"}"#,
        ),
        ("404 Not Found", text, "404 page not found\n"),
        ("403 Forbidden", "", "<!DOCTYPE html><p>secret page"),
        ("500 Oops", "", ""),
        ("400 Bad", "", &"word ".repeat(100_000)),
    ] {
        all.push(sentence(&error(say(status, headers, body)).await));
    }
    assert_snapshot!(all.join("\n"), @r#"
coder (HOST) refused the call (409 Conflict): Workspace "x" already exists.
coder (HOST) does not accept the credential (401 Unauthorized): You are signed out
coder (HOST) refused the call (404 Not Found): 404 page not found
coder (HOST) refused the call (403 Forbidden) with a web page, which may come from a proxy before it
coder (HOST) is not well (500 Internal Server Error)
coder (HOST) refused the call (400 Bad Request): word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word …
"#);
}

#[tokio::test]
async fn a_refusal_whose_body_breaks_off_is_still_a_refusal() {
    let cut = Step::Say("HTTP/1.1 409 Conflict\r\ncontent-length: 100\r\n\r\n{\"mess".into());
    let error = error(cut).await;
    assert!(
        matches!(&error, Error::Refused { body, .. } if body.text() == "{\"mess" && body.is_truncated())
    );
}

#[tokio::test]
async fn a_credential_that_the_service_repeats_is_blotted_out() {
    let body = r#"{"message":"bad token hunter2-secret","header":["Bearer hunter2-secret"]}"#;
    let error = error(say("401 Unauthorized", "", body)).await;
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    assert_eq!(
        error.json().unwrap(),
        &json!({"message": "bad token ***", "header": ["Bearer ***"]})
    );
}

#[tokio::test]
async fn a_secret_of_the_call_that_the_service_repeats_is_blotted_out() {
    let body = r#"{"message":"no: hunter2-canary","you sent":["hunter2-canary"]}"#;
    let answers = vec![say("400 Bad", "", body), say("400 Bad", "", body)];
    let stub = Stub::start(answers).await;
    let password = "hunter2-canary".into();
    let error = post(&stub).secret(&password).send().await.unwrap_err();
    assert_eq!(error.json().unwrap()["message"], "no: ***");
    assert!(!format!("{error}{error:?}").contains("hunter2-canary"));
    let next = post(&stub).send().await.unwrap_err();
    assert!(
        format!("{next}").contains("hunter2-canary"),
        "it is forgotten with its call"
    );
}

#[tokio::test]
async fn answers_that_are_not_understood() {
    let garbage = error(Step::Say("SSH-2.0-OpenSSH_9.2\r\n".into())).await;
    assert!(matches!(garbage, Error::Malformed { status: None, .. }));
    let login = "location: /login?redirect=%2Fapi&token=hunter2\r\n";
    let mut all = vec![
        sentence(&garbage),
        sentence(&error(say("302 Found", login, "")).await),
        sentence(&error(say("304 Not Modified", "", "")).await),
    ];
    let page = "content-type: text/html; charset=utf-8\r\n";
    for (headers, body) in [
        (page, "<html>the dashboard</html>"),
        ("", ""),
        ("", r#"{"id":7,"sta"#),
        ("", "OK"),
        ("", r#"{"id":7}"#),
        ("", r#"{"id":"hunter2","status":{}}"#),
        ("", r#"{"id":7,"status":{"active":"hunter2, expected "}}"#),
        ("", r#"{"id":7,"status":{"active":true}} {}"#),
    ] {
        all.push(sentence(&json_error(say("200 OK", headers, body)).await));
    }
    assert_snapshot!(all.join("\n"), @r"
coder (HOST) gave an answer that is not understood: it is not HTTP (invalid HTTP version parsed)
coder (HOST) gave an answer that is not understood: it points to http://HOST/login (302 Found), and redirects are not followed; is the url of the connection right?
coder (HOST) gave an answer that is not understood: its status is 304 Not Modified
coder (HOST) gave an answer that is not understood: it is a web page and not JSON; is the address of the connection that of the API?
coder (HOST) gave an answer that is not understood: it is empty (200 OK)
coder (HOST) gave an answer that is not understood: its JSON is cut off after 12 bytes
coder (HOST) gave an answer that is not understood: it is not JSON (line 1, column 1)
coder (HOST) gave an answer that is not understood: missing field `status`
coder (HOST) gave an answer that is not understood: at id, something other than u32
coder (HOST) gave an answer that is not understood: at status.active, something other than a boolean
coder (HOST) gave an answer that is not understood: there is something after the end of its JSON
");
}

#[tokio::test]
async fn a_redirect_says_whether_a_change_may_have_been_made() {
    for (status, may_have_changed) in [
        (301, false),
        (307, false),
        (308, false),
        (302, true),
        (303, true),
    ] {
        let stub = Stub::start([say(
            &format!("{status} X"),
            "location: https://elsewhere.example\r\n",
            "",
        )])
        .await;
        let error = post(&stub).send().await.unwrap_err();
        assert_eq!(error.may_have_changed(), may_have_changed, "{status}");
        assert_eq!(stub.count(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let honest = Step::Stall(
        "HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n1234567890123456789012345".into(),
    );
    let chunked = Step::Stall(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n19\r\n1234567890123456789012345\r\n"
            .into(),
    );
    for step in [honest, chunked] {
        let stub = Stub::start([step]).await;
        let mut settings = stub.settings();
        settings.max_body = 20;
        let upstream = Upstream::new(settings).unwrap();
        let error = upstream.post("/", &[]).send().await.unwrap_err();
        assert!(error.may_have_changed());
        assert_eq!(
            sentence(&error),
            "coder (HOST) gave an answer that is not understood: it is larger than 20 bytes"
        );
        assert_eq!(stub.count(), 1);
    }
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_given_that_time() {
    let stub = Stub::start([
        say("429 Too Many Requests", "retry-after: 12\r\n", ""),
        ok(),
    ])
    .await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let upstream = stub
        .upstream()
        .with_observer(move |retry| tell.send(retry.clone()).unwrap());
    let call = tokio::spawn(upstream.post("/users", &[]).json(&json!({})).send());
    let retry = told.recv().await.unwrap();
    assert_eq!((retry.wait, retry.attempts), (Duration::from_secs(12), 1));
    assert_snapshot!(retry, @"coder asks to wait 12 s (rate limit)");

    pause();
    advance(Duration::from_millis(11_900)).await;
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(stub.count(), 1, "too early");
    advance(Duration::from_millis(200)).await;
    resume();
    call.await.unwrap().unwrap();
    assert_eq!(stub.count(), 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_is_not_sent_again() {
    let stub = Stub::start([say("503 Busy", "retry-after: 30\r\n", ""), ok()]).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut settings = stub.settings();
    settings.max_concurrent = 1;
    let upstream = Upstream::new(settings)
        .unwrap()
        .with_observer(move |retry| tell.send(retry.to_string()).unwrap());
    {
        let call = upstream.get("/", &[]).send();
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("it waits"),
            told = told.recv() => assert_snapshot!(told.unwrap(), @"coder asks to wait 30 s (503 Service Unavailable)"),
        }
        // Its place is free while it waits.
        upstream.get("/other", &[]).send().await.unwrap();
    }
    assert_eq!(stub.count(), 2);
    assert!(stub.requests()[1].starts_with("GET /base/other "));
}

#[tokio::test]
async fn a_wait_beyond_reason_is_left_to_the_caller() {
    let stub = Stub::start([
        say("429 Too Many Requests", "retry-after: 61\r\n", ""),
        ok(),
    ])
    .await;
    let error = get(&stub).send().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(61)));
    assert_eq!(stub.count(), 1);
    assert_snapshot!(sentence(&error), @"coder (HOST) limits the rate of calls (429 Too Many Requests) and asks to wait 61 s");
}

#[tokio::test]
async fn only_so_many_calls_are_under_way() {
    let stub = Stub::start([Step::Meet(Arc::new(Barrier::new(2)))]).await;
    let mut settings = stub.settings();
    settings.max_concurrent = 2;
    let upstream = Upstream::new(settings).unwrap();
    let other = upstream.with_credential(&Credential::None).unwrap();
    let calls: Vec<_> = (0..8)
        .map(|i| tokio::spawn([&upstream, &other][i % 2].get("/", &[]).send()))
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((stub.count(), stub.most()), (8, 2));
}

#[tokio::test]
async fn credentials_take_their_form() {
    let stub = Stub::start([ok()]).await;
    let upstream = stub.upstream();
    let token = Credential::Header {
        name: HeaderName::from_static("coder-session-token"),
        value: "abc-def".into(),
    };
    let basic = Credential::Basic {
        user: "anna".into(),
        password: "pass:word".into(),
    };
    for credential in [&Credential::None, &token, &basic] {
        upstream
            .with_credential(credential)
            .unwrap()
            .get("/", &[])
            .send()
            .await
            .unwrap();
    }
    upstream.get("/", &[]).send().await.unwrap();
    let sent: Vec<_> = stub
        .requests()
        .iter()
        .map(|request| {
            let mut lines = request
                .lines()
                .filter(|line| line.contains("token") || line.starts_with("auth"));
            lines.next().unwrap_or("nothing").to_owned()
        })
        .collect();
    assert_snapshot!(sent.join("\n"), @r"
nothing
coder-session-token: abc-def
authorization: Basic YW5uYTpwYXNzOndvcmQ=
authorization: Bearer hunter2-secret
");
}

#[test]
fn a_connection_that_cannot_work_is_refused_when_it_is_made() {
    let told = |url: &str, token: &str| {
        let credential = Credential::Bearer(token.into());
        Upstream::new(Settings::new("coder", url.parse().unwrap(), credential))
            .unwrap_err()
            .to_string()
    };
    let all = [
        told("ftp://coder.example.com", "t"),
        told("https://me:hunter2@coder.example.com", "t"),
        told("https://coder.example.com/?token=hunter2", "t"),
        told("https://coder.example.com", "hunter2\n"),
    ];
    assert_snapshot!(all.join("\n"), @r"
the url of the connection coder must begin with http:// or https://
the url of the connection coder must not hold a user or a password; use the credential
the url of the connection coder must have nothing after its path (no ? and no #)
the credential of the connection coder holds a character that cannot be sent, such as a line break
");
    let upstream = Upstream::new(settings("https://coder.example.com".parse().unwrap())).unwrap();
    let error = upstream
        .with_credential(&Credential::Bearer("a\r\nx: y".into()))
        .unwrap_err();
    assert!(matches!(error, BuildError::Credential { .. }));
    assert!(!format!("{upstream:?} {:?}", upstream.get("/", &[])).contains("hunter2"));
}

#[test]
fn an_address_in_place_of_a_name_is_looked_at_however_it_is_written() {
    let makes = |host: &str| {
        let url = format!("http://{host}/latest").parse().unwrap();
        Upstream::new(settings(url))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    for host in [
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "0.0.0.0",
        "[::]",
    ] {
        let refused = makes(host).unwrap_err();
        assert!(
            refused.contains("names no address of a service"),
            "{host}: {refused}"
        );
    }
    for host in [
        "127.0.0.1",
        "10.1.2.3",
        "[::1]",
        "[fd12:3456::1]",
        "coder.example.com",
    ] {
        assert_eq!(makes(host), Ok(()), "{host}");
    }
}

#[tokio::test]
async fn a_200_that_is_judged_to_be_none_is_treated_as_what_it_is() {
    fn judge(answer: &Value) -> Option<(StatusCode, Option<Duration>)> {
        let status = answer["status"].as_u64()?.try_into().ok()?;
        let wait = answer["wait"].as_u64().map(Duration::from_millis);
        Some((StatusCode::from_u16(status).ok()?, wait))
    }
    let says = |body: &str| say("200 OK", "content-type: application/json\r\n", body);

    let limited = says(r#"{"status":429,"wait":1,"message":"slow down"}"#);
    let stub = Stub::start([limited, ok()]).await;
    let answer = post(&stub).judged_by(judge).send().await.unwrap();
    assert_eq!(answer.json::<Value>().unwrap(), json!({"id": 7}));
    assert_eq!(stub.count(), 2, "it is sent again, as after a 429");

    let stub = Stub::start([says(r#"{"status":500,"message":"hunter2-secret is lost"}"#)]).await;
    let error = post(&stub).judged_by(judge).send().await.unwrap_err();
    assert!(error.may_have_changed() && stub.count() == 1);
    assert_snapshot!(sentence(&error), @"coder (HOST) is not well (500 Internal Server Error): *** is lost");

    let stub = Stub::start([says(r#"{"status":403,"message":"not you"}"#)]).await;
    let error = post(&stub).judged_by(judge).send().await.unwrap_err();
    assert!(!error.may_have_changed() && error.status() == Some(StatusCode::FORBIDDEN));
}
