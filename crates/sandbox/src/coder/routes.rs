//! The API's routes (coderd/coderd.go), with the checks in Coder's order.

use std::collections::HashMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{FromRequestParts, Path, Query, State as Shared},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request::Parts},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::{get, patch, post, put},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Coder, decode,
    error::{Error, Result},
    state::{Build, BuildBehaviour, Job, State, Template, User, Workspace},
    view,
};

pub(crate) fn router(coder: Coder) -> Router {
    let api = Router::new()
        .route("/buildinfo", get(buildinfo))
        .route("/applications/host", get(app_host))
        .route("/users", get(list_users).post(create_user))
        .route("/users/authmethods", get(auth_methods))
        .route("/users/{user}", get(read_user).delete(delete_user))
        .route("/users/{user}/status/suspend", put(suspend_user))
        .route("/users/{user}/status/activate", put(activate_user))
        .route("/users/{user}/workspaces", post(create_workspace))
        .route("/users/{user}/workspace/{name}", get(workspace_by_name))
        .route("/organizations", get(list_organizations))
        .route("/organizations/{organization}", get(read_organization))
        .route(
            "/organizations/{organization}/templates",
            get(organization_templates),
        )
        .route(
            "/organizations/{organization}/templates/{name}",
            get(template_by_name),
        )
        .route(
            "/organizations/{organization}/members/{user}",
            post(add_member).delete(remove_member),
        )
        .route(
            "/organizations/{organization}/members/{user}/workspaces",
            post(create_member_workspace),
        )
        .route("/templates", get(search_templates))
        .route("/templates/{template}", get(read_template))
        .route(
            "/templateversions/{version}/rich-parameters",
            get(parameters),
        )
        .route("/templateversions/{version}/presets", get(presets))
        .route(
            "/templateversions/{version}/external-auth",
            get(external_auth),
        )
        .route(
            "/templateversions/{version}/dynamic-parameters/evaluate",
            post(evaluate),
        )
        .route("/workspaces", get(list_workspaces))
        .route("/workspaces/{workspace}", get(read_workspace))
        .route("/workspaces/{workspace}/builds", post(create_build))
        .route("/workspacebuilds/{build}", get(read_build))
        .route("/workspacebuilds/{build}/parameters", get(build_parameters))
        .route("/workspacebuilds/{build}/logs", get(build_logs))
        .route("/workspacebuilds/{build}/cancel", patch(cancel_build))
        .route("/workspaceagents/{agent}/logs", get(agent_logs));
    Router::new()
        .nest("/api/v2", api)
        .route("/healthz", get(async || "OK"))
        .fallback(elsewhere)
        .layer(middleware::map_response(stamp))
        .with_state(coder)
}

const VERSION: &str = "v2.36.0+sandbox";

async fn stamp(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert("x-coder-build-version", HeaderValue::from_static(VERSION));
    response
}

/// Unknown routes of the API; everything else is the dashboard's page.
async fn elsewhere(method: Method, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") || method != Method::GET {
        return Error::new(StatusCode::NOT_FOUND, "Route not found.").into_response();
    }
    let path = uri.path().replace(['<', '>', '&', '"'], "");
    Html(format!("<!doctype html><title>Coder</title><h1>Coder (sandbox)</h1><p>This is where <code>{path}</code> would be.</p>")).into_response()
}

async fn buildinfo(Shared(coder): Shared<Coder>) -> Json<Value> {
    Json(json!({
        "version": VERSION,
        "external_url": "https://github.com/coder/coder",
        "dashboard_url": coder.url(),
        "deployment_id": "00000000-0000-4000-8000-000000000001",
        "agent_api_version": "2.7",
        "provisioner_api_version": "1.12",
        "telemetry": false,
        "upgrade_message": "",
        "workspace_proxy": false,
    }))
}

async fn app_host(_: Caller) -> Json<Value> {
    Json(json!({ "host": "" }))
}

/// Who calls (coderd/httpmw/apikey.go): the header, or a bearer token.
struct Caller {
    coder: Coder,
    user: User,
}

