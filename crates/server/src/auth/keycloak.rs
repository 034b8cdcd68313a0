//! Keycloak access tokens of people.
//!
//! Facts from Keycloak 26: an access token has `typ: Bearer` among its claims (an ID token, which has the same
//! issuer and signature, has `ID`), `azp` is the client that asked for it, and `aud` holds the services that it is
//! for, never that client itself. A client that acts for itself (client_credentials) gets a token of the same kind,
//! with `client_id` and a user name that begins with `service-account-`.

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use sidestage_action::Principal;
use url::Url;

use super::{
    LEEWAY, Refusal, Verified,
    jwks::{Issuer, KeySets},
};
use crate::{config, organizations::Groups};

pub(super) struct Keycloak {
    issuer: String,
    audience: String,
    clients: Vec<String>,
    algorithms: Vec<Algorithm>,
    keys: KeySets,
    jwks: String,
    settings: config::Keycloak,
}

/// Where Keycloak publishes a realm's keys, below its issuer.
const KEYS: &str = "/protocol/openid-connect/certs";
const SERVICE_ACCOUNT: &str = "service-account-";

#[derive(Deserialize)]
struct Claims {
    sub: String,
    typ: String,
    azp: String,
    #[serde(default)]
    iat: Option<u64>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    preferred_username: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Keycloak {
    pub(super) fn new(settings: &config::Keycloak) -> Result<Self, config::Error> {
        let refuse = |what: String| config::Error(format!("auth.keycloak: {what}"));
        if settings.algorithms.is_empty() || settings.clients.is_empty() {
            return Err(refuse(
                "algorithms and clients must each name one at least".into(),
            ));
        }
        let issuer = settings.issuer.clone();
        let mut jwks_url = match &settings.jwks_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("{}{KEYS}", issuer.trim_end_matches('/')))
                .map_err(|_| refuse("issuer is no URL".into()))?,
        };
        let jwks = jwks_url.path().to_owned();
        jwks_url.set_path("/");
        let upstream = super::upstream("auth.keycloak", jwks_url)?;
        let setting = match settings.jwks_url {
            Some(_) => "auth.keycloak.jwksUrl",
            None => "auth.keycloak.issuer",
        };
        Ok(Keycloak {
            issuer,
            audience: settings.audience.clone(),
            clients: settings.clients.clone(),
            algorithms: settings.algorithms.iter().map(|one| one.0).collect(),
            keys: KeySets::new(
                Issuer {
                    name: "Keycloak",
                    setting,
                },
                upstream,
            ),
            jwks,
            settings: settings.clone(),
        })
    }

    /// Verifies a person's access token.
    pub(super) async fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        let header =
            decode_header(token).map_err(|error| Refusal::token(format!("bad header: {error}")))?;
        if !self.algorithms.contains(&header.alg) {
            return Err(Refusal::token(format!(
                "its algorithm {:?} is not in auth.keycloak.algorithms",
                header.alg
            )));
        }
        let kid = header.kid.ok_or_else(|| Refusal::token("no key id"))?;
        let key = self.keys.key(&self.jwks, &[], &kid).await?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        let claims: Claims = decode(token, &key, &validation)
            .map_err(|error| Refusal::token(error.to_string()))?
            .claims;
        self.check(&claims)?;
        Ok(Verified {
            principal: Principal::Keycloak {
                subject: claims.sub,
            },
            name: claims.preferred_username,
            groups: Groups::of_claims(&claims.others, &self.settings),
        })
    }

    fn check(&self, claims: &Claims) -> Result<(), Refusal> {
        let refuse = |why: &str| Err(Refusal::token(why));
        if claims.typ != "Bearer" {
            return refuse("it is no access token: its type is not Bearer");
        }
        if !self.clients.contains(&claims.azp) {
            return refuse("the client that asked for it is not in auth.keycloak.clients");
        }
        if claims
            .iat
            .is_some_and(|at| at > jsonwebtoken::get_current_timestamp() + LEEWAY)
        {
            return refuse("it was issued in the future");
        }
        let is_service = claims.client_id.is_some()
            || claims
                .preferred_username
                .as_deref()
                .is_some_and(|name| name.starts_with(SERVICE_ACCOUNT));
        if is_service {
            return refuse("no person stands behind it: a client asked for it for itself");
        }
        if claims.sub.is_empty() {
            return refuse("it has no subject");
        }
        Ok(())
    }
}
