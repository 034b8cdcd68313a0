use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Place};
use crate::types::Absence;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "secret-not-given",
    severity: Severity::Error,
    page: include_str!("secret_not_given.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let withheld = of_kind(analysis, |kind| match kind {
        FindingKind::Withheld { name, .. } if name == "secrets" => Some(()),
        FindingKind::Absent { why: Absence::Withheld, .. } => Some(()),
        _ => None,
    });
    for (said, ()) in withheld {
        let place = match said.expression.place {
            Place::Output => "the output",
            Place::If(_) => "a condition",
            _ => "this place",
        };
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("Backstage gives no secrets to {place}"))
                .label(said.consequence())
                .help("secrets are there in the `input` and the `each` of a step"),
        );
    }
}
