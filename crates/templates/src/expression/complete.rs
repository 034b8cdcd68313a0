//! What is being typed: for an editor, on text that need not parse.

use std::sync::Arc;

use super::{
    Env, Span, builtins,
    check::follow,
    lexer::{Token, TokenKind, identifier, tokenize},
};
use crate::types::{Presence, Type};

/// What could be completed at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is typed so far, to be replaced.
    pub partial: Span,
    /// What fits.
    pub kind: CompletionKind,
}

/// What fits at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A variable or a function.
    Variable,
    /// A property of what these names lead to.
    Property(Vec<String>),
    /// A filter.
    Filter,
    /// A test.
    Test,
}

/// Something that fits at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Of what type it is; none of a filter and a test.
    pub ty: Option<Type>,
    /// What its schema says about it.
    pub description: Option<Arc<str>>,
    /// Whether its schema calls it deprecated.
    pub deprecated: bool,
}

impl Candidate {
    fn new(name: &str, ty: Option<Type>) -> Self {
        Self {
            name: name.to_owned(),
            ty,
            description: None,
            deprecated: false,
        }
    }

    /// Whether it can stand behind a dot. What cannot has to be looked up in brackets.
    pub fn is_name(&self) -> bool {
        identifier(&self.name, 0, true) == Some(self.name.len())
    }
}

impl CompletionKind {
    /// What fits in these surroundings, by name.
    pub fn candidates(&self, env: &Env) -> Vec<Candidate> {
        match self {
            Self::Variable => {
                let variables = env.variables().filter_map(|(name, ty)| Some((name, ty?)));
                variables
                    .chain(env.globals())
                    .map(|(name, ty)| Candidate::new(name, Some(ty.clone())))
                    .collect()
            }
            Self::Property(path) => properties(&follow(env, path)),
            Self::Filter => env
                .filters()
                .map(|name| Candidate::new(name, None))
                .collect(),
            Self::Test => builtins::TESTS
                .iter()
                .map(|(name, ..)| Candidate::new(name, None))
                .collect(),
        }
    }
}

/// The properties that are there, or may be, and the methods.
fn properties(ty: &Type) -> Vec<Candidate> {
    let object = ty.as_object();
    let properties = object
        .into_iter()
        .flat_map(|object| &object.properties)
        .filter(|(_, property)| !matches!(property.presence, Presence::Never(_)))
        .map(|(name, property)| Candidate {
            description: property.description.clone(),
            deprecated: property.deprecated,
            ..Candidate::new(name, Some(property.ty.clone()))
        });
    let members = ty.members().iter().flat_map(|member| {
        builtins::member_names(member)
            .map(|name| Candidate::new(name, builtins::member(member, name)))
    });
    properties.chain(members).collect()
}

/// What could be completed at `offset` of a text, if that is within an expression.
pub fn completion_at(text: &str, offset: usize) -> Option<Completion> {
    let before = text.get(..offset)?;
    let start = ["${{", "{%"]
        .into_iter()
        .filter_map(|mark| before.rfind(mark).map(|place| place + mark.len()))
        .max()?;
    let closed = before[start..].contains("}}") || before[start..].contains("%}");
    if closed {
        return None;
    }
    let mut tokens = tokenize(before, Span::new(start, offset)).ok()?;
    tokens.pop();
    let partial = match tokens.last() {
        Some(Token {
            kind: TokenKind::Name(_),
            span,
        }) if span.end == offset => {
            let span = *span;
            tokens.pop();
            span
        }
        _ => Span::new(offset, offset),
    };
    let kind = match tokens.pop().map(|token| token.kind) {
        Some(TokenKind::Operator(".")) => CompletionKind::Property(path(&mut tokens)?),
        Some(TokenKind::Operator("|")) => CompletionKind::Filter,
        Some(TokenKind::Name(word)) if word == "is" => CompletionKind::Test,
        Some(TokenKind::Name(word)) if word == "not" && ends_with_is(&tokens) => {
            CompletionKind::Test
        }
        Some(TokenKind::Name(word)) if !is_operator(&word) => return None,
        Some(TokenKind::Number(_) | TokenKind::String(_) | TokenKind::Regex { .. }) => return None,
        Some(TokenKind::Operator(")" | "]" | "}")) => return None,
        _ => CompletionKind::Variable,
    };
    Some(Completion { partial, kind })
}

fn ends_with_is(tokens: &[Token]) -> bool {
    matches!(tokens.last().map(|token| &token.kind), Some(TokenKind::Name(word)) if word == "is")
}

fn is_operator(word: &str) -> bool {
    matches!(
        word,
        "and" | "or" | "not" | "in" | "if" | "else" | "elif" | "elseif"
    )
}

/// The names that lead to what stands before the last dot.
fn path(tokens: &mut Vec<Token>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    loop {
        match tokens.pop()?.kind {
            TokenKind::Name(name) => names.push(name),
            TokenKind::Operator("]") => {
                let (key, open) = (tokens.pop()?.kind, tokens.pop()?.kind);
                let (key, TokenKind::Operator("[")) = (key, open) else {
                    return None;
                };
                match key {
                    TokenKind::String(name) => names.push(name),
                    // An item of a list: its number does not matter.
                    TokenKind::Number(_) => names.push("0".to_owned()),
                    _ => return None,
                }
                // What the brackets follow is itself part of the path.
                if matches!(
                    tokens.last().map(|token| &token.kind),
                    Some(TokenKind::Name(_) | TokenKind::Operator("]"))
                ) {
                    continue;
                }
                return None;
            }
            _ => return None,
        }
        match tokens.last().map(|token| &token.kind) {
            Some(TokenKind::Operator(".")) => {
                tokens.pop();
            }
            _ => {
                names.reverse();
                return Some(names);
            }
        }
    }
}
