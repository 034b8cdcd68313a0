//! What stands where a cursor is.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value as Json;

use super::{action_of, property_at, within_input};
use crate::actions::Action;
use crate::context::{Context, FILTERS, FUNCTIONS, VALUES};
use crate::expression::{self, Expr, ExprKind, Span, Types};
use crate::model::{Analysis, Expression};
use crate::template::Template;
use crate::types::{Presence, Property, Type};
use crate::yaml::{self, Node, Options, child};

/// What an editor shows about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The place: bytes of the file.
    pub span: Range<usize>,
    /// What is known of it, in Markdown.
    pub markdown: String,
}

/// What is known of what stands at `offset`.
pub fn hover(source: &str, offset: usize, context: &Context) -> Option<Hover> {
    let options = Options {
        merge: context.yaml_merge,
    };
    let stream = yaml::read(source, options);
    let mut templates = stream.documents.iter().filter_map(Template::of);
    templates.find_map(|template| {
        let places = places(&template.root, offset);
        if places.is_empty() {
            return None;
        }
        let analysis = Analysis::of(template, context);
        places
            .iter()
            .find_map(|place| known_of(&analysis, place, offset))
    })
}

/// A key or a text that is at an offset.
struct Place {
    /// Where in the entity the value is.
    pointer: String,
    span: Range<usize>,
    is_key: bool,
}

/// The keys and texts at an offset: of what several aliases share, there are several.
fn places(root: &Node, offset: usize) -> Vec<Place> {
    let touches = |span: &Range<usize>| (span.start..=span.end).contains(&offset);
    let mut places = Vec::new();
    root.walk("", &mut |pointer, node| {
        let keys = node
            .entries()
            .iter()
            .filter(|entry| touches(&entry.key.span));
        places.extend(keys.map(|entry| Place {
            pointer: child(pointer, &entry.key.name),
            span: entry.key.span.clone(),
            is_key: true,
        }));
        if node.as_text().is_some() && touches(&node.span) {
            places.push(Place {
                pointer: pointer.to_owned(),
                span: node.span.clone(),
                is_key: false,
            });
        }
    });
    places
}

fn known_of(analysis: &Analysis<'_>, place: &Place, offset: usize) -> Option<Hover> {
    if let Some(step) = action_of(&place.pointer) {
        return Some(Hover {
            span: place.span.clone(),
            markdown: describe_action(analysis.actions.get(step)?.as_ref()?),
        });
    }
    if !place.is_key {
        return in_expression(analysis, analysis.expression(&place.pointer)?, offset);
    }
    let (step, path) = within_input(&place.pointer)?;
    let action = analysis.actions.get(step)?.as_ref()?;
    let property = property_at(&Type::from_json_schema(action.input()?), &path)?;
    let required = property.presence == Presence::Always;
    let mut markdown = typed(path.last()?, &property.ty, required);
    describe(&mut markdown, property.description.as_deref());
    Some(Hover {
        span: place.span.clone(),
        markdown,
    })
}

/// A name with its type.
fn typed(name: &str, ty: &Type, required: bool) -> String {
    let required = if required { ", required" } else { "" };
    format!("`{name}`: {ty}{required}")
}

fn describe(markdown: &mut String, description: Option<&str>) {
    if let Some(description) = description {
        let _ = write!(markdown, "\n\n{}", description.trim());
    }
}

fn describe_action(action: &Action) -> String {
    let mut markdown = format!("**{}** ({})", action.id, action.source);
    describe(&mut markdown, action.description.as_deref());
    let input = action.input().map(Type::from_json_schema);
    list(&mut markdown, "Inputs", input.as_ref(), |property| {
        property.presence == Presence::Always
    });
    list(&mut markdown, "Outputs", action.output_type(), |_| false);
    markdown
}

