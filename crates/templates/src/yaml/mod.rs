//! YAML with spans, read as Backstage reads it: by the rules of the npm package `yaml` (YAML 1.2, core schema,
//! several documents, merge keys only where they are switched on).
//!
//! Everything that wants to know where in a file something is goes through here: [`SpannedDocument`] holds the
//! values with their places, [`LineIndex`] turns offsets into lines and columns. The parser behind it shows
//! nowhere else.

mod lines;
mod node;
mod parse;
mod scalar;
mod text;

pub use lines::{LineIndex, Position, Unit};
pub use node::{Entry, Key, Located, Node, SpannedDocument, Value, child};
pub use parse::{Comment, Options, Problem, ProblemKind, Stream, read};
pub use text::{Style, Text};

/// What a scalar is.
enum Scalar {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text,
}
