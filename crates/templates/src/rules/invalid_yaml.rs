use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::template;
use crate::yaml::{Problem, ProblemKind};

use super::{Check, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "invalid-yaml",
    severity: Severity::Error,
    page: include_str!("invalid_yaml.md"),
    check: Check::File(check),
};

fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    // A file that holds no template is none of our business, even if it is no YAML.
    if model.templates.is_empty() && !template::may_hold_template(model.source) {
        return;
    }
    for problem in model.stream.documents.iter().flat_map(|document| &document.problems) {
        findings.push(finding(problem));
    }
}

fn finding(problem: &Problem) -> Finding {
    let finding = Finding::new(&RULE, problem.span.clone(), problem.kind.to_string());
    match &problem.kind {
        ProblemKind::DuplicateKey { first, .. } => finding
            .label("again here")
            .related(first.clone(), "first here")
            .help("Backstage refuses the whole entity; keep one of the two"),
        ProblemKind::Syntax(_) => finding.label("Backstage cannot read on from here"),
        ProblemKind::Tab => finding.label("indent with blanks"),
        ProblemKind::UnknownAlias(_) => finding.label("stands for nothing"),
        ProblemKind::TooManyAliases | ProblemKind::TooDeep => finding.label("too much"),
    }
}
