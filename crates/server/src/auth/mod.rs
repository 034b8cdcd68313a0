//! Who is calling. Accepts Backstage plugin tokens and static keys; nothing is accepted until configured.

mod backstage;
mod jwks;

use std::{collections::HashMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sidestage_action::{Code, Error, Principal, Result};
use sidestage_upstream::Upstream;

use crate::config;

/// Verifies tokens.
pub struct Authenticator {
    backstage: Option<backstage::Backstage>,
    keys: HashMap<[u8; 32], Key>,
}

/// A static key, by the hash of its token.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its name in the configuration.
    pub name: String,
    /// The actions that it may run; `*` stands for any text.
    pub actions: Vec<String>,
    /// The providers whose lists of choices it may read; `*` stands for any text.
    pub options: Vec<String>,
    /// Whether it may see, cancel, retry and undo everybody's runs of these actions.
    pub all_runs: bool,
}

/// The audience that a Backstage plugin token must have on `/v1`. On door 1 it is the provider's id.
pub const AUDIENCE: &str = "sidestage";

/// The longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Why a token is not accepted. For the log; the caller learns only that it was not.
enum Refusal {
    Token(String),
    KeysUnreachable(Box<sidestage_upstream::Error>),
}

impl Refusal {
    fn token(reason: impl Into<String>) -> Self {
        Refusal::Token(reason.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Token(reason) => f.write_str(reason),
            Refusal::KeysUnreachable(error) => write!(f, "{error}"),
        }
    }
}

impl Authenticator {
    /// From the configuration. `backstage` calls the Backstage whose plugins' keys are fetched.
    pub fn new(
        auth: &config::Auth,
        backstage: Option<Upstream>,
        key_tokens: &[SecretString],
    ) -> Self {
        let backstage = auth
            .backstage
            .as_ref()
            .zip(backstage)
            .map(|(settings, upstream)| {
                backstage::Backstage::new(
                    upstream,
                    settings.plugins.clone(),
                    settings.user_token_algorithm,
                )
            });
        let keys = auth
            .keys
            .iter()
            .zip(key_tokens)
            .map(|(key, token)| {
                (
                    hash(token.expose_secret()),
                    Key {
                        name: key.name.clone(),
                        actions: key.actions.clone(),
                        options: key.options.clone(),
                        all_runs: key.all_runs,
                    },
                )
            })
            .collect();
        Authenticator { backstage, keys }
    }

    /// Who sends this `Authorization` header.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`]; the reason is in the log. [`Code::UpstreamUnavailable`] when Backstage's
    /// keys cannot be fetched.
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        audiences: &[&str],
    ) -> Result<Principal> {
        let Some(token) = authorization
            .and_then(|value| value.split_once(' '))
            .and_then(|(scheme, token)| {
                (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token.trim())
            })
        else {
            let message =
                "This request needs a token: send the header Authorization: Bearer <token>.";
            return Err(Error::new(Code::Unauthenticated, message));
        };
        if token.len() > LONGEST_TOKEN {
            return Err(refuse(&Refusal::token("it is too long")));
        }
        if let Some(key) = self.keys.get(&hash(token)) {
            return Ok(Principal::Key {
                name: key.name.clone(),
            });
        }
        match &self.backstage {
            Some(backstage) => backstage
                .verify(token, audiences)
                .await
                .map_err(|refusal| refuse(&refusal)),
            None => Err(refuse(&Refusal::token(
                "no key has it, and auth.backstage is not configured",
            ))),
        }
    }

    /// Whether the principal may see and end the runs of others.
    pub fn sees_all_runs(&self, principal: &Principal) -> bool {
        let Principal::Key { name } = principal else {
            return false;
        };
        let mut keys = self.keys.values();
        keys.any(|key| key.name == *name && key.all_runs)
    }

    /// Whether the principal may run the action at all. Tenancy and policies come on top of this.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn authorise(&self, principal: &Principal, action: &str) -> Result<()> {
        self.allow(
            principal,
            |key| &key.actions,
            action,
            |name| format!("The key {name} may not run {action}; auth.keys lists what it may run."),
        )
    }

    /// Whether the principal may read the provider's lists of choices for forms.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn authorise_options(&self, principal: &Principal, provider: &str) -> Result<()> {
        self.allow(principal, |key| &key.options, provider, |name| {
            format!(
                "The key {name} may not read the options of {provider}; auth.keys lists what it may read."
            )
        })
    }

    fn allow(
        &self,
        principal: &Principal,
        scope: impl Fn(&Key) -> &Vec<String>,
        wanted: &str,
        refusal: impl Fn(&str) -> String,
    ) -> Result<()> {
        match principal {
            Principal::Backstage { user: Some(_), .. } => Ok(()),
            Principal::Backstage { plugin, user: None } => Err(Error::forbidden(format!(
                "Nobody stands behind this call: the Backstage plugin {plugin} made it for itself. Start the template as a \
                 signed-in user."
            ))),
            Principal::Key { name } => {
                let allowed = self.keys.values().any(|key| {
                    key.name == *name && scope(key).iter().any(|glob| matches(glob, wanted))
                });
                if allowed {
                    Ok(())
                } else {
                    Err(Error::forbidden(refusal(name)))
                }
            }
        }
    }
}

fn refuse(refusal: &Refusal) -> Error {
    tracing::warn!(reason = %refusal, "token refused");
    match refusal {
        Refusal::Token(_) => Error::new(
            Code::Unauthenticated,
            "The token was not accepted. Sidestage's log has the reason under this request's id.",
        ),
        Refusal::KeysUnreachable(_) => Error::new(
            Code::UpstreamUnavailable,
            "Sidestage cannot fetch Backstage's public keys, so it cannot check the token. Check auth.backstage.baseUrl in \
             its configuration, and that Backstage can be reached from it.",
        ),
    }
}

/// Tokens are compared by hash, so that the time it takes says nothing about them.
fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// `*` stands for any text.
fn matches(glob: &str, text: &str) -> bool {
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
