//! Who asks.

use serde::{Deserialize, Serialize};

/// Who asked for a run, as a door has verified it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Principal {
    /// A Backstage plugin, with the user it acts for. Without a user nobody stands behind the call.
    Backstage {
        /// The calling plugin's id: `scaffolder`.
        plugin: String,
        /// The user's entity ref: `user:default/ada`.
        user: Option<String>,
    },
    /// A person who signed in to Keycloak.
    Keycloak {
        /// The person's id there, which never changes.
        subject: String,
    },
    /// A key from the configuration, for CI.
    Key {
        /// The key's name.
        name: String,
    },
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Principal::Backstage {
                user: Some(user), ..
            } => f.write_str(user),
            Principal::Backstage { plugin, user: None } => write!(f, "plugin:{plugin}"),
            Principal::Keycloak { subject } => write!(f, "keycloak:{subject}"),
            Principal::Key { name } => write!(f, "key:{name}"),
        }
    }
}
