use crate::expression::FindingKind;
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::{of_kind, there_is};
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unknown-variable",
    severity: Severity::Error,
    page: include_str!("unknown_variable.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let unknown = of_kind(analysis, |kind| match kind {
        FindingKind::UnknownVariable { name, suggestion, known, called } => Some((name, suggestion, known, *called)),
        _ => None,
    });
    for (said, (name, suggestion, known, called)) in unknown {
        let mut finding = if called {
            let message = format!("there is no function `{name}`");
            said.perhaps(Finding::new(&RULE, said.span.clone(), message).label(said.failure()))
        } else {
            let message = format!("there is no variable `{name}`");
            let finding = Finding::new(&RULE, said.span.clone(), message).label(said.consequence());
            said.soften(match there_is(known) {
                Some(help) => finding.help(help),
                None => finding,
            })
        };
        // An instance can have globals of its own.
        let complete = analysis.context.extensions_complete;
        if suggestion.is_none() && !complete {
            finding = finding.at_most(Severity::Warning);
        }
        // Next to a variable of Backstage's own nobody has a global.
        let sure = complete || suggestion.as_ref().is_some_and(|name| known.contains(name));
        findings.push(if sure {
            said.did_you_mean(finding, suggestion.as_deref())
        } else {
            finding.hint(suggestion.as_deref())
        });
    }
    let each = of_kind(analysis, |kind| match kind {
        FindingKind::Withheld { name, reason } if name == "each" => Some(reason),
        _ => None,
    });
    for (said, reason) in each {
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("there is no `each`: {reason}"))
                .label(said.consequence()),
        );
    }
}
