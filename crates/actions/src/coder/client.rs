//! Coder's API, as far as the actions need it.
//!
//! Answers are read leniently: fields appear with every release, and a list without elements may be `null`.

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use sidestage_action::{Code, Error, Result};
use sidestage_upstream::{Body, Method, Request, StatusCode, Upstream};
use url::Url;
use uuid::Uuid;

use super::Coder;
use crate::{
    boundary::Boundary,
    provider::{ClientSettings, Provider},
    upstream_error::{explain, line},
};

/// Calls Coder.
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

    /// How often a wait looks, once it has become slow.
    pub(super) fn poll(&self) -> Duration {
        self.settings.poll
    }

    /// What Coder is: its version, and its URL for people.
    pub(super) async fn deployment(&self) -> Result<Deployment> {
        let info: BuildInfo = self
            .read(self.upstream.get("/api/v2/buildinfo", &[]))
            .await?;
        let own = [info.dashboard_url, info.external_url]
            .into_iter()
            .flatten()
            .find_map(|url| Url::parse(&url).ok());
        let dashboard = self
            .settings
            .public_url
            .clone()
            .or(own)
            .unwrap_or_else(|| self.upstream.base_url().clone());
        Ok(Deployment {
            dashboard: Dashboard::new(&dashboard),
            version: Version::parse(&info.version),
        })
    }

    /// A user by name or id. None: there is none, or the credential may not see it.
    pub(super) async fn user(&self, name: &str) -> Result<Option<User>> {
        self.find(self.upstream.get("/api/v2/users/{user}", &[name]))
            .await
    }

    /// The user with exactly this e-mail address.
    pub(super) async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        #[derive(Deserialize)]
        struct Users {
            #[serde(default, deserialize_with = "nullable")]
            users: Vec<User>,
        }
        // The search is fuzzy: only the address in the answer says whose it is.
        let found: Users = self
            .read(self.upstream.get("/api/v2/users", &[]).query("q", email))
            .await?;
        Ok(found
            .users
            .into_iter()
            .find(|user| user.email.eq_ignore_ascii_case(email)))
    }

    /// Makes an account.
    pub(super) async fn create_user(&self, body: &CreateUser<'_>) -> Result<User> {
        self.read(self.upstream.post("/api/v2/users", &[]).json(body))
            .await
    }

    /// Deletes an account. Coder refuses that while there are workspaces of it.
    pub(super) async fn delete_user(&self, user: Uuid) -> Result<()> {
        self.change(
            self.upstream
                .delete("/api/v2/users/{user}", &[&user.to_string()]),
        )
        .await
    }

    /// `activate`s or `suspend`s an account.
    pub(super) async fn set_status(&self, user: Uuid, word: &str) -> Result<()> {
        let path = "/api/v2/users/{user}/status/{status}";
        self.change(self.upstream.put(path, &[&user.to_string(), word]))
            .await
    }

    /// The ways of signing in that this Coder has.
    pub(super) async fn auth_methods(&self) -> Result<AuthMethods> {
        self.read(self.upstream.get("/api/v2/users/authmethods", &[]))
            .await
    }

    /// The organizations that the credential sees.
    pub(super) async fn organizations(&self) -> Result<Vec<Organization>> {
        Ok(self
            .read::<Option<Vec<Organization>>>(self.upstream.get("/api/v2/organizations", &[]))
            .await?
            .unwrap_or_default())
    }

    /// An organization by id or name, or the `default` one.
    pub(super) async fn organization(&self, named: &str) -> Result<Option<Organization>> {
        let path = "/api/v2/organizations/{organization}";
        self.find(self.upstream.get(path, &[named])).await
    }

    /// Puts a user into an organization.
    pub(super) async fn add_member(&self, organization: Uuid, user: Uuid) -> Result<()> {
        let result = self.member(Method::POST, organization, user).await;
        result.map_err(|error| {
            let is_member = error.status() == Some(StatusCode::BAD_REQUEST)
                && error
                    .json()
                    .and_then(Refusal::of)
                    .is_some_and(|said| said.message.contains("already an organization member"));
            match is_member {
                true => Error::conflict("The user is a member already.").because(error),
                false => self.explain(error),
            }
        })
    }

    /// Takes a user out of an organization.
    pub(super) async fn remove_member(&self, organization: Uuid, user: Uuid) -> Result<()> {
        let result = self.member(Method::DELETE, organization, user).await;
        result.map_err(|error| self.explain(error))
    }

    async fn member(
        &self,
        method: Method,
        organization: Uuid,
        user: Uuid,
    ) -> Result<(), sidestage_upstream::Error> {
        let path = "/api/v2/organizations/{organization}/members/{user}";
        let ids = [organization.to_string(), user.to_string()];
        let request = self.upstream.request(method, path, &[&ids[0], &ids[1]]);
        request.send().await.map(|_| ())
    }

    /// A template by id.
    pub(super) async fn template(&self, id: Uuid) -> Result<Option<Template>> {
        self.find(
            self.upstream
                .get("/api/v2/templates/{template}", &[&id.to_string()]),
        )
        .await
    }

    /// A template by its name in an organization of Coder.
    pub(super) async fn template_in(
        &self,
        organization: &str,
        name: &str,
    ) -> Result<Option<Template>> {
        let path = "/api/v2/organizations/{organization}/templates/{template}";
        self.find(self.upstream.get(path, &[organization, name]))
            .await
    }

    /// Templates of all organizations, by a query in Coder's form; without one, all that are not deprecated.
    pub(super) async fn templates(&self, query: &str) -> Result<Vec<Template>> {
        let request = self.upstream.get("/api/v2/templates", &[]);
        let request = if query.is_empty() {
            request
        } else {
            request.query("q", query)
        };
        Ok(self
            .read::<Option<Vec<Template>>>(request)
            .await?
            .unwrap_or_default())
    }

    /// The parameters that a version of a template declares.
    pub(super) async fn parameters(&self, version: Uuid) -> Result<Vec<Parameter>> {
        let path = "/api/v2/templateversions/{version}/rich-parameters";
        let request = self.upstream.get(path, &[&version.to_string()]);
        Ok(self
            .read::<Option<Vec<Parameter>>>(request)
            .await?
            .unwrap_or_default())
    }

    /// The parameters that a version of a template has with these values, for this owner: which there are
    /// may depend on the values. None: this Coder cannot say.
    pub(super) async fn evaluate(
        &self,
        version: Uuid,
        owner: Uuid,
        values: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<Parameter>>> {
        #[derive(Deserialize)]
        struct Evaluated {
            #[serde(default, deserialize_with = "nullable")]
            parameters: Vec<Parameter>,
        }
        let path = "/api/v2/templateversions/{version}/dynamic-parameters/evaluate";
        let body = serde_json::json!({ "id": 0, "inputs": values, "owner_id": owner });
        let request = self
            .upstream
            .post(path, &[&version.to_string()])
            .json(&body)
            .reading();
        Ok(self
            .find::<Evaluated>(request)
            .await?
            .map(|evaluated| evaluated.parameters))
    }

    /// The presets of a version of a template.
    pub(super) async fn presets(&self, version: Uuid) -> Result<Vec<Preset>> {
        let request = self.upstream.get(
            "/api/v2/templateversions/{version}/presets",
            &[&version.to_string()],
        );
        Ok(self
            .read::<Option<Vec<Preset>>>(request)
            .await?
            .unwrap_or_default())
    }

    /// The git logins that a version of a template needs, and whether this owner has linked them.
    pub(super) async fn external_auth(
        &self,
        version: Uuid,
        owner: Uuid,
    ) -> Result<Vec<ExternalAuth>> {
        let path = "/api/v2/templateversions/{version}/external-auth";
        let request = self
            .upstream
            .get(path, &[&version.to_string()])
            .query("user_id", owner);
        Ok(self
            .read::<Option<Vec<ExternalAuth>>>(request)
            .await?
            .unwrap_or_default())
    }

    /// All workspaces of the user with that name.
    pub(super) async fn workspaces_of(&self, owner: &str) -> Result<Vec<Workspace>> {
        #[derive(Deserialize)]
        struct Workspaces {
            #[serde(default, deserialize_with = "nullable")]
            workspaces: Vec<Workspace>,
        }
        // Nobody has such a name, and in a query it would be something else.
        if !owner.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Ok(Vec::new());
        }
        let request = self.upstream.get("/api/v2/workspaces", &[]);
        let found: Workspaces = self
            .read(request.query("q", format!("owner:{owner}")))
            .await?;
        Ok(found.workspaces)
    }

    /// A workspace by its owner and name.
    pub(super) async fn workspace(&self, owner: &str, name: &str) -> Result<Option<Workspace>> {
        self.find(
            self.upstream
                .get("/api/v2/users/{user}/workspace/{name}", &[owner, name]),
        )
        .await
    }

    /// Makes a workspace.
    pub(super) async fn create_workspace(
        &self,
        owner: Uuid,
        body: &CreateWorkspace,
    ) -> Result<Workspace, CreateError> {
        let request = self
            .upstream
            .post("/api/v2/users/{user}/workspaces", &[&owner.to_string()])
            .json(body);
        let refused = match request.send().await {
            Ok(answer) => {
                return answer
                    .json()
                    .map_err(|error| CreateError::from(self.explain(error)));
            }
            Err(error) => error,
        };
        let said = refused.json().and_then(Refusal::of).unwrap_or_default();
        let status = refused.status();
        // A refusal that stays one, under a status that says that Coder is not well.
        let archived = status == Some(StatusCode::INTERNAL_SERVER_ERROR)
            && said.message.starts_with("Archived template versions");
        let error = self.explain(refused);
        let error = if archived {
            error.maybe_changed(false)
        } else {
            error
        };
        Err(CreateError {
            status,
            said,
            archived,
            error,
        })
    }

    /// The values of a build's parameters.
    pub(super) async fn build_parameters(&self, build: Uuid) -> Result<Vec<Value>> {
        let path = "/api/v2/workspacebuilds/{build}/parameters";
        let request = self.upstream.get(path, &[&build.to_string()]);
        Ok(self
            .read::<Option<Vec<Value>>>(request)
            .await?
            .unwrap_or_default())
    }

    /// Starts a workspace: a new build, of the version that it has unless another is given.
    pub(super) async fn start(&self, workspace: Uuid, version: Option<Uuid>) -> Result<Build> {
        let path = "/api/v2/workspaces/{workspace}/builds";
        let mut body = serde_json::json!({ "transition": "start" });
        if let Some(version) = version {
            body["template_version_id"] = version.to_string().into();
        }
        self.read(
            self.upstream
                .post(path, &[&workspace.to_string()])
                .json(&body),
        )
        .await
    }

    /// Begins to delete a workspace.
    pub(super) async fn delete_workspace(&self, workspace: Uuid) -> Result<Build> {
        let path = "/api/v2/workspaces/{workspace}/builds";
        let body = serde_json::json!({ "transition": "delete" });
        let request = self.upstream.post(path, &[&workspace.to_string()]);
        self.read(request.json(&body)).await
    }

    /// A build.
    pub(super) async fn build(&self, id: Uuid) -> Result<Build> {
        self.read(
            self.upstream
                .get("/api/v2/workspacebuilds/{build}", &[&id.to_string()]),
        )
        .await
    }

    /// The lines of a build's log after the one with id `after`.
    pub(super) async fn build_logs(&self, build: Uuid, after: i64) -> Result<Vec<BuildLog>> {
        let request = self.upstream.get(
            "/api/v2/workspacebuilds/{build}/logs",
            &[&build.to_string()],
        );
        Ok(self
            .read::<Option<Vec<BuildLog>>>(request.query("after", after))
            .await?
            .unwrap_or_default())
    }

    /// The lines of an agent's log after the one with id `after`.
    pub(super) async fn agent_logs(&self, agent: Uuid, after: i64) -> Result<Vec<AgentLog>> {
        let request = self.upstream.get(
            "/api/v2/workspaceagents/{agent}/logs",
            &[&agent.to_string()],
        );
        Ok(self
            .read::<Option<Vec<AgentLog>>>(request.query("after", after))
            .await?
            .unwrap_or_default())
    }

    /// Cancels a build that is still in the state in which it was seen.
    pub(super) async fn cancel(&self, build: Uuid, seen: &str) -> Result<()> {
        let path = "/api/v2/workspacebuilds/{build}/cancel";
        let request = self
            .upstream
            .patch(path, &[&build.to_string()])
            .query("expect_status", seen);
        match request.send().await {
            Ok(_) => Ok(()),
            // "Job has already completed!": like a changed state, it means that somebody was faster.
            Err(error) if error.status() == Some(StatusCode::BAD_REQUEST) => {
                Err(Error::conflict("The build has already ended.").because(error))
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    /// The host under which apps have names of their own: `*.coder.example.com`.
    pub(super) async fn app_host(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct AppHost {
            #[serde(default)]
            host: String,
        }
        Ok(self
            .read::<AppHost>(self.upstream.get("/api/v2/applications/host", &[]))
            .await?
            .host)
    }

    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        request
            .send()
            .await
            .and_then(|answer| answer.json())
            .map_err(|error| self.explain(error))
    }

    /// Like `read`, for an answer that says nothing more.
    async fn change(&self, request: Request) -> Result<()> {
        let sent = request.send().await;
        sent.map(|_| ()).map_err(|error| self.explain(error))
    }

    /// Like `read`; None where Coder has no such thing, or does not show it.
    async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        match request.send().await.and_then(|answer| answer.json()) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && is_coders(&error) => {
                Ok(None)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    fn explain(&self, error: sidestage_upstream::Error) -> Error {
        let refusal = error.json().and_then(Refusal::of).unwrap_or_default();
        if error.status() == Some(StatusCode::UNAUTHORIZED)
            && refusal.message.starts_with("User is not active")
        {
            let sentence = "Coder does not let in the account whose token this connection has: it is suspended. A Coder \
                            administrator has to activate it.";
            return Error::new(Code::UpstreamRejected, sentence).because(error);
        }
        explain(Coder::SERVICE, said, error)
    }
}

/// Whether the answer is Coder's own. A proxy's 404 does not say that a workspace does not exist.
fn is_coders(error: &sidestage_upstream::Error) -> bool {
    error
        .json()
        .and_then(Refusal::of)
        .is_some_and(|refusal| !refusal.message.is_empty())
}

/// A refused create: what Coder said, and what it means.
pub(super) struct CreateError {
    pub(super) status: Option<StatusCode>,
    pub(super) said: Refusal,
    /// The version is archived, which does not change by itself.
    pub(super) archived: bool,
    pub(super) error: Error,
}

impl From<Error> for CreateError {
    fn from(error: Error) -> Self {
        CreateError {
            status: None,
            said: Refusal::default(),
            archived: false,
            error,
        }
    }
}

/// How Coder refuses. The message alone says little; the reason is in the detail and the validations.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) detail: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) validations: Vec<Validation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Validation {
    pub(super) field: String,
    #[serde(default)]
    pub(super) detail: String,
}

impl Refusal {
    /// Reads a refusal, each of its texts as one line.
    pub(super) fn of(json: &serde_json::Value) -> Option<Self> {
        let mut refusal = Refusal::deserialize(json).ok()?;
        let validations = refusal
            .validations
            .iter_mut()
            .map(|validation| &mut validation.detail);
        for text in validations.chain([&mut refusal.message, &mut refusal.detail]) {
            *text = line(text);
        }
        // The message of a refused token is always the same and says less than its detail.
        if refusal.message.starts_with("You are signed out") && !refusal.detail.is_empty() {
            refusal.message = std::mem::take(&mut refusal.detail);
        }
        Some(refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.trim_end_matches(['.', '!']))?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for (n, Validation { field, detail }) in self.validations.iter().enumerate() {
            write!(f, "{}{field}: {detail}", if n == 0 { " - " } else { "; " })?;
        }
        Ok(())
    }
}

fn said(body: &Body) -> Option<String> {
    let refusal = Refusal::of(body.json()?)?;
    (!refusal.message.is_empty()).then(|| refusal.to_string())
}

/// A field that may be `null` although it holds a list.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct BuildInfo {
    version: String,
    dashboard_url: Option<String>,
    external_url: Option<String>,
}

