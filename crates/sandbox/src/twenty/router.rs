//! Two GraphQL endpoints, and who calls them (engine/core-modules/auth/strategies/jwt.auth.strategy.ts,
//! engine/middlewares/middleware.service.ts).

use axum::{
    Json, Router,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, Method, StatusCode, Uri},
    routing::{get, post},
};
use serde_json::{Map, Value, json};

use super::{
    Twenty,
    document::{self, Document, Field},
    error::{Error, Result},
    operations::Operation,
    selection,
    state::{ApiKey, KeyState, Release},
};

/// Fields of the ordinary schema that may stand in a document for `/graphql`, but not beside records.
const CORE: [&str; 3] = ["currentUser", "currentWorkspace", "getRoles"];

pub(super) fn router(twenty: Twenty) -> Router {
    Router::new()
        .route("/graphql", post(graphql))
        .route("/metadata", post(metadata))
        .route(
            "/healthz",
            get(async || Json(json!({ "status": "ok", "info": {}, "error": {}, "details": {} }))),
        )
        .route("/client-config", get(client_config))
        .fallback(no_route)
        .with_state(twenty)
}

async fn no_route(method: Method, uri: Uri) -> (StatusCode, Json<Value>) {
    let body = json!({
        "statusCode": 404, "message": format!("Cannot {method} {}", uri.path()), "error": "Not Found",
    });
    (StatusCode::NOT_FOUND, Json(body))
}

async fn client_config(Shared(twenty): Shared<Twenty>) -> Json<Value> {
    let version = match twenty.state().settings.release {
        Release::V1 => "1.10.0",
        Release::V2 => "2.10.0",
        Release::V2_38 => "2.38.0",
    };
    Json(json!({ "appVersion": version, "isMultiWorkspaceEnabled": false }))
}

/// HTTP 200, whatever comes of it.
async fn graphql(Shared(twenty): Shared<Twenty>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    Json(answer(&twenty, &headers, &body).unwrap_or_else(|error| error.alone()))
}

fn answer(twenty: &Twenty, headers: &HeaderMap, body: &[u8]) -> Result<Value> {
    let key = who(twenty, headers)?;
    let document = document::read(body)?;
    let Some(key) = key else {
        return Err(nothing_known(&document));
    };
    let operations = operations(&document)?;
    let (mut data, mut errors) = (Map::new(), Vec::new());
    let mut state = twenty.state();
    for (operation, field) in operations.iter().zip(&document.fields) {
        let shown = match operation.run(&mut state, &key, field) {
            Ok(shown) => shown,
            Err(error) if error.is_of_document() => return Err(error),
            Err(error) => {
                errors.push(error.json());
                Value::Null
            }
        };
        data.insert(field.key.clone(), shown);
    }
    Ok(match errors.is_empty() {
        true => json!({ "data": data }),
        false => json!({ "data": data, "errors": errors }),
    })
}

/// What the top-level fields ask for. All of them must be about records.
fn operations(document: &Document) -> Result<Vec<Operation>> {
    let known: Vec<_> = document
        .fields
        .iter()
        .map(|field| {
            let known = Operation::named(&field.name);
            known.filter(|operation| operation.changes() == document.mutation)
        })
        .collect();
    let is_core = |field: &Field| CORE.contains(&&*field.name);
    if known.iter().any(Option::is_some) && document.fields.iter().any(is_core) {
        return Err(Error::bad(
            "This query cannot be executed as a single request. Please split it into separate queries.",
        ));
    }
    let all: Option<Vec<_>> = known.into_iter().collect();
    all.ok_or_else(|| nothing_known(document))
}

/// Without a key the schema has no records at all.
fn nothing_known(document: &Document) -> Error {
    let of = if document.mutation {
        "Mutation"
    } else {
        "Query"
    };
    let name = document.fields.first().map_or("", |field| &*field.name);
    selection::unknown(name, of)
}

/// None: nobody says who they are.
fn who(twenty: &Twenty, headers: &HeaderMap) -> Result<Option<ApiKey>> {
    let Some(header) = headers.get("authorization") else {
        return Ok(None);
    };
    let text = header.to_str().unwrap_or_default();
    let token = text.strip_prefix("Bearer ").unwrap_or(text);
    let state = twenty.state();
    let known = state.keys.iter().find(|key| key.text == token);
    match known {
        None if token.split('.').count() == 3 => Err(Error::unauthenticated("Token invalid.")),
        None => Err(Error::unauthenticated("No payload")),
        Some(key) => match key.state {
            KeyState::Good => Ok(Some(key.clone())),
            KeyState::Expired => Err(Error::unauthenticated("Token has expired.")),
            KeyState::Revoked => Err(Error::forbidden(
                "FORBIDDEN_EXCEPTION",
                "This API Key is revoked",
            )),
        },
    }
}

/// Where the workspace's pages are (engine/core-modules/workspace/workspace.resolver.ts). It takes nothing from the budget.
async fn metadata(Shared(twenty): Shared<Twenty>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let answer = || {
        let key = who(&twenty, &headers)?;
        let document = document::read(&body)?;
        let settings = twenty.state().settings.clone();
        if key.is_none() || !settings.tells_urls {
            return Err(Error::new("FORBIDDEN", "Forbidden resource"));
        }
        let known = json!({
            "currentWorkspace": {
                "id": super::seed::WORKSPACE,
                "displayName": "Apple",
                "workspaceUrls": { "customUrl": settings.custom_url, "subdomainUrl": twenty.url() },
            },
        });
        Ok(json!({ "data": pick(&known, &document.fields, "Query")? }))
    };
    Json(answer().unwrap_or_else(|error| error.alone()))
}

fn pick(value: &Value, fields: &[Field], of: &str) -> Result<Value> {
    if fields.is_empty() {
        return Ok(value.clone());
    }
    let shown = fields.iter().map(|field| {
        let found = value
            .get(&field.name)
            .ok_or_else(|| selection::unknown(&field.name, of))?;
        Ok((field.key.clone(), pick(found, &field.fields, &field.name)?))
    });
    shown.collect::<Result<Map<_, _>>>().map(Value::Object)
}
