//! `sidestage.yaml`. Every key is documented in `default.yaml` beside this file, which is compiled in.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::civil::Date;
use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, de};
use url::Url;

use crate::auth::TokenHash;

/// The commented default configuration; `sidestage config default` prints it.
pub const DEFAULT: &str = include_str!("default.yaml");

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The service's own log.
    pub log: Log,
    /// Who is let in.
    pub auth: Auth,
    /// The services, by connection name.
    pub connections: BTreeMap<String, Connection>,
    /// The organizations (tenants), by name. Empty: nothing is kept apart.
    pub organizations: BTreeMap<String, Organization>,
    /// Who may do what.
    pub policy: Policy,
    /// Where it is written down who did what.
    pub audit: Audit,
    /// Where runs are written down.
    pub journal: Journal,
    /// How runs behave.
    pub runs: Runs,
    /// Limits of the listener.
    pub server: Server,
}

/// The service's own log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Log {
    /// One JSON object a line, or text for people.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,sidestage_upstream=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum LogFormat {
    Json,
    Text,
}

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// The Backstage whose plugin tokens are accepted. None: none are.
    pub backstage: Option<Backstage>,
    /// The Keycloak realm whose access tokens are accepted on `/v1`. None: none are.
    pub keycloak: Option<Keycloak>,
    /// Keys for CI.
    pub keys: Vec<Key>,
}

/// The Backstage whose plugin tokens are accepted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backstage {
    /// Its `backend.baseUrl`, as Sidestage reaches it.
    pub base_url: Url,
    /// The plugins that may call.
    #[serde(default = "calling_plugins")]
    pub plugins: Vec<String>,
    /// Its `auth.identityTokenAlgorithm`.
    #[serde(default = "es256")]
    pub user_token_algorithm: SignatureAlgorithm,
}

fn calling_plugins() -> Vec<String> {
    vec!["scaffolder".into(), "mcp-actions".into()]
}

fn es256() -> SignatureAlgorithm {
    SignatureAlgorithm(Algorithm::ES256)
}

/// The Keycloak realm whose access tokens are accepted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keycloak {
    /// What its tokens say under `iss`, letter by letter.
    pub issuer: String,
    /// Where its public keys are, as Sidestage reaches them. None: where Keycloak has them below the issuer.
    #[serde(default)]
    pub jwks_url: Option<Url>,
    /// What must be among the audiences of a token.
    #[serde(default = "audience")]
    pub audience: String,
    /// The clients (`azp`) through which people may come.
    pub clients: Vec<String>,
    /// How tokens may be signed.
    #[serde(default = "rs256")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The claim with the paths of a person's groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// The claim with the aliases of a person's organizations.
    #[serde(default = "organization")]
    pub organization_claim: String,
}

fn groups() -> String {
    "groups".into()
}

fn organization() -> String {
    "organization".into()
}

fn audience() -> String {
    crate::auth::AUDIENCE.into()
}

fn rs256() -> Vec<SignatureAlgorithm> {
    vec![SignatureAlgorithm(Algorithm::RS256)]
}

/// How a token is signed: with a private key. A shared secret (HS256 and its like) is none, since whoever could
/// check a token could make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureAlgorithm(pub(crate) Algorithm);

impl<'de> Deserialize<'de> for SignatureAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(algorithm)
                if !matches!(
                    algorithm,
                    Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
                ) =>
            {
                Ok(SignatureAlgorithm(algorithm))
            }
            _ => Err(de::Error::custom(
                "a token is signed by RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA; nothing else is accepted",
            )),
        }
    }
}

/// A key for CI. `sidestage keys` makes one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Its name in logs and errors.
    pub name: String,
    /// What is kept of its token.
    pub hash: TokenHash,
    /// The last day on which it is good, in UTC.
    pub expires: Date,
    /// The actions that it may run; `*` stands for any text.
    #[serde(default = "all")]
    pub actions: Vec<String>,
    /// The providers whose choices for forms it may read; `*` stands for any text.
    #[serde(default = "all")]
    pub options: Vec<String>,
    /// The organizations for which it may; `*` stands for any text.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// Whether it may see, cancel, retry and undo everybody's runs of these actions.
    #[serde(default)]
    pub all_runs: bool,
}

fn all() -> Vec<String> {
    vec!["*".into()]
}