/// What Coder says about itself.
pub(super) struct Deployment {
    pub(super) dashboard: Dashboard,
    pub(super) version: Option<Version>,
}

/// Coder's web pages.
#[derive(Clone)]
pub(super) struct Dashboard(String);

impl Dashboard {
    fn new(url: &Url) -> Self {
        Dashboard(url.as_str().trim_end_matches('/').to_owned())
    }

    pub(super) fn workspaces_of(&self, owner: &str) -> String {
        format!("{}/workspaces?filter=owner%3A{owner}", self.0)
    }

    pub(super) fn workspace(&self, owner: &str, name: &str) -> String {
        format!("{}/@{owner}/{name}", self.0)
    }

    pub(super) fn build(&self, owner: &str, name: &str, number: i64) -> String {
        format!("{}/@{owner}/{name}/builds/{number}", self.0)
    }

    pub(super) fn app(&self, workspace: &Workspace, agent: &Agent, app: &App) -> String {
        let Workspace {
            owner_name, name, ..
        } = workspace;
        format!(
            "{}/@{owner_name}/{name}.{}/apps/{}/",
            self.0, agent.name, app.slug
        )
    }

    /// An app with a host of its own, under `*.coder.example.com`.
    pub(super) fn subdomain_app(&self, wildcard: &str, app: &App) -> String {
        let scheme = self
            .0
            .split_once("://")
            .map_or("https", |(scheme, _)| scheme);
        format!(
            "{scheme}://{}/",
            wildcard.replacen('*', &app.subdomain_name, 1)
        )
    }
}

