//! No false alarm: every error that is reported in the real templates of `../shared/corpus` is listed in
//! `corpus_errors.txt` with the reason why Backstage really would fail.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use sidestage_templates::yaml::{LineIndex, Unit};
use sidestage_templates::{Context, Severity, check};

const REVIEWED: &str = include_str!("corpus_errors.txt");

#[test]
fn every_error_in_the_corpus_is_one_that_was_reviewed() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        // Past the test harness, which keeps what a test prints to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there is no {}",
            corpus.display()
        );
        return;
    }
    let context = Context::default();
    let mut found = BTreeSet::new();
    for path in support::files(&corpus) {
        if !path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            continue;
        }
        let source = fs::read_to_string(&path).expect("it can be read");
        let lines = LineIndex::new(&source);
        let shown = path
            .strip_prefix(&corpus)
            .expect("it is in there")
            .display();
        for finding in check(&source, &context) {
            let line = lines
                .position(&source, finding.span.start, Unit::CodePoint)
                .line
                + 1;
            let entry = format!("{shown}:{line} {} {}", finding.rule.name, finding.message);
            if finding.severity == Severity::Error {
                found.insert(entry);
            }
        }
    }
    let reviewed: BTreeSet<String> = REVIEWED
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with(' '))
        .map(str::to_owned)
        .collect();
    let new: Vec<_> = found.difference(&reviewed).collect();
    let gone: Vec<_> = reviewed.difference(&found).collect();
    assert!(new.is_empty(), "errors that nobody has reviewed: {new:#?}");
    assert!(
        gone.is_empty(),
        "reviewed errors that are not found any more: {gone:#?}"
    );
}
