//! Accounts (api4/user.go, app/user.go).

use std::collections::HashMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Mattermost,
    error::{Error, Result},
    router::{Caller, Visitor, id_param, object, text},
    rules,
    server::must_have_seat,
    state::{Mail, State, User, new_id, now},
    view,
};

pub(super) fn ok() -> Json<Value> {
    Json(json!({ "status": "OK" }))
}

pub(super) async fn me(caller: Caller) -> Json<Value> {
    Json(view::own(&caller.user))
}

pub(super) async fn read(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "user_id")?;
    let state = caller.mattermost.state();
    Ok(Json(view::profile(state.user(&id)?, &caller.user)))
}

/// Capitals break the rule for names before anything is looked up (web/context.go, RequireUsername).
pub(super) async fn by_username(
    caller: Caller,
    Path(username): Path<String>,
) -> Result<Json<Value>> {
    let routed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !username.chars().all(routed) {
        return Err(Error::no_route());
    }
    if !rules::is_username(&username) {
        return Err(Error::body_param("username"));
    }
    let state = caller.mattermost.state();
    let user = state.users.iter().find(|user| user.username == username);
    let user = user.ok_or_else(|| {
        Error::missing(
            "app.user.get_by_username.app_error",
            "Unable to find an existing account matching your username for this team. This team may require an \
             invite from the team owner to join.",
        )
    })?;
    Ok(Json(view::profile(user, &caller.user)))
}

pub(super) async fn by_email(caller: Caller, Path(email): Path<String>) -> Result<Json<Value>> {
    let email = email.to_lowercase();
    if !rules::is_email(&email) {
        return Err(Error::url_param("email"));
    }
    let state = caller.mattermost.state();
    let user = state.users.iter().find(|user| user.email == email);
    Ok(Json(view::profile(
        user.ok_or_else(Error::no_user)?,
        &caller.user,
    )))
}

/// By what the provider of sign-ins calls the person; from v11.8 on.
pub(super) async fn by_auth_data(
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    caller.must_administer()?;
    let value = query.get("value").map(String::as_str).unwrap_or_default();
    let state = caller.mattermost.state();
    let user = state
        .users
        .iter()
        .find(|user| !value.is_empty() && user.auth_data == value);
    Ok(Json(view::profile(
        user.ok_or_else(Error::no_user)?,
        &caller.user,
    )))
}

/// The route needs no session: without a good token of an administrator this is a public sign-up.
pub(super) async fn create(
    Shared(mattermost): Shared<Mattermost>,
    Visitor(caller): Visitor,
    body: Bytes,
) -> Result<Response> {
    let body = object(&body, "user")?;
    let mut state = mattermost.state();
    let by_admin = caller.is_some_and(|caller| caller.is_admin());
    if !by_admin && !state.settings.open_server {
        return Err(Error::forbidden(
            "api.user.create_user.no_open_server",
            "This server does not allow open signups. Please speak with your Administrator to receive an invitation.",
        ));
    }
    must_have_seat(&state, "api.user.create_user.user_limits.exceeded")?;
    if !text(&body, "id").is_empty() {
        return Err(Error::bad(
            "app.user.save.existing.app_error",
            "Must call update for existing user.",
        ));
    }
    let privileged = |field: &str| {
        if by_admin {
            text(&body, field)
        } else {
            String::new()
        }
    };
    let (id, password) = (new_id(), text(&body, "password"));
    let username = match text(&body, "username") {
        none if none.is_empty() => format!("a{id}"),
        username => username.to_lowercase(),
    };
    let user = User {
        id,
        username,
        email: text(&body, "email").trim().to_lowercase(),
        email_verified: by_admin && body["email_verified"] == true,
        first_name: text(&body, "first_name"),
        last_name: text(&body, "last_name"),
        nickname: text(&body, "nickname"),
        position: text(&body, "position"),
        locale: match text(&body, "locale") {
            none if none.is_empty() => "en".into(),
            locale => locale,
        },
        auth_service: privileged("auth_service"),
        auth_data: privileged("auth_data"),
        roles: "system_user".into(),
        create_at: now(),
        ..User::default()
    };
    save(&mut state, user.clone(), &password)?;
    if body["disable_welcome_email"] != true {
        let to = user.email.clone();
        state.mails.push(Mail {
            to,
            what: "welcome",
        });
    }
    Ok((StatusCode::CREATED, Json(view::own(&user))).into_response())
}

