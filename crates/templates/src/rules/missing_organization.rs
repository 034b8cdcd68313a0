use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "missing-organization",
    severity: Severity::Warning,
    page: include_str!("missing_organization.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, action, _) in analysis.steps() {
        let (Some(action), Some(written)) = (action, &step.action) else { continue };
        let properties = action.input().and_then(|schema| schema.get("properties"));
        let takes = properties.and_then(|properties| properties.get("organization")).is_some();
        let given = step.get("input").and_then(|input| input.entry("organization")).is_some();
        if &*action.source == "Sidestage" && takes && !given {
            findings.push(
                Finding::new(&RULE, written.span.clone(), format!("`{}` is given no `organization`", written.name))
                    .label("for which organization?")
                    .help("who may run this is decided by the organization; give it, for example from a field of the form"),
            );
        }
    }
}
