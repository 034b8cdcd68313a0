//! How a value with expressions in it fits a JSON Schema. Only what is certain counts against it: an expression
//! fits unless no value of its type does.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value as Json};

use crate::actions::deprecation;
use crate::near::nearest;
use crate::template::{Step, is_placeholder};
use crate::types::{Fit, Type};
use crate::yaml::{Node, Value, child};

/// How deep schemas may refer to each other.
const DEPTH: usize = 40;

/// Something that does not fit.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// Where in the entity: the JSON pointer of the value.
    pub pointer: String,
    /// Where in the file.
    pub span: Range<usize>,
    /// In what way.
    pub kind: MismatchKind,
}

/// How a value may not fit.
#[derive(Clone, Debug)]
pub enum MismatchKind {
    /// A key that the schema does not allow.
    UnknownKey {
        /// The key.
        name: String,
        /// The key that was probably meant.
        suggestion: Option<String>,
        /// The keys that are allowed.
        known: Vec<String>,
    },
    /// A key that has to be there.
    MissingKey {
        /// The key.
        name: String,
        /// What the schema says about it.
        description: Option<String>,
        /// In what way it is missing.
        why: Missing,
    },
    /// A value of another type.
    WrongType {
        /// What the schema wants.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value of the right type that is not allowed.
    WrongValue {
        /// What is wrong with it.
        problem: String,
        /// The value that was probably meant.
        suggestion: Option<String>,
    },
    /// A key that should not be used any more.
    Deprecated {
        /// The key.
        name: String,
        /// What the schema says about it.
        text: String,
    },
}

/// In what way a key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is not written.
    Unwritten,
    /// It is written, but its expression is never anything, and Backstage drops it.
    Never,
    /// It is written, but its expression is nothing for some values of the form.
    Sometimes,
}

impl MismatchKind {
    /// Whether Backstage certainly refuses the value.
    fn certain(&self) -> bool {
        !matches!(
            self,
            Self::Deprecated { .. }
                | Self::MissingKey {
                    why: Missing::Sometimes,
                    ..
                }
        )
    }
}

/// The type of the expression at a pointer; none where there is no expression.
pub(crate) type Typed<'a> = dyn Fn(&str) -> Option<&'a Type> + 'a;

/// Checks a value.
pub(crate) fn check(node: &Node, schema: &Json, pointer: &str, typed: &Typed<'_>) -> Vec<Mismatch> {
    let conform = Conform {
        root: schema,
        typed,
    };
    let mut found = Vec::new();
    conform.value(node, schema, pointer, &mut found, DEPTH);
    found
}

/// Checks the input of a step that has none: an empty object.
pub(crate) fn check_absent(step: &Step, schema: &Json, pointer: &str) -> Vec<Mismatch> {
    let empty = Node {
        value: Value::Mapping([].into()),
        span: step.span(),
    };
    check(&empty, schema, pointer, &|_| None)
}

/// Checks a value that has no expressions in it.
pub(crate) fn check_literal(node: &Node, schema: &Json) -> Vec<Mismatch> {
    check(node, schema, "", &|_| None)
}

/// What is wrong, in a few words, and what was probably meant; none for what may be left to others.
pub(crate) fn describe(kind: &MismatchKind) -> Option<(String, Option<&str>)> {
    match kind {
        MismatchKind::UnknownKey {
            name, suggestion, ..
        } => Some((format!("`{name}` is not allowed"), suggestion.as_deref())),
        MismatchKind::WrongType { expected, found } => {
            Some((format!("expected {expected}, this is {found}"), None))
        }
        MismatchKind::WrongValue {
            problem,
            suggestion,
        } => Some((problem.clone(), suggestion.as_deref())),
        MismatchKind::MissingKey { .. } | MismatchKind::Deprecated { .. } => None,
    }
}

struct Conform<'s, 't, 'v> {
    root: &'s Json,
    typed: &'t Typed<'v>,
}

