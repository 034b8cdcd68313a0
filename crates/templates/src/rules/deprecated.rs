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

/// What Backstage's schema of a template calls deprecated, and what is to be written instead.
const OLD_KEY: (&str, &str) = ("EXPERIMENTAL_formDecorators", "formDecorators");

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let (old, new) = OLD_KEY;
    let spec = analysis.template.root.get("spec");
    if let Some(entry) = spec.and_then(|spec| spec.entry(old)) {
        findings.push(
            Finding::new(&RULE, entry.key.span.clone(), format!("`{old}` is deprecated"))
                .label("will go away")
                .did_you_mean(Some(new), entry.key.span.clone()),
        );
    }
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