/// A configured instance of a provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// `coder`.
    pub provider: String,
    /// The service's URL, as Sidestage reaches it.
    pub url: Url,
    /// Its URL for people, where that differs.
    #[serde(default)]
    pub public_url: Option<Url>,
    /// The credential.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// Whether a template may bring a token of its own.
    #[serde(default)]
    pub accept_template_token: bool,
    /// How often a wait looks, once it has become slow.
    #[serde(default = "two_seconds")]
    pub poll_interval: Span,
    /// How many calls may be under way at once.
    #[serde(default = "sixteen")]
    pub concurrent_calls: NonZeroU16,
    /// How many calls a minute the service takes. None: any number.
    #[serde(default)]
    pub calls_per_minute: Option<NonZeroU32>,
    /// How long one try of a call that only reads may take. None: as usual.
    #[serde(default)]
    pub call_timeout: Option<Span>,
    /// The same of a call that changes something.
    #[serde(default)]
    pub write_timeout: Option<Span>,
    /// How many times a call may be repeated where that is safe. None: as usual.
    #[serde(default)]
    pub retries: Option<u8>,
}

fn sixteen() -> NonZeroU16 {
    const { NonZeroU16::new(16).unwrap() }
}

fn two_seconds() -> Span {
    Span(Duration::from_secs(2))
}

/// An organization (tenant): who is in it, and what it is in the services.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Organization {
    /// Who is in it.
    pub members: Members,
    /// The domains of its people's e-mail addresses. Empty: any.
    #[serde(default)]
    pub email_domains: Vec<String>,
    /// The connections that it works through, and what it is there.
    #[serde(default)]
    pub connections: BTreeMap<String, Place>,
}

/// Who is in an organization: whoever is in any of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Members {
    /// Groups of Backstage, by entity ref.
    pub backstage_groups: Vec<String>,
    /// Groups of Keycloak, by path, with those below them.
    pub keycloak_groups: Vec<String>,
    /// Organizations of Keycloak, by alias.
    pub keycloak_organizations: Vec<String>,
}

/// What an organization is at a connection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Place {
    /// Its organization there: Coder, Gitea.
    pub organization: Option<String>,
    /// Its team there: Mattermost.
    pub team: Option<String>,
    /// The templates that it may use: Coder. None: any of its organization's.
    pub templates: Option<Vec<String>>,
}

/// Who may do what.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// A folder with policies, `*.cedar`.
    pub folder: Option<PathBuf>,
    /// Whether the built-in policy for people holds, too.
    pub default: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            folder: None,
            default: true,
        }
    }
}

/// Where it is written down who did what.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Audit {
    /// `stdout`, `off`, or `file:/path`.
    pub to: AuditTo,
}

/// Where the audit log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AuditTo {
    /// Nowhere.
    Off,
    /// Where nothing else goes: the service's own log goes to stderr.
    #[default]
    Stdout,
    /// A file, to whose end lines are added.
    File(String),
}

impl<'de> Deserialize<'de> for AuditTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (text.as_str(), text.strip_prefix("file:")) {
            ("stdout", _) => Ok(AuditTo::Stdout),
            ("off", _) => Ok(AuditTo::Off),
            (_, Some(path)) if !path.is_empty() => Ok(AuditTo::File(path.into())),
            _ => Err(de::Error::custom(
                "an audit log goes to stdout, off, or file:/path",
            )),
        }
    }
}

/// Where runs are written down.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Journal {
    /// `sqlite:FILE`, or the URL of a PostgreSQL database.
    pub url: JournalUrl,
    /// This process's name among those that share the journal. None: host name and port.
    pub replica: Option<String>,
}

/// How runs behave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Runs {
    /// The longest a run may take.
    pub limit: Span,
    /// How long a run is kept after its end.
    pub keep: Span,
    /// Runs that are worked on at the same time, on each connection.
    pub most_running: usize,
    /// Runs that are accepted and wait for their turn, on each connection; beyond that 429.
    pub most_waiting: usize,
    /// How long a replica may be silent before another one takes its runs up.
    pub lease: Span,
}

/// Limits of the listener.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How many requests a caller, or an address without a valid token, may make in a minute. None: any number.
    pub requests_per_minute: Option<NonZeroU32>,
    /// How many event streams a caller may have open at once.
    pub event_streams: NonZeroU32,
    /// How many connections may be open at once.
    pub connections: NonZeroU32,
    /// TLS on the listener. None: plain text.
    pub tls: Option<Tls>,
    /// How long a step on door 1 waits before it answers "still running".
    pub step_wait: Span,
    /// How long runs under way may take to end when the service stops.
    pub shutdown_grace: Span,
}

/// TLS on the listener. All are files in PEM.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// The certificate, with those between it and its root.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// Whose certificates clients must show. None: they need not show any.
    #[serde(default)]
    pub client_ca: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 7008)),
            log: Log::default(),
            auth: Auth::default(),
            connections: BTreeMap::new(),
            organizations: BTreeMap::new(),
            policy: Policy::default(),
            audit: Audit::default(),
            journal: Journal::default(),
            runs: Runs::default(),
            server: Server::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log {
            format: LogFormat::Json,
            level: "info".into(),
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Journal {
            url: JournalUrl::Plain("sqlite:sidestage.db".into()),
            replica: None,
        }
    }
}

