//! Cuts a text into what is passed on, `${{ }}` and `{% %}`, exactly where the engine does.

use super::{
    Span,
    lexer::{identifier, is_blank, regex_literal},
    syntax_error::{SyntaxError, SyntaxErrorKind},
};

/// A piece of a text.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// The expression between `${{` and `}}`, and all of it.
    Output {
        content: Span,
        whole: Span,
    },
    /// What stands between `{%` and `%}`, without the blanks at its ends, and all of it.
    Tag {
        content: Span,
        whole: Span,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Output,
    Tag,
    Comment,
}

impl Opening {
    const ALL: [Opening; 3] = [Opening::Output, Opening::Tag, Opening::Comment];

    const fn marks(self) -> (&'static str, &'static str) {
        match self {
            Opening::Output => ("${{", "}}"),
            Opening::Tag => ("{%", "%}"),
            Opening::Comment => ("{#", "#}"),
        }
    }
}

pub(super) fn scan(text: &str) -> Result<Vec<Piece>, SyntaxError> {
    Scanner {
        text,
        index: 0,
        pending: String::new(),
        pieces: Vec::new(),
        openings: Opening::ALL.map(|opening| Search::new(opening.marks().0)),
        comment_end: Search::new("#}"),
    }
    .run()
}

struct Scanner<'a> {
    text: &'a str,
    index: usize,
    pending: String,
    pieces: Vec<Piece>,
    openings: [Search; 3],
    comment_end: Search,
}

/// The next place of a mark, found once until it is passed: a long text with many expressions would
/// otherwise be searched to its end for each of them.
struct Search {
    mark: &'static str,
    found: Option<Option<usize>>,
}

impl Search {
    const fn new(mark: &'static str) -> Search {
        Search { mark, found: None }
    }

    fn from(&mut self, text: &str, index: usize) -> Option<usize> {
        match self.found {
            Some(None) => None,
            Some(Some(place)) if place >= index => Some(place),
            _ => {
                let place = text[index..].find(self.mark).map(|place| index + place);
                self.found = Some(place);
                place
            }
        }
    }
}

