//! Comments that silence a rule: `# sidestage-ignore RULE: reason` for the line it is on or the next one,
//! `# sidestage-ignore-file RULE: reason` for the whole file.

use std::ops::Range;

use crate::finding::Finding;
use crate::model::Model;
use crate::near::nearest;
use crate::rules::{RULES, Rule, UNUSED_IGNORE};

const LINE: &str = "sidestage-ignore";
const FILE: &str = "sidestage-ignore-file";

/// A comment that silences rules.
struct Ignore {
    /// The whole comment.
    span: Range<usize>,
    /// The rules, as they are written, with their places.
    rules: Vec<(String, Range<usize>)>,
    reason: String,
    /// The line it is for; none for the whole file.
    line: Option<usize>,
}

/// Takes out what comments silence, and adds what is wrong with these comments.
pub(crate) fn apply(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let ignores = read(model);
    let mut used = vec![Vec::new(); ignores.len()];
    findings.retain(|finding| {
        let first = model.lines.line(finding.span.start);
        let last = model
            .lines
            .line(finding.span.end.max(finding.span.start + 1) - 1);
        !ignores.iter().enumerate().any(|(index, ignore)| {
            let here = ignore
                .line
                .is_none_or(|line| (first..=last).contains(&line));
            let names = ignore
                .rules
                .iter()
                .any(|(name, _)| name == finding.rule.name);
            let silenced = here && names && !ignore.reason.is_empty();
            if silenced {
                used[index].push(finding.rule.name);
            }
            silenced
        })
    });
    if model.context.enabled(&UNUSED_IGNORE) {
        for (ignore, used) in ignores.iter().zip(&used) {
            findings.extend(problems(ignore, used, model));
        }
    }
}

fn read(model: &Model<'_>) -> Vec<Ignore> {
    let comments = &model.stream.comments;
    comments
        .iter()
        .filter_map(|comment| {
            let text = comment.text.trim_start();
            let start = comment.span.end - text.len();
            let (whole_file, rest) = match text.strip_prefix(FILE) {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix(LINE)?),
            };
            if !rest.is_empty() && !rest.starts_with([' ', '\t', ':']) {
                return None;
            }
            let (names, reason) = rest.split_once(':').unwrap_or((rest, ""));
            let names_start = start + text.len() - rest.len();
            let rules = words(names)
                .map(|word| {
                    let span = names_start + word.start..names_start + word.end;
                    (names[word].to_owned(), span)
                })
                .collect();
            let line = (!whole_file).then(|| target_line(model, comment.span.start));
            Some(Ignore {
                span: comment.span.clone(),
                rules,
                reason: reason.trim().to_owned(),
                line,
            })
        })
        .collect()
}

/// The places of the words in a list of names.
fn words(names: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    names.split([' ', ',', '\t']).filter_map(move |word| {
        let start = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some(start..start + word.len())
    })
}

/// The line that a comment is for: its own if something stands before it, else the next one that is no comment.
fn target_line(model: &Model<'_>, comment: usize) -> usize {
    let own = model.lines.line(comment);
    let text = |line: usize| model.source[model.lines.range(model.source, line)].trim();
    if !text(own).starts_with('#') {
        return own;
    }
    let last = model.lines.line(model.source.len());
    (own + 1..=last)
        .find(|line| !text(*line).is_empty() && !text(*line).starts_with('#'))
        .unwrap_or(own)
}

fn problems(ignore: &Ignore, used: &[&str], model: &Model<'_>) -> Vec<Finding> {
    let found = |span: Range<usize>, message: String| Finding::new(&UNUSED_IGNORE, span, message);
    if ignore.rules.is_empty() {
        return vec![
            found(ignore.span.clone(), "this comment names no rule".into())
                .help("write `# sidestage-ignore RULE: reason`"),
        ];
    }
    if ignore.reason.is_empty() {
        return vec![
            found(
                ignore.span.clone(),
                "this comment gives no reason, and silences nothing".into(),
            )
            .help("write `# sidestage-ignore RULE: reason`"),
        ];
    }
    let names = RULES.iter().map(|rule| rule.name);
    ignore
        .rules
        .iter()
        .filter_map(|(name, span)| {
            let Some(rule) = Rule::named(name) else {
                return Some(
                    found(span.clone(), format!("there is no rule `{name}`"))
                        .did_you_mean(nearest(name, names.clone()), span.clone()),
                );
            };
            let unused = model.context.enabled(rule) && !used.contains(&rule.name);
            unused.then(|| {
                found(span.clone(), format!("`{name}` finds nothing here"))
                    .help("take it out, so that it does not silence a later mistake")
            })
        })
        .collect()
}