/// Major and minor of Coder's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64);

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('v')?.split('.');
        Some(Version(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) username: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) login_type: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) organization_ids: Vec<Uuid>,
}

/// An account to be made.
#[derive(Serialize)]
pub(super) struct CreateUser<'a> {
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) name: &'a str,
    pub(super) login_type: LoginType,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub(super) password: Option<SecretString>,
    pub(super) organization_ids: Vec<Uuid>,
}

fn exposed<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    let secret = secret.as_ref().map(ExposeSecret::expose_secret);
    secret.serialize(serializer)
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LoginType {
    Oidc,
    Github,
    Password,
}

impl LoginType {
    /// The first that a Coder has is its own way.
    pub(super) const ALL: [LoginType; 3] =
        [LoginType::Oidc, LoginType::Github, LoginType::Password];

    /// Coder's word.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            LoginType::Oidc => "oidc",
            LoginType::Github => "github",
            LoginType::Password => "password",
        }
    }
}

impl fmt::Display for LoginType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ways of signing in that a Coder has.
#[derive(Debug, Deserialize)]
pub(super) struct AuthMethods {
    #[serde(default)]
    password: AuthMethod,
    #[serde(default)]
    github: AuthMethod,
    #[serde(default)]
    oidc: AuthMethod,
}

