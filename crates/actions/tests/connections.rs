//! Which connection an input names, what is refused before anything is called, and what becomes of a change that waits for
//! its place among the calls.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sidestage_action::{Code, Effect, Error, Prepared, testing::context};
use sidestage_actions::{ConnectionConfig, Registry};
use sidestage_upstream::{Credential, Settings, Upstream};
use support::Stage;

const ACTION: &str = "coder:create-workspace";

fn connection(name: &str, url: &str) -> ConnectionConfig {
    ConnectionConfig {
        token: Some("0123456789-the-connections-own-tok".into()),
        ..ConnectionConfig::new(name, "coder", url.parse().unwrap())
    }
}

/// An input that is right, with these fields besides.
fn prepare(connections: &[ConnectionConfig], more: Value) -> Result<Prepared, Error> {
    let mut input = json!({"user": "ada", "template": "node", "workspaceName": "dev"});
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    Registry::new(connections.to_vec())
        .unwrap()
        .get(ACTION)
        .unwrap()
        .prepare(input)
}

fn connected(connections: &[ConnectionConfig], more: Value) -> String {
    prepare(connections, more)
        .unwrap_or_else(|error| panic!("{error}"))
        .connection
}

/// The sentence of a refusal, with the fields at fault.
fn refused(connections: &[ConnectionConfig], more: Value) -> String {
    let error = prepare(connections, more).err().expect("a refusal");
    assert_eq!(error.code(), Code::InvalidInput);
    let fields: Vec<&str> = error.fields().iter().map(|fault| &*fault.field).collect();
    format!("{} {error}", fields.join(","))
}

fn two() -> Vec<ConnectionConfig> {
    let eu = connection("eu", "https://coder.eu.example.com/base/");
    let us = ConnectionConfig {
        public_url: Some("https://coder.example.com".parse().unwrap()),
        ..connection("us", "http://coder.internal:7080")
    };
    vec![eu, us]
}

#[test]
fn the_only_connection_need_not_be_named() {
    assert_eq!(connected(&two()[..1], json!({})), "eu");
    insta::assert_snapshot!(refused(&two(), json!({})), @"/connection There is more than one connection to Coder (eu, us); name one with connection.");
    insta::assert_snapshot!(refused(&[], json!({})), @"/connection No connection to Coder is configured. Add one with provider: coder under connections in Sidestage's configuration.");
}

#[test]
fn a_connection_is_named_by_its_name() {
    assert_eq!(connected(&two(), json!({"connection": "us"})), "us");
    insta::assert_snapshot!(refused(&two(), json!({"connection": "asia"})), @"/connection There is no connection to Coder with this name. The connections are: eu, us.");
    insta::assert_snapshot!(refused(&two(), json!({"connection": "eur"})), @"/connection There is no connection to Coder with this name. Did you mean eu?");
}

#[test]
fn or_by_its_url_or_public_url_however_it_is_written() {
    for url in [
        "https://coder.eu.example.com/base",
        "https://CODER.eu.example.com:443/base/",
        "HTTPS://coder.eu.example.com/base//",
    ] {
        assert_eq!(connected(&two(), json!({"coderUrl": url})), "eu", "{url}");
    }
    for url in ["http://coder.internal:7080/", "https://coder.example.com"] {
        assert_eq!(connected(&two(), json!({"coderUrl": url})), "us", "{url}");
    }
}

#[test]
fn a_url_that_is_not_configured_is_never_called() {
    for url in [
        "https://evil.example.com",
        "http://coder.eu.example.com/base",
        "https://coder.eu.example.com:8443/base",
        "https://coder.eu.example.com",
        "https://coder.eu.example.com/base/../other",
        "https://coder.eu.example.com.evil.example.com/base",
        "https://user:pw@coder.example.com",
        "https://coder.example.com?x=1",
        "https://coder.example.com#x",
        "file:///etc/passwd",
    ] {
        let refusal = refused(&two(), json!({"coderUrl": url}));
        assert!(refusal.starts_with("/coderUrl "), "{url}: {refusal}");
        assert!(
            !refusal.contains("evil") && !refusal.contains("pw@"),
            "{url} is not repeated: {refusal}"
        );
    }
    insta::assert_snapshot!(refused(&two(), json!({"coderUrl": "https://evil.example.com"})), @"/coderUrl coderUrl is not the URL of a configured connection to Coder, and no other host is called. The connections are: eu, us.");
}

#[test]
fn name_and_url_must_agree() {
    assert_eq!(
        connected(
            &two(),
            json!({"connection": "us", "coderUrl": "https://coder.example.com"})
        ),
        "us"
    );
    insta::assert_snapshot!(refused(&two(), json!({"connection": "eu", "coderUrl": "https://coder.example.com"})), @"/coderUrl coderUrl is not the URL of the connection eu; give one of both.");
}

#[test]
fn a_url_of_two_connections_needs_a_name() {
    let both = [
        connection("admin", "https://coder.example.com"),
        connection("scoped", "https://coder.example.com/"),
    ];
    assert_eq!(
        connected(
            &both,
            json!({"coderUrl": "https://coder.example.com", "connection": "scoped"})
        ),
        "scoped"
    );
    insta::assert_snapshot!(refused(&both, json!({"coderUrl": "https://coder.example.com"})), @"/connection The coderUrl belongs to more than one connection (admin, scoped); name one with connection.");
}

