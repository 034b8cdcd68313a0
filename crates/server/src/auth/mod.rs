//! Who is calling. Accepts Backstage plugin tokens, Keycloak access tokens and keys for CI; nothing is accepted until
//! configured, and at each door only what is due there.

mod backstage;
mod jwks;
mod keycloak;
mod keys;

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use sidestage_action::{Code, Error, Principal, Result};
use sidestage_upstream::{Credential, Settings, Upstream};
use url::Url;

use crate::{
    config,
    organizations::{Groups, Membership, Organizations},
    rate::{self, RateLimit},
};

use jwks::Issuer;
pub use keys::{TokenHash, new_token, today};

/// Verifies tokens, and asks their issuers about groups.
pub struct Authenticator {
    organizations: Organizations,
    backstage: Option<backstage::Backstage>,
    keycloak: Option<keycloak::Keycloak>,
    keys: keys::Keys,
    /// How often an address may be refused.
    refusals: RateLimit<IpAddr>,
}

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What a request presents of who sends it.
pub struct Presented {
    authorization: Option<String>,
    from: IpAddr,
    trace: String,
}

impl<S: Sync> FromRequestParts<S> for Presented {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let authorization = text(&parts.headers, header::AUTHORIZATION.as_str());
        let peer = parts.extensions.get::<Peer>();
        Ok(Presented {
            authorization: authorization.map(str::to_owned),
            from: peer.map_or(Ipv6Addr::UNSPECIFIED.into(), |peer| rate::network(peer.0)),
            trace: trace(&parts.headers),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The trace that a request says it belongs to (W3C), or else the request's own id.
fn trace(headers: &HeaderMap) -> String {
    let traced = text(headers, "traceparent").and_then(|parent| {
        let id = parent.split('-').nth(1)?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then_some(id)
    });
    traced
        .or(text(headers, "x-request-id"))
        .unwrap_or_default()
        .to_owned()
}

/// Who is calling, as a door has verified it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What the issuer calls the person. It may change.
    pub name: Option<String>,
    /// What the issuer says of their groups.
    pub groups: Groups,
    /// The organizations that this makes them a member of.
    pub memberships: Vec<Membership>,
    /// The trace or request that the call belongs to.
    pub trace: String,
}

/// What a token proves.
struct Verified {
    principal: Principal,
    name: Option<String>,
    groups: Groups,
}

/// The audience that a token must have on `/v1`, unless `auth.keycloak.audience` says otherwise.
pub const AUDIENCE: &str = "sidestage";

/// Where a request comes in. Keys are taken at every door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door<'a> {
    /// As if the provider were a Backstage plugin: plugin tokens with its id as audience, and no others.
    Provider(&'a str),
    /// A provider's choices for forms: the same, and people's own Backstage tokens, which Backstage's proxy hands on.
    Forms(&'a str),
    /// `/v1`: plugin tokens with the audience [`AUDIENCE`], and Keycloak access tokens.
    RunApi,
}

/// The longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Seconds by which two clocks may differ.
const LEEWAY: u64 = 10;

/// Why a token is not accepted. For the log; the caller learns only that it was not.
enum Refusal {
    /// There is none.
    Missing,
    Token(String),
    /// The issuer could not be asked for this.
    Unreachable {
        issuer: jwks::Issuer,
        what: &'static str,
        error: Box<sidestage_upstream::Error>,
    },
}

impl Refusal {
    fn token(reason: impl Into<String>) -> Self {
        Refusal::Token(reason.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Missing => f.write_str("there is none"),
            Refusal::Token(reason) => f.write_str(reason),
            Refusal::Unreachable { error, .. } => write!(f, "{error}"),
        }
    }
}

impl Authenticator {
    /// From the configuration. Nothing is called yet.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(
        config: &config::Config,
        organizations: Organizations,
    ) -> Result<Self, config::Error> {
        let auth = &config.auth;
        // Nobody asks for groups that nothing depends on.
        let with_groups = organizations.are_configured() || config.policy.folder.is_some();
        let backstage = auth.backstage.as_ref().map(|settings| {
            let upstream = upstream("auth.backstage", settings.base_url.clone())?;
            Ok(backstage::Backstage::new(
                upstream,
                settings.plugins.clone(),
                settings.user_token_algorithm.0,
                with_groups,
            ))
        });
        let keycloak = auth.keycloak.as_ref().map(keycloak::Keycloak::new);
        Ok(Authenticator {
            organizations,
            backstage: backstage.transpose()?,
            keycloak: keycloak.transpose()?,
            keys: keys::Keys::new(&auth.keys)?,
            refusals: RateLimit::new(config.server.requests_per_minute),
        })
    }

    /// Who sends a request.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`]; the reason is in the log. [`Code::RateLimited`] when too many requests without a
    /// valid token come from that address. [`Code::UpstreamUnavailable`] when the issuer's keys cannot be fetched.
    pub async fn authenticate(&self, presented: &Presented, door: Door<'_>) -> Result<Caller> {
        let authorization = presented.authorization.as_deref();
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .and_then(|(scheme, token)| {
                (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token.trim())
            });
        let verified = match token {
            Some(token) => self.verify(token, door).await,
            None => Err(Refusal::Missing),
        };
        let Verified {
            principal,
            name,
            groups,
        } = verified.map_err(|refusal| self.refuse(&refusal, presented.from))?;
        Ok(Caller {
            memberships: self.organizations.of(&groups),
            principal,
            name,
            groups,
            trace: presented.trace.clone(),
        })
    }

    async fn verify(&self, token: &str, door: Door<'_>) -> Result<Verified, Refusal> {
        if token.len() > LONGEST_TOKEN {
            return Err(Refusal::token("it is too long"));
        }
        if let Some(key) = self.keys.find(token) {
            let key = key?;
            return Ok(Verified {
                principal: Principal::Key {
                    name: key.name.clone(),
                },
                name: None,
                groups: Groups {
                    names: key.organizations.clone(),
                    ..Groups::default()
                },
            });
        }
        // What a token says of itself decides only who is asked about it; that one takes nobody else's.
        let header = jsonwebtoken::decode_header(token).ok();
        let kind = header.and_then(|header| header.typ).unwrap_or_default();
        match (door, &self.backstage, &self.keycloak) {
            (Door::Forms(_), Some(backstage), _) if kind == backstage::USER_TOKEN => {
                backstage.verify_user(token).await
            }
            (Door::Provider(provider) | Door::Forms(provider), Some(backstage), _) => {
                backstage.verify(token, provider).await
            }
            (Door::RunApi, Some(backstage), _) if kind == backstage::PLUGIN_TOKEN => {
                backstage.verify(token, AUDIENCE).await
            }
            (Door::RunApi, _, Some(keycloak)) => keycloak.verify(token).await,
            (Door::RunApi, Some(backstage), None) => backstage.verify(token, AUDIENCE).await,
            (_, None, _) => Err(Refusal::token(
                "no key has it, and nobody is configured under auth whose tokens are due here",
            )),
        }
    }

    /// What is said of a refusal. Who has a valid token is never counted by address: many may share one.
    fn refuse(&self, refusal: &Refusal, from: IpAddr) -> Error {
        if !matches!(refusal, Refusal::Unreachable { .. }) {
            let too_many = "From your address come more requests without a valid token";
            if let Err(refused) = self.refusals.count(&from, too_many) {
                return refused;
            }
        }
        tracing::warn!(reason = %refusal, "token refused");
        match refusal {
            Refusal::Missing => Error::new(
                Code::Unauthenticated,
                "This request needs a token: send the header Authorization: Bearer <token>.",
            ),
            Refusal::Token(_) => Error::new(
                Code::Unauthenticated,
                "The token was not accepted. Sidestage's log has the reason under this request's id.",
            ),
            Refusal::Unreachable {
                issuer: Issuer { name, setting },
                what,
                ..
            } => Error::new(
                Code::UpstreamUnavailable,
                format!(
                    "Sidestage cannot fetch {what} from {name}, so it cannot check the token. Check {setting} in its \
                     configuration, and that {name} can be reached from it."
                ),
            ),
        }
    }

    /// Whether the principal may see and end the runs of others.
    pub fn sees_all_runs(&self, principal: &Principal) -> bool {
        let Principal::Key { name } = principal else {
            return false;
        };
        self.keys.named(name).is_some_and(|key| key.all_runs)
    }
}

/// How an issuer is asked: a caller waits for the answer.
fn upstream(setting: &str, url: Url) -> Result<Upstream, config::Error> {
    let mut settings = Settings::new(setting, url, Credential::None);
    settings.call_timeout = Duration::from_secs(5);
    settings.retries = 1;
    Upstream::new(settings).map_err(|error| config::Error(error.to_string()))
}

/// `*` stands for any text.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    match glob.split_once('*') {
        None => glob == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text, expected) in [
            ("coder:*", "coder:create-workspace", true),
            ("*", "anything", true),
            ("*:create-*", "coder:create-workspace", true),
            ("coder:*", "gitea:create-user", false),
            ("coder:create", "coder:create-workspace", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }
}
