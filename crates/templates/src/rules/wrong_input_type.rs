use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "wrong-input-type",
    severity: Severity::Error,
    page: include_str!("wrong_input_type.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, _, mismatches) in analysis.steps() {
        for mismatch in mismatches {
            let MismatchKind::WrongType { expected, found } = &mismatch.kind else { continue };
            let input = mismatch.pointer.strip_prefix(&format!("{}/input", step.pointer)).unwrap_or_default();
            let name = input.trim_start_matches('/').replace('/', ".");
            let name = if name.is_empty() { "the input".to_owned() } else { format!("`{name}`") };
            findings.push(
                Finding::new(&RULE, mismatch.span.clone(), format!("{name} has to be {expected}"))
                    .label(format!("is {found}")),
            );
        }
    }
}
