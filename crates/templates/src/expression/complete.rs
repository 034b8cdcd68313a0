//! What is being typed: for an editor, on text that need not parse.

use super::{
    Span,
    lexer::{Token, TokenKind, tokenize},
};

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
