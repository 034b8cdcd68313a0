use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Place};
use crate::types::Absence;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "skipped-step",
    severity: Severity::Warning,
    page: include_str!("skipped_step.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let absent = of_kind(analysis, |kind| match kind {
        FindingKind::Absent { name, why: why @ (Absence::Skipped | Absence::Failed), certain, .. } => {
            Some((name, *why, *certain))
        }
        _ => None,
    });
    for (said, (name, why, certain)) in absent {
        if said.finding.guarded {
            continue;
        }
        let (message, label) = match why {
            Absence::Failed => (
                format!("this step runs although the step `{name}` may have failed"),
                "if it has, this is nothing",
            ),
            _ if certain => (format!("where this runs, the step `{name}` is skipped"), "this is nothing"),
            _ => (format!("the step `{name}` may have been skipped"), "if it has, this is nothing"),
        };
        let mut finding = Finding::new(&RULE, said.span.clone(), message)
            .label(label)
            .help(format!("{}; use the same `if`, or `| default(...)`", said.consequence()));
        // A link without an address, or a text with a hole, at the end of a run does no more harm.
        if said.expression.place == Place::Output {
            finding = finding.at_most(Severity::Note);
        }
        let condition = analysis.template.steps.iter().find(|step| step.id == *name).and_then(|step| step.node.entry("if"));
        if let Some(entry) = condition {
            finding = finding.related(entry.value.span.clone(), "it runs only if this is true");
        }
        findings.push(finding);
    }
}
