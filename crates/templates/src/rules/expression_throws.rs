use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::said;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "expression-throws",
    severity: Severity::Error,
    page: include_str!("expression_throws.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for said in said(analysis) {
        let (message, suggestion) = match &said.finding.kind {
            FindingKind::NotCallable { written, suggestion } => {
                (format!("`{written}` cannot be called"), suggestion.as_deref())
            }
            FindingKind::Arguments { callee, fewest, most, found } => {
                let takes = match most {
                    Some(most) if most == fewest => format!("{fewest}"),
                    Some(most) => format!("{fewest} to {most}"),
                    None => format!("at least {fewest}"),
                };
                (format!("`{callee}` takes {takes} arguments, here are {found}"), None)
            }
            FindingKind::KeywordArgument { callee, name } => {
                (format!("`{callee}` takes its arguments by place, not by name as `{name}`"), None)
            }
            FindingKind::FilterInput { filter, expected, found } => {
                (format!("the filter `{filter}` takes {expected}, this is {found}"), None)
            }
            FindingKind::TestInput { test, expected, found } => {
                (format!("the test `{test}` takes {expected}, this is {found}"), None)
            }
            FindingKind::NoContainer { found } => {
                (format!("`in` looks into lists, objects and texts, this is {found}"), None)
            }
            FindingKind::FunctionAsValue { written } => {
                (format!("`{written}` is a function: call it with `{written}()`"), None)
            }
            _ => continue,
        };
        let finding = said.perhaps(Finding::new(&RULE, said.span.clone(), message)).label(said.failure());
        findings.push(said.did_you_mean(finding, suggestion));
    }
}
