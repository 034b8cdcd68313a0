//! A Keycloak as far as tokens go: it publishes keys where Keycloak does and signs as Keycloak does.

use std::sync::{Arc, LazyLock, Mutex};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::backstage::now;

/// A signing key with its id.
#[derive(Clone)]
pub struct RsaKey {
    pub kid: String,
    pub signing: EncodingKey,
}

impl RsaKey {
    pub fn new(kid: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap();
        RsaKey {
            kid: kid.into(),
            // Without the 26 bytes by which PKCS#8 says that what follows is an RSA key.
            signing: EncodingKey::from_rsa_der(&der.as_ref()[26..]),
        }
    }

    pub fn public(&self, public_key_use: PublicKeyUse) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.signing, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk.common.public_key_use = Some(public_key_use);
        jwk
    }

    /// What everybody knows of it: what an attacker would take for the secret of HS256.
    pub fn modulus(&self) -> Vec<u8> {
        match self.public(PublicKeyUse::Signature).algorithm {
            AlgorithmParameters::RSA(key) => key.n.into_bytes(),
            _ => unreachable!("it is an RSA key"),
        }
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Algorithm::RS256, claims)
    }

    pub fn sign_as(&self, algorithm: Algorithm, claims: &Value) -> String {
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(algorithm)
        };
        encode(&header, claims, &self.signing).unwrap()
    }
}

/// What it publishes, and how often it was fetched.
#[derive(Default)]
pub struct Published {
    pub keys: Vec<Jwk>,
    pub fetches: u32,
    pub down: bool,
}

#[derive(Clone)]
pub struct Keycloak {
    pub url: String,
    pub key: RsaKey,
    pub encryption: RsaKey,
    pub published: Arc<Mutex<Published>>,
}

impl Keycloak {
    pub async fn start() -> Self {
        // Making one takes a while, and they are the same for all tests.
        static KEYS: LazyLock<(RsaKey, RsaKey)> =
            LazyLock::new(|| (RsaKey::new("realm-1"), RsaKey::new("realm-1-encryption")));
        let (key, encryption) = KEYS.clone();
        let published = Arc::new(Mutex::new(Published {
            keys: vec![
                key.public(PublicKeyUse::Signature),
                encryption.public(PublicKeyUse::Encryption),
            ],
            ..Published::default()
        }));
        let router = Router::new()
            .route("/realms/platform/protocol/openid-connect/certs", get(certs))
            .with_state(published.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Keycloak {
            url,
            key,
            encryption,
            published,
        }
    }

    pub fn issuer(&self) -> String {
        format!("{}/realms/platform", self.url)
    }

    /// The claims of a good access token of jane's.
    pub fn claims(&self) -> Value {
        json!({
            "iss": self.issuer(),
            "sub": JANE,
            "aud": ["sidestage", "account"],
            "azp": "backstage",
            "typ": "Bearer",
            "iat": now(),
            "exp": now() + 300,
            "preferred_username": "jane",
        })
    }

    /// A good token with other claims than usual; null takes one away.
    pub fn token_with(&self, other: Value) -> String {
        let mut claims = self.claims();
        for (name, value) in other.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims
                    .as_object_mut()
                    .unwrap()
                    .insert(name.clone(), value.clone()),
            };
        }
        self.key.sign(&claims)
    }

    pub fn token(&self) -> String {
        self.token_with(json!({}))
    }
}

pub const JANE: &str = "4f0c9f3e-5f0e-4b36-9d2a-1f8a5c2f7a11";

async fn certs(State(published): State<Arc<Mutex<Published>>>) -> Result<String, StatusCode> {
    let mut published = published.lock().unwrap();
    published.fetches += 1;
    match published.down {
        true => Err(StatusCode::BAD_GATEWAY),
        false => Ok(json!({ "keys": published.keys }).to_string()),
    }
}
