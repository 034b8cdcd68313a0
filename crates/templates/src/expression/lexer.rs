//! Cuts an expression into names, literals and operators.

use super::{
    Span,
    syntax_error::{SyntaxError, SyntaxErrorKind},
};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Name(String),
    Number(f64),
    String(String),
    Regex { pattern: String, flags: String },
    Operator(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// Longer ones first, so that `===` is not read as `==` and `=`.
const OPERATORS: &[&str] = &[
    "===", "!==", "**", "//", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ".", ",", ":",
    "|", "~", "+", "-", "*", "/", "%", "<", ">", "=",
];

/// The longest pattern that the engine reads.
const LONGEST_PATTERN: usize = 16 * 1024;

/// A blank of the expression language.
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{a0}')
}

/// The end of the name at `start`; behind a dot, or where nothing else could begin with a digit, it may
/// begin with digits.
pub(super) fn identifier(text: &str, start: usize, leading_digits: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = start;
    if leading_digits {
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
    }
    if !bytes
        .get(end)
        .is_some_and(|byte| *byte == b'_' || byte.is_ascii_alphabetic())
    {
        return None;
    }
    while bytes
        .get(end)
        .is_some_and(|byte| *byte == b'_' || byte.is_ascii_alphanumeric())
    {
        end += 1;
    }
    Some(end)
}

pub(super) struct RegexLiteral {
    pub(super) pattern: String,
    pub(super) flags: String,
    pub(super) end: usize,
}

/// Reads `r/…/flags`. Whether the pattern is one is left to the engine: its regular expressions are
/// JavaScript's.
pub(super) fn regex_literal(text: &str, start: usize) -> Result<RegexLiteral, SyntaxError> {
    let fail = |reason| SyntaxError {
        span: Span::new(start, start + 2),
        kind: SyntaxErrorKind::RegularExpression(reason),
    };
    let mut pattern = String::new();
    let mut length = 0;
    let mut backslashes = 0_usize;
    for (place, character) in text[start + 2..].char_indices() {
        if character == '/' && backslashes == 0 {
            return regex_flags(text, start + 2 + place + 1, pattern, &fail);
        }
        if length >= LONGEST_PATTERN {
            return Err(fail("the regular expression is too long"));
        }
        if character == '/' && backslashes.is_multiple_of(2) {
            return Err(fail(
                "write `\\/` for a slash in a regular expression: a backslash before it is ambiguous",
            ));
        }
        backslashes = if character == '\\' {
            backslashes + 1
        } else {
            0
        };
        pattern.push(character);
        length += character.len_utf16();
    }
    Err(fail("the regular expression has no closing slash"))
}

fn regex_flags(
    text: &str,
    start: usize,
    pattern: String,
    fail: &dyn Fn(&'static str) -> SyntaxError,
) -> Result<RegexLiteral, SyntaxError> {
    let mut flags = String::new();
    for character in text[start..].chars() {
        match character {
            'g' | 'i' | 'm' | 'y' if flags.contains(character) => {
                return Err(fail("a flag of the regular expression is written twice"));
            }
            'g' | 'i' | 'm' | 'y' => flags.push(character),
            'a'..='z' | 'A'..='Z' => {
                return Err(fail("the flags of a regular expression are g, i, m and y"));
            }
            _ => break,
        }
    }
    let end = start + flags.len();
    Ok(RegexLiteral {
        pattern,
        flags,
        end,
    })
}

/// The tokens of the expression in `span` of `text`, with one `End` behind them.
pub(super) fn tokenize(text: &str, span: Span) -> Result<Vec<Token>, SyntaxError> {
    // Nothing behind the span may be read as part of it.
    let text = &text[..span.end];
    let mut tokens: Vec<Token> = Vec::new();
    let mut index = span.start;
    while let Some(character) = text[index..].chars().next() {
        if is_blank(character) {
            index += character.len_utf8();
            continue;
        }
        let token = next(
            text,
            index,
            character,
            tokens.last().map(|token| &token.kind),
        )?;
        index = token.span.end;
        tokens.push(token);
    }
    tokens.push(Token {
        kind: TokenKind::End,
        span: Span::new(span.end, span.end),
    });
    Ok(tokens)
}

fn next(
    text: &str,
    start: usize,
    character: char,
    previous: Option<&TokenKind>,
) -> Result<Token, SyntaxError> {
    let behind_dot = previous == Some(&TokenKind::Operator("."));
    if let Some(end) = identifier(text, start, behind_dot) {
        if &text[start..end] == "r" && text[end..].starts_with('/') {
            let literal = regex_literal(text, start)?;
            return Ok(Token {
                kind: TokenKind::Regex {
                    pattern: literal.pattern,
                    flags: literal.flags,
                },
                span: Span::new(start, literal.end),
            });
        }
        return Ok(Token {
            kind: TokenKind::Name(text[start..end].to_owned()),
            span: Span::new(start, end),
        });
    }
    let bad_number = |end| SyntaxError {
        span: Span::new(start, end),
        kind: SyntaxErrorKind::Number,
    };
    if character == '.'
        && text[start + 1..].starts_with(|next: char| next.is_ascii_digit())
        && !previous.is_some_and(ends_operand)
    {
        return Err(bad_number(start + 2));
    }
    if character.is_ascii_digit() {
        let end = number(text, start);
        if identifier(text, end, false).is_some() {
            return Err(bad_number(identifier(text, end, false).unwrap_or(end)));
        }
        // Digits with at most one dot always parse.
        let value = text[start..end].parse().map_err(|_| bad_number(end))?;
        return Ok(Token {
            kind: TokenKind::Number(value),
            span: Span::new(start, end),
        });
    }
    if matches!(character, '"' | '\'') {
        return string(text, start, character);
    }
    match OPERATORS
        .iter()
        .find(|operator| text[start..].starts_with(**operator))
    {
        Some(operator) => Ok(Token {
            kind: TokenKind::Operator(operator),
            span: Span::new(start, start + operator.len()),
        }),
        None => Err(SyntaxError {
            span: Span::new(start, start + character.len_utf8()),
            kind: SyntaxErrorKind::Character(character),
        }),
    }
}

fn ends_operand(kind: &TokenKind) -> bool {
    match kind {
        TokenKind::Name(_)
        | TokenKind::Number(_)
        | TokenKind::String(_)
        | TokenKind::Regex { .. } => true,
        TokenKind::Operator(operator) => matches!(*operator, ")" | "]" | "}"),
        TokenKind::End => false,
    }
}

fn number(text: &str, start: usize) -> usize {
    let digits = |from: usize| {
        text.as_bytes()[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let end = start + digits(start);
    if text[end..].starts_with('.') {
        end + 1 + digits(end + 1)
    } else {
        end
    }
}

fn string(text: &str, start: usize, quote: char) -> Result<Token, SyntaxError> {
    let mut value = String::new();
    let mut characters = text[start + 1..].char_indices();
    while let Some((place, character)) = characters.next() {
        if character == quote {
            return Ok(Token {
                kind: TokenKind::String(value),
                span: Span::new(start, start + 1 + place + 1),
            });
        }
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some((_, 'n')) => value.push('\n'),
            Some((_, 'r')) => value.push('\r'),
            Some((_, 't')) => value.push('\t'),
            Some((_, escaped)) => value.push(escaped),
            None => break,
        }
    }
    Err(SyntaxError {
        span: Span::new(start, text.len()),
        kind: SyntaxErrorKind::UnclosedString,
    })
}
