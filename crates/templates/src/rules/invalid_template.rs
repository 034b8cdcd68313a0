use std::ops::Range;

use crate::finding::{Finding, Fix, Severity};
use crate::model::Analysis;
use crate::near::nearest;
use crate::template::{API_VERSION, first_line, is_placeholder, known_keys};
use crate::yaml::{Node, Value};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "invalid-template",
    severity: Severity::Error,
    page: include_str!("invalid_template.md"),
    check: Check::Template(check),
};

const REFUSED: &str = "Backstage refuses the template";

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let root = &analysis.template.root;
    let mut shape = Shape { findings };
    shape.word(root, "apiVersion", API_VERSION);
    shape.word(root, "kind", "Template");
    if let Some(metadata) = shape.required(root, "metadata", Kind::Object) {
        if let Some(name) = shape.required(metadata, "name", Kind::Text) {
            shape.entity_name(name);
        }
        shape.optional(metadata, "title", Kind::Text);
        shape.optional(metadata, "description", Kind::Text);
        shape.metadata(metadata);
    }
    shape.nothing_else(root);
    let Some(spec) = shape.required(root, "spec", Kind::Object) else { return };
    if let Some(kind) = shape.required(spec, "type", Kind::Text) {
        shape.not_empty(kind, "type");
    }
    for key in ["owner", "lifecycle"] {
        if let Some(node) = shape.optional(spec, key, Kind::Text) {
            shape.not_empty(node, key);
        }
    }
    shape.pages(spec);
    let steps = shape.required(spec, "steps", Kind::List);
    if let Some(steps) = steps {
        for step in steps.items() {
            shape.step(step);
        }
        if matches!(&steps.value, Value::Sequence(items) if items.is_empty()) {
            let place = spec.entry("steps").map_or_else(|| steps.span.clone(), |entry| entry.key.span.clone());
            shape.report(place, "the template has no steps", "does nothing");
        }
    }
    if let Some(output) = shape.optional(spec, "output", Kind::Object) {
        for (list, keys) in [("links", ["url", "entityRef", "title", "icon"].as_slice()), ("text", &["title", "icon", "content"])] {
            for item in shape.optional(output, list, Kind::List).map(Node::items).unwrap_or_default() {
                if shape.is(item, Kind::Object, &format!("an item of `{list}`")) {
                    for key in keys {
                        shape.optional(item, key, Kind::Text);
                    }
                    shape.condition(item, "is always true");
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Object,
    List,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Object => "an object",
            Self::List => "a list",
        }
    }
}

struct Shape<'f> {
    findings: &'f mut Vec<Finding>,
}

