use crate::finding::{Finding, Severity};
use crate::model::{Analysis, same_object};
use crate::near::nearest;
use crate::yaml::Node;

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
            // In `if` and `not` a name is asked for, not demanded.
            if !pointer.split('/').any(|part| matches!(part, "if" | "not")) {
                required.extend(schema.get("required").map(Node::items).unwrap_or_default());
            }
        });
        for node in required {
            let Some(name) = node.as_str().filter(|name| !names.contains(name)) else { continue };
            findings.push(
                Finding::new(&RULE, node.span.clone(), format!("the form has no field `{name}`"))
                    .label("is required, so the form can never be sent")
                    .did_you_mean(nearest(name, names.iter().copied()), node.span.clone()),
            );
        }
    }
}
