//! A template's parameters: the values that an input gives, as the strings that Coder wants, checked
//! against what the template declares. Coder drops a name that it does not know without a word.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use sidestage_action::{Code, Context, Difference, Error, FieldError, Result, schema};
use uuid::Uuid;

use super::client::{Client, Parameter, Preset, Template, User, Value};

/// The values of a workspace's parameters.
pub(super) struct Parameters {
    /// What is given and what the preset sets.
    values: BTreeMap<String, String>,
    preset: Option<Preset>,
    declared: Vec<Parameter>,
}

impl Parameters {
    /// Looks up what the template declares and checks the names.
    pub(super) async fn resolve(
        ctx: &Context,
        client: &Client,
        template: &Template,
        owner: &User,
        given: &BTreeMap<String, Json>,
        preset: Option<&str>,
    ) -> Result<Self> {
        let version = template.active_version_id;
        let mut values: BTreeMap<String, String> = given
            .iter()
            .map(|(name, value)| (name.clone(), as_string(value)))
            .collect();
        let preset = match preset {
            Some(name) => Some(find_preset(
                ctx.race(client.presets(version)).await?,
                name,
                template,
            )?),
            None => None,
        };
        for set in preset.iter().flat_map(|preset| &preset.parameters) {
            let given = values.insert(set.name.clone(), set.value.clone());
            if let (Some(given), Some(preset)) =
                (given.filter(|given| *given != set.value), &preset)
            {
                let sentence = format!(
                    "The preset {} sets the parameter {} to \"{}\", and Coder would ignore the \"{given}\" that is given. \
                     Leave out the parameter or the preset.",
                    preset.name, set.name, set.value
                );
                return Err(Error::invalid(&pointer(&set.name), sentence));
            }
        }
        let mut declared = ctx.race(client.parameters(version)).await?;
        let mut known: BTreeSet<String> = declared
            .iter()
            .map(|parameter| parameter.name.clone())
            .collect();
        if template.use_classic_parameter_flow == Some(false)
            && let Some(evaluated) = ctx
                .race(client.evaluate(version, owner.id, &values))
                .await?
        {
            // Which parameters there are depends on the values, so the static list has too many or too few.
            known.extend(evaluated.iter().map(|parameter| parameter.name.clone()));
            declared = evaluated;
        }
        refuse_unknown(template, given.keys(), &known)?;
        Ok(Parameters {
            values,
            preset,
            declared,
        })
    }

    /// Refuses what would make Coder refuse a new workspace: a required value that is missing, or a wrong one.
    pub(super) fn check_for_create(&self, template: &Template) -> Result<()> {
        let missing = self
            .declared
            .iter()
            .filter(|declared| declared.required && !self.values.contains_key(&declared.name));
        let missing: Vec<FieldError> = missing
            .map(|declared| FieldError {
                field: pointer(&declared.name),
                detail: "is required by the template".into(),
            })
            .collect();
        if !missing.is_empty() {
            let names: Vec<&str> = missing
                .iter()
                .map(|fault| &fault.field["/parameters/".len()..])
                .collect();
            let (noun, verb) = if names.len() == 1 {
                ("parameter", "has")
            } else {
                ("parameters", "have")
            };
            let sentence = format!(
                "The template {} requires the {noun} {}, which {verb} no value. Add {} to parameters.",
                template.name,
                names.join(", "),
                if names.len() == 1 { "it" } else { "them" },
            );
            return Err(Error::new(Code::InvalidInput, sentence).with_fields(missing));
        }
        let wrong = self.declared.iter().flat_map(|declared| {
            let errors = declared
                .diagnostics
                .iter()
                .filter(|diagnostic| diagnostic.severity == "error");
            errors.map(|error| FieldError {
                field: pointer(&declared.name),
                detail: [&*error.summary, &*error.detail]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join(": "),
            })
        });
        let wrong: Vec<FieldError> = wrong.collect();
        if wrong.is_empty() {
            return Ok(());
        }
        Err(refused_values(template, wrong))
    }

