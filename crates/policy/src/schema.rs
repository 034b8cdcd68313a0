//! What policies can speak of.

use std::{collections::BTreeSet, fmt::Write};

use crate::Sources;

/// All principals have the same attributes, so that a policy need not ask first what it has before it.
const TYPES: &str = r#"
entity Organization;
entity User in [Organization] { groups: Set<String> };
entity Key in [Organization] { groups: Set<String> };
entity Plugin in [Organization] { groups: Set<String> };
type Asked = { action: String, provider: String, connection: String, dryRun: Bool, destructive: Bool };
action "run";
action "options";
"#;

/// The schema for these actions, in Cedar's own form.
pub(crate) fn schema(sources: &Sources) -> String {
    let mut text = TYPES.to_owned();
    let providers: BTreeSet<&str> = sources.actions.iter().map(|one| &*one.provider).collect();
    let mut action = |id: &str, group: &str, provider: &str| {
        let _ = writeln!(
            text,
            "action {id:?} in [{group:?}, {provider:?}] appliesTo {{ principal: [User, Key, Plugin], \
             resource: [Organization], context: Asked }};"
        );
    };
    for one in &sources.actions {
        action(&one.id, "run", &one.provider);
    }
    for provider in &providers {
        action(&format!("{provider}:options"), "options", provider);
    }
    for provider in providers {
        let _ = writeln!(text, "action {provider:?};");
    }
    text
}
