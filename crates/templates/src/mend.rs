//! Mending a file.

use std::ops::Range;
use std::slice;

use crate::check::check;
use crate::context::Context;
use crate::finding::{Edit, Finding, Severity, compatible_edits};
use crate::rules::INVALID_YAML;

/// How often fixes are made: one can uncover the next.
const ROUNDS: usize = 20;

/// The text with every fix made that makes no new mistake, and how many that were.
pub fn mended(source: &str, context: &Context) -> (String, usize) {
    let mut state = State::of(source.to_owned(), context);
    let mut made = 0;
    for _ in 0..ROUNDS {
        let Some((better, count)) = state.round(context) else {
            break;
        };
        state = better;
        made += count;
    }
    (state.source, made)
}

/// A text with what is found in it.
struct State {
    source: String,
    findings: Vec<Finding>,
}

impl State {
    fn of(source: String, context: &Context) -> Self {
        let findings = check(&source, context);
        Self { source, findings }
    }

    /// With all the fixes that are there now; with one of them if together they do harm.
    fn round(&self, context: &Context) -> Option<(Self, usize)> {
        let some = |findings: &[Finding]| {
            let (edits, made) = compatible_edits(findings);
            let better = (made > 0).then(|| self.with(&edits, context)).flatten();
            better.map(|better| (better, made))
        };
        some(&self.findings).or_else(|| self.findings.iter().map(slice::from_ref).find_map(some))
    }

    /// With changes, which are in the order of the text; none if they do harm.
    fn with(&self, edits: &[&Edit], context: &Context) -> Option<Self> {
        let mut text = String::with_capacity(self.source.len());
        let mut written = Vec::new();
        let mut at = 0;
        for edit in edits {
            text.push_str(&self.source[at..edit.span.start]);
            let start = text.len();
            text.push_str(&edit.replacement);
            written.push(start..text.len());
            at = edit.span.end;
        }
        text.push_str(&self.source[at..]);
        let changed = Self::of(text, context);
        (!changed.is_worse_than(self, &written)).then_some(changed)
    }

    /// Whether there is a new error in what was written, or the file cannot be read any more. An error elsewhere
    /// was only uncovered.
    fn is_worse_than(&self, before: &Self, written: &[Range<usize>]) -> bool {
        let is_new = |error: &Finding| {
            let same =
                |old: &Finding| old.rule.name == error.rule.name && old.message == error.message;
            !before.findings.iter().any(same)
        };
        let is_written = |error: &Finding| {
            let (start, end) = (error.span.start, error.span.end);
            written
                .iter()
                .any(|place| start <= place.end && place.start <= end)
        };
        let mut errors = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        errors.any(|error| {
            is_new(error) && (error.rule.name == INVALID_YAML.name || is_written(error))
        })
    }
}
