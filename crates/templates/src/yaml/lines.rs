//! From byte offsets to lines and columns. Every report counts in its own unit; they are all made here.

use std::ops::Range;

/// What a column counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, as language servers count.
    Utf16,
    /// Unicode code points, as people, GitHub and SARIF's `unicodeCodePoints` count.
    CodePoint,
}

/// A place in a text. Both are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in the unit asked for.
    pub column: usize,
}

/// Where the lines of a text start.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Finds the lines of `text`: they end with LF, CR LF or CR.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' => starts.push(at + 1),
                b'\r' if bytes.get(at + 1) != Some(&b'\n') => starts.push(at + 1),
                _ => {}
            }
        }
        Self { starts }
    }

    /// The line that `offset` is in.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// The bytes of a line, with its line break; empty past the end.
    pub fn range(&self, text: &str, line: usize) -> Range<usize> {
        let end = text.len();
        let at = |line: usize| self.starts.get(line).copied().unwrap_or(end);
        at(line)..at(line + 1)
    }

    /// The place of `offset` in `text`, which is the text the index was made of.
    pub fn position(&self, text: &str, offset: usize, unit: Unit) -> Position {
        let offset = offset.min(text.len());
        let line = self.line(offset);
        let before = text.get(self.starts[line]..offset).unwrap_or_default();
        let column = match unit {
            Unit::Utf8 => offset - self.starts[line],
            Unit::Utf16 => before.encode_utf16().count(),
            Unit::CodePoint => before.chars().count(),
        };
        Position { line, column }
    }

    /// The offset of a place; past the end of a line it is the end of that line.
    pub fn offset(&self, text: &str, position: Position, unit: Unit) -> usize {
        let range = self.range(text, position.line);
        let line = text[range.clone()].trim_end_matches(['\n', '\r']);
        let mut column = 0;
        for (at, c) in line.char_indices() {
            if column >= position.column {
                return range.start + at;
            }
            column += match unit {
                Unit::Utf8 => c.len_utf8(),
                Unit::Utf16 => c.len_utf16(),
                Unit::CodePoint => 1,
            };
        }
        range.start + line.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_in_every_unit() {
        let text = "a\r\nb🎉c\rd";
        let lines = LineIndex::new(text);
        let c = text.find('c').expect("c is there");
        for (unit, column) in [(Unit::Utf8, 5), (Unit::Utf16, 3), (Unit::CodePoint, 2)] {
            let position = Position { line: 1, column };
            assert_eq!(lines.position(text, c, unit), position);
            assert_eq!(lines.offset(text, position, unit), c);
        }
        assert_eq!(lines.line(text.len()), 2);
        assert_eq!(
            lines.offset(
                text,
                Position {
                    line: 1,
                    column: 99
                },
                Unit::Utf8
            ),
            c + 1
        );
        assert_eq!(
            lines.offset(
                text,
                Position {
                    line: 99,
                    column: 0
                },
                Unit::Utf8
            ),
            text.len()
        );
    }
}
