//! What an editor is told about a place, in text as it is while somebody types.

mod support;

use std::fmt::Write as _;
use std::sync::LazyLock;

use sidestage_templates::Context;
use sidestage_templates::editor::{completions, hover};
use sidestage_templates::expression::check;
use sidestage_templates::model::Model;
use support::{example_actions, whole};

/// What stands above the place where somebody types.
const ABOVE: &str = "\
parameters:
  - required: [name]
    properties:
      name: {type: string, description: How it is called.}
      visibility: {type: string, enum: [public, private]}
      tags: {type: array, items: {type: string}}
      contact: {type: object, properties: {e-mail: {type: string, title: Address}}}
steps:
  - id: fetch-base
    action: fetch:template
    input:
      url: ./skeleton
  - id: publish
    action: publish:github
    input:
      repoUrl: ${{ parameters.name }}
";

/// How many of many are shown.
const SHOWN: usize = 6;

static CONTEXT: LazyLock<Context> = LazyLock::new(|| {
    let mut context = Context::default();
    example_actions(&mut context);
    context
});

/// What is offered at `¦` in what is typed below [`ABOVE`].
fn offered(typed: &str) -> String {
    let source = whole(&format!("{ABOVE}{typed}"));
    let offset = source.find('¦').expect("a cursor");
    let source = source.replacen('¦', "", 1);
    let mut found = completions(&source, offset, &CONTEXT);
    // An editor shows what begins with what is typed.
    found.retain(|found| {
        let typed = source[found.span.start..offset].trim_start_matches(['.', '"', '\'']);
        found.label.starts_with(typed)
    });
    let mut report = format!("{typed}\n");
    for found in found.iter().take(SHOWN) {
        let replaced = &source[found.span.clone()];
        let before = &source[found.span.start..offset];
        assert_eq!(
            replaced
                .split_at_checked(before.len())
                .map(|(before, _)| before),
            Some(before),
            "the cursor is in what is replaced"
        );
        let mut marks = String::new();
        for (is, mark) in [
            (found.required, "required"),
            (found.deprecated, "deprecated"),
        ] {
            if is {
                let _ = write!(marks, " ({mark})");
            }
        }
        let (kind, detail) = (found.kind, &found.detail);
        let _ = writeln!(
            report,
            "  {kind:?} {}: {detail}{marks}\n    {replaced:?} becomes {:?}",
            found.label, found.text
        );
        if let Some(documentation) = &found.documentation {
            let _ = writeln!(report, "    {documentation}");
        }
    }
    match found.len().saturating_sub(SHOWN) {
        0 if found.is_empty() => report.push_str("  nothing\n"),
        0 => {}
        more => {
            let _ = writeln!(report, "  and {more} more");
        }
    }
    report
}

fn all_offered(typed: &[&str]) -> String {
    typed.iter().map(|typed| offered(typed) + "\n").collect()
}

#[test]
fn actions_inputs_and_values() {
    insta::assert_snapshot!(all_offered(&[
        "  - action: f¦",
        "  - action: catalog:¦",
        "  - action: cata¦log:fetch",
        "  - action: \"catalog:¦",
        "  - id: x\n    ¦",
        "  - ¦",
        "  - action: fetch:plain\n    input:\n      ¦",
        "  - action: fetch:plain\n    input:\n      ta¦",
        "  - action: fetch:plain\n    input:\n      url: ./a\n      ta¦\n    if: true",
        "  - action: fetch:plain\n    input:\n      ta¦rgetPath: ./b",
        "  - action: fetch:plain\n    input: {¦}",
        "  - action: example:deprecated\n    input:\n      ¦",
        "      repoVisibility: ¦",
        "      repoVisibility: 'pri¦",
        "      deleteBranchOnMerge: ¦",
        "      collaborators:\n        - ¦",
        "      description: ¦",
        "output:\n  ¦",
        "output:\n  links:\n    - ¦",
        "# acti¦",
    ]));
}

