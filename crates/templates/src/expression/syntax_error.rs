use std::fmt;

use super::Span;

/// A text that the engine cannot parse. Backstage then hands on the text as it is written, with its `${{`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SyntaxError {
    /// What cannot be parsed.
    pub span: Span,
    /// Why.
    pub kind: SyntaxErrorKind,
}

/// Why a text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// `${{`, `{%` or `{#` without its end.
    Unclosed(&'static str),
    /// `#}` without a beginning.
    StrayCommentEnd,
    /// `${{ }}`.
    Empty,
    /// A character that means nothing in an expression, such as `!` or `&`.
    Character(char),
    /// A string without its closing quote.
    UnclosedString,
    /// `1a`, `.5`.
    Number,
    /// An `r/…/` literal that has no end, or a flag that is not one of `gimy`.
    RegularExpression(&'static str),
    /// Something else was expected.
    Expected {
        /// What the engine can read here.
        expected: &'static str,
        /// What is written, empty at the end of the expression.
        found: String,
    },
    /// `constructor`, `prototype` and `__proto__` cannot be used as names.
    ReservedName(String),
    /// `- -x`.
    RepeatedSign(char),
    /// A tag the engine does not have, such as `{% include %}`.
    UnknownTag {
        /// As written.
        name: String,
        /// One that is spelt much like it.
        suggestion: Option<String>,
    },
    /// `{% include %}`, `{% import %}`, `{% from %}`, `{% extends %}`.
    LoadingTag(String),
    /// `{% endif %}` and the like in a place where it closes nothing.
    StrayTag(String),
    /// `{% if %}` and the like without its closing tag, which is named.
    MissingTag(&'static str),
    /// A tag that is written wrongly.
    Tag(&'static str),
    /// Deeper than anybody writes: this checker gives up, Backstage may not.
    TooDeep,
}

impl SyntaxErrorKind {
    /// What to write instead, if that is plain.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            SyntaxErrorKind::Character('!') => Some("write `not x`, or `a != b`"),
            SyntaxErrorKind::Character('&') => Some("write `a and b`"),
            SyntaxErrorKind::Character('?') => Some("write `a if condition else b`, or `a or b`"),
            SyntaxErrorKind::Character('`') => Some("put strings in single or double quotes"),
            SyntaxErrorKind::Character('$') => {
                Some("write the name alone: names have no `$`, and expressions do not nest")
            }
            SyntaxErrorKind::Expected {
                expected: "the name of a filter",
                found,
            } if found == "|" => Some("write `a or b`"),
            SyntaxErrorKind::Number => Some("write `0.5` for `.5`, and put names in quotes"),
            SyntaxErrorKind::RepeatedSign(_) => Some("put the inner one in parentheses"),
            SyntaxErrorKind::StrayCommentEnd => {
                Some("write `${{ '#' }}}`, or put it into {% raw %} … {% endraw %}")
            }
            _ => None,
        }
    }
}

impl fmt::Display for SyntaxErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyntaxErrorKind::Unclosed(opening) => {
                let closing = match *opening {
                    "${{" => "}}",
                    "{%" => "%}",
                    _ => "#}",
                };
                write!(f, "`{opening}` is not closed by `{closing}`")
            }
            SyntaxErrorKind::StrayCommentEnd => f.write_str("`#}` closes no comment"),
            SyntaxErrorKind::Empty => f.write_str("the expression is empty"),
            SyntaxErrorKind::Character(character) => {
                write!(f, "`{character}` means nothing in an expression")
            }
            SyntaxErrorKind::UnclosedString => f.write_str("the string has no closing quote"),
            SyntaxErrorKind::Number => f.write_str("this is neither a number nor a name"),
            SyntaxErrorKind::RegularExpression(reason) => f.write_str(reason),
            SyntaxErrorKind::Expected { expected, found } if found.is_empty() => {
                write!(f, "the expression ends where {expected} is expected")
            }
            SyntaxErrorKind::Expected { expected, found } => {
                write!(f, "`{found}` stands where {expected} is expected")
            }
            SyntaxErrorKind::ReservedName(name) => write!(f, "the name `{name}` is reserved"),
            SyntaxErrorKind::RepeatedSign(sign) => write!(f, "a second `{sign}` cannot follow"),
            SyntaxErrorKind::UnknownTag { name, .. } if name.is_empty() => {
                f.write_str("the tag is empty")
            }
            SyntaxErrorKind::UnknownTag { name, .. } => write!(f, "there is no tag `{name}`"),
            SyntaxErrorKind::LoadingTag(name) => {
                write!(
                    f,
                    "the tag `{name}` is not supported: no other template can be loaded"
                )
            }
            SyntaxErrorKind::StrayTag(name) => write!(f, "the tag `{name}` belongs to no other"),
            SyntaxErrorKind::MissingTag(name) => write!(f, "the tag `{name}` is missing"),
            SyntaxErrorKind::Tag(reason) => f.write_str(reason),
            SyntaxErrorKind::TooDeep => f.write_str("nested too deeply to be checked"),
        }
    }
}
