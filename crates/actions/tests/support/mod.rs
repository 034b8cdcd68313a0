//! What the tests of actions share: a registry before in-memory services, and a run with all that it says.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod wire;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use sidestage_action::{
    Error, Made, Prepared, Result, Runnable,
    testing::{MemoryRecorder, context_for},
};
use sidestage_actions::{ConnectionConfig, Registry};
use sidestage_sandbox::{BuildBehaviour, Options, Running as Sandbox, Tokens};
use sidestage_upstream::{Credential, Settings, Upstream};
use tokio_util::sync::CancellationToken;
use wire::{Call, Wire};

/// How long a long build takes, on the sandbox's own clock.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A registry that is connected to a sandbox of its own, through a wire that a test can look at and break.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) wire: Wire,
    pub(crate) registry: Registry,
}

impl Stage {
    /// With builds that are done at once.
    pub(crate) async fn new() -> Stage {
        Stage::with(Duration::ZERO, |_| {}).await
    }

    /// With builds that go on until [`Stage::finish_builds`].
    pub(crate) async fn with_long_builds() -> Stage {
        Stage::with(HOUR, |_| {}).await
    }

    /// With builds that go on until they are cancelled.
    pub(crate) async fn with_endless_builds() -> Stage {
        let stage = Stage::new().await;
        stage.make_builds_endless();
        stage
    }

    pub(crate) fn make_builds_endless(&self) {
        self.next_builds(BuildBehaviour::Hang, 100);
    }

    /// With other settings of the connections.
    pub(crate) async fn with(build: Duration, change: impl Fn(&mut ConnectionConfig)) -> Stage {
        let sandbox = sidestage_sandbox::Sandbox::spawn(Options { build }).await;
        let (wire, url) = Wire::before(&sandbox.url).await;
        let connections = Registry::providers().map(|service| {
            let mut config = ConnectionConfig {
                token: Some(tokens(&sandbox, service.id).administrator.into()),
                poll: Duration::from_millis(1),
                retries: Some(0),
                // A wire that is broken for the whole of a test is not left alone.
                break_after: Some(u32::MAX),
                ..ConnectionConfig::new(service.id, service.id, url.join(service.id).unwrap())
            };
            change(&mut config);
            config
        });
        Stage {
            wire,
            registry: Registry::new(connections.collect()).unwrap(),
            sandbox,
        }
    }

    /// Lets the builds that have begun come to their end, and agents connect.
    pub(crate) fn finish_builds(&self) {
        self.advance(2.0);
    }

    /// Lets this part of a long build's time pass.
    pub(crate) fn advance(&self, part: f64) {
        self.sandbox.sandbox().coder().advance(HOUR.mul_f64(part));
    }

    pub(crate) fn make_dormant(&self, owner: &str, name: &str) {
        self.sandbox.sandbox().coder().make_dormant(owner, name);
    }

    /// How the next builds of the sandbox's Coder go.
    pub(crate) fn next_builds(&self, behaviour: BuildBehaviour, times: usize) {
        self.sandbox.sandbox().coder().next_builds(behaviour, times);
    }

    /// The tokens of a service: the administrator's is the connection's own, and must be seen nowhere.
    pub(crate) fn tokens(&self, service: &str) -> Tokens {
        tokens(&self.sandbox, service)
    }

    /// What a service of the sandbox holds.
    pub(crate) fn state(&self, service: &str) -> Value {
        self.sandbox.sandbox().state()[service].clone()
    }

    pub(crate) fn sandbox(&self) -> &sidestage_sandbox::Sandbox {
        self.sandbox.sandbox()
    }

    /// The calls so far that ask for a change.
    pub(crate) fn writes(&self) -> Vec<Call> {
        let mut calls = self.wire.calls();
        calls.retain(|call| {
            let (service, path) = call.path[1..].split_once('/').unwrap();
            let path = path.split('?').next().unwrap_or_default();
            let method = call.method.parse().unwrap();
            let sandbox = self.sandbox.sandbox();
            let body = call.body.to_string();
            sandbox.writes(service, &method, &format!("/{path}"), body.as_bytes())
        });
        calls
    }

    /// A client of somebody else, past the wire.
    pub(crate) fn somebody_else(&self, service: &str) -> Upstream {
        let token = self.tokens(service).administrator.into();
        let token = match service {
            "coder" => Credential::Header {
                name: "coder-session-token".parse().unwrap(),
                value: token,
            },
            _ => Credential::Bearer(token),
        };
        Upstream::new(Settings::new(
            "somebody else",
            self.sandbox.url.join(service).unwrap(),
            token,
        ))
        .unwrap()
    }

    /// What is under way in the services.
    pub(crate) fn under_way(&self) -> Vec<String> {
        let state = self.sandbox.sandbox().state();
        let mut under_way = Vec::new();
        collect(&state, &mut under_way);
        under_way
    }

