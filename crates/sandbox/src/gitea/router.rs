//! The routes, and who calls (routers/api/v1/api.go, services/auth).

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Gitea,
    error::{Error, Result},
    git, organizations, repositories,
    state::{State, User},
    users,
};

pub(super) fn router(gitea: Gitea) -> Router {
    let api = Router::new()
        .route("/version", get(version))
        .route("/user", get(users::me))
        .route("/users/{user}", get(users::read))
        .route("/admin/users", get(users::search).post(users::create))
        .route(
            "/admin/users/{user}",
            axum::routing::patch(users::edit).delete(users::delete),
        )
        .route(
            "/admin/users/{user}/repos",
            post(repositories::create_for_user),
        )
        .route("/admin/emails/search", get(users::search_emails))
        .route("/orgs", get(organizations::list))
        .route("/orgs/{org}", get(organizations::read))
        .route(
            "/orgs/{org}/repos",
            post(repositories::create_in_organization),
        )
        .route("/orgs/{org}/members/{user}", get(organizations::is_member))
        .route("/orgs/{org}/teams", get(organizations::teams))
        .route("/teams/{team}", get(organizations::team))
        .route(
            "/teams/{team}/members/{user}",
            put(organizations::add_member)
                .get(organizations::member)
                .delete(organizations::remove_member),
        )
        .route(
            "/repos/{owner}/{repo}",
            get(repositories::read).delete(repositories::delete),
        )
        .route("/repos/{owner}/{repo}/commits", get(repositories::commits))
        .route(
            "/repos/{owner}/{repo}/contents/{*path}",
            get(repositories::contents),
        );
    Router::new()
        .nest("/api/v1", api)
        .route("/{owner}/{repo}/info/refs", get(git::info_refs))
        .route("/{owner}/{repo}/git-upload-pack", post(git::upload_pack))
        .route("/{owner}/{repo}/git-receive-pack", post(git::receive_pack))
        .route(
            "/{owner}/{repo}/src/branch/{*branch}",
            get(repositories::page),
        )
        // A push is as large as its repository.
        .layer(DefaultBodyLimit::disable())
        .fallback(async || (StatusCode::NOT_FOUND, "404 page not found\n"))
        .with_state(gitea)
}

/// Needs nobody to have signed in; a bad credential is refused all the same.
async fn version(_: Caller) -> Json<Value> {
    Json(json!({ "version": "1.27.0" }))
}

/// What a credential is good for.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) user: User,
    /// Of a token; None: everything that the account may do.
    scope: Option<&'static str>,
}

/// Who calls.
pub(super) struct Caller {
    pub(super) gitea: Gitea,
    /// None: nobody has signed in.
    pub(super) signed: Option<Signed>,
    method: Method,
}

impl FromRequestParts<Gitea> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, gitea: &Gitea) -> Result<Self> {
        let refused = || {
            Error::new(
                StatusCode::UNAUTHORIZED,
                "invalid username, password or token",
            )
        };
        let signed = who(&parts.headers, &gitea.state()).map_err(|()| refused())?;
        if let Some(Signed { user, .. }) = &signed {
            may_call(user)?;
        }
        Ok(Caller {
            gitea: gitea.clone(),
            signed,
            method: parts.method.clone(),
        })
    }
}

/// An account that is shut out, or has something else to do first, has no use of the API.
fn may_call(user: &User) -> Result<()> {
    if !user.active || user.prohibit_login {
        return Err(Error::account(
            "This account is prohibited from signing in, please contact your site administrator.",
        ));
    }
    if user.must_change_password {
        return Err(Error::account(
            "You must change your password. Change it at: http://localhost:3000/user/change_password",
        ));
    }
    Ok(())
}

/// By a token, however it is given, or by name and password. Err: something was given, and is not good.
pub(super) fn who(headers: &HeaderMap, state: &State) -> Result<Option<Signed>, ()> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let (scheme, text) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(())?;
    let by_token = |text: &str| {
        let token = state.tokens.iter().find(|token| token.text == text)?;
        let user = state
            .users
            .iter()
            .find(|user| user.id == token.user)?
            .clone();
        let scope = Some(token.scope);
        Some(Signed { user, scope })
    };
    if ["token", "bearer"].contains(&&*scheme.to_lowercase()) {
        return by_token(text).map(Some).ok_or(());
    }
    let pair = STANDARD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (name, password) = pair
        .as_deref()
        .and_then(|pair| pair.split_once(':'))
        .ok_or(())?;
    let token = match password {
        "" | "x-oauth-basic" => name,
        password => password,
    };
    let by_password = || {
        let user = state.user(name)?;
        let fits = !user.password.is_empty() && user.password == password;
        fits.then(|| Signed {
            user: user.clone(),
            scope: None,
        })
    };
    by_token(token).or_else(by_password).map(Some).ok_or(())
}

impl Caller {
    pub(super) fn user(&self) -> Option<&User> {
        self.signed.as_ref().map(|signed| &signed.user)
    }

    /// `tokenRequiresScopes`: only tokens have scopes.
    pub(super) fn needs(&self, category: &str) -> Result<()> {
        let Some(Signed {
            scope: Some(scope), ..
        }) = &self.signed
        else {
            return Ok(());
        };
        let level = match self.method {
            Method::GET | Method::HEAD => "read",
            _ => "write",
        };
        let (needed, more) = (format!("{level}:{category}"), format!("write:{category}"));
        let has = |of: &str| of == "all" || of == needed || of == more;
        match scope.split(',').any(has) {
            true => Ok(()),
            false => Err(Error::forbidden(format!(
                "token does not have at least one of required scope(s), required=[{needed}], token scope={scope}"
            ))),
        }
    }

    /// `reqToken`
    pub(super) fn signed_in(&self) -> Result<&User> {
        self.user()
            .ok_or_else(|| Error::new(StatusCode::UNAUTHORIZED, "token is required"))
    }

    /// What every call below `/admin` needs.
    pub(super) fn administers_site(&self) -> Result<&User> {
        self.needs("admin")?;
        let user = self.signed_in()?;
        match user.is_admin {
            true => Ok(user),
            false => Err(Error::forbidden("user should be the site admin")),
        }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.user().is_some_and(|user| user.is_admin)
    }
}

/// One page of a list: `page` from 1, `limit` with a cap (services/convert/utils.go, ToCorrectPageSize).
pub(super) fn page(all: Vec<Value>, query: &HashMap<String, String>, most: usize) -> Response {
    let number = |name: &str| {
        query
            .get(name)
            .and_then(|value| value.parse::<usize>().ok())
    };
    let size = match number("limit").unwrap_or(0) {
        0 => 30.min(most),
        size => size.min(most),
    };
    let skipped = (number("page").unwrap_or(1).max(1) - 1) * size;
    let total = all.len().to_string();
    let page: Vec<Value> = all.into_iter().skip(skipped).take(size).collect();
    ([("x-total-count", total)], Json(page)).into_response()
}

/// The answer to a call by the name that somebody had before (services/context/context_response.go).
pub(super) fn redirect(path: &str) -> Response {
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, path.to_owned())],
    )
        .into_response()
}
