use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "duplicate-step-id",
    severity: Severity::Warning,
    page: include_str!("duplicate_step_id.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let mut seen = HashMap::new();
    for step in &analysis.template.steps {
        let Some(first) = seen.insert(step.id.as_str(), step.span()) else { continue };
        findings.push(
            Finding::new(&RULE, step.span(), format!("two steps have the id `{}`", step.id))
                .label("its outputs replace those of the first")
                .related(first, "first here")
                .help("give one of them another id"),
        );
    }
}
