use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::yaml::Node;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "secret-in-parameter",
    severity: Severity::Warning,
    page: include_str!("secret_in_parameter.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
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
                    .help("use `ui:field: Secret`, and `secrets` in place of `parameters`"),
            );
        }
    }
}
