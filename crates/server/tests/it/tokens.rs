//! No token, no action. Every way in which a token can be wrong.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::PublicKeyUse};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    backstage::{Key, LIMITED_USER, PLUGIN, USER, now},
    keycloak::{JANE, Keycloak, RsaKey},
    log,
    service::{EXPIRED_KEY, NARROW_KEY, Service, answer, workspace},
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

/// A name, how the token is wrong, and what the log says of it.
type BadToken = (&'static str, fn(&Service) -> String, &'static str);

/// At the doors where a Backstage token is due, with an audience that would be right there.
const BAD_BACKSTAGE_TOKENS: &[BadToken] = &[
    (
        "cut short",
        |s| cut(&s.backstage.token("coder")),
        "InvalidSignature",
    ),
    (
        "another plugin's",
        |s| s.backstage.token("catalog"),
        "InvalidAudience",
    ),
    ("no audience", |s| without(s, "aud"), "aud"),
    ("no expiry", |s| without(s, "exp"), "exp"),
    ("no subject", |s| without(s, "sub"), "not a token"),
    (
        "expired",
        |s| with(s, "exp", json!(now() - 60)),
        "ExpiredSignature",
    ),
    (
        "not yet valid",
        |s| with(s, "nbf", json!(now() + 600)),
        "ImmatureSignature",
    ),
    (
        "a plugin that may not call",
        |s| with(s, "sub", json!("catalog")),
        "auth.backstage.plugins",
    ),
    (
        "a plugin that leaves the path",
        |s| with(s, "sub", json!("../auth")),
        "auth.backstage.plugins",
    ),
    (
        "a user token as the outer one",
        |s| s.backstage.user("user:default/ada"),
        "",
    ),
    (
        "the type of a user token",
        |s| {
            s.backstage
                .scaffolder
                .sign(USER, &s.backstage.claims("coder"))
        },
        "",
    ),
    (
        "signed by the auth plugin",
        |s| s.backstage.auth.sign(PLUGIN, &s.backstage.claims("coder")),
        "key id",
    ),
    (
        "a key that nobody published",
        |s| Key::new("made-up").sign(PLUGIN, &s.backstage.claims("coder")),
        "key id",
    ),
    (
        "another key under a published id",
        |s| Key::new(&s.backstage.scaffolder.kid).sign(PLUGIN, &s.backstage.claims("coder")),
        "InvalidSignature",
    ),
    (
        "signed by the key of Keycloak",
        |s| s.keycloak.key.sign(&s.backstage.claims("coder")),
        "type",
    ),
    (
        "an expired user inside",
        |s| inside(s, &s.backstage.auth, LIMITED_USER, now() - 60),
        "ExpiredSignature",
    ),
    (
        "a full user token inside",
        |s| inside(s, &s.backstage.auth, USER, now() + 60),
        "type",
    ),
    (
        "a user signed by the plugin inside",
        |s| inside(s, &s.backstage.scaffolder, LIMITED_USER, now() + 60),
        "key id",
    ),
    (
        "no entity ref inside",
        |s| with(s, "obo", json!(s.backstage.user("ada"))),
        "entity ref",
    ),
    (
        "algorithm none",
        |s| {
            unsigned(
                s,
                r#"{"alg":"none","typ":"vnd.backstage.plugin","kid":"scaffolder-1"}"#,
            )
        },
        "bad header",
    ),
    (
        "algorithm HS256",
        |s| {
            unsigned(
                s,
                r#"{"alg":"HS256","typ":"vnd.backstage.plugin","kid":"scaffolder-1"}"#,
            )
        },
        "InvalidAlgorithm",
    ),
];

/// At the choices for forms, where a person's own Backstage token is taken as well.
const BAD_USER_TOKENS: &[BadToken] = &[
    (
        "cut short",
        |s| cut(&s.backstage.own_token("user:default/ada")),
        "InvalidSignature",
    ),
    (
        "for another audience",
        |s| own(s, "aud", json!("coder")),
        "InvalidAudience",
    ),
    ("no audience", |s| own(s, "aud", Value::Null), "aud"),
    (
        "expired",
        |s| own(s, "exp", json!(now() - 60)),
        "ExpiredSignature",
    ),
    (
        "not yet valid",
        |s| own(s, "nbf", json!(now() + 600)),
        "ImmatureSignature",
    ),
    (
        "no entity ref",
        |s| own(s, "sub", json!("ada")),
        "entity ref",
    ),
    (
        "signed by a plugin",
        |s| {
            s.backstage
                .scaffolder
                .sign(USER, &s.backstage.own_claims("user:default/ada"))
        },
        "key id",
    ),
    (
        "a limited one",
        |s| s.backstage.user("user:default/ada"),
        "auth.backstage.plugins",
    ),
];

