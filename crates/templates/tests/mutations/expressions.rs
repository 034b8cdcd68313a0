//! Mistakes in expressions.

use std::ops::Range;

use sidestage_templates::expression::{
    BinaryOperator, CompareOperator, Expr, ExprKind, Node, Span, StatementKind,
};
use sidestage_templates::model::{Expression, Place};

use crate::Way;
use crate::subject::{Break, Subject, is_string};

pub(crate) const WAYS: &[Way] = &[
    Way::new("an output misspelt", |subject| below(subject, "steps", 2)),
    Way::new("the word `output` misspelt", |subject| {
        below(subject, "steps", 1)
    }),
    Way::new("the id of a step misspelt where it is used", |subject| {
        below(subject, "steps", 0)
    }),
    Way::new("a parameter misspelt where it is used", |subject| {
        below(subject, "parameters", 0)
    }),
    Way::new("something within a parameter misspelt", |subject| {
        below(subject, "parameters", 1)
    }),
    Way::new("something within `each` or `user` misspelt", |subject| {
        let mut breaks = below(subject, "each", 0);
        breaks.extend(below(subject, "user", 0));
        breaks
    }),
    Way::new(
        "something of what a filter gives misspelt",
        of_a_filter_misspelt,
    ),
    Way::new("`parameters`, `steps`, `each` or `user` misspelt", |s| {
        variables(s, &["parameters", "steps", "each", "user"])
    }),
    Way::new("`secrets` misspelt", |subject| {
        variables(subject, &["secrets"])
    }),
    Way::new("the last name of a reference left out", last_name_left_out),
    Way::new(
        "a step's id with a dash after a dot",
        dashed_without_brackets,
    ),
    Way::new("a filter misspelt", filter_misspelt),
    Way::new("a filter written as a function", filter_as_function),
    Way::new("the arguments of a filter left out", arguments_left_out),
    Way::new("a name called as a function", called),
    Way::new("`}}` left out", |subject| closing(subject, "")),
    Way::new("`}` for `}}`", |subject| closing(subject, "}")),
    Way::new("`${ }` for `${{ }}`", |subject| opening(subject, "${")),
    Way::new("`{{ }}` for `${{ }}`", |subject| opening(subject, "{{")),
    Way::new("`=` for `==`", |subject| {
        compared(subject, CompareOperator::Equal, "=")
    }),
    Way::new("`&&` for `and`", |subject| {
        joined(subject, BinaryOperator::And, "&&")
    }),
    Way::new("`||` for `or`", |subject| {
        joined(subject, BinaryOperator::Or, "||")
    }),
    Way::new("`not a == b` for `a != b`", not_before_comparison),
    Way::new("a quote left out", quote_left_out),
    Way::new("a bracket left out", bracket_left_out),
    Way::new("`{% endif %}` left out", end_left_out),
    Way::new(
        "a value of an enum misspelt in a comparison",
        compared_value_misspelt,
    ),
    Way::new("a condition without its `${{ }}`", condition_without_marks),
    Way::new("something behind the `}}` of a condition", |subject| {
        sole(subject, |place| matches!(place, Place::If(_)))
            .map(|(expression, _)| Break::insert(inside(subject, expression).end, " == true"))
            .collect()
    }),
    Way::new(
        "`or false` left out of the condition of a link",
        |subject| {
            sole(subject, |place| place == Place::Output)
                .filter_map(|(expression, expr)| match &expr.kind {
                    ExprKind::Binary { left, right, .. }
                        if matches!(right.kind, ExprKind::Boolean(false)) =>
                    {
                        let rest = Span::new(left.span.end, right.span.end);
                        Some(Break::remove(expression.source_range(rest)))
                    }
                    _ => None,
                })
                .collect()
        },
    ),
    Way::new("`each` over a text", each_over_text),
    Way::new("a secret in a condition", |subject| {
        // Under `each` there are secrets in a condition too.
        let repeated = |step: usize| subject.analysis.template.steps[step].get("each").is_some();
        secret_in(
            subject,
            |place| matches!(place, Place::If(step) if !repeated(step)),
        )
    }),
    Way::new("a secret in the output", |subject| {
        secret_in(subject, |place| place == Place::Output)
    }),
    Way::new("an object in the midst of a text", |subject| {
        within_text(subject, "parameters")
    }),
    Way::new("nothing in the midst of a text", |subject| {
        within_text(subject, "none")
    }),
];

/// The name that comes `depth` names after `root`, misspelt.
fn below(subject: &Subject<'_>, root: &str, depth: usize) -> Vec<Break> {
    let names = subject
        .references(root)
        .filter_map(|(expression, reference)| {
            let name = reference.path.get(depth)?;
            Some(expression.source_range(name.span))
        });
    subject.all_misspelt(names)
}

fn variables(subject: &Subject<'_>, roots: &[&str]) -> Vec<Break> {
    let names = roots
        .iter()
        .flat_map(|root| subject.references(root))
        .map(|(expression, reference)| expression.source_range(reference.root.span));
    subject.all_misspelt(names)
}

