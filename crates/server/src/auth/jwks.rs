//! Key sets of token issuers: fetched when a key is not known yet, and again when they have become old.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{JwkSet, PublicKeyUse},
};
use sidestage_upstream::Upstream;
use tokio::time::Instant;

use super::Refusal;

/// The key sets of one issuer, by where it publishes them.
pub(super) struct KeySets {
    issuer: Issuer,
    upstream: Upstream,
    sets: Mutex<HashMap<Place, Arc<KeySet>>>,
}

/// Whose keys these are, for people.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuer {
    /// Its name.
    pub(super) name: &'static str,
    /// Where its address stands in the configuration.
    pub(super) setting: &'static str,
}

/// A path template and its values, as [`Upstream::get`] takes them.
type Place = (String, Vec<String>);

#[derive(Default)]
struct KeySet {
    known: Mutex<Known>,
    /// One fetch at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    looked_at: Option<Instant>,
    looked_in_vain_at: Option<Instant>,
}

/// After a fetch that did not bring the key asked for, unknown keys are refused for so long without
/// asking again: a stream of made-up key ids must not become a stream of requests.
const COOLDOWN: Duration = Duration::from_secs(2);

/// A key that its issuer has withdrawn is good for so long.
const OLD: Duration = Duration::from_secs(10 * 60);

impl KeySets {
    pub(super) fn new(issuer: Issuer, upstream: Upstream) -> Self {
        KeySets {
            issuer,
            upstream,
            sets: Mutex::default(),
        }
    }

    /// The key `kid` of the set at a path. The last good set is kept while its issuer cannot be asked, and keys that
    /// are known do not wait for a fetch of others.
    pub(super) async fn key(
        &self,
        path: &str,
        values: &[&str],
        kid: &str,
    ) -> Result<DecodingKey, Refusal> {
        let values_owned = values.iter().map(|value| (*value).to_owned()).collect();
        let set = lock(&self.sets)
            .entry((path.to_owned(), values_owned))
            .or_default()
            .clone();
        if let Some(key) = set.fresh(kid) {
            return Ok(key);
        }
        let _fetching = match set.fetching.try_lock() {
            Ok(fetching) => fetching,
            Err(_) => match set.of_any_age(kid) {
                Some(key) => return Ok(key),
                None => set.fetching.lock().await,
            },
        };
        if let Some(key) = set.fresh(kid) {
            return Ok(key);
        }
        if !set.may_ask() {
            return Err(unknown());
        }
        match self.fetch(path, values).await {
            Ok(keys) => set.replace(keys, kid).ok_or_else(unknown),
            Err(error) => set.keep(kid).ok_or_else(|| Refusal::Unreachable {
                issuer: self.issuer,
                what: "public keys",
                error: Box::new(error),
            }),
        }
    }

    async fn fetch(
        &self,
        path: &str,
        values: &[&str],
    ) -> Result<HashMap<String, DecodingKey>, sidestage_upstream::Error> {
        let fetched: JwkSet = self.upstream.get(path, values).send().await?.json()?;
        let signing = fetched
            .keys
            .iter()
            .filter(|key| key.common.public_key_use != Some(PublicKeyUse::Encryption));
        Ok(signing
            .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)))
            .collect())
    }
}

fn unknown() -> Refusal {
    Refusal::token("no published key has its key id")
}

impl KeySet {
    fn fresh(&self, kid: &str) -> Option<DecodingKey> {
        let known = lock(&self.known);
        let is_old = known.looked_at.is_none_or(|at| at.elapsed() >= OLD);
        (!is_old).then(|| known.keys.get(kid).cloned()).flatten()
    }

    fn of_any_age(&self, kid: &str) -> Option<DecodingKey> {
        lock(&self.known).keys.get(kid).cloned()
    }

    fn may_ask(&self) -> bool {
        let at = lock(&self.known).looked_in_vain_at;
        at.is_none_or(|at| at.elapsed() >= COOLDOWN)
    }

    fn replace(&self, keys: HashMap<String, DecodingKey>, wanted: &str) -> Option<DecodingKey> {
        let mut known = lock(&self.known);
        known.keys = keys;
        known.looked_at = Some(Instant::now());
        let key = known.keys.get(wanted).cloned();
        known.looked_in_vain_at = key.is_none().then(Instant::now);
        key
    }

    /// The issuer cannot be asked: what it said last is good for as long again.
    fn keep(&self, wanted: &str) -> Option<DecodingKey> {
        let mut known = lock(&self.known);
        let key = known.keys.get(wanted).cloned()?;
        known.looked_at = Some(Instant::now());
        Some(key)
    }
}

/// A panic while the lock was held leaves nothing half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
