use crate::finding::{Finding, Severity};
use crate::model::Analysis;

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "merge-key",
    severity: Severity::Warning,
    page: include_str!("merge_key.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    if analysis.context.yaml_merge {
        return;
    }
    analysis.template.root.walk("", &mut |_, node| {
        for entry in node.entries().iter().filter(|entry| entry.key.name == "<<") {
            findings.push(
                Finding::new(&RULE, entry.key.span.clone(), "`<<` merges nothing in Backstage")
                    .label("becomes a key of that name")
                    .help("write the keys out, or put the whole value behind one alias; if your Backstage merges, say `yamlMerge: true` in .sidestage-check.yaml"),
            );
        }
    });
}
