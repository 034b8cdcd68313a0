//! Schemas as Backstage and people see them, and the sentences of their refusals.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sidestage_action::{Code, schema};

/// An input with everything that needs care.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code)]
struct Input {
    /// The name.
    #[schemars(length(min = 1, max = 8), regex(pattern = "^[a-z]+$"), extend("x-rule" = "must be lower-case letters"))]
    workspace_name: String,
    /// May be left out.
    cpu: Option<u32>,
    /// A choice.
    #[serde(default)]
    wait_for: WaitFor,
    /// A map.
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase")]
enum WaitFor {
    Created,
    #[default]
    Ready,
}

#[test]
fn a_schema_is_draft_07_inlined_and_plain() {
    insta::assert_json_snapshot!(schema::of_input::<Input>(), @r#"
    {
      "$schema": "http://json-schema.org/draft-07/schema#",
      "title": "Input",
      "description": "An input with everything that needs care.",
      "type": "object",
      "required": [
        "workspaceName"
      ],
      "additionalProperties": false,
      "properties": {
        "workspaceName": {
          "description": "The name.",
          "type": "string",
          "minLength": 1,
          "maxLength": 8,
          "pattern": "^[a-z]+$",
          "x-rule": "must be lower-case letters"
        },
        "cpu": {
          "description": "May be left out.",
          "type": "integer",
          "minimum": 0
        },
        "waitFor": {
          "description": "A choice.",
          "type": "string",
          "enum": [
            "created",
            "ready"
          ]
        },
        "parameters": {
          "description": "A map.",
          "type": "object",
          "additionalProperties": true,
          "default": {}
        }
      }
    }
    "#);
}

fn refusal(input: Value) -> String {
    let error = schema::Checker::new(&schema::of_input::<Input>())
        .unwrap()
        .check(&input)
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput);
    assert!(!error.fields().is_empty());
    error.message().to_owned()
}

#[test]
fn a_refusal_names_the_field_and_what_was_expected() {
    insta::assert_snapshot!(refusal(json!({})), @"Invalid input: workspaceName is required.");
    insta::assert_snapshot!(refusal(json!({"workspacename": "dev", "workspaceName": "dev"})), @"Invalid input: workspacename is not an input; did you mean workspaceName?");
    insta::assert_snapshot!(refusal(json!({"workspaceName": "dev", "colour": 1})), @"Invalid input: colour is not an input; the inputs are workspaceName, cpu, waitFor, parameters.");
    insta::assert_snapshot!(refusal(json!({"workspaceName": 7, "cpu": "two"})), @"Invalid input: workspaceName must be a string; cpu must be a whole number.");
    insta::assert_snapshot!(refusal(json!({"workspaceName": "DEV"})), @"Invalid input: workspaceName must be lower-case letters.");
    insta::assert_snapshot!(refusal(json!({"workspaceName": "dev", "waitFor": "later"})), @r#"Invalid input: waitFor must be one of "created", "ready"."#);
    insta::assert_snapshot!(refusal(json!({"workspaceName": "dev", "cpu": -1})), @"Invalid input: cpu must be at least 0.");
    insta::assert_snapshot!(refusal(json!("dev")), @"Invalid input: the input must be a map.");
}

#[test]
fn a_refusal_never_quotes_a_value() {
    for input in [
        json!({"workspaceName": "HUNTER2"}),
        json!({"workspaceName": "a", "cpu": "hunter2"}),
        json!("hunter2"),
    ] {
        assert!(!refusal(input).to_lowercase().contains("hunter2"));
    }
}

#[test]
fn an_expression_that_backstage_could_not_evaluate_is_refused() {
    assert!(schema::refuse_expressions(&json!({"a": ["{{ fine }}"]})).is_ok());
    let error = schema::refuse_expressions(
        &json!({"parameters": {"repo": ["x", "${{ parameters.nme | upper }}"]}}),
    )
    .unwrap_err();
    insta::assert_snapshot!(error, @"Invalid input: parameters.repo.1 still holds a template expression (${{ ... }}): Backstage could not evaluate it and passed its text on; check its names, filters and brackets in the template.");
    assert_eq!(error.fields()[0].field, "/parameters/repo/1");
}
