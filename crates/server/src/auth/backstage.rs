//! Backstage plugin tokens: a plugin that calls, and inside its token the user it acts for.
//!
//! Facts from `@backstage/backend-defaults` 0.18 (its auth service): both are ES256; the outer one has the
//! type `vnd.backstage.plugin`, `sub` is the calling plugin, `aud` the called one, and there is no `iss`; the
//! inner one (claim `obo`) has the type `vnd.backstage.limited-user` and neither `aud` nor `iss`. Each plugin
//! publishes its own key set, and makes new keys at every start. What a person's browser has is of the type
//! `vnd.backstage.user`, for the audience `backstage`, signed as the limited one.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::future::Cache;
use serde::{Deserialize, de::DeserializeOwned};
use sidestage_action::Principal;
use sidestage_upstream::{Credential, Upstream};

use super::{
    LEEWAY, Refusal, TokenHash, Verified,
    jwks::{Issuer, KeySets},
};
use crate::organizations::Groups;

pub(super) struct Backstage {
    plugins: Vec<String>,
    user_algorithm: Algorithm,
    keys: KeySets,
    upstream: Upstream,
    /// What Backstage said lately of people's groups, by their tokens. None: nobody asks.
    ownership: Option<Cache<TokenHash, Vec<String>>>,
}

/// How long Backstage is not asked again about a person's groups: a step comes with several requests.
const KEEP: Duration = Duration::from_secs(30);

/// The type of a plugin's token.
pub(super) const PLUGIN_TOKEN: &str = "vnd.backstage.plugin";
/// The type of a token that a person's browser has.
pub(super) const USER_TOKEN: &str = "vnd.backstage.user";
const LIMITED_USER_TOKEN: &str = "vnd.backstage.limited-user";
/// For whom that one is.
const USER_AUDIENCE: &str = "backstage";
/// By which plugin a person's own token comes: the only one that hands it on.
const PROXY: &str = "proxy";
const PLUGIN_KEYS: &str = "/api/{plugin}/.backstage/auth/v1/jwks.json";
const ISSUER: Issuer = Issuer {
    name: "Backstage",
    setting: "auth.backstage.baseUrl",
};
const USER_INFO: &str = "/api/auth/v1/userinfo";
const USER_KEYS: &str = "/api/auth/.well-known/jwks.json";
#[derive(Deserialize)]
struct PluginClaims {
    sub: String,
    #[serde(default)]
    obo: Option<String>,
}

/// What Backstage says of a user.
#[derive(Deserialize)]
struct UserInfo {
    claims: Ownership,
}

#[derive(Deserialize)]
struct Ownership {
    sub: String,
    #[serde(default)]
    ent: Vec<String>,
}

#[derive(Deserialize)]
struct UserClaims {
    sub: String,
}

impl Backstage {
    /// `plugins` are the ids of the plugins that may call; key sets are fetched from them only.
    pub(super) fn new(
        upstream: Upstream,
        plugins: Vec<String>,
        user_algorithm: Algorithm,
        with_groups: bool,
    ) -> Self {
        let cache = Cache::builder().time_to_live(KEEP).max_capacity(10_000);
        Backstage {
            plugins,
            user_algorithm,
            keys: KeySets::new(ISSUER, upstream.clone()),
            upstream,
            ownership: with_groups.then(|| cache.build()),
        }
    }

    /// Verifies a plugin token for an audience, and the user token inside it.
    pub(super) async fn verify(&self, token: &str, audience: &str) -> Result<Verified, Refusal> {
        let plugin = self.claimed_plugin(token)?;
        let mut outer = Validation::new(Algorithm::ES256);
        outer.set_audience(&[audience]);
        outer.set_required_spec_claims(&["exp", "aud", "sub"]);
        let claims: PluginClaims = self
            .check(token, PLUGIN_TOKEN, outer, PLUGIN_KEYS, &[plugin])
            .await?;
        if claims.sub != plugin {
            return Err(Refusal::token(
                "the subject is not the plugin whose key signed it",
            ));
        }
        let mut groups = Groups::default();
        let user = match claims.obo {
            None => None,
            Some(user_token) => {
                let mut inner = Validation::new(self.user_algorithm);
                inner.validate_aud = false;
                inner.set_required_spec_claims(&["exp", "sub"]);
                let user;
                (user, groups) = self.user(&user_token, LIMITED_USER_TOKEN, inner).await?;
                Some(user)
            }
        };
        Ok(Verified {
            principal: Principal::Backstage {
                plugin: claims.sub,
                user,
            },
            name: None,
            groups,
        })
    }

