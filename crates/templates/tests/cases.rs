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
        "'{% if steps.gl %}${{ steps.gl.output.repoContentsUrl }}{% elif steps.gh %}${{ steps.gh.output.repoContentsUrl }}{% endif %}'",
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

/// A page, with a step that uses its field `name`.
fn page(page: &str) -> String {
    let page: String = page.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "parameters:\n  -\n{page}steps:\n  - id: log\n    action: debug:log\n    input: {{message: 'is ${{{{ parameters.name | dump }}}}'}}\n"
    )
}

fn field(field: &str) -> String {
    page(&format!("required: [name]\nproperties:\n  name: {field}"))
}

/// Held against rjsf 5 with ajv 8, as Backstage has them.
#[test]
fn a_page_that_is_no_schema_of_a_form() {
    for (broken, word) in [
        ("{type: string, maxLength: '10'}", "a whole number"),
        ("{type: number, minimum: '1'}", "a number"),
        (
            "{type: array, items: {type: string}, uniqueItems: 'true'}",
            "a boolean",
        ),
        ("{type: string, title: 5}", "`title` has to be text"),
        (
            "{type: string, description: }",
            "`description` has to be text",
        ),
        ("{type: string, minLength: -1}", "must not be negative"),
        ("{type: string, enum: []}", "no values"),
        ("{type: string, enum: [a, a]}", "twice"),
        (
            "{type: string, required: true}",
            "`required` has to be a list",
        ),
        ("string", "the field `name` has to be an object"),
        ("{$ref: '#/definitions/nope'}", "no `/definitions/nope`"),
        ("{title: X}", "has no `type`"),
        ("{type: array}", "has no `items`"),
        (
            "{type: array, items: {title: X}}",
            "the field `items` of `name` has no `type`",
        ),
        (
            "{type: object, properties: {a: {title: X}}}",
            "the field `a` has no `type`",
        ),
        ("{type: array, ui:widget: checkboxes}", "has no `items`"),
    ] {
        only(&field(broken), &["error[invalid-form]", word]);
    }
    for right in [
        "{type: string, maxLength: 10}",
        "{type: string, default: }",
        "{enum: [a, b]}",
        "{const: a}",
        "{oneOf: [{type: string}]}",
        "{ui:field: MyOwn}",
        "{ui:field: MyOwn, type: array}",
        "{ui:options: {field: MyOwn}}",
        "{type: string, enum: {$yaml: ./values.yaml}}",
        "{type: [string, 'null'], enum: [a, null]}",
        "{type: integer, enum: [1, 2.0]}",
        "{type: string, ui:widget: AcmeWidget}",
    ] {
        silent(&field(right));
    }
    let values = |values: &str| said(&field(&format!("{{type: string, enum: [{values}]}}")));
    assert_eq!(values("1, 2").len(), 2);
    assert!(values("1, 2")[0].starts_with("error[invalid-form]"));
    assert_eq!(values("a, 2").len(), 1);
    assert!(values("a, 2")[0].starts_with("warning[invalid-form]"));
    only(
        &field("{type: string, ui:widget: textara}"),
        &["warning[misspelt-form-option] the form has no widget `textara`"],
    );
}

#[test]
fn the_order_of_a_page_names_all_of_its_fields() {
    let ordered = |order: &str| {
        page(&format!(
            "ui:order: {order}\nrequired: [name]\nproperties:\n  name: {{type: string}}\n  more: {{type: 'null'}}"
        ))
    };
    only(
        &ordered("[name]"),
        &["error[invalid-form]", "leaves out `more`"],
    );
    silent(&ordered("[name, '*']"));
    silent(&ordered("[more, name, other]"));
}

#[test]
fn a_field_can_be_put_together_from_branches() {
    silent(&page(
        "required: [name, kind]
properties:
  kind: {type: string, enum: [a, b]}
  name: {type: string}
if:
  properties:
    kind: {const: a}
then:
  properties:
    name: {minLength: 3}",
    ));
}

#[test]
fn a_page_without_properties_has_no_fields() {
    let said_of = said(&page("title: x\nname: {type: string}"));
    assert_eq!(said_of.len(), 2, "{said_of:#?}");
    assert!(
        said_of[0].contains("[invalid-form] `name` is no keyword"),
        "{said_of:#?}"
    );
    assert!(said_of[1].contains("[unknown-parameter]"), "{said_of:#?}");
    only(&page("title: x"), &["error[unknown-parameter]"]);
    silent(&page("$yaml: ./page.yaml"));
    silent(&page("allOf:\n  - $yaml: ./page.yaml"));
}

fn entity(metadata: &str, root: &str) -> String {
    format!(
        "apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {{name: a-service, {metadata}}}
{root}spec:
  type: service
  steps:
    - id: log
      action: debug:log
"
    )
}

