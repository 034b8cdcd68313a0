use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Expression};
use crate::template::is_placeholder;
use crate::types::Type;
use crate::yaml::Value;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "each-not-iterable",
    severity: Severity::Error,
    page: include_str!("each_not_iterable.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for step in &analysis.template.steps {
        let Some(each) = step.get("each") else { continue };
        let expression = analysis.expression(&format!("{}/each", step.pointer));
        let found = match (&each.value, expression) {
            (Value::Sequence(_) | Value::Mapping(_), _) => continue,
            _ if is_placeholder(each) => continue,
            (_, Some(expression)) => match scalar(expression) {
                Some(ty) => ty.to_string(),
                None => continue,
            },
            (_, None) => each.kind().to_owned(),
        };
        findings.push(
            Finding::new(&RULE, each.span.clone(), "`each` has to be a list or an object")
                .label(format!("is {found}, and the step fails")),
        );
    }
}

/// The type of an expression that is certainly no list and no object.
fn scalar(expression: &Expression) -> Option<&Type> {
    let parsed = expression.parsed.as_ref().ok()?;
    let ty = &parsed.checked.ty;
    // Nothing because of a reference to nothing is reported there.
    let explained = ty.is_undefined() && !parsed.checked.findings.is_empty();
    let certain = ty.members().iter().all(|member| {
        matches!(
            member,
            Type::Undefined | Type::Null | Type::Boolean | Type::Number | Type::String | Type::Literal(_)
        )
    });
    (certain && !explained).then_some(ty)
}