#[test]
fn expressions() {
    insta::assert_snapshot!(all_offered(&[
        "      description: ${{ ¦",
        "      description: ${{ parameters.¦",
        "      description: ${{ parameters.¦ }}",
        "      description: ${{ parameters.n¦ame }}",
        "      description: \"${{ parameters.na¦",
        "      description: 'of ${{ parameters.contact.¦ }}'",
        "      description: \"${{ parameters.contact.e¦",
        "      description: |\n        A text\n        ${{ parameters.na¦",
        "      description: >-\n        name: ${{ steps.¦ }}",
        "      topics: ['${{ parameters.tags[0].¦']",
        "      description: ${{ parameters.tags | jo¦",
        "      description: ${{ parameters.name | parse¦ }}",
        "    if: ${{ alw¦",
        "    if: ${{ parameters.name is ¦",
        "    if: ${{ secrets.¦",
        "    each: ${{ user.¦",
        "  - id: later\n    each: ${{ parameters.tags }}\n    action: debug:log\n    input:\n      message: ${{ each.¦",
        "  - id: later\n    action: debug:log\n    input:\n      message: ${{ steps.publish.output.¦",
        "output:\n  links:\n    - url: ${{ steps['publish'].output.re¦",
        "    name: ${{ parameters.¦",
        "      description: ${{ parameters.name }} ¦",
    ]));
}

/// What is shown at each `¦`.
fn shown(part: &str) -> String {
    let mut source = whole(part);
    let mut report = String::new();
    while let Some(offset) = source.find('¦') {
        source = source.replacen('¦', "", 1);
        let text = source.replace('¦', "");
        let line = text[..offset].lines().count() - 1;
        let line = text.lines().nth(line).unwrap_or_default();
        let _ = writeln!(report, "--- {}", line.trim());
        let _ = match hover(&text, offset, &CONTEXT) {
            Some(hover) => writeln!(report, "{:?}\n{}\n", &text[hover.span], hover.markdown),
            None => writeln!(report, "nothing\n"),
        };
    }
    report
}

#[test]
fn what_stands_at_a_place() {
    insta::assert_snapshot!(shown(
        "\
parameters:
  - required: [name]
    properties:
      name: {type: string, description: How it is called.}
      na¦me2: {type: string}
      visibility: {type: string, enum: [public, private]}
steps:
  - id: log
    act¦ion: debug:log
    input:
      mess¦age: Hello ¦${{ para¦meters.na¦me | proj¦ectSlug }} ${{ parameters['visi¦bility'] }}
  - id: fetched
    action: catalog:fe¦tch
    if: ${{ al¦ways() and parameters.visibility == 'pub¦lic' }}
    input:
      entityRef: ${{ us¦er.r¦ef }}
      option¦al: tr¦ue
  - id: unknown
    action: acme:w¦ork
    input:
      mess¦age: ${{ steps.fetched.output.enti¦ty }}
"
    ));
}

#[test]
fn the_part_of_a_broken_file_that_can_be_read_is_known() {
    let broken = "\
steps:
  - id: log
    action: deb¦ug:log
    input:
      message: Hello
  - id: [
";
    insta::assert_snapshot!(shown(broken));
}

/// What can be used at a place is found out twice, for all expressions at once and for one; both agree.
#[test]
fn the_surroundings_of_a_place_are_those_of_its_expression() {
    let source = whole(&format!(
        "{ABOVE}{}",
        "  - id: each
    if: ${{ parameters.visibility == 'public' }}
    each: ${{ parameters.tags }}
    action: debug:log
    input: {message: '${{ each.value }} ${{ secrets.x }} ${{ steps.publish.output.remoteUrl }}'}
  - id: listed
    each: [a, '${{ parameters.name }}']
    action: debug:log
    input: {message: '${{ each.value }}'}
output:
  remoteUrl: ${{ steps.publish.output.remoteUrl }}
  links:
    - if: ${{ steps.each.output }}
      url: ${{ steps.each.output.x }} ${{ parameters.visibility }}
    - url: ${{ steps.each.output.x }}
"
    ));
    let model = Model::of(&source, &CONTEXT);
    let analysis = &model.templates[0];
    assert_eq!(analysis.expressions.len(), 10);
    for expression in &analysis.expressions {
        let parsed = expression.parsed.as_ref().expect("it can be read");
        let env = analysis.env(&expression.pointer).expect("it is evaluated");
        let again = check(&parsed.template, &env);
        assert_eq!(again.ty, parsed.checked.ty, "{}", expression.pointer);
        assert_eq!(
            again.findings, parsed.checked.findings,
            "{}",
            expression.pointer
        );
    }
    assert!(analysis.env("/metadata/name").is_none());
    assert!(analysis.env("/spec/steps/9/input").is_none());
}
