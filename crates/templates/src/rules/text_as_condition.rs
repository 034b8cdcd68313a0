use crate::expression::{self, parse};
use crate::finding::{Finding, Fix, Severity};
use crate::model::Analysis;
use crate::yaml::Node;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "text-as-condition",
    severity: Severity::Error,
    page: include_str!("text_as_condition.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for step in &analysis.template.steps {
        findings.extend(step.get("if").and_then(finding));
    }
    for item in analysis.template.spec("output").into_iter().flat_map(conditional) {
        findings.extend(item.get("if").and_then(finding));
    }
}

/// What can have a condition in the output of a template.
fn conditional(output: &Node) -> impl Iterator<Item = &Node> {
    let list = |key| output.get(key).map(Node::items).unwrap_or_default();
    list("links").iter().chain(list("text"))
}

fn finding(condition: &Node) -> Option<Finding> {
    let text = condition.as_text()?;
    // What cannot be read is reported as such.
    let parsed = parse(&text.value).ok()?;
    if text.value.trim().is_empty() || parsed.sole_expression().is_some() {
        return None;
    }
    // Made of nothing but expressions and statements it may come out empty, and so false.
    if !parsed.nodes.iter().any(|node| matches!(node, expression::Node::Text(_))) {
        return None;
    }
    let finding = Finding::new(&RULE, condition.span.clone(), "this condition is a text, and so always true");
    if parsed.is_plain() {
        return Some(match text.value.trim() {
            "true" | "false" => finding
                .label("a text that is not empty")
                .help("a condition in quotes is a text: write it without them")
                .fix(Fix::replace(condition.span.clone(), text.value.trim(), "take the quotes away")),
            _ => finding.label("is not evaluated").help("put it in `${{ }}`"),
        });
    }
    let trimmed = text.value.trim();
    let blanks_only = parse(trimmed).is_ok_and(|parsed| parsed.sole_expression().is_some());
    Some(if blanks_only {
        finding
            .label("a blank or a line break around `${{ }}` makes it a text")
            .help("write the expression alone, for example after `>-` instead of `|`")
    } else {
        finding
            .label("only the part in `${{ }}` is evaluated; the rest makes it a text")
            .help("put the whole condition into one `${{ }}`")
    })
}
