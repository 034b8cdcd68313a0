use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::near::nearest;
use crate::yaml::{Entry, Node};

use super::invalid_form::every_schema;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "misspelt-form-option",
    severity: Severity::Warning,
    page: include_str!("misspelt_form_option.md"),
    check: Check::Template(check),
};

/// The keywords of JSON Schema, and what Backstage's forms add to it.
pub(super) const KEYWORDS: &[&str] = &[
    "$id", "$ref", "$schema", "$defs", "$comment", "additionalItems", "additionalProperties", "allOf", "anyOf", "const",
    "contains", "default", "definitions", "dependencies", "dependentRequired", "dependentSchemas", "deprecated", "description",
    "discriminator", "else", "enum", "enumNames", "errorMessage", "example", "examples", "exclusiveMaximum",
    "exclusiveMinimum", "format", "if", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
    "minLength", "minProperties", "minimum", "multipleOf", "not", "nullable", "oneOf", "options", "pattern", "patternProperties",
    "prefixItems", "properties", "propertyNames", "readOnly", "required", "then", "title", "type", "unevaluatedProperties",
    "uniqueItems", "when", "writeOnly", "backstage:featureFlag", "backstage:permissions", "backstage:review",
];
const UI: &[&str] = &[
    "ui:autocomplete", "ui:autofocus", "ui:backstage", "ui:classNames", "ui:description", "ui:disabled",
    "ui:emptyValue", "ui:enableMarkdownInDescription", "ui:enumDisabled", "ui:enumNames", "ui:field", "ui:FieldTemplate", "ui:fieldReplacesAnyOrOneOf",
    "ui:filePreview", "ui:globalOptions", "ui:help", "ui:hideError", "ui:inputType", "ui:label", "ui:ObjectFieldTemplate",
    "ui:ArrayFieldTemplate", "ui:options", "ui:order", "ui:placeholder", "ui:readonly", "ui:rootFieldId", "ui:rows",
    "ui:style", "ui:submitButtonOptions", "ui:title", "ui:widget", "ui:addable", "ui:copyable", "ui:orderable",
    "ui:removable", "ui:inline", "ui:accept", "ui:duplicateKeySuffixSeparator",
];
/// The fields that are known, with their options. A field that is not here is one of an instance's own.
const FIELDS: &[(&str, &[&str])] = &[
    ("EntityNamePicker", &[]),
    ("EntityPicker", &["allowedKinds", "defaultKind", "allowArbitraryValues", "defaultNamespace", "catalogFilter", "autoSelect"]),
    ("EntityTagsPicker", &["kinds", "showCounts", "helperText"]),
    ("MultiEntityPicker", &["allowedKinds", "defaultKind", "allowArbitraryValues", "defaultNamespace", "catalogFilter"]),
    ("MyGroupsPicker", &[]),
    ("OwnedEntityPicker", &["allowedKinds", "defaultKind", "allowArbitraryValues", "defaultNamespace", "catalogFilter", "autoSelect"]),
    ("OwnerPicker", &["allowedKinds", "allowArbitraryValues", "defaultNamespace", "catalogFilter"]),
    ("RepoBranchPicker", &["requestUserCredentials"]),
    ("RepoOwnerPicker", &["host", "excludedOwners", "requestUserCredentials"]),
    ("RepoUrlPicker", &[
        "allowedHosts", "allowedOrganizations", "allowedOwners", "allowedProjects", "allowedRepos", "ownerLabel",
        "ownerDescription", "repoLabel", "repoDescription", "disableRepoAutocomplete", "requestUserCredentials",
    ]),
    ("Secret", &[]),
    // Of Roadie, not of Backstage itself; the templates of this repository have it.
    ("SelectFieldFromApi", &[
        "arraySelector", "description", "labelSelector", "labelTemplate", "oauth", "params", "path", "placeholder",
        "successStatusCode", "title", "valueSelector",
    ]),
];

/// The widgets that the form has. Another one can be an instance's own.
const WIDGETS: &[&str] = &[
    "alt-date", "alt-datetime", "checkbox", "checkboxes", "color", "date", "datetime", "email", "file", "files", "hidden",
    "password", "radio", "range", "select", "text", "textarea", "time", "updown", "uri",
];
/// What `requestUserCredentials` consists of.
const CREDENTIALS: &[&str] = &["secretsKey", "additionalScopes"];

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for page in &analysis.template.pages {
        every_schema(&page.schema, &page.pointer, &mut |schema, _| {
            keywords(schema, findings);
            field(schema, findings);
            widget(schema, findings);
        });
    }
}

