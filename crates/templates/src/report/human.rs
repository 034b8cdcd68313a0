//! For people: the source line, the exact characters underlined, what was expected, what to do.

use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};

use crate::finding::{Finding, Severity, visible};

use super::{CheckedFile, Counts, count};

/// How the report looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// With colours, and lines drawn with more than ASCII.
    pub styled: bool,
    /// How wide the terminal is; none when it is not one.
    pub width: Option<usize>,
}

/// The report, with a summary at its end. `checked` is the number of templates that were looked at.
pub fn human(files: &[CheckedFile], checked: usize, look: Look) -> String {
    let renderer = if look.styled {
        Renderer::styled().decor_style(DecorStyle::Unicode)
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(look.width.unwrap_or(140));
    let mut report = String::new();
    for file in files.iter().filter(|file| !file.findings.is_empty()) {
        let source = file.presentable();
        for finding in &file.findings {
            let groups = groups(file, &source, finding);
            let _ = writeln!(report, "{}\n", renderer.render(&groups));
        }
    }
    report.push_str(&summary(files, checked));
    report
}

fn groups<'a>(file: &'a CheckedFile, source: &'a str, finding: &'a Finding) -> Vec<Group<'a>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    // Only the lines that it is about are looked at: a long file can have many findings.
    let related = finding.related.iter().map(|related| &related.span);
    let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
    let places = related.chain(edits.map(|edit| &edit.span));
    let lines = places.fold(finding.span.clone(), |all, place| {
        all.start.min(place.start)..all.end.max(place.end)
    });
    let first = file.lines.line(lines.start);
    let start = file.lines.range(source, first).start;
    let end = file.lines.range(source, file.lines.line(lines.end)).end;
    let text = &source[start..end];
    let within = |place: &Range<usize>| place.start - start..place.end - start;
    let place = within(&visible(&file.source, &finding.span));
    let mut snippet = Snippet::source(text)
        .line_start(first + 1)
        .path(file.path.as_str())
        .annotation(
            AnnotationKind::Primary
                .span(place)
                .label(finding.label.as_str()),
        );
    for related in &finding.related {
        let place = within(&visible(&file.source, &related.span));
        snippet = snippet.annotation(
            AnnotationKind::Context
                .span(place)
                .label(related.label.as_str()),
        );
    }
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(finding.rule.name)
        .element(snippet);
    let Some(help) = &finding.help else {
        return vec![group];
    };
    match &finding.fix {
        // What a fix shows needs no words.
        Some(fix) if !finding.confidential => {
            let patches = fix
                .edits
                .iter()
                .map(|edit| Patch::new(within(&edit.span), edit.replacement.as_str()));
            let patched = Snippet::source(text)
                .line_start(first + 1)
                .path(file.path.as_str())
                .patches(patches);
            vec![
                group,
                Level::HELP.secondary_title(help.as_str()).element(patched),
            ]
        }
        _ => {
            group = group.element(Level::HELP.message(help.as_str()));
            vec![group]
        }
    }
}

fn summary(files: &[CheckedFile], checked: usize) -> String {
    let Counts {
        errors,
        warnings,
        notes,
    } = count(files);
    let found: Vec<String> = [(errors, "error"), (warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect();
    let fixes = files
        .iter()
        .flat_map(|file| &file.findings)
        .filter(|finding| finding.fix.is_some())
        .count();
    let found = if found.is_empty() {
        "nothing found".to_owned()
    } else {
        found.join(", ")
    };
    let fixable = match fixes {
        0 => String::new(),
        fixes => format!("; `--fix` mends {fixes}"),
    };
    format!("{found} in {}{fixable}\n", plural(checked, "template"))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
