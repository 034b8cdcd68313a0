//! Schemas: derived once from the Rust types, used for validation, for the documentation and for Backstage.
//!
//! They are draft-07 and inlined (no `$ref`): Backstage's runner, its forms and OpenAPI 3.1 all read that.

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind, types::JsonTypeSet};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;

use crate::{Code, Error, FieldError, Result};

/// The schema of what `T` is read from.
pub fn of_input<T: JsonSchema>() -> Value {
    generate::<T>(SchemaSettings::draft07().for_deserialize())
}

/// The schema of what `T` is written as.
pub fn of_output<T: JsonSchema>() -> Value {
    generate::<T>(SchemaSettings::draft07().for_serialize())
}

fn generate<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let schema = settings
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(plain))
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    in_reading_order(schema)
}

/// What a reader wants first stands first. Keywords that are not listed keep their order behind these.
const READING_ORDER: [&str; 8] = [
    "$schema",
    "title",
    "description",
    "type",
    "required",
    "additionalProperties",
    "properties",
    "items",
];

fn in_reading_order(schema: Value) -> Value {
    let Value::Object(schema) = schema else {
        return schema;
    };
    let mut keywords: Vec<(String, Value)> = schema.into_iter().collect();
    keywords.sort_by_key(|(keyword, _)| {
        READING_ORDER
            .iter()
            .position(|first| first == keyword)
            .unwrap_or(usize::MAX)
    });
    let ordered = keywords.into_iter().map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties
                .into_iter()
                .map(|(name, schema)| (name, in_reading_order(schema)))
                .collect(),
            ("items" | "additionalProperties", schema) => in_reading_order(schema),
            (_, value) => value,
        };
        (keyword, value)
    });
    ordered.collect()
}

/// Says "may be left out" once, by `required`, and drops what only Rust knows: an `Option` is not
/// "string or null" to the author of a template, and no other tool has heard of the format `uint32`.
fn plain(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|of| of != "null");
        if let [one] = &types[..] {
            let one = one.clone();
            schema.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.retain(|of| of.get("type").is_none_or(|of| of != "null"));
        if let [Value::Object(one)] = &any[..] {
            let one = one.clone();
            schema.remove("anyOf");
            for (key, value) in one {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        // The lines of a doc comment are not the lines of a paragraph.
        let paragraphs: Vec<String> = description
            .split("\n\n")
            .map(|text| text.replace('\n', " "))
            .collect();
        *description = paragraphs.join("\n\n");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    let rust_only = |format: &str| {
        format.starts_with("uint")
            || format.starts_with("int")
            || matches!(format, "float" | "double")
    };
    if schema
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(rust_only)
    {
        schema.remove("format");
    }
}

/// A compiled schema whose refusals are sentences that name the field and never quote a value.
pub struct Checker {
    validator: Validator,
    schema: Value,
}

impl Checker {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When it is no valid draft-07 schema: a fault of the action.
    pub fn new(schema: &Value) -> Result<Self> {
        let validator = jsonschema::draft7::options()
            .build(schema)
            .map_err(|error| {
                Error::internal(format!("schema does not compile: {}", error.masked()))
            })?;
        Ok(Checker {
            validator,
            schema: schema.clone(),
        })
    }

    /// Checks a value; refuses with every fault, at most [`MOST_FAULTS`].
    ///
    /// # Errors
    /// [`Code::InvalidInput`] with [`Error::fields`].
    pub fn check(&self, value: &Value) -> Result<()> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let fields: Vec<FieldError> = self
            .validator
            .iter_errors(value)
            .flat_map(|error| self.sentences(&error))
            .take(MOST_FAULTS)
            .collect();
        Err(invalid(fields))
    }

    fn sentences(&self, error: &ValidationError<'_>) -> Vec<FieldError> {
        let at = error.instance_path().as_str();
        let fault = |field: String, detail: String| FieldError { field, detail };
        let child = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![fault(child(name), "is required".into())]
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
                .iter()
                .map(|name| {
                    fault(
                        child(name),
                        format!("is not an input{}", self.near_miss(at, name)),
                    )
                })
                .collect(),
            ValidationErrorKind::Type { kind } => {
                vec![fault(at.into(), format!("must be {}", types(kind)))]
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<String> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(Value::to_string)
                    .collect();
                vec![fault(
                    at.into(),
                    format!("must be one of {}", options.join(", ")),
                )]
            }
            ValidationErrorKind::Pattern { pattern } => {
                vec![fault(
                    at.into(),
                    self.rule(error)
                        .unwrap_or_else(|| format!("must match {pattern}")),
                )]
            }
            ValidationErrorKind::MinLength { limit: 1 } => {
                vec![fault(at.into(), "must not be empty".into())]
            }
            ValidationErrorKind::MinLength { limit } => {
                vec![fault(
                    at.into(),
                    format!("must have at least {limit} characters"),
                )]
            }
            ValidationErrorKind::MaxLength { limit } => {
                vec![fault(
                    at.into(),
                    format!("must have at most {limit} characters"),
                )]
            }
            ValidationErrorKind::Minimum { limit } => {
                vec![fault(at.into(), format!("must be at least {limit}"))]
            }
            ValidationErrorKind::Maximum { limit } => {
                vec![fault(at.into(), format!("must be at most {limit}"))]
            }
            ValidationErrorKind::Format { format } => {
                vec![fault(at.into(), format!("must be a valid {format}"))]
            }
            ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
                vec![fault(
                    at.into(),
                    self.rule(error)
                        .unwrap_or_else(|| "has none of the allowed forms".into()),
                )]
            }
            _ => vec![fault(at.into(), error.masked().to_string())],
        }
    }

    /// A schema may say its rule in words, for people: `x-rule`.
    fn rule(&self, error: &ValidationError<'_>) -> Option<String> {
        let pointer = error.schema_path().as_str();
        let parent = &pointer[..pointer.rfind('/')?];
        self.schema
            .pointer(parent)?
            .get("x-rule")?
            .as_str()
            .map(str::to_owned)
    }

    fn near_miss(&self, at: &str, name: &str) -> String {
        let known: Vec<&str> = (at.is_empty())
            .then(|| self.schema.get("properties")?.as_object())
            .flatten()
            .into_iter()
            .flat_map(|properties| properties.keys().map(String::as_str))
            .collect();
        match nearest(name, known.iter().copied()) {
            Some(near) => format!("; did you mean {near}?"),
            None if known.is_empty() => String::new(),
            None => format!("; the inputs are {}", known.join(", ")),
        }
    }
}

