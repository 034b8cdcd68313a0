use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Expression, Place};
use crate::template::Step;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "secret-exposed",
    severity: Severity::Warning,
    page: include_str!("secret_exposed.md"),
    check: Check::Template(check),
};

/// Where an action puts an input for others to see: the action, the input, and what becomes of it.
const EXPOSING: &[(&str, &str, &str)] = &[
    ("debug:log", "message", "is written into the log of the task"),
    ("fetch:template", "values", "is written into the files of the skeleton"),
    ("fetch:template:file", "values", "is written into the file"),
    ("fetch:cookiecutter", "values", "is written into the files of the skeleton"),
    ("fetch:rails", "values", "is written into the files of the skeleton"),
    ("catalog:write", "entity", "is written into a file of the repository"),
    ("notification:send", "title", "is sent to people"),
    ("notification:send", "info", "is sent to people"),
    ("github:issues:create", "title", "is published in the issue"),
    ("github:issues:create", "body", "is published in the issue"),
    ("github:environment:create", "environmentVariables", VARIABLE),
    ("github:repo:create", "repoVariables", VARIABLE),
    ("publish:github", "repoVariables", VARIABLE),
    ("http:backstage:request", "path", "is written into the log of the task, and into those of servers"),
    ("gitlab:issues:create", "title", "is published in the issue"),
    ("gitlab:issues:create", "description", "is published in the issue"),
];
const VARIABLE: &str = "can be read by everybody who may see the variables; there are secrets beside them";
/// Inputs that every publishing action stores in the open.
const OPEN_INPUTS: &[(&str, &str)] = &[
    ("branchName", "is shown to everybody"),
    ("description", "is shown to everybody"),
    ("title", "is shown to everybody"),
    ("gitCommitMessage", "is stored in the repository"),
    ("commitMessage", "is stored in the repository"),
];

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for expression in &analysis.expressions {
        let Place::Input(index) = expression.place else { continue };
        let step = &analysis.template.steps[index];
        let Some(what) = exposure(step, expression) else { continue };
        let Ok(parsed) = &expression.parsed else { continue };
        for reference in parsed.template.references() {
            let second = reference.path.first().map(|name| name.text.as_str());
            let secret = reference.root.text == "secrets"
                || (reference.root.text == "environment" && second == Some("secrets"));
            if secret {
                findings.push(
                    Finding::new(&RULE, expression.source_range(reference.span), "a secret does not belong here").label(what),
                );
            }
        }
    }
}

fn exposure(step: &Step, expression: &Expression) -> Option<&'static str> {
    let action = step.action.as_ref()?.name.as_str();
    let input = expression.pointer.strip_prefix(&format!("{}/input/", step.pointer))?;
    let input = input.split('/').next().unwrap_or_default();
    let exposing = EXPOSING.iter().find(|(id, name, _)| *id == action && *name == input);
    let open = || {
        let publishes = action.starts_with("publish:");
        OPEN_INPUTS.iter().find(|(name, _)| publishes && *name == input).map(|(_, what)| *what)
    };
    exposing.map(|(_, _, what)| *what).or_else(open)
}
