use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    ast::Template,
    builtins::{self, Takes},
    check::Assumption,
};
use crate::types::Type;

/// What runs the expressions of a Backstage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Since scaffolder-backend 4.0.3.
    Nunjitsu,
    /// Before. It lets more through: every method that JavaScript has, whatever arguments.
    Nunjucks,
}

/// What an expression can use: variables with their types, filters and functions. A clone is cheap: every place
/// in a template has one of its own.
#[derive(Clone, Debug)]
pub struct Env {
    pub(super) engine: Engine,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) filters: Arc<BTreeMap<String, Filter>>,
    pub(super) globals: Arc<BTreeMap<String, Type>>,
    pub(super) assumptions: Vec<Assumption>,
    pub(super) conditional_steps: Arc<BTreeMap<String, BTreeSet<String>>>,
}

#[derive(Clone, Debug)]
pub(super) enum Variable {
    Given(Type),
    Withheld(&'static str),
}

#[derive(Clone, Debug)]
pub(super) enum Filter {
    BuiltIn(Takes),
    /// One that the scaffolder, a module or an instance adds.
    Added {
        input: Type,
        output: Type,
        /// Whether it fails if it is given something else than its schema says. A schema is only read by
        /// people; of Backstage's own filters we know.
        strict: bool,
    },
}

/// Filters of Backstage's own that fail on what their schema does not have.
const STRICT: [&str; 3] = ["parseEntityRef", "parseRepoUrl", "projectSlug"];

impl Env {
    /// With the language's own filters and functions and no variables. `status_checks`: with `always()` and
    /// `failure()`, which Backstage has since scaffolder-backend 4.0.0.
    pub fn new(engine: Engine, status_checks: bool) -> Env {
        let filters = builtins::FILTERS
            .iter()
            .map(|(name, takes)| ((*name).to_owned(), Filter::BuiltIn(*takes)))
            .collect();
        let mut globals: BTreeMap<String, Type> = builtins::globals()
            .into_iter()
            .map(|(name, ty)| (name.to_owned(), ty))
            .collect();
        if status_checks {
            for name in ["always", "failure"] {
                // They take what they are given and look at none of it.
                let function = builtins::function(name, 0, None, Type::Boolean);
                globals.insert(name.to_owned(), function);
            }
        }
        Env {
            engine,
            variables: BTreeMap::new(),
            filters: Arc::new(filters),
            globals: Arc::new(globals),
            assumptions: Vec::new(),
            conditional_steps: Arc::default(),
        }
    }

    /// Gives a variable.
    pub fn set(&mut self, name: &str, ty: Type) {
        self.variables.insert(name.to_owned(), Variable::Given(ty));
    }

    /// Says that a variable exists elsewhere and is nothing here, and why.
    pub fn withhold(&mut self, name: &str, reason: &'static str) {
        self.variables
            .insert(name.to_owned(), Variable::Withheld(reason));
    }

    /// Adds the filters, functions and values that a Backstage lists under `/v2/templating-extensions`.
    pub fn add_extensions(&mut self, listed: &Value) {
        let schema_of = |extension: &Value, part: &str| match extension.pointer(part) {
            Some(schema) => Type::from_json_schema(schema),
            None => Type::Any,
        };
        let filters = Arc::make_mut(&mut self.filters);
        let globals = Arc::make_mut(&mut self.globals);
        for (name, extension) in entries(listed.pointer("/filters")) {
            let filter = Filter::Added {
                input: schema_of(extension, "/schema/input"),
                output: schema_of(extension, "/schema/output"),
                strict: STRICT.contains(&name.as_str()),
            };
            filters.insert(name.clone(), filter);
        }
        for (name, extension) in entries(listed.pointer("/globals/functions")) {
            let returns = schema_of(extension, "/schema/output");
            let function = builtins::function(name, 0, None, returns);
            globals.insert(name.clone(), function);
        }
        for (name, extension) in entries(listed.pointer("/globals/values")) {
            let ty = extension.get("value").map_or(Type::Any, Type::of_value);
            globals.insert(name.clone(), ty);
        }
    }

    /// Says which steps may be skipped, by their ids, and what decides about each: what its `if` looks at.
    pub fn set_conditional_steps(&mut self, steps: BTreeMap<String, BTreeSet<String>>) {
        self.conditional_steps = Arc::new(steps);
    }

    /// For what runs only if `condition` is true: the input of a step with that `if`.
    pub fn assume(&mut self, condition: &Template) {
        if let Some(condition) = condition.sole_expression() {
            super::check::assume(condition, &mut self.assumptions);
        }
    }

    /// The names of its variables.
    pub fn variables(&self) -> impl Iterator<Item = (&str, Option<&Type>)> {
        self.variables.iter().map(|(name, variable)| {
            let ty = match variable {
                Variable::Given(ty) => Some(ty),
                Variable::Withheld(_) => None,
            };
            (name.as_str(), ty)
        })
    }

    /// The names of its filters.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.filters.keys().map(String::as_str)
    }

    /// The names of its functions and values that are the same in every template.
    pub fn globals(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.globals.iter().map(|(name, ty)| (name.as_str(), ty))
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
