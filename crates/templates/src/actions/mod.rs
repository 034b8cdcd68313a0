//! What the checker knows of actions, filters and globals: their JSON Schemas, and nothing else.
//!
//! Three sources have the same shape: what this build of Sidestage serves (`actions-schema/actions.json`), what
//! a real Backstage with the official modules said (`actions-schema/backstage/`), and what an instance says
//! of itself (`sidestage actions pull`).

mod instance;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

use serde::Deserialize;
use serde_json::Value;

use crate::types::{Presence, Type};

pub use instance::{Instance, InstanceError};

/// An action, as Backstage's list of actions describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// What a step's `action` says.
    pub id: String,
    /// What it does.
    pub description: Option<String>,
    /// What it takes and gives.
    #[serde(default)]
    schema: Schemas,
    /// Who said so: "Sidestage", "Backstage", or a file.
    #[serde(skip)]
    pub source: Arc<str>,
    /// Made of `schema.output` when it is first asked for.
    #[serde(skip)]
    output_type: OnceLock<Option<Type>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Schemas {
    input: Option<Value>,
    output: Option<Value>,
}

impl Action {
    /// The schema of its input; none when the action says nothing about it.
    pub fn input(&self) -> Option<&Value> {
        self.schema.input.as_ref()
    }

    /// The schema of its outputs; none when the action says nothing about them.
    pub fn output(&self) -> Option<&Value> {
        self.schema.output.as_ref()
    }

    /// The type of its outputs; none when the action says nothing about them. An output that the schema does
    /// not require is taken to be there: schemas of outputs are seldom that exact.
    pub fn output_type(&self) -> Option<&Type> {
        let read = || {
            let mut ty = Type::from_json_schema(self.output()?);
            if let Type::Object(object) = &mut ty {
                for property in Arc::make_mut(object).properties.values_mut() {
                    property.presence = Presence::Always;
                }
            }
            Some(ty)
        };
        self.output_type.get_or_init(read).as_ref()
    }

    /// Why it should not be used any more, in the words of its description.
    pub fn deprecated(&self) -> Option<&str> {
        deprecation(self.description.as_deref(), self.schema.input.as_ref())
    }
}

/// What a schema or its description says about being deprecated.
pub(crate) fn deprecation<'a>(
    description: Option<&'a str>,
    schema: Option<&Value>,
) -> Option<&'a str> {
    let flagged = schema.and_then(|schema| schema.get("deprecated")) == Some(&Value::Bool(true));
    let text = description.unwrap_or_default();
    let lower = text.trim_start().to_lowercase();
    let marks = ["(deprecated", "_deprecated_", "@deprecated"];
    let said = lower.starts_with("deprecated") || marks.iter().any(|mark| lower.contains(mark));
    (flagged || said).then_some(text)
}

/// The actions of Sidestage.
const SIDESTAGE: &str = include_str!("../../../../actions-schema/actions.json");
/// The actions of Backstage and its official modules.
const BACKSTAGE: &str = include_str!("../../../../actions-schema/backstage/actions.json");
/// The filters and globals of Backstage.
const EXTENSIONS: &str =
    include_str!("../../../../actions-schema/backstage/templating-extensions.json");

static BUILT_IN: LazyLock<Actions> = LazyLock::new(|| {
    let mut actions = Actions::default();
    actions.add(list(BACKSTAGE), "Backstage");
    actions.add(list(SIDESTAGE), "Sidestage");
    actions
});

fn list(json: &str) -> Vec<Action> {
    serde_json::from_str(json).expect("actions-schema/ is compiled in, and a test reads it")
}

/// The actions that are known.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    by_id: BTreeMap<String, Arc<Action>>,
}

impl Actions {
    /// Sidestage's own and Backstage's.
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// Only what one of the two sources of this build says: "Sidestage" or "Backstage".
    pub fn built_in_of(source: &str) -> Self {
        let mut actions = Self::built_in();
        actions.by_id.retain(|_, action| &*action.source == source);
        actions
    }

    /// Adds actions; they replace those of the same id.
    pub fn add(&mut self, actions: Vec<Action>, source: &str) {
        let source: Arc<str> = source.into();
        for mut action in actions {
            action.source = source.clone();
            self.by_id.insert(action.id.clone(), Arc::new(action));
        }
    }

    /// Adds all of another; they replace those of the same id.
    pub fn extend(&mut self, other: &Self) {
        self.by_id.extend(
            other
                .by_id
                .iter()
                .map(|(id, action)| (id.clone(), action.clone())),
        );
    }

    /// The action of an id.
    pub fn get(&self, id: &str) -> Option<&Arc<Action>> {
        self.by_id.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Action>> {
        self.by_id.values()
    }
}

/// The filters and globals that Backstage adds to its expression language, as
/// `/api/scaffolder/v2/templating-extensions` lists them.
pub fn built_in_extensions() -> Value {
    serde_json::from_str(EXTENSIONS).expect("actions-schema/ is compiled in, and a test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_in_can_be_read() {
        let actions = Actions::built_in();
        assert_eq!(
            &*actions
                .get("fetch:template")
                .expect("it is Backstage's")
                .source,
            "Backstage"
        );
        assert_eq!(
            &*actions
                .get("coder:create-workspace")
                .expect("it is ours")
                .source,
            "Sidestage"
        );
        assert!(built_in_extensions()["filters"]["parseRepoUrl"].is_object());
    }
}
