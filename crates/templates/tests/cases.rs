//! Templates as people write them: what is said of each, and above all of which nothing is said.

mod support;

use sidestage_templates::{Context, Severity, check};
use support::whole;

/// What is said of a part of `spec`, or of a whole template, notes left out: severity, rule, message and label.
fn said(part: &str) -> Vec<String> {
    let findings = check(&whole(part), &Context::default());
    findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| {
            let severity = finding.severity.name();
            format!(
                "{severity}[{}] {}: {}",
                finding.rule.name, finding.message, finding.label
            )
        })
        .collect()
}

#[track_caller]
fn silent(part: &str) {
    assert_eq!(said(part), Vec::<String>::new(), "{part}");
}

/// Exactly one thing is said, and these words are in it.
#[track_caller]
fn only(part: &str, words: &[&str]) {
    let said = said(part);
    let fits = said.len() == 1 && words.iter().all(|word| said[0].contains(word));
    assert!(
        fits,
        "{words:?} is to be said of\n{part}\nand not {said:#?}"
    );
}

/// A repository on one of two hosts, and what is made of the address then.
fn two_hosts(address: &str) -> String {
    let form = "parameters:
  - required: [scm]
    properties:
      scm: {type: string, enum: [github, gitlab]}
steps:
  - id: gh
    if: ${{ parameters.scm == 'github' }}
    action: publish:github
    input: {repoUrl: 'github.com?owner=acme&repo=a'}
  - id: gl
    if: ${{ parameters.scm == 'gitlab' }}
    action: publish:gitlab
    input: {repoUrl: 'gitlab.com?owner=acme&repo=a'}
  - id: register
    action: catalog:register
    input:
      catalogInfoPath: /catalog-info.yaml
      repoContentsUrl: ";
    format!("{form}{address}\n")
}

#[test]
fn a_condition_within_an_expression_decides_as_the_one_of_a_step() {
    for address in [
        "${{ steps.gh.output.repoContentsUrl if parameters.scm == 'github' else steps.gl.output.repoContentsUrl }}",
        "${{ steps.gh.output.repoContentsUrl or steps.gl.output.repoContentsUrl }}",
        "${{ steps.gh.output.repoContentsUrl | default(steps.gl.output.repoContentsUrl) }}",
        "${{ steps.gh.output.repoContentsUrl if steps.gh.output.repoContentsUrl else steps.gl.output.repoContentsUrl }}",
        "'{% if parameters.scm == \"github\" %}${{ steps.gh.output.repoContentsUrl }}{% else %}${{ steps.gl.output.repoContentsUrl }}{% endif %}'",
    ] {
        silent(&two_hosts(address));
    }
    for address in [
        "${{ steps.gh.output.repoContentsUrl }}",
        "${{ steps.gh.output.repoContentsUrl if user.ref else 'x' }}",
        "${{ user.ref or steps.gl.output.repoContentsUrl }}",
    ] {
        only(&two_hosts(address), &["warning[skipped-step]"]);
    }
}
