use crate::finding::{Finding, Severity};
use crate::model::Analysis;
use crate::near::nearest;
use crate::template::{Step, known_keys};
use crate::yaml::{Entry, Node};

use super::{Check, Rule};

pub(super) static RULE: Rule = Rule {
    name: "misspelt-key",
    severity: Severity::Warning,
    page: include_str!("misspelt_key.md"),
    check: Check::Template(check),
};

fn check(analysis: &Analysis<'_>, findings: &mut Vec<Finding>) {
    let template = &analysis.template;
    near_misses(Some(&template.root), known_keys(""), findings);
    near_misses(template.root.get("metadata"), known_keys("/metadata"), findings);
    near_misses(template.root.get("spec"), known_keys("/spec"), findings);
    for step in &template.steps {
        unknown_of_step(step, findings);
    }
    if let Some(output) = template.spec("output") {
        near_misses(Some(output), known_keys("/spec/output"), findings);
        for list in ["links", "text"] {
            let known = known_keys(&format!("/spec/output/{list}/0"));
            for item in output.get(list).map(Node::items).unwrap_or_default() {
                unknown_of_output(item, list, known, findings);
            }
        }
    }
}

/// An entity may have keys of one's own; one that is nearly a known one is a slip.
fn near_misses(node: Option<&Node>, known: &[&str], findings: &mut Vec<Finding>) {
    let entries = node.map(Node::entries).unwrap_or_default();
    for entry in entries {
        let name = entry.key.name.as_str();
        let free = known.iter().copied().filter(|key| node.is_some_and(|node| node.entry(key).is_none()));
        if known.contains(&name) {
            continue;
        }
        if let Some(meant) = nearest(name, free) {
            findings.push(
                Finding::new(&RULE, entry.key.span.clone(), format!("Backstage does not know `{name}` here"))
                    .label("is passed over in silence")
                    .did_you_mean(Some(meant), entry.key.span.clone()),
            );
        }
    }
}

/// A link or a text of the output has no keys of one's own either.
fn unknown_of_output(item: &Node, list: &str, known: &[&str], findings: &mut Vec<Finding>) {
    for entry in item.entries() {
        let name = entry.key.name.as_str();
        if known.contains(&name) || name == "<<" || name.starts_with("x-") {
            continue;
        }
        let free = known.iter().copied().filter(|key| item.entry(key).is_none());
        findings.push(
            Finding::new(&RULE, entry.key.span.clone(), format!("an item of `{list}` has no `{name}`"))
                .label("is passed over in silence")
                .did_you_mean(nearest(name, free), entry.key.span.clone()),
        );
    }
}

/// A step has no keys of one's own: whatever is not known does nothing.
fn unknown_of_step(step: &Step, findings: &mut Vec<Finding>) {
    let known = known_keys(&step.pointer);
    let entries = step.node.entries();
    let unknown = entries.iter().filter(|entry| {
        let name = entry.key.name.as_str();
        !known.contains(&name) && name != "<<" && !name.starts_with("x-")
    });
    let meant_by = |entry: &Entry| {
        let free = known.iter().copied().filter(|key| step.node.entry(key).is_none());
        let meant = match entry.key.name.as_str() {
            // What steps had before v1beta3, and what other systems call it.
            "parameters" | "with" | "inputs" | "args" => Some("input"),
            "uses" => Some("action"),
            "when" | "condition" => Some("if"),
            "forEach" | "foreach" | "for_each" | "loop" => Some("each"),
            name => nearest(name, free),
        };
        meant.filter(|key| step.node.entry(key).is_none())
    };
    for entry in unknown.clone() {
        let meant = meant_by(entry);
        let finding = Finding::new(&RULE, entry.key.span.clone(), format!("a step has no `{}`", entry.key.name))
            .label("is passed over in silence")
            .help("a step has `id`, `name`, `action`, `input`, `if` and `each`");
        // Of two that would be the same neither is certain.
        let only = unknown.clone().filter(|other| meant_by(other) == meant).count() == 1;
        findings.push(if only {
            finding.did_you_mean(meant, entry.key.span.clone())
        } else {
            finding.hint(meant)
        });
    }
}