impl FromRequestParts<Coder> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, coder: &Coder) -> Result<Self> {
        let token = token(&parts.headers).ok_or_else(|| {
            Error::signed_out("Cookie \"coder_session_token\" or query parameter must be provided.")
        })?;
        let mut pieces = token.split('-');
        match (pieces.next(), pieces.next(), pieces.next()) {
            (Some(_), Some(_), None) => {}
            _ => {
                return Err(Error::signed_out(format!(
                    "Invalid API key format: incorrect amount of API key parts, expected 2 got {}",
                    token.split('-').count()
                )));
            }
        }
        if token.find('-') != Some(10) {
            return Err(Error::signed_out(
                "Invalid API key format: invalid API key ID length",
            ));
        }
        if token.len() != 33 {
            return Err(Error::signed_out(
                "Invalid API key format: invalid API key secret length",
            ));
        }
        let state = coder.state_mut();
        let known = state.tokens.iter().find(|known| known.text == token);
        let known = known.ok_or_else(|| Error::signed_out("API key is invalid."))?;
        if known.expired {
            return Err(Error::signed_out(
                "API key expired at \"2026-01-01 00:00:00 +0000 UTC\".",
            ));
        }
        let user = state
            .users
            .iter()
            .find(|user| user.id == known.user)
            .ok_or_else(|| Error::signed_out("API key is invalid."))?
            .clone();
        if user.status == "suspended" {
            return Err(Error::new(
                StatusCode::UNAUTHORIZED,
                "User is not active (status = \"suspended\"). Contact an admin to reactivate your account.",
            ));
        }
        drop(state);
        Ok(Caller {
            coder: coder.clone(),
            user,
        })
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    text("coder-session-token")
        .or_else(|| text("authorization").and_then(|value| value.strip_prefix("Bearer ")))
}

impl Caller {
    /// `{user}`: `me`, an id, or a name; unknown and not to be seen are the same 404.
    fn user<'a>(&self, state: &'a State, named: &str) -> Result<&'a User> {
        let user = match Uuid::try_parse(named) {
            Ok(id) => state.users.iter().find(|user| user.id == id),
            Err(_) if named == "me" => state.users.iter().find(|user| user.id == self.user.id),
            Err(_) => state
                .users
                .iter()
                .find(|user| user.username.eq_ignore_ascii_case(named)),
        };
        user.filter(|user| self.sees(user))
            .ok_or_else(Error::not_found)
    }

    fn sees(&self, user: &User) -> bool {
        self.user.is_owner
            || self
                .user
                .organizations
                .iter()
                .any(|organization| user.organizations.contains(organization))
    }

    fn sees_template(&self, template: &Template) -> bool {
        self.user.is_owner || self.user.organizations.contains(&template.organization)
    }

    fn may_act_for(&self, owner: Uuid) -> bool {
        self.user.is_owner || self.user.id == owner
    }

    fn must_manage_users(&self) -> Result<()> {
        if self.user.is_owner {
            Ok(())
        } else {
            Err(Error::new(StatusCode::FORBIDDEN, "Forbidden."))
        }
    }

    fn template_of_version<'a>(&self, state: &'a State, version: &str) -> Result<&'a Template> {
        let version = uuid(version)?;
        let template = state
            .templates
            .iter()
            .find(|template| template.version == version);
        template
            .filter(|template| self.sees_template(template))
            .ok_or_else(Error::not_found)
    }

    fn workspace_at(&self, state: &State, found: impl Fn(&Workspace) -> bool) -> Result<usize> {
        let at = state
            .workspaces
            .iter()
            .position(|workspace| found(workspace) && self.may_act_for(workspace.owner));
        at.ok_or_else(Error::not_found)
    }

    /// The workspace and the build with that id.
    fn build_at(&self, state: &State, id: &str) -> Result<(usize, usize)> {
        let id = uuid(id)?;
        let has = |workspace: &Workspace| workspace.builds.iter().position(|build| build.id == id);
        let workspace = self.workspace_at(state, |workspace| has(workspace).is_some())?;
        has(&state.workspaces[workspace])
            .map(|build| (workspace, build))
            .ok_or_else(Error::not_found)
    }
}

fn uuid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| {
        let message = format!("Invalid UUID \"{text}\".");
        Error::bad(message).detail(format!("invalid UUID length: {}", text.len()))
    })
}

type Params = Query<HashMap<String, String>>;

// Users

async fn list_users(caller: Caller, Query(query): Params) -> Json<Value> {
    let state = caller.coder.state_mut();
    // Free text is a fuzzy search in name and e-mail (coderd/database/queries/users.sql).
    let search = query
        .get("q")
        .map(|q| q.strip_prefix("search:").unwrap_or(q).to_lowercase())
        .unwrap_or_default();
    let found: Vec<&User> = state
        .users
        .iter()
        .filter(|user| caller.sees(user))
        .filter(|user| {
            user.username.to_lowercase().contains(&search)
                || user.email.to_lowercase().contains(&search)
        })
        .collect();
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|value| value.parse::<usize>().ok())
            .unwrap_or(0)
    };
    let limit = match number("limit") {
        0 => usize::MAX,
        limit => limit,
    };
    let page: Vec<Value> = found
        .iter()
        .skip(number("offset"))
        .take(limit)
        .map(|user| view::user(user))
        .collect();
    Json(json!({ "users": page, "count": found.len() }))
}