impl Conform<'_, '_, '_> {
    fn value(
        &self,
        node: &Node,
        schema: &Json,
        pointer: &str,
        found: &mut Vec<Mismatch>,
        depth: usize,
    ) {
        let mut report = |kind| {
            found.push(Mismatch {
                pointer: pointer.to_owned(),
                span: node.span.clone(),
                kind,
            });
        };
        if *schema == Json::Bool(false) {
            return report(MismatchKind::WrongValue {
                problem: "nothing is allowed here".into(),
                suggestion: None,
            });
        }
        let (Json::Object(rules), Some(depth)) = (schema, depth.checked_sub(1)) else {
            return;
        };
        if is_placeholder(node) {
            return;
        }
        if let Some(reference) = rules.get("$ref").and_then(Json::as_str) {
            // What a reference outside the schema says is unknown.
            if let Some(target) = reference
                .strip_prefix('#')
                .and_then(|at| self.root.pointer(at))
            {
                self.value(node, target, pointer, found, depth);
            }
            return;
        }
        if let Some(ty) = (self.typed)(pointer) {
            if let Some(kind) = expression_mismatch(ty, schema) {
                report(kind);
            }
            return;
        }
        if let Some(kind) =
            type_mismatch(node, rules).or_else(|| self.value_mismatch(node, rules, pointer))
        {
            return report(kind);
        }
        match &node.value {
            Value::Mapping(_) => self.object(node, rules, pointer, found, depth),
            Value::Sequence(items) => self.list(items, rules, pointer, found, depth),
            _ => {}
        }
        for schema in branches(rules, "allOf") {
            self.value(node, schema, pointer, found, depth);
        }
        for key in ["anyOf", "oneOf"] {
            let choices = branches(rules, key);
            if !choices.is_empty() {
                self.choice(node, choices, schema, pointer, found, depth);
            }
        }
    }

    /// Of several schemas one has to fit. When none does, the one that is nearest says what is wrong.
    fn choice(
        &self,
        node: &Node,
        choices: &[Json],
        schema: &Json,
        pointer: &str,
        found: &mut Vec<Mismatch>,
        depth: usize,
    ) {
        let mut attempts = Vec::new();
        for choice in choices {
            let mut attempt = Vec::new();
            self.value(node, choice, pointer, &mut attempt, depth);
            if !attempt.iter().any(|mismatch| mismatch.kind.certain()) {
                return;
            }
            let other_type = attempt.iter().any(|mismatch| {
                mismatch.pointer == pointer
                    && matches!(mismatch.kind, MismatchKind::WrongType { .. })
            });
            attempts.push((other_type, attempt));
        }
        let same_type = attempts
            .iter()
            .filter(|(other_type, _)| !other_type)
            .count();
        if same_type == 0 {
            let kind = MismatchKind::WrongType {
                expected: Type::from_json_schema(schema).to_string(),
                found: node.kind().to_owned(),
            };
            found.push(Mismatch {
                pointer: pointer.to_owned(),
                span: node.span.clone(),
                kind,
            });
            return;
        }
        let nearest = attempts
            .into_iter()
            .filter(|(other_type, _)| !other_type)
            .min_by_key(|(_, attempt)| attempt.len());
        found.extend(nearest.into_iter().flat_map(|(_, attempt)| attempt));
    }

    fn object(
        &self,
        node: &Node,
        rules: &Map<String, Json>,
        pointer: &str,
        found: &mut Vec<Mismatch>,
        depth: usize,
    ) {
        let properties = rules.get("properties").and_then(Json::as_object);
        let property = |name: &str| properties.and_then(|properties| properties.get(name));
        // What `<<` would bring is unknown where it is not merged.
        let unmerged = node.entry("<<").is_some();
        for entry in node.entries() {
            let name = &entry.key.name;
            let at = child(pointer, name);
            if let Some(schema) = property(name) {
                let description = schema.get("description").and_then(Json::as_str);
                if let Some(text) = deprecation(description, Some(schema)) {
                    let kind = MismatchKind::Deprecated {
                        name: name.clone(),
                        text: text.to_owned(),
                    };
                    found.push(Mismatch {
                        pointer: at.clone(),
                        span: entry.key.span.clone(),
                        kind,
                    });
                }
                if !self.dropped(&at) {
                    self.value(&entry.value, schema, &at, found, depth);
                }
                continue;
            }
            if matches_pattern_property(rules, name) {
                continue;
            }
            match rules.get("additionalProperties") {
                Some(Json::Bool(false)) if !unmerged && !self.dropped(&at) => {
                    let known: Vec<String> = properties
                        .into_iter()
                        .flat_map(Map::keys)
                        .cloned()
                        .collect();
                    let unused = known.iter().filter(|known| node.entry(known).is_none());
                    let suggestion = nearest(name, unused.map(String::as_str)).map(str::to_owned);
                    let kind = MismatchKind::UnknownKey {
                        name: name.clone(),
                        suggestion,
                        known,
                    };
                    found.push(Mismatch {
                        pointer: at,
                        span: entry.key.span.clone(),
                        kind,
                    });
                }
                Some(schema @ Json::Object(_)) => {
                    self.value(&entry.value, schema, &at, found, depth)
                }
                _ => {}
            }
        }
        if unmerged {
            return;
        }
        for name in required(rules) {
            let at = child(pointer, name);
            let entry = node.entry(name);
            let why = match entry {
                None => Missing::Unwritten,
                Some(_) => match (self.typed)(&at) {
                    Some(ty) if ty.is_undefined() => Missing::Never,
                    Some(ty) if ty.may_be_undefined() => Missing::Sometimes,
                    _ => continue,
                },
            };
            let description = property(name)
                .and_then(|schema| schema.get("description"))
                .and_then(Json::as_str)
                .map(str::to_owned);
            let kind = MismatchKind::MissingKey {
                name: name.to_owned(),
                description,
                why,
            };
            let span = entry.map_or_else(|| node.span.clone(), |entry| entry.value.span.clone());
            found.push(Mismatch {
                pointer: at,
                span,
                kind,
            });
        }
    }

    /// Whether Backstage drops a key because its expression is never anything.
    fn dropped(&self, pointer: &str) -> bool {
        (self.typed)(pointer).is_some_and(Type::is_undefined)
    }

    fn list(
        &self,
        items: &[Node],
        rules: &Map<String, Json>,
        pointer: &str,
        found: &mut Vec<Mismatch>,
        depth: usize,
    ) {
        for (index, item) in items.iter().enumerate() {
            let schema = match rules.get("items") {
                Some(Json::Array(schemas)) => schemas.get(index),
                other => other,
            };
            let at = format!("{pointer}/{index}");
            if let Some(schema) = schema
                && !self.dropped(&at)
            {
                self.value(item, schema, &at, found, depth);
            }
        }
    }

    /// What is wrong with a value of the right type, by the keywords that look at it as a whole.
    fn value_mismatch(
        &self,
        node: &Node,
        rules: &Map<String, Json>,
        pointer: &str,
    ) -> Option<MismatchKind> {
        if rules.contains_key("enum") || rules.contains_key("const") {
            if self.has_expression(node, pointer) {
                return None;
            }
            return allowed_values(rules).and_then(|allowed| not_among(node, allowed));
        }
        if let Value::Sequence(items) = &node.value {
            let bound = |key: &str| {
                rules
                    .get(key)
                    .and_then(Json::as_u64)
                    .map(|bound| bound as usize)
            };
            let count = items.len();
            let problem = match (bound("minItems"), bound("maxItems")) {
                (Some(least), _) if count < least => {
                    format!("at least {least} items are needed, here are {count}")
                }
                (_, Some(most)) if count > most => {
                    format!("at most {most} items are allowed, here are {count}")
                }
                _ => return None,
            };
            return Some(MismatchKind::WrongValue {
                problem,
                suggestion: None,
            });
        }
        scalar_mismatch(node, rules)
    }

    /// Whether there is an expression in a value.
    fn has_expression(&self, node: &Node, pointer: &str) -> bool {
        let mut there = false;
        node.walk(pointer, &mut |pointer, _| {
            there |= (self.typed)(pointer).is_some()
        });
        there
    }
}

