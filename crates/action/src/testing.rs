//! For tests of actions: a recorder that keeps everything in memory.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Context, EffectId, Level, Made, OnFailure, Principal, Recorder, Result, RunContext,
    effect::{Intent, Looking, Settlement},
};

/// What a run said and did, in order.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Entry {
    Log(Level, String),
    Progress(String, Option<u8>),
    Intent(Intent),
    Settled(EffectId, Settlement),
}

/// Keeps what a run says and does.
#[derive(Clone, Default)]
pub struct MemoryRecorder(Arc<Mutex<Vec<Entry>>>);

impl MemoryRecorder {
    /// All of it so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The log lines, one a line, with their level.
    pub fn transcript(&self) -> String {
        self.entries()
            .into_iter()
            .map(|entry| match entry {
                Entry::Log(level, message) => {
                    format!("{level:?}: {message}\n").to_lowercase_level()
                }
                Entry::Progress(message, Some(percent)) => {
                    format!("progress: {message} ({percent} %)\n")
                }
                Entry::Progress(message, None) => format!("progress: {message}\n"),
                Entry::Intent(Intent { kind, key }) => format!("intent: {kind} {key}\n"),
                Entry::Settled(_, settlement) => {
                    let settlement = serde_json::to_string(&settlement).unwrap_or_default();
                    format!("settled: {settlement}\n")
                }
            })
            .collect()
    }

    /// What the run has made, in order, as a journal would keep it.
    pub fn made(&self) -> Vec<Made> {
        let entries = self.entries();
        let made = entries.iter().filter_map(|entry| match entry {
            Entry::Settled(EffectId(at), Settlement::Created { id }) => {
                match entries.get(usize::try_from(*at).ok()?.checked_sub(1)?) {
                    Some(Entry::Intent(Intent { kind, key })) => Some(Made {
                        kind: kind.clone(),
                        key: key.clone(),
                        id: id.clone(),
                    }),
                    _ => None,
                }
            }
            _ => None,
        });
        made.collect()
    }

    fn push(&self, entry: Entry) -> u64 {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push(entry);
        entries.len() as u64
    }
}

trait LowercaseLevel {
    fn to_lowercase_level(self) -> String;
}

impl LowercaseLevel for String {
    fn to_lowercase_level(mut self) -> String {
        if let Some(first) = self.get_mut(0..1) {
            first.make_ascii_lowercase();
        }
        self
    }
}

#[async_trait]
impl Recorder for MemoryRecorder {
    fn log(&self, level: Level, message: String) {
        self.push(Entry::Log(level, message));
    }

    fn progress(&self, message: String, percent: Option<u8>) {
        self.push(Entry::Progress(message, percent));
    }

    async fn intend(&self, intent: &Intent) -> Result<EffectId> {
        Ok(EffectId(self.push(Entry::Intent(intent.clone()))))
    }

    async fn settle(&self, effect: EffectId, settlement: &Settlement) -> Result<()> {
        self.push(Entry::Settled(effect, settlement.clone()));
        Ok(())
    }
}

/// A context for a test: its recorder, the token that cancels it, and the context.
pub fn context(dry_run: bool) -> (MemoryRecorder, CancellationToken, Context) {
    context_for(None, dry_run)
}

/// The same for a run that is done for an organization.
pub fn context_for(
    organization: Option<String>,
    dry_run: bool,
) -> (MemoryRecorder, CancellationToken, Context) {
    let recorder = MemoryRecorder::default();
    let cancel = CancellationToken::new();
    let run = RunContext {
        id: Uuid::now_v7(),
        principal: Principal::Key {
            name: "test".into(),
        },
        organization,
        dry_run,
        on_failure: OnFailure::Keep,
        looking: Looking {
            times: 3,
            pause: Duration::from_millis(1),
        },
        recorder: Arc::new(recorder.clone()),
    };
    (
        recorder,
        cancel.clone(),
        Context::new(run, cancel, Duration::from_secs(60)),
    )
}
