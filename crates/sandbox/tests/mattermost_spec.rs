//! The sandbox's answers held against the official description of Mattermost's API.
//!
//! It is no part of this repository: where `../shared/specs/mattermost/source` is absent, this is skipped, loudly.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::path::Path;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Map, Value, json};
use sidestage_sandbox::{Options, Sandbox, mattermost::ADMIN_TOKEN};

/// The description's files are pieces of one document: paths, and components.
fn read_spec(folder: &Path) -> Option<Value> {
    let mut paths = Map::new();
    for file in ["users", "teams", "channels", "system", "limits"] {
        let text = std::fs::read_to_string(folder.join(format!("{file}.yaml"))).ok()?;
        let piece: Map<String, Value> = serde_saphyr::from_str(&text).unwrap();
        paths.extend(piece);
    }
    let text = std::fs::read_to_string(folder.join("definitions.yaml")).ok()?;
    let mut spec: Value = serde_saphyr::from_str(&text).unwrap();
    nullable(&mut spec["components"]);
    spec["paths"] = paths.into();
    Some(spec)
}

/// Go writes null for a pointer to nothing, which the description does not say.
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
    schema["components"] = spec["components"].clone();
    jsonschema::draft4::options()
        .should_validate_formats(false)
        .build(&schema)
        .unwrap()
}

#[tokio::test]
async fn answers_are_what_the_official_description_says() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/mattermost/source");
    let Some(spec) = read_spec(&folder) else {
        eprintln!(
            "SKIPPED: {} is not there, so the sandbox was not held against it",
            folder.display()
        );
        return;
    };
    let running = Sandbox::spawn(Options::default()).await;
    let http = reqwest::Client::new();
    let call = async |method: Method, path: &str, body: Value| {
        let request = http
            .request(method, format!("{}mattermost{path}", running.url))
            .bearer_auth(ADMIN_TOKEN);
        let request = match body {
            Value::Null => request,
            body => request.json(&body),
        };
        let response = request.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap(),
        )
    };
    let id = async |path: &str| {
        let (_, found) = call(Method::GET, path, Value::Null).await;
        found["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{path}: {found}"))
            .to_owned()
    };
    let team = id("/api/v4/teams/name/engineering").await;
    let user = id("/api/v4/users/username/grace").await;
    let channel = id(&format!("/api/v4/teams/{team}/channels/name/backend")).await;

    let new_user = json!({ "username": "katherine", "email": "katherine@example.com", "password": "a long password" });
    let new_team = json!({ "name": "platform", "display_name": "Platform", "type": "O" });
    let new_channel =
        json!({ "team_id": team, "name": "general", "display_name": "General", "type": "O" });
    let in_team = json!({ "team_id": team, "user_id": user });
    let roles = json!({ "scheme_user": true, "scheme_admin": true });
    let none = Value::Null;
    // The route as the description names it, with ids in place of its parameters.
    let calls: Vec<(Method, &str, Value)> = vec![
        (Method::GET, "/api/v4/system/ping", none.clone()),
        (Method::POST, "/api/v4/users", new_user),
        (Method::GET, "/api/v4/users/{user_id}", none.clone()),
        (
            Method::GET,
            "/api/v4/users/username/{username}",
            none.clone(),
        ),
        (Method::GET, "/api/v4/users/email/{email}", none.clone()),
        (
            Method::PUT,
            "/api/v4/users/{user_id}/active",
            json!({ "active": true }),
        ),
        (
            Method::POST,
            "/api/v4/users/password/reset/send",
            json!({ "email": "ada@example.com" }),
        ),
        (Method::GET, "/api/v4/teams", none.clone()),
        (Method::POST, "/api/v4/teams", new_team),
        (Method::GET, "/api/v4/teams/{team_id}", none.clone()),
        (Method::GET, "/api/v4/teams/name/{name}", none.clone()),
        (Method::GET, "/api/v4/teams/{team_id}/stats", none.clone()),
        (Method::POST, "/api/v4/teams/{team_id}/members", in_team),
        (
            Method::GET,
            "/api/v4/teams/{team_id}/members/{user_id}",
            none.clone(),
        ),
        (
            Method::PUT,
            "/api/v4/teams/{team_id}/members/{user_id}/schemeRoles",
            roles,
        ),
        (
            Method::GET,
            "/api/v4/teams/{team_id}/channels",
            none.clone(),
        ),
        (
            Method::GET,
            "/api/v4/teams/{team_id}/channels/name/{channel_name}",
            none.clone(),
        ),
        (Method::POST, "/api/v4/channels", new_channel),
        (Method::GET, "/api/v4/channels/{channel_id}", none.clone()),
        (
            Method::GET,
            "/api/v4/teams/{team_id}/channels/private",
            none.clone(),
        ),
        (
            Method::POST,
            "/api/v4/channels/{channel_id}/members",
            json!({ "user_id": user }),
        ),
        (
            Method::GET,
            "/api/v4/channels/{channel_id}/members/{user_id}",
            none.clone(),
        ),
        (
            Method::DELETE,
            "/api/v4/channels/{channel_id}/members/{user_id}",
            none.clone(),
        ),
        (
            Method::DELETE,
            "/api/v4/channels/{channel_id}",
            none.clone(),
        ),
        (
            Method::DELETE,
            "/api/v4/teams/{team_id}/members/{user_id}",
            none.clone(),
        ),
        (Method::DELETE, "/api/v4/users/{user_id}", none.clone()),
        (Method::DELETE, "/api/v4/teams/{team_id}", none.clone()),
    ];
    let mut wrong = Vec::new();
    for (method, route, body) in calls {
        let path = route
            .replace("{team_id}", &team)
            .replace("{user_id}", &user)
            .replace("{channel_id}", &channel)
            .replace("{username}", "ada")
            .replace("{email}", "ada@example.com")
            .replace("{name}", "engineering")
            .replace("{channel_name}", "backend");
        let (status, answer) = call(method.clone(), &path, body).await;
        let operation = &spec["paths"][route][method.as_str().to_lowercase()];
        assert!(
            operation.is_object(),
            "the description has no {method} {route}"
        );
        let described = &operation["responses"][status.to_string()];
        assert!(described.is_object(), "{method} {route}: {status} {answer}");
        let schema = &described["content"]["application/json"]["schema"];
        if !schema.is_object() {
            continue;
        }
        wrong.extend(
            validator(&spec, schema)
                .iter_errors(&answer)
                .map(|error| format!("{method} {route}{}: {error}", error.instance_path())),
        );
    }
    let app_error = json!({ "$ref": "#/components/schemas/AppError" });
    for (method, path) in [
        (Method::GET, "/api/v4/users/username/nobody"),
        (Method::POST, "/api/v4/users"),
        (Method::GET, "/api/v4/teams/7"),
        (Method::GET, "/api/v4/nonsense"),
    ] {
        let (status, answer) = call(method, path, none.clone()).await;
        assert!(status >= 400);
        wrong.extend(
            validator(&spec, &app_error)
                .iter_errors(&answer)
                .map(|error| format!("{path}: {error}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
