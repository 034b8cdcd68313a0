use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "object-in-text",
    severity: Severity::Warning,
    page: include_str!("object_in_text.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let objects = of_kind(analysis, |kind| match kind {
        FindingKind::ObjectInText { found } => Some(found),
        _ => None,
    });
    for (said, found) in objects {
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("this is {found}, in a text"))
                .label("becomes `[object Object]`")
                .help("take a part of it, write `| dump`, or make the expression the whole value"),
        );
    }
}
