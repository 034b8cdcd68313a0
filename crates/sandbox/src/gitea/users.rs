//! Accounts (routers/api/v1/admin/user.go, admin/email.go, user/user.go, services/user).

use std::collections::HashMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    router::{Caller, page, redirect},
    rules::{self, at_most, object, required, text},
    state::{Mail, Owner, State, User},
    view,
};

type Parameters = Query<HashMap<String, String>>;

pub(super) async fn me(caller: Caller) -> Result<Json<Value>> {
    caller.needs("user")?;
    let me = caller.signed_in()?;
    Ok(Json(view::user(me, Some(me), &caller.gitea.url())))
}

/// Organizations are answered too, in the form of an account.
pub(super) async fn read(caller: Caller, Path(name): Path<String>) -> Result<Response> {
    caller.needs("user")?;
    let (state, url) = (caller.gitea.state(), caller.gitea.url());
    match state.owner(&name) {
        Some(Owner::User(user)) => {
            let visible = match &*user.visibility {
                "private" => caller.is_admin() || caller.user().is_some_and(|me| me.id == user.id),
                "limited" => caller.user().is_some(),
                _ => true,
            };
            match visible {
                true => Ok(Json(view::user(user, caller.user(), &url)).into_response()),
                false => Err(Error::not_found()),
            }
        }
        Some(Owner::Organization(of)) => {
            Ok(Json(view::organization_as_user(of, &url)).into_response())
        }
        None => moved(&state, &name, &format!("{url}/api/v1/users"))
            .ok_or_else(|| Error::no_user(&name)),
    }
}

/// Somebody had this name before.
fn moved(state: &State, name: &str, path: &str) -> Option<Response> {
    let mut redirects = state.redirects.iter();
    let (_, id) = redirects.find(|(old, _)| old.eq_ignore_ascii_case(name))?;
    let user = state.users.iter().find(|user| user.id == *id)?;
    Some(redirect(&format!("{path}/{}", user.login)))
}

pub(super) async fn search(caller: Caller, Query(query): Parameters) -> Result<Response> {
    caller.administers_site()?;
    let (state, url) = (caller.gitea.state(), caller.gitea.url());
    let asked = |name: &str| {
        query
            .get(name)
            .map(|value| value.trim())
            .unwrap_or_default()
    };
    let source: u64 = asked("source_id").parse().unwrap_or_default();
    let fits = |user: &&User| {
        let keyword = asked("q").to_lowercase();
        let words = [&user.login, &user.full_name, &user.email];
        (source == 0 || user.source_id == source)
            && (asked("login_name").is_empty() || user.login_name == asked("login_name"))
            && words
                .iter()
                .any(|word| word.to_lowercase().contains(&keyword))
    };
    let found = state.users.iter().filter(fits);
    let found = found.map(|user| view::user(user, caller.user(), &url));
    Ok(page(
        found.collect(),
        &query,
        state.settings.max_response_items,
    ))
}

/// A part of the address, or of a name, is enough.
pub(super) async fn search_emails(caller: Caller, Query(query): Parameters) -> Result<Response> {
    caller.administers_site()?;
    let state = caller.gitea.state();
    let keyword = query
        .get("q")
        .map(|q| q.trim().to_lowercase())
        .unwrap_or_default();
    let fits = |user: &&User| {
        let words = [&user.login, &user.full_name, &user.email];
        words
            .iter()
            .any(|word| word.to_lowercase().contains(&keyword))
    };
    let found = state.users.iter().filter(fits).map(|user| {
        json!({
            "email": user.email,
            "verified": user.active,
            "primary": true,
            "user_id": user.id,
            "username": user.login,
        })
    });
    Ok(page(
        found.collect(),
        &query,
        state.settings.max_response_items,
    ))
}

pub(super) async fn create(caller: Caller, body: Bytes) -> Result<Response> {
    caller.administers_site()?;
    let body = object(&body)?;
    let (login, email) = (text(&body, "username"), text(&body, "email"));
    let (password, visibility) = (text(&body, "password"), text(&body, "visibility"));
    required(&login, "Username")?;
    if !rules::is_username(&login) {
        return Err(Error::field("Username", "invalid username"));
    }
    at_most(&login, 40, "Username")?;
    at_most(&text(&body, "full_name"), 100, "FullName")?;
    required(&email, "Email")?;
    if !rules::is_email(&email) {
        return Err(Error::field("Email", "Email"));
    }
    at_most(&email, 254, "Email")?;
    at_most(&password, 255, "Password")?;
    if !["", "public", "limited", "private"].contains(&&*visibility) {
        return Err(Error::field("Visibility", "In"));
    }

    let mut state = caller.gitea.state();
    let source_id = body["source_id"].as_u64().unwrap_or_default();
    if source_id != 0 && !state.sources.contains(&source_id) {
        return Err(Error::unprocessable(format!(
            "login source does not exist [id: {source_id}]"
        )));
    }
    if source_id == 0 {
        rules::check_password(&password, &state.settings)?;
    }
    rules::check_usable_username(&login)?;
    let user = User {
        full_name: text(&body, "full_name"),
        email,
        source_id,
        login_name: text(&body, "login_name"),
        password,
        must_change_password: body["must_change_password"].as_bool().unwrap_or(true),
        restricted: body["restricted"].as_bool().unwrap_or_default(),
        visibility: match &*visibility {
            "" => "public".into(),
            _ => visibility,
        },
        ..User::new(0, &login)
    };
    check_saveable(&state, &user)?;
    let user = User {
        id: state.new_id(),
        ..user
    };
    state
        .redirects
        .retain(|(old, _)| !old.eq_ignore_ascii_case(&login));
    if body["send_notify"] == true && state.settings.mailer {
        let to = user.email.clone();
        state.mails.push(Mail {
            to,
            what: "registration",
        });
    }
    let mut headers = HeaderMap::new();
    if rules::is_of_other_domain(&user.email, &state.settings) {
        let warning = format!(
            "the domain of user email {} conflicts with EMAIL_DOMAIN_ALLOWLIST or EMAIL_DOMAIN_BLOCKLIST",
            user.email
        );
        let warning = HeaderValue::from_str(&warning);
        headers.extend(warning.ok().map(|warning| {
            (
                axum::http::HeaderName::from_static("x-gitea-warning"),
                warning,
            )
        }));
    }
    let answer = view::user(&user, caller.user(), &caller.gitea.url());
    state.users.push(user);
    Ok((StatusCode::CREATED, headers, Json(answer)).into_response())
}

