//! Mistakes in the form.

use std::ops::Range;

use sidestage_templates::expression::{Expr, ExprKind};
use sidestage_templates::yaml::{Entry, Node, Value};

use crate::Way;
use crate::subject::{Break, Subject, lines};

pub(crate) const WAYS: &[Way] = &[
    Way::new("a required field misspelt", |subject| {
        let names = schemas(subject).into_iter().flat_map(|schema| {
            let names = schema.get("required").map(Node::items);
            names
                .unwrap_or_default()
                .iter()
                .map(|name| name.span.clone())
        });
        subject.all_misspelt(names)
    }),
    Way::new("a field renamed, not its uses", field_renamed),
    Way::new(
        "a field that an action needs not required",
        needed_by_action,
    ),
    Way::new("a field that a filter needs not required", needed_by_filter),
    Way::new("the type of a field misspelt", |subject| {
        let types = values(subject, "type").into_iter();
        subject.all_misspelt(types.map(|entry| entry.value.span.clone()))
    }),
    Way::new("a field of another type", type_changed),
    Way::new("a default of another type", default_of_another_type),
    Way::new("a default outside the enum", |subject| {
        defaults(
            subject,
            |schema| schema.get("enum").is_some(),
            "no-such-value",
        )
    }),
    Way::new("a default against the pattern", |subject| {
        defaults(subject, |schema| schema.get("pattern").is_some(), "'!?'")
    }),
    Way::new("a keyword of JSON Schema misspelt", |subject| {
        keys_misspelt(subject, |key| !key.starts_with("ui:"))
    }),
    Way::new("a `ui:` key misspelt", |subject| {
        keys_misspelt(subject, |key| key.starts_with("ui:"))
    }),
    Way::new("the name of a `ui:field` misspelt", |subject| {
        let fields = values(subject, "ui:field").into_iter();
        subject.all_misspelt(fields.map(|entry| entry.value.span.clone()))
    }),
    Way::new("an option of a `ui:field` misspelt", |subject| {
        let options = values(subject, "ui:options")
            .into_iter()
            .flat_map(|options| options.value.entries())
            .map(|entry| entry.key.span.clone());
        subject.all_misspelt(options)
    }),
    Way::new("a pattern that is none", |subject| {
        let patterns = values(subject, "pattern").into_iter();
        patterns
            .map(|entry| Break::replace(entry.value.span.clone(), "'^[a-z+$'"))
            .collect()
    }),
    Way::new("`enum` or `required` no list", |subject| {
        let mut lists = values(subject, "enum");
        lists.extend(values(subject, "required"));
        lists
            .into_iter()
            .map(|entry| in_place(entry, "true"))
            .collect()
    }),
    Way::new(
        "a keyword of JSON Schema with a text for a number",
        number_as_text,
    ),
    Way::new("`enum` with a value twice, or with none", |subject| {
        let enums = values(subject, "enum").into_iter();
        enums
            .flat_map(|entry| {
                let first = &entry.value.items()[0].span;
                let text = &subject.source[first.clone()];
                let in_brackets = subject.source[entry.value.span.clone()].starts_with('[');
                let twice = Break::insert(first.end, format!(", {text}"));
                [Some(in_place(entry, "[]")), in_brackets.then_some(twice)]
            })
            .flatten()
            .collect()
    }),
    Way::new("`type` or `items` of a field left out", shape_left_out),
    Way::new("a `$ref` to what is not there", |subject| {
        let types = values(subject, "type").into_iter();
        types
            .map(|entry| Break::replace(entry.span(), "$ref: '#/definitions/none'"))
            .collect()
    }),
    Way::new("the name of a `ui:widget` misspelt", |subject| {
        let widgets = values(subject, "ui:widget").into_iter();
        subject.all_misspelt(widgets.map(|entry| entry.value.span.clone()))
    }),
    Way::new("an option of a `ui:field` in the field itself", |subject| {
        let options = values(subject, "ui:options").into_iter();
        options
            .filter(|entry| !entry.value.entries().is_empty())
            .map(|entry| Break::replace(entry.key.span.clone(), "options"))
            .collect()
    }),
    Way::new("`ui:order` without all fields", |subject| {
        let fields = values(subject, "properties").into_iter();
        fields
            .filter(|entry| !entry.value.entries().is_empty())
            .map(|entry| {
                let start = entry.key.span.start;
                let column = start - lines(subject.source, &(start..start)).start;
                Break::insert(start, format!("ui:order: [none]\n{}", " ".repeat(column)))
            })
            .collect()
    }),
    Way::new("a page without `properties`", |subject| {
        let pages = subject.analysis.template.pages.iter();
        pages
            .filter_map(|page| {
                let properties = page.schema.entry("properties")?;
                let key = &properties.key.span;
                let change = Break::replace(key.clone(), "fields");
                let names = properties.value.entries().iter();
                Some(
                    names
                        .flat_map(|entry| uses(subject, &entry.key.name))
                        .fold(change, Break::near),
                )
            })
            .collect()
    }),
    Way::new("a field that is a text", |subject| {
        let fields = values(subject, "properties").into_iter();
        fields
            .flat_map(|properties| properties.value.entries())
            .map(|entry| in_place(entry, "string"))
            .collect()
    }),
    Way::new("an expression in a default", |subject| {
        let defaults = values(subject, "default").into_iter();
        defaults
            .map(|entry| in_place(entry, "${{ user.ref }}"))
            .collect()
    }),
    Way::new("a secret in an ordinary field", secret_in_ordinary_field),
    Way::new("a `Secret` field read from `parameters`", |subject| {
        let fields = subject.analysis.form.fields.iter();
        let secret: Vec<&str> = fields
            .filter(|field| field.schema.get("ui:field").and_then(Node::as_str) == Some("Secret"))
            .map(|field| field.name.as_str())
            .collect();
        let references = subject.references("secrets");
        references
            .filter(|(_, reference)| {
                let name = reference.path.first();
                name.is_some_and(|name| secret.contains(&name.text.as_str()))
            })
            .map(|(expression, reference)| {
                Break::replace(expression.source_range(reference.root.span), "parameters")
            })
            .collect()
    }),
    Way::new("the name of a secret misspelt", |subject| {
        let references = subject.references("secrets");
        let names = references.filter_map(|(expression, reference)| {
            let name = reference.path.first()?;
            Some(expression.source_range(name.span))
        });
        subject.all_misspelt(names)
    }),
];

