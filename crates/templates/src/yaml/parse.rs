//! From the parser's events to documents.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use super::Scalar;
use super::node::{Entry, Key, Node, SpannedDocument, Value};
use super::scalar;
use super::text::{Style, Text};

/// How deep collections may be nested. The npm package has no bound of its own; what is deeper is no template.
const DEPTH: usize = 100;
/// How often an alias may be resolved, as the npm package `yaml` counts.
const ALIASES: usize = 100;

/// How to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether `<<` merges. Off in Backstage.
    pub merge: bool,
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// The documents, in order. Of one that is broken off: what there is before the break.
    pub documents: Vec<SpannedDocument>,
    /// The comments, in order.
    pub comments: Vec<Comment>,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// What is after `#`.
    pub text: String,
    /// Where it is, with the `#`.
    pub span: Range<usize>,
}

/// Why a document cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Where.
    pub span: Range<usize>,
}

/// What can be wrong with YAML.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProblemKind {
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// A tab stands where only blanks may.
    #[error("a tab is no indentation in YAML")]
    Tab,
    /// A key is there twice.
    #[error("the key `{name}` is there twice")]
    DuplicateKey {
        /// The key.
        name: String,
        /// Where it is first.
        first: Range<usize>,
    },
    /// An alias has no anchor.
    #[error("there is no anchor `{0}` before this alias")]
    UnknownAlias(String),
    /// Aliases of aliases grow without end.
    #[error("the aliases are resolved more than {ALIASES} times")]
    TooManyAliases,
    /// Collections are too deep in each other.
    #[error("more than {DEPTH} collections are nested here")]
    TooDeep,
}

