//! Key sets of token issuers, fetched when a key is not known yet.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use sidestage_upstream::Upstream;
use tokio::{sync::Mutex, time::Instant};

/// The key sets of one host, by the plugin that publishes them.
pub(super) struct KeySets {
    upstream: Upstream,
    sets: Mutex<HashMap<KeySetPath, Arc<Mutex<KeySet>>>>,
}

/// A path template and its values, as [`Upstream::get`] takes them.
type KeySetPath = (&'static str, Vec<String>);

#[derive(Default)]
struct KeySet {
    keys: HashMap<String, DecodingKey>,
    looked_in_vain_at: Option<Instant>,
}

/// After a fetch that did not bring the key asked for, unknown keys are refused for so long without
/// asking again: a stream of made-up key ids must not become a stream of requests.
const COOLDOWN: Duration = Duration::from_secs(2);

/// Why there is no key.
pub(super) enum NoKey {
    /// The issuer does not publish it.
    Unknown,
    /// The issuer could not be asked.
    Unreachable(sidestage_upstream::Error),
}

impl KeySets {
    pub(super) fn new(upstream: Upstream) -> Self {
        KeySets {
            upstream,
            sets: Mutex::default(),
        }
    }

    /// The key `kid` of the set at a path. One fetch at a time; the last good set is kept when a fetch fails.
    pub(super) async fn key(
        &self,
        path: &'static str,
        values: &[&str],
        kid: &str,
    ) -> Result<DecodingKey, NoKey> {
        let name = (
            path,
            values.iter().map(|value| (*value).to_owned()).collect(),
        );
        let set = self.sets.lock().await.entry(name).or_default().clone();
        let mut set = set.lock().await;
        if let Some(key) = set.keys.get(kid) {
            return Ok(key.clone());
        }
        if set
            .looked_in_vain_at
            .is_some_and(|at| at.elapsed() < COOLDOWN)
        {
            return Err(NoKey::Unknown);
        }
        let fetched: JwkSet = match self.upstream.get(path, values).send().await {
            Ok(response) => response.json().map_err(NoKey::Unreachable)?,
            Err(error) => return Err(NoKey::Unreachable(error)),
        };
        set.keys = fetched
            .keys
            .iter()
            .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?)))
            .collect();
        let key = set.keys.get(kid).cloned();
        set.looked_in_vain_at = key.is_none().then(Instant::now);
        key.ok_or(NoKey::Unknown)
    }
}
