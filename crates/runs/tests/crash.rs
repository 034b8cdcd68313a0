//! Every action dies at every point of its way, in turn: before and after each write to the journal and each
//! call to the service. Then the process is started again, and the client asks again with its key, as
//! clients do. What there is in the end, and what the journal says of it, must be what one undisturbed run
//! leaves. Beside that: services that misbehave where it hurts.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use serde_json::{Value, json};
use sidestage_action::{Principal, UndoOutput, effect::Looking, effect::Settlement};
use sidestage_actions::{ConnectionConfig, Registry};
use sidestage_redact::Redactor;
use sidestage_runs::{
    EventKind, FindAction, Key, Run, Runs, Settings, Snapshot, Start, Status, journal::Sql,
};
use sidestage_sandbox::{Options, Running as Sandbox};
use support::{
    disturbed::Disturbed,
    points::Points,
    wire::{Manner, Wire},
};
use tokio::runtime::Runtime;
use url::Url;

/// More points than any action has.
const MOST_POINTS: usize = 400;

/// What leaves nothing by which it could be found, by kind, and what the service keeps of it. It is done once at most:
/// whoever dies in the middle of it leaves it unknown.
const WITHOUT_A_TRACE: [(&str, &str); 1] = [("password mail", "/mattermost/mails")];

fn ci() -> Principal {
    Principal::Key { name: "ci".into() }
}

