//! What a file means: its templates, the type of every expression in them, and how each step's input fits the
//! action. The rules, hover and completion all ask this one model.

mod conform;
mod environment;
mod expressions;
mod form;

use std::collections::HashMap;
use std::sync::Arc;

use crate::actions::Action;
use crate::context::Context;
use crate::expression::Env;
use crate::template::{Step, Template};
use crate::types::Type;
use crate::yaml::{self, LineIndex, Stream};

pub use conform::{Mismatch, MismatchKind, Missing};
pub(crate) use conform::{check_literal as conform_literal, describe, one_of};
pub use expressions::{Expression, Parsed, Place};
pub(crate) use form::same_object;
pub use form::{Field, Form};

/// A file.
pub struct Model<'a> {
    /// Its text.
    pub source: &'a str,
    /// Where its lines start.
    pub lines: LineIndex,
    /// What YAML it is.
    pub stream: Stream,
    /// What is known besides.
    pub context: &'a Context,
    /// The templates in it. A document with a problem is not among them: Backstage does not take it either.
    pub templates: Vec<Analysis<'a>>,
}

impl<'a> Model<'a> {
    /// Reads a file and works out what it means.
    pub fn of(source: &'a str, context: &'a Context) -> Self {
        let stream = yaml::read(
            source,
            yaml::Options {
                merge: context.yaml_merge,
            },
        );
        let templates = stream
            .documents
            .iter()
            .filter(|document| document.problems.is_empty())
            .filter_map(Template::of)
            .map(|template| Analysis::of(template, context))
            .collect();
        Self {
            source,
            lines: LineIndex::new(source),
            stream,
            context,
            templates,
        }
    }
}

/// A template with the types of what is in it.
pub struct Analysis<'a> {
    /// The template.
    pub template: Template,
    /// What is known besides.
    pub context: &'a Context,
    /// The form.
    pub form: Form,
    /// Every text with an expression in it, in the order of the file.
    pub expressions: Vec<Expression>,
    /// What is known of each step's action, by the step's index.
    pub actions: Vec<Option<Arc<Action>>>,
    /// How each step's input does not fit its action, by the step's index.
    pub mismatches: Vec<Vec<Mismatch>>,
    by_pointer: HashMap<String, usize>,
}

impl<'a> Analysis<'a> {
    /// Works out the types of a template.
    pub fn of(template: Template, context: &'a Context) -> Self {
        let form = Form::of(&template);
        let actions: Vec<_> = template
            .steps
            .iter()
            .map(|step| context.actions.get(&step.action.as_ref()?.name).cloned())
            .collect();
        let expressions = expressions::all(&template, &form, &actions, context);
        let by_pointer = expressions
            .iter()
            .enumerate()
            .map(|(index, expression)| (expression.pointer.clone(), index))
            .collect();
        let mut analysis = Self {
            template,
            context,
            form,
            expressions,
            actions,
            mismatches: Vec::new(),
            by_pointer,
        };
        analysis.mismatches = analysis
            .template
            .steps
            .iter()
            .zip(&analysis.actions)
            .map(|(step, action)| analysis.input_mismatches(step, action.as_deref()))
            .collect();
        analysis
    }

    /// The expression at a JSON pointer.
    pub fn expression(&self, pointer: &str) -> Option<&Expression> {
        self.by_pointer
            .get(pointer)
            .map(|index| &self.expressions[*index])
    }

    /// What an expression at a JSON pointer can use; none where Backstage evaluates no expressions.
    pub fn env(&self, pointer: &str) -> Option<Env> {
        expressions::env_at(self, pointer)
    }

    /// The steps with what is known of their actions.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, Option<&Action>, &[Mismatch])> {
        let known = self.actions.iter().zip(&self.mismatches);
        self.template
            .steps
            .iter()
            .zip(known)
            .map(|(step, (action, mismatches))| (step, action.as_deref(), mismatches.as_slice()))
    }

    fn input_mismatches(&self, step: &Step, action: Option<&Action>) -> Vec<Mismatch> {
        let Some(schema) = action.and_then(Action::input) else {
            return Vec::new();
        };
        let typed = |pointer: &str| -> Option<&Type> {
            self.expression(pointer).map(|expression| expression.ty())
        };
        let pointer = format!("{}/input", step.pointer);
        match step.get("input") {
            Some(input) if input.is_mapping() => conform::check(input, schema, &pointer, &typed),
            // That it is no object is said of the template.
            Some(_) => Vec::new(),
            // Without an input the action is given an empty one.
            None => conform::check_absent(step, schema, &pointer),
        }
    }
}
