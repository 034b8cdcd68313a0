//! What Twenty holds.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    error::{Error, Result},
    objects::{OBJECTS, Object},
};

/// Releases that differ in what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The 1.10 line of November 2025: documents are validated against a schema, and a duplicate is named.
    V1,
    /// Early 2.x: a duplicate names who has it.
    V2,
    /// 2.38.
    V2_38,
}

/// How this Twenty is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its release.
    pub release: Release,
    /// How many operations a minute the workspace may ask for, in 2.x 100 (`API_RATE_LIMITING_LONG_LIMIT`). None: any
    /// number, which is what a sandbox is for.
    pub per_minute: Option<u32>,
    /// The host of the workspace's pages, where that is not the API's.
    pub custom_url: Option<String>,
    /// Whether `/metadata` tells a key where these pages are.
    pub tells_urls: bool,
}

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) keys: Vec<ApiKey>,
    /// By the kind's plural, in the order in which they were made.
    pub(super) records: BTreeMap<&'static str, Vec<Map<String, Value>>>,
    pub(super) bucket: Bucket,
}

#[derive(Clone)]
pub(super) struct ApiKey {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    pub(super) state: KeyState,
    /// Whether its role has `canUpdateObjectRecords`.
    pub(super) may_write: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyState {
    Good,
    Expired,
    Revoked,
}

/// The tokens that all keys of the workspace share (engine/core-modules/throttler/throttler.service.ts). It is full at
/// first, and is filled again all the time.
#[derive(Default)]
pub(super) struct Bucket {
    used: f64,
    at: Option<Instant>,
}

impl State {
    pub(super) fn of(&self, object: &Object) -> &[Map<String, Value>] {
        self.records.get(object.plural).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_mut(&mut self, object: &Object) -> &mut Vec<Map<String, Value>> {
        self.records.entry(object.plural).or_default()
    }

    pub(super) fn by_id(&self, object: &Object, id: &Value) -> Option<&Map<String, Value>> {
        self.of(object).iter().find(|record| record["id"] == *id)
    }

    /// One token an operation, taken before anything is done.
    pub(super) fn take_token(&mut self) -> Result<()> {
        let Some(limit) = self.settings.per_minute else {
            return Ok(());
        };
        let now = Instant::now();
        let since = self
            .bucket
            .at
            .replace(now)
            .map_or(Duration::ZERO, |at| now - at);
        let filled = since.as_secs_f64() * f64::from(limit) / 60.0;
        self.bucket.used = (self.bucket.used - filled).max(0.0);
        if self.bucket.used + 1.0 > f64::from(limit) {
            return Err(Error::limit_reached(limit, 60_000));
        }
        self.bucket.used += 1.0;
        Ok(())
    }

    pub(super) fn show(&self) -> Value {
        let shown = OBJECTS.iter().map(|object| {
            let records = self.of(object).iter().cloned().map(Value::Object);
            (object.plural.to_owned(), records.collect())
        });
        Value::Object(shown.collect())
    }
}

/// As Twenty writes points in time.
pub(super) fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
