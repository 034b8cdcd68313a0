//! What can be done with records: names and arguments as `get-resolver-name.util.ts` and `get-resolver-args.util.ts` make
//! them, the work as in engine/api/common.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    document::Field,
    error::{Error, Result},
    filters,
    objects::{OBJECTS, Object, capital},
    selection,
    state::{ApiKey, Release, State, now},
    values,
};

/// `QUERY_DEFAULT_LIMIT_RECORDS` and `QUERY_MAX_RECORDS`.
const PAGE: (u64, u64) = (60, 200);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Create,
    CreateMany,
    Update,
    Delete,
    Restore,
    Destroy,
    Find,
    FindMany,
    FindDuplicates,
}

/// An operation on one kind of record.
pub(super) struct Operation {
    verb: Verb,
    object: &'static Object,
}

impl Operation {
    /// By the name of a top-level field.
    pub(super) fn named(name: &str) -> Option<Self> {
        let known = OBJECTS.iter().flat_map(|object| {
            let (one, many) = (capital(object.singular), capital(object.plural));
            [
                (format!("create{one}"), Verb::Create),
                (format!("create{many}"), Verb::CreateMany),
                (format!("update{one}"), Verb::Update),
                (format!("delete{one}"), Verb::Delete),
                (format!("restore{one}"), Verb::Restore),
                (format!("destroy{one}"), Verb::Destroy),
                (object.singular.into(), Verb::Find),
                (object.plural.into(), Verb::FindMany),
                (
                    format!("{}Duplicates", object.singular),
                    Verb::FindDuplicates,
                ),
            ]
            .map(|(name, verb)| (name, Operation { verb, object }))
        });
        let mut known = known.filter(|(known, _)| known == name);
        known.next().map(|(_, operation)| operation)
    }

    pub(super) fn changes(&self) -> bool {
        !matches!(
            self.verb,
            Verb::Find | Verb::FindMany | Verb::FindDuplicates
        )
    }

    pub(super) fn run(&self, state: &mut State, key: &ApiKey, field: &Field) -> Result<Value> {
        state.take_token()?;
        let Operation { verb, object } = *self;
        if self.changes() {
            if !key.may_write {
                return Err(Error::forbidden(
                    "PERMISSION_DENIED",
                    "Entity performing the request does not have permission",
                )
                .friendly("User does not have permission."));
            }
            // What cannot be shown is refused before it is done.
            let nothing = values::empty(object);
            selection::record(state, object, &nothing, &field.fields)?;
        }
        let arguments = &field.arguments;
        let id = arguments.get("id").cloned().unwrap_or_default();
        let filter = arguments.get("filter").cloned().unwrap_or_default();
        let data = arguments.get("data").cloned().unwrap_or_default();
        let upsert = arguments.get("upsert") == Some(&Value::Bool(true));
        let done = match verb {
            Verb::Create => create(state, object, key, &data, upsert)?,
            Verb::CreateMany => {
                let all = data.as_array().into_iter().flatten();
                let made: Vec<_> = all
                    .map(|data| create(state, object, key, data, upsert))
                    .collect::<Result<_>>()?;
                let shown = made
                    .iter()
                    .map(|id| show(state, object, id, field))
                    .collect::<Result<_>>()?;
                return Ok(Value::Array(shown));
            }
            Verb::Update => update(state, object, key, &id, &data)?,
            Verb::Delete => {
                set_deleted(state, object, key, &id, false)?;
                id
            }
            Verb::Restore => {
                set_deleted(state, object, key, &id, true)?;
                id
            }
            Verb::Destroy => {
                let shown = show(state, object, &id, field)?;
                state.of_mut(object).retain(|record| record["id"] != id);
                return Ok(shown);
            }
            Verb::Find => {
                let found = find(state, object, &filter)?;
                let found = found.first().ok_or_else(Error::not_found)?;
                found["id"].clone()
            }
            Verb::FindMany => return find_many(state, object, &filter, field),
            Verb::FindDuplicates => return find_duplicates(state, object, field),
        };
        show(state, object, &done, field)
    }
}

/// Whether a top-level field of this name asks for a change.
pub(super) fn changes(name: &str) -> bool {
    Operation::named(name).is_some_and(|operation| operation.changes())
}

fn show(state: &State, object: &Object, id: &Value, field: &Field) -> Result<Value> {
    let found = state.by_id(object, id).ok_or_else(Error::not_found)?;
    selection::record(state, object, found, &field.fields)
}

/// Who changed it: the key, by its name (engine/core-modules/actor).
fn actor(key: &ApiKey) -> Value {
    json!({ "source": "API", "workspaceMemberId": null, "name": key.name, "context": {} })
}