/// A person's own token with one claim changed; null takes it out.
fn own(service: &Service, claim: &str, value: Value) -> String {
    let mut claims = service.backstage.own_claims("user:default/ada");
    claims[claim] = value;
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    service.backstage.auth.sign(USER, &claims)
}

/// On `/v1`, where a Keycloak token is due.
const BAD_KEYCLOAK_TOKENS: &[BadToken] = &[
    (
        "cut short",
        |s| cut(&s.keycloak.token()),
        "InvalidSignature",
    ),
    (
        "another issuer",
        |s| {
            s.keycloak
                .token_with(json!({"iss": "https://elsewhere.example.com/realms/platform"}))
        },
        "InvalidIssuer",
    ),
    (
        "the issuer with a slash more",
        |s| {
            s.keycloak
                .token_with(json!({"iss": format!("{}/", s.keycloak.issuer())}))
        },
        "InvalidIssuer",
    ),
    (
        "no issuer",
        |s| s.keycloak.token_with(json!({"iss": null})),
        "iss",
    ),
    (
        "another audience",
        |s| s.keycloak.token_with(json!({"aud": ["account"]})),
        "InvalidAudience",
    ),
    (
        "no audience",
        |s| s.keycloak.token_with(json!({"aud": null})),
        "aud",
    ),
    (
        "another client",
        |s| s.keycloak.token_with(json!({"azp": "grafana"})),
        "auth.keycloak.clients",
    ),
    (
        "no client",
        |s| s.keycloak.token_with(json!({"azp": null})),
        "azp",
    ),
    (
        "an ID token",
        |s| s.keycloak.token_with(json!({"typ": "ID"})),
        "not Bearer",
    ),
    (
        "a refresh token",
        |s| s.keycloak.token_with(json!({"typ": "Refresh"})),
        "not Bearer",
    ),
    (
        "no type",
        |s| s.keycloak.token_with(json!({"typ": null})),
        "typ",
    ),
    (
        "expired",
        |s| s.keycloak.token_with(json!({"exp": now() - 60})),
        "ExpiredSignature",
    ),
    (
        "no expiry",
        |s| s.keycloak.token_with(json!({"exp": null})),
        "exp",
    ),
    (
        "not yet valid",
        |s| s.keycloak.token_with(json!({"nbf": now() + 600})),
        "ImmatureSignature",
    ),
    (
        "issued in the future",
        |s| s.keycloak.token_with(json!({"iat": now() + 600})),
        "in the future",
    ),
    (
        "no subject",
        |s| s.keycloak.token_with(json!({"sub": null})),
        "sub",
    ),
    (
        "an empty subject",
        |s| s.keycloak.token_with(json!({"sub": ""})),
        "no subject",
    ),
    (
        "a client that acts for itself",
        |s| {
            s.keycloak.token_with(json!({"client_id": "backstage", "preferred_username": "service-account-backstage"}))
        },
        "no person",
    ),
    (
        "a service account by its name",
        |s| {
            s.keycloak
                .token_with(json!({"preferred_username": "service-account-backstage"}))
        },
        "no person",
    ),
    (
        "a key that nobody published",
        |s| RsaKey::new("made-up").sign(&s.keycloak.claims()),
        "key id",
    ),
    (
        "another key under a published id",
        |s| RsaKey::new(&s.keycloak.key.kid).sign(&s.keycloak.claims()),
        "InvalidSignature",
    ),
    (
        "the key for encryption",
        |s| s.keycloak.encryption.sign(&s.keycloak.claims()),
        "key id",
    ),
    (
        "signed by a key of Backstage",
        |s| s.backstage.scaffolder.sign("JWT", &s.keycloak.claims()),
        "auth.keycloak.algorithms",
    ),
    (
        "an algorithm that is not configured",
        |s| {
            s.keycloak
                .key
                .sign_as(Algorithm::PS256, &s.keycloak.claims())
        },
        "auth.keycloak.algorithms",
    ),
    (
        "the public key as a shared secret",
        |s| {
            let header = Header {
                kid: Some(s.keycloak.key.kid.clone()),
                ..Header::new(Algorithm::HS256)
            };
            encode(
                &header,
                &s.keycloak.claims(),
                &EncodingKey::from_secret(&s.keycloak.key.modulus()),
            )
            .unwrap()
        },
        "auth.keycloak.algorithms",
    ),
    (
        "algorithm none",
        |s| {
            let token = s.keycloak.token();
            let mut parts = token.split('.').skip(1);
            format!(
                "{}.{}.",
                URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"realm-1"}"#),
                parts.next().unwrap()
            )
        },
        "bad header",
    ),
    (
        "the type of a plugin's token",
        |s| {
            let header = Header {
                typ: Some(PLUGIN.into()),
                kid: Some("realm-1".into()),
                ..Header::new(Algorithm::RS256)
            };
            format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).unwrap()),
                s.keycloak.token().split_once('.').unwrap().1
            )
        },
        "",
    ),
];

