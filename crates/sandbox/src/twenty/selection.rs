//! What is shown of a record: the fields that were asked for.

use serde_json::{Map, Value, json};

use super::{
    document::Field,
    error::{Error, Result},
    objects::{Kind, OBJECTS, Object},
    state::State,
};

pub(super) fn record(
    state: &State,
    object: &Object,
    record: &Map<String, Value>,
    fields: &[Field],
) -> Result<Value> {
    let mut shown = Map::new();
    for field in fields {
        let name = &*field.name;
        let value = match object.field(name, state.settings.release) {
            Some(Kind::Composite(_)) => composite(&record[name], field)?,
            Some(_) => record[name].clone(),
            None => match relation(state, object, record, field)? {
                Some(related) => related,
                None if name == "__typename" => object.type_name().into(),
                None => return Err(unknown(name, &object.type_name())),
            },
        };
        shown.insert(field.key.clone(), value);
    }
    Ok(shown.into())
}

pub(super) fn unknown(field: &str, of: &str) -> Error {
    Error::validation(format!("Cannot query field \"{field}\" on type \"{of}\"."))
}

fn composite(value: &Value, field: &Field) -> Result<Value> {
    let mut shown = Map::new();
    for part in &field.fields {
        let found = value
            .get(&part.name)
            .ok_or_else(|| unknown(&part.name, &field.name))?;
        shown.insert(part.key.clone(), found.clone());
    }
    Ok(shown.into())
}

/// The company of a person, or the people of a company. Deleted ones are not shown.
fn relation(
    state: &State,
    object: &Object,
    of: &Map<String, Value>,
    field: &Field,
) -> Result<Option<Value>> {
    let live = |record: &&Map<String, Value>| record["deletedAt"].is_null();
    if let Some((id, name)) = object.relation
        && field.name == name
    {
        let Some(target) = OBJECTS.iter().find(|target| target.singular == name) else {
            return Ok(None);
        };
        return match state.by_id(target, &of[id]).filter(live) {
            Some(found) => record(state, target, found, &field.fields).map(Some),
            None => Ok(Some(Value::Null)),
        };
    }
    let many = OBJECTS.iter().find(|many| {
        many.plural == field.name && many.relation.is_some_and(|(_, one)| one == object.singular)
    });
    let Some((many, (id, _))) = many.and_then(|many| Some((many, many.relation?))) else {
        return Ok(None);
    };
    let records = state.of(many).iter().filter(live);
    let records: Vec<_> = records.filter(|record| record[id] == of["id"]).collect();
    connection(state, many, &records, records.len(), &field.fields).map(Some)
}

/// A page of records: `edges`, `pageInfo`, `totalCount`. `total` counts what is on other pages, too.
pub(super) fn connection(
    state: &State,
    object: &Object,
    records: &[&Map<String, Value>],
    total: usize,
    fields: &[Field],
) -> Result<Value> {
    let mut shown = Map::new();
    for field in fields {
        let value = match &*field.name {
            "edges" => Value::Array(
                records
                    .iter()
                    .map(|record| edge(state, object, record, &field.fields))
                    .collect::<Result<_>>()?,
            ),
            "totalCount" => total.into(),
            "pageInfo" => composite(
                &json!({
                    "hasNextPage": total > records.len(),
                    "hasPreviousPage": false,
                    "startCursor": records.first().map(|record| cursor(record)),
                    "endCursor": records.last().map(|record| cursor(record)),
                }),
                field,
            )?,
            other => return Err(unknown(other, &format!("{}Connection", object.type_name()))),
        };
        shown.insert(field.key.clone(), value);
    }
    Ok(shown.into())
}

fn edge(
    state: &State,
    object: &Object,
    of: &Map<String, Value>,
    fields: &[Field],
) -> Result<Value> {
    let mut shown = Map::new();
    for field in fields {
        let value = match &*field.name {
            "node" => record(state, object, of, &field.fields)?,
            "cursor" => cursor(of).into(),
            other => return Err(unknown(other, &format!("{}Edge", object.type_name()))),
        };
        shown.insert(field.key.clone(), value);
    }
    Ok(shown.into())
}

/// Base64 of JSON in the real one; whoever pages must not look into it.
fn cursor(record: &Map<String, Value>) -> String {
    record["id"].as_str().unwrap_or_default().into()
}
