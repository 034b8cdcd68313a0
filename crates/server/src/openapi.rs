//! `/openapi.json` and `/docs`.
//!
//! The fixed routes come from their handlers. Each action's schemas are merged in as raw JSON after that:
//! utoipa's own schema type would lose parts of them (`const`, `default: null`).

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use sidestage_action::Descriptor;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sidestage",
        description = "Runs Backstage's scaffolder actions that provision people into services: once and only once."
    ),
    modifiers(&Token)
)]
struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A key from auth.keys, a Backstage plugin token with the audience `sidestage`, or a person's Keycloak access token.",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The finished document, as `/openapi.json` serves it.
pub fn document<'a>(actions: impl Iterator<Item = &'a Descriptor>) -> Value {
    let routes = crate::app::documented();
    let (_, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(routes)
        .split_for_parts();
    document.servers = None;
    let mut document = serde_json::to_value(&document).unwrap_or_default();
    let mut inputs = Vec::new();
    for action in actions {
        let name = action.id.replace(':', ".");
        let schemas = &mut document["components"]["schemas"];
        for (side, schema) in [
            ("input", &action.schema.input),
            ("output", &action.schema.output),
        ] {
            let mut schema = schema.clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("$schema");
                schema.insert(
                    "description".into(),
                    json!(format!("The {side} of {}.", action.id)),
                );
            }
            schemas[format!("{name}.{side}")] = schema;
        }
        inputs.push(json!({ "$ref": format!("#/components/schemas/{name}.input") }));
    }
    document["components"]["schemas"]["StartRun"]["properties"]["input"]["anyOf"] = json!(inputs);
    document
}

/// Adds `/openapi.json` and `/docs` to the documented routes.
pub(crate) fn serve(routes: OpenApiRouter<App>, app: &App) -> Router<App> {
    let document = Bytes::from(document(app.actions()).to_string());
    let (router, _) = routes.split_for_parts();
    let ui = Router::<App>::from(
        SwaggerUi::new("/docs").config(
            Config::new(["/openapi.json"])
                .try_it_out_enabled(true)
                .persist_authorization(false),
        ),
    )
    .layer(axum::middleware::map_response(guard));
    router
        .route(
            "/openapi.json",
            get(move || async move {
                ([(header::CONTENT_TYPE, "application/json")], document).into_response()
            }),
        )
        .merge(ui)
}

/// The page needs nothing from elsewhere, and is shown nowhere else.
async fn guard(mut response: axum::response::Response) -> axum::response::Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