/// The properties of a record, those that are required first.
fn list(
    markdown: &mut String,
    title: &str,
    ty: Option<&Type>,
    is_required: impl Fn(&Property) -> bool,
) {
    let object = ty.and_then(Type::as_object);
    let properties = object.into_iter().flat_map(|object| &object.properties);
    let (first, then): (Vec<_>, Vec<_>) =
        properties.partition(|(_, property)| is_required(property));
    if first.is_empty() && then.is_empty() {
        return;
    }
    let _ = write!(markdown, "\n\n{title}:\n");
    for (name, property) in first.into_iter().chain(then) {
        let line = typed(name, &property.ty, is_required(property));
        let _ = write!(markdown, "\n- {line}");
        if let Some(description) = &property.description {
            let words: Vec<&str> = description.split_whitespace().collect();
            let _ = write!(markdown, ". {}", words.join(" "));
        }
    }
}

/// What a name in an expression stands for, with the part of the text that it is.
enum Named<'e> {
    Variable(&'e str),
    Property { of: Span, name: &'e str },
    Filter(&'e str),
}

fn in_expression(analysis: &Analysis<'_>, expression: &Expression, offset: usize) -> Option<Hover> {
    let parsed = expression.parsed.as_ref().ok()?;
    let at = expression.text.text_offset(offset)?;
    let mut found = None;
    parsed.template.visit(&mut |expr| {
        if let Some((span, named)) = named(expr).filter(|(span, _)| span.touches(at)) {
            found = Some((span, expr, named));
        }
    });
    let (span, expr, named) = found?;
    let types = expression::types(&parsed.template, &analysis.env(&expression.pointer)?);
    let ty = types.of(expr.span)?;
    Some(Hover {
        span: expression.source_range(span),
        markdown: describe_named(analysis, &types, expr, &named, ty),
    })
}

/// The name that an expression ends with.
fn named(expr: &Expr) -> Option<(Span, Named<'_>)> {
    match &expr.kind {
        ExprKind::Name(name) => Some((expr.span, Named::Variable(name))),
        ExprKind::Member { target, name } => Some((
            name.span,
            Named::Property {
                of: target.span,
                name: &name.text,
            },
        )),
        ExprKind::Index { target, index } => match &index.kind {
            ExprKind::String(name) => Some((
                index.span,
                Named::Property {
                    of: target.span,
                    name,
                },
            )),
            _ => None,
        },
        ExprKind::Filter { name, .. } => Some((name.span, Named::Filter(&name.text))),
        _ => None,
    }
}

fn describe_named(
    analysis: &Analysis<'_>,
    types: &Types,
    expr: &Expr,
    named: &Named<'_>,
    ty: &Type,
) -> String {
    let context = analysis.context;
    let (mut markdown, extension) = match *named {
        Named::Variable(name) => {
            let lists = [FUNCTIONS, VALUES].iter();
            let mut extensions = lists.filter_map(|list| context.extension(list, name));
            (typed(name, ty, false), extensions.next())
        }
        Named::Filter(name) => (
            typed(&format!("| {name}"), ty, false),
            context.extension(FILTERS, name),
        ),
        Named::Property { of, name } => {
            let object = types.of(of).and_then(Type::as_object);
            let property = object.and_then(|object| object.properties.get(name));
            let mut markdown = typed(&expr.to_string(), ty, false);
            let description = property.and_then(|property| property.description.as_deref());
            describe(&mut markdown, description);
            (markdown, None)
        }
    };
    if let Some(extension) = extension {
        describe_extension(&mut markdown, extension);
    }
    markdown
}

/// What Backstage says of a filter or a global, with its first example.
fn describe_extension(markdown: &mut String, extension: &Json) {
    let text = |pointer: &str| extension.pointer(pointer).and_then(Json::as_str);
    describe(markdown, text("/description"));
    if let Some(example) = text("/examples/0/example") {
        let _ = write!(markdown, "\n\n```yaml\n{}\n```", example.trim());
    }
    describe(markdown, text("/examples/0/notes"));
}
