//! What a fix writes.

mod support;

use sidestage_templates::{Context, check, mended};
use support::whole;

/// A form with two fields and a step, and another step with this in its input.
fn template(message: &str) -> String {
    whole(&format!(
        "\
parameters:
  - properties:
      name: {{type: string}}
      repo-name: {{type: string}}
      repoUrl: {{type: string, ui:field: RepoUrlPicker}}
    required: [name, repo-name, repoUrl]
steps:
  - id: fetch-base
    action: fetch:template
    input: {{url: ./skeleton}}
  - id: log
    action: debug:log
    input:
      message: {message}
"
    ))
}

#[test]
fn a_name_is_mended_within_its_quotes() {
    for (wrong, right) in [
        ("${{ parameters.nam }}", "${{ parameters.name }}"),
        ("${{ parameters['nam'] }}", "${{ parameters['name'] }}"),
        ("${{ parameters[\"nam\"] }}", "${{ parameters[\"name\"] }}"),
        (
            "'${{ parameters[''nam''] }}'",
            "'${{ parameters[''name''] }}'",
        ),
        (
            "\"${{ parameters[\\\"nam\\\"] }}\"",
            "\"${{ parameters[\\\"name\\\"] }}\"",
        ),
        (
            "${{ parameters['repo_name'] }}",
            "${{ parameters['repo-name'] }}",
        ),
        (
            "${{ steps['fetch-bas'].output }}-",
            "${{ steps['fetch-base'].output }}-",
        ),
        (
            "${{ parameters.repoUrl | parseRepoUrl | pick('repos') }}",
            "${{ parameters.repoUrl | parseRepoUrl | pick('repo') }}",
        ),
    ] {
        assert_eq!(
            mended(&template(wrong), &Context::default()).0,
            template(right)
        );
    }
}

#[test]
fn a_name_that_cannot_stand_behind_a_dot_is_only_said() {
    let source = template("${{ parameters.repo_name }}");
    let findings = check(&source, &Context::default());
    assert!(
        findings.iter().any(|finding| finding.fix.is_none()
            && finding.help.as_deref() == Some("did you mean `repo-name`?")),
        "{findings:?}"
    );
}

#[test]
fn what_has_no_one_right_answer_is_left() {
    let offered = |source: &str| -> Vec<String> {
        let findings = check(source, &Context::default());
        let fixes = findings.into_iter().filter_map(|finding| finding.fix);
        fixes.map(|fix| fix.title).collect()
    };
    let right = template("x");
    for (part, wrong) in [
        // It may be one of the instance's own.
        ("action: debug:log", "action: debug:lgo"),
        ("message: x", "message: ${{ parameters.name | uper }}"),
        // Two that would be the same.
        ("- id: log", "- id: log\n      when: a\n      condition: b"),
        ("required: [name,", "required: [name, nme,"),
        // Another name, not a slip.
        ("message: x", "message: ${{ context.taskId }}"),
        (
            "message: x",
            "message: ${{ parameters.name.replaceAll('a', 'b') }}",
        ),
    ] {
        assert!(right.contains(part), "{part}");
        let source = right.replace(part, wrong);
        assert!(!check(&source, &Context::default()).is_empty(), "{wrong}");
        assert!(
            offered(&source).is_empty(),
            "{wrong}: {:?}",
            offered(&source)
        );
    }
}

#[test]
fn an_action_is_mended_when_all_there_are_are_known() {
    let context = Context {
        actions_complete: true,
        ..Context::default()
    };
    let wrong = template("x").replace("debug:log", "debug:lgo");
    assert_eq!(mended(&wrong, &context), (template("x"), 1));
}

#[test]
fn marks_are_mended_whole() {
    for wrong in [
        "a $ {{ parameters.name }}",
        "a {{ parameters.name }}",
        "a ${ parameters.name }",
    ] {
        let (source, _) = mended(&template(wrong), &Context::default());
        assert_eq!(source, template("a ${{ parameters.name }}"));
    }
}

#[test]
fn fixes_that_do_harm_together_are_made_as_far_as_they_do_none() {
    let wrong = template("x").replace("message: x", "mesage: x\n      messge: y");
    let (source, made) = mended(&wrong, &Context::default());
    assert_eq!(made, 1, "{source}");
    assert!(source.contains("message: x\n      messge: y"), "{source}");
}