#[derive(Debug, Default, Deserialize)]
struct AuthMethod {
    #[serde(default)]
    enabled: bool,
}

impl AuthMethods {
    pub(super) fn has(&self, login_type: LoginType) -> bool {
        match login_type {
            LoginType::Oidc => self.oidc.enabled,
            LoginType::Github => self.github.enabled,
            LoginType::Password => self.password.enabled,
        }
    }
}

/// An organization in Coder.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Organization {
    pub(super) id: Uuid,
    pub(super) name: String,
    #[serde(default)]
    pub(super) display_name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Template {
    pub(super) id: Uuid,
    pub(super) name: String,
    #[serde(default)]
    pub(super) display_name: String,
    pub(super) organization_id: Option<Uuid>,
    #[serde(default)]
    pub(super) organization_name: String,
    pub(super) active_version_id: Uuid,
    #[serde(default)]
    pub(super) deprecated: bool,
    #[serde(default)]
    pub(super) deprecation_message: String,
    /// Absent in versions that know only the classic flow.
    pub(super) use_classic_parameter_flow: Option<bool>,
}

/// A parameter of a template, as both flows describe it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) ephemeral: bool,
    /// What is wrong with its value; only where Coder has evaluated it.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Diagnostic {
    #[serde(default)]
    pub(super) severity: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) detail: String,
}

