//! What could be typed where a cursor is.

use std::ops::Range;

use super::spot::{Spot, Within, spots};
use super::{action_of, type_at, within_input};
use crate::context::{Context, FILTERS, FUNCTIONS, VALUES};
use crate::expression::{self, Candidate, completion_at};
use crate::model::Analysis;
use crate::template::known_keys;
use crate::types::{Literal, Presence, Type};
use crate::yaml::{self, Options, Style};

/// Something that could be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Its name.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What is replaced: bytes of the file.
    pub span: Range<usize>,
    /// By what.
    pub text: String,
    /// Of what type it is, or where it comes from.
    pub detail: String,
    /// What is known of it, in Markdown.
    pub documentation: Option<String>,
    /// Whether it should not be used any more.
    pub deprecated: bool,
    /// Whether it has to be there.
    pub required: bool,
}

/// What kind of thing could be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// An action.
    Action,
    /// A key of an object.
    Key,
    /// A value that a schema lists.
    Value,
    /// A variable of an expression.
    Variable,
    /// A property of a variable.
    Property,
    /// A function or a method.
    Function,
    /// A filter.
    Filter,
    /// A test.
    Test,
}

/// What could be typed at `offset`.
pub fn completions(source: &str, offset: usize, context: &Context) -> Vec<Completion> {
    let options = Options {
        merge: context.yaml_merge,
    };
    spots(source, offset, options)
        .map(|spot| Place::of(spot, source, offset, context).completions())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// A cursor in a template.
struct Place<'a> {
    analysis: Analysis<'a>,
    pointer: String,
    before: String,
    within: Within,
    source: &'a str,
    offset: usize,
    /// The whole key or value that the cursor is in, if it is written as it is read.
    span: Range<usize>,
}

impl<'a> Place<'a> {
    fn of(spot: Spot, source: &'a str, offset: usize, context: &'a Context) -> Self {
        // What goes over several lines is not replaced as a whole.
        let is_line = !spot.before.contains('\n') && !spot.after.contains('\n');
        let before = source[..offset].strip_suffix(&spot.before);
        let after = source[offset..].strip_prefix(&spot.after);
        let (before, after) = (before.filter(|_| is_line), after.filter(|_| is_line));
        let start = before.map_or(offset, str::len);
        let end = after.map_or(offset, |after| source.len() - after.len());
        Self {
            analysis: Analysis::of(spot.template, context),
            pointer: spot.pointer,
            before: spot.before,
            within: spot.within,
            source,
            offset,
            span: start..end,
        }
    }

    fn completions(&self) -> Vec<Completion> {
        match self.within {
            Within::Key => self.keys(),
            Within::Text(style) => match completion_at(&self.before, self.before.len()) {
                Some(typed) => self.in_expression(&typed, style),
                None if self.before.contains("${{") => Vec::new(),
                None => self.values(style),
            },
        }
    }

    fn completion(&self, kind: CompletionKind, label: &str) -> Completion {
        Completion {
            label: label.to_owned(),
            kind,
            span: self.span.clone(),
            text: label.to_owned(),
            detail: String::new(),
            documentation: None,
            deprecated: false,
            required: false,
        }
    }

    /// The type that a step's action wants at the pointer.
    fn wanted(&self) -> Option<Type> {
        let (step, path) = within_input(&self.pointer)?;
        let action = self.analysis.actions.get(step)?.as_ref()?;
        type_at(&Type::from_json_schema(action.input()?), &path)
    }