/// Held against the policies of @backstage/catalog-model.
#[test]
fn an_entity_that_the_catalog_refuses() {
    for metadata in [
        "tags: [Java]",
        "tags: [a_b]",
        "tags: [a--b]",
        "labels: {a: 1}",
        "annotations: {b: true}",
        "links: [{title: x}]",
        "links: [{url: example.com}]",
        "namespace: A B",
    ] {
        only(&entity(metadata, ""), &["error[invalid-template]"]);
    }
    for metadata in [
        "tags: [java, c++, 'c#', a-b, 'a:b']",
        "labels: {a: '1'}, annotations: {b: 'true'}",
        "links: [{url: 'https://example.com'}]",
        "namespace: a--b",
        "owner: [1]",
    ] {
        silent(&entity(metadata, ""));
    }
    only(
        &entity("title: a", "output: {}\n"),
        &["error[invalid-template] an entity has no `output`"],
    );
    only(&entity("title: a", "sepc: {}\n"), &["[invalid-template]"]);
}

fn secret(input: &str) -> String {
    format!(
        "parameters:
  - required: [name, repo]
    properties:
      name: {{type: string, ui:field: Secret}}
      repo: {{type: string, ui:field: RepoUrlPicker, ui:options: {{requestUserCredentials: {{secretsKey: USER_OAUTH_TOKEN}}}}}}
steps:
  - id: publish
    action: publish:github
    input:
      repoUrl: ${{{{ parameters.repo }}}}
      token: {input}
"
    )
}

#[test]
fn the_value_of_a_secret_field_is_among_the_secrets() {
    for input in [
        "${{ parameters.name }}",
        "${{ parameters.name or secrets.USER_OAUTH_TOKEN }}",
        "x-${{ parameters.name | trim }}",
    ] {
        only(&secret(input), &["error[secret-in-parameter]", "asterisks"]);
    }
    silent(&secret("${{ secrets.name }}"));
    silent(&secret("${{ secrets.USER_OAUTH_TOKEN }}"));
    silent(&secret("${{ secrets.GIVEN_BY_WHOEVER_STARTS_IT }}"));
    silent(&secret(
        "${{ secrets.name if parameters.name else secrets.backstageToken }}",
    ));
    only(
        &secret("${{ secrets.USER_OAUTH_TOKN }}"),
        &["warning[unknown-property]", "`USER_OAUTH_TOKN`"],
    );
}

#[test]
fn secrets_that_are_shown_or_written_out() {
    let step = |action: &str, input: &str| {
        format!("steps:\n  - id: step\n    action: {action}\n    input: {{{input}}}\n")
    };
    let pull_request = "repoUrl: 'github.com?owner=a&repo=b', title: a, description: b, branchName";
    only(
        &step(
            "publish:github:pull-request",
            &format!("{pull_request}: 'x-${{{{ secrets.A }}}}'"),
        ),
        &["[secret-exposed]"],
    );
    silent(&step(
        "publish:github:pull-request",
        &format!("{pull_request}: x"),
    ));
    only(
        &step(
            "publish:github",
            "repoUrl: 'github.com?owner=a&repo=b', repoVariables: {A: '${{ secrets.A }}'}",
        ),
        &["[secret-exposed]"],
    );
    let said = said(&step(
        "http:backstage:request",
        "method: GET, path: '/x?token=${{ secrets.A }}', headers: {Authorization: 'Bearer abcdef123456', X-API-Key: abcdef123456}",
    ));
    let of = |rule: &str| said.iter().filter(|it| it.contains(rule)).count();
    assert_eq!(
        (of("[secret-exposed]"), of("[hardcoded-secret]")),
        (1, 2),
        "{said:#?}"
    );
}

#[test]
fn a_repository_is_written_as_the_picker_gives_it() {
    let publish = |action: &str, url: &str| {
        format!("steps:\n  - id: publish\n    action: {action}\n    input: {{repoUrl: '{url}'}}\n")
    };
    for url in [
        "github.com/acme/x",
        "https://github.com/acme/x",
        "github.com?repo=x",
    ] {
        only(
            &publish("publish:github", url),
            &["error[wrong-input-value]", "no repository"],
        );
    }
    silent(&publish("publish:github", "github.com?owner=acme&repo=x"));
    silent(&publish("publish:github", "github.com?repo=x&owner=acme"));
    silent(&publish("publish:gitlab", "gitlab.com?project=12&repo=x"));
    silent(&publish("publish:gerrit", "gerrit.acme.com?repo=x"));
    silent(&publish("publish:github", "${{ user.ref }}"));
}

#[test]
fn options_of_a_field_that_stand_elsewhere() {
    for (wrong, word) in [
        (
            "{type: string, ui:field: RepoUrlPicker, allowedHosts: [github.com]}",
            "allowedHosts",
        ),
        ("{type: string, field: OwnerPicker}", "`field`"),
        ("{type: string, widget: textarea}", "`widget`"),
        (
            "{type: string, ui:field: OwnerPicker, options: {allowedKinds: [Group]}}",
            "`options`",
        ),
        (
            "{type: string, ui:field: RepoUrlPicker, ui:options: {requestUserCredentials: {secretKey: A}}}",
            "`secretKey`",
        ),
        (
            "{type: string, ui:field: RepoUrlPicker, ui:options: {requestUserCredentials: {secretsKey: A, additionalScope: {}}}}",
            "`additionalScope`",
        ),
    ] {
        only(&field(wrong), &["warning[misspelt-form-option]", word]);
    }
    silent(&field(
        "{type: string, ui:field: MyOwn, options: {a: 1}, allowedHosts: [a]}",
    ));
    silent(&field(
        "{type: string, title: a, ui:field: SelectFieldFromApi, ui:options: {title: b}}",
    ));
}
