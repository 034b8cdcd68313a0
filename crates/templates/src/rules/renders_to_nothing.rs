use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "renders-to-nothing",
    severity: Severity::Error,
    page: include_str!("renders_to_nothing.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let nothing = of_kind(analysis, |kind| matches!(kind, FindingKind::NothingInText).then_some(()));
    for (said, ()) in nothing {
        let finding = Finding::new(&RULE, said.span.clone(), "this expression is never anything")
            .label(said.consequence());
        findings.push(said.soften(finding));
    }
}
