//! The form of a template: what its pages define, and the type of `parameters` that comes of it.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::near::nearest;
use crate::template::{Page, Template, is_placeholder, schema_json};
use crate::types::{Absence, Presence, Rest, Type};
use crate::yaml::{Entry, Node, child};

/// The form.
#[derive(Clone, Debug)]
pub struct Form {
    /// The type of `parameters`.
    pub parameters: Type,
    /// The type of `secrets`.
    pub secrets: Type,
    /// The fields of all pages, in order. A name that several branches define is there several times.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name of the parameter.
    pub name: String,
    /// Where the name is.
    pub span: Range<usize>,
    /// Its JSON Schema.
    pub schema: Node,
    /// Where it is in the entity.
    pub pointer: String,
    /// Which page it is on.
    pub page: usize,
}

impl Form {
    /// Reads the form of a template.
    pub fn of(template: &Template) -> Self {
        let mut fields = Vec::new();
        for (index, page) in template.pages.iter().enumerate() {
            collect(&page.schema, &page.pointer, index, &mut fields);
        }
        Self {
            parameters: parameters(template),
            secrets: secrets(template, &fields),
            fields,
        }
    }
}

/// The keywords whose schemas speak of the same object as the schema they are in.
const BRANCHES: [&str; 6] = ["allOf", "anyOf", "oneOf", "then", "else", "if"];
const BY_NAME: [&str; 2] = ["dependencies", "dependentSchemas"];

/// Calls `visit` for every schema that speaks of the same object as `schema`, itself first.
pub(crate) fn same_object<'a>(
    schema: &'a Node,
    pointer: &str,
    visit: &mut impl FnMut(&'a Node, &str),
) {
    if is_placeholder(schema) {
        return;
    }
    visit(schema, pointer);
    for key in BRANCHES {
        let Some(branch) = schema.get(key) else {
            continue;
        };
        let at = child(pointer, key);
        if branch.is_mapping() {
            same_object(branch, &at, visit);
        }
        for (index, item) in branch.items().iter().enumerate() {
            same_object(item, &format!("{at}/{index}"), visit);
        }
    }
    for key in BY_NAME {
        let at = child(pointer, key);
        for entry in schema.get(key).map(Node::entries).unwrap_or_default() {
            same_object(&entry.value, &child(&at, &entry.key.name), visit);
        }
    }
}

fn collect(schema: &Node, pointer: &str, page: usize, fields: &mut Vec<Field>) {
    same_object(schema, pointer, &mut |schema, pointer| {
        let at = child(pointer, "properties");
        for Entry { key, value } in schema
            .get("properties")
            .map(Node::entries)
            .unwrap_or_default()
        {
            fields.push(Field {
                name: key.name.clone(),
                span: key.span.clone(),
                schema: value.clone(),
                pointer: child(&at, &key.name),
                page,
            });
        }
    });
}

/// Whether a form decorator can add values and secrets of any name before the form is sent.
fn decorated(template: &Template) -> bool {
    ["formDecorators", "EXPERIMENTAL_formDecorators"]
        .iter()
        .any(|key| template.spec(key).is_some())
}

fn parameters(template: &Template) -> Type {
    let unreadable = template.spec("parameters").is_some_and(|parameters| {
        is_placeholder(parameters) || (!parameters.is_mapping() && parameters.items().is_empty())
    });
    if decorated(template) || unreadable {
        return Type::map_of(Type::Any);
    }
    if template.pages.is_empty() {
        return Type::record::<&str>([]);
    }
    Type::all_of(template.pages.iter().map(page_type))
}

/// What can bring fields to a page besides its own `properties`.
const OPEN: [&str; 14] = [
    "$ref",
    "properties",
    "patternProperties",
    "additionalProperties",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "dependencies",
    "dependentSchemas",
    "const",
    "enum",
];

/// Whether a page has no fields: only a title, or fields that do not stand where they belong.
fn has_no_fields(page: &Page) -> bool {
    page.schema.is_mapping()
        && !is_placeholder(&page.schema)
        && page.schema.entries().iter().all(|entry| {
            let name = entry.key.name.as_str();
            name != "<<" && !OPEN.contains(&name) && nearest(name, OPEN).is_none()
        })
}