/// What the first examples do not come to: changes to what is there, which are not to be seen once they are made.
fn more_cases() -> [(&'static str, Value); 5] {
    let linus = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    let mut in_new_channel = linus.clone();
    in_new_channel["teamName"] = "engineering".into();
    in_new_channel["channels"] = json!(["wind-tunnel"]);
    in_new_channel["createMissingChannels"] = true.into();
    let sam = json!({
        "username": "suspended-sam", "email": "suspended-sam@example.com", "reactivate": true,
        "coderOrganizations": ["acme", "coder"],
    });
    let back = json!({"name": "Linus Torvalds", "email": "linus@example.com", "restore": true});
    let initech = json!({"name": "Initech", "domain": "initech.com", "restore": true});
    [
        ("coder:create-user", sam),
        ("mattermost:create-user", in_new_channel),
        ("gitea:create-user", linus),
        ("twenty:create-person", back),
        ("twenty:create-company", initech),
    ]
}

/// The ids of all actions, with the input of the first example of each, and some more.
fn cases() -> Vec<(String, Value)> {
    let registry = Registry::new(Vec::new()).unwrap();
    let cases = registry.descriptors().map(|action| {
        let example = &action.examples[0].example;
        let steps: Value = serde_saphyr::from_str(example).unwrap();
        (action.id.clone(), steps["steps"][0]["input"].clone())
    });
    let more = more_cases().map(|(id, input)| (id.to_owned(), input));
    let cases: Vec<_> = cases.chain(more).collect();
    assert!(cases.len() > more_cases().len(), "there are actions");
    cases
}

/// Sidestage's process: a runtime of its own, that can be taken away at any moment.
struct Process {
    runtime: Option<Runtime>,
    runs: Runs,
}

impl Process {
    fn start(journal: &str, services: &Url, sandbox: &Sandbox, points: Points) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connections = Registry::providers().map(|service| {
            let tokens = sandbox.sandbox().tokens(service.id).unwrap();
            ConnectionConfig {
                token: Some(tokens.administrator.into()),
                poll: Duration::from_millis(1),
                retries: Some(3),
                backoff: Some(Duration::from_millis(1)),
                ..ConnectionConfig::new(service.id, service.id, services.join(service.id).unwrap())
            }
        });
        let registry = Registry::new(connections.collect()).unwrap();
        let journal = journal.to_owned();
        let open = async move {
            let journal: Arc<dyn sidestage_runs::Journal> =
                Arc::new(Sql::open(&journal).await.unwrap());
            let journal = Arc::new(Disturbed::new(journal, points));
            let settings = Settings {
                replica: "the only one".into(),
                looking: Looking {
                    times: 4,
                    pause: Duration::from_millis(1),
                },
                ..Settings::default()
            };
            let find_action: FindAction = Arc::new(move |id| registry.get(id).cloned());
            Runs::open(settings, Redactor::new(), journal, find_action)
                .await
                .unwrap()
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move { sender.send(open.await).unwrap() });
        let runs = tokio::task::block_in_place(|| receiver.recv().unwrap());
        Process {
            runtime: Some(runtime),
            runs,
        }
    }

    fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// Does something inside the process. None: it died meanwhile.
    async fn within<T: Send + 'static>(
        &self,
        points: &Points,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let task = self.runtime.as_ref().unwrap().spawn(work);
        tokio::select! {
            biased;
            () = points.death() => None,
            done = task => Some(done.unwrap()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A sandbox, a journal, and a process that dies at a point and is started again.
struct Stage {
    sandbox: Sandbox,
    _folder: tempfile::TempDir,
    journal: String,
    wire: Wire,
    url: Url,
    points: Points,
}

impl Stage {
    async fn new(points: Points, manner: Manner) -> Self {
        let sandbox = sidestage_sandbox::Sandbox::spawn(Options {
            build: Duration::from_millis(2),
        })
        .await;
        let folder = support::folder();
        let (wire, url) = Wire::before(&sandbox, points.clone(), manner).await;
        Stage {
            journal: format!("sqlite:{}/journal.db", folder.path().display()),
            sandbox,
            _folder: folder,
            wire,
            url,
            points,
        }
    }

    fn process(&self) -> Process {
        Process::start(&self.journal, &self.url, &self.sandbox, self.points.clone())
    }

    /// A process that no longer dies, and calls the services as they are.
    fn next_process(&self) -> Process {
        let url = &self.sandbox.url;
        Process::start(&self.journal, url, &self.sandbox, Points::default())
    }

    /// How many there are of everything in the services, and what it is called.
    fn shape(&self) -> BTreeMap<String, usize> {
        let mut shape = BTreeMap::new();
        measure("", &self.sandbox.sandbox().state(), &mut shape);
        shape
    }

    /// The services have what those of an undisturbed run have.
    fn is_like(&self, right: &Stage, at: &str) {
        let (mut shape, mut right) = (self.shape(), right.shape());
        for (_, path) in WITHOUT_A_TRACE {
            let (done, once) = (shape.remove(path), right.remove(path));
            // The wire itself brings everything twice, and nobody could know.
            assert!(
                done <= once || self.wire.manner() == Manner::Twice,
                "{at}: {path}"
            );
        }
        assert_eq!(shape, right, "{at}");
    }
}

fn measure(at: &str, value: &Value, shape: &mut BTreeMap<String, usize>) {
    match value {
        Value::Array(items) => {
            *shape.entry(at.into()).or_default() += items.len();
            items.iter().for_each(|item| measure(at, item, shape));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                measure(&format!("{at}/{name}"), value, shape);
            }
        }
        _ => {}
    }
}

/// What a client does: start with a key, and follow to the end.
async fn run_to_end(runs: Runs, action: String, input: Value) -> (Run, Snapshot) {
    let prepared = runs.find_action(&action).unwrap().prepare(input).unwrap();
    let key = Some(Key::given(&ci(), "the key").unwrap());
    let started = runs.start(Start {
        action,
        principal: ci(),
        prepared,
        dry_run: false,
        key,
        trace: None,
    });
    let run = started.await.unwrap().run;
    let ended = run.ended(Duration::from_secs(60)).await.unwrap();
    (run, ended.expect("the run hangs"))
}

async fn undo_to_end(runs: Runs, run: uuid::Uuid) -> Snapshot {
    let run = runs.get(run, None).await.unwrap();
    let undo = runs.undo(&run, &ci(), None, false).await.unwrap().run;
    let ended = undo.ended(Duration::from_secs(60)).await.unwrap();
    ended.expect("the undo hangs")
}

/// What the journal says was made.
fn made(ended: &Snapshot) -> Vec<(String, String)> {
    let made = ended.effects.iter().filter(|effect| {
        assert!(effect.settlement.is_some(), "not settled: {effect:?}");
        matches!(effect.settlement, Some(Settlement::Created { .. }))
    });
    let made = made.filter(|effect| {
        WITHOUT_A_TRACE
            .iter()
            .all(|(kind, _)| *kind != effect.intent.kind)
    });
    made.map(|effect| (effect.intent.kind.clone(), effect.intent.key.clone()))
        .collect()
}

/// Without what differs from run to run.
fn masked(ended: &Snapshot) -> String {
    let mut output = json!(ended.output);
    hide_ids(&mut output);
    let text = output.to_string();
    let is_id = |word: &str| word.len() == 36 && word.matches('-').count() == 4;
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let words = words.map(|word| {
        let (text, rest) = word.split_at(
            word.len() - usize::from(!word.ends_with(|c: char| c.is_ascii_alphanumeric())),
        );
        if is_id(text) {
            format!("<id>{rest}")
        } else {
            word.into()
        }
    });
    let mut masked: String = words.collect();
    const HOST: &str = "127.0.0.1:";
    while let Some(at) = masked.find(HOST) {
        let port = at + HOST.len();
        let end = masked[port..]
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(0);
        masked.replace_range(at..port + end, "<sandbox>");
    }
    masked
}

/// Each service has ids of its own kind; their names tell them.
fn hide_ids(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(hide_ids),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.ends_with("Id") {
                    true => *value = json!("<id>"),
                    false => hide_ids(value),
                }
            }
        }
        _ => {}
    }
}