/// At every door.
const NO_TOKENS: &[BadToken] = &[
    ("no token at all", |_| String::new(), ""),
    ("not a token", |_| "hunter2".into(), ""),
    ("three empty parts", |_| "..".into(), ""),
    ("a long one", |_| "a".repeat(20 * 1024), "too long"),
    (
        "a key whose time is up",
        |_| EXPIRED_KEY.into(),
        "was good until 2026-01-31",
    ),
];

fn with(service: &Service, claim: &str, value: Value) -> String {
    let mut claims = service.backstage.claims("coder");
    claims[claim] = value;
    service.backstage.scaffolder.sign(PLUGIN, &claims)
}

fn without(service: &Service, claim: &str) -> String {
    let mut claims = service.backstage.claims("coder");
    claims.as_object_mut().unwrap().remove(claim);
    service.backstage.scaffolder.sign(PLUGIN, &claims)
}

fn inside(service: &Service, key: &Key, kind: &str, exp: u64) -> String {
    let user = key.sign(
        kind,
        &json!({"sub": "user:default/ada", "iat": now() - 600, "exp": exp}),
    );
    with(service, "obo", json!(user))
}

fn unsigned(service: &Service, header: &str) -> String {
    let token = service.backstage.token("coder");
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
}

fn cut(token: &str) -> String {
    // Whole bytes of the signature are left.
    token[..token.rfind('.').unwrap() + 41].into()
}

/// Those that take a plugin's token whose audience is the provider.
fn provider_doors() -> Vec<(Method, String)> {
    let action = "/api/coder/.backstage/actions/{v}/actions/coder:create-workspace/invoke";
    vec![
        (Method::GET, LIST.into()),
        (Method::POST, action.replace("{v}", "v1")),
        (Method::POST, action.replace("{v}", "v2")),
        (Method::GET, "/api/coder/options/templates".into()),
    ]
}

fn run_api_doors() -> Vec<(Method, String)> {
    let run = "/v1/runs/019ab3c1-0000-7000-8000-000000000000";
    vec![
        (Method::GET, "/v1/actions".into()),
        (Method::GET, "/v1/actions/coder:create-workspace".into()),
        (Method::GET, "/v1/runs".into()),
        (Method::POST, "/v1/runs".into()),
        (Method::GET, run.into()),
        (Method::GET, format!("{run}/events")),
        (Method::POST, format!("{run}/cancel")),
        (Method::POST, format!("{run}/retry")),
        (Method::POST, format!("{run}/undo")),
    ]
}

