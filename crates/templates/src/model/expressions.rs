//! Every text with an expression in it, with its types.

use std::ops::Range;
use std::sync::Arc;

use crate::actions::Action;
use crate::context::Context;
use crate::expression::{self, Checked, Env, Span, SyntaxError};
use crate::template::{Step, Template, is_placeholder};
use crate::types::Type;
use crate::yaml::{Node, Text, Value, child};

use super::Analysis;
use super::environment::Environments;
use super::form::Form;

/// A text with an expression in it.
#[derive(Clone, Debug)]
pub struct Expression {
    /// What it is for.
    pub place: Place,
    /// Where it is in the entity.
    pub pointer: String,
    /// Where it is in the file, with its quotes.
    pub span: Range<usize>,
    /// The text.
    pub text: Arc<Text>,
    /// What it says, with its types; or why it says nothing.
    pub parsed: Result<Parsed, SyntaxError>,
}

/// An expression that could be read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What it says.
    pub template: expression::Template,
    /// Of what type it is.
    pub checked: Checked,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the input of a step.
    Input(usize),
    /// In the condition of a step.
    If(usize),
    /// In what a step is repeated for.
    Each(usize),
    /// In the output of the template.
    Output,
    /// In the condition of a page of the form.
    When,
}

impl Expression {
    /// The type of its value. What cannot be read is of any type: that it cannot be read is said elsewhere.
    pub fn ty(&self) -> &Type {
        self.parsed
            .as_ref()
            .map_or(&Type::Any, |parsed| &parsed.checked.ty)
    }

    /// Where in the file a part of the text is.
    pub fn source_range(&self, span: Span) -> Range<usize> {
        self.text.source_range(span.start..span.end)
    }
}

/// Finds and types all expressions of a template.
pub(super) fn all(
    template: &Template,
    form: &Form,
    actions: &[Option<Arc<Action>>],
    context: &Context,
) -> Vec<Expression> {
    let environments = Environments::of(template, form, actions, context);
    let mut expressions = Vec::new();
    for page in &template.pages {
        if let Some(when) = page.schema.get("when") {
            let pointer = format!("{}/when", page.pointer);
            collect(
                when,
                &pointer,
                Place::When,
                &environments.page(),
                &mut expressions,
            );
        }
    }
    for (index, step) in template.steps.iter().enumerate() {
        step_expressions(index, step, &environments, &mut expressions);
    }
    if let Some(output) = template.spec("output") {
        output_expressions(output, &environments, &mut expressions);
    }
    expressions
}

/// What an expression at a JSON pointer can use; none where Backstage evaluates no expressions.
pub(super) fn env_at(analysis: &Analysis<'_>, pointer: &str) -> Option<Env> {
    let template = &analysis.template;
    let environments = Environments::of(
        template,
        &analysis.form,
        &analysis.actions,
        analysis.context,
    );
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let step = |index: &str| -> Option<(usize, &Step)> {
        let index = index.parse().ok()?;
        Some((index, template.steps.get(index)?))
    };
    match parts.as_slice() {
        ["spec", "parameters", .., "when"] => Some(environments.page()),
        ["spec", "steps", index, "if"] => Some(environments.condition(step(index)?.0)),
        ["spec", "steps", index, "each", ..] => Some(environments.each(step(index)?.0)),
        ["spec", "steps", index, "input", ..] => {
            let (index, step) = step(index)?;
            let each = step
                .get("each")
                .map(|each| item_type(each, step, &analysis.expressions));
            Some(environments.input(index, each.unwrap_or(Type::Any)))
        }
        ["spec", "output", "links" | "text", _, "if", ..] => Some(environments.output(None)),
        ["spec", "output", list @ ("links" | "text"), index, ..] => {
            let item = template.spec("output")?.get(list)?.items();
            let item = item.get(index.parse::<usize>().ok()?)?;
            Some(environments.output(item.get("if")))
        }
        ["spec", "output", ..] => Some(environments.output(None)),
        _ => None,
    }
}

