//! The body of a create, decoded and validated in Go's order and in Go's words.
//!
//! Go's decoder aborts on a text that is no UUID, which wins over every other mismatch; those are noted
//! and the first is reported at the end (encoding/json). Then the validator speaks (codersdk/name.go,
//! codersdk/organizations.go).

use serde_json::Value;
use uuid::Uuid;

use super::error::{Error, Result};

/// A request for a workspace.
#[derive(Debug, Default)]
pub(super) struct CreateWorkspace {
    pub(super) name: String,
    pub(super) template: Option<Uuid>,
    pub(super) version: Option<Uuid>,
    pub(super) preset: Option<Uuid>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) ttl_ms: Option<i64>,
    pub(super) autostart: Option<String>,
    pub(super) automatic_updates: String,
}

const STRUCT: &str = "CreateWorkspaceRequest";

pub(super) fn create_workspace(body: &[u8]) -> Result<CreateWorkspace> {
    let body = json(body)?;
    let Value::Object(fields) = &body else {
        return Err(mismatch(
            &body,
            STRUCT,
            "",
            "codersdk.CreateWorkspaceRequest",
        ));
    };
    let uuid = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Uuid::try_parse(text)
            .map(Some)
            .map_err(|_| Error::not_json(go_uuid_error(text))),
        Some(other) => Err(mismatch(other, STRUCT, name, "uuid.UUID")),
    };
    let mut request = CreateWorkspace {
        template: uuid("template_id")?,
        version: uuid("template_version_id")?,
        preset: uuid("template_version_preset_id")?,
        ..CreateWorkspace::default()
    };
    if let Some(name) = text(fields.get("name"), STRUCT, "name")? {
        request.name = name;
    }
    request.autostart = text(
        fields.get("autostart_schedule"),
        STRUCT,
        "autostart_schedule",
    )?;
    request.automatic_updates =
        text(fields.get("automatic_updates"), STRUCT, "automatic_updates")?.unwrap_or_default();
    request.ttl_ms = match fields.get("ttl_ms") {
        None | Some(Value::Null) => None,
        Some(value) => Some(
            value
                .as_i64()
                .ok_or_else(|| mismatch(value, STRUCT, "ttl_ms", "int64"))?,
        ),
    };
    request.parameters = parameters(fields.get("rich_parameter_values"), STRUCT)?;
    validate(&request)?;
    Ok(request)
}

/// The body as JSON; an empty one is `EOF` to Go.
pub(super) fn json(body: &[u8]) -> Result<Value> {
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        Err(_) if body.is_empty() => Err(Error::not_json("EOF")),
        Err(error) if error.is_eof() => Err(Error::not_json("unexpected EOF")),
        Err(error) => Err(Error::not_json(format!("invalid character: {error}"))),
    }
}

/// `rich_parameter_values`: a list of `{name, value}`, both strings.
pub(super) fn parameters(value: Option<&Value>, of: &str) -> Result<Vec<(String, String)>> {
    let items = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(mismatch(
                other,
                of,
                "rich_parameter_values",
                "[]codersdk.WorkspaceBuildParameter",
            ));
        }
    };
    items
        .iter()
        .map(|item| {
            let name =
                text(item.get("name"), of, "rich_parameter_values.name")?.unwrap_or_default();
            let value =
                text(item.get("value"), of, "rich_parameter_values.value")?.unwrap_or_default();
            Ok((name, value))
        })
        .collect()
}

fn text(value: Option<&Value>, of: &str, field: &str) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(mismatch(other, of, field, "string")),
    }
}

fn mismatch(value: &Value, of: &str, field: &str, wanted: &str) -> Error {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let place = if field.is_empty() {
        "Go value".to_owned()
    } else {
        format!("Go struct field {of}.{field}")
    };
    Error::not_json(format!(
        "json: cannot unmarshal {kind} into {place} of type {wanted}"
    ))
}

fn go_uuid_error(text: &str) -> String {
    match text.len() {
        32 | 36 | 38 | 45 => "invalid UUID format".into(),
        length => format!("invalid UUID length: {length}"),
    }
}

fn validate(request: &CreateWorkspace) -> Result<()> {
    let mut error = Error::bad("Validation failed.");
    let mut failed = false;
    let mut fail = |field: &str, tag: &str, value: &str| {
        failed = true;
        let taken = std::mem::replace(&mut error, Error::bad(""));
        error = taken.field(
            field,
            format!("Validation failed for tag \"{tag}\" with value: \"{value}\""),
        );
    };
    let (template, version) = (request.template, request.version);
    let shown = |id: Option<Uuid>| id.unwrap_or_default().to_string();
    match (
        template.is_some_and(|id| !id.is_nil()),
        version.is_some_and(|id| !id.is_nil()),
    ) {
        (true, false) | (false, true) => {}
        (both, _) => {
            let tag = if both {
                "excluded_with"
            } else {
                "required_without"
            };
            fail("template_id", tag, &shown(template));
            fail("template_version_id", tag, &shown(version));
        }
    }
    if !is_name(&request.name) {
        let tag = if request.name.is_empty() {
            "required"
        } else {
            "workspace_name"
        };
        fail("name", tag, &request.name);
    }
    if failed { Err(error) } else { Ok(()) }
}

/// `^[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*$`, at most 32 bytes, and two reserved words (codersdk/name.go).
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 32
        && !matches!(name, "new" | "create")
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}