fn branches<'s>(rules: &'s Map<String, Json>, key: &str) -> &'s [Json] {
    rules
        .get(key)
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

fn required(rules: &Map<String, Json>) -> BTreeSet<&str> {
    branches(rules, "required")
        .iter()
        .filter_map(Json::as_str)
        .collect()
}

fn matches_pattern_property(rules: &Map<String, Json>, name: &str) -> bool {
    let patterns = rules.get("patternProperties").and_then(Json::as_object);
    patterns.into_iter().flat_map(Map::keys).any(|pattern| {
        // A pattern that cannot be read might allow anything.
        regex::Regex::new(pattern).map_or(true, |pattern| pattern.is_match(name))
    })
}

fn expression_mismatch(ty: &Type, schema: &Json) -> Option<MismatchKind> {
    if mentions_reference(schema) {
        return None;
    }
    let expected = Type::from_json_schema(schema);
    (expected.accepts(ty) == Fit::No).then(|| MismatchKind::WrongType {
        expected: expected.to_string(),
        found: ty.to_string(),
    })
}

fn mentions_reference(schema: &Json) -> bool {
    match schema {
        Json::Object(rules) => rules.contains_key("$ref") || rules.values().any(mentions_reference),
        Json::Array(items) => items.iter().any(mentions_reference),
        _ => false,
    }
}

