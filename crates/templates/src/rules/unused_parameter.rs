use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Field};
use crate::yaml::Node;

use super::expression_findings::{is_parameters, unknown_properties};
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "unused-parameter",
    severity: Severity::Note,
    page: include_str!("unused_parameter.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    if analysis.template.steps.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    for expression in &analysis.expressions {
        let Ok(parsed) = &expression.parsed else {
            // What it means to use is not known.
            return;
        };
        for reference in parsed.template.references() {
            match (reference.root.text.as_str(), reference.path.first()) {
                ("parameters", Some(name)) => used.insert(name.text.clone()),
                // All of them at once.
                ("parameters", None) => return,
                _ => continue,
            };
        }
    }
    // A name that is misspelt where it is used is used; that it is misspelt is said there.
    for (_, unknown) in unknown_properties(analysis, is_parameters) {
        used.extend(unknown.suggestion.map(str::to_owned));
    }
    let in_form = form_texts(analysis);
    let mut reported = HashSet::new();
    for field in &analysis.form.fields {
        let name = field.name.as_str();
        let counts = used.contains(name) || in_form.decides(name) || has_effect_of_its_own(field);
        if !counts && reported.insert(name) {
            findings.push(
                Finding::new(&RULE, field.span.clone(), format!("the parameter `{name}` is never used"))
                    .label("asked for, and forgotten"),
            );
        }
    }
}

/// What within the form can make use of a field: other fields that depend on it, and options that name it.
struct InForm {
    deciding: HashSet<String>,
    texts: Vec<String>,
}

impl InForm {
    fn decides(&self, name: &str) -> bool {
        self.deciding.contains(name) || self.texts.iter().any(|text| text.contains(name))
    }
}

fn form_texts(analysis: &Analysis<'_>) -> InForm {
    let mut in_form = InForm { deciding: HashSet::new(), texts: Vec::new() };
    for page in &analysis.template.pages {
        page.schema.walk("", &mut |pointer, node| {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            if matches!(key, "dependencies" | "dependentSchemas" | "dependentRequired") {
                in_form.deciding.extend(node.entries().iter().map(|entry| entry.key.name.clone()));
            }
            if key == "if" {
                let properties = node.get("properties").map(Node::entries).unwrap_or_default();
                in_form.deciding.extend(properties.iter().map(|entry| entry.key.name.clone()));
            }
            if let Some(text) = node.as_str().filter(|text| text.contains("parameters.") || text.contains("formData")) {
                in_form.texts.push(text.to_owned());
            }
        });
    }
    in_form
}

/// Whether a field does something besides giving a parameter: it fills a secret, or shows something.
fn has_effect_of_its_own(field: &Field) -> bool {
    let is = |key: &str, value: &str| field.schema.get(key).and_then(Node::as_str) == Some(value);
    let asks = field.schema.get("ui:options").is_some_and(|options| options.get("requestUserCredentials").is_some());
    is("ui:field", "Secret") || is("type", "null") || asks
}
