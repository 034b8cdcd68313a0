use crate::finding::{Finding, Severity};
use crate::model::{Analysis, MismatchKind};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "wrong-input-value",
    severity: Severity::Error,
    page: include_str!("wrong_input_value.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    repositories(analysis, findings);
    for (step, _, mismatches) in analysis.steps() {
        let action = step.action.as_ref().map_or("", |action| &action.name);
        for mismatch in mismatches {
            let MismatchKind::WrongValue { problem, suggestion } = &mismatch.kind else { continue };
            findings.push(
                Finding::new(&RULE, mismatch.span.clone(), format!("`{action}` does not take this value"))
                    .label(problem.clone())
                    .did_you_mean(suggestion.as_deref(), mismatch.span.clone()),
            );
        }
    }
}

/// The schema calls a repository a text; the actions that publish read it as `parseRepoUrl` does.
fn repositories(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for (step, action, _) in analysis.steps() {
        let Some(id) = action.map(|action| action.id.as_str()) else { continue };
        let url = step.get("input").and_then(|input| input.get("repoUrl"));
        let (true, Some(url)) = (id.starts_with("publish:") || id.starts_with("github:"), url) else { continue };
        let Some(text) = url.as_str().filter(|text| !text.contains("${{") && !text.contains("{%")) else { continue };
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let has = |name: &str| query.split('&').any(|part| part.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
        // On GitLab a project says both; on other hosts than GitHub an owner is not always needed.
        let fits = has("project") || (has("repo") && (has("owner") || !id.contains("github")));
        if !fits {
            findings.push(
                Finding::new(&RULE, url.span.clone(), format!("`{id}` does not take this value"))
                    .label("names no repository, and the step fails")
                    .help("write `host?owner=…&repo=…`, as a RepoUrlPicker gives it"),
            );
        }
    }
}