    /// How the values of an existing workspace differ. It also has values that Coder filled in, so those
    /// asked for are a part of them; a value for one build only does not count.
    pub(super) fn differences(&self, found: &[Value]) -> Vec<Difference> {
        let found: BTreeMap<&str, &str> = found
            .iter()
            .map(|value| (&*value.name, &*value.value))
            .collect();
        let is_lasting = |name: &str| {
            !self
                .declared
                .iter()
                .any(|declared| declared.name == name && declared.ephemeral)
        };
        self.values
            .iter()
            .filter(|(name, _)| is_lasting(name))
            .filter_map(|(name, asked)| {
                let is = found
                    .get(&**name)
                    .map_or_else(|| "not set".into(), |is| format!("\"{is}\""));
                Difference::between(format!("parameter {name}"), &is, &format!("\"{asked}\""))
            })
            .collect()
    }

    /// The values as they are sent.
    pub(super) fn values(&self) -> Vec<Value> {
        self.values
            .iter()
            .map(|(name, value)| Value {
                name: name.clone(),
                value: value.clone(),
            })
            .collect()
    }

    pub(super) fn preset(&self) -> Option<Uuid> {
        self.preset.as_ref().map(|preset| preset.id)
    }
}

/// The refusal of values, by Coder or on its word.
pub(super) fn refused_values(template: &Template, fields: Vec<FieldError>) -> Error {
    let list: Vec<String> = fields
        .iter()
        .map(|fault| {
            format!(
                "{} ({})",
                fault.field.trim_start_matches("/parameters/"),
                fault.detail.trim_end_matches('.')
            )
        })
        .collect();
    let sentence = format!(
        "The template {} does not accept the value of: {}.",
        template.name,
        list.join("; ")
    );
    Error::new(Code::InvalidInput, sentence).with_fields(fields)
}

/// The JSON pointer of a parameter in the input.
pub(super) fn pointer(name: &str) -> String {
    format!("/parameters/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Coder knows only strings: numbers and truth values as they are written, a list as JSON.
fn as_string(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => match number.as_f64() {
            // 2.0 and 2 are one number to the author of a template.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        },
        // In Coder a list holds strings.
        Json::Array(items) => Json::Array(
            items
                .iter()
                .map(|item| Json::String(as_string(item)))
                .collect(),
        )
        .to_string(),
        other => other.to_string(),
    }
}

fn refuse_unknown<'a>(
    template: &Template,
    given: impl Iterator<Item = &'a String>,
    known: &BTreeSet<String>,
) -> Result<()> {
    let unknown: Vec<FieldError> = given
        .filter(|name| !known.contains(*name))
        .map(|name| {
            let hint = match schema::nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None if known.is_empty() => "it has none.".into(),
                None => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    format!("it has {}.", known.join(", "))
                }
            };
            FieldError {
                field: pointer(name),
                detail: format!(
                    "The template {} has no parameter {name}; {hint}",
                    template.name
                ),
            }
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let sentences: Vec<&str> = unknown.iter().map(|fault| fault.detail.as_str()).collect();
    Err(Error::new(Code::InvalidInput, sentences.join(" ")).with_fields(unknown))
}

fn find_preset(presets: Vec<Preset>, wanted: &str, template: &Template) -> Result<Preset> {
    let names: Vec<String> = presets.iter().map(|preset| preset.name.clone()).collect();
    let id = wanted.parse::<Uuid>().ok();
    presets
        .into_iter()
        .find(|preset| preset.name == wanted || Some(preset.id) == id)
        .ok_or_else(|| {
            let hint = match schema::nearest(wanted, names.iter().map(String::as_str)) {
                Some(near) => format!("Did you mean {near}?"),
                None if names.is_empty() => "It has none.".into(),
                None => format!("It has: {}.", names.join(", ")),
            };
            Error::invalid(
                "preset",
                format!(
                    "The template {} has no preset {wanted}. {hint}",
                    template.name
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::as_string;

    #[test]
    fn values_become_the_strings_that_coder_wants() {
        for (value, string) in [
            (json!("eu"), "eu"),
            (json!("4"), "4"),
            (json!(4), "4"),
            (json!(4.0), "4"),
            (json!(0.5), "0.5"),
            (json!(-1), "-1"),
            (json!(true), "true"),
            (json!(false), "false"),
            (json!([]), "[]"),
            (json!(["a", "b\"c"]), r#"["a","b\"c"]"#),
            (json!([1, true]), r#"["1","true"]"#),
        ] {
            assert_eq!(as_string(&value), string);
        }
    }
}