/// Every schema in the form that a value of the form is held against.
fn schemas<'a>(subject: &Subject<'a>) -> Vec<&'a Node> {
    let mut found = Vec::new();
    for page in &subject.analysis.template.pages {
        collect(&page.schema, &mut found);
    }
    found
}

fn collect<'a>(schema: &'a Node, found: &mut Vec<&'a Node>) {
    if !schema.is_mapping() {
        return;
    }
    found.push(schema);
    for entry in schema.entries() {
        match entry.key.name.as_str() {
            "properties" | "dependencies" => {
                for inner in entry.value.entries() {
                    collect(&inner.value, found);
                }
            }
            "allOf" | "anyOf" | "oneOf" => {
                for inner in entry.value.items() {
                    collect(inner, found);
                }
            }
            "items" | "if" | "then" | "else" => collect(&entry.value, found),
            _ => {}
        }
    }
}

fn values<'a>(subject: &Subject<'a>, key: &str) -> Vec<&'a Entry> {
    let schemas = schemas(subject).into_iter();
    schemas.filter_map(|schema| schema.entry(key)).collect()
}

fn in_place(entry: &Entry, by: &str) -> Break {
    match entry.value.value {
        Value::Mapping(_) | Value::Sequence(_) => {
            Break::replace(entry.key.span.end..entry.value.span.end, format!(": {by}"))
        }
        _ => Break::replace(entry.value.span.clone(), by),
    }
}

fn keys_misspelt(subject: &Subject<'_>, wanted: impl Fn(&str) -> bool) -> Vec<Break> {
    let keys = schemas(subject)
        .into_iter()
        .flat_map(Node::entries)
        .filter(|entry| wanted(&entry.key.name))
        .map(|entry| entry.key.span.clone());
    subject.all_misspelt(keys)
}

/// Where a field is used, and where it is required.
fn uses(subject: &Subject<'_>, field: &str) -> Vec<Range<usize>> {
    let references = subject.references("parameters");
    let mut uses: Vec<Range<usize>> = references
        .filter(|(_, reference)| {
            reference
                .path
                .first()
                .is_some_and(|name| name.text == field)
        })
        .map(|(expression, reference)| expression.source_range(reference.span))
        .collect();
    for required in values(subject, "required") {
        let names = required.value.items().iter();
        uses.extend(
            names
                .filter(|name| name.as_str() == Some(field))
                .map(|name| name.span.clone()),
        );
    }
    uses
}

fn field_renamed(subject: &Subject<'_>) -> Vec<Break> {
    let fields = &subject.analysis.form.fields;
    fields
        .iter()
        // A field that several branches define is still there when one of them is gone.
        .filter(|field| {
            fields
                .iter()
                .filter(|other| other.name == field.name)
                .count()
                == 1
        })
        .filter_map(|field| {
            let uses = uses(subject, &field.name);
            let change = Break::replace(field.span.clone(), "renamed");
            (!uses.is_empty()).then(|| uses.into_iter().fold(change, Break::near))
        })
        .collect()
}

/// Inputs that have to be there, and are one field of the form and nothing else.
fn needed_by_action(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for given in subject.given().iter().filter(|given| given.required) {
        let expression = subject.analysis.expression(&given.pointer);
        let parsed = expression.and_then(|expression| expression.parsed.as_ref().ok());
        let sole = parsed.and_then(|parsed| parsed.template.sole_expression());
        let Some(name) = sole.and_then(parameter) else {
            continue;
        };
        // Where the step runs only if the field is there, nothing is missing.
        let condition = given
            .step
            .get("if")
            .map(|node| &subject.source[node.span.clone()]);
        if condition.is_some_and(|condition| condition.contains(&format!("parameters.{name}"))) {
            continue;
        }
        let changes = no_longer_required(subject, name).into_iter();
        breaks.extend(changes.map(|change| change.near(given.entry.value.span.clone())));
    }
    breaks
}

