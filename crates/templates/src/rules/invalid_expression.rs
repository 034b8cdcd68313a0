use crate::expression::SyntaxErrorKind;
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
        let Err(error) = &expression.parsed else {
            continue;
        };
        let span = expression.source_range(error.span);
        // Too deep for this checker is not too deep for Backstage.
        if error.kind == SyntaxErrorKind::TooDeep {
            let finding = Finding::new(&RULE, span, "this expression is nested too deeply to be checked");
            findings.push(finding.label("nothing is said about any of it").at_most(Severity::Note));
            continue;
        }
        let mut finding = Finding::new(&RULE, span, error.to_string()).label(FAILS);
        if let Some(remedy) = error.kind.remedy() {
            finding = finding.help(remedy);
        }
        // Without a `${{` it may be meant for somebody else: a Jinja template for the action.
        if !expression.text.value.contains("${{") {
            finding = finding.at_most(Severity::Warning);
        }
        findings.push(finding);
    }
}
