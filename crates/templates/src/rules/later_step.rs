use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::types::Absence;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "later-step",
    severity: Severity::Error,
    page: include_str!("later_step.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let absent = of_kind(analysis, |kind| match kind {
        FindingKind::Absent { name, why, .. } if matches!(why, Absence::LaterStep | Absence::ThisStep) => {
            Some((name, *why))
        }
        _ => None,
    });
    for (said, (name, why)) in absent {
        let message = match why {
            Absence::ThisStep => format!("the step `{name}` uses its own output"),
            _ => format!("the step `{name}` has not run yet"),
        };
        let finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
        let step = analysis.template.steps.iter().find(|step| step.id == *name);
        let finding = match step {
            Some(step) => finding.related(step.span(), "it is here").help("move that step before this one"),
            None => finding,
        };
        findings.push(said.soften(finding));
    }
}