/// Filters that fail on nothing.
const FAIL_ON_NOTHING: [&str; 3] = ["parseRepoUrl", "parseEntityRef", "join"];

fn needed_by_filter(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for (expression, expr) in subject.expressions() {
        let ExprKind::Filter { input, name, .. } = &expr.kind else {
            continue;
        };
        let field = parameter(input).filter(|_| FAIL_ON_NOTHING.contains(&&*name.text));
        let changes = field.map(|field| no_longer_required(subject, field));
        for change in changes.unwrap_or_default() {
            breaks.push(change.near(expression.source_range(expr.span)));
        }
    }
    breaks
}

/// The name of the field, if an expression is a field of the form.
fn parameter(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Member { target, name } => {
            let parameters = matches!(&target.kind, ExprKind::Name(root) if root == "parameters");
            parameters.then_some(name.text.as_str())
        }
        _ => None,
    }
}

/// Leaves a field out of a `required`, unless it has a default.
fn no_longer_required(subject: &Subject<'_>, field: &str) -> Vec<Break> {
    let mut fields = subject.analysis.form.fields.iter();
    if fields.any(|other| other.name == field && other.schema.get("default").is_some()) {
        return Vec::new();
    }
    let lists = values(subject, "required").into_iter();
    lists
        .filter_map(|required| {
            let names = required.value.items();
            let at = names.iter().position(|item| item.as_str() == Some(field))?;
            let item = &names[at].span;
            Some(match names.get(at + 1) {
                Some(next) => Break::remove(item.start..next.span.start),
                None if at > 0 => Break::remove(names[at - 1].span.end..item.end),
                None => in_place(required, "[]"),
            })
        })
        .collect()
}

/// Limits in quotes, and a limit in quotes where a text has none.
fn number_as_text(subject: &Subject<'_>) -> Vec<Break> {
    let schemas = schemas(subject).into_iter();
    schemas
        .filter_map(|schema| {
            let limits = ["minLength", "maxLength", "minimum", "maximum", "minItems"];
            match limits.iter().find_map(|key| schema.entry(key)) {
                Some(limit) => Some(in_place(limit, "'10'")),
                None => subject.with(schema.entry("type")?, "maxLength: '10'"),
            }
        })
        .collect()
}

fn shape_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for properties in values(subject, "properties") {
        for field in properties.value.entries() {
            let schema = &field.value;
            let shown = ["ui:field", "enum", "properties", "allOf", "oneOf", "anyOf"];
            if shown.iter().any(|key| schema.get(key).is_some()) {
                continue;
            }
            let kinds = ["type", "items"].iter();
            let changes = kinds.filter_map(|key| {
                schema.entry(key)?;
                subject.without(schema, key)
            });
            // Without anything else in it a field is not shown at all, which is no mistake.
            let changes = changes.filter(|_| schema.entries().len() > 1);
            breaks.extend(changes.map(|change| change.near(field.key.span.clone())));
        }
    }
    breaks
}

fn type_changed(subject: &Subject<'_>) -> Vec<Break> {
    let fields = subject.analysis.form.fields.iter();
    fields
        .filter_map(|field| {
            let ty = field.schema.entry("type")?;
            let other = match ty.value.as_str()? {
                "string" | "boolean" => "object",
                _ => "string",
            };
            let change = Break::replace(ty.value.span.clone(), other);
            let uses = uses(subject, &field.name);
            let change = change.near(field.schema.span.clone());
            (!uses.is_empty()).then(|| uses.into_iter().fold(change, Break::near))
        })
        .collect()
}

fn default_of_another_type(subject: &Subject<'_>) -> Vec<Break> {
    let schemas = schemas(subject).into_iter();
    schemas
        .filter_map(|schema| {
            let default = schema.entry("default")?;
            let other = match schema.get("type")?.as_str()? {
                "string" => "42",
                _ => "some text",
            };
            Some(in_place(default, other))
        })
        .collect()
}

fn defaults(subject: &Subject<'_>, wanted: impl Fn(&Node) -> bool, by: &str) -> Vec<Break> {
    let schemas = schemas(subject).into_iter();
    schemas
        .filter(|schema| {
            wanted(schema)
                && schema
                    .get("type")
                    .is_none_or(|ty| ty.as_str() != Some("array"))
        })
        .filter_map(|schema| {
            let written = schema.entry("default").map(|default| in_place(default, by));
            written.or_else(|| subject.with(schema.entry("type")?, &format!("default: {by}")))
        })
        .collect()
}

fn secret_in_ordinary_field(subject: &Subject<'_>) -> Vec<Break> {
    let fields = subject.analysis.form.fields.iter();
    fields
        .filter_map(|field| {
            let ui = field.schema.entry("ui:field")?;
            (ui.value.as_str() == Some("Secret"))
                .then(|| Break::replace(ui.span(), "ui:widget: password").near(field.span.clone()))
        })
        .collect()
}
