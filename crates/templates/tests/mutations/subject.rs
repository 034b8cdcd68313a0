//! A right template, and what breaking it somewhere makes of it.

use std::ops::Range;

use serde_json::Value as Json;
use sidestage_templates::actions::Action;
use sidestage_templates::expression::{Expr, ExprKind, Reference};
use sidestage_templates::finding::Edit;
use sidestage_templates::model::{Analysis, Expression};
use sidestage_templates::template::Step;
use sidestage_templates::yaml::{Entry, Node, Value};

/// A right template.
pub(crate) struct Subject<'a> {
    pub(crate) source: &'a str,
    pub(crate) analysis: &'a Analysis<'a>,
}

/// What breaks it.
pub(crate) struct Break {
    pub(crate) edits: Vec<Edit>,
    /// Other places of the right template where the mistake may show, such as the uses of a name.
    pub(crate) near: Vec<Range<usize>>,
}

/// The template once it is broken.
pub(crate) struct Broken {
    pub(crate) source: String,
    /// Where the mistake may show: whole lines.
    near: Vec<Range<usize>>,
}

impl Break {
    pub(crate) fn replace(span: Range<usize>, by: impl Into<String>) -> Self {
        Self {
            edits: vec![Edit {
                span,
                replacement: by.into(),
            }],
            near: Vec::new(),
        }
    }

    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }

    pub(crate) fn remove(span: Range<usize>) -> Self {
        Self::replace(span, "")
    }

    #[must_use]
    pub(crate) fn and(mut self, span: Range<usize>, by: impl Into<String>) -> Self {
        self.edits.push(Edit {
            span,
            replacement: by.into(),
        });
        self.edits.sort_by_key(|edit| edit.span.start);
        self
    }

    #[must_use]
    pub(crate) fn near(mut self, span: Range<usize>) -> Self {
        self.near.push(span);
        self
    }

    /// Makes the changes.
    pub(crate) fn of(&self, source: &str) -> Broken {
        let mut text = String::with_capacity(source.len());
        let mut places = Vec::new();
        let mut at = 0;
        for edit in &self.edits {
            text.push_str(&source[at..edit.span.start]);
            let start = text.len();
            text.push_str(&edit.replacement);
            places.push(start..text.len());
            at = edit.span.end;
        }
        text.push_str(&source[at..]);
        places.extend(
            self.near
                .iter()
                .map(|span| self.moved(span.start)..self.moved(span.end)),
        );
        let near = places
            .into_iter()
            .map(|place| lines(&text, &place))
            .collect();
        Broken { source: text, near }
    }

    /// Where a place of the right template is in the broken one.
    fn moved(&self, offset: usize) -> usize {
        let before = self
            .edits
            .iter()
            .take_while(|edit| edit.span.start < offset);
        let (mut removed, mut added) = (0, 0);
        for edit in before {
            removed += edit.span.end.min(offset) - edit.span.start;
            added += edit.replacement.len();
        }
        offset - removed + added
    }
}

impl Broken {
    /// Whether a place is one where the mistake may show.
    pub(crate) fn is_near(&self, span: &Range<usize>) -> bool {
        self.near
            .iter()
            .any(|near| span.start <= near.end && near.start <= span.end)
    }
}

/// The whole lines that a place is in, without the last line break.
pub(crate) fn lines(text: &str, place: &Range<usize>) -> Range<usize> {
    let start = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let last = place.end.max(place.start);
    // What ends with a line break does not reach into the next line.
    let last = if last > place.start && text[..last].ends_with('\n') {
        last - 1
    } else {
        last
    };
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    start..end
}

/// A slip of the pen, another one each time: two letters swapped, one left out, one written twice.
pub(crate) fn slip(name: &str, nth: usize) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    match nth % 3 {
        0 if middle > 0 && letters[middle - 1] != letters[middle] => {
            letters.swap(middle - 1, middle)
        }
        1 if middle > 0 => {
            letters.remove(middle);
        }
        _ => letters.insert(middle, letters[middle]),
    }
    letters.into_iter().collect()
}

/// A part of a step's input with what the action says of it.
pub(crate) struct Given<'a> {
    pub(crate) step: &'a Step,
    pub(crate) action: &'a Action,
    /// The value it is in.
    pub(crate) parent: &'a Node,
    pub(crate) entry: &'a Entry,
    pub(crate) schema: &'a Json,
    /// Whether the action needs it.
    pub(crate) required: bool,
    /// Where it is in the entity.
    pub(crate) pointer: String,
}

impl Given<'_> {
    /// The type that it has to be of, if there is only one.
    pub(crate) fn wanted(&self) -> &str {
        self.schema["type"].as_str().unwrap_or_default()
    }
}