impl Default for Runs {
    fn default() -> Self {
        Runs {
            limit: Span(Duration::from_secs(60 * 60)),
            keep: Span(Duration::from_secs(30 * 24 * 60 * 60)),
            most_running: 1_000,
            most_waiting: 1_000,
            lease: Span(Duration::from_secs(15)),
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Server {
            body_limit: 1024 * 1024,
            requests_per_minute: NonZeroU32::new(6_000),
            event_streams: const { NonZeroU32::new(1_000).unwrap() },
            connections: const { NonZeroU32::new(5_000).unwrap() },
            tls: None,
            // Node's fetch, and so Backstage, gives up after 300 s without an answer.
            step_wait: Span(Duration::from_secs(240)),
            shutdown_grace: Span(Duration::from_secs(10)),
        }
    }
}

/// A duration in words: `90s`, `4m`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span: Option<Duration> = text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| span.try_into().ok());
        span.map(Span).ok_or_else(|| {
            de::Error::custom(format!(
                "\"{text}\" is no duration; write 90s, 4m or 1h 30m"
            ))
        })
    }
}

/// Where the journal is. A URL that has a password is given by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalUrl {
    /// Without a password.
    Plain(String),
    /// Where the URL is.
    Secret(SecretRef),
}

impl<'de> Deserialize<'de> for JournalUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refuse = |why: &str| Err(de::Error::custom(why));
        match text.split_once(':') {
            Some(("env" | "file", _)) => {
                SecretRef::deserialize(de::value::StringDeserializer::new(text))
                    .map(JournalUrl::Secret)
            }
            Some(("sqlite", file)) if !file.is_empty() => Ok(JournalUrl::Plain(text)),
            Some(("postgres" | "postgresql", _)) => match Url::parse(&text) {
                Ok(url) if url.password().is_none() && !text.contains("password=") => {
                    Ok(JournalUrl::Plain(text))
                }
                Ok(_) => {
                    refuse("a URL with a password is given by reference: env:NAME or file:/path")
                }
                Err(_) => refuse("this is not a URL"),
            },
            _ => refuse(
                "a journal is sqlite:FILE, a postgres:// URL, or a reference to one: env:NAME or file:/path",
            ),
        }
    }
}

/// Where a secret is: `env:NAME` or `file:/path`. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; white space around its content does not count.
    File(String),
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.into())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretRef::File(path.into())),
            // The text may be the secret itself: it is not shown.
            _ => Err(de::Error::custom(
                "a secret is given by reference: env:NAME or file:/path, never itself",
            )),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env:{name}"),
            SecretRef::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    /// Names the reference, never its content.
    pub fn resolve(&self, used_for: &str) -> Result<SecretString, Error> {
        let (secret, why) = match self {
            SecretRef::Env(name) => (
                std::env::var(name).ok(),
                "that environment variable is not set",
            ),
            SecretRef::File(path) => (fs::read_to_string(path).ok(), "that file cannot be read"),
        };
        match secret
            .map(|secret| secret.trim().to_owned())
            .filter(|secret| !secret.is_empty())
        {
            Some(secret) => Ok(secret.into()),
            None => Err(Error(format!(
                "{used_for} is {self}, but {why}, or is empty"
            ))),
        }
    }
}

/// What is wrong with the configuration: file, line, column, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub(crate) String);

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// With file, line and column.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "; `sidestage config default` prints one to begin with",
                _ => "",
            };
            Error(format!("{}: cannot be read: {error}{hint}", path.display()))
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads a configuration; `name` stands for the file in errors.
    ///
    /// # Errors
    /// With name, line and column. The text of the file is not quoted: a secret may stand in it by mistake.
    pub fn parse(text: &str, name: &str) -> Result<Self, Error> {
        let options = serde_saphyr::options! { with_snippet: false };
        let parsed: Result<Option<Config>, _> = serde_saphyr::from_str_with_options(text, options);
        parsed.map(Option::unwrap_or_default).map_err(|error| {
            let at = error
                .location()
                .map(|at| format!(":{}:{}", at.line(), at.column()))
                .unwrap_or_default();
            let what = error.to_string();
            // The library names line and column again behind the message; editors read the front.
            let what = what.split(" at line ").next().unwrap_or(&what);
            // That is advice for us, not for the author of the file.
            let what = what
                .split(", set DuplicateKeyPolicy")
                .next()
                .unwrap_or(what);
            Error(format!("{name}{at}: {what}"))
        })
    }
}
