use crate::finding::Severity;

use super::{Check, Rule};

pub(crate) static RULE: Rule = Rule {
    name: "unused-ignore",
    severity: Severity::Warning,
    page: include_str!("unused_ignore.md"),
    check: Check::Ignores,
};
