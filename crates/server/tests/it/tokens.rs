//! No token, no action. Every way in which a token can be wrong.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    backstage::{Backstage, Key, LIMITED_USER, PLUGIN, now},
    service::{Service, answer},
};

const LIST: &str = "/api/coder/.backstage/actions/v1/actions";

async fn status(service: &Service, token: &str) -> u16 {
    service
        .bare(Method::GET, LIST)
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_plugin_token_for_the_provider_is_accepted_on_door_1_and_not_on_v1() {
    let service = Service::start().await;
    let token = service.backstage.token("coder");
    assert_eq!(status(&service, &token).await, 200);
    assert_eq!(
        service
            .bare(Method::GET, "/v1/actions")
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

#[tokio::test]
async fn a_plugin_token_for_sidestage_is_accepted_on_v1_and_not_on_door_1() {
    let service = Service::start().await;
    let token = service.backstage.token("sidestage");
    assert_eq!(
        service
            .bare(Method::GET, "/v1/actions")
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(status(&service, &token).await, 401);
}

/// A name and how the token is wrong.
type BadToken = (&'static str, fn(&Backstage) -> String);

const BAD_TOKENS: &[BadToken] = &[
    ("no token at all", |_| String::new()),
    ("not a token", |_| "hunter2".into()),
    ("three empty parts", |_| "..".into()),
    ("a very long one", |_| "a".repeat(1024 * 64)),
    ("cut short", |b| {
        b.token("coder")[..b.token("coder").len() - 5].into()
    }),
    ("another audience", |b| b.token("catalog")),
    ("no audience", |b| without(b, "aud")),
    ("no expiry", |b| without(b, "exp")),
    ("no subject", |b| without(b, "sub")),
    ("expired", |b| with(b, "exp", json!(now() - 60))),
    ("not yet valid", |b| with(b, "nbf", json!(now() + 600))),
    ("a plugin that may not call", |b| {
        with(b, "sub", json!("catalog"))
    }),
    ("a plugin that leaves the path", |b| {
        with(b, "sub", json!("../auth"))
    }),
    ("a user token as the outer one", |b| {
        b.user("user:default/ada")
    }),
    ("the type of a user token", |b| {
        b.scaffolder.sign("vnd.backstage.user", &b.claims("coder"))
    }),
    ("signed by the auth plugin", |b| {
        b.auth.sign(PLUGIN, &b.claims("coder"))
    }),
    ("a key that nobody published", |b| {
        Key::new("made-up").sign(PLUGIN, &b.claims("coder"))
    }),
    ("another key under a published id", |b| {
        Key::new(&b.scaffolder.kid).sign(PLUGIN, &b.claims("coder"))
    }),
    ("an expired user inside", |b| {
        let user = b.auth.sign(
            LIMITED_USER,
            &json!({"sub": "user:default/ada", "iat": now() - 600, "exp": now() - 60}),
        );
        with(b, "obo", json!(user))
    }),
    ("a full user token inside", |b| {
        let user = b.auth.sign(
            "vnd.backstage.user",
            &json!({"sub": "user:default/ada", "iat": now(), "exp": now() + 60}),
        );
        with(b, "obo", json!(user))
    }),
    ("a user signed by the plugin inside", |b| {
        let user = b.scaffolder.sign(
            LIMITED_USER,
            &json!({"sub": "user:default/ada", "iat": now(), "exp": now() + 60}),
        );
        with(b, "obo", json!(user))
    }),
    ("no entity ref inside", |b| {
        with(b, "obo", json!(b.user("ada")))
    }),
    ("algorithm none", |b| {
        unsigned(
            b,
            r#"{"alg":"none","typ":"vnd.backstage.plugin","kid":"scaffolder-1"}"#,
        )
    }),
    ("algorithm HS256", |b| {
        unsigned(
            b,
            r#"{"alg":"HS256","typ":"vnd.backstage.plugin","kid":"scaffolder-1"}"#,
        )
    }),
];

fn with(backstage: &Backstage, claim: &str, value: Value) -> String {
    let mut claims = backstage.claims("coder");
    claims[claim] = value;
    backstage.scaffolder.sign(PLUGIN, &claims)
}

fn without(backstage: &Backstage, claim: &str) -> String {
    let mut claims = backstage.claims("coder");
    claims.as_object_mut().unwrap().remove(claim);
    backstage.scaffolder.sign(PLUGIN, &claims)
}

fn unsigned(backstage: &Backstage, header: &str) -> String {
    let token = backstage.token("coder");
    let (_, rest) = token.split_once('.').unwrap();
    let header: String = base64_url(header.as_bytes());
    format!("{header}.{rest}")
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    bits.as_bytes()
        .chunks(6)
        .map(|chunk| {
            let chunk = format!("{:0<6}", std::str::from_utf8(chunk).unwrap());
            char::from(ALPHABET[usize::from_str_radix(&chunk, 2).unwrap()])
        })
        .collect()
}

#[tokio::test]
async fn a_bad_token_is_refused_at_every_door_without_saying_why() {
    let service = Service::start().await;
    // A good one first, so that the keys are known and a refusal is not for want of them.
    assert_eq!(
        status(&service, &service.backstage.token("coder")).await,
        200
    );
    let doors = [
        (Method::GET, LIST),
        (
            Method::POST,
            "/api/coder/.backstage/actions/v1/actions/coder:create-workspace/invoke",
        ),
        (
            Method::POST,
            "/api/coder/.backstage/actions/v2/actions/coder:create-workspace/invoke",
        ),
        (Method::GET, "/v1/actions"),
        (Method::POST, "/v1/runs"),
        (Method::GET, "/v1/runs/019ab3c1-0000-7000-8000-000000000000"),
        (
            Method::GET,
            "/v1/runs/019ab3c1-0000-7000-8000-000000000000/events",
        ),
        (
            Method::POST,
            "/v1/runs/019ab3c1-0000-7000-8000-000000000000/cancel",
        ),
    ];
    for (name, make) in BAD_TOKENS {
        let token = make(&service.backstage);
        for (method, path) in &doors {
            let (status, body) = answer(
                service
                    .bare(method.clone(), path)
                    .bearer_auth(&token)
                    .json(&json!({})),
            )
            .await;
            assert_eq!(status, 401, "{name} at {path}: {body}");
            let text = body.to_string();
            let said = text.contains("The token was not accepted.")
                || text.contains("This request needs a token");
            assert!(said, "{name} at {path}: {text}");
            assert!(
                token.is_empty() || !text.contains(&token),
                "{name} at {path} echoes the token"
            );
        }
    }
    assert!(
        service.sandbox.sandbox().requests().all().is_empty(),
        "a refused token reached Coder"
    );
}

#[tokio::test]
async fn a_token_without_a_person_lists_but_runs_nothing() {
    let service = Service::start().await;
    let token = without(&service.backstage, "obo");
    assert_eq!(status(&service, &token).await, 200);
    let invoke = "/api/coder/.backstage/actions/v1/actions/coder:create-workspace/invoke";
    let (status, body) = answer(
        service
            .bare(Method::POST, invoke)
            .bearer_auth(&token)
            .json(&json!({})),
    )
    .await;
    assert_eq!(status, 403);
    insta::assert_snapshot!(body["error"]["message"].as_str().unwrap(), @"Nobody stands behind this call: the Backstage plugin scaffolder made it for itself. Start the template as a signed-in user.");
}

#[tokio::test]
async fn new_keys_are_fetched_when_backstage_has_restarted() {
    let service = Service::start().await;
    assert_eq!(
        status(&service, &service.backstage.token("coder")).await,
        200
    );
    let new = Key::new("scaffolder-2");
    service
        .backstage
        .published
        .lock()
        .unwrap()
        .keys
        .insert("scaffolder".into(), vec![new.clone()]);
    assert_eq!(
        status(
            &service,
            &new.sign(PLUGIN, &service.backstage.claims("coder"))
        )
        .await,
        200
    );
}

#[tokio::test]
async fn made_up_key_ids_do_not_become_a_stream_of_requests_to_backstage() {
    let service = Service::start().await;
    for n in 0..20 {
        let token =
            Key::new(&format!("made-up-{n}")).sign(PLUGIN, &service.backstage.claims("coder"));
        assert_eq!(status(&service, &token).await, 401);
    }
    let fetches = service.backstage.published.lock().unwrap().fetches["scaffolder"];
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test]
async fn known_keys_go_on_working_while_backstage_is_down_and_unknown_ones_say_what_is_wrong() {
    let service = Service::start().await;
    assert_eq!(
        status(&service, &service.backstage.token("coder")).await,
        200
    );
    service.backstage.published.lock().unwrap().down = true;
    assert_eq!(
        status(&service, &service.backstage.token("coder")).await,
        200
    );
    let token = Key::new("unknown").sign(PLUGIN, &service.backstage.claims("coder"));
    let request = service
        .bare(Method::GET, LIST)
        .bearer_auth(token)
        .timeout(Duration::from_secs(30));
    let (status, body) = answer(request).await;
    assert_eq!(status, 503);
    insta::assert_snapshot!(body["error"]["message"].as_str().unwrap(), @"Sidestage cannot fetch Backstage's public keys, so it cannot check the token. Check auth.backstage.baseUrl in its configuration, and that Backstage can be reached from it.");
}

#[tokio::test]
async fn a_key_runs_only_what_it_is_for() {
    let service = Service::start().await;
    let body = json!({"action": "coder:create-workspace", "input": {}});
    let request = service
        .bare(Method::POST, "/v1/runs")
        .bearer_auth("narrow-key-canary")
        .json(&body);
    let (status, body) = answer(request).await;
    assert_eq!(status, 403);
    insta::assert_snapshot!(body["detail"].as_str().unwrap(), @"The key narrow may not run coder:create-workspace; auth.keys lists what it may run.");
}