async fn read_user(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    Ok(Json(view::user(caller.user(&state, &named)?)))
}

async fn create_user(caller: Caller, body: Bytes) -> Result<Response> {
    let body = decode::json(&body)?;
    if !caller.user.is_owner {
        return Err(Error::new(
            StatusCode::FORBIDDEN,
            "You are not authorized to create users.",
        ));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (username, email, login_type) = (text("username"), text("email"), text("login_type"));
    if !decode::is_name(&username) {
        let detail = "Validation failed for tag \"username\" with value: ";
        return Err(
            Error::bad("Validation failed.").field("username", format!("{detail}\"{username}\""))
        );
    }
    if !email.contains('@') {
        let detail = "Validation failed for tag \"email\" with value: ";
        return Err(Error::bad("Validation failed.").field("email", format!("{detail}\"{email}\"")));
    }
    let organizations: Vec<Uuid> = body["organization_ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str()?.parse().ok())
        .collect();
    if organizations.is_empty() {
        return Err(
            Error::bad("No organization specified to place the user as a member of.")
                .field("organization_ids", "Missing value."),
        );
    }
    if !matches!(login_type.as_str(), "" | "password") && !text("password").is_empty() {
        return Err(Error::bad(format!(
            "Password cannot be set for non-password (\"{login_type}\") authentication."
        )));
    }
    let mut state = caller.coder.state_mut();
    if state.users.iter().any(|user| {
        user.username.eq_ignore_ascii_case(&username) || user.email.eq_ignore_ascii_case(&email)
    }) {
        return Err(Error::new(StatusCode::CONFLICT, "User already exists."));
    }
    let user = User {
        id: Uuid::new_v4(),
        username,
        email,
        status: "dormant",
        is_owner: false,
        login_type: if login_type.is_empty() {
            "password".into()
        } else {
            login_type
        },
        linked: Vec::new(),
        organizations,
    };
    let answer = view::user(&user);
    state.users.push(user);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// How one can sign in; anybody may ask (coderd/userauth.go).
async fn auth_methods() -> Json<Value> {
    Json(json!({
        "terms_of_service_url": "",
        "password": { "enabled": true },
        "github": { "enabled": false, "default_provider_configured": false },
        "oidc": { "enabled": true, "signInText": "Keycloak", "iconUrl": "" },
    }))
}

/// coderd/users.go deleteUser
async fn delete_user(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    caller.must_manage_users()?;
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    let id = caller.user(&state, &named)?.id;
    if id == caller.user.id {
        return Err(Error::new(
            StatusCode::FORBIDDEN,
            "You cannot delete yourself!",
        ));
    }
    bury(&mut state, now);
    if state
        .workspaces
        .iter()
        .any(|workspace| workspace.owner == id && !workspace.deleted)
    {
        return Err(Error::new(
            StatusCode::EXPECTATION_FAILED,
            "You cannot delete a user that has workspaces. Delete their workspaces and try again!",
        ));
    }
    state.users.retain(|user| user.id != id);
    Ok(Json(json!({ "message": "User has been deleted!" })))
}

async fn suspend_user(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    set_status(&caller, &named, "suspended")
}

async fn activate_user(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    set_status(&caller, &named, "active")
}

fn set_status(caller: &Caller, named: &str, status: &'static str) -> Result<Json<Value>> {
    caller.must_manage_users()?;
    let mut state = caller.coder.state_mut();
    let id = caller.user(&state, named)?.id;
    if status == "suspended" && id == caller.user.id {
        return Err(Error::bad("You cannot suspend yourself."));
    }
    let user = state
        .users
        .iter_mut()
        .find(|user| user.id == id)
        .ok_or_else(Error::not_found)?;
    user.status = status;
    Ok(Json(view::user(user)))
}

// Organizations

async fn list_organizations(caller: Caller) -> Json<Value> {
    let state = caller.coder.state_mut();
    let mine = |id: &Uuid| caller.user.is_owner || caller.user.organizations.contains(id);
    let all: Vec<Value> = state
        .organizations
        .iter()
        .filter(|organization| mine(&organization.id))
        .map(view::organization)
        .collect();
    Json(json!(all))
}

/// `{organization}`: an id, a name, or `default`.
fn organization(caller: &Caller, state: &State, named: &str) -> Result<Uuid> {
    let id = Uuid::try_parse(named).ok();
    let found = state.organizations.iter().find(|organization| match named {
        "default" => organization.is_default,
        _ => Some(organization.id) == id || organization.name == named,
    });
    let seen =
        found.filter(|found| caller.user.is_owner || caller.user.organizations.contains(&found.id));
    seen.map(|found| found.id).ok_or_else(Error::not_found)
}

async fn read_organization(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let id = organization(&caller, &state, &named)?;
    let found = state
        .organizations
        .iter()
        .find(|organization| organization.id == id)
        .ok_or_else(Error::not_found)?;
    Ok(Json(view::organization(found)))
}

async fn add_member(
    caller: Caller,
    Path((named, user)): Path<(String, String)>,
) -> Result<Json<Value>> {
    caller.must_manage_users()?;
    let mut state = caller.coder.state_mut();
    let organization = organization(&caller, &state, &named)?;
    let id = caller.user(&state, &user)?.id;
    let user = state
        .users
        .iter_mut()
        .find(|user| user.id == id)
        .ok_or_else(Error::not_found)?;
    if user.organizations.contains(&organization) {
        return Err(Error::bad("User is already an organization member"));
    }
    user.organizations.push(organization);
    Ok(Json(
        json!({ "user_id": id, "organization_id": organization, "created_at": Timestamp::now(), "updated_at": Timestamp::now(), "roles": [] }),
    ))
}

async fn remove_member(
    caller: Caller,
    Path((named, user)): Path<(String, String)>,
) -> Result<StatusCode> {
    caller.must_manage_users()?;
    let mut state = caller.coder.state_mut();
    let organization = organization(&caller, &state, &named)?;
    let id = caller.user(&state, &user)?.id;
    let user = state.users.iter_mut().find(|user| user.id == id);
    let user = user.ok_or_else(Error::not_found)?;
    if !user.organizations.contains(&organization) {
        return Err(Error::not_found());
    }
    user.organizations.retain(|one| *one != organization);
    Ok(StatusCode::NO_CONTENT)
}

// Templates

async fn organization_templates(caller: Caller, Path(named): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let id = organization(&caller, &state, &named)?;
    let all: Vec<Value> = state
        .templates
        .iter()
        .filter(|one| one.organization == id)
        .map(|one| view::template(&state, one))
        .collect();
    Ok(Json(json!(all)))
}

async fn template_by_name(
    caller: Caller,
    Path((named, name)): Path<(String, String)>,
) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let id = organization(&caller, &state, &named)?;
    let found = state
        .templates
        .iter()
        .find(|template| template.organization == id && template.name.eq_ignore_ascii_case(&name));
    Ok(Json(view::template(
        &state,
        found.ok_or_else(Error::not_found)?,
    )))
}

async fn read_template(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let found = state
        .template_by_id(uuid(&id)?)
        .filter(|template| caller.sees_template(template));
    Ok(Json(view::template(
        &state,
        found.ok_or_else(Error::not_found)?,
    )))
}

/// `q=exact_name:node organization:coder` (coderd/searchquery/search.go). Deprecated ones are hidden unless asked for.
async fn search_templates(caller: Caller, Query(query): Params) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let (mut name, mut of, mut deprecated, mut text) = (None, None, false, String::new());
    for term in query
        .get("q")
        .map(String::as_str)
        .unwrap_or_default()
        .split_whitespace()
    {
        match term.split_once(':') {
            Some(("exact_name", value)) => name = Some(value.trim_matches('"').to_owned()),
            Some(("organization", value)) => {
                of = Some(organization(&caller, &state, value.trim_matches('"'))?)
            }
            Some(("deprecated", value)) => deprecated = value == "true",
            Some((key, _)) => {
                let detail = format!("\"{key}\" is not a valid query param");
                return Err(Error::bad("Invalid template search query.").field(key, detail));
            }
            None => text = term.to_lowercase(),
        }
    }
    let found: Vec<Value> = state
        .templates
        .iter()
        .filter(|template| caller.sees_template(template))
        .filter(|template| {
            name.as_deref()
                .is_none_or(|name| template.name.eq_ignore_ascii_case(name))
        })
        .filter(|template| of.is_none_or(|of| template.organization == of))
        .filter(|template| template.deprecated.is_some() == deprecated)
        .filter(|template| template.display_name.to_lowercase().contains(&text))
        .map(|template| view::template(&state, template))
        .collect();
    Ok(Json(json!(found)))
}

async fn parameters(caller: Caller, Path(version): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let template = caller.template_of_version(&state, &version)?;
    if template.importing {
        return Err(Error::new(
            StatusCode::TOO_EARLY,
            "Template version job has not finished",
        ));
    }
    let all: Vec<Value> = template.parameters.iter().map(view::parameter).collect();
    Ok(Json(json!(all)))
}

/// The keys are in Go's own case: the type has no JSON names (codersdk/presets.go).
async fn presets(caller: Caller, Path(version): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let template = caller.template_of_version(&state, &version)?;
    if template.presets.is_empty() {
        return Ok(Json(Value::Null));
    }
    let all: Vec<Value> = template
        .presets
        .iter()
        .map(|preset| {
            let parameters: Vec<Value> = preset.parameters.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
            json!({
                "ID": preset.id, "Name": preset.name, "Parameters": parameters, "Default": preset.default,
                "DesiredPrebuildInstances": null, "Description": "", "Icon": "",
            })
        })
        .collect();
    Ok(Json(json!(all)))
}

async fn external_auth(
    caller: Caller,
    Path(version): Path<String>,
    Query(query): Params,
) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let template = caller.template_of_version(&state, &version)?;
    let owner = match query.get("user_id") {
        Some(id) => caller.user(&state, &uuid(id)?.to_string())?,
        None => caller.user(&state, "me")?,
    };
    if !caller.may_act_for(owner.id) {
        return Err(Error::new(StatusCode::FORBIDDEN, "Forbidden."));
    }
    let all: Vec<Value> = template
        .external_auth
        .iter()
        .map(|provider| {
            json!({
                "id": provider,
                "type": provider,
                "display_name": "GitHub",
                "display_icon": "/icon/github.svg",
                "authenticate_url": format!("{}/external-auth/{provider}", caller.coder.url()),
                "authenticated": owner.linked.contains(provider),
                "optional": false,
            })
        })
        .collect();
    Ok(Json(json!(all)))
}

