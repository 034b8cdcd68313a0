//! A Backstage as far as tokens go: it publishes keys where Backstage does and signs as Backstage does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A signing key with its id.
#[derive(Clone)]
pub struct Key {
    pub kid: String,
    pub signing: EncodingKey,
}

impl Key {
    pub fn new(kid: &str) -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .unwrap();
        Key {
            kid: kid.into(),
            signing: EncodingKey::from_ec_der(pkcs8.as_ref()),
        }
    }

    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.signing, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        jwk
    }

    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = Header {
            typ: Some(typ.into()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        encode(&header, claims, &self.signing).unwrap()
    }
}

/// What it publishes: the key sets by plugin id, and how often each was fetched.
#[derive(Default)]
pub struct Published {
    pub keys: HashMap<String, Vec<Key>>,
    pub fetches: HashMap<String, u32>,
    /// What its userinfo says of users: their groups.
    pub groups: HashMap<String, Vec<String>>,
    pub down: bool,
}

#[derive(Clone)]
pub struct Backstage {
    pub url: String,
    pub scaffolder: Key,
    pub auth: Key,
    pub published: Arc<Mutex<Published>>,
}

pub const PLUGIN: &str = "vnd.backstage.plugin";
pub const LIMITED_USER: &str = "vnd.backstage.limited-user";
pub const USER: &str = "vnd.backstage.user";

impl Backstage {
    pub async fn start() -> Self {
        let (scaffolder, auth) = (Key::new("scaffolder-1"), Key::new("auth-1"));
        let published = Arc::new(Mutex::new(Published::default()));
        published
            .lock()
            .unwrap()
            .keys
            .insert("scaffolder".into(), vec![scaffolder.clone()]);
        published
            .lock()
            .unwrap()
            .keys
            .insert("auth".into(), vec![auth.clone()]);
        let router = Router::new()
            .route("/api/{plugin}/.backstage/auth/v1/jwks.json", get(jwks))
            .route("/api/{plugin}/.well-known/jwks.json", get(jwks))
            .route("/api/auth/v1/userinfo", get(userinfo))
            .with_state(published.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Backstage {
            url,
            scaffolder,
            auth,
            published,
        }
    }

    /// The claims of a good plugin token for an audience, on behalf of ada.
    pub fn claims(&self, audience: &str) -> Value {
        self.claims_for(audience, "user:default/ada")
    }

    pub fn claims_for(&self, audience: &str, user: &str) -> Value {
        json!({ "sub": "scaffolder", "aud": audience, "iat": now(), "exp": now() + 3600, "obo": self.user(user) })
    }

    /// A good token on behalf of somebody.
    pub fn token_for(&self, audience: &str, user: &str) -> String {
        self.scaffolder
            .sign(PLUGIN, &self.claims_for(audience, user))
    }

    /// Puts somebody into a group.
    pub fn put(&self, user: &str, group: &str) {
        let mut published = self.published.lock().unwrap();
        let groups = published.groups.entry(user.into()).or_default();
        groups.push(group.into());
    }

    pub fn user(&self, entity_ref: &str) -> String {
        self.auth.sign(
            LIMITED_USER,
            &json!({ "sub": entity_ref, "iat": now(), "exp": now() + 3600 }),
        )
    }

    /// The claims of what a person's browser has.
    pub fn own_claims(&self, entity_ref: &str) -> Value {
        json!({ "sub": entity_ref, "aud": "backstage", "iat": now(), "exp": now() + 3600 })
    }

    /// What a person's browser has.
    pub fn own_token(&self, entity_ref: &str) -> String {
        self.auth.sign(USER, &self.own_claims(entity_ref))
    }

    /// A good token.
    pub fn token(&self, audience: &str) -> String {
        self.scaffolder.sign(PLUGIN, &self.claims(audience))
    }
}

async fn jwks(
    State(published): State<Arc<Mutex<Published>>>,
    Path(plugin): Path<String>,
) -> Result<String, StatusCode> {
    let mut published = published.lock().unwrap();
    if published.down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    *published.fetches.entry(plugin.clone()).or_default() += 1;
    let keys: Vec<Jwk> = published
        .keys
        .get(&plugin)
        .into_iter()
        .flatten()
        .map(Key::public)
        .collect();
    Ok(json!({ "keys": keys }).to_string())
}

/// As Backstage's auth plugin answers whoever has a token of a user's, the limited one included.
async fn userinfo(
    State(published): State<Arc<Mutex<Published>>>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let mut published = published.lock().unwrap();
    if published.down {
        return Err(StatusCode::BAD_GATEWAY);
    }
    *published.fetches.entry("userinfo".into()).or_default() += 1;
    let token = headers["authorization"].to_str().unwrap();
    let token = token.strip_prefix("Bearer ").unwrap();
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(token).unwrap();
    let user = claims["sub"].as_str().unwrap();
    let mut ent = vec![user.to_owned()];
    ent.extend(published.groups.get(user).into_iter().flatten().cloned());
    Ok(json!({ "claims": { "sub": user, "ent": ent } }).to_string())
}

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
