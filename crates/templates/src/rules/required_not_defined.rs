use crate::finding::{Finding, Severity};
use crate::model::{Analysis, same_object};
use crate::near::nearest;
use crate::yaml::{Node, Value};

use super::invalid_form::every_schema;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "required-not-defined",
    severity: Severity::Error,
    page: include_str!("required_not_defined.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    // What a decorator adds, or a schema elsewhere defines, cannot be seen here.
    let closed = analysis.form.parameters.as_object().is_some_and(crate::types::Object::is_complete);
    if !closed {
        return;
    }
    let names: Vec<&str> = analysis.form.fields.iter().map(|field| field.name.as_str()).collect();
    for page in &analysis.template.pages {
        let mut required: Vec<&Node> = Vec::new();
        same_object(&page.schema, &page.pointer, &mut |schema, pointer| {
            if !is_asked_for(pointer) {
                required.extend(schema.get("required").map(Node::items).unwrap_or_default());
            }
        });
        report("form", &names, &required, findings);
        every_schema(&page.schema, &page.pointer, &mut |schema, pointer| {
            let fields = schema.get("properties").map(Node::entries).unwrap_or_default();
            for object in fields.iter().map(|entry| &entry.value).chain(schema.get("items")) {
                within(object, pointer, findings);
            }
        });
    }
}

/// An object within the form: what it requires it defines itself, unless names can be added to it.
fn within(object: &Node, pointer: &str, findings: &mut Vec<Finding>) {
    let mut names: Vec<&str> = Vec::new();
    let mut required: Vec<&Node> = Vec::new();
    let mut open = false;
    same_object(object, pointer, &mut |schema, pointer| {
        let fields = schema.get("properties").map(Node::entries).unwrap_or_default();
        names.extend(fields.iter().map(|entry| entry.key.name.as_str()));
        let adds = |key: &str| schema.get(key).is_some_and(|node| !matches!(node.value, Value::Bool(false)));
        open |= ["additionalProperties", "patternProperties", "$ref"].into_iter().any(adds);
        if !is_asked_for(pointer) {
            required.extend(schema.get("required").map(Node::items).unwrap_or_default());
        }
    });
    if open || names.is_empty() {
        return;
    }
    report("object", &names, &required, findings);
}

fn report(of: &str, names: &[&str], required: &[&Node], findings: &mut Vec<Finding>) {
    // One that is required already was not meant.
    let free = names.iter().copied().filter(|name| required.iter().all(|node| node.as_str() != Some(name)));
    for node in required {
        let Some(name) = node.as_str().filter(|name| !names.contains(name)) else { continue };
        findings.push(
            Finding::new(&RULE, node.span.clone(), format!("the {of} has no field `{name}`"))
                .label("is required, so the form can never be sent")
                .did_you_mean(nearest(name, free.clone()), node.span.clone()),
        );
    }
}

/// In `if` and `not` a name is asked for, not demanded.
fn is_asked_for(pointer: &str) -> bool {
    pointer.split('/').any(|part| matches!(part, "if" | "not"))
}