async fn evaluate(caller: Caller, Path(version): Path<String>, body: Bytes) -> Result<Json<Value>> {
    let body = decode::json(&body)?;
    let state = caller.coder.state_mut();
    let template = caller.template_of_version(&state, &version)?;
    let all: Vec<Value> = template
        .parameters
        .iter()
        .map(|parameter| view::evaluated(parameter, body["inputs"][parameter.name].as_str()))
        .collect();
    Ok(Json(
        json!({ "id": body["id"].as_i64().unwrap_or(0), "diagnostics": [], "parameters": all }),
    ))
}

// Workspaces

async fn create_workspace(
    caller: Caller,
    Path(named): Path<String>,
    body: Bytes,
) -> Result<Response> {
    let mut state = caller.coder.state_mut();
    let owner = caller.user(&state, &named)?.clone();
    create(&caller, &mut state, owner, &body)
}

async fn create_member_workspace(
    caller: Caller,
    Path((of, named)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response> {
    let mut state = caller.coder.state_mut();
    let of = organization(&caller, &state, &of)?;
    let owner = caller.user(&state, &named)?.clone();
    if !owner.organizations.contains(&of) {
        return Err(Error::not_found());
    }
    create(&caller, &mut state, owner, &body)
}

/// The checks in the order of coderd/workspaces.go.
fn create(caller: &Caller, state: &mut State, owner: User, body: &[u8]) -> Result<Response> {
    let request = decode::create_workspace(body)?;
    let unknown = |id: Uuid, what: &str, field: &str| {
        Error::bad(format!("{what} \"{id}\" doesn't exist."))
            .field(field, format!("{} not found", what.to_lowercase()))
    };
    let template = match (request.template, request.version) {
        (Some(id), _) => state
            .template_by_id(id)
            .filter(|one| caller.sees_template(one))
            .ok_or_else(|| unknown(id, "Template", "template_id"))?,
        (None, version) => {
            let version = version.unwrap_or_default();
            let found = state
                .templates
                .iter()
                .find(|template| template.version == version && caller.sees_template(template));
            found.ok_or_else(|| unknown(version, "Template version", "template_version_id"))?
        }
    }
    .clone();
    if !caller.may_act_for(owner.id) {
        let detail =
            "You are not authorized to create a workspace for this user in this organization.";
        return Err(
            Error::new(StatusCode::FORBIDDEN, "Unauthorized to create workspace.").detail(detail),
        );
    }
    if let Some(message) = template.deprecated {
        let sentence = format!(
            "Template \"{}\" has been deprecated, and cannot be used to create a new workspace.",
            template.name
        );
        return Err(Error::bad(sentence).detail(message));
    }
    if let Some(provider) = template
        .external_auth
        .iter()
        .find(|provider| !owner.linked.contains(*provider))
    {
        let message =
            "External authentication is required to create a workspace with this template.";
        return Err(Error::new(StatusCode::FORBIDDEN, message).field("external_auth", *provider));
    }
    check_schedule(
        request.autostart.as_deref(),
        request.ttl_ms,
        &request.automatic_updates,
    )?;
    let taken = |workspace: &&Workspace| {
        !workspace.deleted
            && workspace.owner == owner.id
            && workspace.name.eq_ignore_ascii_case(&request.name)
    };
    if state.workspaces.iter().any(|workspace| taken(&workspace)) {
        let message = format!("Workspace \"{}\" already exists.", request.name);
        return Err(Error::new(StatusCode::CONFLICT, message)
            .field("name", "This value is already in use and should be unique."));
    }
    if template.importing {
        let message =
            "The provided template version is running. Wait for it to complete importing!";
        return Err(Error::new(StatusCode::NOT_ACCEPTABLE, message));
    }
    let values = resolve(&template, &request.parameters, request.preset, &[])?;
    let mut workspace = Workspace {
        id: Uuid::new_v4(),
        name: request.name,
        owner: owner.id,
        template: template.id,
        organization: template.organization,
        created_at: Timestamp::now(),
        ttl_ms: request.ttl_ms.filter(|ttl| *ttl != 0),
        autostart: request.autostart.filter(|schedule| !schedule.is_empty()),
        automatic_updates: if request.automatic_updates.is_empty() {
            "never".into()
        } else {
            request.automatic_updates
        },
        dormant: false,
        deleted: false,
        builds: Vec::new(),
    };
    let build = Build {
        preset: request.preset,
        ..build(caller, state, &template, &workspace, "start", values)
    };
    workspace.builds.push(build);
    let answer = view::workspace(state, &workspace, caller.coder.now());
    state.workspaces.push(workspace);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn check_schedule(
    autostart: Option<&str>,
    ttl_ms: Option<i64>,
    automatic_updates: &str,
) -> Result<()> {
    if let Some(schedule) = autostart.filter(|schedule| !schedule.is_empty()) {
        let fields = schedule
            .strip_prefix("CRON_TZ=")
            .and_then(|rest| rest.split_once(' '))
            .map_or(schedule, |(_, cron)| cron);
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let weekly = matches!(fields[..], [_, _, "*", "*", _]);
        if !weekly {
            let detail = if fields.len() == 5 {
                "validate weekly schedule: expected day-of-month and month to be *"
            } else {
                "validate weekly schedule: expected schedule to consist of 5 fields with an optional CRON_TZ=<timezone> prefix"
            };
            return Err(Error::bad("Invalid Autostart Schedule.").field("schedule", detail));
        }
    }
    const MINUTE: i64 = 60_000;
    if let Some(ttl) = ttl_ms.filter(|ttl| *ttl != 0) {
        let invalid = |detail: &str| {
            Err(Error::bad("Invalid Workspace Time to Shutdown.").field("ttl_ms", detail))
        };
        if ttl < MINUTE {
            return invalid("time until shutdown must be at least one minute");
        }
        if ttl > 30 * 24 * 60 * MINUTE {
            return invalid("time until shutdown must be less than 30 days");
        }
    }
    if !matches!(automatic_updates, "" | "always" | "never") {
        let detail = "must be one of always,never";
        return Err(
            Error::bad("Invalid Automatic Updates setting.").field("automatic_updates", detail)
        );
    }
    Ok(())
}

/// The values of a build's parameters: a preset's win over given ones, those over the last build's, those over defaults.
/// Names that the template does not have are dropped without a word.
fn resolve(
    template: &Template,
    given: &[(String, String)],
    preset: Option<Uuid>,
    last: &[(String, String)],
) -> Result<Vec<(String, String)>> {
    let preset = preset.and_then(|id| template.presets.iter().find(|preset| preset.id == id));
    let mut refusal = None;
    let mut values = Vec::new();
    for parameter in &template.parameters {
        let named = |values: &[(String, String)]| {
            values
                .iter()
                .rev()
                .find(|(name, _)| name == parameter.name)
                .map(|(_, value)| value.clone())
        };
        let (asked, before) = (named(given), named(last));
        if !parameter.mutable && before.is_some() && asked.is_some() && asked != before {
            let message = format!(
                "Parameter \"{}\" is not mutable, so it can't be updated after creating a workspace.",
                parameter.name
            );
            return Err(Error::bad(message));
        }
        let from_preset = preset.and_then(|preset| {
            preset
                .parameters
                .iter()
                .find(|(name, _)| *name == parameter.name)
        });
        let kept = before.filter(|_| !parameter.ephemeral);
        let value = from_preset
            .map(|(_, value)| (*value).to_owned())
            .or(asked)
            .or(kept)
            .or(parameter.default.map(str::to_owned));
        let complaint = match &value {
            None => Some("Required parameter not provided; parameter value is null".to_owned()),
            Some(value) => parameter.complaint(value),
        };
        if let Some(complaint) = complaint {
            let error = refusal
                .take()
                .unwrap_or_else(|| Error::bad("Unable to validate parameters"));
            refusal = Some(error.field(parameter.name, complaint));
        }
        values.extend(value.map(|value| (parameter.name.to_owned(), value)));
    }
    match refusal {
        Some(refusal) => Err(refusal),
        None => Ok(values),
    }
}

fn build(
    caller: &Caller,
    state: &mut State,
    template: &Template,
    workspace: &Workspace,
    transition: &'static str,
    parameters: Vec<(String, String)>,
) -> Build {
    let behaviour = match transition {
        "start" | "delete" => state
            .queued
            .pop_front()
            .unwrap_or_else(|| match transition {
                "start" => template.behaviour.clone(),
                _ => BuildBehaviour::Succeed,
            }),
        _ => BuildBehaviour::Succeed,
    };
    Build {
        id: Uuid::new_v4(),
        job: Uuid::new_v4(),
        agent: Uuid::new_v4(),
        number: workspace.builds.len() as i64 + 1,
        transition,
        initiator: caller.user.id,
        version: template.version,
        preset: None,
        parameters,
        has_agent: template.has_agent,
        behaviour,
        created_at: Timestamp::now(),
        started: caller.coder.now(),
        duration: caller.coder.0.build,
        cancelled: None,
    }
}

/// A finished delete makes the workspace deleted.
pub(super) fn bury(state: &mut State, now: Instant) {
    for workspace in &mut state.workspaces {
        let latest = workspace.latest();
        workspace.deleted = latest.transition == "delete" && latest.job(now) == Job::Succeeded;
    }
}

async fn workspace_by_name(
    caller: Caller,
    Path((named, name)): Path<(String, String)>,
    Query(query): Params,
) -> Result<Json<Value>> {
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    bury(&mut state, now);
    let owner = caller.user(&state, &named)?.id;
    let deleted = query
        .get("include_deleted")
        .is_some_and(|value| value == "true");
    let found = |workspace: &Workspace| {
        workspace.owner == owner
            && workspace.name.eq_ignore_ascii_case(&name)
            && (deleted || !workspace.deleted)
    };
    let at = caller.workspace_at(&state, found)?;
    Ok(Json(view::workspace(&state, &state.workspaces[at], now)))
}

async fn list_workspaces(caller: Caller, Query(query): Params) -> Json<Value> {
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    bury(&mut state, now);
    let term = |kind: &str| {
        let mut terms = query.get("q")?.split_whitespace();
        terms.find_map(|term| term.strip_prefix(kind))
    };
    // `name:` matches any part of the name, `owner:` the whole.
    let name = term("name:").unwrap_or_default();
    let owner = term("owner:").map(str::to_lowercase);
    let is_owners = |id: Uuid| {
        let mut users = state.users.iter();
        let name = users
            .find(|user| user.id == id)
            .map(|user| user.username.to_lowercase());
        owner.is_none() || name == owner
    };
    let all: Vec<Value> = state
        .workspaces
        .iter()
        .filter(|workspace| {
            !workspace.deleted
                && caller.may_act_for(workspace.owner)
                && workspace.name.contains(name)
                && is_owners(workspace.owner)
        })
        .map(|workspace| view::workspace(&state, workspace, now))
        .collect();
    Json(json!({ "count": all.len(), "workspaces": all }))
}

async fn read_workspace(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    let id = uuid(&id)?;
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    bury(&mut state, now);
    let at = caller.workspace_at(&state, |workspace| workspace.id == id)?;
    if state.workspaces[at].deleted {
        let message = format!(
            "Workspace \"{id}\" was deleted, you can view this workspace by specifying '?deleted=true' and trying again."
        );
        return Err(Error::new(StatusCode::GONE, message));
    }
    Ok(Json(view::workspace(&state, &state.workspaces[at], now)))
}

async fn create_build(caller: Caller, Path(id): Path<String>, body: Bytes) -> Result<Response> {
    let id = uuid(&id)?;
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    bury(&mut state, now);
    let at = caller.workspace_at(&state, |workspace| workspace.id == id && !workspace.deleted)?;
    let body = decode::json(&body)?;
    let given = decode::parameters(
        body.get("rich_parameter_values"),
        "CreateWorkspaceBuildRequest",
    )?;
    let transition = match body["transition"].as_str() {
        Some("start") => "start",
        Some("stop") => "stop",
        Some("delete") => "delete",
        other => {
            let detail = format!(
                "Validation failed for tag \"oneof\" with value: \"{}\"",
                other.unwrap_or_default()
            );
            return Err(Error::bad("Validation failed.").field("transition", detail));
        }
    };
    if state.workspaces[at].latest().job(now).is_active() {
        return Err(Error::new(
            StatusCode::CONFLICT,
            "A workspace build is already active.",
        ));
    }
    let template = state
        .template_by_id(state.workspaces[at].template)
        .ok_or_else(Error::not_found)?
        .clone();
    let values = resolve(
        &template,
        &given,
        None,
        &state.workspaces[at].latest().parameters,
    )?;
    let mut workspace = state.workspaces.swap_remove(at);
    let build = build(
        &caller, &mut state, &template, &workspace, transition, values,
    );
    workspace.builds.push(build);
    if transition == "start" {
        workspace.dormant = false;
    }
    let answer = view::build(&state, &workspace, workspace.latest(), now);
    state.workspaces.push(workspace);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

// Builds

async fn read_build(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    let (state, now) = (caller.coder.state_mut(), caller.coder.now());
    let (workspace, build) = caller.build_at(&state, &id)?;
    let workspace = &state.workspaces[workspace];
    Ok(Json(view::build(
        &state,
        workspace,
        &workspace.builds[build],
        now,
    )))
}

async fn build_parameters(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    let state = caller.coder.state_mut();
    let (workspace, build) = caller.build_at(&state, &id)?;
    let values = &state.workspaces[workspace].builds[build].parameters;
    let all: Vec<Value> = values
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    Ok(Json(json!(all)))
}

/// Lines have ids from 1; `after` is exclusive.
fn after(query: &HashMap<String, String>) -> usize {
    query
        .get("after")
        .and_then(|after| after.parse().ok())
        .unwrap_or(0)
}

async fn build_logs(
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Params,
) -> Result<Json<Value>> {
    let (state, now) = (caller.coder.state_mut(), caller.coder.now());
    let (workspace, build) = caller.build_at(&state, &id)?;
    let build = &state.workspaces[workspace].builds[build];
    let lines: Vec<Value> = build
        .logs(now)
        .into_iter()
        .enumerate()
        .skip(after(&query))
        .map(|(n, (stage, source, level, output))| {
            json!({ "id": n + 1, "created_at": build.created_at, "log_source": source, "log_level": level, "stage": stage, "output": output })
        })
        .collect();
    Ok(Json(json!(lines)))
}

async fn agent_logs(
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Params,
) -> Result<Json<Value>> {
    let id = uuid(&id)?;
    let (state, now) = (caller.coder.state_mut(), caller.coder.now());
    let at = caller.workspace_at(&state, |workspace| {
        workspace.builds.iter().any(|build| build.agent == id)
    })?;
    let build = state.workspaces[at]
        .builds
        .iter()
        .find(|build| build.agent == id)
        .ok_or_else(Error::not_found)?;
    let lines: Vec<Value> = build
        .agent_logs(now)
        .into_iter()
        .enumerate()
        .skip(after(&query))
        .map(|(n, (level, output))| json!({ "id": n + 1, "created_at": build.created_at, "output": output, "level": level, "source_id": build.agent }))
        .collect();
    Ok(Json(json!(lines)))
}

async fn cancel_build(
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Params,
) -> Result<Json<Value>> {
    let (mut state, now) = (caller.coder.state_mut(), caller.coder.now());
    let (workspace, build) = caller.build_at(&state, &id)?;
    let build = &mut state.workspaces[workspace].builds[build];
    let job = build.job(now);
    if let Some(expected) = query.get("expect_status")
        && expected != job.as_str()
    {
        if !matches!(expected.as_str(), "pending" | "running") {
            let message = format!(
                "Invalid expect_status \"{expected}\". Only 'running' or 'pending' are allowed."
            );
            return Err(Error::bad(message));
        }
        return Err(Error::new(
            StatusCode::PRECONDITION_FAILED,
            "Job is not in the expected state.",
        ));
    }
    match job {
        Job::Succeeded | Job::Failed | Job::Canceled => {
            return Err(Error::bad("Job has already completed!"));
        }
        Job::Canceling => return Err(Error::bad("Job has already been marked as canceled!")),
        Job::Pending | Job::Running => build.cancelled = Some(now),
    }
    Ok(Json(
        json!({ "message": "Job has been marked as canceled..." }),
    ))
}
