//! The expression language against nunjitsu, the engine that Backstage runs: `tests/expressions/record.ts` writes
//! down what that makes of some thousand texts, and here this crate has to have said so before.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;
use sidestage_templates::{
    expression::{
        Checked, Engine, Env, ExprKind, FindingKind, SyntaxErrorKind, Template, check, parse,
    },
    types::{Literal, Presence, Type},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    context: Value,
    written: Vec<Recorded>,
    generated: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    text: String,
    #[serde(default)]
    value: Value,
    instead: Option<Instead>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Instead {
    Nothing,
    Number,
    Syntax,
    Evaluation,
}

impl Recorded {
    fn fails(&self) -> bool {
        matches!(self.instead, Some(Instead::Syntax | Instead::Evaluation))
    }
}

fn recording() -> Recording {
    serde_json::from_str(include_str!("expressions.json")).unwrap()
}

/// The surroundings of a template with a form and steps as the recording has them: `exact` knows every value,
/// otherwise only its type is known.
fn surroundings(recording: &Recording, exact: bool) -> Env {
    let mut env = Env::new(Engine::Nunjitsu, true);
    let extensions = include_str!("../../../actions-schema/backstage/templating-extensions.json");
    env.add_extensions(&serde_json::from_str(extensions).unwrap());
    for (name, value) in recording.context.as_object().unwrap() {
        let ty = Type::of_value(value);
        env.set(name, if exact { ty } else { widened(&ty) });
    }
    env
}

/// The type with nothing said of single values, as a schema has it.
fn widened(ty: &Type) -> Type {
    match ty {
        Type::Literal(literal) => literal.widened(),
        Type::Array(item) => Type::array(widened(item)),
        Type::Object(object) => {
            let mut object = object.as_ref().clone();
            for property in object.properties.values_mut() {
                property.ty = widened(&property.ty);
            }
            Type::object(object.properties, object.rest)
        }
        Type::Union(members) => Type::union(members.iter().map(widened)),
        other => other.clone(),
    }
}

/// Whether a value is one of a type.
fn admits(ty: &Type, value: &Value) -> bool {
    ty.members().iter().any(|member| match (member, value) {
        (Type::Any, _)
        | (Type::Null, Value::Null)
        | (Type::Boolean, Value::Bool(_))
        // Within a list or a record a number that is none, such as the one made of a word, is null.
        | (Type::Number, Value::Number(_) | Value::Null)
        | (Type::String, Value::String(_))
        | (Type::Regex, Value::String(_)) => true,
        (Type::Literal(Literal::Boolean(known)), Value::Bool(value)) => known == value,
        (Type::Literal(Literal::Number(known)), value) => Some(*known) == value.as_f64(),
        (Type::Literal(Literal::String(known)), Value::String(value)) => **known == **value,
        // An item that is nothing is null in JSON.
        (Type::Array(item), Value::Array(items)) => items
            .iter()
            .all(|value| admits(item, value) || (value.is_null() && item.may_be_undefined())),
        (Type::Object(object), Value::Object(entries)) => {
            let known = entries.iter().all(|(name, value)| {
                match object.properties.get(name.as_str()) {
                    Some(property) => admits(&property.ty, value),
                    None => !object.is_complete(),
                }
            });
            let there = object.properties.iter().all(|(name, property)| {
                property.presence != Presence::Always
                    || entries.contains_key(&**name)
                    || property.ty == Type::Any
                    || property.ty.may_be_undefined()
            });
            known && there
        }
        _ => false,
    })
}

/// Gives every text to `wrong`, which says what is wrong with what this crate says of it.
fn all(mut wrong: impl FnMut(&Recorded) -> Option<String>) {
    let recording = recording();
    let mut report = String::new();
    let mut count = 0;
    for recorded in recording.written.iter().chain(&recording.generated) {
        if let Some(wrong) = wrong(recorded) {
            count += 1;
            if count <= 40 {
                writeln!(report, "{:?}: {wrong}", recorded.text).unwrap();
            }
        }
    }
    assert!(count == 0, "{count} texts:\n{report}");
}

#[test]
fn what_the_engine_parses_is_parsed_and_nothing_else() {
    all(|recorded| {
        let refused = recorded.instead == Some(Instead::Syntax);
        match parse(&recorded.text) {
            Ok(template) if refused => {
                // Whether a pattern is one of JavaScript's regular expressions is left to the engine.
                let mut regex = false;
                template.visit(&mut |expr| regex |= matches!(expr.kind, ExprKind::Regex { .. }));
                (!regex).then(|| "the engine does not parse it".to_owned())
            }
            Err(error) if !refused => Some(format!("the engine parses it, and not: {error}")),
            _ => None,
        }
    });
}

fn each_checked(
    exact: bool,
    mut wrong: impl FnMut(&Recorded, &Template, &Checked) -> Option<String>,
) {
    let env = surroundings(&recording(), exact);
    all(|recorded| {
        if recorded.instead == Some(Instead::Syntax) {
            return None;
        }
        let template = parse(&recorded.text).ok()?;
        wrong(recorded, &template, &check(&template, &env))
    });
}

/// No false alarm: a text of which we say that it fails does fail.
#[test]
fn what_is_said_to_fail_fails() {
    for exact in [true, false] {
        each_checked(exact, |recorded, _, checked| {
            (checked.fails() && !recorded.fails())
                .then(|| format!("does not fail: {:?}", checked.findings))
        });
    }
}

#[test]
fn the_type_has_the_value() {
    for exact in [true, false] {
        each_checked(exact, |recorded, _, checked| {
            let ty = &checked.ty;
            let fits = match recorded.instead {
                None => admits(ty, &recorded.value),
                Some(Instead::Nothing) => *ty == Type::Any || ty.may_be_undefined(),
                Some(Instead::Number) => ty
                    .members()
                    .iter()
                    .any(|ty| matches!(ty, Type::Any | Type::Number)),
                Some(Instead::Syntax | Instead::Evaluation) => true,
            };
            (!fits).then(|| format!("is no {ty}: {:?}", recorded.value))
        });
    }
}

/// What fails is foreseen, if all types are known, or a name in it is said not to exist.
#[test]
fn what_fails_is_foreseen() {
    let recording = recording();
    let env = surroundings(&recording, true);
    let unforeseen = |recorded: &&Recorded| {
        if recorded.instead != Some(Instead::Evaluation) {
            return false;
        }
        let Ok(template) = parse(&recorded.text) else {
            return false;
        };
        let findings = check(&template, &env).findings;
        !findings.iter().any(|finding| {
            finding.kind.fails()
                || matches!(
                    finding.kind,
                    FindingKind::UnknownVariable { .. }
                        | FindingKind::UnknownProperty { .. }
                        | FindingKind::PropertyOf { .. }
                        | FindingKind::DashedName { .. }
                )
        })
    };
    let written = recording.written.iter().filter(unforeseen);
    let texts: Vec<&str> = written.map(|recorded| recorded.text.as_str()).collect();
    insta::assert_debug_snapshot!("unforeseen", texts);
    // What is made up fails for its values more often than what is written.
    let failing = recording
        .generated
        .iter()
        .filter(|text| text.fails())
        .count();
    let missed = recording.generated.iter().filter(unforeseen).count();
    assert!(missed * 30 < failing, "{missed} of {failing}");
}

/// A comparison of which we say how it comes out comes out so.
#[test]
fn constant_comparisons_are_constant() {
    for exact in [true, false] {
        each_checked(exact, |recorded, template, checked| {
            let expr = template.sole_expression()?;
            let said = checked
                .findings
                .iter()
                .find_map(|finding| match finding.kind {
                    FindingKind::ConstantComparison { value, .. } if finding.span == expr.span => {
                        Some(value)
                    }
                    _ => None,
                })?;
            (recorded.value != Value::Bool(said)).then(|| format!("is not {said}"))
        });
    }
}

/// A name that does not exist gives nothing.
#[test]
fn unknown_names_give_nothing() {
    each_checked(false, |recorded, template, checked| {
        let expr = template.sole_expression()?;
        let unknown = checked.findings.iter().any(|finding| {
            let is_whole = matches!(expr.kind, ExprKind::Name(_) | ExprKind::Member { .. });
            is_whole
                && matches!(
                    finding.kind,
                    FindingKind::UnknownVariable { .. }
                        | FindingKind::UnknownProperty { .. }
                        | FindingKind::PropertyOf { .. }
                )
        });
        (unknown && recorded.instead != Some(Instead::Nothing)).then(|| "is something".to_owned())
    });
}

#[test]
fn nothing_is_too_deep_in_the_recording() {
    all(|recorded| match parse(&recorded.text) {
        Err(error) if error.kind == SyntaxErrorKind::TooDeep => Some("too deep".to_owned()),
        _ => None,
    });
}
