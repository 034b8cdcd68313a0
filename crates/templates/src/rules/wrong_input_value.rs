use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "wrong-input-value",
    severity: Severity::Error,
    page: include_str!("wrong_input_value.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, _, mismatches) in analysis.steps() {
        let action = step.action.as_ref().map_or("", |action| &action.name);
        for mismatch in mismatches {
            let MismatchKind::WrongValue { problem, suggestion } = &mismatch.kind else { continue };
            findings.push(
                Finding::new(&RULE, mismatch.span.clone(), format!("`{action}` does not take this value"))
                    .label(problem.clone())
                    .did_you_mean(suggestion.as_deref(), mismatch.span.clone()),
            );
        }
    }
}
