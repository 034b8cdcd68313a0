//! For other programs. The shape has a version; keys may be added to it, none is taken away.

use serde::Serialize;

use crate::finding::{Finding, visible};
use crate::yaml::Position;

use super::{CheckedFile, count};

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    templates: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<Found<'a>>,
}

#[derive(Serialize)]
struct Found<'a> {
    rule: &'a str,
    severity: &'a str,
    message: &'a str,
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(flatten)]
    place: Place<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedPlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOf<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: &'a str,
    start: Point,
    end: Point,
}

/// Line and column count from 1, the column in Unicode code points; the offset counts bytes from 0.
#[derive(Serialize)]
struct Point {
    line: usize,
    column: usize,
    offset: usize,
}

#[derive(Serialize)]
struct RelatedPlace<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

#[derive(Serialize)]
struct FixOf<'a> {
    title: &'a str,
    edits: Vec<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    replacement: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

/// The report. `checked` is the number of templates that were looked at.
pub fn json(files: &[CheckedFile], checked: usize) -> String {
    let counts = count(files);
    let report = Report {
        version: 1,
        templates: checked,
        errors: counts.errors,
        warnings: counts.warnings,
        notes: counts.notes,
        findings: files
            .iter()
            .flat_map(|file| {
                file.findings
                    .iter()
                    .map(move |finding| found(file, finding))
            })
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

fn found<'a>(file: &'a CheckedFile, finding: &'a Finding) -> Found<'a> {
    Found {
        rule: finding.rule.name,
        severity: finding.severity.name(),
        message: &finding.message,
        label: &finding.label,
        help: finding.help.as_deref(),
        place: place(file, &finding.span),
        related: finding
            .related
            .iter()
            .map(|related| RelatedPlace {
                message: &related.label,
                place: place(file, &related.span),
            })
            .collect(),
        fix: finding.fix.as_ref().map(|fix| FixOf {
            title: &fix.title,
            edits: fix
                .edits
                .iter()
                .map(|edit| Change {
                    replacement: &edit.replacement,
                    place: place(file, &edit.span),
                })
                .collect(),
        }),
    }
}

fn place<'a>(file: &'a CheckedFile, span: &std::ops::Range<usize>) -> Place<'a> {
    let (start, end) = file.region(span);
    let point = |position: Position, offset: usize| Point {
        line: position.line,
        column: position.column,
        offset,
    };
    Place {
        file: &file.path,
        start: point(start, span.start),
        end: point(end, visible(&file.source, span).end),
    }
}
