use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::{is_step, there_is, unknown_properties};
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-output",
    severity: Severity::Error,
    page: include_str!("unknown_output.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (said, unknown) in unknown_properties(analysis, is_step) {
        let message = format!("`{}` has no `{}`", unknown.of, unknown.name);
        let mut finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
        if let Some(help) = there_is(unknown.known) {
            finding = finding.help(help);
        }
        findings.push(said.did_you_mean(said.soften(finding), unknown.suggestion));
    }
}
