//! Gitea's API, as far as the actions need it: `/api/v1` of 1.27 (github.com/go-gitea/gitea, routers/api/v1). Forgejo
//! has the same.
//!
//! A refusal has a message for people and nothing else to tell it by but its status.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sidestage_action::{Code, Error, Result};
use sidestage_upstream::{Body, Request, StatusCode, Upstream};

use super::{Gitea, refusals};
use crate::{
    boundary::Boundary,
    provider::{ClientSettings, Provider},
    upstream_error::{explain, line},
};

/// The most organizations or teams that are read: what a form can show.
const LISTED: usize = 400;

/// The most that Gitea gives at once, unless it is told to give less (services/convert/utils.go).
const PAGE: usize = 50;

/// Calls Gitea.
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

    /// Where people find something: below the URL that is configured for them, or as Gitea says itself.
    pub(super) fn url_for_people(&self, own: &str, path: &str) -> String {
        let below = |url: &str| format!("{}/{path}", url.trim_end_matches('/'));
        match &self.settings.public_url {
            Some(url) => below(url.as_str()),
            None if own.is_empty() => below(self.upstream.base_url().as_str()),
            None => own.into(),
        }
    }

    /// The same for a page of which Gitea gives no URL: it is below where the page of an account is.
    pub(super) fn page_for_people(&self, account: &User, path: &str) -> String {
        let root = account.html_url.strip_suffix(&*account.login);
        let own = root.map(|root| format!("{root}{path}"));
        self.url_for_people(&own.unwrap_or_default(), path)
    }

    /// Whose token this is.
    pub(super) async fn me(&self) -> Result<User> {
        self.read(self.get("/api/v1/user", &[])).await
    }

    /// An account by its name, whatever its capitals. An organization is found by its name, too: it looks the same.
    pub(super) async fn user(&self, username: &str) -> Result<Option<User>> {
        self.find(self.get("/api/v1/users/{username}", &[username]))
            .await
    }

    /// The account that a sign-in source knows by this.
    pub(super) async fn user_by_sign_in(&self, source: u64, name: &str) -> Result<Option<User>> {
        let request = self
            .get("/api/v1/admin/users", &[])
            .query("source_id", source)
            .query("login_name", name);
        let found: Vec<User> = self.read(request).await?;
        // Both are compared there; a release that leaves one out must not make it somebody else's.
        let fits = |user: &User| user.source_id == source && user.login_name == name;
        Ok(found.into_iter().find(fits))
    }

    /// The account that has this e-mail address, whatever its capitals, among its addresses.
    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        #[derive(Deserialize)]
        struct Address {
            email: String,
            username: String,
        }
        let request = self
            .get("/api/v1/admin/emails/search", &[])
            .query("q", email)
            .query("limit", PAGE);
        let found: Vec<Address> = self.read(request).await?;
        // A part of an address, or of a name, is enough for Gitea.
        let same = |address: &Address| address.email.eq_ignore_ascii_case(email);
        match found.into_iter().find(same) {
            Some(Address { username, .. }) => self.user(&username).await,
            None => Ok(None),
        }
    }

    /// Makes an account. The request's own `password` is a secret.
    pub(super) async fn create_user(
        &self,
        body: &CreateUser,
        password: Option<&SecretString>,
    ) -> Result<User, Refused> {
        let mut request = self.upstream.post("/api/v1/admin/users", &[]);
        let mut json = serde_json::to_value(body).unwrap_or_default();
        if let Some(password) = password {
            json["password"] = password.expose_secret().into();
            request = request.secret(password);
        }
        let answer = request.json(&json).send().await;
        let answer = answer.map_err(|error| self.refused(error))?;
        let warning = answer.headers().get("x-gitea-warning");
        let warning = warning.and_then(|warning| warning.to_str().ok().map(str::to_owned));
        let user: User = answer.json().map_err(|error| self.refused(error))?;
        Ok(User { warning, ..user })
    }

    /// Lets an account in, or shuts it out.
    pub(super) async fn prohibit_login(&self, user: &User, prohibit: bool) -> Result<(), Refused> {
        // The call writes the name in the sign-in source anew, and takes no empty one. An account that signs in to Gitea
        // itself may have any.
        let login_name = match &*user.login_name {
            "" => &user.login,
            name => name,
        };
        let body = json!({
            "login_name": login_name,
            "source_id": user.source_id,
            "prohibit_login": prohibit,
        });
        let path = "/api/v1/admin/users/{username}";
        let request = self.upstream.patch(path, &[&user.login]).json(&body);
        self.send::<User>(request).await.map(drop)
    }

    /// Deletes an account that has nothing. Never purges.
    pub(super) async fn delete_user(&self, username: &str) -> Result<(), Refused> {
        let path = "/api/v1/admin/users/{username}";
        self.done(self.upstream.delete(path, &[username])).await
    }

    /// An organization by its name, whatever its capitals.
    pub(super) async fn organization(&self, name: &str) -> Result<Option<Organization>> {
        self.find(self.get("/api/v1/orgs/{org}", &[name])).await
    }

    /// The organizations, by their names.
    pub(super) async fn organizations(&self) -> Result<Vec<Organization>> {
        self.list("/api/v1/orgs", &[]).await
    }

    /// Whether somebody is in an organization, in whichever of its teams.
    pub(super) async fn is_member(&self, organization: &str, username: &str) -> Result<bool> {
        let path = "/api/v1/orgs/{org}/members/{username}";
        match self.get(path, &[organization, username]).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && is_own(&error) => {
                Ok(false)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// The teams of an organization.
    pub(super) async fn teams(&self, organization: &str) -> Result<Vec<Team>> {
        self.list("/api/v1/orgs/{org}/teams", &[organization]).await
    }

    /// Whether somebody is in a team.
    pub(super) async fn is_in_team(&self, team: u64, username: &str) -> Result<bool> {
        let path = "/api/v1/teams/{id}/members/{username}";
        let found: Option<User> = self
            .find(self.get(path, &[&team.to_string(), username]))
            .await?;
        Ok(found.is_some())
    }

    /// Puts somebody into a team, and so into its organization. Who is in it already is told the same.
    pub(super) async fn add_to_team(&self, team: u64, username: &str) -> Result<(), Refused> {
        let path = "/api/v1/teams/{id}/members/{username}";
        let request = self.upstream.put(path, &[&team.to_string(), username]);
        self.done(request).await
    }

    /// Takes somebody out of a team; out of the organization, too, if it was their last one there.
    pub(super) async fn remove_from_team(&self, team: u64, username: &str) -> Result<(), Refused> {
        let path = "/api/v1/teams/{id}/members/{username}";
        let request = self.upstream.delete(path, &[&team.to_string(), username]);
        self.done(request).await
    }

    /// A repository.
    pub(super) async fn repository(&self, owner: &str, name: &str) -> Result<Option<Repository>> {
        self.find(self.get("/api/v1/repos/{owner}/{repo}", &[owner, name]))
            .await
    }

    /// Makes a repository of an account's own. It may be done for everybody by who administers the site.
    pub(super) async fn create_personal_repository(
        &self,
        username: &str,
        body: &CreateRepository<'_>,
    ) -> Result<Repository, Refused> {
        let path = "/api/v1/admin/users/{username}/repos";
        self.send(self.upstream.post(path, &[username]).json(body))
            .await
    }

    /// Makes a repository in an organization.
    pub(super) async fn create_organization_repository(
        &self,
        organization: &str,
        body: &CreateRepository<'_>,
    ) -> Result<Repository, Refused> {
        let path = "/api/v1/orgs/{org}/repos";
        self.send(self.upstream.post(path, &[organization]).json(body))
            .await
    }

    /// The messages of the newest commits of the default branch, at most this many. Of an empty repository Gitea gives
    /// none, but a refusal.
    pub(super) async fn newest_commits(
        &self,
        owner: &str,
        name: &str,
        most: usize,
    ) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Listed {
            commit: Commit,
        }
        #[derive(Deserialize)]
        struct Commit {
            message: String,
        }
        let request = self
            .get("/api/v1/repos/{owner}/{repo}/commits", &[owner, name])
            .query("limit", most)
            .query("stat", false)
            .query("verification", false)
            .query("files", false);
        let found: Vec<Listed> = self.read(request).await?;
        Ok(found
            .into_iter()
            .map(|listed| listed.commit.message)
            .collect())
    }

    /// Deletes a repository, with everything in it.
    pub(super) async fn delete_repository(&self, owner: &str, name: &str) -> Result<(), Refused> {
        let path = "/api/v1/repos/{owner}/{repo}";
        self.done(self.upstream.delete(path, &[owner, name])).await
    }

    fn get(&self, path: &str, values: &[&str]) -> Request {
        self.upstream.get(path, values)
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        request
            .send()
            .await
            .and_then(|answer| answer.json())
            .map_err(|error| self.explain(error))
    }

    /// Like `read`; None where Gitea has no such thing. A name that was given up leads to the new one: nothing has the
    /// old one, and it may be taken again.
    async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        let answer = request.send().await;
        match answer.and_then(|answer| answer.json()) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && is_own(&error) => {
                Ok(None)
            }
            Err(error) if error.status() == Some(StatusCode::TEMPORARY_REDIRECT) => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Page by page, up to what a form can show. How large a page is the server may decide.
    async fn list<T: DeserializeOwned>(&self, path: &str, values: &[&str]) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for page in 1..=LISTED / PAGE {
            let request = self.get(path, values);
            let request = request.query("page", page).query("limit", PAGE);
            let answer = request.send().await.map_err(|error| self.explain(error))?;
            let total = answer.headers().get("x-total-count");
            let total = total.and_then(|total| total.to_str().ok()?.parse().ok());
            let found: Vec<T> = answer.json().map_err(|error| self.explain(error))?;
            let is_last = found.is_empty();
            all.extend(found);
            if is_last || total.is_some_and(|total: usize| all.len() >= total) {
                break;
            }
        }
        Ok(all)
    }

    /// A change.
    async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refused> {
        request
            .send()
            .await
            .and_then(|answer| answer.json())
            .map_err(|error| self.refused(error))
    }

    /// A change that is answered by 204, with nothing in it. Anything else does not come from Gitea.
    async fn done(&self, request: Request) -> Result<(), Refused> {
        let answer = request.send().await.map_err(|error| self.refused(error))?;
        match answer.status() {
            StatusCode::NO_CONTENT => Ok(()),
            status => {
                let sentence = format!(
                    "Gitea gave an answer that is not understood: its status is {status}, and should be 204. Check the \
                     connection's URL in Sidestage's configuration."
                );
                let error = Error::new(Code::UpstreamRejected, sentence).maybe_changed(true);
                Err(error.into())
            }
        }
    }

    fn refused(&self, error: sidestage_upstream::Error) -> Refused {
        Refused {
            status: error
                .status()
                .map(|status| status.as_u16())
                .unwrap_or_default(),
            message: message(error.json()).map(line).unwrap_or_default(),
            error: self.explain(error),
        }
    }

    fn explain(&self, error: sidestage_upstream::Error) -> Error {
        let about_the_caller = refusals::of_every_call(&error);
        let error = explain(Gitea::SERVICE, said, error);
        match about_the_caller {
            Some(sentence) => Error::forbidden(sentence).because(error),
            None => error,
        }
    }
}

