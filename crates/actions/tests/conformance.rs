//! The contract of `docs/action-contract.md`, held against every action of the registry.

#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sidestage_action::{Code, Kept, Runnable, Service, UndoOutput, schema::Checker};
use sidestage_actions::{ConnectionConfig, Registry};
use tokio::task::JoinSet;

use support::{
    Ended, Stage, examples,
    wire::{Fault, READING_TIMEOUT},
};

/// More calls than an action needs before it waits.
const MOST_CALLS: usize = 50;

/// An end that comes later than this is none.
const BOUND: Duration = Duration::from_secs(30);

fn all() -> Vec<Arc<dyn Runnable>> {
    let registry =
        Registry::new(Vec::new()).expect("actions can be described without any connection");
    let all: Vec<_> = registry.iter().cloned().collect();
    assert!(!all.is_empty());
    all
}

fn ids() -> Vec<String> {
    all()
        .iter()
        .map(|action| action.descriptor().id.clone())
        .collect()
}

fn service_of(action: &dyn Runnable) -> Service {
    Registry::providers()
        .find(|service| service.id == action.descriptor().plugin_id)
        .expect("its provider")
}

/// An action's first example, on a stage.
fn example(stage: &Stage, id: &str) -> Value {
    examples(&*stage.action(id)).remove(0)
}

#[test]
fn every_action_says_what_it_is() {
    let mut last = String::new();
    for action in all() {
        let descriptor = action.descriptor();
        assert_eq!(
            descriptor.id,
            format!("{}:{}", descriptor.plugin_id, descriptor.name)
        );
        let kebab = |text: &str| {
            text.split('-').all(|part| {
                !part.is_empty()
                    && part
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            })
        };
        assert!(
            kebab(&descriptor.plugin_id) && kebab(&descriptor.name),
            "{}",
            descriptor.id
        );
        assert!(
            !descriptor.title.is_empty() && descriptor.title.len() <= 60,
            "{}",
            descriptor.title
        );
        assert!(
            descriptor.description.len() > 40,
            "{}",
            descriptor.description
        );
        assert!(
            !descriptor.examples.is_empty(),
            "{} has no example",
            descriptor.id
        );
        assert!(
            descriptor
                .examples
                .iter()
                .all(|example| !example.description.is_empty())
        );
        assert!(descriptor.id > last, "the order of ids");
        last.clone_from(&descriptor.id);
    }
}

#[test]
fn schemas_are_draft_07_and_stand_alone() {
    for action in all() {
        let descriptor = action.descriptor();
        let service = service_of(&*action);
        for schema in [&descriptor.schema.input, &descriptor.schema.output] {
            assert_eq!(
                schema["$schema"], "http://json-schema.org/draft-07/schema#",
                "{}",
                descriptor.id
            );
            assert_eq!(schema["type"], "object");
            assert!(
                jsonschema::draft7::meta::is_valid(schema),
                "{}: {schema:#}",
                descriptor.id
            );
            let text = schema.to_string();
            for word in ["$ref", "$defs", "definitions", "\"const\""] {
                assert!(
                    !text.contains(word),
                    "{} has {word} in {schema:#}",
                    descriptor.id
                );
            }
        }
        let input = &descriptor.schema.input;
        assert_eq!(
            input["additionalProperties"], false,
            "{} takes unknown inputs",
            descriptor.id
        );
        for common in [
            "connection",
            "organization",
            "onFailure",
            service.url_input,
            service.token_input,
        ] {
            assert!(
                input["properties"][common].is_object(),
                "{} has no input {common}",
                descriptor.id
            );
        }
    }
}

