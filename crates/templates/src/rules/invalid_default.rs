use crate::finding::{Finding, Severity};
use crate::model::{Analysis, conform_literal, describe};
use crate::template::{is_placeholder, schema_json};

use super::invalid_form::every_schema;
use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "invalid-default",
    severity: Severity::Warning,
    page: include_str!("invalid_default.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    for page in &analysis.template.pages {
        every_schema(&page.schema, &page.pointer, &mut |schema, _| {
            let Some(default) = schema.get("default").filter(|default| !is_placeholder(default)) else { return };
            // `default:` with nothing behind it is none.
            if default.is_null() || default.as_str().is_some_and(|text| text.contains("${{")) {
                return;
            }
            for mismatch in conform_literal(default, &schema_json(schema)) {
                // A default of an object may leave to the person what is required.
                let Some((problem, suggestion)) = describe(&mismatch.kind) else { continue };
                findings.push(
                    Finding::new(&RULE, mismatch.span.clone(), "the default is not a value that the field takes")
                        .label(problem)
                        .did_you_mean(suggestion, mismatch.span.clone()),
                );
            }
        });
    }
}
