use std::ops::Range;

use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::near::nearest;
use crate::template::is_placeholder;
use crate::yaml::{Node, Value, child};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "invalid-form",
    severity: Severity::Error,
    page: include_str!("invalid_form.md"),
    check: Check::Template(check),
};

/// What comes of a page that is no JSON Schema: what is filled in is held against it before the next page is shown.
const INVALID: &str = "the page cannot be sent: it is no valid JSON Schema";
const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for page in &analysis.template.pages {
        every_schema(&page.schema, &page.pointer, &mut |schema, _| {
            let mut keywords = Keywords { findings };
            keywords.ty(schema);
            keywords.list(schema, "enum");
            keywords.list(schema, "required");
            keywords.object(schema, "properties");
            keywords.pattern(schema);
        });
    }
}

/// Calls `visit` for every schema in a page of the form, with its JSON pointer.
pub(super) fn every_schema<'a>(schema: &'a Node, pointer: &str, visit: &mut impl FnMut(&'a Node, &str)) {
    if is_placeholder(schema) || !schema.is_mapping() {
        return;
    }
    visit(schema, pointer);
    let mut inside = |node: &'a Node, pointer: String| {
        if node.is_mapping() {
            every_schema(node, &pointer, visit);
        }
    };
    for key in ["items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames"] {
        if let Some(node) = schema.get(key) {
            inside(node, child(pointer, key));
        }
    }
    for key in ["properties", "patternProperties", "dependencies", "dependentSchemas", "definitions", "$defs"] {
        for entry in schema.get(key).map(Node::entries).unwrap_or_default() {
            inside(&entry.value, child(&child(pointer, key), &entry.key.name));
        }
    }
    for key in ["allOf", "anyOf", "oneOf", "items"] {
        for (index, item) in schema.get(key).map(Node::items).unwrap_or_default().iter().enumerate() {
            inside(item, format!("{}/{index}", child(pointer, key)));
        }
    }
}

struct Keywords<'f> {
    findings: &'f mut Vec<Finding>,
}

impl Keywords<'_> {
    fn report(&mut self, span: Range<usize>, message: String, label: &str) {
        self.findings.push(Finding::new(&RULE, span, message).label(label));
    }

    fn ty(&mut self, schema: &Node) {
        let Some(ty) = schema.get("type").filter(|ty| !is_placeholder(ty)) else { return };
        match &ty.value {
            Value::Sequence(types) => types.iter().for_each(|ty| self.type_name(ty)),
            _ => self.type_name(ty),
        }
    }

    fn type_name(&mut self, ty: &Node) {
        let name = ty.as_str().unwrap_or_default();
        if TYPES.contains(&name) {
            return;
        }
        let known = match name {
            "int" => Some("integer"),
            "str" | "text" => Some("string"),
            "bool" => Some("boolean"),
            "list" => Some("array"),
            "float" | "double" => Some("number"),
            "map" | "dict" => Some("object"),
            _ => nearest(name, TYPES),
        };
        self.findings.push(
            Finding::new(&RULE, ty.span.clone(), format!("JSON Schema has no type `{name}`"))
                .label("the form shows an error in place of the field")
                .help("there is `string`, `number`, `integer`, `boolean`, `array`, `object` and `null`")
                .did_you_mean(known, ty.span.clone()),
        );
    }

    fn list(&mut self, schema: &Node, key: &str) {
        let Some(node) = schema.get(key).filter(|node| !is_placeholder(node)) else { return };
        if !matches!(node.value, Value::Sequence(_)) {
            let finding = Finding::new(&RULE, node.span.clone(), format!("`{key}` has to be a list, not {}", node.kind()))
                .label(INVALID);
            // Before draft 4 a field said so of itself.
            self.findings.push(match (key, &node.value) {
                ("required", Value::Bool(_)) => {
                    finding.help("the object that has the field lists the names: `required: [name]`")
                }
                _ => finding,
            });
        }
    }

    fn object(&mut self, schema: &Node, key: &str) {
        let Some(node) = schema.get(key).filter(|node| !is_placeholder(node)) else { return };
        if node.is_null() {
            return;
        }
        if !node.is_mapping() {
            self.report(node.span.clone(), format!("`{key}` has to be an object, not {}", node.kind()), "the form cannot be shown");
            return;
        }
        for entry in node.entries().iter().filter(|entry| {
            !matches!(entry.value.value, Value::Mapping(_) | Value::Bool(_))
        }) {
            let message = format!("the field `{}` has to be an object, not {}", entry.key.name, entry.value.kind());
            self.report(entry.key.span.clone(), message, "the form cannot be shown");
        }
    }

    fn pattern(&mut self, schema: &Node) {
        let Some(pattern) = schema.get("pattern") else { return };
        let Some(text) = pattern.as_str() else { return };
        let schema = serde_json::json!({ "pattern": text });
        if jsonschema::draft7::new(&schema).is_err() {
            let finding = Finding::new(&RULE, pattern.span.clone(), "this pattern cannot be read as a regular expression");
            // Not every engine knows everything that a browser's knows.
            self.findings.push(finding.label("the form cannot be sent").at_most(Severity::Warning));
        }
    }
}