impl<'a> Subject<'a> {
    /// Every expression that can be read, with everything in it.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = (&'a Expression, &'a Expr)> {
        self.analysis.expressions.iter().flat_map(|expression| {
            let mut all = Vec::new();
            if let Ok(parsed) = &expression.parsed {
                parsed
                    .template
                    .visit(&mut |expr| all.push((expression, expr)));
            }
            all
        })
    }

    /// Every reference to a value below `root`.
    pub(crate) fn references(
        &self,
        root: &str,
    ) -> impl Iterator<Item = (&'a Expression, Reference)> {
        let root = root.to_owned();
        self.analysis
            .expressions
            .iter()
            .flat_map(|expression| {
                let references = expression
                    .parsed
                    .as_ref()
                    .map(|parsed| parsed.template.references());
                references
                    .unwrap_or_default()
                    .into_iter()
                    .map(move |reference| (expression, reference))
            })
            .filter(move |(_, reference)| reference.root.text == root)
    }

    /// The slip of a name that is written at a place, perhaps in quotes.
    pub(crate) fn misspelt(&self, span: Range<usize>, nth: usize) -> Break {
        let written = &self.source[span.clone()];
        let quotes = if written.starts_with(['\'', '"']) {
            written.len() - written.trim_start_matches(['\'', '"']).len()
        } else {
            0
        };
        let bare = span.start + quotes..span.end - quotes;
        Break::replace(bare.clone(), slip(&self.source[bare], nth))
    }

    /// Slips of all these places.
    pub(crate) fn all_misspelt(
        &self,
        places: impl IntoIterator<Item = Range<usize>>,
    ) -> Vec<Break> {
        places
            .into_iter()
            .enumerate()
            .map(|(nth, span)| self.misspelt(span, nth))
            .collect()
    }

    /// The keys that are written in the inputs of steps, as far as the schemas of their actions go.
    pub(crate) fn given(&self) -> Vec<Given<'a>> {
        let mut given = Vec::new();
        for (step, action, _) in self.analysis.steps() {
            let input = step.get("input");
            let schema = action.and_then(Action::input);
            if let (Some(input), Some(action), Some(schema)) = (input, action, schema) {
                let pointer = format!("{}/input", step.pointer);
                keys(step, action, input, schema, &pointer, &mut given);
            }
        }
        given
    }

    /// Whether there is an expression in a value.
    pub(crate) fn has_expression(&self, node: &Node) -> bool {
        self.source[node.span.clone()].contains("${{")
    }

    /// Leaves a key out.
    pub(crate) fn without(&self, parent: &Node, name: &str) -> Option<Break> {
        let entries = parent.entries();
        let at = entries.iter().position(|entry| entry.key.name == name)?;
        let span = entries[at].span();
        if entries.len() == 1 {
            return Some(Break::replace(span, "{}"));
        }
        if let Some(next) = entries.get(at + 1) {
            return Some(Break::remove(span.start..next.key.span.start));
        }
        let line = self.source[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let alone = self.source[line..span.start].trim().is_empty();
        let start = if alone {
            line
        } else {
            entries[at - 1].span().end
        };
        Some(Break::remove(start..span.end))
    }

    /// Adds a key after another one of a block mapping.
    pub(crate) fn with(&self, after: &Entry, text: &str) -> Option<Break> {
        let column = self.column(after.key.span.start);
        let end = lines(self.source, &after.span()).end;
        let block = self.source[after.span().end..end].trim().is_empty();
        block.then(|| Break::insert(end, format!("\n{}{text}", " ".repeat(column))))
    }

    /// The whole lines of a step in a block sequence, with the line break.
    pub(crate) fn step_lines(&self, index: usize) -> Option<Range<usize>> {
        let step = self.analysis.template.steps.get(index)?;
        let line = lines(self.source, &step.node.span);
        let dash = self.source[line.start..step.node.span.start].trim();
        let end = (line.end + 1).min(self.source.len());
        (dash == "-").then_some(line.start..end)
    }

    fn column(&self, offset: usize) -> usize {
        offset - self.source[..offset].rfind('\n').map_or(0, |at| at + 1)
    }
}

fn keys<'a>(
    step: &'a Step,
    action: &'a Action,
    node: &'a Node,
    schema: &'a Json,
    pointer: &str,
    given: &mut Vec<Given<'a>>,
) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries.iter() {
                let name = &entry.key.name;
                let Some(schema_of) = schema["properties"].get(name) else {
                    continue;
                };
                let required = schema["required"]
                    .as_array()
                    .is_some_and(|names| names.iter().any(|required| required == name));
                let pointer = format!("{pointer}/{name}");
                keys(step, action, &entry.value, schema_of, &pointer, given);
                given.push(Given {
                    step,
                    action,
                    parent: node,
                    entry,
                    schema: schema_of,
                    required,
                    pointer,
                });
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{index}");
                keys(step, action, item, &schema["items"], &pointer, given);
            }
        }
        _ => {}
    }
}

/// Whether an expression is a text, written out.
pub(crate) fn is_string(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::String(_))
}
