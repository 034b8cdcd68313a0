//! A text that is open in the editor.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use lsp_server::RequestId;
use lsp_types::{CodeActionParams, Position, TextDocumentContentChangeEvent, Uri};
use sidestage_templates::Finding;
use sidestage_templates::yaml::{self, LineIndex, Unit};

/// An open document.
pub(super) struct Document {
    pub(super) uri: Uri,
    /// Where it is stored, if it is.
    pub(super) path: Option<PathBuf>,
    /// The folder whose settings it has.
    pub(super) folder: PathBuf,
    pub(super) version: i32,
    pub(super) source: Arc<Source>,
    /// Which state this is: no two of any document have the same number.
    pub(super) revision: u64,
    /// The revision that is being checked.
    pub(super) checking: Option<u64>,
    /// Whether a check passes it over; unknown until it is asked.
    pub(super) skipped: Option<bool>,
    /// What was found in this revision; none before it is checked.
    pub(super) findings: Option<Arc<[Finding]>>,
    /// Who waits for the findings.
    pub(super) waiting: Vec<(RequestId, CodeActionParams)>,
}

impl Document {
    /// Something has changed: what was found is not known any more.
    pub(super) fn renew(&mut self, revision: u64) {
        self.revision = revision;
        self.findings = None;
    }
}

/// A text with its lines.
pub(super) struct Source {
    pub(super) text: String,
    lines: LineIndex,
}

impl Source {
    pub(super) fn new(text: String) -> Self {
        let lines = LineIndex::new(&text);
        Self { text, lines }
    }

    /// The text after a change, which is of a part or of everything.
    pub(super) fn changed(&self, change: TextDocumentContentChangeEvent, unit: Unit) -> Self {
        let Some(range) = change.range else {
            return Self::new(change.text);
        };
        let start = self.offset(range.start, unit);
        let end = self.offset(range.end, unit).max(start);
        let mut text = self.text.clone();
        text.replace_range(start..end, &change.text);
        Self::new(text)
    }

    pub(super) fn offset(&self, position: Position, unit: Unit) -> usize {
        let position = yaml::Position {
            line: position.line as usize,
            column: position.character as usize,
        };
        self.lines.offset(&self.text, position, unit)
    }

    pub(super) fn range(&self, span: &Range<usize>, unit: Unit) -> lsp_types::Range {
        let at = |offset: usize| {
            let position = self.lines.position(&self.text, offset, unit);
            let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            Position::new(number(position.line), number(position.column))
        };
        lsp_types::Range::new(at(span.start), at(span.end))
    }
}
