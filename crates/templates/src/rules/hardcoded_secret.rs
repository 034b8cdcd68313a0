use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::tokens;
use crate::yaml::{Node, Value};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "hardcoded-secret",
    severity: Severity::Error,
    page: include_str!("hardcoded_secret.md"),
    check: Check::Template(check),
};

/// Inputs, and headers of requests, that take a secret and nothing else. In capitals or not.
const SECRET_INPUTS: [&str; 14] = [
    "token", "apikey", "api_key", "password", "secret", "webhooksecret", "authtoken", "privatekey", "sourceaccesstoken",
    "authorization", "proxy-authorization", "x-api-key", "x-auth-token", "private-token",
];
const PLACEHOLDERS: [&str; 6] = ["<", "...", "xxx", "changeme", "todo", "example"];

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    analysis.template.root.walk("", &mut |_, node| {
        let Value::String(text) = &node.value else { return };
        for (range, kind) in tokens::find(&text.value) {
            findings.push(
                Finding::new(&RULE, text.source_range(range), format!("{kind} is written into the template"))
                    .confidential()
                    .label("everybody who can read this file has it")
                    .help("revoke it, and take it from `secrets` or from the configuration of Backstage"),
            );
        }
    });
    for step in &analysis.template.steps {
        let Some(input) = step.get("input") else { continue };
        input.walk("", &mut |_, node| by_name(node, findings));
    }
}

/// A text that is the value of an input for secrets.
fn by_name(node: &Node, findings: &mut Vec<Finding>) {
    for entry in node.entries() {
        let name = entry.key.name.as_str();
        let Some(text) = entry.value.as_str().filter(|_| SECRET_INPUTS.contains(&name.to_lowercase().as_str())) else { continue };
        let lower = text.to_lowercase();
        let harmless = text.len() < 8
            || text.contains("${{")
            || PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder))
            || tokens::find(text).next().is_some();
        if !harmless {
            findings.push(
                Finding::new(&RULE, entry.value.span.clone(), format!("`{name}` is written into the template"))
                    .confidential()
                    .label("everybody who can read this file has it")
                    .help("take it from `secrets` or from the configuration of Backstage")
                    .at_most(Severity::Warning),
            );
        }
    }
}
