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

#[test]
fn a_step_that_never_runs_together_with_another_gives_it_nothing() {
    let steps = |condition: &str| {
        format!(
            "parameters:
  - required: [scm]
    properties:
      scm: {{type: string, enum: [github, gitlab]}}
steps:
  - id: gh
    if: ${{{{ parameters.scm == 'github' }}}}
    action: publish:github
    input: {{repoUrl: 'github.com?owner=acme&repo=a'}}
  - id: log
    if: ${{{{ parameters.scm == '{condition}' }}}}
    action: debug:log
    input: {{message: '${{{{ steps.gh.output.remoteUrl }}}}'}}
"
        )
    };
    silent(&steps("github"));
    only(
        &steps("gitlab"),
        &["warning[skipped-step]", "where this runs"],
    );
}

fn log(parameter: &str, condition: &str, message: &str) -> String {
    format!(
        "parameters:
  - required: [field]
    properties:
      field: {{type: {parameter}}}
steps:
  - id: log
    if: ${{{{ {condition} }}}}
    action: debug:log
    input: {{message: \"{message} ${{{{ parameters.field }}}}\"}}
"
    )
}

#[test]
fn a_call_of_what_does_not_exist_fails() {
    only(
        &log("string", "success()", ""),
        &[
            "[unknown-variable] there is no function `success`",
            "the step runs",
        ],
    );
    only(
        &log("string", "user.ref", "${{ foo() }}"),
        &["[unknown-variable]", "as it is written"],
    );
}

#[test]
fn only_variables_that_are_there_are_listed() {
    let source = whole(&log("string", "nothing", "${{ nothing }}"));
    let findings = check(&source, &Context::default());
    let help: Vec<&str> = findings
        .iter()
        .filter_map(|it| it.help.as_deref())
        .collect();
    assert_eq!(help.len(), 2, "{findings:#?}");
    assert!(!help[0].contains("secrets"), "{}", help[0]);
    assert!(!help[1].contains("each"), "{}", help[1]);
}

#[test]
fn what_a_filter_makes_of_a_parameter_is_no_parameter() {
    let pick = |filters: &str| {
        log(
            "string",
            "user.ref",
            &format!("${{{{ parameters.field {filters} }}}}"),
        )
    };
    silent(&pick("| parseEntityRef | pick('name')"));
    only(
        &pick("| parseEntityRef | pick('nam')"),
        &["error[unknown-property]", "has no `nam`"],
    );
    only(
        &pick("| pick('name')"),
        &["error[unknown-property]", "is string"],
    );
}

#[test]
fn the_keys_of_the_users_entity_are_known() {
    let log = |path: &str| log("string", &format!("user.entity.{path}"), "");
    silent(&log("metadata.name"));
    silent(&log("spec.profile.email"));
    only(
        &log("metdata.name"),
        &["error[unknown-property]", "no `metdata`"],
    );
}