#[test]
fn every_field_is_described() {
    fn check(at: &str, schema: &Value, needs_example: bool) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            assert!(field["description"].is_string(), "{at} has no description");
            assert!(
                !needs_example || field["examples"][0] != Value::Null,
                "{at} has no example"
            );
            for example in field["examples"].as_array().into_iter().flatten() {
                Checker::new(field)
                    .unwrap()
                    .check(example)
                    .unwrap_or_else(|error| panic!("the example of {at}: {error}"));
            }
            check(&at, field, needs_example);
            check(&at, &field["items"], needs_example);
        }
    }
    for action in all() {
        let descriptor = action.descriptor();
        check(
            &format!("{} input", descriptor.id),
            &descriptor.schema.input,
            false,
        );
        check(
            &format!("{} output", descriptor.id),
            &descriptor.schema.output,
            true,
        );
    }
}

#[tokio::test]
async fn examples_run_and_their_output_fits_its_schema() {
    for id in ids() {
        let stage = Stage::new().await;
        for input in examples(&*stage.action(&id)) {
            check_output(&stage, &id, &stage.run(&id, input).await);
        }
    }
}

fn only_reads(stage: &Stage, id: &str) -> bool {
    stage.action(id).descriptor().attributes.read_only
}

fn check_output(stage: &Stage, id: &str, ended: &Ended) {
    let schema = stage.action(id).descriptor().schema.output.clone();
    Checker::new(&schema)
        .unwrap()
        .check(ended.output())
        .unwrap_or_else(|error| panic!("{id}: {error}\n{:#}", ended.output()));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    for id in ids() {
        let stage = Stage::new().await;
        for input in examples(&*stage.action(&id)) {
            let ended = stage.dry_run(&id, input).await;
            check_output(&stage, &id, &ended);
            assert!(
                only_reads(&stage, &id) || ended.transcript.contains("dry run"),
                "{id} does not say what it would do:\n{}",
                ended.transcript
            );
        }
        assert!(!stage.wire.calls().is_empty(), "{id} looks nothing up");
        assert_eq!(stage.writes(), [], "{id}");
    }
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    for id in ids() {
        let stage = Stage::new().await;
        for input in examples(&*stage.action(&id)) {
            let first = stage.run(&id, input.clone()).await;
            let written = stage.writes();
            assert_eq!(
                written.is_empty(),
                only_reads(&stage, &id),
                "{id} changes nothing at all, or something although it says that it only reads"
            );
            let second = stage.run(&id, input).await;
            assert_eq!(stage.writes(), written, "{id} writes again");
            // Only what says that this run did it differs: `created`.
            let (mut first, second) = (first.output().clone(), second.output());
            for (name, value) in second.as_object().unwrap() {
                if *value == json!(false) && first[name] == json!(true) {
                    first[name] = json!(false);
                }
            }
            // What was taken away the first time is not there the second.
            let takes_away = stage.action(&id).descriptor().attributes.destructive;
            assert!(takes_away || first == *second, "{id}: {first} {second}");
        }
    }
}

#[tokio::test]
async fn what_a_run_made_can_be_taken_back() {
    for id in ids() {
        let stage = Stage::new().await;
        let input = example(&stage, &id);
        let made = stage.run(&id, input.clone()).await.made;
        let written = stage.writes();

        let planned = stage.undo(&id, made.clone(), true).await;
        assert_eq!(stage.writes(), written, "{id}: a dry run of an undo writes");
        let undone = stage.undo(&id, made.clone(), false).await;
        assert_eq!(
            planned.output(),
            undone.output(),
            "{id}: the dry run says something else"
        );
        let output: UndoOutput = serde_json::from_value(undone.output().clone()).unwrap();
        assert_eq!(output.undone.len() + output.kept.len(), made.len(), "{id}");
        for Kept { made, why } in &output.kept {
            assert!(
                why.len() > 15 && why.ends_with('.'),
                "{id}: {made:?} stays: {why}"
            );
        }

        let written = stage.writes();
        stage.undo(&id, made.clone(), false).await.output();
        assert_eq!(stage.writes(), written, "{id}: a second undo writes again");
        if output.kept.is_empty() {
            let again = stage.run(&id, input).await;
            again.output();
            assert_eq!(again.made.len(), made.len(), "{id} is made anew");
        }
    }
}