    /// A text without what differs from run to run.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.replace(
            self.sandbox.url.as_str().trim_end_matches('/'),
            "http://sandbox",
        );
        for id in uuids(&masked) {
            masked = masked.replace(&id, "<id>");
        }
        masked
    }

    pub(crate) fn action(&self, id: &str) -> Arc<dyn Runnable> {
        self.registry.get(id).expect("the action").clone()
    }

    /// Runs an action to its end.
    pub(crate) async fn run(&self, action: &str, input: Value) -> Ended {
        self.start(action, input, false).end().await
    }

    pub(crate) async fn dry_run(&self, action: &str, input: Value) -> Ended {
        self.start(action, input, true).end().await
    }

    /// Starts a run that a test can cancel.
    pub(crate) fn start(&self, action: &str, input: Value, dry_run: bool) -> Running {
        self.start_prepared(self.action(action).prepare(input), dry_run)
    }

    /// Takes back what a run of the action made.
    pub(crate) async fn undo(&self, action: &str, made: Vec<Made>, dry_run: bool) -> Ended {
        let action = self.action(action);
        let prepared = action.prepare_undo(&action.descriptor().plugin_id, made);
        self.start_prepared(prepared, dry_run).end().await
    }

    fn start_prepared(&self, prepared: Result<Prepared>, dry_run: bool) -> Running {
        let organization = prepared.as_ref().ok();
        let organization = organization.and_then(|prepared| prepared.organization.clone());
        let (recorder, cancel, ctx) = context_for(organization, dry_run);
        let task = tokio::spawn(async move { (prepared?.work)(ctx).await });
        Running {
            recorder,
            cancel,
            task,
        }
    }
}

pub(crate) struct Running {
    pub(crate) recorder: MemoryRecorder,
    pub(crate) cancel: CancellationToken,
    task: tokio::task::JoinHandle<Result<Value>>,
}

impl Running {
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until the run has said this.
    pub(crate) async fn says(&self, text: &str) {
        while !self.recorder.transcript().contains(text) {
            assert!(
                !self.task.is_finished(),
                "the run ended without saying {text:?}:\n{}",
                self.recorder.transcript()
            );
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn end(self) -> Ended {
        let result = self.task.await.unwrap();
        Ended {
            result,
            transcript: self.recorder.transcript(),
            made: self.recorder.made(),
        }
    }
}

/// A run that has ended.
pub(crate) struct Ended {
    pub(crate) result: Result<Value>,
    pub(crate) transcript: String,
    /// What it has made.
    pub(crate) made: Vec<Made>,
}

impl Ended {
    #[track_caller]
    pub(crate) fn output(&self) -> &Value {
        match &self.result {
            Ok(output) => output,
            Err(error) => panic!("{error}\n{error:#?}\n{}", self.transcript),
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &Error {
        match &self.result {
            Ok(output) => panic!("no error but {output}\n{}", self.transcript),
            Err(error) => error,
        }
    }

    /// The lines of its log: what a person reads while it runs.
    pub(crate) fn log(&self) -> String {
        let lines = self.transcript.lines();
        let read = |line: &&str| line.starts_with("info: ") || line.starts_with("warn: ");
        lines.filter(read).collect::<Vec<_>>().join("\n")
    }

    /// Everything that this run has let out, the causes of its error included.
    pub(crate) fn all_said(&self) -> String {
        let mut all = self.transcript.clone();
        match &self.result {
            Ok(output) => all.push_str(&output.to_string()),
            Err(error) => {
                all.push_str(&format!(
                    "{error}\n{error:?}\n{error:#?}\n{:?}\n",
                    error.fields()
                ));
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    all.push_str(&format!("{error}\n{error:?}\n"));
                    cause = error.source();
                }
            }
        }
        all
    }
}

/// The failure of a run as a person reads it: `code [fields] sentence`.
#[track_caller]
pub(crate) fn said(ended: &Ended) -> String {
    let error = ended.error();
    let fields: Vec<&str> = error.fields().iter().map(|fault| &*fault.field).collect();
    format!("{} [{}] {error}", error.code(), fields.join(" "))
}

fn tokens(sandbox: &Sandbox, service: &str) -> Tokens {
    let tokens = sandbox.sandbox().tokens(service);
    tokens.unwrap_or_else(|| panic!("the sandbox has no {service}"))
}

/// The inputs of an action's examples, as its descriptor shows them.
pub(crate) fn examples(action: &dyn Runnable) -> Vec<Value> {
    let examples = action.descriptor().examples.iter().map(|example| {
        let step: Value = serde_saphyr::from_str(&example.example).expect("an example in YAML");
        step["steps"][0]["input"].clone()
    });
    examples.collect()
}

/// States in which something still happens.
fn collect(value: &Value, under_way: &mut Vec<String>) {
    match value {
        Value::String(text)
            if ["pending", "starting", "stopping", "deleting", "canceling"].contains(&&**text) =>
        {
            under_way.push(text.clone())
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, under_way)),
        Value::Object(values) => values.values().for_each(|value| collect(value, under_way)),
        _ => {}
    }
}

fn uuids(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.split(|c| !is_part(c))
        .filter(|word| word.parse::<uuid::Uuid>().is_ok())
        .map(str::to_owned)
        .collect()
}
