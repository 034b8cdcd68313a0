use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Mismatch, MismatchKind, Missing};
use crate::template::{Step, first_line};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "missing-input",
    severity: Severity::Error,
    page: include_str!("missing_input.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, _, mismatches) in analysis.steps() {
        for mismatch in mismatches {
            let MismatchKind::MissingKey { name, description, why } = &mismatch.kind else { continue };
            let action = step.action.as_ref().map_or("", |action| &action.name);
            let finding = match why {
                Missing::Unwritten => {
                    Finding::new(&RULE, place(step, mismatch), format!("`{action}` needs `{name}`")).label("the step fails without it")
                }
                Missing::Never => {
                    Finding::new(&RULE, mismatch.span.clone(), format!("`{action}` needs `{name}`, and this is nothing"))
                        .label("Backstage drops the key, and the step fails")
                }
                Missing::Sometimes => continue,
            };
            findings.push(match description {
                Some(text) => finding.help(format!("`{name}`: {}", first_sentence(text))),
                None => finding,
            });
        }
    }
}

/// Where something is missing: the action if it is an input, else the object that lacks it.
fn place(step: &Step, mismatch: &Mismatch) -> std::ops::Range<usize> {
    let object = mismatch.pointer.rsplit_once('/').map_or("", |(object, _)| object);
    if object == format!("{}/input", step.pointer) {
        return step.action.as_ref().map_or_else(|| step.span(), |action| action.span.clone());
    }
    let node = object.strip_prefix(&step.pointer).and_then(|at| step.node.at(at));
    node.map_or_else(|| step.span(), |located| first_line(located.node))
}

fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.split_inclusive(". ").next().unwrap_or(line).trim()
}
