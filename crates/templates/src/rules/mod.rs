//! The rules. Each is two files: what it looks for, and its page with a wrong and a right example, which are
//! its tests. A new rule is these two files and one line in the list below.

mod expression_findings;

use crate::finding::{Finding, Severity};
use crate::model::{Analysis, Model};

/// Something that can be wrong with a template.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which names the mistake.
    pub name: &'static str,
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// Its page, in Markdown.
    pub page: &'static str,
    check: Check,
}

/// What a rule looks at.
#[derive(Debug)]
enum Check {
    /// A file.
    File(fn(&Model<'_>, &mut Vec<Finding>)),
    /// A template.
    Template(fn(&Analysis<'_>, &mut Vec<Finding>)),
    /// The comments that silence other rules: it comes after all of them.
    Ignores,
}

impl Rule {
    /// The first paragraph of its page: what it is about, in a sentence.
    pub fn summary(&self) -> &'static str {
        let mut paragraphs = self.page.split("\n\n");
        paragraphs.nth(1).unwrap_or_default().trim()
    }

    /// Where its page can be read.
    pub fn link(&self) -> String {
        let home = env!("CARGO_PKG_REPOSITORY");
        format!("{home}/blob/main/docs/rules.md#{}", self.name)
    }

    /// The rule of a name.
    pub fn named(name: &str) -> Option<&'static Rule> {
        RULES.iter().copied().find(|rule| rule.name == name)
    }
}

/// Asks every rule that is on.
pub(crate) fn run(model: &Model<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| model.context.enabled(rule)) {
        match rule.check {
            Check::File(check) => check(model, &mut findings),
            Check::Template(check) => {
                for analysis in &model.templates {
                    check(analysis, &mut findings);
                }
            }
            Check::Ignores => {}
        }
    }
    findings
}

macro_rules! rules {
    ($($file:ident)*) => {
        $(mod $file;)*

        /// All rules, in the order of the list.
        pub static RULES: &[&Rule] = &[$(&$file::RULE),*];
    };
}

rules! {
    invalid_yaml
    merge_key
    invalid_template
    misspelt_key
    unknown_action
    duplicate_step_id
    unknown_input
    missing_input
    wrong_input_type
    wrong_input_value
    input_may_be_missing
    deprecated
    missing_organization
    invalid_expression
    misspelt_marks
    expression_throws
    fails_when_missing
    unknown_filter
    unknown_variable
    unknown_parameter
    unknown_step
    unknown_output
    unknown_property
    later_step
    skipped_step
    dashed_name
    renders_to_nothing
    object_in_text
    not_a_number
    not_binds_first
    not_rendered
    text_as_condition
    constant_condition
    condition_dropped
    each_not_iterable
    invalid_form
    required_not_defined
    invalid_default
    misspelt_form_option
    unused_parameter
    secret_not_given
    secret_exposed
    secret_in_parameter
    hardcoded_secret
    unused_ignore
}

pub(crate) use invalid_yaml::RULE as INVALID_YAML;
pub(crate) use unused_ignore::RULE as UNUSED_IGNORE;