fn type_mismatch(node: &Node, rules: &Map<String, Json>) -> Option<MismatchKind> {
    let wanted: Vec<&str> = match rules.get("type")? {
        Json::String(name) => vec![name],
        Json::Array(names) => names.iter().filter_map(Json::as_str).collect(),
        _ => return None,
    };
    let fits = |name: &&str| match *name {
        "null" => node.is_null(),
        "boolean" => matches!(node.value, Value::Bool(_)),
        "number" => matches!(node.value, Value::Number(_)),
        "integer" => match &node.value {
            Value::Number(number) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        },
        "string" => matches!(node.value, Value::String(_)),
        "array" => matches!(node.value, Value::Sequence(_)),
        "object" => node.is_mapping(),
        // A type that JSON Schema does not have allows everything, in Backstage too.
        _ => true,
    };
    (!wanted.iter().any(fits)).then(|| MismatchKind::WrongType {
        expected: wanted.join(" or "),
        found: node.kind().to_owned(),
    })
}

fn allowed_values(rules: &Map<String, Json>) -> Option<&[Json]> {
    match (rules.get("enum"), rules.get("const")) {
        (Some(Json::Array(values)), _) => Some(values),
        (_, Some(value)) => Some(std::slice::from_ref(value)),
        _ => None,
    }
}

fn not_among(node: &Node, allowed: &[Json]) -> Option<MismatchKind> {
    let value = node.to_json();
    if allowed.iter().any(|allowed| same(allowed, &value)) {
        return None;
    }
    let names: Vec<String> = allowed
        .iter()
        .map(|value| format!("`{}`", plain(value)))
        .collect();
    let suggestion = node.as_str().and_then(|written| {
        nearest(written, allowed.iter().filter_map(Json::as_str)).map(str::to_owned)
    });
    Some(MismatchKind::WrongValue {
        problem: format!("expected {}", one_of(&names)),
        suggestion,
    })
}

/// `1` and `1.0` are one number.
fn same(a: &Json, b: &Json) -> bool {
    a == b || (a.is_number() && a.as_f64() == b.as_f64())
}

fn plain(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// `a`, `b` or `c`; of many only the first.
pub(crate) fn one_of(names: &[String]) -> String {
    const MANY: usize = 12;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        names if names.len() > MANY => {
            format!(
                "one of {} and {} more",
                names[..MANY].join(", "),
                names.len() - MANY
            )
        }
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// What is wrong with a text or a number, by its length, pattern and bounds.
fn scalar_mismatch(node: &Node, rules: &Map<String, Json>) -> Option<MismatchKind> {
    const TEXT: [&str; 3] = ["minLength", "maxLength", "pattern"];
    const NUMBER: [&str; 5] = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ];
    let keywords: &[&str] = match node.value {
        Value::String(_) => &TEXT,
        Value::Number(_) => &NUMBER,
        _ => return None,
    };
    let value = node.to_json();
    keywords.iter().find_map(|keyword| {
        let bound = rules.get(*keyword)?;
        let schema = Json::Object(Map::from_iter([((*keyword).to_owned(), bound.clone())]));
        // A schema that is wrong itself says nothing about the value.
        let validator = jsonschema::draft7::new(&schema).ok()?;
        (!validator.is_valid(&value)).then(|| MismatchKind::WrongValue {
            problem: bound_in_words(keyword, bound),
            suggestion: None,
        })
    })
}

fn bound_in_words(keyword: &str, bound: &Json) -> String {
    match keyword {
        "minLength" if *bound == 1 => "it must not be empty".into(),
        "minLength" => format!("it must have at least {bound} characters"),
        "maxLength" => format!("it must have at most {bound} characters"),
        "pattern" => format!("it must match the pattern `{}`", plain(bound)),
        "minimum" => format!("it must be at least {bound}"),
        "maximum" => format!("it must be at most {bound}"),
        "exclusiveMinimum" => format!("it must be more than {bound}"),
        "exclusiveMaximum" => format!("it must be less than {bound}"),
        _ => format!("it must be a multiple of {bound}"),
    }
}