/// Cancelled once at each of its calls, until it has ended by itself or only waits.
#[tokio::test]
async fn a_cancelled_run_ends_and_leaves_nothing_running() {
    for id in ids() {
        for n in 0..MOST_CALLS {
            // A pause that does not end with the run would be as long as this.
            let slow = |config: &mut ConnectionConfig| config.poll = Duration::from_secs(60 * 60);
            let stage = Stage::with(Duration::ZERO, slow).await;
            stage.make_builds_endless();
            let running = stage.start(&id, example(&stage, &id), false);
            let says_what_it_waits_for = || running.recorder.transcript().contains("progress: ");
            while stage.wire.calls().len() < n && !says_what_it_waits_for() && !running.has_ended()
            {
                tokio::task::yield_now().await;
            }
            if running.has_ended() {
                running.end().await.output();
                break;
            }
            let waits = says_what_it_waits_for();
            running.cancel.cancel();
            let end = tokio::time::timeout(BOUND, running.end());
            let ended = end
                .await
                .unwrap_or_else(|_| panic!("{id}: cancelled at call {n}, it goes on"));
            if ended.result.is_ok() {
                // The cancel came when nothing was left to do.
                break;
            }
            let error = ended.error();
            assert_eq!(error.code(), Code::Cancelled, "{id} at call {n}: {error}");
            let under_way = stage.under_way();
            assert!(
                under_way.is_empty(),
                "{id} at call {n} leaves {under_way:?}: {error}"
            );
            let writes = stage.writes().len();
            assert!(
                writes == 0 || error.message().contains("remains"),
                "{id} at call {n} does not say what is left: {error}"
            );
            if waits {
                break;
            }
            assert!(
                n + 1 < MOST_CALLS,
                "{id} never says what it waits for, nor ends"
            );
        }
    }
}

/// How many cases of a test run beside each other, so that no core is idle.
const AT_ONCE: usize = 4;

/// Runs all cases; fails with the first that fails.
async fn beside_each_other<T, F>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut running = JoinSet::new();
    for case in cases {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(run(case));
    }
    running.join_all().await;
}

/// Walks through every call that the action makes and breaks it in every way.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_any_call_has_a_class_and_a_sentence_and_makes_nothing_twice() {
    let mut cases = Vec::new();
    for id in ids() {
        for n in 1..=calls_of_a_run(&id).await {
            let faults = Fault::answered().into_iter();
            cases.extend(faults.map(|fault| (id.clone(), fault, n)));
        }
    }
    beside_each_other(cases, |(id, fault, n)| break_one_call(id, fault, n)).await;
}

/// The same with a call that is never answered. The time until it is given up is made to pass, for all that is under way:
/// one case at a time.
#[tokio::test]
async fn nor_does_a_call_that_is_never_answered() {
    for id in ids() {
        for n in 1..=calls_of_a_run(&id).await {
            break_one_call(id.clone(), Fault::Silence, n).await;
        }
    }
}

/// How many calls an undisturbed run of the example makes.
async fn calls_of_a_run(id: &str) -> usize {
    let stage = Stage::new().await;
    stage.run(id, example(&stage, id)).await.output();
    let calls = stage.wire.calls().len();
    assert!(calls > 1, "{id} makes hardly any call");
    calls
}

async fn break_one_call(id: String, fault: Fault, n: usize) {
    // Less than a run may take.
    let short = |config: &mut ConnectionConfig| config.write_timeout = Some(READING_TIMEOUT);
    let stage = Stage::with(Duration::ZERO, short).await;
    let input = example(&stage, &id);
    stage.wire.break_call(n, fault);
    let ended = stage.run(&id, input.clone()).await;
    let broken = stage.wire.calls()[n - 1].clone();
    let case = format!(
        "{id}: {fault:?} at call {n}, {} {}",
        broken.method, broken.path
    );
    check_saying(&case, &ended, service_token(&stage, &id));
    let lost = [Fault::ResetAfter, Fault::Silence, Fault::BrokenBody].contains(&fault);
    if lost && stage.writes().contains(&broken) {
        assert!(
            ended.result.is_ok(),
            "{case} is not settled by looking: {}",
            ended.error()
        );
    }
    // Whatever happened, running it again ends well, and there is one object.
    let again = stage.run(&id, input).await;
    let Ok(output) = &again.result else {
        panic!(
            "{case}, then again: {}\n{}",
            again.error(),
            again.transcript
        )
    };
    let made = |ended: &Ended| {
        ended
            .result
            .as_ref()
            .is_ok_and(|output| output["created"] == true)
    };
    assert!(
        !(made(&ended) && made(&again)),
        "{case}: made twice: {output}"
    );
}

