use crate::expression::FindingKind;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "not-binds-first",
    severity: Severity::Warning,
    page: include_str!("not_binds_first.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let negations = of_kind(analysis, |kind| match kind {
        FindingKind::NotBindsFirst { remedy } => Some(remedy),
        _ => None,
    });
    for (said, remedy) in negations {
        findings.push(
            Finding::new(&RULE, said.span.clone(), "`not` is for what stands right behind it, not for the comparison")
                .label("compares a boolean")
                .help(format!("write `{remedy}`"))
                .fix(Fix::replace(said.span.clone(), remedy.as_str(), format!("write `{remedy}`"))),
        );
    }
}
