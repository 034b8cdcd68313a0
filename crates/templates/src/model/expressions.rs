//! Every text with an expression in it, with its types.

use std::ops::Range;
use std::sync::Arc;

use crate::actions::Action;
use crate::context::Context;
use crate::expression::{self, Checked, Env, Span, SyntaxError};
use crate::template::{Step, Template, is_placeholder};
use crate::types::Type;
use crate::yaml::{Node, Text, Value, child};

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
        let sole = expressions
            .get(before)
            .filter(|expression| expression.pointer == at("each"));
        item = match sole {
            Some(expression) => item_of(expression.ty()),
            None if expressions.len() == before => item_of(&Type::of_value(&each.to_json())),
            None => Type::Any,
        };
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
