//! Types: read from schemas, compared, merged and shown.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use sidestage_templates::types::{Fit, Type};

fn read(schema: Value) -> Type {
    Type::from_json_schema(&schema)
}

/// The properties of a record with what a look-up of each gives.
fn properties(ty: &Type) -> Vec<String> {
    ty.as_object()
        .unwrap()
        .properties
        .iter()
        .map(|(name, property)| format!("{name}: {}", property.found()))
        .collect()
}

#[test]
fn a_form_with_branches() {
    let form = read(json!({
        "type": "object",
        "required": ["kind"],
        "definitions": { "port": { "type": "integer" } },
        "properties": { "kind": { "type": "string", "enum": ["library", "service"] } },
        "dependencies": {
            "kind": {
                "oneOf": [
                    { "properties": { "kind": { "enum": ["library"] }, "package": { "type": "string" } } },
                    {
                        "required": ["port"],
                        "properties": { "kind": { "enum": ["service"] }, "port": { "$ref": "#/definitions/port" } },
                    },
                ],
            },
        },
        "allOf": [
            {
                "if": { "properties": { "kind": { "const": "service" } } },
                "then": { "properties": { "domain": { "type": "string" } } },
                "else": { "properties": { "domain": { "type": "null" } } },
            },
        ],
    }));
    insta::assert_debug_snapshot!(properties(&form));
    assert!(form.as_object().unwrap().is_complete());
}

#[test]
fn schemas() {
    let shown = [
        json!({}),
        json!(true),
        json!({ "type": "integer" }),
        json!({ "type": ["string", "null"] }),
        json!({ "type": "string", "nullable": true }),
        json!({ "enum": ["a", 1, null] }),
        json!({ "const": "a" }),
        json!({ "type": "array", "items": { "type": "number" } }),
        json!({ "items": {} }),
        json!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
        json!({ "anyOf": [{ "not": {} }, { "type": "string" }] }),
        json!({ "type": "object", "anyOf": [{ "required": ["a"] }, { "required": ["b"] }], "properties": { "a": {}, "b": {} } }),
        json!({ "allOf": [{ "type": "string" }, { "type": "number" }] }),
        json!({ "$ref": "#/definitions/missing" }),
        json!({ "$ref": "#" }),
        json!({ "type": "strng" }),
        json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        json!({ "type": "boolean", "enum": [true, false] }),
    ]
    .map(|schema| format!("{schema}: {}", read(schema.clone())));
    insta::assert_debug_snapshot!(shown);
}

#[test]
fn schemas_that_multiply_come_to_an_end() {
    let mut definitions = serde_json::Map::new();
    for level in 0..30 {
        let next = format!("#/definitions/{}", level + 1);
        definitions.insert(
            level.to_string(),
            json!({ "properties": { "a": { "$ref": next }, "b": { "$ref": next } } }),
        );
    }
    let schema = json!({ "$ref": "#/definitions/0", "definitions": definitions });
    assert!(read(schema).as_object().is_some());
}

#[test]
fn what_fits() {
    let string = read(json!({ "type": "string" }));
    let number = read(json!({ "type": "number" }));
    let environment = read(json!({ "enum": ["dev", "prod"] }));
    let strings = Type::array(string.clone());
    let numbers = Type::array(number.clone());
    let optional = Type::union([string.clone(), Type::Undefined]);
    let person = read(json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": { "name": { "type": "string" }, "age": { "type": "number" } },
    }));
    let of = |value: Value| Type::of_value(&value);
    for (expected, found, fit) in [
        (&string, Type::Any, Fit::Maybe),
        (&Type::Any, number.clone(), Fit::Yes),
        (&string, number.clone(), Fit::No),
        (&string, of(json!("a")), Fit::Yes),
        (&string, optional, Fit::Maybe),
        (&environment, string.clone(), Fit::Maybe),
        (&environment, of(json!("dev")), Fit::Yes),
        (&environment, of(json!("prd")), Fit::No),
        (
            &environment,
            read(json!({ "enum": ["dev", "stage"] })),
            Fit::Maybe,
        ),
        (&environment, read(json!({ "enum": ["stage"] })), Fit::No),
        (&strings, string.clone(), Fit::No),
        (&strings, numbers, Fit::OnlyEmpty),
        (&person, of(json!({ "name": "ada" })), Fit::Yes),
        (&person, of(json!({ "name": "ada", "age": "old" })), Fit::No),
        (&person, of(json!({ "age": 36 })), Fit::No),
        (&person, of(json!({ "name": "ada", "nick": "a" })), Fit::No),
        (&person, read(json!({ "type": "object" })), Fit::Maybe),
        (&person, string.clone(), Fit::No),
    ] {
        assert_eq!(expected.accepts(&found), fit, "{expected} for {found}");
    }
}

#[test]
fn pages_of_a_form_are_put_together() {
    let pages = [
        json!({ "required": ["a"], "properties": { "a": { "type": "string" } } }),
        json!({ "properties": { "b": { "type": "number" } } }),
    ];
    let all = Type::all_of(pages.map(read));
    insta::assert_debug_snapshot!(properties(&all));
    assert!(all.as_object().unwrap().is_complete());
}

#[test]
fn truth() {
    let array = Type::array(Type::Any);
    assert_eq!(
        (array.truthiness(), array.step_condition()),
        (Some(true), None)
    );
    for (value, truth) in [
        (json!(""), false),
        (json!("false"), true),
        (json!(0), false),
        (json!(null), false),
        (json!({}), true),
    ] {
        let ty = Type::of_value(&value);
        assert_eq!(
            (ty.truthiness(), ty.step_condition()),
            (Some(truth), Some(truth)),
            "{value}"
        );
    }
    assert_eq!(
        Type::union([Type::Null, Type::Undefined]).truthiness(),
        Some(false)
    );
    assert_eq!(Type::String.truthiness(), None);
}