    /// The keys that are not there yet.
    fn keys(&self) -> Vec<Completion> {
        let rest = self.source[self.span.end..].trim_start_matches(' ');
        let has_colon = rest.starts_with(':');
        let root = &self.analysis.template.root;
        let object = root.at(&self.pointer).map(|found| found.node);
        let is_free = |name: &str| object.and_then(|object| object.entry(name)).is_none();
        let key = |name: &str, colon: &str| Completion {
            text: if has_colon {
                name.to_owned()
            } else {
                format!("{name}{colon}")
            },
            ..self.completion(CompletionKind::Key, name)
        };
        let known = known_keys(&self.pointer).iter();
        let known = known
            .filter(|name| is_free(name))
            .map(|name| key(name, ": "));
        let wanted = self.wanted();
        let inputs = wanted
            .as_ref()
            .and_then(Type::as_object)
            .into_iter()
            .flat_map(|object| &object.properties)
            .filter(|(name, _)| is_free(name))
            .map(|(name, property)| {
                let scalar = !property
                    .ty
                    .members()
                    .iter()
                    .any(|ty| matches!(ty, Type::Object(_) | Type::Array(_)));
                Completion {
                    detail: property.ty.to_string(),
                    documentation: property.description.as_deref().map(str::to_owned),
                    deprecated: property.deprecated,
                    required: property.presence == Presence::Always,
                    ..key(name, if scalar { ": " } else { ":" })
                }
            });
        known.chain(inputs).collect()
    }

    /// The values that are allowed, where they can be listed.
    fn values(&self, style: Style) -> Vec<Completion> {
        if action_of(&self.pointer).is_some() {
            let actions = self.analysis.context.actions.iter();
            return actions
                .map(|action| Completion {
                    detail: action.source.to_string(),
                    documentation: action.description.clone(),
                    deprecated: action.deprecated().is_some(),
                    ..self.completion(CompletionKind::Action, &action.id)
                })
                .collect();
        }
        let wanted = self.wanted().unwrap_or(Type::Any);
        let words = wanted.members().iter().flat_map(|member| match member {
            Type::Boolean => vec!["true".to_owned(), "false".to_owned()],
            Type::Literal(Literal::String(text)) => vec![as_yaml(text, style)],
            Type::Literal(literal) => vec![literal.to_string()],
            _ => Vec::new(),
        });
        words
            .map(|word| self.completion(CompletionKind::Value, &word))
            .collect()
    }

    fn in_expression(&self, typed: &expression::Completion, style: Style) -> Vec<Completion> {
        use expression::CompletionKind as Fits;
        let partial = typed.partial.of(&self.before);
        let Some(env) = self.analysis.env(&self.pointer) else {
            return Vec::new();
        };
        // Names have no escapes: they are written as they are read.
        let start = self.offset - partial.len();
        let after_dot =
            matches!(typed.kind, Fits::Property(_)) && self.source[..start].ends_with('.');
        let quote = match style {
            Style::SingleQuoted => '"',
            _ if self.before.starts_with('\'') => '"',
            _ => '\'',
        };
        let complete = |candidate: Candidate| {
            let name = &candidate.name;
            let (span, text) = if candidate.is_name() {
                (start..self.offset, name.clone())
            } else if after_dot {
                (start - 1..self.offset, format!("[{quote}{name}{quote}]"))
            } else {
                return None;
            };
            let is_function = candidate.ty.as_ref().is_some_and(Type::is_function);
            let (kind, list) = match typed.kind {
                Fits::Property(_) if is_function => (CompletionKind::Function, ""),
                Fits::Property(_) => (CompletionKind::Property, ""),
                Fits::Variable if is_function => (CompletionKind::Function, FUNCTIONS),
                Fits::Variable => (CompletionKind::Variable, VALUES),
                Fits::Filter => (CompletionKind::Filter, FILTERS),
                Fits::Test => (CompletionKind::Test, ""),
            };
            let documentation = candidate.description.as_deref();
            let extension = self.analysis.context.extension(list, name);
            let documentation = documentation.or_else(|| extension?.get("description")?.as_str());
            Some(Completion {
                span,
                text,
                detail: candidate
                    .ty
                    .as_ref()
                    .map(Type::to_string)
                    .unwrap_or_default(),
                documentation: documentation.map(str::to_owned),
                deprecated: candidate.deprecated,
                ..self.completion(kind, name)
            })
        };
        typed
            .kind
            .candidates(&env)
            .into_iter()
            .filter_map(complete)
            .collect()
    }
}

/// A text as it is written in YAML: in quotes if it would be something else without.
fn as_yaml(text: &str, style: Style) -> String {
    if style != Style::Plain {
        return text.to_owned();
    }
    let stream = yaml::read(text, Options::default());
    let read = stream
        .documents
        .first()
        .and_then(|document| document.root.as_str());
    if read == Some(text) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}
