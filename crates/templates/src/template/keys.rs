//! The keys that Backstage knows in a template.

const ROOT: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "spec",
    "relations",
    "status",
];
const METADATA: &[&str] = &[
    "name",
    "namespace",
    "title",
    "description",
    "labels",
    "annotations",
    "tags",
    "links",
    "uid",
    "etag",
];
const SPEC: &[&str] = &[
    "type",
    "owner",
    "lifecycle",
    "parameters",
    "steps",
    "output",
    "secrets",
    "presentation",
    "formDecorators",
    "EXPERIMENTAL_formDecorators",
    "EXPERIMENTAL_recovery",
    "system",
    "profile",
];
const STEP: &[&str] = &[
    "id",
    "name",
    "action",
    "input",
    "if",
    "each",
    "backstage:permissions",
];
const OUTPUT: &[&str] = &["links", "text"];
const LINK: &[&str] = &["if", "url", "entityRef", "title", "icon"];
const TEXT: &[&str] = &["if", "title", "icon", "content", "default"];

/// The keys of the object at a JSON pointer; none where a template has no keys of Backstage's own.
pub fn known_keys(pointer: &str) -> &'static [&'static str] {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        [] => ROOT,
        ["metadata"] => METADATA,
        ["spec"] => SPEC,
        ["spec", "steps", _] => STEP,
        ["spec", "output"] => OUTPUT,
        ["spec", "output", "links", _] => LINK,
        ["spec", "output", "text", _] => TEXT,
        _ => &[],
    }
}
