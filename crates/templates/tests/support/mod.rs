//! What several tests need.
#![allow(dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};

use sidestage_templates::Context;
use sidestage_templates::actions::Action;

/// A code block of a rule's page, made into a whole template if it is only a part of one.
pub fn example(page: &str, title: &str) -> String {
    let section = page
        .split(&format!("## {title}\n"))
        .nth(1)
        .expect("the section is there");
    let block = section
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    whole(block.expect("the section has a YAML block"))
}

/// A part of `spec` as a whole template.
pub fn whole(part: &str) -> String {
    if part.contains("apiVersion:") {
        return part.to_owned();
    }
    let mut source = String::from(
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata:\n  name: example\nspec:\n  type: service\n",
    );
    for line in part.lines() {
        source.push_str("  ");
        source.push_str(line);
        source.push('\n');
    }
    source
}

/// Actions that only examples use.
pub fn example_actions(context: &mut Context) {
    let actions: Vec<Action> = serde_json::from_value(serde_json::json!([
        {
            "id": "example:deprecated",
            "description": "Deprecated: use debug:log",
        },
        {
            "id": "example:provision",
            "schema": {
                "input": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "organization": {"type": "string"}},
                    "additionalProperties": false,
                },
            },
        },
    ]))
    .expect("these are actions");
    context.actions.add(actions, "Sidestage");
}

/// All files below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files.sort();
    files
}