/// Refused, the reason in the log and not in the answer.
async fn are_refused(service: &Service, doors: &[(Method, String)], tokens: &[BadToken]) {
    for (name, make, reason) in tokens {
        let token = make(service);
        for (method, path) in doors {
            log::taken();
            let request = service.bare(method.clone(), path).bearer_auth(&token);
            let (status, body) = answer(request.json(&json!({}))).await;
            assert_eq!(status, 401, "{name} at {path}: {body}");
            let problem = match path.starts_with("/api/") {
                true => &body["error"]["message"],
                false => &body["detail"],
            };
            let said = [
                "The token was not accepted. Sidestage's log has the reason under this request's id.",
                "This request needs a token: send the header Authorization: Bearer <token>.",
            ];
            assert!(
                said.contains(&problem.as_str().unwrap()),
                "{name} at {path}: {body}"
            );
            let log = log::taken();
            assert!(
                token.is_empty() || log.contains("token refused"),
                "{name} at {path}: {log}"
            );
            assert!(log.contains(reason), "{name} at {path}: {log}");
            for text in [&log, &body.to_string()] {
                assert!(
                    token.is_empty() || token == ".." || !text.contains(&token),
                    "{name} at {path} echoes the token"
                );
            }
        }
    }
    let requests = service.sandbox.sandbox().requests().all();
    assert!(requests.is_empty(), "a refused token reached a service");
}

/// Good ones first, so that the keys are known and a refusal is not for want of them.
async fn with_keys_known() -> Service {
    let service = Service::start().await;
    assert_eq!(
        status(&service, &service.backstage.token("coder")).await,
        200
    );
    assert_eq!(actions(&service, &service.keycloak.token()).await, 200);
    service
}

