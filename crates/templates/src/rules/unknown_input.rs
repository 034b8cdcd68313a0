use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind, one_of};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-input",
    severity: Severity::Error,
    page: include_str!("unknown_input.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, _, mismatches) in analysis.steps() {
        let action = step.action.as_ref().map_or("", |action| &action.name);
        for mismatch in mismatches {
            let MismatchKind::UnknownKey { name, suggestion, known } = &mismatch.kind else { continue };
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let finding = Finding::new(&RULE, mismatch.span.clone(), format!("`{action}` takes no `{name}`"))
                .label("the step fails because of it");
            let finding = if known.is_empty() {
                finding.help("it takes no input")
            } else {
                finding.help(format!("it takes {}", one_of(&known)))
            };
            findings.push(finding.did_you_mean(suggestion.as_deref(), mismatch.span.clone()));
        }
    }
}
