use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::near::nearest;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-action",
    severity: Severity::Warning,
    page: include_str!("unknown_action.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let known = &analysis.context.actions;
    for action in analysis.template.steps.iter().filter_map(|step| step.action.as_ref()) {
        // An action with an expression in it is said elsewhere to be no name.
        if known.get(&action.name).is_some() || action.name.contains("${{") {
            continue;
        }
        let near = nearest(&action.name, known.iter().map(|action| action.id.as_str()));
        let finding = Finding::new(&RULE, action.span.clone(), format!("the action `{}` is not known", action.name))
            .label("its input and outputs cannot be checked")
            .help("if your Backstage has it, `sidestage actions pull` tells the checker what it takes and gives");
        // It may well be one of the instance's own.
        findings.push(if analysis.context.actions_complete {
            finding.did_you_mean(near, action.span.clone())
        } else {
            finding.hint(near)
        });
    }
}