async fn actions(service: &Service, token: &str) -> u16 {
    let request = service.bare(Method::GET, "/v1/actions").bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_bad_backstage_token_is_refused_at_every_door_without_saying_why() {
    let service = with_keys_known().await;
    are_refused(&service, &provider_doors(), BAD_BACKSTAGE_TOKENS).await;
    let anyhow: Vec<BadToken> = BAD_BACKSTAGE_TOKENS
        .iter()
        .map(|(name, make, _)| (*name, *make, ""))
        .collect();
    are_refused(&service, &run_api_doors(), &anyhow).await;
}

#[tokio::test]
async fn a_bad_keycloak_token_is_refused_at_every_door_without_saying_why() {
    let service = with_keys_known().await;
    are_refused(&service, &run_api_doors(), BAD_KEYCLOAK_TOKENS).await;
    let anyhow: Vec<BadToken> = BAD_KEYCLOAK_TOKENS
        .iter()
        .map(|(name, make, _)| (*name, *make, ""))
        .collect();
    are_refused(&service, &provider_doors(), &anyhow).await;
}

#[tokio::test]
async fn a_persons_own_backstage_token_reads_choices_and_does_nothing_else() {
    let service = with_keys_known().await;
    let (forms, others): (Vec<_>, Vec<_>) = [provider_doors(), run_api_doors()]
        .concat()
        .into_iter()
        .partition(|(_, path)| path.contains("/options/"));
    are_refused(&service, &forms, BAD_USER_TOKENS).await;
    let good: BadToken = (
        "a good one",
        |s| s.backstage.own_token("user:default/ada"),
        "",
    );
    are_refused(&service, &others, &[good]).await;
    let token = service.backstage.own_token("user:default/ada");
    for (method, path) in &forms {
        let request = service.bare(method.clone(), path).bearer_auth(&token);
        assert_eq!(answer(request).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn no_token_and_what_is_none_is_refused_at_every_door() {
    let service = with_keys_known().await;
    let doors = [provider_doors(), run_api_doors()].concat();
    are_refused(&service, &doors, NO_TOKENS).await;
    are_refused(
        &service,
        &provider_doors(),
        &[
            (
                "a good Keycloak token where a plugin's is due",
                |s| s.keycloak.token(),
                "auth.backstage.plugins",
            ),
            (
                "a good plugin token for /v1",
                |s| s.backstage.token("sidestage"),
                "InvalidAudience",
            ),
        ],
    )
    .await;
    are_refused(
        &service,
        &run_api_doors(),
        &[(
            "a good plugin token for the provider",
            |s| s.backstage.token("coder"),
            "InvalidAudience",
        )],
    )
    .await;
}

#[tokio::test]
async fn a_token_of_a_megabyte_is_not_even_read() {
    let service = Service::start().await;
    for (method, path) in [provider_doors(), run_api_doors()].concat() {
        let request = service
            .bare(method, &path)
            .bearer_auth("a".repeat(1024 * 1024));
        // The server may hang up before the client has said all of it.
        let status = request
            .send()
            .await
            .map(|response| response.status().as_u16());
        assert!(matches!(status, Ok(431) | Err(_)), "{path}: {status:?}");
    }
}

#[tokio::test]
async fn where_nothing_but_backstage_is_configured_a_keycloak_token_is_nothing() {
    let service = Service::start().await;
    let stranger = Keycloak {
        url: "https://keycloak.example.com".into(),
        ..service.keycloak.clone()
    };
    assert_eq!(actions(&service, &stranger.token()).await, 401);
}

#[tokio::test]
async fn a_keycloak_person_runs_an_action_and_sees_their_runs_only() {
    let service = Service::start().await;
    let body = json!({"action": "coder:create-workspace", "input": workspace("dev")});
    let jane = |method, path: &str| {
        service
            .bare(method, path)
            .bearer_auth(service.keycloak.token())
    };
    let (status, run) = answer(jane(Method::POST, "/v1/runs").json(&body)).await;
    assert_eq!(status, 201, "{run}");
    assert_eq!(run["startedBy"], format!("keycloak:{JANE}"));
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(answer(jane(Method::GET, &path)).await.0, 200);
    let bob = service.keycloak.token_with(json!({"sub": "another"}));
    assert_eq!(
        answer(service.bare(Method::GET, &path).bearer_auth(bob))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn keycloaks_keys_are_rotated_and_keycloak_goes_away() {
    let service = Service::start().await;
    assert_eq!(actions(&service, &service.keycloak.token()).await, 200);
    let new = RsaKey::new("realm-2");
    service.keycloak.published.lock().unwrap().keys = vec![
        new.public(PublicKeyUse::Signature),
        service.keycloak.key.public(PublicKeyUse::Signature),
    ];
    assert_eq!(
        actions(&service, &new.sign(&service.keycloak.claims())).await,
        200
    );
    assert_eq!(
        actions(&service, &service.keycloak.token()).await,
        200,
        "the old one is published still"
    );
    service.keycloak.published.lock().unwrap().down = true;
    assert_eq!(actions(&service, &service.keycloak.token()).await, 200);
    let unknown = RsaKey::new("realm-3").sign(&service.keycloak.claims());
    let (status, body) = answer(
        service
            .bare(Method::GET, "/v1/actions")
            .bearer_auth(unknown),
    )
    .await;
    assert_eq!(status, 503);
    insta::assert_snapshot!(body["detail"].as_str().unwrap(), @"Sidestage cannot fetch public keys from Keycloak, so it cannot check the token. Check auth.keycloak.issuer in its configuration, and that Keycloak can be reached from it.");
}

#[tokio::test]
async fn made_up_key_ids_do_not_become_a_stream_of_requests_to_keycloak() {
    let service = Service::start().await;
    let made_up = RsaKey::new("made-up");
    for n in 0..20 {
        let key = RsaKey {
            kid: format!("made-up-{n}"),
            ..made_up.clone()
        };
        assert_eq!(
            actions(&service, &key.sign(&service.keycloak.claims())).await,
            401
        );
    }
    let fetches = service.keycloak.published.lock().unwrap().fetches;
    assert!(fetches <= 2, "{fetches} fetches");
}

#[tokio::test]
async fn a_token_without_a_person_lists_but_runs_nothing() {
    let service = Service::start().await;
    let token = without(&service, "obo");
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
    insta::assert_snapshot!(body["error"]["message"].as_str().unwrap(), @"Sidestage cannot fetch public keys from Backstage, so it cannot check the token. Check auth.backstage.baseUrl in its configuration, and that Backstage can be reached from it.");
}

#[tokio::test]
async fn a_key_runs_only_what_it_is_for() {
    let service = Service::start().await;
    let body = json!({"action": "coder:create-workspace", "input": {}});
    let request = service
        .bare(Method::POST, "/v1/runs")
        .bearer_auth(NARROW_KEY)
        .json(&body);
    let (status, body) = answer(request).await;
    assert_eq!(status, 403);
    insta::assert_snapshot!(body["detail"].as_str().unwrap(), @"The key narrow may not run coder:create-workspace; auth.keys lists what it may.");
}