/// Presets have no JSON names in Coder: they are written as Go has them.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Preset {
    #[serde(rename = "ID", alias = "id")]
    pub(super) id: Uuid,
    #[serde(rename = "Name", alias = "name")]
    pub(super) name: String,
    #[serde(
        rename = "Parameters",
        alias = "parameters",
        default,
        deserialize_with = "nullable"
    )]
    pub(super) parameters: Vec<PresetValue>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct PresetValue {
    #[serde(rename = "Name", alias = "name")]
    pub(super) name: String,
    #[serde(rename = "Value", alias = "value")]
    pub(super) value: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ExternalAuth {
    pub(super) id: String,
    #[serde(default)]
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) authenticate_url: String,
    #[serde(default)]
    pub(super) authenticated: bool,
    #[serde(default)]
    pub(super) optional: bool,
}

/// What a workspace is made from.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CreateWorkspace {
    pub(super) name: String,
    pub(super) template_id: Uuid,
    pub(super) rich_parameter_values: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template_version_preset_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) autostart_schedule: Option<String>,
}

/// A parameter's value. All are strings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Workspace {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) owner_name: String,
    pub(super) template_id: Uuid,
    #[serde(default)]
    pub(super) template_name: String,
    #[serde(default)]
    pub(super) organization_name: String,
    pub(super) dormant_at: Option<String>,
    pub(super) ttl_ms: Option<i64>,
    pub(super) autostart_schedule: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) last_used_at: Option<Timestamp>,
    pub(super) latest_build: Build,
}

