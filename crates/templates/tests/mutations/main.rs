//! Right templates, each broken in one way at one place at a time: how many of these mistakes are found. The table
//! in `docs/checker.md` says so, and is held here.

#[path = "../support/mod.rs"]
mod support;

mod entity;
mod expressions;
mod form;
mod right;
mod steps;
mod subject;
mod tally;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use sidestage_templates::rules::RULES;

use subject::{Break, Subject};
use tally::Tally;

/// A way to break a template.
pub(crate) struct Way {
    /// What the mistake is.
    name: &'static str,
    /// Every place of a template where it can be made.
    breaks: fn(&Subject<'_>) -> Vec<Break>,
    /// Whether it is a mistake in YAML. Of the others none makes the file unreadable.
    yaml: bool,
}

impl Way {
    const fn new(name: &'static str, breaks: fn(&Subject<'_>) -> Vec<Break>) -> Self {
        Self {
            name,
            breaks,
            yaml: false,
        }
    }

    const fn yaml(name: &'static str, breaks: fn(&Subject<'_>) -> Vec<Break>) -> Self {
        Self {
            name,
            breaks,
            yaml: true,
        }
    }
}

/// All ways, by what they break.
const WAYS: &[(&str, &[Way])] = &[
    ("In expressions", expressions::WAYS),
    ("In steps", steps::WAYS),
    ("In the form", form::WAYS),
    ("In the entity and its YAML", entity::WAYS),
];

static TALLY: LazyLock<Tally> = LazyLock::new(|| Tally::of(&right::in_this_repository()));

#[test]
fn the_documentation_says_how_many_mistakes_are_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checker.md");
    let text = fs::read_to_string(&path).expect("the page is there");
    let (begin, end) = ("<!-- mistakes -->\n", "<!-- /mistakes -->\n");
    let start = text.find(begin).expect("the table begins") + begin.len();
    let stop = text.find(end).expect("the table ends");
    let table = TALLY.table();
    if env::var_os("UPDATE").is_some() {
        for missed in TALLY.missed() {
            let _ = writeln!(std::io::stderr(), "not found: {missed}");
        }
        let text = format!("{}{table}{}", &text[..start], &text[stop..]);
        fs::write(&path, text).expect("the page can be written");
        return;
    }
    assert!(
        text[start..stop] == table,
        "docs/checker.md does not say what is found. `UPDATE=1 cargo test --test mutations` writes:\n{table}"
    );
}

/// Rules that say only what is worth knowing: no mistake is found by them.
const ONLY_NOTES: [&str; 2] = ["deprecated", "unused-parameter"];

#[test]
fn without_any_one_rule_some_mistake_is_missed() {
    let needed: BTreeSet<&str> = TALLY
        .counts()
        .flat_map(|count| count.alone.iter().copied())
        .chain(ONLY_NOTES)
        .collect();
    let idle: Vec<&str> = RULES
        .iter()
        .map(|rule| rule.name)
        .filter(|name| !needed.contains(name))
        .collect();
    assert!(
        idle.is_empty(),
        "no mistake is found by these alone: {idle:?}"
    );
}

#[test]
fn every_fix_mends_its_mistake_and_makes_no_other() {
    let harmful: Vec<&String> = TALLY.harmful().collect();
    assert!(harmful.is_empty(), "{harmful:#?}");
}

#[test]
fn as_many_mistakes_are_found_in_real_templates() {
    let Some(templates) = right::in_the_corpus() else {
        // Past the test harness, which keeps what a test prints to itself.
        let _ = writeln!(std::io::stderr(), "SKIPPED: there is no ../shared/corpus");
        return;
    };
    let tally = Tally::of(&templates);
    let report = format!("{} templates\n{}", templates.len(), tally.summary());
    insta::assert_snapshot!(report);
}