/// The output: links and texts each have a condition of their own.
fn output_expressions(
    output: &Node,
    environments: &Environments<'_>,
    expressions: &mut Vec<Expression>,
) {
    let plain = environments.output(None);
    for entry in output.entries() {
        let at = child("/spec/output", &entry.key.name);
        if !matches!(entry.key.name.as_str(), "links" | "text") || entry.value.items().is_empty() {
            collect(&entry.value, &at, Place::Output, &plain, expressions);
            continue;
        }
        for (index, item) in entry.value.items().iter().enumerate() {
            let at = format!("{at}/{index}");
            let Some(condition) = item.get("if") else {
                collect(item, &at, Place::Output, &plain, expressions);
                continue;
            };
            let conditional = environments.output(Some(condition));
            for part in item.entries() {
                let env = if part.key.name == "if" {
                    &plain
                } else {
                    &conditional
                };
                collect(
                    &part.value,
                    &child(&at, &part.key.name),
                    Place::Output,
                    env,
                    expressions,
                );
            }
        }
    }
}

fn step_expressions(
    index: usize,
    step: &Step,
    environments: &Environments<'_>,
    expressions: &mut Vec<Expression>,
) {
    let at = |key: &str| format!("{}/{key}", step.pointer);
    if let Some(condition) = step.get("if") {
        collect(
            condition,
            &at("if"),
            Place::If(index),
            &environments.condition(index),
            expressions,
        );
    }
    let mut item = Type::Any;
    if let Some(each) = step.get("each") {
        let before = expressions.len();
        collect(
            each,
            &at("each"),
            Place::Each(index),
            &environments.each(index),
            expressions,
        );
        item = item_type(each, step, &expressions[before..]);
    }
    if let Some(input) = step.get("input") {
        collect(
            input,
            &at("input"),
            Place::Input(index),
            &environments.input(index, item),
            expressions,
        );
    }
}

/// The type of the items that the `each` of a step goes through. Its expressions are among `expressions`.
fn item_type(each: &Node, step: &Step, expressions: &[Expression]) -> Type {
    let at = format!("{}/each", step.pointer);
    let mut within = expressions
        .iter()
        .filter(|expression| expression.pointer.starts_with(&at))
        .peekable();
    match within.peek() {
        None => item_of(&Type::of_value(&each.to_json())),
        Some(expression) if expression.pointer == at => item_of(expression.ty()),
        Some(_) => Type::Any,
    }
}

/// The type of the items that `each` goes through: those of a list, or the values of a record.
fn item_of(ty: &Type) -> Type {
    let items = ty
        .defined()
        .members()
        .iter()
        .map(|member| match member {
            Type::Array(item) => (**item).clone(),
            Type::Object(object) if matches!(object.rest, crate::types::Rest::Closed) => {
                Type::union(
                    object
                        .properties
                        .values()
                        .map(|property| property.ty.clone()),
                )
            }
            _ => Type::Any,
        })
        .collect::<Vec<_>>();
    Type::union(items)
}

fn collect(node: &Node, pointer: &str, place: Place, env: &Env, expressions: &mut Vec<Expression>) {
    if is_placeholder(node) {
        return;
    }
    node.walk(pointer, &mut |pointer, node| {
        let Value::String(text) = &node.value else {
            return;
        };
        if !may_be_expression(&text.value) {
            return;
        }
        let parsed = match expression::parse(&text.value) {
            Ok(template) if template.is_plain() => return,
            Ok(template) => {
                let checked = expression::check(&template, env);
                Ok(Parsed { template, checked })
            }
            Err(error) => Err(error),
        };
        expressions.push(Expression {
            place,
            pointer: pointer.to_owned(),
            span: node.span.clone(),
            text: text.clone(),
            parsed,
        });
    });
}

/// Whether a text is worth parsing: one without any of these is passed on as it is.
fn may_be_expression(text: &str) -> bool {
    ["${{", "{%", "{#"]
        .iter()
        .any(|opening| text.contains(opening))
}
