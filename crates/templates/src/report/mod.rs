//! Reports of findings. Each format is a pure function of the findings.

mod github;
mod human;
mod json;
mod sarif;

use std::ops::Range;

use crate::finding::{Finding, Severity, visible};
use crate::tokens;
use crate::yaml::{LineIndex, Position, Unit};

pub use github::github;
pub use human::{Look, human};
pub use json::json;
pub use sarif::sarif;

/// A file with what was found in it.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// Its path, as it is to be shown.
    pub path: String,
    /// Its text.
    pub source: String,
    /// What was found.
    pub findings: Vec<Finding>,
    lines: LineIndex,
}

/// How many findings there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many errors.
    pub errors: usize,
    /// How many warnings.
    pub warnings: usize,
    /// How many notes.
    pub notes: usize,
}

impl CheckedFile {
    /// Puts a file and its findings together.
    pub fn new(path: String, source: String, findings: Vec<Finding>) -> Self {
        let lines = LineIndex::new(&source);
        Self {
            path,
            source,
            findings,
            lines,
        }
    }

    /// The start and the end of a place, counted from 1, in code points.
    fn region(&self, span: &Range<usize>) -> (Position, Position) {
        let at = |offset: usize| {
            let position = self.lines.position(&self.source, offset, Unit::CodePoint);
            Position {
                line: position.line + 1,
                column: position.column + 1,
            }
        };
        (at(span.start), at(visible(&self.source, span).end))
    }

    /// The text as it may be shown: without the secrets that are known to be in it.
    fn presentable(&self) -> String {
        let mut text = tokens::mask(&self.source);
        for finding in self.findings.iter().filter(|finding| finding.confidential) {
            let hidden = text.get(finding.span.clone()).unwrap_or_default();
            let blot: String = hidden
                .chars()
                .map(|c| if c.is_ascii_graphic() { '*' } else { c })
                .collect();
            text.replace_range(finding.span.clone(), &blot);
        }
        text
    }
}

/// Counts findings.
pub fn count(files: &[CheckedFile]) -> Counts {
    let mut counts = Counts::default();
    for finding in files.iter().flat_map(|file| &file.findings) {
        match finding.severity {
            Severity::Error => counts.errors += 1,
            Severity::Warning => counts.warnings += 1,
            Severity::Note => counts.notes += 1,
        }
    }
    counts
}
