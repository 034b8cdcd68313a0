use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind, Missing};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "input-may-be-missing",
    severity: Severity::Warning,
    page: include_str!("input_may_be_missing.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, _, mismatches) in analysis.steps() {
        let action = step.action.as_ref().map_or("", |action| &action.name);
        for mismatch in mismatches {
            let MismatchKind::MissingKey { name, why: Missing::Sometimes, .. } = &mismatch.kind else { continue };
            findings.push(
                Finding::new(&RULE, mismatch.span.clone(), format!("`{action}` needs `{name}`, and this can be nothing"))
                    .label("when it is, Backstage drops the key, and the step fails")
                    .help("make the field required, give it a default, or write `${{ ... | default('...') }}`"),
            );
        }
    }
}
