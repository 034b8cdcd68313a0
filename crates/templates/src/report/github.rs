//! Annotations of GitHub Actions. GitHub shows ten errors and ten warnings of a step, so the worst come first.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::finding::Severity;

use super::CheckedFile;

/// The workflow commands, one a line.
pub fn github(files: &[CheckedFile]) -> String {
    let mut all: Vec<_> = files
        .iter()
        .flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
        .collect();
    all.sort_by_key(|(_, finding)| Reverse(finding.severity));
    let mut text = String::new();
    for (file, finding) in all {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let (start, end) = file.region(&finding.span);
        let mut message = finding.message.clone();
        if !finding.label.is_empty() {
            let _ = write!(message, ": {}", finding.label);
        }
        if let Some(help) = &finding.help {
            let _ = write!(message, "\n{help}");
        }
        let _ = write!(
            text,
            "::{command} file={},line={},endLine={},col={}",
            property(&file.path),
            start.line,
            end.line,
            start.column,
        );
        // A range of columns is allowed only within a line.
        if start.line == end.line {
            let _ = write!(text, ",endColumn={}", end.column);
        }
        let title = property(&format!("sidestage {}", finding.rule.name));
        let _ = writeln!(text, ",title={title}::{}", data(&message));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
