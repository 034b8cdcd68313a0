use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::template::is_placeholder;
use crate::yaml::{Key, Node};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "not-rendered",
    severity: Severity::Warning,
    page: include_str!("not_rendered.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let template = &analysis.template;
    for step in &template.steps {
        for key in ["id", "name", "action"] {
            if let Some(node) = step.get(key).filter(|node| has_expression(node)) {
                let what = format!("the `{key}` of a step");
                findings.push(finding(node.span.clone(), &what));
            }
        }
        keys(step.get("input"), findings);
    }
    keys(template.spec("output"), findings);
    for field in &analysis.form.fields {
        if let Some(default) = field.schema.get("default").filter(|node| has_expression(node)) {
            findings.push(finding(default.span.clone(), "the `default` of a field"));
        }
    }
    for key in ["name", "title", "description"] {
        let node = template.root.get("metadata").and_then(|metadata| metadata.get(key));
        if let Some(node) = node.filter(|node| has_expression(node)) {
            findings.push(finding(node.span.clone(), "the metadata of a template"));
        }
    }
}

fn keys(node: Option<&Node>, findings: &mut Vec<Finding>) {
    let Some(node) = node else { return };
    node.walk("", &mut |_, node| {
        if is_placeholder(node) {
            return;
        }
        let opens = |key: &Key| key.name.contains("${{");
        for entry in node.entries().iter().filter(|entry| opens(&entry.key)) {
            findings.push(finding(entry.key.span.clone(), "a key"));
        }
    });
}

fn has_expression(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${{"))
}

fn finding(span: std::ops::Range<usize>, what: &str) -> Finding {
    Finding::new(&RULE, span, format!("Backstage evaluates no expression in {what}"))
        .label("stays as it is written")
}
