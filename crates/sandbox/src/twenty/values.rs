//! What may be written into a record, and what becomes of it.
//!
//! Each field of `data` is looked at by hand (2.38); what is stored differs from what was sent: addresses in small letters,
//! phones in parts, links without a slash at the end (engine/core-modules/record-transformer).

use phonenumber::country;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use super::{
    error::{Error, Result},
    objects::{self, Kind, LISTS, Object, capital},
    state::Release,
};

/// A record without anything in it, with the fields of every release.
pub(super) fn empty(object: &Object) -> Map<String, Value> {
    let fields = object.fields(Release::V1).map(|(name, kind)| {
        let value = match kind {
            Kind::Composite(parts) => parts
                .iter()
                .map(|part| ((*part).to_owned(), Value::Null))
                .collect::<Map<_, _>>()
                .into(),
            _ => Value::Null,
        };
        (name.to_owned(), value)
    });
    fields.collect()
}

/// Writes `data` into a record.
pub(super) fn write(
    object: &Object,
    release: Release,
    data: &Value,
    record: &mut Map<String, Value>,
) -> Result<()> {
    for (name, value) in data.as_object().into_iter().flatten() {
        let kind = object
            .field(name, release)
            .ok_or_else(|| unknown(object, release, name))?;
        match kind {
            Kind::Composite(parts) => {
                let mut given = Map::new();
                for (part, value) in value.as_object().into_iter().flatten() {
                    if !parts.contains(&&**part) {
                        return Err(unknown_part(name, part));
                    }
                    let fits = match LISTS.contains(&&**part) {
                        true => !value.is_string(),
                        false => value.is_string() || value.is_null(),
                    };
                    if !fits {
                        return Err(invalid(value, "string", &format!("{name}.{part}")));
                    }
                    given.insert(part.clone(), value.clone());
                }
                // What is transformed is replaced as a whole: parts that are not given are emptied. Of others they stay.
                let mut whole = match kind == objects::FULL_NAME {
                    true => record[name].as_object().cloned().unwrap_or_default(),
                    false => parts
                        .iter()
                        .map(|part| ((*part).to_owned(), Value::Null))
                        .collect(),
                };
                whole.extend(transformed(name, kind, given)?);
                record.insert(name.clone(), whole.into());
            }
            Kind::Uuid => {
                if !value.is_null() && !value.as_str().is_some_and(is_uuid) {
                    return Err(invalid(value, "UUID", name));
                }
                record.insert(name.clone(), value.clone());
            }
            Kind::Text if !(value.is_string() || value.is_null()) => {
                return Err(invalid(value, "string", name));
            }
            _ => {
                record.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn unknown(object: &Object, release: Release, name: &str) -> Error {
    if release == Release::V1 {
        let input = format!("{}CreateInput", object.type_name());
        let near = object.fields(release).find(|(known, _)| {
            known.starts_with(name) || name.starts_with(known.trim_end_matches('s'))
        });
        let hint = near.map_or(String::new(), |(near, _)| {
            format!(" Did you mean \"{near}\"?")
        });
        return Error::validation(format!(
            "Field \"{name}\" is not defined by type \"{input}\".{hint}"
        ));
    }
    let singular = object.singular;
    Error::args(format!(
        "Object {singular} doesn't have any \"{name}\" field."
    ))
}

/// The words of this one are not known.
fn unknown_part(field: &str, part: &str) -> Error {
    Error::args(format!(
        "Composite field {field} doesn't have any \"{part}\" subfield."
    ))
}

fn invalid(value: &Value, what: &str, field: &str) -> Error {
    let shown = match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    };
    Error::args(format!(
        "Invalid {what} value {shown} for field \"{field}\""
    ))
    .friendly(&format!("Invalid value: \"{shown}\""))
}

/// Versions 1 to 5 only (twenty-shared, isValidUuid).
fn is_uuid(text: &str) -> bool {
    Uuid::parse_str(text)
        .is_ok_and(|id| text.len() == 36 && (1..=5).contains(&id.get_version_num()))
}

fn transformed(
    name: &str,
    kind: Kind,
    mut value: Map<String, Value>,
) -> Result<Map<String, Value>> {
    if kind == objects::EMAILS {
        let email = value.get("primaryEmail").and_then(Value::as_str);
        if let Some(email) = email.map(str::to_owned) {
            if !email.is_empty() && !is_email(&email) {
                return Err(Error::args(format!(
                    "Invalid string value '{email}' for email field \"{name}.primaryEmail\""
                ))
                .friendly(&format!("Invalid value: \"'{email}'\"")));
            }
            value.insert("primaryEmail".into(), email.to_lowercase().into());
        }
    } else if kind == objects::PHONES {
        phone(&mut value)?;
    } else if kind == objects::LINKS
        && let Some(url) = value.get("primaryLinkUrl").and_then(Value::as_str)
    {
        let url = link(url);
        value.insert("primaryLinkUrl".into(), url.into());
    }
    Ok(value)
}

fn is_email(email: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || "<>(),;:\"\\@".contains(c))
    };
    email
        .split_once('@')
        .is_some_and(|(user, host)| plain(user) && plain(host) && host.contains('.'))
}

/// The origin in small letters, no slash at the end; what has no scheme stays as it is.
fn link(url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else {
        return url.into();
    };
    let rest = &parsed[url::Position::BeforePath..];
    let origin = parsed.origin().ascii_serialization();
    let whole = format!("{origin}{rest}");
    whole.strip_suffix('/').unwrap_or(&whole).into()
}

/// Takes a number apart (record-transformer/utils/transform-phones-value.util.ts).
fn phone(value: &mut Map<String, Value>) -> Result<()> {
    let text = |part: &str| {
        let text = value.get(part)?.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let refused = |sub_code: &str, message: String| {
        Err(Error::bad(&*message).sub(sub_code).friendly(&message))
    };
    let (country, calling) = (
        text("primaryPhoneCountryCode"),
        text("primaryPhoneCallingCode"),
    );
    let region = match &country {
        None => None,
        Some(country) => match country.parse::<country::Id>() {
            Ok(id) => Some(id),
            Err(_) => {
                return refused(
                    "INVALID_PHONE_COUNTRY_CODE",
                    format!("Invalid country code {country}"),
                );
            }
        },
    };
    if let Some(calling) = &calling {
        let digits = calling.trim_start_matches('+');
        let known = digits
            .parse::<u16>()
            .ok()
            .filter(|code| phonenumber::metadata::DATABASE.by_code(code).is_some());
        if known.is_none() {
            return refused(
                "INVALID_PHONE_CALLING_CODE",
                format!("Invalid calling code {calling}"),
            );
        }
    }
    let Some(number) = text("primaryPhoneNumber") else {
        return Ok(());
    };
    let whole = match &calling {
        Some(calling) if !number.starts_with('+') => {
            format!("+{}{number}", calling.trim_start_matches('+'))
        }
        _ => number.clone(),
    };
    let Ok(parsed) = phonenumber::parse(region, &whole) else {
        return refused(
            "INVALID_PHONE_NUMBER",
            format!("Provided phone number is invalid {number}"),
        );
    };
    let own_calling = format!("+{}", parsed.code().value());
    let own_country = parsed.country().id().map(|id| format!("{id:?}"));
    if calling
        .as_ref()
        .is_some_and(|calling| *calling != own_calling)
    {
        return refused(
            "CONFLICTING_PHONE_CALLING_CODE",
            "Provided and inferred calling code are conflicting".into(),
        );
    }
    if let (Some(country), Some(own)) = (&country, &own_country)
        && country != own
    {
        return refused(
            "CONFLICTING_PHONE_COUNTRY_CODE",
            "Provided and inferred country code are conflicting".into(),
        );
    }
    for (part, text) in [
        ("primaryPhoneNumber", Some(parsed.national().to_string())),
        ("primaryPhoneCallingCode", Some(own_calling)),
        ("primaryPhoneCountryCode", own_country.or(country)),
    ] {
        value.insert(part.into(), json!(text));
    }
    Ok(())
}

/// The refusal of a value that another record has already, in the words of the release.
pub(super) fn duplicate(object: &Object, release: Release, value: &str, holder: &Value) -> Error {
    let field = capital(object.unique.0);
    match release {
        Release::V1 => Error::bad(format!(
            "Duplicate {field} with value {value}. Please set a unique one."
        ))
        .with("isExpected", true.into())
        .friendly(&format!(
            "This {} with value {value} is already taken. Please choose a different value.",
            object.unique.0
        )),
        Release::V2 => Error::bad("A duplicate entry was detected")
            .friendly(&format!(
                "This {field} value is already in use. Please check your data and try again."
            ))
            .with("conflictingRecordId", holder.clone())
            .with("conflictingObjectNameSingular", object.singular.into()),
        Release::V2_38 => Error::bad("A duplicate entry was detected")
            .friendly("This record already exists. Please check your data and try again."),
    }
}