/// Domain, password, fields, then what the database says (app/users/users.go, app/user.go).
fn save(state: &mut State, user: User, password: &str) -> Result<()> {
    let domains = &state.settings.restrict_creation_to_domains;
    let is_directory = ["ldap", "saml"].contains(&&*user.auth_service);
    if !is_directory && !rules::is_of_domain(&user.email, domains) {
        return Err(Error::bad(
            "api.user.create_user.accepted_domain.app_error",
            "The email you provided does not belong to an accepted domain. Please contact your administrator or sign \
             up with a different email.",
        ));
    }
    if state.groups.contains(&&*user.username) {
        return Err(username_exists());
    }
    if user.auth_service.is_empty() {
        rules::check_password(password, &state.settings)?;
    }
    rules::check_user(&user, password)?;
    let taken = |of: fn(&User) -> &str| state.users.iter().any(|other| of(other) == of(&user));
    if taken(|user| &user.email) {
        return Err(Error::bad(
            "app.user.save.email_exists.app_error",
            "An account with that email already exists.",
        ));
    }
    if taken(|user| &user.username) {
        return Err(username_exists());
    }
    if !user.auth_data.is_empty() && taken(|user| &user.auth_data) {
        // The unique index is hit, and nothing says so.
        return Err(Error::internal());
    }
    state.users.push(user);
    Ok(())
}

fn username_exists() -> Error {
    Error::bad(
        "app.user.save.username_exists.app_error",
        "An account with that username already exists.",
    )
}

pub(super) async fn set_active(
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>> {
    id_param(&id, "user_id")?;
    let active = object(&body, "active")?["active"]
        .as_bool()
        .ok_or_else(|| Error::body_param("active"))?;
    caller.must_administer()?;
    let mut state = caller.mattermost.state();
    let user = state.user(&id)?;
    if user.auth_service == "ldap" {
        return Err(Error::forbidden(
            "api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error",
            "You cannot modify user status. User is managed by LDAP.",
        ));
    }
    if active && user.is_guest() {
        return Err(Error::new(
            StatusCode::UNAUTHORIZED,
            "api.user.update_active.cannot_enable_guest_when_guest_feature_is_disabled.app_error",
            "You cannot activate a guest account because Guest Access feature is not enabled.",
        ));
    }
    if active && user.delete_at > 0 {
        must_have_seat(&state, "app.user.update_active.user_limit.exceeded")?;
    }
    state.user_mut(&id)?.delete_at = if active { 0 } else { now() };
    Ok(ok())
}

/// Deactivates: the name and the address stay taken, memberships stay.
pub(super) async fn deactivate(
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    id_param(&id, "user_id")?;
    caller.must_administer()?;
    let mut state = caller.mattermost.state();
    let user = state.user_mut(&id)?;
    if query.get("permanent").is_some_and(|value| value == "true") {
        return Err(Error::new(
            StatusCode::UNAUTHORIZED,
            "api.user.delete_user.not_enabled.for_admin.app_error",
            "Permanent user deletion feature is not enabled. ServiceSettings.EnableAPIUserDeletion must be set to \
             true to use this command.",
        ));
    }
    user.delete_at = now();
    Ok(ok())
}

/// Says that all is well for an address that nobody has, too.
pub(super) async fn send_password_reset(
    Shared(mattermost): Shared<Mattermost>,
    body: Bytes,
) -> Result<Json<Value>> {
    let email = text(&object(&body, "email")?, "email").to_lowercase();
    if email.is_empty() {
        return Err(Error::body_param("email"));
    }
    let mut state = mattermost.state();
    let Some(user) = state.users.iter().find(|user| user.email == email) else {
        return Ok(ok());
    };
    if !user.auth_service.is_empty() {
        return Err(Error::bad(
            "api.user.send_password_reset.sso.app_error",
            "Unable to reset password for SSO accounts.",
        ));
    }
    if !state.settings.mail {
        return Err(Error::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "api.user.send_password_reset.send.app_error",
            "Failed to send password reset email successfully.",
        ));
    }
    state.mails.push(Mail {
        to: email,
        what: "password reset",
    });
    Ok(ok())
}
