use std::sync::LazyLock;

use regex::Regex;

use crate::finding::{Finding, Fix, Severity};
use crate::model::Analysis;
use crate::template::is_placeholder;
use crate::yaml::{Node, Text};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "misspelt-marks",
    severity: Severity::Warning,
    page: include_str!("misspelt_marks.md"),
    check: Check::Template(check),
};

/// What looks like an expression. One with the right marks comes first, so that nothing is found within it.
static MARKED: LazyLock<Regex> = LazyLock::new(|| {
    let code = r"\s*((?:parameters|steps|secrets|user|each)[.\[][^{}]*?)\s*";
    let pattern = format!(r"(?s)\$\{{\{{.*?\}}\}}|(?:\$[ \t]+)?\{{\{{{code}\}}\}}|\$\{{{code}\}}");
    Regex::new(&pattern).expect("a test reads it")
});

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let template = &analysis.template;
    let inputs = template.steps.iter().filter_map(|step| step.get("input"));
    for node in inputs.chain(template.spec("output")) {
        node.walk("", &mut |_, node| {
            // What a statement such as `{% raw %}` makes of it is not looked into.
            if let Some(text) = node.as_text().filter(|text| !text.value.contains("{%")) {
                in_text(node, text, findings);
            }
        });
    }
}

fn in_text(node: &Node, text: &Text, findings: &mut Vec<Finding>) {
    if is_placeholder(node) {
        return;
    }
    for found in MARKED.captures_iter(&text.value) {
        let (Some(code), Some(whole)) = (found.get(1).or_else(|| found.get(2)), found.get(0)) else { continue };
        let span = text.source_range(whole.range());
        let right = format!("${{{{ {} }}}}", code.as_str());
        findings.push(
            Finding::new(&RULE, span.clone(), "this is no expression: its marks are not `${{` and `}}`")
                .label("is passed on as it is written")
                .help(format!("write `{right}`"))
                .fix(Fix::replace(span, &right, format!("write `{right}`"))),
        );
    }
}