fn keywords(schema: &Node, findings: &mut Vec<Finding>) {
    for entry in schema.entries() {
        let name = entry.key.name.as_str();
        // `ui` is written before the colon, and something else after it.
        let known = if name.to_lowercase().starts_with("ui") { UI } else { KEYWORDS };
        let home = home(entry, schema);
        if (known.contains(&name) && home.is_none()) || name.starts_with("x-") {
            continue;
        }
        let free = known.iter().copied().filter(|key| schema.entry(key).is_none());
        if let Some(home) = home {
            findings.push(
                Finding::new(&RULE, entry.key.span.clone(), format!("a field has no `{name}` of its own"))
                    .label("has no effect")
                    .help(home),
            );
        } else if let Some(meant) = nearest(name, free) {
            findings.push(
                Finding::new(&RULE, entry.key.span.clone(), format!("the form does not know `{name}`"))
                    .label("has no effect")
                    .did_you_mean(Some(meant), entry.key.span.clone()),
            );
        }
    }
}

/// Where something belongs that is written in the field itself.
fn home(entry: &Entry, schema: &Node) -> Option<String> {
    let name = entry.key.name.as_str();
    let field = schema.get("ui:field").and_then(Node::as_str);
    let is_option = |(of, options): &(&str, &[&str])| Some(*of) == field && options.contains(&name);
    let is_field = |value: &str| FIELDS.iter().any(|(field, _)| *field == value);
    let is_widget = |value: &str| WIDGETS.contains(&value);
    match (name, entry.value.as_str()) {
        ("field", Some(value)) if is_field(value) => Some("write `ui:field`".to_owned()),
        ("widget", Some(value)) if is_widget(value) => Some("write `ui:widget`".to_owned()),
        ("options", None) if field.is_some_and(is_field) => Some("write `ui:options`".to_owned()),
        _ if !KEYWORDS.contains(&name) && FIELDS.iter().any(is_option) => Some(format!("`{name}` belongs in `ui:options`")),
        _ => None,
    }
}

/// A widget that does not exist makes the form fail.
fn widget(schema: &Node, findings: &mut Vec<Finding>) {
    let option = schema.get("ui:options").and_then(|options| options.get("widget"));
    let Some(written) = schema.get("ui:widget").or(option) else { return };
    let Some(name) = written.as_str().filter(|name| !WIDGETS.contains(name)) else { return };
    if let Some(meant) = nearest(name, WIDGETS.iter().copied()) {
        findings.push(
            Finding::new(&RULE, written.span.clone(), format!("the form has no widget `{name}`"))
                .label("the page cannot be shown")
                .did_you_mean(Some(meant), written.span.clone()),
        );
    }
}

fn field(schema: &Node, findings: &mut Vec<Finding>) {
    let Some(written) = schema.get("ui:field") else { return };
    let Some(name) = written.as_str() else { return };
    let Some((_, options)) = FIELDS.iter().find(|(field, _)| *field == name) else {
        if let Some(meant) = nearest(name, FIELDS.iter().map(|(field, _)| *field)) {
            findings.push(
                Finding::new(&RULE, written.span.clone(), format!("Backstage has no field `{name}`"))
                    .label("the form shows a plain field, or an error")
                    .did_you_mean(Some(meant), written.span.clone()),
            );
        }
        return;
    };
    let Some(given) = schema.get("ui:options") else { return };
    unknown_options(name, given, options, findings);
    if let Some(credentials) = given.get("requestUserCredentials") {
        unknown_options("requestUserCredentials", credentials, CREDENTIALS, findings);
    }
}

fn unknown_options(of: &str, given: &Node, known: &[&str], findings: &mut Vec<Finding>) {
    for entry in given.entries() {
        let option = entry.key.name.as_str();
        let free = known.iter().copied().filter(|option| given.entry(option).is_none());
        if known.contains(&option) {
            continue;
        }
        if let Some(meant) = nearest(option, free) {
            findings.push(
                Finding::new(&RULE, entry.key.span.clone(), format!("`{of}` has no option `{option}`"))
                    .label("has no effect")
                    .did_you_mean(Some(meant), entry.key.span.clone()),
            );
        }
    }
}
