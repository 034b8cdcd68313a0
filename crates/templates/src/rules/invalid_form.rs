use std::collections::BTreeMap;
use std::ops::Range;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::types::JsonType;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use crate::finding::{Finding, Severity};
use crate::model::{Analysis, one_of, same_object};
use crate::near::nearest;
use crate::template::{Page, is_placeholder, schema_json};
use crate::yaml::{Located, Node, Value, child};

use super::misspelt_form_option::KEYWORDS;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "invalid-form",
    severity: Severity::Error,
    page: include_str!("invalid_form.md"),
    check: Check::Template(check),
};

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
/// What is filled in is held against the page before the next one is shown, which a page that is no schema makes
/// impossible.
const INVALID: &str = "no valid JSON Schema: the page cannot be sent";
const NO_FIELD: &str = "the form shows an error in place of the field";
/// What makes a field be shown in some way that is not looked into here.
const SHOWN: [&str; 11] = [
    "type", "const", "enum", "properties", "additionalProperties", "oneOf", "anyOf", "allOf", "if", "dependencies", "$ref",
];

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let mut form = Form { findings };
    for page in &analysis.template.pages {
        form.schema(page);
        form.outside(page);
        form.fields(&[&page.schema]);
        every_schema(&page.schema, &page.pointer, &mut |schema, _| {
            form.pattern(schema);
            form.choices(schema);
            form.reference(schema, page);
            form.order(schema);
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

struct Form<'f> {
    findings: &'f mut Vec<Finding>,
}

impl Form<'_> {
    fn report(&mut self, span: Range<usize>, message: String, label: &str) {
        self.findings.push(Finding::new(&RULE, span, message).label(label));
    }

    /// Holds a page against the schema that JSON Schemas have.
    fn schema(&mut self, page: &Page) {
        let mut json = schema_json(&page.schema);
        if let Json::Object(page) = &mut json {
            // Backstage shows the title itself, and makes the fields of a page of what is there.
            page.remove("title");
            if page.get("properties").is_some_and(Json::is_null) {
                page.remove("properties");
            }
        }
        for error in jsonschema::draft7::meta::validator().iter_errors(&json) {
            let pointer = error.instance_path().as_str();
            if let Some(found) = page.schema.at(pointer).filter(|found| !holds_placeholder(found.node)) {
                self.keyword(&error, pointer, found);
            }
        }
    }

    fn keyword(&mut self, error: &ValidationError<'_>, pointer: &str, found: Located<'_>) {
        let mut parts = pointer.rsplit('/').filter(|part| part.parse::<usize>().is_err());
        let (keyword, parent) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if keyword == "type" && parent != "properties" {
            let items = found.node.items();
            let names = if items.is_empty() { std::slice::from_ref(found.node) } else { items };
            names.iter().for_each(|name| self.type_name(name));
            return;
        }
        let (subject, span) = match found.key {
            Some(key) if parent == "properties" => (format!("the field `{}`", key.name), key.span.clone()),
            Some(key) if found.node.is_null() => (format!("`{}`", key.name), key.span.clone()),
            Some(key) => (format!("`{}`", key.name), found.node.span.clone()),
            None => (format!("an item of `{keyword}`"), found.node.span.clone()),
        };
        let Some(expected) = expected(error) else { return };
        let message = match error.kind() {
            ValidationErrorKind::Type { .. } | ValidationErrorKind::AnyOf { .. } => {
                format!("{subject} has to be {expected}, not {}", found.node.kind())
            }
            _ => format!("{subject} {expected}"),
        };
        let finding = Finding::new(&RULE, span, message).label(INVALID);
        // Before draft 4 a field said so of itself.
        self.findings.push(match (keyword, &found.node.value) {
            ("required", Value::Bool(_)) => {
                finding.help("the object that has the field lists the names: `required: [name]`")
            }
            _ => finding,
        });
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
                .label(NO_FIELD)
                .help("there is `string`, `number`, `integer`, `boolean`, `array`, `object` and `null`")
                .did_you_mean(known, ty.span.clone()),
        );
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

    /// The values of an `enum`: ajv wants some, each once, and what is chosen has to be of the type of the field.
    fn choices(&mut self, schema: &Node) {
        let Some(entry) = schema.entry("enum").filter(|entry| matches!(entry.value.value, Value::Sequence(_))) else { return };
        let values = entry.value.items();
        if values.is_empty() {
            self.report(entry.key.span.clone(), "`enum` has no values".to_owned(), INVALID);
        }
        let json: Vec<Json> = values.iter().map(Node::to_json).collect();
        for (index, value) in values.iter().enumerate() {
            if json[..index].contains(&json[index]) {
                self.report(value.span.clone(), "this value is in `enum` twice".to_owned(), INVALID);
            }
        }
        let types = types(schema);
        if types.is_empty() || !types.iter().all(|ty| TYPES.contains(ty)) {
            return;
        }
        let other: Vec<&Node> = values.iter().filter(|value| !types.iter().any(|ty| is_of(value, ty))).collect();
        let all = other.len() == values.len();
        for value in other {
            let message = format!("this value is {}, and the field is of type {}", value.kind(), one_of(&quoted(&types)));
            let finding = Finding::new(&RULE, value.span.clone(), message);
            self.findings.push(if all {
                finding.label("whatever is chosen, the page cannot be sent")
            } else {
                finding.label("with it the page cannot be sent").at_most(Severity::Warning)
            });
        }
    }

    fn reference(&mut self, schema: &Node, page: &Page) {
        let Some(node) = schema.get("$ref") else { return };
        let Some(pointer) = node.as_str().and_then(|text| text.strip_prefix('#')) else { return };
        let Ok(pointer) = percent_decode_str(pointer).decode_utf8() else { return };
        let local = pointer.is_empty() || pointer.starts_with('/');
        if local && page.schema.at(&pointer).is_none() && !holds_placeholder(&page.schema) {
            let message = format!("there is no `{pointer}` on this page");
            self.report(node.span.clone(), message, "the page cannot be shown");
        }
    }

    fn order(&mut self, schema: &Node) {
        let Some(order) = schema.entry("ui:order").filter(|order| !order.value.items().is_empty()) else { return };
        let listed = |name: &str| order.value.items().iter().any(|item| item.as_str() == Some(name));
        let fields = schema.get("properties").filter(|fields| !is_placeholder(fields)).map(Node::entries);
        let left_out: Vec<&str> = fields.unwrap_or_default().iter().map(|field| field.key.name.as_str()).filter(|name| !listed(name)).collect();
        if !listed("*") && !left_out.is_empty() {
            let message = format!("`ui:order` leaves out {}", one_of(&quoted(&left_out)));
            let finding = Finding::new(&RULE, order.key.span.clone(), message).label("the form shows an error in place of the fields");
            self.findings.push(finding.help("`'*'` stands for all others"));
        }
    }

    /// What looks like a field beside `properties`, where there are none.
    fn outside(&mut self, page: &Page) {
        if page.schema.get("properties").is_some() {
            return;
        }
        for entry in page.schema.entries() {
            let name = entry.key.name.as_str();
            let is_field = ["type", "title", "enum", "ui:field"].iter().any(|key| entry.value.get(key).is_some());
            if is_field && !KEYWORDS.contains(&name) && !name.contains(':') && !name.starts_with("x-") {
                let finding = Finding::new(&RULE, entry.key.span.clone(), format!("`{name}` is no keyword of a page"))
                    .label("the form does not show it");
                self.findings.push(finding.help("fields stand below `properties`"));
            }
        }
    }

    /// Fields that the form has no way to show, and those in them. `parts` are the schemas that speak of the object
    /// that they are in.
    fn fields(&mut self, parts: &[&Node]) {
        let mut fields: BTreeMap<&str, (Range<usize>, Vec<&Node>)> = BTreeMap::new();
        for part in parts {
            same_object(part, "", &mut |schema, pointer| {
                // What a condition asks for is not shown because of that.
                if pointer.split('/').any(|part| part == "if") {
                    return;
                }
                for entry in schema.get("properties").map(Node::entries).unwrap_or_default() {
                    let new = || (entry.key.span.clone(), Vec::new());
                    fields.entry(&entry.key.name).or_insert_with(new).1.push(&entry.value);
                }
            });
        }
        for (name, (span, parts)) in fields {
            self.field(&format!("`{name}`"), span, &parts);
        }
    }

    fn field(&mut self, name: &str, span: Range<usize>, parts: &[&Node]) {
        let has = |key: &str| parts.iter().any(|part| part.get(key).is_some());
        let unknown = |part: &&Node| part.entries().is_empty() || is_placeholder(part);
        let by_option = |part: &&Node| part.get("ui:options").is_some_and(|options| options.get("field").is_some());
        if has("ui:field") || parts.iter().any(|part| unknown(part) || by_option(part)) {
            return;
        }
        if !SHOWN.iter().any(|key| has(key)) {
            self.report(span.clone(), format!("the field {name} has no `type`"), NO_FIELD);
        }
        let is_list = parts.iter().all(|part| part.get("type").is_none_or(|ty| ty.as_str() == Some("array")));
        if is_list && has("type") && !["items", "oneOf", "anyOf", "allOf", "if", "$ref"].iter().any(|key| has(key)) {
            self.report(span, format!("the list {name} has no `items`"), NO_FIELD);
        }
        let items: Vec<_> = parts.iter().filter_map(|part| part.entry("items")).collect();
        if let [items] = items.as_slice()
            && items.value.is_mapping()
        {
            self.field(&format!("`items` of {name}"), items.key.span.clone(), &[&items.value]);
        }
        self.fields(parts);
    }
}

/// What a keyword has to be, or what is wrong with it; none for what is looked into elsewhere.
fn expected(error: &ValidationError<'_>) -> Option<String> {
    Some(match error.kind() {
        ValidationErrorKind::Type { kind } => match kind {
            TypeKind::Single(ty) => called(*ty).to_owned(),
            // A schema. `true` and `false` are some too, and nobody writes them for a field.
            TypeKind::Multiple(_) => "an object".to_owned(),
        },
        ValidationErrorKind::AnyOf { .. } => "a schema or a list".to_owned(),
        ValidationErrorKind::Minimum { .. } => "must not be negative".to_owned(),
        ValidationErrorKind::ExclusiveMinimum { .. } => "has to be more than 0".to_owned(),
        ValidationErrorKind::MinItems { .. } => "must not be empty".to_owned(),
        ValidationErrorKind::UniqueItems => "says something twice".to_owned(),
        _ => return None,
    })
}

fn called(ty: JsonType) -> &'static str {
    match ty {
        JsonType::Array => "a list",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "text",
    }
}

fn quoted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

/// The types that a schema names.
fn types(schema: &Node) -> Vec<&str> {
    let Some(ty) = schema.get("type") else { return Vec::new() };
    let mut types: Vec<&str> = ty.items().iter().chain([ty]).filter_map(Node::as_str).collect();
    if schema.get("nullable").is_some() {
        types.push("null");
    }
    types
}

fn is_of(value: &Node, ty: &str) -> bool {
    match &value.value {
        Value::Null => ty == "null",
        Value::Bool(_) => ty == "boolean",
        Value::Number(number) => ty == "number" || (ty == "integer" && number.as_f64().is_some_and(|number| number.fract() == 0.0)),
        Value::String(_) => ty == "string",
        Value::Sequence(_) => ty == "array",
        Value::Mapping(_) => ty == "object" || is_placeholder(value),
    }
}

/// Whether there is something in a value that comes from another file.
fn holds_placeholder(node: &Node) -> bool {
    let mut found = false;
    node.walk("", &mut |_, node| found |= is_placeholder(node));
    found
}