fn of_a_filter_misspelt(subject: &Subject<'_>) -> Vec<Break> {
    let names = subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Member { target, name } if comes_of_filter(target) => {
                Some(expression.source_range(name.span))
            }
            _ => None,
        });
    subject.all_misspelt(names)
}

fn comes_of_filter(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Filter { .. } => true,
        ExprKind::Group(items) => items.last().is_some_and(comes_of_filter),
        _ => false,
    }
}

fn last_name_left_out(subject: &Subject<'_>) -> Vec<Break> {
    ["steps", "parameters", "each", "user"]
        .iter()
        .flat_map(|root| subject.references(root))
        .filter(|(_, reference)| !reference.computed)
        .filter_map(|(expression, reference)| {
            let last = reference.path.last()?.span;
            let before = match reference.path.len() {
                1 => reference.root.span,
                length => reference.path[length - 2].span,
            };
            // Of `a['b'].c` the bracket stays.
            let text = &expression.text.value;
            let kept = before.end + usize::from(text[before.end..].starts_with(']'));
            (last.end == reference.span.end)
                .then(|| Break::remove(expression.source_range(Span::new(kept, last.end))))
        })
        .collect()
}

fn dashed_without_brackets(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Index { target, index } => match &index.kind {
                ExprKind::String(name) if name.contains('-') => Some(Break::replace(
                    expression.source_range(Span::new(target.span.end, expr.span.end)),
                    format!(".{name}"),
                )),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn filter_misspelt(subject: &Subject<'_>) -> Vec<Break> {
    let names = subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Filter { name, .. } => Some(expression.source_range(name.span)),
            _ => None,
        });
    subject.all_misspelt(names)
}

/// `upper(a)` for `a | upper`.
fn filter_as_function(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Filter { input, name, .. } => {
                let input = input.span.of(&expression.text.value);
                Some(Break::replace(
                    expression.source_range(expr.span),
                    format!("{}({input})", name.text),
                ))
            }
            _ => None,
        })
        .collect()
}

fn arguments_left_out(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Filter {
                name, arguments, ..
            } if arguments.iter().next().is_some() => Some(Break::remove(
                expression.source_range(Span::new(name.span.end, expr.span.end)),
            )),
            _ => None,
        })
        .collect()
}

fn called(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .references("parameters")
        .filter(|(_, reference)| !reference.path.is_empty())
        .map(|(expression, reference)| {
            Break::insert(expression.source_range(reference.span).end, "()")
        })
        .collect()
}

/// The expressions of `${{ }}` at the top of each text.
fn outputs<'a>(subject: &Subject<'a>) -> impl Iterator<Item = (&'a Expression, &'a Expr)> {
    subject.analysis.expressions.iter().flat_map(|expression| {
        let nodes = expression
            .parsed
            .as_ref()
            .map(|parsed| parsed.template.nodes.as_slice());
        nodes
            .unwrap_or_default()
            .iter()
            .filter_map(move |node| match node {
                Node::Output(expr) => Some((expression, expr)),
                _ => None,
            })
    })
}

fn closing(subject: &Subject<'_>, by: &str) -> Vec<Break> {
    outputs(subject)
        .filter_map(|(expression, expr)| {
            let at = expr.span.end + expression.text.value[expr.span.end..].find("}}")?;
            Some(Break::replace(
                expression.source_range(Span::new(at, at + 2)),
                by,
            ))
        })
        .collect()
}

fn opening(subject: &Subject<'_>, by: &str) -> Vec<Break> {
    outputs(subject)
        .filter_map(|(expression, expr)| {
            let text = &expression.text.value;
            let start = text[..expr.span.start].rfind("${{")?;
            let open = Break::replace(expression.source_range(Span::new(start, start + 3)), by);
            if by == "{{" {
                return Some(open);
            }
            let end = expr.span.end + text[expr.span.end..].find("}}")?;
            Some(open.and(expression.source_range(Span::new(end, end + 2)), "}"))
        })
        .collect()
}

fn compared(subject: &Subject<'_>, which: CompareOperator, by: &str) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| {
            let ExprKind::Compare { first, rest } = &expr.kind else {
                return None;
            };
            let (operator, second) = rest.first()?;
            let between = Span::new(first.span.end, second.span.start);
            (*operator == which)
                .then(|| Break::replace(expression.source_range(between), format!(" {by} ")))
        })
        .collect()
}

fn joined(subject: &Subject<'_>, which: BinaryOperator, by: &str) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Binary {
                operator,
                left,
                right,
            } if *operator == which => {
                let between = Span::new(left.span.end, right.span.start);
                Some(Break::replace(
                    expression.source_range(between),
                    format!(" {by} "),
                ))
            }
            _ => None,
        })
        .collect()
}

fn not_before_comparison(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter_map(|(expression, expr)| {
            let ExprKind::Compare { first, rest } = &expr.kind else {
                return None;
            };
            let [(CompareOperator::NotEqual, second)] = rest.as_slice() else {
                return None;
            };
            let between = Span::new(first.span.end, second.span.start);
            let start = expression.source_range(first.span).start;
            Some(Break::insert(start, "not ").and(expression.source_range(between), " == "))
        })
        .collect()
}