impl Workspace {
    /// Whether somebody has worked in it. Coder counts its creation as the first use.
    pub(super) fn was_used(&self) -> bool {
        let (Some(created), Some(used)) = (self.created_at, self.last_used_at) else {
            return false;
        };
        used.duration_since(created) > SignedDuration::from_mins(1)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Build {
    pub(super) id: Uuid,
    #[serde(default)]
    pub(super) build_number: i64,
    #[serde(default)]
    pub(super) status: String,
    pub(super) transition: Transition,
    pub(super) template_version_id: Option<Uuid>,
    pub(super) job: Job,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) resources: Vec<Resource>,
    pub(super) matched_provisioners: Option<MatchedProvisioners>,
}

impl Build {
    /// Stands for a build that a dry run would make.
    pub(super) fn preview() -> Self {
        Build {
            id: Uuid::nil(),
            build_number: 1,
            status: "pending".into(),
            transition: Transition::Start,
            template_version_id: None,
            job: Job {
                status: JobStatus::Pending,
                error: String::new(),
                error_code: String::new(),
                queue_position: 0,
                queue_size: 0,
            },
            resources: Vec::new(),
            matched_provisioners: None,
        }
    }

    /// The agents that a person connects to; those inside of another agent are dev containers.
    pub(super) fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.resources
            .iter()
            .flat_map(|resource| &resource.agents)
            .filter(|agent| agent.parent_id.is_none())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transition {
    Start,
    Stop,
    Delete,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Job {
    pub(super) status: JobStatus,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) error: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) error_code: String,
    #[serde(default)]
    pub(super) queue_position: i64,
    #[serde(default)]
    pub(super) queue_size: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum JobStatus {
    Pending,
    Running,
    Succeeded,
    Canceling,
    Canceled,
    Failed,
    #[serde(other)]
    Unknown,
}

impl JobStatus {
    pub(super) fn is_final(&self) -> bool {
        matches!(
            self,
            JobStatus::Succeeded | JobStatus::Canceled | JobStatus::Failed
        )
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JobStatus::Pending => "pending",
            JobStatus::Running => "running",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Canceling => "canceling",
            JobStatus::Canceled => "canceled",
            JobStatus::Failed => "failed",
            JobStatus::Unknown => "unknown",
        })
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct MatchedProvisioners {
    #[serde(default)]
    pub(super) count: i64,
    #[serde(default)]
    pub(super) available: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Resource {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) agents: Vec<Agent>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Agent {
    pub(super) id: Uuid,
    pub(super) parent_id: Option<Uuid>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) lifecycle_state: String,
    #[serde(default)]
    pub(super) connection_timeout_seconds: i64,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) troubleshooting_url: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) apps: Vec<App>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct App {
    pub(super) slug: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) display_name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) url: String,
    #[serde(default)]
    pub(super) external: bool,
    #[serde(default)]
    pub(super) subdomain: bool,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) subdomain_name: String,
    #[serde(default)]
    pub(super) hidden: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BuildLog {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) log_level: String,
    #[serde(default)]
    pub(super) stage: String,
    #[serde(default)]
    pub(super) output: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AgentLog {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) level: String,
    #[serde(default)]
    pub(super) output: String,
}