/// Reads a file.
pub fn read(source: &str, options: Options) -> Stream {
    let parser_options = granit_parser::options! {
        emit_unresolved_aliases: true,
        max_buffered_comment_events: source.len(),
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut parser = Parser::new_from_str_with_options(source, parser_options);
    let mut builder = Builder::new(source, options);
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => {
                let span = span.byte_range().unwrap_or_default();
                builder.event(event, span);
            }
            Some(Err(error)) => {
                builder.syntax_error(&error);
                // The other documents of the file are read all the same, as Backstage does.
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    builder.stream
}

/// A collection that is being read.
struct Open {
    start: usize,
    anchor: usize,
    /// In brackets: the closing one belongs to it.
    flow: bool,
    content: Content,
}

impl Open {
    /// Whether what comes next is a key.
    fn awaits_key(&self) -> bool {
        matches!(self.content, Content::Mapping { key: None, .. })
    }
}

enum Content {
    Sequence(Vec<Node>),
    Mapping {
        entries: Vec<Entry>,
        keys: Keys,
        key: Option<(Key, String)>,
    },
}

/// The keys of a mapping so far, by what they are: `1` and `"1"` are two keys.
type Keys = HashMap<String, Range<usize>>;

struct Anchor {
    node: Node,
    /// How often it was resolved.
    count: usize,
    /// How often what is in it is resolved with it.
    inner: usize,
}

struct Builder<'a> {
    source: &'a str,
    options: Options,
    stream: Stream,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchor>,
    /// The largest alias count within each open collection, outermost first.
    inner: Vec<usize>,
    root: Option<Node>,
    problems: Vec<Problem>,
    bombed: bool,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str, options: Options) -> Self {
        Self {
            source,
            options,
            stream: Stream::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            inner: Vec::new(),
            root: None,
            problems: Vec::new(),
            bombed: false,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Range<usize>) {
        match event {
            Event::DocumentStart(..) => self.reset(),
            Event::DocumentEnd => {
                self.finish_document();
            }
            Event::Comment(text, _) => {
                self.stream.comments.push(Comment {
                    text: text.into_owned(),
                    span,
                });
            }
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                self.problem(ProblemKind::UnknownAlias(name.into_owned()), span.clone());
                self.value(
                    Node {
                        value: Value::Null,
                        span,
                    },
                    0,
                    "*".into(),
                );
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (node, identity) = self.scalar(text.into_owned(), style, tag.as_deref(), span);
                self.value(node, anchor, identity);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.open(span.start, style, anchor, Content::Sequence(Vec::new()));
            }
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Mapping {
                    entries: Vec::new(),
                    keys: Keys::new(),
                    key: None,
                };
                self.open(span.start, style, anchor, content);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            // The start and the end of the stream, and what is asked for by options that are not set.
            _ => {}
        }
    }

    fn open(&mut self, start: usize, style: StructureStyle, anchor: usize, content: Content) {
        let flow = style == StructureStyle::Flow;
        // A mapping without braces begins with its first key, which is looked at by itself.
        if flow || matches!(content, Content::Sequence(_)) {
            self.look_for_tab(start);
        }
        self.inner.push(1);
        self.open.push(Open {
            start,
            anchor,
            flow,
            content,
        });
    }

    fn reset(&mut self) {
        self.open.clear();
        self.anchors.clear();
        self.inner.clear();
        self.root = None;
        self.problems.clear();
        self.bombed = false;
    }

    fn finish_document(&mut self) {
        let problems = std::mem::take(&mut self.problems);
        let root = self.root.take();
        if root.is_some() || !problems.is_empty() {
            let root = root.unwrap_or(Node {
                value: Value::Null,
                span: 0..0,
            });
            self.stream
                .documents
                .push(SpannedDocument { root, problems });
        }
        self.reset();
    }

    fn problem(&mut self, kind: ProblemKind, span: Range<usize>) {
        self.problems.push(Problem { kind, span });
    }

    fn syntax_error(&mut self, error: &granit_parser::ScanError) {
        let at = error
            .marker()
            .byte_offset()
            .unwrap_or(self.source.len())
            .min(self.source.len());
        let at = self.source.floor_char_boundary(at);
        let width = self.source[at..].chars().next().map_or(0, char::len_utf8);
        let kind = match error.kind() {
            granit_parser::ErrorKind::RecursionLimitExceeded => ProblemKind::TooDeep,
            kind => ProblemKind::Syntax(kind.to_string()),
        };
        self.problem(kind, at..at + width);
        while !self.open.is_empty() {
            self.close(at);
        }
        self.finish_document();
    }

    fn scalar(
        &self,
        text: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> (Node, String) {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let span = match style {
            Style::Literal | Style::Folded => block_header(self.source, span.start)..span.end,
            _ => span,
        };
        let scalar = match tag.map(|tag| tag.core_suffix()) {
            Some(Some(suffix)) => scalar::tagged(&text, suffix),
            // `!` and tags of one's own: the npm package warns, and takes the text.
            Some(None) => Scalar::Text,
            None if style == Style::Plain => scalar::plain(&text),
            None => Scalar::Text,
        };
        let (value, identity) = match scalar {
            Scalar::Null => (Value::Null, "null:".into()),
            Scalar::Bool(value) => (Value::Bool(value), format!("bool:{value}")),
            Scalar::Number(value) => {
                // `1` and `1.0` are one number.
                let identity = format!("number:{:?}", value.as_f64());
                (Value::Number(value), identity)
            }
            Scalar::Text => {
                let identity = format!("text:{text}");
                let raw = self.source.get(span.clone()).unwrap_or_default();
                (
                    Value::String(Arc::new(Text::new(text, style, raw, span.start))),
                    identity,
                )
            }
        };
        (Node { value, span }, identity)
    }

    fn alias(&mut self, id: usize, span: Range<usize>) {
        let Some(anchor) = self.anchors.get_mut(&id) else {
            // An alias within its own anchor has no end.
            self.problem(ProblemKind::TooManyAliases, span.clone());
            return self.value(
                Node {
                    value: Value::Null,
                    span,
                },
                0,
                "*".into(),
            );
        };
        anchor.count += 1;
        let resolved = anchor.count.saturating_mul(anchor.inner);
        let value = anchor.node.value.clone();
        if let Some(inner) = self.inner.last_mut() {
            *inner = (*inner).max(resolved);
        }
        if resolved > ALIASES {
            if !self.bombed {
                self.bombed = true;
                self.problem(ProblemKind::TooManyAliases, span.clone());
            }
            return self.value(
                Node {
                    value: Value::Null,
                    span,
                },
                0,
                "*".into(),
            );
        }
        self.value(Node { value, span }, 0, "*".into());
    }

    fn close(&mut self, end: usize) {
        let inner = self.inner.pop().unwrap_or(1);
        if let Some(outer) = self.inner.last_mut() {
            *outer = (*outer).max(inner);
        }
        let Some(open) = self.open.pop() else { return };
        let (value, last) = match open.content {
            Content::Sequence(items) => {
                let last = items.last().map(|item| item.span.end);
                (Value::Sequence(items.into()), last)
            }
            Content::Mapping { entries, .. } => {
                let last = entries.last().map(|entry| entry.span().end);
                (Value::Mapping(entries.into()), last)
            }
        };
        // Where nothing closes it, the parser knows only where the next thing begins.
        let end = if open.flow { end } else { last.unwrap_or(end) };
        let node = Node {
            value,
            span: open.start..end.max(open.start),
        };
        self.finished(node, open.anchor, inner);
    }

    fn finished(&mut self, node: Node, anchor: usize, inner: usize) {
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchor {
                    node: node.clone(),
                    count: 0,
                    inner,
                },
            );
        }
        // Two collections are never the same key.
        let identity = format!("collection:{}", node.span.start);
        self.place(node, identity);
    }

    /// What begins at `start` must not be indented by a tab, unless it is in brackets.
    fn look_for_tab(&mut self, start: usize) {
        let around = self.open.last();
        let is_key = around.is_some_and(Open::awaits_key);
        if around.is_none_or(|open| !open.flow)
            && let Some(tab) = tab_before(self.source, start, is_key)
        {
            self.problem(ProblemKind::Tab, tab);
        }
    }

    fn value(&mut self, node: Node, anchor: usize, identity: String) {
        self.look_for_tab(node.span.start);
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchor {
                    node: node.clone(),
                    count: 0,
                    inner: 1,
                },
            );
        }
        self.place(node, identity);
    }

    /// Puts a finished value where it belongs. `identity` tells keys apart.
    fn place(&mut self, node: Node, identity: String) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping {
                key: key @ None, ..
            } => {
                let name = key_name(&node);
                *key = Some((
                    Key {
                        name,
                        span: node.span,
                    },
                    identity,
                ));
            }
            Content::Mapping { entries, keys, key } => {
                let Some((name, identity)) = key.take() else {
                    return;
                };
                if self.options.merge && name.name == "<<" {
                    merge(entries, &node);
                    return;
                }
                // What is merged gives way to what is written.
                entries.retain(|entry| !(self.options.merge && entry.key.name == name.name));
                entries.push(Entry {
                    key: name.clone(),
                    value: node,
                });
                match keys.entry(identity) {
                    MapEntry::Vacant(free) => {
                        free.insert(name.span);
                    }
                    // What an alias stands for is not compared.
                    MapEntry::Occupied(taken) if taken.key() != "*" => {
                        let first = taken.get().clone();
                        let kind = ProblemKind::DuplicateKey {
                            name: name.name,
                            first,
                        };
                        self.problem(kind, name.span);
                    }
                    MapEntry::Occupied(_) => {}
                }
            }
        }
    }
}

