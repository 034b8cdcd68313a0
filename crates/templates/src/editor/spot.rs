//! Where a cursor is, in a text that need not be whole.
//!
//! The file is read with a mark where the cursor is, and where the mark comes out is where the cursor is, however
//! the YAML around it is written. What is being typed is often no YAML yet; then its line is read as what it is
//! going to be.

use crate::template::Template;
use crate::yaml::{self, Node, Options, Style, Value};

/// A noncharacter: no text has it, and YAML takes it for a letter.
const MARK: char = '\u{fdd0}';

/// Where the cursor is.
pub(super) struct Spot {
    /// The template that it is in, with the mark.
    pub(super) template: Template,
    /// Where in the entity: of the value that it is in, or of the object whose key it is in.
    pub(super) pointer: String,
    /// What stands before the cursor, of the key or of the value.
    pub(super) before: String,
    /// What stands behind it.
    pub(super) after: String,
    pub(super) within: Within,
}

pub(super) enum Within {
    Key,
    /// Text, and how it is written.
    Text(Style),
}

/// Where the cursor may be, the likeliest first.
pub(super) fn spots(
    source: &str,
    offset: usize,
    options: Options,
) -> impl Iterator<Item = Spot> + '_ {
    let readings = if source.contains(MARK) {
        Vec::new()
    } else {
        readings(source, offset)
    };
    readings
        .into_iter()
        .filter_map(move |reading| spot(&reading, options))
}

/// A text with the mark in it.
struct Reading {
    text: String,
    /// The mark stands for all of a value, which cannot be read: what is before the cursor and behind it.
    instead_of: Option<(String, String)>,
}

fn readings(source: &str, offset: usize) -> Vec<Reading> {
    let (Some(before), Some(after)) = (source.get(..offset), source.get(offset..)) else {
        return Vec::new();
    };
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let line_end = offset + after.find(['\n', '\r']).unwrap_or(after.len());
    let rest = &source[offset..line_end];
    let value_start = line_start + value_start(&source[line_start..offset]);
    let value = &source[value_start..offset];

    let mut readings = Vec::new();
    let is_word = !value.contains([' ', ':', '"', '\'', '{', '[', '#']);
    if is_word && rest.trim().is_empty() {
        readings.push(Reading {
            text: format!("{before}{MARK}:{after}"),
            instead_of: None,
        });
    }
    readings.push(Reading {
        text: format!("{before}{MARK}{after}"),
        instead_of: None,
    });
    readings.push(Reading {
        text: format!("{}{MARK}{}", &source[..value_start], &source[line_end..]),
        instead_of: Some((value.to_owned(), rest.to_owned())),
    });
    readings
}

/// Where the value on a line begins: behind the dashes of lists and a key.
fn value_start(line: &str) -> usize {
    let mut start = line.len() - line.trim_start().len();
    while line[start..].starts_with("- ") {
        start = line.len() - line[start + 2..].trim_start().len();
    }
    match line[start..].find(": ") {
        Some(colon) if !line[start..start + colon].contains(['"', '\'', '{', '[']) => {
            line.len() - line[start + colon + 2..].trim_start().len()
        }
        _ => start,
    }
}

fn spot(reading: &Reading, options: Options) -> Option<Spot> {
    yaml::read(&reading.text, options)
        .documents
        .iter()
        .filter_map(Template::of)
        .find_map(|template| {
            let mut found = None;
            template.root.walk("", &mut |pointer, node| {
                if found.is_none() {
                    found = marked(node).map(|(text, within)| (pointer.to_owned(), text, within));
                }
            });
            let (pointer, text, within) = found?;
            let (before, after) = text.split_once(MARK)?;
            let (before, after) = match &reading.instead_of {
                // What the line begins with belongs to a value that began before.
                Some(_) if !before.is_empty() || !after.is_empty() => return None,
                Some(written) => written.clone(),
                None => (before.to_owned(), after.to_owned()),
            };
            Some(Spot {
                template,
                pointer,
                before,
                after,
                within,
            })
        })
}

/// The key or the text in which the mark is.
fn marked(node: &Node) -> Option<(String, Within)> {
    let entries = node.entries().iter();
    let key = entries
        .map(|entry| &entry.key.name)
        .find(|name| name.contains(MARK));
    if let Some(key) = key {
        return Some((key.clone(), Within::Key));
    }
    match &node.value {
        Value::String(text) if text.value.contains(MARK) => {
            Some((text.value.clone(), Within::Text(text.style)))
        }
        _ => None,
    }
}