impl Shape<'_> {
    fn report(&mut self, span: Range<usize>, message: impl Into<String>, label: &str) {
        self.findings.push(Finding::new(&RULE, span, message).label(label));
    }

    /// A key that has to say exactly one word.
    fn word(&mut self, node: &Node, key: &str, word: &str) {
        let Some(found) = self.required(node, key, Kind::Text) else { return };
        if found.as_str() != Some(word) {
            let written = found.as_str().unwrap_or_default();
            self.findings.push(
                Finding::new(&RULE, found.span.clone(), format!("`{key}` is `{written}`: Backstage knows templates only as `{word}`"))
                    .label("nothing in Backstage reads this")
                    .help(format!("write `{word}`"))
                    .fix(Fix::replace(found.span.clone(), word, format!("write `{word}`"))),
            );
        }
    }

    fn required<'n>(&mut self, node: &'n Node, key: &str, kind: Kind) -> Option<&'n Node> {
        if node.get(key).is_none_or(Node::is_null) {
            let place = node.entry(key).map_or_else(|| first_line(node), |entry| entry.key.span.clone());
            self.report(place, format!("`{key}` is missing"), &format!("needs `{key}`, {}", kind.name()));
            return None;
        }
        self.optional(node, key, kind)
    }

    fn optional<'n>(&mut self, node: &'n Node, key: &str, kind: Kind) -> Option<&'n Node> {
        let value = node.get(key)?;
        self.is(value, kind, key).then_some(value)
    }

    fn is(&mut self, value: &Node, kind: Kind, key: &str) -> bool {
        let fits = match &value.value {
            Value::String(_) => kind == Kind::Text,
            Value::Mapping(_) => kind == Kind::Object,
            Value::Sequence(_) => kind == Kind::List,
            _ => false,
        };
        if is_placeholder(value) {
            return false;
        }
        if !fits {
            // What is no key is described: `a step`.
            let what = if key.contains(' ') { key.to_owned() } else { format!("`{key}`") };
            let message = format!("{what} has to be {}, not {}", kind.name(), value.kind());
            self.report(value.span.clone(), message, REFUSED);
        }
        fits
    }

    fn not_empty(&mut self, node: &Node, key: &str) {
        if node.as_str().is_some_and(str::is_empty) {
            self.report(node.span.clone(), format!("`{key}` must not be empty"), "is empty");
        }
    }

    /// The rule that the catalog has for names of entities.
    fn entity_name(&mut self, node: &Node) {
        let name = node.as_str().unwrap_or_default();
        let fits = name.len() <= 63
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.ends_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !fits {
            let message = format!("`{name}` is no name for an entity");
            self.report(node.span.clone(), message, "letters, digits, `-`, `_` and `.`, at most 63, a letter or digit at both ends");
        }
    }

    /// What the catalog asks of the rest of `metadata`.
    fn metadata(&mut self, metadata: &Node) {
        if let Some(namespace) = self.optional(metadata, "namespace", Kind::Text) {
            self.words(namespace, "namespace", |c| c.is_ascii_lowercase() || c.is_ascii_digit(), "small letters and digits");
        }
        for tag in self.optional(metadata, "tags", Kind::List).map(Node::items).unwrap_or_default() {
            if self.is(tag, Kind::Text, "a tag") {
                let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ':' | '+' | '#');
                self.words(tag, "tag", fits, "small letters, digits, `:`, `+` and `#`");
            }
        }
        for (map, what) in [("labels", "a label"), ("annotations", "an annotation")] {
            for entry in self.optional(metadata, map, Kind::Object).map(Node::entries).unwrap_or_default() {
                self.is(&entry.value, Kind::Text, what);
            }
        }
        for link in self.optional(metadata, "links", Kind::List).map(Node::items).unwrap_or_default() {
            if !self.is(link, Kind::Object, "a link") {
                continue;
            }
            let url = self.required(link, "url", Kind::Text);
            if let Some(url) = url.filter(|url| !url.as_str().unwrap_or_default().contains(':')) {
                self.report(url.span.clone(), "a link needs a whole address, such as `https://…`", REFUSED);
            }
        }
    }

    /// Words with dashes between them, of 63 characters at most.
    fn words(&mut self, node: &Node, what: &str, allowed: impl Fn(char) -> bool, characters: &str) {
        let text = node.as_str().unwrap_or_default();
        // Between the words of a namespace there can be several.
        let is_word = |word: &str| word.chars().all(&allowed) && (what == "namespace" || !word.is_empty());
        let fits = text.len() <= 63 && text.split('-').all(is_word) && !text.is_empty() && !text.starts_with('-') && !text.ends_with('-');
        if !fits {
            let label = format!("{characters}, with `-` between them, at most 63");
            self.report(node.span.clone(), format!("`{text}` is no {what}: Backstage refuses the template"), &label);
        }
    }

    /// An entity has no keys of one's own. One that is nearly another is said elsewhere to be misspelt.
    fn nothing_else(&mut self, root: &Node) {
        let known = known_keys("");
        for entry in root.entries() {
            let name = entry.key.name.as_str();
            let free = known.iter().copied().filter(|key| root.entry(key).is_none());
            if known.contains(&name) || name == "<<" || nearest(name, free).is_some() {
                continue;
            }
            let finding = Finding::new(&RULE, entry.key.span.clone(), format!("an entity has no `{name}`")).label(REFUSED);
            let below = ["spec", "metadata"].into_iter().find(|part| known_keys(&format!("/{part}")).contains(&name));
            self.findings.push(match below {
                Some(part) => finding.help(format!("`{name}` belongs below `{part}`")),
                None => finding,
            });
        }
    }

    fn pages(&mut self, spec: &Node) {
        let Some(parameters) = spec.get("parameters").filter(|node| !is_placeholder(node)) else { return };
        match &parameters.value {
            Value::Mapping(_) => {}
            Value::Sequence(items) => {
                for page in items.iter().filter(|page| !page.is_mapping()) {
                    self.report(page.span.clone(), format!("a page of the form has to be an object, not {}", page.kind()), REFUSED);
                }
            }
            _ => {
                let message = format!("`parameters` has to be a list of pages, not {}", parameters.kind());
                self.report(parameters.span.clone(), message, REFUSED);
            }
        }
    }

    fn step(&mut self, step: &Node) {
        if is_placeholder(step) || !self.is(step, Kind::Object, "a step") {
            return;
        }
        self.required(step, "action", Kind::Text);
        self.optional(step, "id", Kind::Text);
        self.optional(step, "name", Kind::Text);
        self.optional(step, "input", Kind::Object);
        self.condition(step, REFUSED);
    }

    fn condition(&mut self, node: &Node, label: &str) {
        if let Some(condition) = node.get("if")
            && !matches!(condition.value, Value::String(_) | Value::Bool(_))
        {
            let message = format!("`if` has to be an expression or a boolean, not {}", condition.kind());
            self.report(condition.span.clone(), message, label);
        }
    }
}