impl Scanner<'_> {
    fn run(mut self) -> Result<Vec<Piece>, SyntaxError> {
        while self.index < self.text.len() {
            let opening = self.next_opening();
            let stray = self.comment_end.from(self.text, self.index);
            if let Some(stray) = stray
                && opening.is_none_or(|(start, _)| stray < start)
            {
                return Err(SyntaxError {
                    span: Span::new(stray, stray + 2),
                    kind: SyntaxErrorKind::StrayCommentEnd,
                });
            }
            let Some((start, opening)) = opening else {
                self.pending.push_str(&self.text[self.index..]);
                break;
            };
            self.pending.push_str(&self.text[self.index..start]);
            self.read(start, opening)?;
        }
        self.flush();
        Ok(self.pieces)
    }

    fn next_opening(&mut self) -> Option<(usize, Opening)> {
        let (text, index) = (self.text, self.index);
        Opening::ALL
            .into_iter()
            .zip(&mut self.openings)
            .filter_map(|(opening, search)| Some((search.from(text, index)?, opening)))
            .min_by_key(|(start, _)| *start)
    }

    fn read(&mut self, start: usize, opening: Opening) -> Result<(), SyntaxError> {
        let (open, close) = opening.marks();
        let mut content_start = start + open.len();
        if self.text[content_start..].starts_with('-') {
            let kept = self.pending.trim_end_matches(is_js_space).len();
            self.pending.truncate(kept);
            content_start += 1;
        }
        self.flush();
        let end = match opening {
            Opening::Comment => self.text[content_start..]
                .find(close)
                .map(|place| content_start + place),
            Opening::Output | Opening::Tag => terminator(self.text, content_start, close)?,
        };
        let Some(end) = end else {
            return Err(SyntaxError {
                span: Span::new(start, start + open.len()),
                kind: SyntaxErrorKind::Unclosed(open),
            });
        };
        let trims = self.text[..end].ends_with('-');
        let content_end = if trims { end - 1 } else { end }.max(content_start);
        let content = Span::new(content_start, content_end);
        let whole = Span::new(start, end + close.len());
        self.index = whole.end;
        match opening {
            Opening::Comment => {}
            Opening::Output => self.pieces.push(Piece::Output { content, whole }),
            Opening::Tag => {
                let content = trim_blanks(self.text, content);
                match tag_name(content.of(self.text)) {
                    name @ ("raw" | "verbatim") => self.raw(name, content, whole)?,
                    _ => self.pieces.push(Piece::Tag { content, whole }),
                }
            }
        }
        if trims {
            let rest = &self.text[self.index..];
            self.index += rest.len() - rest.trim_start_matches(is_js_space).len();
        }
        Ok(())
    }

    /// `{% raw %}`: everything up to its end is text.
    fn raw(&mut self, name: &str, content: Span, whole: Span) -> Result<(), SyntaxError> {
        if content.of(self.text) != name {
            return Err(SyntaxError {
                span: content,
                kind: SyntaxErrorKind::Tag("nothing can follow `raw` or `verbatim` in the tag"),
            });
        }
        let (missing, closing) = match name {
            "raw" => ("endraw", raw_end(self.text, self.index, "raw", "endraw")),
            _ => (
                "endverbatim",
                raw_end(self.text, self.index, "verbatim", "endverbatim"),
            ),
        };
        let Some(closing) = closing else {
            return Err(SyntaxError {
                span: whole,
                kind: SyntaxErrorKind::MissingTag(missing),
            });
        };
        if closing.of(self.text).contains('\n') {
            return Err(SyntaxError {
                span: closing,
                kind: SyntaxErrorKind::Tag("this closing tag cannot contain a line break"),
            });
        }
        self.pending.push_str(&self.text[self.index..closing.start]);
        self.index = closing.end;
        Ok(())
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.pieces
                .push(Piece::Text(std::mem::take(&mut self.pending)));
        }
    }
}

/// White space as `\s` of a JavaScript regular expression has it.
fn is_js_space(character: char) -> bool {
    // Unicode's White_Space, less the next-line character, and the byte order mark.
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// The span without the blanks of the language at its ends.
pub(super) fn trim_blanks(text: &str, span: Span) -> Span {
    let content = span.of(text);
    let start = span.start + content.len() - content.trim_start_matches(is_blank).len();
    let trimmed = Span::new(start, span.end)
        .of(text)
        .trim_end_matches(is_blank);
    Span::new(start, start + trimmed.len())
}

/// The name that a tag begins with.
pub(super) fn tag_name(content: &str) -> &str {
    identifier(content, 0, false).map_or("", |end| &content[..end])
}

/// Where `mark` stands outside strings, names and regular expressions.
fn terminator(text: &str, start: usize, mark: &str) -> Result<Option<usize>, SyntaxError> {
    let mut index = start;
    while index + mark.len() <= text.len() {
        if let Some(end) = skip(text, index)? {
            index = end;
        } else if text[index..].starts_with(mark) {
            return Ok(Some(index));
        } else {
            index += width(text, index);
        }
    }
    Ok(None)
}

/// The end of the string, name, number or regular expression at `index`.
fn skip(text: &str, index: usize) -> Result<Option<usize>, SyntaxError> {
    let bytes = text.as_bytes();
    if let quote @ (b'"' | b'\'') = bytes[index] {
        let mut at = index + 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1 + bytes.get(at + 1).map_or(0, |_| width(text, at + 1)),
                byte if byte == quote => return Ok(Some(at + 1)),
                _ => at += 1,
            }
        }
        return Ok(Some(text.len()));
    }
    if let Some(end) = identifier(text, index, true) {
        if &text[index..end] == "r" && bytes.get(end) == Some(&b'/') {
            return Ok(Some(regex_literal(text, index)?.end));
        }
        return Ok(Some(end));
    }
    let digits = bytes[index..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    Ok((digits > 0).then_some(index + digits))
}

