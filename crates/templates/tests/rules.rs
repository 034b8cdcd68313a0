//! Every rule's page is its test: the wrong example is found, and by nothing worse than this rule; the right one is
//! silent.

mod support;

use sidestage_templates::rules::RULES;
use sidestage_templates::{Context, Finding, Severity, check};
use support::{example, example_actions};

fn context() -> Context {
    let mut context = Context::default();
    example_actions(&mut context);
    context
}

fn found(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.rule.name, finding.message))
        .collect()
}

#[test]
fn the_wrong_example_of_every_page_is_found_and_the_right_one_is_silent() {
    let context = context();
    let mut wrong = Vec::new();
    for rule in RULES {
        let source = example(rule.page, "Wrong");
        let findings = check(&source, &context);
        if !findings
            .iter()
            .any(|finding| finding.rule.name == rule.name)
        {
            wrong.push(format!(
                "{}: the wrong example is not found, only {:?}",
                rule.name,
                found(&findings)
            ));
        }
        let worst = findings.iter().map(|finding| finding.severity).max();
        let own = findings
            .iter()
            .filter(|finding| finding.rule.name == rule.name);
        if own.map(|finding| finding.severity).max() < worst {
            wrong.push(format!(
                "{}: the wrong example is found by something worse: {:?}",
                rule.name,
                found(&findings)
            ));
        }
        let source = example(rule.page, "Right");
        let findings = check(&source, &context);
        if !findings.is_empty() {
            wrong.push(format!(
                "{}: the right example is not silent: {:?}",
                rule.name,
                found(&findings)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_has_the_name_of_its_rule_and_says_in_a_sentence_what_it_finds() {
    for rule in RULES {
        assert!(
            rule.page.starts_with(&format!("# {}\n\n", rule.name)),
            "{}",
            rule.name
        );
        assert!(
            rule.summary().ends_with('.'),
            "{}: {}",
            rule.name,
            rule.summary()
        );
        assert!(!rule.summary().contains('\n'), "{}", rule.name);
    }
}

#[test]
fn a_rule_can_be_switched_off_or_have_another_severity() {
    let mut context = context();
    let rule = RULES
        .iter()
        .find(|rule| rule.name == "unknown-parameter")
        .expect("it is in the list");
    let source = example(rule.page, "Wrong");
    context.rules.insert(rule.name, Some(Severity::Note));
    let severities: Vec<_> = check(&source, &context)
        .iter()
        .map(|finding| (finding.rule.name, finding.severity))
        .collect();
    assert!(
        severities.contains(&(rule.name, Severity::Note)),
        "{severities:?}"
    );
    context.rules.insert(rule.name, None);
    assert!(
        check(&source, &context)
            .iter()
            .all(|finding| finding.rule.name != rule.name)
    );
}
