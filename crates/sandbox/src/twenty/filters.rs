//! Which records a filter means (engine/api/graphql/graphql-query-runner/graphql-query-parsers).

use serde_json::{Map, Value};

use super::{
    error::{Error, Result},
    objects::{Kind, Object},
    state::Release,
};

/// A filter that mentions `deletedAt` anywhere sees deleted records, too.
pub(super) fn sees_deleted(filter: &Value) -> bool {
    match filter {
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name == "deletedAt" || sees_deleted(value)),
        Value::Array(items) => items.iter().any(sees_deleted),
        _ => false,
    }
}

pub(super) fn matches(
    object: &Object,
    release: Release,
    filter: &Value,
    record: &Map<String, Value>,
) -> Result<bool> {
    let each = |filter: &Value| matches(object, release, filter, record);
    for (name, condition) in filter.as_object().into_iter().flatten() {
        let fits = match (&**name, condition) {
            ("and", Value::Array(all)) => all
                .iter()
                .map(each)
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .all(|fits| fits),
            ("or", Value::Array(any)) => any
                .iter()
                .map(each)
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .any(|fits| fits),
            ("not", condition) => !each(condition)?,
            (name, condition) => match object.field(name, release) {
                None => {
                    let singular = object.singular;
                    return Err(Error::bad(format!(
                        "Object {singular} doesn't have any \"{name}\" field."
                    ))
                    .sub("INVALID_ARGS_FILTER"));
                }
                Some(Kind::Composite(_)) => condition
                    .as_object()
                    .into_iter()
                    .flatten()
                    .all(|(part, condition)| compare(&record[name][part], condition)),
                Some(_) => compare(&record[name], condition),
            },
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is null equals nothing.
fn compare(value: &Value, condition: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut comparators = condition.as_object().into_iter().flatten();
    comparators.all(|(comparator, wanted)| match &**comparator {
        "is" => value.is_null() == (wanted == "NULL"),
        _ if value.is_null() => false,
        "eq" => value == wanted,
        "neq" => value != wanted,
        "in" => wanted.as_array().is_some_and(|any| any.contains(value)),
        "gt" => text(value) > text(wanted),
        "gte" => text(value) >= text(wanted),
        "lt" => text(value) < text(wanted),
        "lte" => text(value) <= text(wanted),
        "startsWith" => text(value).starts_with(&text(wanted)),
        "like" => like(&text(value), &text(wanted)),
        "ilike" => like(&text(value).to_lowercase(), &text(wanted).to_lowercase()),
        _ => false,
    })
}

/// SQL's LIKE.
fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = rest.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| like(&text[at..], rest))
        }
        Some(first) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|c| first == '_' || c == first)
                && like(chars.as_str(), rest.as_str())
        }
    }
}
