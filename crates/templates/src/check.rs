//! From a file to its findings.

use crate::context::Context;
use crate::finding::Finding;
use crate::model::Model;
use crate::{ignores, rules};

/// Checks a file. The findings come in the order of the file.
pub fn check(source: &str, context: &Context) -> Vec<Finding> {
    findings(&Model::of(source, context))
}

/// Checks a file that has been read.
pub fn findings(model: &Model<'_>) -> Vec<Finding> {
    let mut findings = rules::run(model);
    for finding in &mut findings {
        if let Some(Some(severity)) = model.context.rules.get(finding.rule.name) {
            finding.severity = *severity;
        }
    }
    ignores::apply(model, &mut findings);
    findings.sort_by(|a, b| {
        (a.span.start, a.span.end, a.rule.name, &a.message).cmp(&(
            b.span.start,
            b.span.end,
            b.rule.name,
            &b.message,
        ))
    });
    // An anchor that is used twice is wrong once.
    findings
        .dedup_by(|a, b| a.span == b.span && a.rule.name == b.rule.name && a.message == b.message);
    findings
}