fn service_token(stage: &Stage, id: &str) -> &'static str {
    stage
        .tokens(service_of(&*stage.action(id)).id)
        .administrator
}

fn check_saying(case: &str, ended: &Ended, token: &str) {
    let said = ended.all_said();
    assert!(!said.contains(token), "{case}: the token is in {said}");
    let Err(error) = &ended.result else { return };
    let expected = [
        Code::InvalidInput,
        Code::Forbidden,
        Code::NotFound,
        Code::Conflict,
        Code::RateLimited,
        Code::UpstreamRejected,
        Code::UpstreamUnavailable,
        Code::OutcomeUnknown,
    ];
    assert!(
        expected.contains(&error.code()),
        "{case}: {} {error:?}",
        error.code()
    );
    let sentence = error.message();
    assert!(
        sentence.len() > 30 && sentence.len() < 800,
        "{case}: {sentence}"
    );
    assert!(
        sentence.starts_with(char::is_uppercase),
        "{case}: {sentence}"
    );
    assert!(!sentence.contains('\n'), "{case}: {sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves() {
    let faults = [
        Fault::Status(400),
        Fault::Status(401),
        Fault::Status(500),
        Fault::Html(502),
    ];
    let cases = ids()
        .into_iter()
        .flat_map(|id| faults.map(|fault| (id.clone(), fault)));
    beside_each_other(cases, |(id, fault)| async move {
        let mut n = 1;
        while tell_secrets(&id, fault, n).await {
            n += 1;
        }
    })
    .await;
}

/// A service that repeats the whole call, token included, in its answer to the `n`-th. False: there is no such call.
async fn tell_secrets(id: &str, fault: Fault, n: usize) -> bool {
    // The token of the template is the good one, so that a run which succeeds has used it.
    let own = "token-of-the-connection-0000001";
    let accept = |config: &mut ConnectionConfig| {
        config.accept_template_token = true;
        config.token = Some(own.into());
    };
    let stage = Stage::with(Duration::ZERO, accept).await;
    let mut input = example(&stage, id);
    let service = service_of(&*stage.action(id));
    let token = stage.tokens(service.id).administrator;
    input[service.token_input] = token.into();
    let prepared = stage.action(id).prepare(input.clone()).unwrap();
    assert!(!prepared.input.to_string().contains(token), "{id}");
    assert_eq!(prepared.secrets.len(), 1, "{id}");
    stage.wire.break_call(n, fault);
    let ended = stage.run(id, input).await;
    let said = ended.all_said();
    let case = format!("{id}: {fault:?} at call {n}");
    assert!(
        !said.contains(token) && !said.contains(own),
        "{case}: {said}"
    );
    let was_made = stage.wire.calls().len() >= n;
    if !was_made {
        ended.output();
    }
    was_made
}

#[tokio::test]
async fn an_unevaluated_expression_is_refused() {
    for id in ids() {
        let stage = Stage::new().await;
        let mut input = example(&stage, &id);
        let (_, field) = input
            .as_object_mut()
            .unwrap()
            .iter_mut()
            .next()
            .expect("an input");
        *field = "${{ parameters.x }}".into();
        let ended = stage.run(&id, input).await;
        assert_eq!(ended.error().code(), Code::InvalidInput);
        assert_eq!(stage.wire.calls(), [], "{id} calls the service");
    }
}
