//! The text of a scalar, and from where in the source each part of it comes: quotes, escapes, folded lines and
//! indentation are not part of the text, so an offset in the one is not an offset in the other.

use std::ops::Range;

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// The text of a scalar.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text, as YAML means it.
    pub value: String,
    /// How it is written.
    pub style: Style,
    pieces: Vec<Piece>,
}

/// A part of a text with its place in the source.
#[derive(Clone, Debug)]
struct Piece {
    text: Range<usize>,
    source: Range<usize>,
    /// Whether the source has the part byte for byte.
    verbatim: bool,
}

impl Text {
    /// `raw` is the source of the whole scalar, `start` where in the source it begins.
    pub(super) fn new(value: String, style: Style, raw: &str, start: usize) -> Self {
        let pieces = match style {
            Style::Plain => flow(raw, 0..raw.len(), &value, style),
            Style::SingleQuoted | Style::DoubleQuoted => {
                let inside = 1..raw.len().saturating_sub(1).max(1);
                flow(raw, inside, &value, style)
            }
            Style::Literal | Style::Folded => block(raw, &value),
        };
        // A text whose parts cannot be followed is still somewhere: in the scalar as a whole.
        let mut pieces = pieces.unwrap_or_else(|| {
            vec![Piece {
                text: 0..value.len(),
                source: 0..raw.len(),
                verbatim: false,
            }]
        });
        for piece in &mut pieces {
            piece.source.start += start;
            piece.source.end += start;
        }
        Self {
            value,
            style,
            pieces,
        }
    }

    /// Where in the source a part of the text is.
    pub fn source_range(&self, part: Range<usize>) -> Range<usize> {
        let start = self.source_offset(part.start, false);
        if part.is_empty() {
            return start..start;
        }
        start..self.source_offset(part.end - 1, true).max(start)
    }

    /// Where in the source the byte at `offset` begins, or where it ends.
    fn source_offset(&self, offset: usize, end: bool) -> usize {
        let at = self
            .pieces
            .partition_point(|piece| piece.text.end <= offset);
        let Some(piece) = self.pieces.get(at) else {
            return self.pieces.last().map_or(0, |piece| piece.source.end);
        };
        match (piece.verbatim, end) {
            (true, false) => piece.source.start + (offset - piece.text.start),
            (true, true) => piece.source.start + (offset - piece.text.start) + 1,
            (false, false) => piece.source.start,
            (false, true) => piece.source.end,
        }
    }

    /// Which byte of the text the source offset belongs to; `None` outside the scalar.
    pub fn text_offset(&self, source: usize) -> Option<usize> {
        let at = self
            .pieces
            .partition_point(|piece| piece.source.end <= source);
        match self
            .pieces
            .get(at)
            .filter(|piece| piece.source.start <= source)
        {
            Some(piece) if piece.verbatim => Some(piece.text.start + (source - piece.source.start)),
            Some(piece) => Some(piece.text.start),
            None => {
                let before = self.pieces.get(at.checked_sub(1)?)?;
                (before.source.end == source).then_some(before.text.end)
            }
        }
    }
}

/// Joins parts that follow each other in both, and leaves empty ones out.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    length: usize,
}

impl Pieces {
    fn verbatim(&mut self, source: Range<usize>) {
        let text = self.length..self.length + source.len();
        self.length = text.end;
        match self.pieces.last_mut() {
            Some(last) if last.verbatim && last.source.end == source.start => {
                last.text.end = text.end;
                last.source.end = source.end;
            }
            _ => self.pieces.push(Piece {
                text,
                source,
                verbatim: true,
            }),
        }
    }

    fn changed(&mut self, text_length: usize, source: Range<usize>) {
        let text = self.length..self.length + text_length;
        self.length = text.end;
        if text_length > 0 {
            self.pieces.push(Piece {
                text,
                source,
                verbatim: false,
            });
        }
    }
}