/// Makes a record; its id.
fn create(
    state: &mut State,
    object: &'static Object,
    key: &ApiKey,
    data: &Value,
    upsert: bool,
) -> Result<Value> {
    let release = state.settings.release;
    let data = connected(state, object, data)?;
    let mut record = values::empty(object);
    for at in ["createdAt", "updatedAt"] {
        record.insert(at.into(), now().into());
    }
    for by in ["createdBy", "updatedBy"] {
        record.insert(by.into(), actor(key));
    }
    record.insert("id".into(), Uuid::new_v4().to_string().into());
    values::write(object, release, &data, &mut record)?;
    if upsert {
        let matches = taken(state, object, &record);
        if let [first, rest @ ..] = &matches[..] {
            if rest.iter().any(|(_, other)| other != &first.1) {
                return Err(many_matches(object, &record));
            }
            let id = first.1.clone();
            // Overwrites what was sent, and takes it out of the bin without a word.
            let mut data = data;
            data["deletedAt"] = Value::Null;
            return write_over(state, object, key, &id, &data);
        }
    }
    check(state, object, &record, None)?;
    let id = record["id"].clone();
    state.of_mut(object).push(record);
    Ok(id)
}

fn update(
    state: &mut State,
    object: &'static Object,
    key: &ApiKey,
    id: &Value,
    data: &Value,
) -> Result<Value> {
    let data = connected(state, object, data)?;
    let is_live = |record: &&Map<String, Value>| record["deletedAt"].is_null();
    state
        .by_id(object, id)
        .filter(is_live)
        .ok_or_else(Error::not_found)?;
    write_over(state, object, key, id, &data)
}

fn write_over(
    state: &mut State,
    object: &'static Object,
    key: &ApiKey,
    id: &Value,
    data: &Value,
) -> Result<Value> {
    let mut record = state
        .by_id(object, id)
        .ok_or_else(Error::not_found)?
        .clone();
    values::write(object, state.settings.release, data, &mut record)?;
    record.insert("updatedAt".into(), now().into());
    record.insert("updatedBy".into(), actor(key));
    check(state, object, &record, Some(id))?;
    for other in state.of_mut(object) {
        if other["id"] == *id {
            *other = record.clone();
        }
    }
    Ok(id.clone())
}

/// Into the bin, or out of it. What is there already is not found.
fn set_deleted(
    state: &mut State,
    object: &'static Object,
    key: &ApiKey,
    id: &Value,
    was_deleted: bool,
) -> Result<()> {
    let mut records = state.of_mut(object).iter_mut();
    let record = records
        .find(|record| record["id"] == *id && record["deletedAt"].is_string() == was_deleted)
        .ok_or_else(Error::not_found)?;
    let deleted = if was_deleted {
        Value::Null
    } else {
        now().into()
    };
    record.insert("deletedAt".into(), deleted);
    record.insert("updatedAt".into(), now().into());
    record.insert("updatedBy".into(), actor(key));
    Ok(())
}

/// Puts an id in the place of `{company: {connect: {where}}}`.
fn connected(state: &State, object: &Object, data: &Value) -> Result<Value> {
    let mut data = data.clone();
    let Some((id, name)) = object.relation else {
        return Ok(data);
    };
    let target = OBJECTS.iter().find(|target| target.singular == name);
    let asked = data.as_object_mut().and_then(|data| data.remove(name));
    let (Some(target), Some(asked)) = (target, asked) else {
        return Ok(data);
    };
    if asked["disconnect"] == true {
        data[id] = Value::Null;
        return Ok(data);
    }
    let wanted = &asked["connect"]["where"];
    let (field, part) = target.unique;
    let (what, value) = match &wanted["id"] {
        Value::Null => (format!("{field}{}", capital(part)), &wanted[field][part]),
        id => ("id".into(), id),
    };
    let found = state.of(target).iter().find(|record| match what == "id" {
        true => record["id"] == *value,
        false => record[field][part] == *value,
    });
    let Some(found) = found else {
        let value = value.as_str().unwrap_or_default();
        return Err(Error::bad(format!(
            "Expected 1 record to connect to {name}, but found 0 for {what} = {value}"
        ))
        .friendly("..."));
    };
    data[id] = found["id"].clone();
    Ok(data)
}

/// Others with the same id, or the same value of the unique field: what it is, and whose.
fn taken(state: &State, object: &Object, record: &Map<String, Value>) -> Vec<(String, Value)> {
    let (field, part) = object.unique;
    let mut taken = Vec::new();
    for other in state.of(object) {
        if other["id"] == record["id"] {
            taken.push(("id".into(), other["id"].clone()));
        } else if !record[field][part].is_null() && other[field][part] == record[field][part] {
            taken.push((format!("{field}.{part}"), other["id"].clone()));
        }
    }
    taken
}

fn many_matches(object: &Object, record: &Map<String, Value>) -> Error {
    let (field, part) = object.unique;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Error::bad(format!(
        "Multiple records found with the same unique field values for id: {}, {field}.{part}: {}. Cannot determine \
         which record to update.",
        text(&record["id"]),
        text(&record[field][part]),
    ))
    .sub("UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT")
    .friendly("...")
}