fn page_type(page: &Page) -> Type {
    if has_no_fields(page) {
        return Type::record::<&str>([]);
    }
    let ty = Type::from_json_schema(&schema_json(&page.schema));
    let Type::Object(object) = &ty else {
        return Type::map_of(Type::Any);
    };
    let hidden_page = page.schema.get("when").is_some() || flagged(&page.schema);
    let required = required_in_branches(page);
    let mut object = (**object).clone();
    for (name, property) in &mut object.properties {
        let schema = page
            .schema
            .get("properties")
            .and_then(|properties| properties.get(name));
        let hidden = hidden_page || schema.is_some_and(flagged);
        // The form fills in what has a default. What a branch of the form requires is there where that branch
        // applies, and it is taken to be used only there.
        let filled = schema.is_some_and(|schema| schema.get("default").is_some())
            || required.contains(&**name);
        property.presence = match property.presence {
            Presence::Always if hidden => Presence::Maybe(Absence::Optional),
            Presence::Maybe(Absence::Optional) if filled && !hidden => Presence::Always,
            presence => presence,
        };
    }
    Type::Object(Arc::new(object))
}

/// The fields that a branch of a page requires: an item of `oneOf`, a dependency, and so on.
fn required_in_branches(page: &Page) -> HashSet<String> {
    let mut names = HashSet::new();
    same_object(&page.schema, &page.pointer, &mut |schema, _| {
        let required = schema.get("required").map(Node::items).unwrap_or_default();
        names.extend(required.iter().filter_map(Node::as_str).map(str::to_owned));
        // `dependencies: {a: [b]}` says that `a` requires `b`.
        for key in ["dependencies", "dependentRequired"] {
            for entry in schema.get(key).map(Node::entries).unwrap_or_default() {
                names.extend(
                    entry
                        .value
                        .items()
                        .iter()
                        .filter_map(Node::as_str)
                        .map(str::to_owned),
                );
            }
        }
    });
    names
}

/// Whether a part of the form is shown only where a feature flag is on.
fn flagged(schema: &Node) -> bool {
    schema
        .get("ui:backstage")
        .is_some_and(|options| options.get("featureFlag").is_some())
        || schema.get("backstage:featureFlag").is_some()
}

/// Secrets that every run has, whatever the template says.
const ALWAYS_THERE: [&str; 2] = ["backstageToken", "__initiatorCredentials"];

fn secrets(template: &Template, fields: &[Field]) -> Type {
    let declared = template
        .spec("secrets")
        .and_then(|secrets| secrets.get("schema"));
    let declared = match declared {
        Some(declared) => Type::from_json_schema(&schema_json(declared)),
        // Whoever starts the task may give others: only a near miss of what the form asks for is a mistake.
        None if !decorated(template) => Type::object(BTreeMap::new(), Rest::Unsaid),
        None => Type::Any,
    };
    let Type::Object(object) = declared else {
        return Type::map_of(Type::Any);
    };
    let mut object = (*object).clone();
    let asked_for = fields.iter().filter_map(secrets_key);
    for name in asked_for.chain(ALWAYS_THERE.map(str::to_owned)) {
        object
            .properties
            .entry(name.into())
            .or_insert_with(|| crate::types::Property::new(Type::String, Presence::Always));
    }
    if object.rest == Rest::Closed {
        // `additionalProperties: false` would refuse what Backstage itself adds; it is checked before that.
        object.rest = Rest::Unsaid;
    }
    Type::Object(Arc::new(object))
}

/// The secret that a field of the form fills: a `Secret` field under its own name, a repository picker under the
/// name it is told.
fn secrets_key(field: &Field) -> Option<String> {
    if field.schema.get("ui:field").and_then(Node::as_str) == Some("Secret") {
        return Some(field.name.clone());
    }
    let options = field.schema.get("ui:options")?;
    let key = options.get("requestUserCredentials")?.get("secretsKey")?;
    key.as_str().map(str::to_owned)
}
