use crate::expression::FindingKind;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "dashed-name",
    severity: Severity::Error,
    page: include_str!("dashed_name.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let dashed = of_kind(analysis, |kind| match kind {
        FindingKind::DashedName { name, remedy, .. } => Some((name, remedy)),
        _ => None,
    });
    for (said, (name, remedy)) in dashed {
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("`{name}` is a subtraction here"))
                .label("gives no number, so nothing")
                .help(format!("write `{remedy}`"))
                .fix(Fix::replace(said.span.clone(), remedy.as_str(), format!("write `{remedy}`"))),
        );
    }
}
