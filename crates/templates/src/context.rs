//! What the checker is told besides the file.

use std::collections::HashMap;

use serde_json::Value;

use crate::actions::{Actions, built_in_extensions};
use crate::backstage::Backstage;
use crate::finding::Severity;
use crate::rules::Rule;
use crate::yaml::child;

/// The filters in Backstage's list of extensions.
pub(crate) const FILTERS: &str = "filters";
/// The functions in Backstage's list of extensions.
pub(crate) const FUNCTIONS: &str = "globals/functions";
/// The values in Backstage's list of extensions.
pub(crate) const VALUES: &str = "globals/values";

/// What is known, and what is asked for. It is made once and used for every file.
#[derive(Clone, Debug)]
pub struct Context {
    /// The actions that are known.
    pub actions: Actions,
    /// The filters and globals that are known, each as Backstage lists them.
    pub extensions: Vec<Value>,
    /// Whether `extensions` is all there is, because the instance itself was asked. Otherwise an instance may
    /// have filters and globals of its own, and one that is not known is not certainly wrong.
    pub extensions_complete: bool,
    /// Whether `actions` has all there are, because the instance itself was asked. Otherwise one that is not known
    /// may be its own.
    pub actions_complete: bool,
    /// What the Backstage does that the templates are for.
    pub backstage: Backstage,
    /// Whether Backstage is set to read `<<` as a merge key.
    pub yaml_merge: bool,
    /// The severity that a rule shall have; `None` switches it off. Rules that are not here have their own.
    pub rules: HashMap<&'static str, Option<Severity>>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            actions: Actions::built_in(),
            extensions: vec![built_in_extensions()],
            extensions_complete: false,
            actions_complete: false,
            backstage: Backstage::default(),
            yaml_merge: false,
            rules: HashMap::new(),
        }
    }
}

impl Context {
    /// What Backstage says of a filter or a global.
    pub(crate) fn extension(&self, list: &str, name: &str) -> Option<&Value> {
        let pointer = child(&format!("/{list}"), name);
        let mut extensions = self.extensions.iter().rev();
        extensions.find_map(|extensions| extensions.pointer(&pointer))
    }

    /// Whether a rule is on.
    pub fn enabled(&self, rule: &Rule) -> bool {
        !matches!(self.rules.get(rule.name), Some(None))
    }
}
