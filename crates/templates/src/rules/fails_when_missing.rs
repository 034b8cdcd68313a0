use crate::expression::{FindingKind, Operation};
use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::expression_findings::of_kind;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "fails-when-missing",
    severity: Severity::Warning,
    page: include_str!("fails_when_missing.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let missing = of_kind(analysis, |kind| match kind {
        FindingKind::FailsWhenMissing { operation, instead } => Some((operation, *instead)),
        _ => None,
    });
    for (said, (operation, instead)) in missing {
        let operation = match operation {
            Operation::Filter(name) => format!("the filter `{name}`"),
            Operation::Method(name) => format!("`{name}()`"),
            Operation::In => "`in`".to_owned(),
        };
        let written = said.finding.span.of(&said.expression.text.value);
        let help = match instead {
            Some(instead) => format!("make the field required, give it a default, or write `({written} or {instead})`"),
            None => "make the field required, or give it a default".to_owned(),
        };
        findings.push(
            Finding::new(&RULE, said.span.clone(), format!("{operation} fails when `{written}` is left empty"))
                .label("Backstage then passes the whole text on as it is written")
                .help(help),
        );
    }
}
