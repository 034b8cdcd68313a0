use crate::actions::Action;
use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "deprecated",
    severity: Severity::Note,
    page: include_str!("deprecated.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, action, mismatches) in analysis.steps() {
        if let (Some(written), Some(text)) = (&step.action, action.and_then(Action::deprecated)) {
            findings.push(finding(written.span.clone(), &written.name, text));
        }
        for mismatch in mismatches {
            if let MismatchKind::Deprecated { name, text } = &mismatch.kind {
                findings.push(finding(mismatch.span.clone(), name, text));
            }
        }
    }
}

fn finding(span: std::ops::Range<usize>, name: &str, text: &str) -> Finding {
    let finding = Finding::new(&RULE, span, format!("`{name}` is deprecated")).label("will go away");
    if text.is_empty() { finding } else { finding.help(text.to_owned()) }
}
