use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::{is_parameters, is_step, of_kind, there_is, unknown_properties};
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-property",
    severity: Severity::Error,
    page: include_str!("unknown_property.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let elsewhere = |of: &str| of != "steps" && !is_step(of) && !is_parameters(of);
    // Where no schema says which secrets there are, whoever starts the task may give any.
    let declared = analysis.template.spec("secrets").is_some_and(|secrets| secrets.get("schema").is_some());
    for (said, unknown) in unknown_properties(analysis, elsewhere) {
        let undeclared = unknown.of == "secrets" && !declared;
        if undeclared && unknown.suggestion.is_none() {
            continue;
        }
        let message = format!("`{}` has no `{}`", unknown.of, unknown.name);
        let mut finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
        if let Some(help) = there_is(unknown.known) {
            finding = finding.help(help);
        }
        if undeclared {
            finding = finding.at_most(Severity::Warning);
        }
        findings.push(said.did_you_mean(said.soften(finding), unknown.suggestion));
    }
    let of_scalar = of_kind(analysis, |kind| match kind {
        FindingKind::PropertyOf { of, found, name, suggestion } => {
            Some((of, found, name, suggestion))
        }
        _ => None,
    });
    for (said, (of, found, name, suggestion)) in of_scalar {
        let message = format!("`{of}` is {found}, and has no `{name}`");
        let finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
        findings.push(said.did_you_mean(said.soften(finding), suggestion.as_deref()));
    }
}
