use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::{there_is, unknown_properties};
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-step",
    severity: Severity::Error,
    page: include_str!("unknown_step.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (said, unknown) in unknown_properties(analysis, |of| of == "steps") {
        let message = format!("no step has the id `{}`", unknown.name);
        let mut finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
        if let Some(help) = there_is(unknown.known) {
            finding = finding.help(help);
        }
        findings.push(said.did_you_mean(said.soften(finding), unknown.suggestion));
    }
}
