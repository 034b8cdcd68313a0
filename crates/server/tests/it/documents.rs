//! What is served for people and tools: OpenAPI, `/docs`, health.

use reqwest::Method;
use serde_json::Value;

use crate::service::{Service, answer};

#[tokio::test]
async fn the_openapi_document_lists_every_route_and_every_action() {
    let service = Service::start().await;
    let (status, document) = answer(service.bare(Method::GET, "/openapi.json")).await;
    assert_eq!(status, 200);
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    let routes: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(move |method| format!("{method} {path}"))
        })
        .collect();
    insta::assert_snapshot!(routes.join("\n"), @"
    get /.backstage/health/v1/liveness
    get /.backstage/health/v1/readiness
    get /api/{provider}/.backstage/actions/v1/actions
    post /api/{provider}/.backstage/actions/v1/actions/{id}/invoke
    post /api/{provider}/.backstage/actions/v2/actions/{id}/invoke
    get /api/{provider}/options/{list}
    get /v1/actions
    get /v1/actions/{id}
    get /v1/runs
    post /v1/runs
    get /v1/runs/{id}
    post /v1/runs/{id}/cancel
    get /v1/runs/{id}/events
    post /v1/runs/{id}/retry
    post /v1/runs/{id}/undo
    ");
    let input = &document["components"]["schemas"]["coder.create-workspace.input"];
    assert!(input["properties"]["workspaceName"]["description"].is_string());
    let references: Vec<&Value> =
        document["components"]["schemas"]["StartRun"]["properties"]["input"]["anyOf"]
            .as_array()
            .unwrap()
            .iter()
            .collect();
    assert!(
        references
            .iter()
            .any(|reference| reference["$ref"]
                == "#/components/schemas/coder.create-workspace.input")
    );
}

/// The contract of the fixed routes; each action's schemas are in `actions-schema/`.
#[tokio::test]
async fn the_openapi_document_is_the_one_that_was_agreed_on() {
    let service = Service::start().await;
    let (_, mut document) = answer(service.bare(Method::GET, "/openapi.json")).await;
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.retain(|name, _| !name.contains(':') && !name.contains('.'));
    document["components"]["schemas"]["StartRun"]["properties"]["input"]["anyOf"] = Value::Null;
    insta::assert_json_snapshot!(document, { ".info.version" => "[version]" });
}

#[tokio::test]
async fn the_docs_page_needs_nothing_from_elsewhere() {
    let service = Service::start().await;
    let response = service.bare(Method::GET, "/docs/").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'self'")
    );
    let page = response.text().await.unwrap();
    assert!(page.contains("swagger-ui"));
    assert!(
        !page.contains("https://") && !page.contains("//cdn"),
        "{page}"
    );
}

#[tokio::test]
async fn health_is_where_backstage_has_it_and_needs_no_token() {
    let service = Service::start().await;
    for probe in ["liveness", "readiness"] {
        let (status, body) =
            answer(service.bare(Method::GET, &format!("/.backstage/health/v1/{probe}"))).await;
        assert_eq!((status, body["status"].as_str()), (200, Some("ok")));
    }
}
