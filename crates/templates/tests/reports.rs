//! What the reports look like.

mod support;

use insta::assert_snapshot;
use sidestage_templates::report::{CheckedFile, Look, github, human, json, sarif};
use sidestage_templates::{Context, check, mended};
use support::whole;

const PART: &str = "\
parameters:
  - required: [name]
    properties:
      name:
        type: string
steps:
  - id: fetch
    action: fetch:template
    input:
      url: ./skeleton
      value:
        name: ${{ parameters.nme }}
  - id: fetch
    action: publish:github
    input:
      repoUrl: 'é 🎉 ${{ steps.fetch.output.x y }}'
      token: ghp_EXAMPLE0EXAMPLE1EXAMPLE2EXAMPLE3EXAM
      description: >-
        Made for
        ${{ parameters.name | uper }}
";

fn file() -> CheckedFile {
    let source = whole(PART);
    let findings = check(&source, &Context::default());
    CheckedFile::new("templates/example.yaml".into(), source, findings)
}

#[test]
fn for_people() {
    let report = human(&[file()], 1, Look::default());
    assert!(!report.contains("EXAMPLE0"), "a secret is never shown");
    assert_snapshot!(report);
    assert_snapshot!(human(&[], 3, Look::default()), @"nothing found in 3 templates");
}

#[test]
fn for_programs() {
    let report = json(&[file()], 1);
    assert!(!report.contains("EXAMPLE0"), "a secret is never shown");
    assert_snapshot!(report);
}

#[test]
fn for_github_the_worst_first() {
    assert_snapshot!(github(&[file()]));
}

#[test]
fn for_code_scanning() {
    let log: serde_json::Value = serde_json::from_str(&sarif(&[file()])).expect("it is JSON");
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(
        rules.len(),
        sidestage_templates::rules::RULES.len(),
        "those too that found nothing"
    );
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    assert_snapshot!(serde_json::to_string_pretty(&run["results"]).expect("it is JSON"));
}

#[test]
fn fixes_mend_what_has_one_right_answer_and_leave_the_rest() {
    let (text, made) = mended(&file().source, &Context::default());
    assert!(
        text.contains("values:\n") && text.contains("parameters.name }}"),
        "{text}"
    );
    assert_eq!(made, 2);
    let left = check(&text, &Context::default());
    assert!(
        left.iter().all(|finding| finding.fix.is_none()),
        "{left:#?}"
    );
}