/// Whether a 404 is about what was asked for. That of a proxy, or of a route which this release does not have, has no
/// such form (services/context/api.go, APIErrorNotFound).
fn is_own(error: &sidestage_upstream::Error) -> bool {
    let json = error.json();
    message(json).is_some() && json.is_some_and(|json| json["url"].is_string())
}

/// What Gitea says in a refusal.
pub(super) fn message(json: Option<&Value>) -> Option<&str> {
    let message = json?["message"].as_str()?.trim();
    (!message.is_empty()).then_some(message)
}

fn said(body: &Body) -> Option<String> {
    message(body.json()).map(str::to_owned)
}

/// A refused change: its status and words, and what it means unless somebody knows better.
pub(super) struct Refused {
    /// 0: there was none.
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) error: Error,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused {
            status: 0,
            message: String::new(),
            error,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// An account, as a site administrator sees it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) email: String,
    pub(super) html_url: String,
    /// The sign-in source; 0: Gitea itself.
    pub(super) source_id: u64,
    /// What that source calls the person.
    pub(super) login_name: String,
    pub(super) is_admin: bool,
    pub(super) active: bool,
    pub(super) prohibit_login: bool,
    pub(super) last_login: Option<jiff::Timestamp>,
    /// What Gitea had to say when it made the account.
    #[serde(skip)]
    pub(super) warning: Option<String>,
}

