//! Template entities in a file: which documents are one, and what they consist of.

mod keys;

use std::ops::Range;

use crate::near::nearest;
use crate::yaml::{Key, Node, SpannedDocument, Value};

pub use keys::known_keys;

/// The version of templates that is checked.
pub const API_VERSION: &str = "scaffolder.backstage.io/v1beta3";

/// A Template entity.
#[derive(Clone, Debug)]
pub struct Template {
    /// The whole entity.
    pub root: Node,
    /// The pages of its form, in order.
    pub pages: Vec<Page>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// A page of the form: `spec.parameters`, or one item of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its JSON Schema.
    pub schema: Node,
    /// Where it is in the entity.
    pub pointer: String,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The whole step.
    pub node: Node,
    /// Where it is in the entity.
    pub pointer: String,
    /// The id that it has at run time: its own, or `step-N`.
    pub id: String,
    /// Where the id is, if the step has one of its own.
    pub id_span: Option<Range<usize>>,
    /// The action that it runs, if it says so in plain text.
    pub action: Option<Named>,
}

/// A name with its place.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where it is, with quotes if it has some.
    pub span: Range<usize>,
}

impl Named {
    fn of(node: &Node) -> Option<Self> {
        node.as_str().map(|name| Self {
            name: name.to_owned(),
            span: node.span.clone(),
        })
    }
}

impl Step {
    /// A key of the step that is there and is not null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.node.get(key).filter(|node| !node.is_null())
    }

    /// The step as a person finds it: by its id.
    pub fn span(&self) -> Range<usize> {
        match (&self.id_span, &self.action) {
            (Some(span), _) => span.clone(),
            (None, Some(action)) => action.span.clone(),
            (None, None) => first_line(&self.node),
        }
    }
}

/// The first entry of a mapping, or the value: a place that is short enough to underline.
pub fn first_line(node: &Node) -> Range<usize> {
    node.entries()
        .first()
        .map_or_else(|| node.span.clone(), |entry| entry.key.span.clone())
}

impl Template {
    /// The template in a document; none if the document is something else.
    pub fn of(document: &SpannedDocument) -> Option<Self> {
        let root = &document.root;
        is_template(root).then(|| Self {
            pages: pages(root),
            steps: steps(root),
            root: root.clone(),
        })
    }

    /// A key of `spec`.
    pub fn spec(&self, key: &str) -> Option<&Node> {
        self.root
            .get("spec")?
            .get(key)
            .filter(|node| !node.is_null())
    }

    /// How the paths begin, from the template's folder, of all that its steps fill in: `./skeleton/`, or
    /// `./skeleton-` where what follows is an expression.
    pub fn content_prefixes(&self) -> impl Iterator<Item = String> {
        self.steps.iter().filter_map(|step| {
            let fetches = step
                .action
                .as_ref()
                .is_some_and(|action| action.name.starts_with("fetch:"));
            let url = step.get("input")?.get("url")?.as_str()?;
            let beside = !url.contains("://") && !url.starts_with('/');
            let prefix = match url.split_once("${{") {
                Some((literal, _)) => literal.to_owned(),
                None => format!("{url}/"),
            };
            (fetches && beside).then_some(prefix)
        })
    }

    /// The key `kind`, to say something about the template as a whole.
    pub fn span(&self) -> Range<usize> {
        let kind = self
            .root
            .entry("kind")
            .or_else(|| self.root.entry("apiVersion"));
        kind.map_or_else(|| first_line(&self.root), |entry| entry.span())
    }
}

/// Whether an entity is meant to be a template of Backstage. Kubernetes and others have a `Template` too.
fn is_template(root: &Node) -> bool {
    let text = |key: &str| root.get(key).and_then(Node::as_str);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let kind_fits = kind == Some("Template");
    let kind_near = kind.is_some_and(|kind| nearest(kind, ["Template"]).is_some());
    match api_version {
        Some(API_VERSION) => kind_fits || kind_near || root.get("kind").is_none(),
        Some(other) => {
            kind_fits && (other.contains("backstage.io") || nearest(other, [API_VERSION]).is_some())
        }
        None => {
            let spec = root.get("spec");
            kind_fits
                && spec
                    .and_then(|spec| spec.get("steps"))
                    .is_some_and(|steps| !steps.items().is_empty())
        }
    }
}

fn pages(root: &Node) -> Vec<Page> {
    let pointer = "/spec/parameters";
    let Some(parameters) = root.get("spec").and_then(|spec| spec.get("parameters")) else {
        return Vec::new();
    };
    match &parameters.value {
        Value::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| Page {
                schema: item.clone(),
                pointer: format!("{pointer}/{index}"),
            })
            .collect(),
        Value::Mapping(_) => vec![Page {
            schema: parameters.clone(),
            pointer: pointer.into(),
        }],
        _ => Vec::new(),
    }
}

fn steps(root: &Node) -> Vec<Step> {
    let steps = root.get("spec").and_then(|spec| spec.get("steps"));
    let items = steps
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .enumerate();
    items
        .map(|(index, node)| {
            let id = node.get("id").and_then(Named::of);
            Step {
                pointer: format!("/spec/steps/{index}"),
                id: id
                    .as_ref()
                    .map_or_else(|| format!("step-{}", index + 1), |id| id.name.clone()),
                id_span: id.map(|id| id.span),
                action: node.get("action").and_then(Named::of),
                node: node.clone(),
            }
        })
        .collect()
}

/// A value that Backstage replaces by the content of a file when it reads the entity, such as `$yaml: ./form.yaml`:
/// nothing is known of it.
pub fn is_placeholder(node: &Node) -> bool {
    match node.entries() {
        [entry] => is_placeholder_key(&entry.key),
        _ => false,
    }
}

fn is_placeholder_key(key: &Key) -> bool {
    key.name.strip_prefix('$').is_some_and(|name| {
        !name.starts_with('{')
            && !matches!(
                name,
                "" | "ref" | "id" | "schema" | "defs" | "comment" | "anchor"
            )
    })
}

/// The value as JSON, for reading it as a JSON Schema: what is a placeholder allows everything.
pub fn schema_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    if is_placeholder(node) {
        return Json::Bool(true);
    }
    match &node.value {
        Value::Sequence(items) => items.iter().map(schema_json).collect(),
        Value::Mapping(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| (entry.key.name.clone(), schema_json(&entry.value)))
                .collect(),
        ),
        _ => node.to_json(),
    }
}

/// Whether it is worth reading a text as YAML to look for templates in it.
pub fn may_be_template(source: &str) -> bool {
    source.contains("Template") || source.contains(API_VERSION)
}

/// Whether a text could hold a template, at a glance: a file that is not YAML has to be judged by this alone.
pub fn may_hold_template(source: &str) -> bool {
    let kind = source.lines().any(|line| {
        let value = line
            .strip_prefix("kind:")
            .map(|value| value.trim().trim_matches(['"', '\'']));
        value.is_some_and(|value| value.split_whitespace().next() == Some("Template"))
    });
    kind && source.contains("backstage.io")
}
