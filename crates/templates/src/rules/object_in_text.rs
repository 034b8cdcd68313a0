use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Expression, Place};
use crate::types::Type;

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
    for expression in analysis.expressions.iter().filter(|expression| is_text_of_output(expression)) {
        if let Some(found) = object(expression) {
            findings.push(
                Finding::new(&RULE, expression.span.clone(), format!("this is {found}, and has to be a text"))
                    .label("nothing can be shown of it")
                    .help("take a part of it"),
            );
        }
    }
}

/// Whether something is one of the texts of a link, or of a text, that the task shows.
fn is_text_of_output(expression: &Expression) -> bool {
    let mut parts = expression.pointer.split('/').skip(3);
    expression.place == Place::Output
        && matches!(parts.next(), Some("links" | "text"))
        && matches!(parts.nth(1), Some("url" | "entityRef" | "title" | "icon" | "content"))
        && parts.next().is_none()
}

/// The type of a whole value that is certainly an object or a list.
fn object(expression: &Expression) -> Option<&Type> {
    expression.parsed.as_ref().ok()?.template.sole_expression()?;
    let ty = expression.ty();
    let members = ty.members();
    let certain = members.iter().all(|member| matches!(member, Type::Object(_) | Type::Array(_)));
    (certain && !members.is_empty()).then_some(ty)
}
