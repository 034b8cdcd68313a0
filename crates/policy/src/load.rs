//! Reading policies: the built-in ones, those of keys, those of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;

use crate::{KeyScope, Sources, schema::schema};

/// What is wrong with the policies.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Policies that were read and checked.
pub(crate) struct Loaded {
    pub(crate) policies: PolicySet,
    pub(crate) schema: Schema,
    /// The folder's files when they were read.
    files: Vec<(PathBuf, String)>,
}

impl Loaded {
    pub(crate) fn read(sources: &Sources) -> Result<Self, Error> {
        let (schema, _) = Schema::from_cedarschema_str(&schema(sources))
            .map_err(|error| Error(format!("the schema of the actions: {error}")))?;
        let files = files(sources.folder.as_deref())?;
        let mut texts = vec![(
            "built-in".to_owned(),
            include_str!("always.cedar").to_owned(),
        )];
        if sources.default {
            let text = match sources.tenancy {
                true => include_str!("default.cedar"),
                false => include_str!("untenanted.cedar"),
            };
            texts.push(("default".into(), text.into()));
        }
        let keys = sources.keys.iter().map(|key| of_key(key, sources.tenancy));
        texts.push(("auth.keys".into(), keys.collect()));
        texts.extend(files.iter().map(|(path, text)| {
            let name = path.file_name().unwrap_or_default();
            (name.to_string_lossy().into_owned(), text.clone())
        }));
        let mut policies = PolicySet::new();
        for (source, text) in texts {
            add(&mut policies, &source, &text)?;
        }
        let result = Validator::new(schema.clone()).validate(&policies, ValidationMode::Strict);
        if let Some(error) = result.validation_errors().next() {
            return Err(Error(error.to_string()));
        }
        Ok(Loaded {
            policies,
            schema,
            files,
        })
    }

    /// Whether the folder is as it was when it was read.
    pub(crate) fn is_current(&self, sources: &Sources) -> Result<bool, Error> {
        Ok(files(sources.folder.as_deref())? == self.files)
    }
}

/// Adds the policies of a text. Each goes by its source and its `@id`, or its number where it has none.
fn add(policies: &mut PolicySet, source: &str, text: &str) -> Result<(), Error> {
    let refuse = |error: &dyn std::fmt::Display| Error(format!("{source}: {error}"));
    let parsed = PolicySet::from_str(text).map_err(|errors| {
        // The line of the first mistake is where to look.
        let at = errors.labels().and_then(|mut labels| labels.next());
        let at = at.and_then(|label| Some(text.get(..label.offset())?.matches('\n').count() + 1));
        match at {
            Some(line) => Error(format!("{source}:{line}: {errors}")),
            None => refuse(&errors),
        }
    })?;
    if parsed.templates().next().is_some() {
        return Err(refuse(
            &"a policy with ?principal or ?resource is a template, and nothing here fills it in",
        ));
    }
    for policy in parsed.policies() {
        let name = policy
            .annotation("id")
            .map_or_else(|| policy.id().to_string(), str::to_owned);
        let named = policy.new_id(PolicyId::new(format!("{source}/{name}")));
        policies.add(named).map_err(|error| refuse(&error))?;
    }
    Ok(())
}

fn files(folder: Option<&Path>) -> Result<Vec<(PathBuf, String)>, Error> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let unreadable =
        |path: &Path, error| Error(format!("{}: cannot be read: {error}", path.display()));
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cedar")
        {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            files.push((path, text));
        }
    }
    files.sort();
    Ok(files)
}

/// What a key is for, as a policy.
fn of_key(key: &KeyScope, tenancy: bool) -> String {
    let any = |what: &str, globs: &[String]| {
        let tests: Vec<String> = globs
            .iter()
            .map(|glob| format!("{what} like {}", pattern(glob)))
            .collect();
        match tests.is_empty() {
            true => "false".into(),
            false => tests.join(" || "),
        }
    };
    let tenant = if tenancy {
        " && principal in resource"
    } else {
        ""
    };
    let KeyScope {
        name,
        actions,
        options,
    } = key;
    format!(
        "@id({name:?})\npermit (principal == Key::{name:?}, action in Action::\"run\", resource)\n\
         when {{ ({}){tenant} }};\n\
         @id({:?})\npermit (principal == Key::{name:?}, action in Action::\"options\", resource)\n\
         when {{ ({}){tenant} }};\n",
        any("context.action", actions),
        format!("{name}, options"),
        any("context.provider", options),
    )
}

/// A pattern in which `*` stands for any text, as it does in Cedar's own.
fn pattern(glob: &str) -> String {
    format!("{glob:?}")
}
