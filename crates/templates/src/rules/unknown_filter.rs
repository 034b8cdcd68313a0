use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-filter",
    severity: Severity::Error,
    page: include_str!("unknown_filter.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let unknown = of_kind(analysis, |kind| match kind {
        FindingKind::UnknownFilter { name, suggestion } => Some(("filter", name, suggestion)),
        FindingKind::UnknownTest { name, suggestion } => Some(("test", name, suggestion)),
        _ => None,
    });
    for (said, (what, name, suggestion)) in unknown {
        let mut finding = Finding::new(&RULE, said.span.clone(), format!("there is no {what} `{name}`"))
            .label(said.failure());
        // An instance can have filters of its own, but no tests.
        let complete = what == "test" || analysis.context.extensions_complete;
        if suggestion.is_none() && !complete {
            finding = finding
                .at_most(Severity::Warning)
                .help("if your Backstage has it, `sidestage actions pull` tells the checker so");
        }
        findings.push(if complete {
            said.did_you_mean(finding, suggestion.as_deref())
        } else {
            finding.hint(suggestion.as_deref())
        });
    }
}