    /// Verifies a person's own token, as Backstage's proxy hands it on.
    pub(super) async fn verify_user(&self, token: &str) -> Result<Verified, Refusal> {
        let mut validation = Validation::new(self.user_algorithm);
        validation.set_audience(&[USER_AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        let (user, groups) = self.user(token, USER_TOKEN, validation).await?;
        Ok(Verified {
            principal: Principal::Backstage {
                plugin: PROXY.into(),
                user: Some(user),
            },
            name: None,
            groups,
        })
    }

    /// Whom a user token is of, and what Backstage says of their groups.
    async fn user(
        &self,
        token: &str,
        kind: &str,
        validation: Validation,
    ) -> Result<(String, Groups), Refusal> {
        let claims: UserClaims = self.check(token, kind, validation, USER_KEYS, &[]).await?;
        let user = entity_ref(claims.sub)?;
        let groups = Groups {
            backstage: self.ownership(token, &user).await?,
            ..Groups::default()
        };
        Ok((user, groups))
    }

    /// The entity refs through which the person owns things: their groups. Backstage's tokens do not have them any
    /// more; it tells them to whoever has a token of the person's, the limited one included.
    async fn ownership(&self, user_token: &str, user: &str) -> Result<Vec<String>, Refusal> {
        let Some(known) = &self.ownership else {
            return Ok(Vec::new());
        };
        let hash = TokenHash::of(user_token);
        if let Some(known) = known.get(&hash).await {
            return Ok(known);
        }
        let unreachable = |error| Refusal::Unreachable {
            issuer: ISSUER,
            what: "the person's groups",
            error: Box::new(error),
        };
        let credential = Credential::Bearer(user_token.to_owned().into());
        let upstream = self
            .upstream
            .with_credential(&credential)
            .map_err(|_| Refusal::token("the user token cannot be sent"))?;
        let answer = upstream
            .get(USER_INFO, &[])
            .send()
            .await
            .map_err(unreachable)?;
        let answer: UserInfo = answer.json().map_err(unreachable)?;
        if answer.claims.sub != user {
            return Err(Refusal::token("Backstage says that it is another user's"));
        }
        known.insert(hash, answer.claims.ent.clone()).await;
        Ok(answer.claims.ent)
    }

    /// Which configured plugin the token says it comes from. Decides only whose key set is asked.
    fn claimed_plugin(&self, token: &str) -> Result<&str, Refusal> {
        let claims: PluginClaims = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|error| Refusal::token(format!("not a token: {error}")))?;
        let known = self.plugins.iter().find(|plugin| **plugin == claims.sub);
        known
            .map(String::as_str)
            .ok_or_else(|| Refusal::token("the calling plugin is not in auth.backstage.plugins"))
    }

    async fn check<T: DeserializeOwned>(
        &self,
        token: &str,
        kind: &str,
        mut validation: Validation,
        jwks: &'static str,
        of: &[&str],
    ) -> Result<T, Refusal> {
        let header =
            decode_header(token).map_err(|error| Refusal::token(format!("bad header: {error}")))?;
        if header.typ.as_deref() != Some(kind) {
            return Err(Refusal::token(format!("its type is not {kind}")));
        }
        let kid = header.kid.ok_or_else(|| Refusal::token("no key id"))?;
        let key = self.keys.key(jwks, of, &kid).await?;
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let data = decode::<T>(token, &key, &validation)
            .map_err(|error| Refusal::token(error.to_string()))?;
        Ok(data.claims)
    }
}

/// `kind:namespace/name`, as Backstage writes it.
fn entity_ref(text: String) -> Result<String, Refusal> {
    let well_formed = text
        .split_once(':')
        .and_then(|(kind, rest)| {
            rest.split_once('/')
                .map(|(namespace, name)| [kind, namespace, name])
        })
        .is_some_and(|parts| {
            parts
                .iter()
                .all(|part| !part.is_empty() && !part.contains([':', '/']))
        });
    if well_formed {
        Ok(text)
    } else {
        Err(Refusal::token("the user is not an entity ref"))
    }
}
