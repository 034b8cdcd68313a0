//! Mistakes in steps and in what they give their actions.

use sidestage_templates::expression::ExprKind;
use sidestage_templates::model::Place;
use sidestage_templates::yaml::{Entry, Node, Value};

use crate::Way;
use crate::subject::{Break, Given, Subject, lines};

pub(crate) const WAYS: &[Way] = &[
    Way::new("the name of an action misspelt", action_misspelt),
    Way::new("the `action` left out", |subject| {
        key_left_out(subject, "action")
    }),
    Way::new(
        "the `input` left out where something is needed",
        input_left_out,
    ),
    Way::new(
        "`id`, `action`, `input`, `if` or `each` misspelt",
        |subject| {
            let keys = subject.analysis.template.steps.iter().flat_map(|step| {
                step.node
                    .entries()
                    .iter()
                    .map(|entry| entry.key.span.clone())
            });
            subject.all_misspelt(keys)
        },
    ),
    Way::new("an id given twice", id_given_twice),
    Way::new("a step before the one it needs", moved_before),
    Way::new("a step left out that another needs", needed_left_out),
    Way::new("a step's id changed, not its uses", id_changed),
    Way::new(
        "a condition on a step whose output is used",
        made_conditional,
    ),
    Way::new("the `each` of a step left out", |subject| {
        key_left_out_and_used(subject)
    }),
    Way::new(
        "an `each` on a step whose output is used in a text",
        repeated,
    ),
    Way::new("a needed input left out", needed_input_left_out),
    Way::new("an input misspelt", |subject| {
        let keys = subject.given().into_iter();
        subject.all_misspelt(keys.map(|given| given.entry.key.span.clone()))
    }),
    Way::new("an input that the action does not have", input_too_many),
    Way::new("`organization` left out", organization_left_out),
    Way::new("a number for a text", |subject| {
        literal(subject, "string", "42")
    }),
    Way::new("a list for a text", |subject| {
        literal(subject, "string", "[a, b]")
    }),
    Way::new("a text for a list", |subject| {
        literal(subject, "array", "a")
    }),
    Way::new("a text for an object", |subject| {
        literal(subject, "object", "a")
    }),
    Way::new("a boolean in quotes", |subject| {
        literal(subject, "boolean", "'true'")
    }),
    Way::new("a number in quotes", |subject| {
        let mut breaks = literal(subject, "number", "'5'");
        breaks.extend(literal(subject, "integer", "'5'"));
        breaks
    }),
    Way::new("an output of another type", output_of_another_type),
    Way::new("a field of another type", field_of_another_type),
    Way::new("a value outside the enum", |subject| {
        value(subject, |given| {
            given.schema["enum"].is_array().then_some("no-such-value")
        })
    }),
    Way::new("a value against the pattern", |subject| {
        value(subject, |given| {
            given.schema["pattern"].is_string().then_some("'!?'")
        })
    }),
    Way::new("a number out of bounds", |subject| {
        value(subject, |given| {
            (given.schema["minimum"].is_number() || given.schema["exclusiveMinimum"].is_number())
                .then_some("-1")
        })
    }),
    Way::new("an empty text where none is allowed", |subject| {
        value(subject, |given| {
            (given.schema["minLength"].as_u64() > Some(0)).then_some("''")
        })
    }),
    Way::new("an expression in the name of a step", expression_in_name),
    Way::new("an input that comes by `<<`", merged),
    Way::new("a secret in a message, file, or description", secret_shown),
    Way::new("a token written into an input", token_written),
    Way::new("a password written into an input", |subject| {
        secrets(subject, "correct-horse-battery-staple")
    }),
];

fn steps_entry<'a>(subject: &Subject<'a>, key: &str) -> Vec<&'a Entry> {
    let steps = subject.analysis.template.steps.iter();
    steps.filter_map(|step| step.node.entry(key)).collect()
}

fn action_misspelt(subject: &Subject<'_>) -> Vec<Break> {
    let actions = steps_entry(subject, "action").into_iter();
    subject.all_misspelt(actions.map(|entry| entry.value.span.clone()))
}

fn key_left_out(subject: &Subject<'_>, key: &str) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter_map(|step| {
            let left_out = subject.without(&step.node, key)?;
            Some(left_out.near(step.node.span.clone()))
        })
        .collect()
}

fn input_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.steps();
    steps
        .filter_map(|(step, action, _)| {
            let needs = action?.input()?["required"].as_array()?;
            let left_out = subject.without(&step.node, "input")?;
            (!needs.is_empty()).then(|| left_out.near(step.node.span.clone()))
        })
        .collect()
}

