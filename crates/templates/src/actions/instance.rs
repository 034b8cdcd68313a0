//! The file that `sidestage actions pull` writes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Action;

/// What an instance of Backstage says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its actions, as `/api/scaffolder/v2/actions` lists them.
    pub actions: Value,
    /// Its filters and globals, as `/api/scaffolder/v2/templating-extensions` lists them. Releases before 1.38
    /// do not have that list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating_extensions: Option<Value>,
}

/// Why a file of actions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// It is not JSON, or not of the shape of one.
    #[error(
        "expected what `sidestage actions pull` writes, or a list of actions as Backstage's /v2/actions gives it: {0}"
    )]
    Shape(#[from] serde_json::Error),
}

impl Instance {
    /// Reads what `sidestage actions pull` wrote. A bare list of actions will do as well.
    pub fn read(json: &str) -> Result<(Vec<Action>, Option<Value>), InstanceError> {
        let instance = match serde_json::from_str(json)? {
            actions @ Value::Array(_) => Self {
                url: None,
                actions,
                templating_extensions: None,
            },
            other => serde_json::from_value::<Self>(other)?,
        };
        Ok((
            serde_json::from_value(instance.actions)?,
            instance.templating_extensions,
        ))
    }
}
