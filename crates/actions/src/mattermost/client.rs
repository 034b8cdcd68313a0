//! Mattermost's API, as far as the actions need it: `/api/v4` of server 11 (github.com/mattermost/mattermost,
//! server/channels/api4).
//!
//! A refusal has an `id` that stays the same in every language and release; it decides what a refusal means. With
//! `ExperimentalEnableHardenedMode` a 5xx has none. A page that is not the API's is a 404 with an id of its own, and
//! no "there is no such thing".

use std::collections::BTreeMap;

use http::{HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sidestage_action::{Error, Result};
use sidestage_upstream::{Body, Request, StatusCode, Upstream};
use url::Url;

use super::{Mattermost, refusals};
use crate::{
    boundary::Boundary,
    provider::{ClientSettings, Provider},
    upstream_error::explain,
};

/// The most teams or channels that are listed: what a form can show.
const LISTED: usize = 400;

/// The most that Mattermost gives at once (web/params.go).
const PAGE: usize = 200;

/// Calls Mattermost.
#[derive(Clone)]
pub(crate) struct Client {
    upstream: Upstream,
    settings: ClientSettings,
}

impl Client {
    pub(super) fn new(upstream: Upstream, settings: ClientSettings) -> Self {
        Client { upstream, settings }
    }

    /// Which part of the service is the tenant's.
    pub(super) fn boundary(&self) -> &Boundary {
        &self.settings.boundary
    }

    /// Whose token this is. A route that needs a session, so a bad token is refused here, which it is not where
    /// accounts are made.
    pub(super) async fn me(&self) -> Result<User> {
        self.read(self.get("/api/v4/users/me", &[])).await
    }

    /// What Mattermost tells its clients (config/client.go).
    pub(super) async fn site(&self) -> Result<Site> {
        // Releases before 11 answer 501 without the query.
        let request = self
            .get("/api/v4/config/client", &[])
            .query("format", "old");
        let config: BTreeMap<String, String> = self.read(request).await?;
        let own = config.get("SiteURL").and_then(|url| Url::parse(url).ok());
        let url = self.settings.public_url.clone().or(own);
        let url = url.unwrap_or_else(|| self.upstream.base_url().clone());
        Ok(Site {
            url: url.as_str().trim_end_matches('/').to_owned(),
            config,
        })
    }

    /// Limits that only administrators see. What is left out, or restricted, is as if it were not limited.
    pub(super) async fn limits(&self) -> Result<Limits> {
        let config: ServerConfig = self
            .find(self.get("/api/v4/config", &[]))
            .await?
            .unwrap_or_default();
        let seats = self
            .find(self.get("/api/v4/limits/server", &[]))
            .await?
            .unwrap_or_default();
        Ok(Limits {
            teams: config.teams,
            seats,
        })
    }

    /// An account by its name, which must be one that Mattermost could have: else it answers 400, not 404.
    pub(super) async fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        self.find(self.get("/api/v4/users/username/{username}", &[username]))
            .await
    }

    /// The account with this e-mail address, whatever its capitals.
    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        self.find(self.get("/api/v4/users/email/{email}", &[email]))
            .await
    }

    /// An account by its id.
    pub(super) async fn user(&self, id: &str) -> Result<Option<User>> {
        self.find(self.get("/api/v4/users/{user_id}", &[id])).await
    }

    /// The account that a provider of sign-ins knows by this. Before v11.8 nobody can say: None.
    pub(super) async fn user_by_auth_data(&self, auth_data: &str) -> Result<Option<User>> {
        let request = self
            .get("/api/v4/users/auth_data", &[])
            .query("value", auth_data);
        match in_english(request).send().await {
            Ok(answer) => answer.json().map(Some).map_err(|error| self.explain(error)),
            // Its own, or that of a release without the route: either way nobody is known.
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && id(&error).is_some() => {
                Ok(None)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Makes an account. The request's own `password` is a secret.
    pub(super) async fn create_user(
        &self,
        body: &CreateUser,
        password: Option<&SecretString>,
    ) -> Result<User, Refused> {
        let mut request = self.upstream.post("/api/v4/users", &[]);
        let mut json = serde_json::to_value(body).unwrap_or_default();
        if let Some(password) = password {
            json["password"] = password.expose_secret().into();
            request = request.secret(password);
        }
        self.send(request.json(&json)).await
    }

    /// Lets a deactivated account in again.
    pub(super) async fn activate(&self, user: &str) -> Result<(), Refused> {
        let path = "/api/v4/users/{user_id}/active";
        let request = self.upstream.put(path, &[user]);
        self.done(request.json(&json!({ "active": true }))).await
    }

    /// Deactivates an account: nothing of it is deleted. Also for those that LDAP manages.
    pub(super) async fn deactivate(&self, user: &str) -> Result<(), Refused> {
        self.done(self.upstream.delete("/api/v4/users/{user_id}", &[user]))
            .await
    }

    /// Sends the mail by which a person sets a password. All is well for an address that nobody has, too.
    pub(super) async fn send_password_mail(&self, email: &str) -> Result<(), Refused> {
        let request = self.upstream.post("/api/v4/users/password/reset/send", &[]);
        self.done(request.json(&json!({ "email": email }))).await
    }

    /// A team by its name in URLs.
    pub(super) async fn team_by_name(&self, name: &str) -> Result<Option<Team>> {
        self.find(self.get("/api/v4/teams/name/{name}", &[name]))
            .await
    }

    /// A team by its id.
    pub(super) async fn team(&self, id: &str) -> Result<Option<Team>> {
        self.find(self.get("/api/v4/teams/{team_id}", &[id])).await
    }

    /// The teams that are not archived, in the order of their titles.
    pub(super) async fn teams(&self) -> Result<Vec<Team>> {
        let teams = self.list::<Team>("/api/v4/teams", &[]).await?;
        Ok(teams
            .into_iter()
            .filter(|team| !team.is_archived())
            .collect())
    }

    /// How many are in a team whose accounts are active: what Mattermost's limit counts.
    pub(super) async fn active_members(&self, team: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Stats {
            #[serde(default)]
            active_member_count: u64,
        }
        let request = self.get("/api/v4/teams/{team_id}/stats", &[team]);
        let stats: Stats = self.read(request).await?;
        Ok(stats.active_member_count)
    }

    /// Makes a team.
    pub(super) async fn create_team(&self, body: &Value) -> Result<Team, Refused> {
        self.send(self.upstream.post("/api/v4/teams", &[]).json(body))
            .await
    }

    /// Archives a team.
    pub(super) async fn archive_team(&self, team: &str) -> Result<(), Refused> {
        self.done(self.upstream.delete("/api/v4/teams/{team_id}", &[team]))
            .await
    }

    /// Somebody's place in a team. Who has left is still found by Mattermost, but not here.
    pub(super) async fn team_member(&self, team: &str, user: &str) -> Result<Option<TeamMember>> {
        let path = "/api/v4/teams/{team_id}/members/{user_id}";
        let found: Option<TeamMember> = self.find(self.get(path, &[team, user])).await?;
        Ok(found.filter(|member| member.delete_at == 0))
    }

    /// Puts somebody into a team. Who is in it already is told the same.
    pub(super) async fn add_to_team(&self, team: &str, user: &str) -> Result<TeamMember, Refused> {
        let request = self
            .upstream
            .post("/api/v4/teams/{team_id}/members", &[team]);
        let body = json!({ "team_id": team, "user_id": user });
        self.send(request.json(&body)).await
    }

    /// Takes somebody out of a team and of all of its channels.
    pub(super) async fn remove_from_team(&self, team: &str, user: &str) -> Result<(), Refused> {
        let path = "/api/v4/teams/{team_id}/members/{user_id}";
        self.done(self.upstream.delete(path, &[team, user])).await
    }

    /// Makes a member an administrator of the team, or takes that away.
    pub(super) async fn set_team_admin(
        &self,
        team: &str,
        user: &str,
        admin: bool,
    ) -> Result<(), Refused> {
        let path = "/api/v4/teams/{team_id}/members/{user_id}/schemeRoles";
        let body = json!({ "scheme_user": true, "scheme_admin": admin });
        self.done(self.upstream.put(path, &[team, user]).json(&body))
            .await
    }

    /// A channel by its name in URLs, archived or not.
    pub(super) async fn channel_by_name(&self, team: &str, name: &str) -> Result<Option<Channel>> {
        let path = "/api/v4/teams/{team_id}/channels/name/{channel_name}";
        let request = self.get(path, &[team, name]);
        self.find(request.query("include_deleted", "true")).await
    }

    /// A channel by its id.
    pub(super) async fn channel(&self, id: &str) -> Result<Option<Channel>> {
        self.find(self.get("/api/v4/channels/{channel_id}", &[id]))
            .await
    }

    /// The public channels of a team that are not archived, in the order of their titles.
    pub(super) async fn channels(&self, team: &str) -> Result<Vec<Channel>> {
        self.list("/api/v4/teams/{team_id}/channels", &[team]).await
    }

    /// The private ones, too.
    pub(super) async fn private_channels(&self, team: &str) -> Result<Vec<Channel>> {
        let path = "/api/v4/teams/{team_id}/channels/private";
        self.list(path, &[team]).await
    }

    /// Makes a public channel.
    pub(super) async fn create_channel(&self, team: &str, name: &str) -> Result<Channel, Refused> {
        let body = json!({ "team_id": team, "name": name, "display_name": name, "type": "O" });
        self.send(self.upstream.post("/api/v4/channels", &[]).json(&body))
            .await
    }

    /// Archives a channel.
    pub(super) async fn archive_channel(&self, channel: &str) -> Result<(), Refused> {
        let path = "/api/v4/channels/{channel_id}";
        self.done(self.upstream.delete(path, &[channel])).await
    }

    /// Whether somebody is in a channel.
    pub(super) async fn is_in_channel(&self, channel: &str, user: &str) -> Result<bool> {
        let path = "/api/v4/channels/{channel_id}/members/{user_id}";
        let found: Option<Value> = self.find(self.get(path, &[channel, user])).await?;
        Ok(found.is_some())
    }

    /// How many are in a channel.
    pub(super) async fn members_of_channel(&self, channel: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Stats {
            #[serde(default)]
            member_count: u64,
        }
        let request = self.get("/api/v4/channels/{channel_id}/stats", &[channel]);
        let stats: Stats = self.read(request).await?;
        Ok(stats.member_count)
    }

    /// Puts somebody into a channel. Of many at once Mattermost hides who could not join, so it is one by one.
    pub(super) async fn add_to_channel(&self, channel: &str, user: &str) -> Result<(), Refused> {
        let path = "/api/v4/channels/{channel_id}/members";
        let request = self.upstream.post(path, &[channel]);
        self.done(request.json(&json!({ "user_id": user }))).await
    }

    /// Takes somebody out of a channel.
    pub(super) async fn remove_from_channel(
        &self,
        channel: &str,
        user: &str,
    ) -> Result<(), Refused> {
        let path = "/api/v4/channels/{channel_id}/members/{user_id}";
        self.done(self.upstream.delete(path, &[channel, user]))
            .await
    }

    fn get(&self, path: &str, values: &[&str]) -> Request {
        self.upstream.get(path, values)
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        in_english(request)
            .send()
            .await
            .and_then(|answer| answer.json())
            .map_err(|error| self.explain(error))
    }

    /// Like `read`; None where Mattermost has no such thing.
    async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        let answer = in_english(request).send().await;
        match answer.and_then(|answer| answer.json()) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && is_own(&error) => {
                Ok(None)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Page by page, up to what a form can show.
    async fn list<T: DeserializeOwned>(&self, path: &str, values: &[&str]) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for page in 0..LISTED / PAGE {
            let request = self.get(path, values);
            let request = request.query("page", page).query("per_page", PAGE);
            let found: Vec<T> = self.read(request).await?;
            let is_last = found.len() < PAGE;
            all.extend(found);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// A change.
    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refused> {
        in_english(request)
            .send()
            .await
            .and_then(|answer| answer.json())
            .map_err(|error| self.refused(error))
    }

    /// A change whose answer holds nothing to know.
    async fn done(&self, request: Request) -> Result<(), Refused> {
        self.send::<Value>(request).await.map(drop)
    }

    fn refused(&self, error: sidestage_upstream::Error) -> Refused {
        Refused {
            id: id(&error).unwrap_or_default().to_owned(),
            error: self.explain(error),
        }
    }

    fn explain(&self, error: sidestage_upstream::Error) -> Error {
        let missing_right = refusals::of_every_call(&error);
        let error = explain(Mattermost::SERVICE, said, error);
        match missing_right {
            Some((code, sentence)) => Error::new(code, sentence).because(error),
            None => error,
        }
    }
}

/// Mattermost translates its sentences; ours quote them.
fn in_english(request: Request) -> Request {
    request.header(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"))
}

/// Whether a 404 is about what was asked for. A proxy's, or that of a route which this release does not have, does
/// not say that an account does not exist.
fn is_own(error: &sidestage_upstream::Error) -> bool {
    id(error).is_some_and(|id| id != "api.context.404.app_error")
}

/// Mattermost's id of a refusal.
fn id(error: &sidestage_upstream::Error) -> Option<&str> {
    error.json()?["id"].as_str().filter(|id| !id.is_empty())
}

fn said(body: &Body) -> Option<String> {
    let json = body.json()?;
    json["id"].as_str()?;
    let message = json["message"].as_str()?.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

/// A refused change: Mattermost's id of the refusal, and what it means unless somebody knows better.
pub(super) struct Refused {
    pub(super) id: String,
    pub(super) error: Error,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// An account, as an administrator sees it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) username: String,
    pub(super) email: String,
    /// How the person signs in; empty: by password.
    #[serde(deserialize_with = "nullable")]
    pub(super) auth_service: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) auth_data: String,
    pub(super) roles: String,
    pub(super) is_bot: bool,
    /// The other Mattermost server that the account belongs to.
    #[serde(deserialize_with = "nullable")]
    pub(super) remote_id: String,
    pub(super) delete_at: i64,
}

impl User {
    pub(super) fn is_active(&self) -> bool {
        self.delete_at == 0
    }

    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.split_whitespace().any(|of| of == role)
    }
}

/// What a new account is to be. Fields that are left out are as the server says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CreateUser {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nickname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locale: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_service: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_data: Option<String>,
    pub(super) email_verified: bool,
    pub(super) disable_welcome_email: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    pub(super) id: String,
    /// In URLs.
    pub(super) name: String,
    /// For people.
    pub(super) display_name: String,
    /// `O` or `I`: open, or by invitation.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) allowed_domains: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) group_constrained: bool,
    pub(super) delete_at: i64,
}

impl Team {
    pub(super) fn is_archived(&self) -> bool {
        self.delete_at > 0
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TeamMember {
    pub(super) scheme_admin: bool,
    delete_at: i64,
}

impl TeamMember {
    pub(super) fn preview() -> Self {
        TeamMember::default()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) team_id: String,
    /// In URLs.
    pub(super) name: String,
    /// For people.
    pub(super) display_name: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) group_constrained: bool,
    /// Posts of people; who joined and who left does not count.
    pub(super) total_msg_count: u64,
    pub(super) delete_at: i64,
}

impl Channel {
    pub(super) fn is_archived(&self) -> bool {
        self.delete_at > 0
    }
}

/// What Mattermost says about itself.
pub(super) struct Site {
    /// Its address for people, without a slash at the end.
    pub(super) url: String,
    config: BTreeMap<String, String>,
}

impl Site {
    /// Whether it says that this is off. What an older release does not say is on.
    fn is_off(&self, setting: &str) -> bool {
        self.config
            .get(setting)
            .is_some_and(|value| value == "false")
    }

    /// Whether anybody can sign in by password.
    pub(super) fn has_password_sign_in(&self) -> bool {
        !(self.is_off("EnableSignInWithEmail") && self.is_off("EnableSignInWithUsername"))
    }

    /// Whether this way to sign in is on, and licensed.
    pub(super) fn has_sso(&self, setting: &str) -> bool {
        !self.is_off(setting)
    }

    /// Whether an account's address is known to be the person's.
    pub(super) fn verifies_emails(&self) -> bool {
        self.config
            .get("RequireEmailVerification")
            .is_some_and(|value| value == "true")
    }
}

/// Limits that a new account or a new member may meet.
pub(super) struct Limits {
    pub(super) teams: TeamSettings,
    pub(super) seats: Seats,
}

#[derive(Default, Deserialize)]
struct ServerConfig {
    #[serde(default, rename = "TeamSettings")]
    teams: TeamSettings,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TeamSettings {
    /// 0: not known.
    pub(super) max_users_per_team: u64,
    /// Of accounts that do not come from a directory; empty: any.
    pub(super) restrict_creation_to_domains: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Seats {
    /// 0: there is none.
    pub(super) max_users_hard_limit: u64,
    pub(super) active_user_count: u64,
}

/// A field that may be `null`.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
