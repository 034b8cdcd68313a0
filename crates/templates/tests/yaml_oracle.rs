//! The YAML reader against the npm package `yaml`, which Backstage's catalog reads with: `yaml.json` holds what that package
//! makes of some texts written by hand and of many damaged ones (`make yaml` writes it anew).

use serde::Deserialize;
use serde_json::Value;
use sidestage_templates::yaml::{Options, read};

#[derive(Deserialize)]
struct Recorded {
    source: String,
    documents: Vec<Option<[Value; 1]>>,
}

/// What is read: the values of the documents, or `None` for one that has a problem.
fn read_values(source: &str) -> Vec<Option<Value>> {
    let stream = read(source, Options::default());
    stream
        .documents
        .iter()
        .map(|document| {
            document
                .problems
                .is_empty()
                .then(|| document.root.to_json())
        })
        .collect()
}

/// Without keys that are collections: how they are written out as text is nobody's business.
fn with_plain_keys(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(with_plain_keys).collect(),
        Value::Object(entries) => {
            let plain = |key: &str| {
                if key.starts_with(['{', '[']) {
                    "?".into()
                } else {
                    key.to_owned()
                }
            };
            let entries = entries
                .iter()
                .map(|(key, value)| (plain(key), with_plain_keys(value)));
            Value::Object(entries.collect())
        }
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

#[test]
fn yaml_is_read_as_backstage_reads_it() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("yaml.json")).expect("it was written by a program");
    let mut odd = String::new();
    for Recorded { source, documents } in &recorded {
        let found = read_values(source);
        let theirs_fails = documents.iter().any(Option::is_none);
        let ours_fails = found.iter().any(Option::is_none);
        match (theirs_fails, ours_fails) {
            (true, true) => {}
            (false, true) => odd.push_str(&format!("only we refuse {source:?}\n")),
            (true, false) => odd.push_str(&format!("only Backstage refuses {source:?}\n")),
            (false, false) => {
                // An empty document is none.
                let there = |values: &mut dyn Iterator<Item = &Value>| -> Vec<Value> {
                    values
                        .filter(|value| !value.is_null())
                        .map(with_plain_keys)
                        .collect()
                };
                let theirs = there(&mut documents.iter().flatten().map(|[value]| value));
                let ours = there(&mut found.iter().flatten());
                assert_eq!(ours, theirs, "{source:?}");
            }
        }
    }
    // Texts that are no template of anybody's; what is new here has to be looked at.
    insta::assert_snapshot!(odd);
}
