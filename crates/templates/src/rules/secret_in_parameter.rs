use crate::expression::{BinaryOperator, Expr, ExprKind, Span};
use crate::finding::{Finding, Fix, Severity};
use crate::model::{Analysis, Place};
use crate::yaml::Node;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "secret-in-parameter",
    severity: Severity::Error,
    page: include_str!("secret_in_parameter.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    typed_in_the_open(analysis, findings);
    read_as_parameter(analysis, findings);
}

/// A secret field keeps its value among the secrets. What it leaves in its parameter only shows how long it is.
fn read_as_parameter(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let is_secret = |name: &str| {
        let mut fields = analysis.form.fields.iter().filter(|field| field.name == name).peekable();
        fields.peek().is_some() && fields.all(|field| field.schema.get("ui:field").and_then(Node::as_str) == Some("Secret"))
    };
    for expression in &analysis.expressions {
        let (Place::Input(_) | Place::Each(_), Ok(parsed)) = (expression.place, &expression.parsed) else { continue };
        let mut used = Vec::new();
        parsed.template.outputs().for_each(|output| values(output, &mut used));
        for reference in parsed.template.references() {
            let [name] = reference.path.as_slice() else { continue };
            if reference.root.text != "parameters" || !used.contains(&reference.span) || !is_secret(&name.text) {
                continue;
            }
            let root = expression.source_range(reference.root.span);
            let message = format!("`{}` is a `Secret` field: its value is in `secrets`", name.text);
            findings.push(
                Finding::new(&RULE, expression.source_range(reference.span), message)
                    .label("this is nothing but asterisks")
                    .help(format!("write `secrets.{}`", name.text))
                    .fix(Fix::replace(root, "secrets", "write `secrets`")),
            );
        }
    }
}

/// The parts of an expression that its value can come from. What is only asked for, as in a condition, is none.
fn values(expr: &Expr, found: &mut Vec<Span>) {
    match &expr.kind {
        ExprKind::Group(items) => items.iter().for_each(|item| values(item, found)),
        ExprKind::If { then, otherwise, .. } => {
            values(then, found);
            otherwise.iter().for_each(|otherwise| values(otherwise, found));
        }
        ExprKind::Binary { operator: BinaryOperator::And, right, .. } => values(right, found),
        ExprKind::Binary { left, right, .. } => {
            values(left, found);
            values(right, found);
        }
        ExprKind::Filter { input, .. } => values(input, found),
        _ => found.push(expr.span),
    }
}

fn typed_in_the_open(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for field in &analysis.form.fields {
        let text = |node: Option<&Node>| node.and_then(Node::as_str).map(str::to_owned);
        let options = field.schema.get("ui:options");
        let hidden = text(field.schema.get("ui:widget")).as_deref() == Some("password")
            || text(field.schema.get("format")).as_deref() == Some("password")
            || text(options.and_then(|options| options.get("widget"))).as_deref() == Some("password")
            || text(field.schema.get("ui:inputType")).as_deref() == Some("password");
        // A field that puts its value among the secrets says so by its name.
        if hidden && field.schema.get("ui:field").is_none() {
            findings.push(
                Finding::new(&RULE, field.span.clone(), format!("`{}` is hidden while it is typed, and stored in the open", field.name))
                    .label("parameters are kept with the task, and everybody who sees the task sees them")
                    .help("use `ui:field: Secret`, and `secrets` in place of `parameters`")
                    .at_most(Severity::Warning),
            );
        }
    }
}
