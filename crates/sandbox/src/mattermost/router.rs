//! The routes under `/api/v4` (server/channels/api4), and who calls (web/handlers.go, ServeHTTP).

use axum::{
    Router,
    body::Bytes,
    extract::{FromRequestParts, Request},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    middleware::{self, Next},
    response::Response,
    routing::{get, post, put},
};
use serde_json::Value;

use super::{
    Mattermost, channels,
    error::{Error, Result},
    rules, server,
    state::{User, new_id},
    teams, users,
};

pub(super) fn router(mattermost: Mattermost) -> Router {
    let api = Router::new()
        .route("/system/ping", get(server::ping))
        .route("/config", get(server::config))
        .route("/config/client", get(server::client_config))
        .route("/limits/server", get(server::limits))
        .route("/users", post(users::create))
        .route("/users/me", get(users::me))
        .route("/users/auth_data", get(users::by_auth_data))
        .route("/users/username/{username}", get(users::by_username))
        .route("/users/email/{email}", get(users::by_email))
        .route(
            "/users/password/reset/send",
            post(users::send_password_reset),
        )
        .route("/users/{user}", get(users::read).delete(users::deactivate))
        .route("/users/{user}/active", put(users::set_active))
        .route("/teams", get(teams::list).post(teams::create))
        .route("/teams/name/{name}", get(teams::by_name))
        .route("/teams/{team}", get(teams::read).delete(teams::archive))
        .route("/teams/{team}/stats", get(teams::stats))
        .route("/teams/{team}/members", post(teams::add_member))
        .route(
            "/teams/{team}/members/{user}",
            get(teams::member).delete(teams::remove_member),
        )
        .route(
            "/teams/{team}/members/{user}/schemeRoles",
            put(teams::set_roles),
        )
        .route("/teams/{team}/channels", get(channels::list))
        .route(
            "/teams/{team}/channels/private",
            get(channels::list_private),
        )
        .route("/teams/{team}/channels/name/{name}", get(channels::by_name))
        .route("/channels", post(channels::create))
        .route(
            "/channels/{channel}",
            get(channels::read).delete(channels::archive),
        )
        .route("/channels/{channel}/stats", get(channels::stats))
        .route("/channels/{channel}/members", post(channels::add_member))
        .route(
            "/channels/{channel}/members/{user}",
            get(channels::member).delete(channels::remove_member),
        );
    Router::new()
        .nest("/api/v4", api)
        .fallback(async || Error::no_route())
        .method_not_allowed_fallback(async || Error::no_route())
        .layer(middleware::from_fn(with_headers))
        .with_state(mattermost)
}

/// What every answer carries.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&new_id()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    headers.insert(
        HeaderName::from_static("x-version-id"),
        HeaderValue::from_static("11.10.0.11.10.0.sandbox.false"),
    );
    response
}

/// Who calls a route that needs a session.
pub(super) struct Caller {
    pub(super) mattermost: Mattermost,
    pub(super) user: User,
}

impl FromRequestParts<Mattermost> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, mattermost: &Mattermost) -> Result<Self> {
        let user = who(&parts.headers, mattermost).ok_or_else(Error::no_session)?;
        Ok(Caller {
            mattermost: mattermost.clone(),
            user,
        })
    }
}

/// Who calls a route that needs no session: a token that is not good counts as none.
pub(super) struct Visitor(pub(super) Option<User>);

impl FromRequestParts<Mattermost> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        mattermost: &Mattermost,
    ) -> std::result::Result<Self, Self::Rejection> {
        Ok(Visitor(who(&parts.headers, mattermost)))
    }
}

fn who(headers: &HeaderMap, mattermost: &Mattermost) -> Option<User> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token");
    let state = mattermost.state();
    let token = state
        .tokens
        .iter()
        .find(|of| known && of.text == token && !of.expired)?;
    let user = state.user(&token.user).ok()?;
    (user.delete_at == 0).then(|| user.clone())
}

impl Caller {
    pub(super) fn must_administer(&self) -> Result<()> {
        if self.user.is_admin() {
            Ok(())
        } else {
            Err(Error::permissions())
        }
    }
}

/// An id in a path. Anything but letters and digits misses the route; of them there must be 26.
pub(super) fn id_param(text: &str, name: &str) -> Result<()> {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::no_route());
    }
    if rules::is_id(text) {
        Ok(())
    } else {
        Err(Error::url_param(name))
    }
}

/// A body that is a JSON object; unknown fields are ignored.
pub(super) fn object(body: &Bytes, name: &str) -> Result<Value> {
    serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Error::body_param(name))
}

/// A text of a body; empty where it is missing.
pub(super) fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}