/// Follows a plain or quoted scalar, whose line breaks are folded. `None` when the source does not give `value`.
fn flow(raw: &str, inside: Range<usize>, value: &str, style: Style) -> Option<Vec<Piece>> {
    let mut pieces = Pieces::default();
    let mut at = inside.start;
    let end = inside.end;
    while at < end {
        let rest = &raw[at..end];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if line_break(&rest[blank..]) > 0 {
            let (breaks, length) = fold(rest);
            pieces.changed(if breaks == 1 { 1 } else { breaks - 1 }, at..at + length);
            at += length;
            continue;
        }
        let c = rest.chars().next()?;
        if style == Style::DoubleQuoted && c == '\\' {
            let escape = rest[1..].chars().next()?;
            let (text_length, length) = match escape {
                '\n' | '\r' => {
                    let (breaks, length) = fold(&rest[1..]);
                    (breaks - 1, 1 + length)
                }
                'x' => (char_length(rest.get(2..4)?)?, 4),
                'u' => (char_length(rest.get(2..6)?)?, 6),
                'U' => (char_length(rest.get(2..10)?)?, 10),
                'N' | '_' => (2, 2),
                'L' | 'P' => (3, 2),
                other => (1, 1 + other.len_utf8()),
            };
            pieces.changed(text_length, at..at + length);
            at += length;
        } else if style == Style::SingleQuoted && rest.starts_with("''") {
            pieces.changed(1, at..at + 2);
            at += 2;
        } else {
            pieces.verbatim(at..at + c.len_utf8());
            at += c.len_utf8();
        }
    }
    gives(raw, &pieces, value).then_some(pieces.pieces)
}

/// Follows a block scalar: its header, then lines that lose their indentation.
fn block(raw: &str, value: &str) -> Option<Vec<Piece>> {
    let header = raw.find(['\n', '\r'])?;
    let body = header + line_break(&raw[header..]);
    let deepest = raw[body..]
        .split(['\n', '\r'])
        .find(|line| !line.trim_start_matches(' ').is_empty())
        .map_or(0, |line| line.len() - line.trim_start_matches(' ').len());
    // The header can say that some leading blanks belong to the text.
    (0..=deepest)
        .rev()
        .find_map(|indent| block_indented(raw, body, indent, value))
}

fn block_indented(raw: &str, body: usize, indent: usize, value: &str) -> Option<Vec<Piece>> {
    let without_indent = |at: usize| {
        let blanks = raw[at..]
            .bytes()
            .take(indent)
            .take_while(|byte| *byte == b' ')
            .count();
        at + blanks
    };
    let mut pieces = Pieces::default();
    let mut at = without_indent(body);
    while pieces.length < value.len() {
        let wanted = &value[pieces.length..];
        let length = line_break(&raw[at..]);
        if length > 0 {
            let next = without_indent(at + length);
            let text_length = usize::from(wanted.starts_with(['\n', ' ']));
            pieces.changed(text_length, at..next);
            at = next;
            continue;
        }
        match (raw[at..].chars().next(), wanted.chars().next()) {
            (Some(found), Some(wanted)) if found == wanted => {
                pieces.verbatim(at..at + found.len_utf8());
                at += found.len_utf8();
            }
            // A last line without a line break is read as if it had one.
            (None, Some('\n')) => pieces.changed(1, at..at),
            _ => return None,
        }
    }
    gives(raw, &pieces, value).then_some(pieces.pieces)
}

/// Whether the parts are as long as `value` and agree with it where they are verbatim.
fn gives(raw: &str, pieces: &Pieces, value: &str) -> bool {
    pieces.length == value.len()
        && pieces.pieces.iter().all(|piece| {
            value.is_char_boundary(piece.text.start)
                && value.is_char_boundary(piece.text.end)
                && (!piece.verbatim
                    || raw.get(piece.source.clone()) == value.get(piece.text.clone()))
        })
}

/// How many line breaks the text starts with (with the blanks around them), and how long they are.
fn fold(text: &str) -> (usize, usize) {
    let mut breaks = 0;
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let length = line_break(&rest[blank..]);
        if length == 0 {
            return (breaks, if breaks == 0 { 0 } else { at + blank });
        }
        breaks += 1;
        at += blank + length;
    }
}

fn line_break(text: &str) -> usize {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

fn char_length(hex: &str) -> Option<usize> {
    u32::from_str_radix(hex, 16)
        .ok()
        .and_then(char::from_u32)
        .map(char::len_utf8)
}
