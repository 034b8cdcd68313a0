use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "not-a-number",
    severity: Severity::Warning,
    page: include_str!("not_a_number.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let sums = of_kind(analysis, |kind| match kind {
        FindingKind::NotANumber { operator, found } => Some((operator, found)),
        _ => None,
    });
    for (said, (operator, found)) in sums {
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("`{operator}` needs numbers, this is {found}"))
                .label("the result is no number"),
        );
    }
}