fn width(text: &str, index: usize) -> usize {
    text[index..].chars().next().map_or(1, char::len_utf8)
}

/// Walks over the code of a tag outside strings, names and regular expressions, with how many brackets are
/// open. Stops where `found` says so.
fn walk(
    text: &str,
    span: Span,
    mut found: impl FnMut(usize, char, usize) -> bool,
) -> Result<Option<usize>, SyntaxError> {
    let mut depth = 0_isize;
    let mut index = span.start;
    while index < span.end {
        if let Some(end) = skip(text, index)? {
            index = end;
            continue;
        }
        let Some(character) = text[index..].chars().next() else {
            break;
        };
        if matches!(character, '(' | '[' | '{') {
            depth += 1;
        } else if matches!(character, ')' | ']' | '}') {
            depth -= 1;
        }
        if found(index, character, depth.unsigned_abs()) {
            return Ok(Some(index));
        }
        index += character.len_utf8();
    }
    Ok(None)
}

/// The first `character` outside every bracket.
pub(super) fn top_level(
    text: &str,
    span: Span,
    wanted: char,
) -> Result<Option<usize>, SyntaxError> {
    walk(text, span, |_, character, depth| {
        depth == 0 && character == wanted
    })
}

/// The bracket that closes the one at the start of the span.
pub(super) fn closing(text: &str, span: Span) -> Result<Option<usize>, SyntaxError> {
    let mut open = Vec::new();
    walk(text, span, |_, character, _| {
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            _ if open.last() == Some(&character) => {
                open.pop();
            }
            _ => {}
        }
        open.is_empty()
    })
}

/// What stands before and behind a keyword outside every bracket.
pub(super) fn split_at_keyword(
    text: &str,
    span: Span,
    keyword: &str,
) -> Result<Option<(Span, Span)>, SyntaxError> {
    let mut depth = 0_isize;
    let mut index = span.start;
    while index < span.end {
        if let Some(end) = identifier(text, index, true)
            && !text[index..].starts_with("r/")
        {
            let blank_before = index == span.start
                || text[span.start..index]
                    .chars()
                    .next_back()
                    .is_some_and(is_blank);
            let blank_behind = end >= span.end || text[end..].chars().next().is_some_and(is_blank);
            if depth == 0 && &text[index..end] == keyword && blank_before && blank_behind {
                return Ok(Some((
                    trim_blanks(text, Span::new(span.start, index)),
                    trim_blanks(text, Span::new(end, span.end)),
                )));
            }
            index = end;
        } else if let Some(end) = skip(text, index)? {
            index = end;
        } else {
            match text.as_bytes()[index] {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            index += width(text, index);
        }
    }
    Ok(None)
}

fn raw_end(text: &str, start: usize, open: &str, close: &str) -> Option<Span> {
    let mut depth = 1_usize;
    let mut index = start;
    while let Some(place) = text[index..].find("{%") {
        let start = index + place;
        match raw_mark(text, start, open, close) {
            None => index = start + 2,
            Some((closes, end)) => {
                depth = if closes { depth - 1 } else { depth + 1 };
                if depth == 0 {
                    return Some(Span::new(start, end));
                }
                index = end;
            }
        }
    }
    None
}

fn raw_mark(text: &str, start: usize, open: &str, close: &str) -> Option<(bool, usize)> {
    let inner = text[start + 2..].trim_start_matches(is_js_space);
    let (closes, rest) = match inner.strip_prefix(close) {
        Some(rest) => (true, rest),
        None => (false, inner.strip_prefix(open)?),
    };
    let rest = rest.trim_start_matches(is_js_space).strip_prefix("%}")?;
    Some((closes, text.len() - rest.len()))
}
