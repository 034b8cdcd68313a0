//! The sandbox's answers held against the official description of Gitea's API.
//!
//! It is no part of this repository: where `../shared/specs/gitea.swagger.json` is absent, this is skipped, loudly.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::Path;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use sidestage_sandbox::{Options, Sandbox, gitea::ADMIN_TOKEN};

/// The schema of an answer: a response by name, or in place.
fn schema<'a>(spec: &'a Value, described: &'a Value) -> &'a Value {
    let described = match described["$ref"].as_str() {
        Some(name) => spec.pointer(&name[1..]).unwrap(),
        None => described,
    };
    &described["schema"]
}

/// Go writes null for what is not there, which the description does not say.
fn nullable(schema: &mut Value) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object).cloned() {
        for (name, property) in properties {
            schema["properties"][&name] = json!({ "anyOf": [property, { "type": "null" }] });
        }
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(nullable),
        Value::Array(items) => items.iter_mut().for_each(nullable),
        _ => {}
    }
}

fn validator(spec: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["definitions"] = spec["definitions"].clone();
    jsonschema::draft4::options()
        .should_validate_formats(false)
        .build(&schema)
        .unwrap()
}

#[tokio::test]
async fn answers_are_what_the_official_description_says() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/gitea.swagger.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!(
            "SKIPPED: {} is not there, so the sandbox was not held against it",
            file.display()
        );
        return;
    };
    let mut spec: Value = serde_json::from_str(&text).unwrap();
    nullable(&mut spec["definitions"]);
    let running = Sandbox::spawn(Options::default()).await;
    let http = reqwest::Client::new();
    let call = async |method: Method, path: &str, body: &Value| {
        let request = http.request(method, format!("{}gitea/api/v1{path}", running.url));
        let request = request.bearer_auth(ADMIN_TOKEN);
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap_or_default())
    };
    let none = Value::Null;
    let user = json!({"username": "katherine", "email": "k@example.com", "source_id": 1, "login_name": "x"});
    let repository = json!({"name": "first", "auto_init": true});
    // The route as the description names it, with values in place of its parameters; a query that it needs.
    let calls = [
        (Method::GET, "/version", "", &none, 200),
        (Method::GET, "/user", "", &none, 200),
        (Method::GET, "/users/{username}", "", &none, 200),
        (Method::GET, "/admin/users", "", &none, 200),
        (Method::POST, "/admin/users", "", &user, 201),
        (Method::POST, "/admin/users", "", &user, 422),
        (
            Method::PATCH,
            "/admin/users/{username}",
            "",
            &json!({"login_name": "ada", "source_id": 0}),
            200,
        ),
        (
            Method::PATCH,
            "/admin/users/{username}",
            "",
            &json!({}),
            422,
        ),
        (Method::GET, "/admin/emails/search", "?q=ada", &none, 200),
        (Method::GET, "/orgs", "", &none, 200),
        (Method::GET, "/orgs/{org}", "", &none, 200),
        (Method::GET, "/orgs/{org}/teams", "", &none, 200),
        (Method::GET, "/teams/{id}", "", &none, 200),
        (
            Method::PUT,
            "/teams/{id}/members/{username}",
            "",
            &none,
            204,
        ),
        (
            Method::GET,
            "/teams/{id}/members/{username}",
            "",
            &none,
            200,
        ),
        (
            Method::GET,
            "/orgs/{org}/members/{username}",
            "",
            &none,
            204,
        ),
        (
            Method::DELETE,
            "/teams/{id}/members/{username}",
            "",
            &none,
            204,
        ),
        (Method::POST, "/orgs/{org}/repos", "", &repository, 201),
        (
            Method::POST,
            "/admin/users/{username}/repos",
            "",
            &repository,
            201,
        ),
        (
            Method::POST,
            "/admin/users/{username}/repos",
            "",
            &repository,
            409,
        ),
        (Method::GET, "/repos/{owner}/{repo}", "", &none, 200),
        (Method::GET, "/repos/{owner}/{repo}/commits", "", &none, 200),
        (
            Method::GET,
            "/repos/{owner}/{repo}/contents/{filepath}",
            "",
            &none,
            200,
        ),
        (Method::DELETE, "/repos/{owner}/{repo}", "", &none, 204),
        (Method::DELETE, "/admin/users/{username}", "", &none, 422),
    ];
    let mut wrong = Vec::new();
    for (method, route, query, body, expected) in calls {
        let path = route
            .replace("{username}", "ada")
            .replace("{owner}", "ada")
            .replace("{repo}", "first")
            .replace("{org}", "acme")
            .replace("{id}", "2")
            .replace("{filepath}", "README.md");
        let (status, answer) = call(method.clone(), &format!("{path}{query}"), body).await;
        assert_eq!(status, expected, "{method} {route}: {answer}");
        let operation = &spec["paths"][route][method.as_str().to_lowercase()];
        assert!(
            operation.is_object(),
            "the description has no {method} {route}"
        );
        let described = &operation["responses"][status.to_string()];
        assert!(described.is_object(), "{method} {route}: {status} {answer}");
        let schema = schema(&spec, described);
        if schema.is_object() {
            let validator = validator(&spec, schema);
            let errors = validator.iter_errors(&answer);
            wrong.extend(
                errors.map(|error| format!("{method} {route}{}: {error}", error.instance_path())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