/// Nobody maps a visibility that is not allowed to a refusal (models/user/user.go, createUser).
fn check_saveable(state: &State, user: &User) -> Result<()> {
    if !state
        .settings
        .allowed_user_visibility
        .contains(&&*user.visibility)
    {
        return Err(Error::internal(format!(
            "visibility Mode not allowed: {}",
            user.visibility
        )));
    }
    if user.email.starts_with('-') {
        return Err(Error::unprocessable(format!(
            "e-mail invalid [email: {}]",
            user.email
        )));
    }
    if state.owner(&user.login).is_some() {
        return Err(Error::unprocessable(format!(
            "user already exists [name: {}]",
            user.login
        )));
    }
    if has_email(state, &user.email) {
        return Err(Error::unprocessable(email_used(&user.email)));
    }
    Ok(())
}

fn has_email(state: &State, email: &str) -> bool {
    state
        .users
        .iter()
        .any(|user| user.email.eq_ignore_ascii_case(email))
}

fn email_used(email: &str) -> String {
    format!("e-mail already in use [email: {email}]")
}

/// The account or organization in the path of an administrator's call, or the answer that it has moved.
fn named<'a>(state: &'a State, name: &str, url: &str) -> Result<Result<Owner<'a>, Response>> {
    match state.owner(name) {
        Some(owner) => Ok(Ok(owner)),
        None => match moved(state, name, &format!("{url}/api/v1/admin/users")) {
            Some(response) => Ok(Err(response)),
            None => Err(Error::no_user(name)),
        },
    }
}

/// What has to do with signing in is saved before the address is tried.
pub(super) async fn edit(
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response> {
    caller.administers_site()?;
    let mut state = caller.gitea.state();
    let named = match named(&state, &name, &caller.gitea.url())? {
        Ok(owner) => owner,
        Err(moved) => return Ok(moved),
    };
    let body = object(&body)?;
    required(&text(&body, "login_name"), "LoginName")?;
    at_most(&text(&body, "full_name"), 100, "FullName")?;
    let id = match named {
        Owner::User(user) => user.id,
        // It is changed as if it were an account; nothing of that shows.
        Owner::Organization(of) => {
            let answer = view::organization_as_user(of, &caller.gitea.url());
            return Ok(Json(answer).into_response());
        }
    };
    let source = body["source_id"].as_u64().unwrap_or_default();
    if source != 0 && !state.sources.contains(&source) {
        return Err(Error::internal(format!(
            "login source does not exist [id: {source}]"
        )));
    }
    let user = state.user_mut(id)?;
    user.login_name = text(&body, "login_name");
    if source != 0 {
        user.source_id = source;
    }
    let set = |field: &mut bool, name: &str| *field = body[name].as_bool().unwrap_or(*field);
    set(&mut user.must_change_password, "must_change_password");
    set(&mut user.prohibit_login, "prohibit_login");
    if let Some(email) = body["email"].as_str() {
        let taken = state
            .users
            .iter()
            .any(|of| of.id != id && of.email.eq_ignore_ascii_case(email));
        if taken {
            return Err(Error::bad(email_used(email)));
        }
        state.user_mut(id)?.email = email.into();
    }
    let user = state.user_mut(id)?;
    set(&mut user.active, "active");
    set(&mut user.restricted, "restricted");
    set(&mut user.is_admin, "admin");
    if let Some(full_name) = body["full_name"].as_str() {
        user.full_name = full_name.into();
    }
    let user = user.clone();
    Ok(Json(view::user(&user, caller.user(), &caller.gitea.url())).into_response())
}

/// Without `purge` only an account that has nothing (services/user/user.go, DeleteUser).
pub(super) async fn delete(
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Parameters,
) -> Result<Response> {
    let me = caller.administers_site()?.id;
    let mut state = caller.gitea.state();
    let id = match named(&state, &name, &caller.gitea.url())? {
        Ok(Owner::User(user)) => user.id,
        Ok(Owner::Organization(_)) => {
            return Err(Error::unprocessable(
                "target is an organization but not user",
            ));
        }
        Err(moved) => return Ok(moved),
    };
    if id == me {
        return Err(Error::unprocessable("you cannot delete yourself"));
    }
    if query.get("purge").is_some_and(|value| value == "true") {
        return Err(Error::internal("the sandbox never purges"));
    }
    if state.repositories.iter().any(|of| of.owner == id) {
        return Err(Error::unprocessable(format!(
            "user still has ownership of repositories [uid: {id}]"
        )));
    }
    if state.organizations.iter().any(|of| of.has(id)) {
        return Err(Error::unprocessable(format!(
            "user still has membership of organizations [uid: {id}]"
        )));
    }
    state.users.retain(|user| user.id != id);
    Ok(StatusCode::NO_CONTENT.into_response())
}