/// What the database says: nothing twice, and no reference to what does not exist. One that is deleted exists.
fn check(
    state: &State,
    object: &Object,
    record: &Map<String, Value>,
    own: Option<&Value>,
) -> Result<()> {
    let release = state.settings.release;
    let (field, part) = object.unique;
    let other = taken(state, object, record)
        .into_iter()
        .find(|(_, holder)| Some(holder) != own);
    if let Some((what, holder)) = other {
        if release == Release::V1 && what == "id" {
            return Err(Error::bad("Record already exists"));
        }
        let value = record[field][part].as_str().unwrap_or_default();
        return Err(values::duplicate(object, release, value, &holder));
    }
    let Some((id, name)) = object.relation else {
        return Ok(());
    };
    let target = OBJECTS.iter().find(|target| target.singular == name);
    let is_there = target.is_some_and(|target| state.by_id(target, &record[id]).is_some());
    if record[id].is_null() || is_there {
        return Ok(());
    }
    let message = format!(
        "insert or update on table \"{}\" violates foreign key constraint \"FK_0123456789abcdef\"",
        object.singular
    );
    Err(match release {
        Release::V1 => Error::internal(&message),
        _ => Error::bad(message).friendly(
            "This operation references a record that does not exist or cannot be modified due to existing \
             relationships.",
        ),
    })
}

/// In the order in which they were made.
fn find<'a>(
    state: &'a State,
    object: &Object,
    filter: &Value,
) -> Result<Vec<&'a Map<String, Value>>> {
    let sees_deleted = filters::sees_deleted(filter);
    let mut found = Vec::new();
    for record in state.of(object) {
        let is_seen = sees_deleted || record["deletedAt"].is_null();
        if filters::matches(object, state.settings.release, filter, record)? && is_seen {
            found.push(record);
        }
    }
    Ok(found)
}

fn find_many(state: &State, object: &Object, filter: &Value, field: &Field) -> Result<Value> {
    let mut found = find(state, object, filter)?;
    let arguments = &field.arguments;
    for order in arguments
        .get("orderBy")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .rev()
    {
        for (name, direction) in order.as_object().into_iter().flatten() {
            found.sort_by_key(|record| record[name].as_str().unwrap_or_default().to_lowercase());
            if direction.as_str().is_some_and(|of| of.starts_with("Desc")) {
                found.reverse();
            }
        }
    }
    let total = found.len();
    let number = |name: &str| arguments.get(name).and_then(Value::as_u64);
    let after = arguments.get("after").and_then(|after| {
        let at = found.iter().position(|record| record["id"] == *after)?;
        Some(at + 1)
    });
    let skip = after.unwrap_or(number("offset").unwrap_or(0) as usize);
    let most = number("first").unwrap_or(PAGE.0).min(PAGE.1) as usize;
    let page: Vec<_> = found.into_iter().skip(skip).take(most).collect();
    selection::connection(state, object, &page, total - skip.min(total), &field.fields)
}

/// Advisory: both names together, the unique field, the LinkedIn page; each of three letters at least
/// (engine/api/utils/build-duplicate-conditions.utils.ts).
fn find_duplicates(state: &State, object: &Object, field: &Field) -> Result<Value> {
    let release = state.settings.release;
    let arguments = &field.arguments;
    let list = |name: &str| arguments.get(name).and_then(Value::as_array).cloned();
    let mut wanted: Vec<Map<String, Value>> = Vec::new();
    for id in list("ids").unwrap_or_default() {
        wanted.push(
            state
                .by_id(object, &id)
                .ok_or_else(Error::not_found)?
                .clone(),
        );
    }
    for data in list("data").unwrap_or_default() {
        let mut record = values::empty(object);
        values::write(object, release, &data, &mut record)?;
        wanted.push(record);
    }
    let (unique, part) = object.unique;
    let marks = |record: &Map<String, Value>| {
        let name = match &record["name"] {
            Value::Object(name) => {
                let part = |part: &str| name[part].as_str().filter(|text| text.len() >= 3);
                part("firstName")
                    .zip(part("lastName"))
                    .map(|(first, last)| format!("{first} {last}"))
            }
            name => name.as_str().map(str::to_owned),
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        [
            name,
            text(&record[unique][part]),
            text(&record["linkedinLink"]["primaryLinkUrl"]),
        ]
        .map(|mark| mark.filter(|mark| mark.len() >= 3))
    };
    let live = find(state, object, &Value::Null)?;
    let answers = wanted.iter().map(|wanted| {
        let wanted_marks = marks(wanted);
        let alike: Vec<_> = live
            .iter()
            .copied()
            .filter(|record| record["id"] != wanted["id"])
            .filter(|record| {
                let pairs = marks(record).into_iter().zip(wanted_marks.clone());
                pairs
                    .into_iter()
                    .any(|(one, other)| one.is_some() && one == other)
            })
            .collect();
        selection::connection(state, object, &alike, alike.len(), &field.fields)
    });
    answers.collect::<Result<Vec<_>>>().map(Value::Array)
}
