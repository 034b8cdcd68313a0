//! The values of a document, each with its place.

use std::ops::Range;
use std::sync::Arc;

use super::text::Text;

/// One YAML document.
#[derive(Clone, Debug)]
pub struct SpannedDocument {
    /// The value of the whole document.
    pub root: Node,
    /// What is wrong. Backstage does not take a document that has a problem.
    pub problems: Vec<super::Problem>,
}

/// A value and where it is. Cloning is cheap: an alias shares what its anchor holds.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it is. Of an alias: where the alias is; what is in it has the places of the anchor.
    pub span: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// Text.
    String(Arc<Text>),
    /// A list.
    Sequence(Arc<[Node]>),
    /// A mapping, in the order of the file.
    Mapping(Arc<[Entry]>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

impl Entry {
    /// The key and its value.
    pub fn span(&self) -> Range<usize> {
        self.key.span.start..self.value.span.end.max(self.key.span.end)
    }
}

/// A key. All of them are text once they are JSON.
#[derive(Clone, Debug)]
pub struct Key {
    /// The text of the key.
    pub name: String,
    /// Where it is, with quotes if it has some.
    pub span: Range<usize>,
}

/// What is at a JSON pointer.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// The key; none for the root and for the items of a list.
    pub key: Option<&'a Key>,
    /// The value.
    pub node: &'a Node,
}

impl SpannedDocument {
    /// What is at a JSON pointer (RFC 6901), such as `/spec/steps/0/action`.
    pub fn get(&self, pointer: &str) -> Option<Located<'_>> {
        self.root.at(pointer)
    }
}

impl Node {
    /// What is at a JSON pointer that starts here.
    pub fn at(&self, pointer: &str) -> Option<Located<'_>> {
        let mut found = Located {
            key: None,
            node: self,
        };
        for part in pointer.split('/').skip(1) {
            found = match &found.node.value {
                Value::Mapping(_) => {
                    let name = part.replace("~1", "/").replace("~0", "~");
                    let entry = found.node.entry(&name)?;
                    Located {
                        key: Some(&entry.key),
                        node: &entry.value,
                    }
                }
                Value::Sequence(items) => Located {
                    key: None,
                    node: items.get(part.parse::<usize>().ok()?)?,
                },
                _ => return None,
            };
        }
        Some(found)
    }

    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// A key with its value. Of a key that is there twice, the last counts.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries()
            .iter()
            .rev()
            .find(|entry| entry.key.name == name)
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        self.as_text().map(|text| text.value.as_str())
    }

    /// The text with its places, if it is text.
    pub fn as_text(&self) -> Option<&Text> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What it is, as a person calls it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "an object",
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(value) => Json::Number(value.clone()),
            Value::String(text) => Json::String(text.value.clone()),
            Value::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.name.clone(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// Calls `visit` for this value and for every value in it, the outer first, with each one's JSON pointer.
    pub fn walk<'a>(&'a self, pointer: &str, visit: &mut impl FnMut(&str, &'a Node)) {
        visit(pointer, self);
        match &self.value {
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.walk(&format!("{pointer}/{index}"), visit);
                }
            }
            Value::Mapping(entries) => {
                for entry in entries.iter() {
                    entry.value.walk(&child(pointer, &entry.key.name), visit);
                }
            }
            _ => {}
        }
    }
}

/// The JSON pointer of a key in what `pointer` points at.
pub fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
