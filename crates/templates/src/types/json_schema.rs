//! Reads a JSON Schema, as forms and actions have them, into a type.
//!
//! Alternatives are merged: of `oneOf` with two records, and of every other branch of a form, one record comes
//! out in which what only some branches have is optional. That loses which properties come together and
//! keeps what a look-up by name needs, without the product of all branches.

use std::{collections::BTreeMap, sync::Arc};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{Absence, Presence, Property, Rest, Type};

/// How deep a schema is followed; below it everything is unknown.
const DEEPEST: usize = 32;

/// How many schemas are read in all: references to references could otherwise be followed for ever.
const MOST: usize = 20_000;

impl Type {
    /// The values that a schema allows. What it does not understand makes it less precise, never wrong.
    pub fn from_json_schema(schema: &Value) -> Type {
        Reader {
            root: schema,
            depth: 0,
            left: MOST,
        }
        .read(schema, &Type::Any)
    }
}

struct Reader<'a> {
    root: &'a Value,
    depth: usize,
    left: usize,
}

impl<'a> Reader<'a> {
    /// What `schema` leaves of `base`.
    fn read(&mut self, schema: &'a Value, base: &Type) -> Type {
        let Value::Object(schema) = schema else {
            return base.clone();
        };
        if self.depth >= DEEPEST || self.left == 0 {
            return Type::Any;
        }
        self.left -= 1;
        self.depth += 1;
        let ty = self.read_keywords(schema, base);
        self.depth -= 1;
        ty
    }

    fn read_keywords(&mut self, schema: &'a Map<String, Value>, base: &Type) -> Type {
        let mut ty = base.clone();
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            ty = match self.resolve(target) {
                Some(target) => self.read(target, &ty),
                None => Type::Any,
            };
        }
        ty = ty.both(&self.own(schema));
        for part in list(schema.get("allOf")) {
            ty = self.read(part, &ty);
        }
        for keyword in ["oneOf", "anyOf"] {
            let branches = list(schema.get(keyword));
            if !branches.is_empty() {
                ty = Type::union(branches.iter().map(|branch| self.read(branch, &ty)));
            }
        }
        if let Some(condition) = schema.get("if") {
            let met = self.read(condition, &ty);
            let then = match schema.get("then") {
                Some(then) => self.read(then, &met),
                None => met,
            };
            let otherwise = match schema.get("else") {
                Some(otherwise) => self.read(otherwise, &ty),
                None => ty,
            };
            ty = Type::union([then, otherwise]);
        }
        for keyword in ["dependencies", "dependentSchemas"] {
            for dependent in entries(schema.get(keyword)).map(|(_, schema)| schema) {
                // A list of names says only what else is required.
                if dependent.is_object() {
                    ty = Type::union([self.read(dependent, &ty), ty]);
                }
            }
        }
        require(&ty, schema.get("required"))
    }

    /// What the schema says by itself, without the schemas that it is put together from.
    fn own(&mut self, schema: &'a Map<String, Value>) -> Type {
        if let Some(value) = schema.get("const") {
            return Type::of_value(value);
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return Type::union(values.iter().map(Type::of_value));
        }
        let mut ty = match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                Type::union(names.map(|name| self.named(name, schema)))
            }
            // Without a type these keywords speak of records and lists only if it is one, and nobody
            // writes them for anything else.
            _ if schema.contains_key("properties") => self.named("object", schema),
            _ if schema.contains_key("items") => self.named("array", schema),
            _ => Type::Any,
        };
        if schema.get("nullable") == Some(&Value::Bool(true)) && ty != Type::Any {
            ty = Type::union([ty, Type::Null]);
        }
        ty
    }

    fn named(&mut self, name: &str, schema: &'a Map<String, Value>) -> Type {
        match name {
            "string" => Type::String,
            "number" | "integer" => Type::Number,
            "boolean" => Type::Boolean,
            "null" => Type::Null,
            "array" => Type::array(self.items(schema)),
            "object" => self.record(schema),
            _ => Type::Any,
        }
    }

    fn items(&mut self, schema: &'a Map<String, Value>) -> Type {
        let listed = match (schema.get("prefixItems"), schema.get("items")) {
            (Some(prefix), _) => list(Some(prefix)),
            (None, items @ Some(Value::Array(_))) => list(items),
            (None, Some(items)) => return self.read(items, &Type::Any),
            (None, None) => return Type::Any,
        };
        let rest = match schema.get("prefixItems") {
            Some(_) => schema.get("items"),
            None => schema.get("additionalItems"),
        };
        if rest != Some(&Value::Bool(false)) {
            return Type::Any;
        }
        Type::union(listed.iter().map(|item| self.read(item, &Type::Any)))
    }

    fn record(&mut self, schema: &'a Map<String, Value>) -> Type {
        let mut properties = BTreeMap::new();
        for (name, schema) in entries(schema.get("properties")) {
            let property = Property {
                ty: self.read(schema, &Type::Any),
                presence: Presence::Maybe(Absence::Optional),
                description: ["description", "title"]
                    .iter()
                    .find_map(|key| schema.get(key)?.as_str())
                    .map(Arc::from),
                deprecated: schema.get("deprecated") == Some(&Value::Bool(true)),
            };
            properties.insert(Arc::from(name.as_str()), property);
        }
        let rest = match schema.get("additionalProperties") {
            _ if schema.contains_key("patternProperties") => Rest::Open(Type::Any),
            Some(Value::Bool(false)) => Rest::Closed,
            Some(Value::Bool(true)) => Rest::Open(Type::Any),
            Some(others) => Rest::Open(self.read(others, &Type::Any)),
            None => Rest::Unsaid,
        };
        Type::object(properties, rest)
    }

    fn resolve(&self, target: &str) -> Option<&'a Value> {
        let pointer = target.strip_prefix('#')?;
        // It is part of an address, where `%25` may stand for `%`.
        let pointer = percent_decode_str(pointer).decode_utf8().ok()?;
        self.root.pointer(&pointer)
    }
}

/// The type with the properties of the list certain to be there.
fn require(ty: &Type, required: Option<&Value>) -> Type {
    let names: Vec<&str> = list(required).iter().filter_map(Value::as_str).collect();
    if names.is_empty() || ty.as_object().is_none() {
        return ty.clone();
    }
    Type::union(ty.members().iter().map(|member| {
        let Type::Object(object) = member else {
            return member.clone();
        };
        let mut object = object.as_ref().clone();
        for name in &names {
            if let Some(property) = object.properties.get_mut(*name) {
                property.presence = Presence::Always;
            }
        }
        Type::Object(Arc::new(object))
    }))
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
