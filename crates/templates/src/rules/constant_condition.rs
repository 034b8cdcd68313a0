use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Place};
use crate::yaml::Value;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "constant-condition",
    severity: Severity::Warning,
    page: include_str!("constant_condition.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let mut within = Vec::new();
    let constants = of_kind(analysis, |kind| match kind {
        FindingKind::ConstantComparison { value, left, right } => {
            Some((*value, format!("{left} is compared with {right}")))
        }
        FindingKind::ConstantCondition { value } => Some((*value, format!("always {value}"))),
        _ => None,
    });
    for (said, (value, label)) in constants {
        within.push(said.expression.pointer.as_str());
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("this condition is always {value}")).label(label),
        );
    }
    for step in &analysis.template.steps {
        let Some(condition) = step.get("if") else { continue };
        if matches!(condition.value, Value::Bool(false)) {
            findings.push(
                Finding::new(&RULE, condition.span.clone(), "this step never runs").label("always false"),
            );
        }
    }
    for expression in &analysis.expressions {
        let Ok(parsed) = &expression.parsed else { continue };
        let sole = parsed.template.sole_expression().is_some();
        // Where something is said of the parts, it is the reason.
        let explained = !parsed.checked.findings.is_empty() || within.contains(&expression.pointer.as_str());
        let (Place::If(_), true, false) = (expression.place, sole, explained) else { continue };
        // `always()` is meant to be always true.
        let calls_always = parsed.template.references().iter().any(|reference| reference.root.text == "always");
        if let (Some(value), false) = (parsed.checked.ty.step_condition(), calls_always) {
            let (message, label) = match value {
                true => ("this step always runs", "always true"),
                false => ("this step never runs", "always false"),
            };
            findings.push(Finding::new(&RULE, expression.span.clone(), message).label(label));
        }
    }
}