/// The expressions that use a step, by its id.
fn uses<'a>(
    subject: &'a Subject<'_>,
    id: &'a str,
) -> impl Iterator<Item = (Place, std::ops::Range<usize>)> + 'a {
    subject
        .references("steps")
        .filter(move |(_, reference)| {
            reference.path.len() > 1
                && reference.path[0].text == id
                && reference.path[1].text == "output"
        })
        .map(|(expression, reference)| (expression.place, expression.source_range(reference.span)))
}

fn id_given_twice(subject: &Subject<'_>) -> Vec<Break> {
    let steps = &subject.analysis.template.steps;
    let pairs = steps.iter().zip(steps.iter().skip(1));
    pairs
        .filter_map(|(first, second)| {
            first.id_span.as_ref()?;
            Some(Break::replace(second.id_span.clone()?, first.id.clone()))
        })
        .collect()
}

fn moved_before(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for (needed, step) in subject.analysis.template.steps.iter().enumerate() {
        let mut users: Vec<usize> = uses(subject, &step.id)
            .filter_map(|(place, _)| match place {
                Place::Input(user) | Place::If(user) | Place::Each(user) => Some(user),
                _ => None,
            })
            .filter(|user| *user > needed)
            .collect();
        users.dedup();
        for user in users {
            let (Some(from), Some(to)) = (subject.step_lines(user), subject.step_lines(needed))
            else {
                continue;
            };
            let mut text = subject.source[from.clone()].to_owned();
            if !text.ends_with('\n') {
                text.push('\n');
            }
            breaks.push(Break::insert(to.start, text).and(from, ""));
        }
    }
    breaks
}

fn needed_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter().enumerate();
    steps
        .filter_map(|(index, step)| {
            let lines = subject.step_lines(index)?;
            let mut uses = uses(subject, &step.id)
                .filter(|(_, span)| !(lines.start <= span.start && span.end <= lines.end))
                .peekable();
            uses.peek()?;
            Some(
                uses.fold(Break::remove(lines.clone()), |change, (_, span)| {
                    change.near(span)
                }),
            )
        })
        .collect()
}

fn id_changed(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter_map(|step| {
            let mut uses = uses(subject, &step.id).peekable();
            uses.peek()?;
            let change = Break::replace(step.id_span.clone()?, "renamed");
            Some(uses.fold(change, |change, (_, span)| change.near(span)))
        })
        .collect()
}

fn made_conditional(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter(|step| step.get("if").is_none())
        .filter_map(|step| {
            let mut uses = uses(subject, &step.id).peekable();
            uses.peek()?;
            let change = subject.with(
                step.node.entry("action")?,
                "if: ${{ user.ref == 'user:default/ada' }}",
            )?;
            Some(uses.fold(change, |change, (_, span)| change.near(span)))
        })
        .collect()
}

fn key_left_out_and_used(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter_map(|step| {
            step.get("each")?;
            let left_out = subject.without(&step.node, "each")?;
            Some(left_out.near(step.node.span.clone()))
        })
        .collect()
}

fn repeated(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter(|step| step.get("each").is_none())
        .filter_map(|step| {
            let mut uses = uses(subject, &step.id).peekable();
            uses.peek()?;
            let change = subject.with(step.node.entry("action")?, "each: [a, b]")?;
            Some(uses.fold(change, |change, (_, span)| change.near(span)))
        })
        .collect()
}

fn needed_input_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let given = subject.given().into_iter();
    given
        .filter(|given| given.required)
        .filter_map(|given| {
            let left_out = subject.without(given.parent, &given.entry.key.name)?;
            Some(left_out.near(given.step.node.span.clone()))
        })
        .collect()
}

fn input_too_many(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.steps();
    steps
        .filter_map(|(step, action, _)| {
            action?.input()?;
            let last = step.get("input")?.entries().last()?;
            subject.with(last, "somethingElse: a")
        })
        .collect()
}

fn organization_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let given = subject.given().into_iter();
    given
        .filter(|given| given.entry.key.name == "organization")
        .filter(|given| &*given.action.source == "Sidestage")
        .filter_map(|given| {
            let left_out = subject.without(given.parent, "organization")?;
            Some(left_out.near(given.step.node.span.clone()))
        })
        .collect()
}

/// Inputs that take one type and are written out, with something else in their place.
fn literal(subject: &Subject<'_>, wanted: &str, by: &str) -> Vec<Break> {
    value(subject, |given| {
        let written_out = !subject.has_expression(&given.entry.value);
        (given.wanted() == wanted && written_out).then_some(by)
    })
}

/// Inputs with another value in their place.
fn value<'s>(subject: &Subject<'_>, by: impl Fn(&Given<'_>) -> Option<&'s str>) -> Vec<Break> {
    let given = subject.given().into_iter();
    given
        .filter_map(|given| {
            let by = by(&given)?;
            Some(replaced(&given.entry.key.span, &given.entry.value, by))
        })
        .collect()
}