async fn said_in_order_and_ended_once(run: Run, at: &str) {
    let events: Vec<_> = run.follow(0).collect().await;
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "{at}");
    let ends = events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::End { .. }));
    assert_eq!(ends.count(), 1, "{at}");
}

/// What one undisturbed run leaves.
async fn undisturbed(action: &str, input: &Value) -> (Stage, Run, Snapshot) {
    let stage = Stage::new(Points::default(), Manner::Good).await;
    let process = stage.process();
    let work = run_to_end(process.runs.clone(), action.into(), input.clone());
    let (run, ended) = process.within(&stage.points, work).await.unwrap();
    assert_eq!(
        ended.status,
        Status::Succeeded,
        "{action}: {:?}",
        ended.error
    );
    (stage, run, ended)
}

async fn dies_everywhere(manner: Manner) {
    for (action, input) in cases() {
        let (right, _, right_end) = undisturbed(&action, &input).await;
        for n in 0..MOST_POINTS {
            let stage = Stage::new(Points::dying_at(n), manner).await;
            let process = stage.process();
            let work = run_to_end(process.runs.clone(), action.clone(), input.clone());
            let survived = process.within(&stage.points, work).await.is_some();
            process.kill();
            if survived {
                assert!(n > 5, "{action} has {n} points only");
                break;
            }
            let at = format!("{action}, {manner:?}, {}", stage.points.last());
            let next = stage.next_process();
            let work = run_to_end(next.runs.clone(), action.clone(), input.clone());
            let never = Points::default();
            let (run, ended) = next.within(&never, work).await.unwrap();
            stage.wire.deliver_what_is_late().await;
            assert_eq!(ended.status, Status::Succeeded, "{at}: {:?}", ended.error);
            assert_eq!(made(&ended), made(&right_end), "{at}");
            assert_eq!(masked(&ended), masked(&right_end), "{at}");
            stage.is_like(&right, &at);
            let check = async move { said_in_order_and_ended_once(run, &at).await };
            next.within(&never, check).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_any_point_makes_nothing_twice_and_loses_nothing() {
    dies_everywhere(Manner::Good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_when_what_it_sent_last_arrives_after_its_successor_is_done() {
    dies_everywhere(Manner::Late).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_dies_at_any_point_is_finished_and_leaves_what_one_undisturbed_undo_leaves() {
    for (action, input) in cases() {
        let (right, right_output) = undone(&action, &input, Manner::Good).await;
        for n in 0..MOST_POINTS {
            let (mut stage, run, _) = undisturbed(&action, &input).await;
            let id = run.spec.id;
            let (wire, url) = {
                stage.points = Points::dying_at(n);
                Wire::before(&stage.sandbox, stage.points.clone(), Manner::Good).await
            };
            (stage.wire, stage.url) = (wire, url);
            let process = stage.process();
            let work = undo_to_end(process.runs.clone(), id);
            let survived = process.within(&stage.points, work).await.is_some();
            process.kill();
            let at = format!("undo of {action}, {}", stage.points.last());
            let next = stage.next_process();
            let work = undo_to_end(next.runs.clone(), id);
            let never = Points::default();
            let undone = next.within(&never, work).await.unwrap();
            assert_eq!(undone.status, Status::Succeeded, "{at}: {:?}", undone.error);
            stage.is_like(&right, &at);
            let listed = next.runs.clone();
            let all = async move {
                listed
                    .list(&sidestage_runs::Filter {
                        most: 100,
                        ..Default::default()
                    })
                    .await
            };
            // An undo that had ended when the process died is the one that tells of what is gone.
            let mut told = BTreeSet::new();
            for run in next.within(&never, all).await.unwrap().unwrap() {
                assert_ne!(run.status, Status::Running, "{at}");
                told.extend(
                    run.output
                        .iter()
                        .filter(|_| run.spec.undoes.is_some())
                        .flat_map(tell),
                );
            }
            assert_eq!(told, right_output.iter().cloned().collect(), "{at}");
            if survived {
                break;
            }
        }
    }
}

/// What there is, and what an undo says, after an undo through a service that behaves like this.
async fn undone(action: &str, input: &Value, manner: Manner) -> (Stage, Vec<String>) {
    let (mut stage, run, ended) = undisturbed(action, input).await;
    (stage.wire, stage.url) = Wire::before(&stage.sandbox, Points::default(), manner).await;
    let process = stage.process();
    // As a person does: ask again, until what can be taken back is.
    for attempt in 0.. {
        let work = undo_to_end(process.runs.clone(), run.spec.id);
        let undone = process.within(&Points::default(), work).await.unwrap();
        if undone.status != Status::Succeeded && attempt < 3 {
            continue;
        }
        assert_eq!(
            undone.status,
            Status::Succeeded,
            "undo of {action}, {manner:?}: {:?}",
            undone.error
        );
        let told = told(&undone);
        assert!(
            told.len() >= made(&ended).len(),
            "undo of {action}, {manner:?}"
        );
        return (stage, told);
    }
    unreachable!()
}

/// What an undo says became of each thing.
fn told(undone: &Snapshot) -> Vec<String> {
    tell(undone.output.as_ref().unwrap())
}

fn tell(output: &Value) -> Vec<String> {
    let output: UndoOutput = serde_json::from_value(output.clone()).unwrap();
    let kept = output.kept.iter().map(|kept| (&kept.made, &*kept.why));
    let all = output.undone.iter().map(|made| (made, "gone")).chain(kept);
    all.map(|(made, what)| format!("{} {}: {what}", made.kind, made.key))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_an_undo_leave_more_when_the_service_misbehaves() {
    for (action, input) in cases() {
        let (right, right_output) = undone(&action, &input, Manner::Good).await;
        for manner in [Manner::Twice, Manner::Stale, Manner::Wrong, Manner::Broken] {
            let (stage, output) = undone(&action, &input, manner).await;
            assert_eq!(output, right_output, "undo of {action}, {manner:?}");
            stage.is_like(&right, &format!("undo of {action}, {manner:?}"));
        }
    }
}

/// What a run has just made, and what is not to be seen yet, is taken back all the same, whether by an undo or by the run
/// itself.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_an_undo_believe_the_first_look_of_a_service_that_is_behind() {
    let never = Points::default();
    for (action, input) in cases() {
        let (right, right_output) = undone(&action, &input, Manner::Good).await;
        let at = format!("undo of {action}");
        let stage = Stage::new(Points::default(), Manner::Behind).await;
        let process = stage.process();
        // As a person does: run the step again until it has succeeded.
        let mut attempts = 0;
        let id = loop {
            let work = run_to_end(process.runs.clone(), action.clone(), input.clone());
            let (run, ended) = process.within(&never, work).await.unwrap();
            if ended.status == Status::Succeeded {
                break run.spec.id;
            }
            attempts += 1;
            assert!(attempts < 4, "{at}: {:?}", ended.error);
        };
        let undo = process.within(&never, undo_to_end(process.runs.clone(), id));
        assert_eq!(told(&undo.await.unwrap()), right_output, "{at}");
        stage.is_like(&right, &at);

        let mut input = input;
        input["onFailure"] = "undo".into();
        let refused_at_its_second_change = async |manner| {
            let stage = Stage::new(Points::default(), manner).await;
            stage.wire.refuse_after(1);
            let process = stage.process();
            let work = run_to_end(process.runs.clone(), action.clone(), input.clone());
            let (_, ended) = process.within(&never, work).await.unwrap();
            (stage, ended)
        };
        let (right, right_end) = refused_at_its_second_change(Manner::Good).await;
        if right_end.status == Status::Succeeded {
            continue;
        }
        let (stage, ended) = refused_at_its_second_change(Manner::Behind).await;
        assert_eq!(ended.error, right_end.error, "{at}");
        stage.is_like(&right, &at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_misbehaves_where_it_hurts_gets_nothing_twice() {
    for (action, input) in cases() {
        let (right, _, right_end) = undisturbed(&action, &input).await;
        for manner in [Manner::Twice, Manner::Stale, Manner::Wrong, Manner::Broken] {
            let stage = Stage::new(Points::default(), manner).await;
            let process = stage.process();
            // As a person does: run the step again until it has succeeded.
            for attempt in 0.. {
                let at = format!("{action}, {manner:?}, attempt {attempt}");
                let work = run_to_end(process.runs.clone(), action.clone(), input.clone());
                let (_, ended) = process.within(&stage.points, work).await.unwrap();
                if ended.status != Status::Succeeded && attempt < 3 {
                    continue;
                }
                assert_eq!(ended.status, Status::Succeeded, "{at}: {:?}", ended.error);
                assert_eq!(made(&ended), made(&right_end), "{at}");
                assert_eq!(masked(&ended), masked(&right_end), "{at}");
                stage.is_like(&right, &at);
                break;
            }
        }
    }
}