#[test]
fn a_token_of_a_template_is_taken_only_where_the_connection_allows_it() {
    const TOKEN: &str = "abcdefghij-0123456789abcdefghijkl";
    insta::assert_snapshot!(refused(&two(), json!({"connection": "eu", "token": TOKEN})), @"/token The connection eu has a credential of its own and takes no token from a template; leave it out.");

    let mut open = connection("open", "https://coder.example.com");
    open.accept_template_token = true;
    let prepared =
        prepare(&[open.clone()], json!({"token": TOKEN})).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        !prepared.input.to_string().contains(TOKEN),
        "the input may be stored and shown"
    );
    assert_eq!(prepared.secrets.len(), 1);

    let broken = refused(&[open], json!({"token": "line\nbreak-of-a-token"}));
    assert!(!broken.contains("break-of"), "{broken}");
}

#[test]
fn the_input_is_kept_as_it_came() {
    let prepared = prepare(
        &two(),
        json!({"connection": "us", "organization": "platform"}),
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(prepared.organization.as_deref(), Some("platform"));
    insta::assert_json_snapshot!(prepared.input, @r#"
    {
      "user": "ada",
      "template": "node",
      "workspaceName": "dev",
      "connection": "us",
      "organization": "platform"
    }
    "#);
}

#[test]
fn an_expression_that_backstage_could_not_evaluate_is_refused() {
    insta::assert_snapshot!(refused(&two(), json!({"workspaceName": "${{ parameters.nmae }}", "connection": "us"})), @"/workspaceName Invalid input: workspaceName still holds a template expression (${{ ... }}): Backstage could not evaluate it and passed its text on; check its names, filters and brackets in the template.");
}

#[test]
fn an_unknown_input_and_a_wrong_type_are_named() {
    insta::assert_snapshot!(refused(&two(), json!({"workspacename": "dev", "waitFor": "soon", "ttl": 8})), @r#"/waitFor,/ttl,/workspacename Invalid input: waitFor must be one of "created", "running", "ready"; ttl must be a string; workspacename is not an input; did you mean workspaceName?"#);
}

#[test]
fn a_configuration_that_cannot_work_is_refused_at_the_start() {
    let refused = |connections: Vec<ConnectionConfig>| {
        Registry::new(connections)
            .err()
            .expect("a refusal")
            .to_string()
    };
    insta::assert_snapshot!(refused(vec![ConnectionConfig::new("c", "codr", "https://coder.example.com".parse().unwrap())]), @r#"connections.c: there is no provider "codr"; did you mean coder?"#);
    insta::assert_snapshot!(refused(vec![connection("c", "ftp://coder.example.com")]), @"connections.c: the url of the connection c must begin with http:// or https://");
    insta::assert_snapshot!(refused(vec![connection("c", "https://a.example.com"), connection("c", "https://b.example.com")]), @"connections.c: there are two connections with this name");
}

/// A change by one call.
struct Change(Upstream);

impl Effect for Change {
    type Object = ();

    fn kind(&self) -> &'static str {
        "thing"
    }

    fn key(&self) -> String {
        "one".into()
    }

    async fn find(&self) -> Result<Option<()>, Error> {
        Ok(None)
    }

    async fn create(&self) -> Result<(), Error> {
        let sent = self.0.post("/things", &[]).send().await;
        sent.map(drop).map_err(Error::internal)
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        String::new()
    }
}

/// Whoever waits for a place has not changed anything: the journal is not to say that nobody knows.
#[tokio::test]
async fn a_change_that_waits_for_its_place_when_the_run_is_cancelled_is_not_sent() {
    let (recorder, cancel, ctx) = context(false);
    let mut settings = Settings::new(
        "test",
        "http://127.0.0.1:9".parse().unwrap(),
        Credential::None,
    );
    settings.per_minute = Some(1);
    settings.retries = 0;
    let upstream = Upstream::new(settings).unwrap();
    // The call of this minute.
    let _ = upstream.get("/", &[]).send().await;
    let change = Change(upstream.with_waiting(ctx.waiting()));
    let cancelled = async {
        ctx.waiting()
            .subscribe()
            .wait_for(|calls| *calls > 0)
            .await
            .unwrap();
        cancel.cancel();
    };
    let (ensured, ()) = tokio::join!(ctx.ensure(&change), cancelled);
    assert_eq!(ensured.unwrap_err().code(), Code::Cancelled);
    insta::assert_snapshot!(recorder.transcript(), @r#"
    intent: thing one
    settled: {"result":"refused"}
    "#);
}

#[tokio::test]
async fn nor_is_one_that_waits_to_be_repeated() {
    let stage = Stage::with(Duration::ZERO, |config| {
        config.retries = Some(3);
        config.backoff = Some(Duration::from_secs(5));
    })
    .await;
    stage
        .wire
        .answer_times(1, "POST", "/workspaces", 429, json!({}));
    let input = json!({
        "user": "ada", "template": "node", "coderOrganization": "coder", "workspaceName": "dev2",
    });
    let run = stage.start(ACTION, input, false);
    run.says("trying again in").await;
    run.cancel.cancel();
    let ended = run.end().await;
    assert_eq!(ended.error().code(), Code::Cancelled);
    let settled = "settled: {\"result\":\"refused\"}\n";
    assert!(ended.transcript.ends_with(settled), "{}", ended.transcript);
}