/// The value of a key with another one in its place, on the line of the key.
fn replaced(key: &std::ops::Range<usize>, node: &Node, by: &str) -> Break {
    match node.value {
        Value::Mapping(_) | Value::Sequence(_) => {
            Break::replace(key.end..node.span.end, format!(": {by}"))
        }
        _ => Break::replace(node.span.clone(), by),
    }
}

/// Inputs that are one output of a step, with another output of that step.
fn output_of_another_type(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for given in subject.given() {
        let Some(expression) = subject.analysis.expression(&given.pointer) else {
            continue;
        };
        let Ok(parsed) = &expression.parsed else {
            continue;
        };
        let Some(sole) = parsed.template.sole_expression() else {
            continue;
        };
        let references = parsed.template.references();
        let [reference] = references.as_slice() else {
            continue;
        };
        let (true, [id, _, output]) = (
            sole.span == reference.span && reference.root.text == "steps",
            reference.path.as_slice(),
        ) else {
            continue;
        };
        let outputs = subject
            .analysis
            .steps()
            .filter(|(step, ..)| step.id == id.text)
            .filter_map(|(_, action, _)| action?.output()?["properties"].as_object())
            .flatten();
        let mut others = outputs.filter(|(_, schema)| {
            let ty = schema["type"].as_str().unwrap_or_default();
            !ty.is_empty() && ty != given.wanted()
        });
        if let Some((name, _)) = others.next().filter(|_| !given.wanted().is_empty()) {
            breaks.push(Break::replace(
                expression.source_range(output.span),
                name.as_str(),
            ));
        }
    }
    breaks
}

/// Inputs that are one field of the form, with a field of another type.
fn field_of_another_type(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    let ty = |schema: &Node| {
        let ty = schema.get("type").and_then(Node::as_str);
        ty.unwrap_or_default().to_owned()
    };
    for given in subject.given() {
        let Some(expression) = subject.analysis.expression(&given.pointer) else {
            continue;
        };
        let Ok(parsed) = &expression.parsed else {
            continue;
        };
        let field = match parsed.template.sole_expression().map(|expr| &expr.kind) {
            Some(ExprKind::Member { target, name }) if matches!(&target.kind, ExprKind::Name(root) if root == "parameters") => {
                name
            }
            _ => continue,
        };
        let other = subject.analysis.form.fields.iter().find(|field| {
            let ty = ty(&field.schema);
            !ty.is_empty() && !given.wanted().is_empty() && ty != given.wanted()
        });
        if let Some(other) = other {
            breaks.push(Break::replace(
                expression.source_range(field.span),
                other.name.clone(),
            ));
        }
    }
    breaks
}

fn expression_in_name(subject: &Subject<'_>) -> Vec<Break> {
    let names = steps_entry(subject, "name").into_iter();
    names
        .map(|entry| Break::replace(entry.value.span.clone(), "Greet ${{ user.ref }}"))
        .collect()
}

fn merged(subject: &Subject<'_>) -> Vec<Break> {
    let given = subject.given().into_iter();
    given
        .filter(|given| given.entry.value.is_mapping())
        .map(|given| Break::replace(given.entry.key.span.clone(), "<<"))
        .collect()
}

/// What is shown to others: the log, files of a skeleton, what is published.
const SHOWN: &[(&str, &str)] = &[
    ("debug:log", "/message"),
    ("fetch:template", "/values/"),
    ("publish:", "/description"),
    ("publish:", "/gitCommitMessage"),
    ("notification:send", "/title"),
    ("github:issues:create", "/body"),
];

fn secret_shown(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for (step, ..) in subject.analysis.steps() {
        let (Some(action), Some(input)) = (&step.action, step.get("input")) else {
            continue;
        };
        input.walk("", &mut |pointer, node| {
            let shown = SHOWN
                .iter()
                .any(|(id, at)| action.name.starts_with(id) && pointer.starts_with(at));
            if shown && node.as_str().is_some() {
                breaks.push(Break::replace(node.span.clone(), "${{ secrets.TOKEN }}"));
            }
        });
    }
    breaks
}

/// Inputs that are a secret, written out.
fn secrets(subject: &Subject<'_>, by: &str) -> Vec<Break> {
    subject
        .references("secrets")
        .map(|(expression, _)| Break::replace(expression.span.clone(), by))
        .collect()
}

fn token_written(subject: &Subject<'_>) -> Vec<Break> {
    // Put together here, so that nobody's search for tokens finds this file.
    let token = format!("ghp_{}", "a1B2c3D4".repeat(5));
    let mut breaks = secrets(subject, &token);
    for given in subject.given() {
        let line = lines(subject.source, &given.entry.value.span);
        let one_line = given.entry.value.span.end <= line.end;
        if given.wanted() == "string" && one_line {
            breaks.push(Break::replace(given.entry.value.span.clone(), &*token));
        }
    }
    breaks
}
