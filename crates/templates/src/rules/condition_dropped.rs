use crate::expression::ExprKind;
use crate::finding::{Edit, Finding, Fix, Severity};
use crate::model::{Analysis, Place};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "condition-dropped",
    severity: Severity::Warning,
    page: include_str!("condition_dropped.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for expression in &analysis.expressions {
        let Ok(parsed) = &expression.parsed else { continue };
        let Some(condition) = parsed.template.sole_expression() else { continue };
        if expression.place != Place::Output || !is_condition(&expression.pointer) || !parsed.checked.ty.may_be_undefined() {
            continue;
        }
        let finding = Finding::new(&RULE, expression.span.clone(), "where this condition is nothing, Backstage shows what it is to hide")
            .label("may be nothing, and is dropped then")
            .help("write `… or false`");
        // Whatever binds less than `or` would have to be put in parentheses.
        let is_name = matches!(condition.kind, ExprKind::Name(_) | ExprKind::Member { .. } | ExprKind::Index { .. });
        findings.push(if is_name {
            let end = expression.source_range(condition.span).end;
            finding.fix(Fix {
                title: "write `or false`".to_owned(),
                edits: vec![Edit { span: end..end, replacement: " or false".to_owned() }],
            })
        } else {
            finding
        });
    }
}

/// Whether it is the `if` of a link or a text.
fn is_condition(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').collect();
    matches!(parts.as_slice(), ["", "spec", "output", "links" | "text", _, "if"])
}
