//! The sandbox's answers held against the official description of Coder's API.
//!
//! It is no part of this repository: where `../shared/specs/coder.swagger.json` is absent, this is skipped,
//! loudly.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{path::Path, time::Duration};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use sidestage_sandbox::{OWNER_TOKEN, Options, Sandbox};

/// A definition of the description as a schema of its own. Go writes an empty list or a missing time as null,
/// which the description does not say.
fn definition(spec: &Value, name: &str) -> Validator {
    let mut schema =
        json!({ "$ref": format!("#/definitions/{name}"), "definitions": spec["definitions"] });
    // The type has no JSON names, so Go writes P50 where the description says p50 (codersdk/templates.go).
    schema["definitions"]["codersdk.TransitionStats"] = json!({ "type": "object" });
    strict(&mut schema["definitions"]);
    jsonschema::draft4::options()
        .should_validate_formats(false)
        .build(&schema)
        .unwrap()
}

/// Null passes for what the description leaves optional; a field that it does not know does not pass.
fn strict(schema: &mut Value) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object).cloned() {
        schema["additionalProperties"] = json!(false);
        for (name, mut property) in properties {
            // Beside a reference the description repeats the choices, and sometimes not all of them.
            if let Some(property) = property
                .as_object_mut()
                .filter(|property| property.contains_key("allOf"))
            {
                property.remove("enum");
            }
            schema["properties"][&name] = json!({ "anyOf": [property, { "type": "null" }] });
        }
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(strict),
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

#[tokio::test]
async fn answers_are_what_the_official_description_says() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/coder.swagger.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "SKIPPED: {} is not there, so the sandbox was not held against it",
            path.display()
        );
        return;
    };
    let spec: Value = serde_json::from_str(&text).unwrap();
    let running = Sandbox::spawn(Options {
        build: Duration::ZERO,
    })
    .await;
    let http = reqwest::Client::new();
    let call = async |method: Method, path: &str, body: Option<Value>| {
        let request = http
            .request(method, format!("{}coder{path}", running.url))
            .header("coder-session-token", OWNER_TOKEN);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let get = async |path: &str| call(Method::GET, path, None).await;

    let (_, template) = get("/api/v2/organizations/coder/templates/node").await;
    let version = template["active_version_id"].as_str().unwrap();
    let body = json!({ "name": "dev", "template_id": template["id"] });
    let (_, workspace) = call(
        Method::POST,
        "/api/v2/users/ada/workspaces",
        Some(body.clone()),
    )
    .await;
    let (id, build) = (
        workspace["id"].as_str().unwrap(),
        workspace["latest_build"]["id"].as_str().unwrap(),
    );
    let (_, now) = get(&format!("/api/v2/workspaces/{id}")).await;
    let agent = now["latest_build"]["resources"][0]["agents"][0]["id"]
        .as_str()
        .unwrap();
    let user = json!({ "username": "new-user", "email": "new@example.com", "login_type": "oidc", "organization_ids": [template["organization_id"]] });

    // The route as the description names it, the call, and the definition of its answer where it is a list.
    let calls: Vec<(&str, Method, String, Option<Value>)> = vec![
        (
            "/api/v2/buildinfo",
            Method::GET,
            "/api/v2/buildinfo".into(),
            None,
        ),
        ("/api/v2/users", Method::GET, "/api/v2/users".into(), None),
        (
            "/api/v2/users",
            Method::POST,
            "/api/v2/users".into(),
            Some(user),
        ),
        (
            "/api/v2/users/{user}",
            Method::GET,
            "/api/v2/users/me".into(),
            None,
        ),
        (
            "/api/v2/users/{user}/status/suspend",
            Method::PUT,
            "/api/v2/users/linus/status/suspend".into(),
            None,
        ),
        (
            "/api/v2/users/{user}/status/activate",
            Method::PUT,
            "/api/v2/users/linus/status/activate".into(),
            None,
        ),
        (
            "/api/v2/organizations",
            Method::GET,
            "/api/v2/organizations".into(),
            None,
        ),
        (
            "/api/v2/organizations/{organization}",
            Method::GET,
            "/api/v2/organizations/default".into(),
            None,
        ),
        (
            "/api/v2/organizations/{organization}/templates",
            Method::GET,
            "/api/v2/organizations/coder/templates".into(),
            None,
        ),
        (
            "/api/v2/organizations/{organization}/templates/{templatename}",
            Method::GET,
            "/api/v2/organizations/coder/templates/node".into(),
            None,
        ),
        (
            "/api/v2/templates",
            Method::GET,
            "/api/v2/templates".into(),
            None,
        ),
        (
            "/api/v2/templates/{template}",
            Method::GET,
            format!("/api/v2/templates/{}", template["id"].as_str().unwrap()),
            None,
        ),
        (
            "/api/v2/templateversions/{templateversion}/rich-parameters",
            Method::GET,
            format!("/api/v2/templateversions/{version}/rich-parameters"),
            None,
        ),
        (
            "/api/v2/templateversions/{templateversion}/external-auth",
            Method::GET,
            format!("/api/v2/templateversions/{version}/external-auth"),
            None,
        ),
        (
            "/api/v2/templateversions/{templateversion}/dynamic-parameters/evaluate",
            Method::POST,
            format!("/api/v2/templateversions/{version}/dynamic-parameters/evaluate"),
            Some(json!({ "id": 1, "inputs": { "cpu": "4" } })),
        ),
        (
            "/api/v2/users/{user}/workspaces",
            Method::POST,
            "/api/v2/users/grace/workspaces".into(),
            Some(body),
        ),
        (
            "/api/v2/users/{user}/workspace/{workspacename}",
            Method::GET,
            "/api/v2/users/ada/workspace/dev".into(),
            None,
        ),
        (
            "/api/v2/workspaces",
            Method::GET,
            "/api/v2/workspaces".into(),
            None,
        ),
        (
            "/api/v2/workspaces/{workspace}",
            Method::GET,
            format!("/api/v2/workspaces/{id}"),
            None,
        ),
        (
            "/api/v2/workspacebuilds/{workspacebuild}",
            Method::GET,
            format!("/api/v2/workspacebuilds/{build}"),
            None,
        ),
        (
            "/api/v2/workspacebuilds/{workspacebuild}/parameters",
            Method::GET,
            format!("/api/v2/workspacebuilds/{build}/parameters"),
            None,
        ),
        (
            "/api/v2/workspacebuilds/{workspacebuild}/logs",
            Method::GET,
            format!("/api/v2/workspacebuilds/{build}/logs"),
            None,
        ),
        (
            "/api/v2/workspaceagents/{workspaceagent}/logs",
            Method::GET,
            format!("/api/v2/workspaceagents/{agent}/logs"),
            None,
        ),
        (
            "/api/v2/workspaces/{workspace}/builds",
            Method::POST,
            format!("/api/v2/workspaces/{id}/builds"),
            Some(json!({ "transition": "stop" })),
        ),
    ];
    let mut wrong = Vec::new();
    for (route, method, path, body) in calls {
        let operation = &spec["paths"][route][method.as_str().to_lowercase()];
        let (status, answer) = call(method.clone(), &path, body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        let responses = operation["responses"]
            .as_object()
            .unwrap_or_else(|| panic!("the description has no {method} {route}"));
        let described = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap()
            .1;
        let schema = &described["schema"];
        let name = |schema: &Value| {
            schema["$ref"]
                .as_str()
                .unwrap()
                .trim_start_matches("#/definitions/")
                .to_owned()
        };
        let (name, answers) = match &schema["items"] {
            Value::Null => (name(schema), vec![answer]),
            items => (name(items), answer.as_array().unwrap().clone()),
        };
        let validator = definition(&spec, &name);
        for answer in &answers {
            wrong.extend(
                validator
                    .iter_errors(answer)
                    .map(|error| format!("{method} {route}{}: {error}", error.instance_path())),
            );
        }
    }
    for (method, path) in [
        (Method::GET, "/api/v2/users/nobody"),
        (Method::POST, "/api/v2/users/ada/workspaces"),
        (Method::GET, "/api/v2/workspaces/7"),
    ] {
        let (status, answer) = call(method, path, None).await;
        assert!(status >= 400);
        wrong.extend(
            definition(&spec, "codersdk.Response")
                .iter_errors(&answer)
                .map(|error| format!("{path}: {error}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