/// The indentation before `at`, if there is a tab in it. A dash is part of the indentation of what follows it; a
/// tab behind the last one is allowed before everything but a key.
fn tab_before(source: &str, at: usize, is_key: bool) -> Option<Range<usize>> {
    let line = source[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let before = &source[line..at];
    let is_indentation = before
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'-' | b'?'));
    let counts = match before.rfind(['-', '?']) {
        Some(indicator) if !is_key => &before[..indicator],
        _ => before,
    };
    (is_indentation && counts.contains('\t')).then_some(line..at)
}

/// Where the `|` or `>` of a block scalar is, whose content the parser says begins at `content`.
fn block_header(source: &str, content: usize) -> usize {
    let before = source[..content].trim_end();
    let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let is_header = |at: usize| {
        let rest = before[at + 1..]
            .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'));
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with('#')
    };
    let found = before[line..]
        .match_indices(['|', '>'])
        .find(|(at, _)| is_header(line + at));
    found.map_or(content, |(at, _)| line + at)
}

/// What a merge key brings: the entries of one mapping or of several, none of which replaces one that is there.
fn merge(entries: &mut Vec<Entry>, node: &Node) {
    let sources = match &node.value {
        Value::Sequence(items) => items.iter().collect(),
        _ => vec![node],
    };
    for entry in sources.into_iter().flat_map(Node::entries) {
        if !entries.iter().any(|there| there.key.name == entry.key.name) {
            entries.push(entry.clone());
        }
    }
}

/// The name that a key has in JSON.
fn key_name(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => javascript_number(number),
        Value::String(text) => text.value.clone(),
        Value::Sequence(_) | Value::Mapping(_) => node.to_json().to_string(),
    }
}

/// A number as JavaScript writes it: `1.0` is `1`.
fn javascript_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}