impl User {
    /// How the person signs in, for people.
    pub(super) fn sign_in(&self) -> String {
        sign_in(self.source_id)
    }

    /// Whether its person has ever signed in: until then Gitea says that it was in 1970, or in the year 1.
    pub(super) fn was_used(&self) -> bool {
        self.last_login
            .is_some_and(|at| at > jiff::Timestamp::UNIX_EPOCH)
    }
}

/// A way to sign in, for people.
pub(super) fn sign_in(source: u64) -> String {
    match source {
        0 => "password".into(),
        source => format!("source {source}"),
    }
}

/// What a new account is to be. Fields that are left out are as the server says.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CreateUser {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) full_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) login_name: Option<String>,
    /// True where it is left out.
    pub(super) must_change_password: bool,
    pub(super) send_notify: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restricted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) visibility: Option<&'static str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Organization {
    pub(super) name: String,
    /// For people.
    pub(super) full_name: String,
    pub(super) visibility: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    pub(super) id: u64,
    pub(super) name: String,
    /// `owner`, `admin`, `write`, `read` or `none`.
    pub(super) permission: String,
}

impl Team {
    /// Whether it is the team of those who own the organization.
    pub(super) fn is_owners(&self) -> bool {
        self.permission == "owner"
    }
}

/// What a new repository is to be.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CreateRepository<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) private: bool,
    pub(super) auto_init: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default_branch: Option<&'a str>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) private: bool,
    pub(super) empty: bool,
    pub(super) default_branch: String,
    pub(super) html_url: String,
    pub(super) clone_url: String,
    pub(super) ssh_url: String,
    pub(super) branch_count: u64,
    pub(super) forks_count: u64,
    pub(super) open_issues_count: u64,
    pub(super) open_pr_counter: u64,
    pub(super) release_counter: u64,
}