/// Faults that one refusal names at most.
pub const MOST_FAULTS: usize = 10;

/// The known name that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&folded, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

/// Refuses an input that still holds an expression: Backstage hands on the text of one that failed.
///
/// # Errors
/// [`Code::InvalidInput`] at the first such string.
pub fn refuse_expressions(input: &Value) -> Result<()> {
    fn find(value: &Value, at: &str) -> Option<String> {
        match value {
            Value::String(text) => text.contains("${{").then(|| at.to_owned()),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(n, item)| find(item, &format!("{at}/{n}"))),
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| find(value, &format!("{at}/{name}"))),
            _ => None,
        }
    }
    let Some(field) = find(input, "") else {
        return Ok(());
    };
    let detail = "still holds a template expression (${{ ... }}): Backstage could not evaluate it and passed its text on; \
                  check its names, filters and brackets in the template";
    Err(invalid(vec![FieldError {
        field,
        detail: detail.into(),
    }]))
}

fn invalid(fields: Vec<FieldError>) -> Error {
    let sentences: Vec<String> = fields
        .iter()
        .map(|fault| match fault.field.strip_prefix('/') {
            Some(name) => format!("{} {}", name.replace('/', "."), fault.detail),
            None => format!("the input {}", fault.detail),
        })
        .collect();
    let sentence = format!("Invalid input: {}", sentences.join("; "));
    let stop = if sentence.ends_with('?') { "" } else { "." };
    Error::new(Code::InvalidInput, sentence + stop).with_fields(fields)
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    let name = |of: &jsonschema::types::JsonType| match of.to_string().as_str() {
        "object" => "a map".to_owned(),
        "array" => "a list".to_owned(),
        "integer" => "a whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => format!("a {other}"),
    };
    match kind {
        jsonschema::error::TypeKind::Single(one) => name(one),
        jsonschema::error::TypeKind::Multiple(many) => {
            let many: JsonTypeSet = *many;
            many.iter()
                .map(|one| name(&one))
                .collect::<Vec<_>>()
                .join(" or ")
        }
    }
}
