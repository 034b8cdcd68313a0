use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::FAILS;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "invalid-expression",
    severity: Severity::Error,
    page: include_str!("invalid_expression.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for expression in &analysis.expressions {
        if let Err(error) = &expression.parsed {
            findings.push(
                Finding::new(&RULE, expression.source_range(error.span), error.to_string())
                    .label(FAILS),
            );
        }
    }
}