fn quote_left_out(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter(|(_, expr)| is_string(expr))
        .map(|(expression, expr)| {
            let end = expr.span.end;
            Break::remove(expression.source_range(Span::new(end - 1, end)))
        })
        .collect()
}

fn bracket_left_out(subject: &Subject<'_>) -> Vec<Break> {
    subject
        .expressions()
        .filter(|(expression, expr)| {
            let text = expr.span.of(&expression.text.value);
            let bracketed = matches!(
                expr.kind,
                ExprKind::Group(_)
                    | ExprKind::Filter { .. }
                    | ExprKind::Call { .. }
                    | ExprKind::Index { .. }
                    | ExprKind::Array(_)
                    | ExprKind::Dict(_)
            );
            bracketed && text.ends_with([')', ']', '}'])
        })
        .map(|(expression, expr)| {
            let end = expr.span.end;
            Break::remove(expression.source_range(Span::new(end - 1, end)))
        })
        .collect()
}

fn end_left_out(subject: &Subject<'_>) -> Vec<Break> {
    let mut breaks = Vec::new();
    for expression in &subject.analysis.expressions {
        let Ok(parsed) = &expression.parsed else {
            continue;
        };
        let conditions = parsed.template.nodes.iter().filter_map(|node| match node {
            Node::Statement(statement) if matches!(statement.kind, StatementKind::If { .. }) => {
                Some(statement.span)
            }
            _ => None,
        });
        for condition in conditions {
            const END: &str = "{% endif %}";
            let text = &expression.text.value;
            if let Some(at) = text[condition.end..].find(END) {
                let start = condition.end + at;
                let end = Span::new(start, start + END.len());
                // The engine misses it where the text ends.
                breaks.push(
                    Break::remove(expression.source_range(end))
                        .near(expression.source_range(condition)),
                );
            }
        }
    }
    breaks
}

fn compared_value_misspelt(subject: &Subject<'_>) -> Vec<Break> {
    let is_enum = |expr: &Expr| match &expr.kind {
        ExprKind::Member { target, name } => {
            let parameters = matches!(&target.kind, ExprKind::Name(name) if name == "parameters");
            let mut fields = subject.analysis.form.fields.iter();
            parameters
                && fields.any(|field| field.name == name.text && field.schema.get("enum").is_some())
        }
        _ => false,
    };
    let values = subject
        .expressions()
        .filter_map(|(expression, expr)| match &expr.kind {
            ExprKind::Compare { first, rest } => match rest.as_slice() {
                [(_, second)] if is_enum(first) && is_string(second) => {
                    Some(expression.source_range(second.span))
                }
                _ => None,
            },
            _ => None,
        });
    subject.all_misspelt(values)
}

/// The texts that are one expression and nothing else, at some places.
fn sole<'a>(
    subject: &Subject<'a>,
    wanted: impl Fn(Place) -> bool,
) -> impl Iterator<Item = (&'a Expression, &'a Expr)> {
    subject
        .analysis
        .expressions
        .iter()
        .filter(move |expression| wanted(expression.place))
        .filter_map(|expression| {
            let parsed = expression.parsed.as_ref().ok()?;
            Some((expression, parsed.template.sole_expression()?))
        })
}

/// A text in the source, without its quotes.
fn inside(subject: &Subject<'_>, expression: &Expression) -> Range<usize> {
    let span = expression.span.clone();
    if subject.source[span.clone()].starts_with(['\'', '"']) {
        span.start + 1..span.end - 1
    } else {
        span
    }
}

fn condition_without_marks(subject: &Subject<'_>) -> Vec<Break> {
    sole(subject, |place| matches!(place, Place::If(_)))
        .map(|(expression, expr)| {
            let code = expression.source_range(expr.span);
            Break::replace(inside(subject, expression), &subject.source[code])
        })
        .collect()
}

fn each_over_text(subject: &Subject<'_>) -> Vec<Break> {
    let steps = subject.analysis.template.steps.iter();
    steps
        .filter_map(|step| step.get("each"))
        .map(|each| Break::replace(each.span.clone(), "${{ user.ref }}"))
        .collect()
}

fn secret_in(subject: &Subject<'_>, wanted: impl Fn(Place) -> bool) -> Vec<Break> {
    outputs(subject)
        .filter(|(expression, _)| wanted(expression.place))
        .map(|(expression, expr)| {
            Break::replace(expression.source_range(expr.span), "secrets.TOKEN")
        })
        .collect()
}

/// Expressions in the midst of a text, with another one in their place.
fn within_text(subject: &Subject<'_>, by: &str) -> Vec<Break> {
    outputs(subject)
        .filter(|(expression, _)| {
            let parsed = expression.parsed.as_ref();
            parsed.is_ok_and(|parsed| parsed.template.sole_expression().is_none())
        })
        .map(|(expression, expr)| Break::replace(expression.source_range(expr.span), by))
        .collect()
}
