//! Whatever is in a file: the checker neither panics nor hangs, and every place it names is one.

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use sidestage_templates::editor::{completions, hover};
use sidestage_templates::yaml::{Options, Value, read};
use sidestage_templates::{Context, Severity, check, mended};
use support::whole;

/// Pieces of which YAML and expressions are made, right and wrong.
const PIECES: &[&str] = &[
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    ": ",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&x ",
    "*x",
    "<<: ",
    "# ",
    "---\n",
    "? ",
    "!t ",
    "\t",
    "\\",
    "\\u00e9",
    "é",
    "🎉",
    "${{ ",
    " }}",
    "parameters.name",
    "steps['a']",
    " | upper",
    " == ",
    "if: ",
    "each: ",
    "input:",
    "type: strng",
    "$yaml: x",
    "1.5",
    "~",
    "%",
    "\r\n",
    "\u{feff}",
    "\0",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        9 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const TEMPLATE: &str = "\
parameters:
  - required: [name]
    properties:
      name: &name
        type: string
        default: x
      other: *name
steps:
  - id: a
    if: ${{ parameters.name == 'x' }}
    action: fetch:template
    input:
      url: ./skeleton
      values:
        name: ${{ parameters.name | lower }}
        text: >-
          Made by
          ${{ user.ref }}
  - id: b
    each: ${{ steps.a.output }}
    action: publish:github
    input: {repoUrl: \"github.com?repo=${{ each.value }}\", topics: ['${{ steps.a.output.x }}']}
output:
  links:
    - url: ${{ steps.b.output.remoteUrl[0] }}
";

static CONTEXT: LazyLock<Context> = LazyLock::new(Context::default);

/// Few, since each takes a while; `PROPTEST_CASES` says how many for a longer run.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config.cases,
        None => 150,
    };
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read_and_every_place_is_in_it(source in text()) {
        let stream = read(&source, Options { merge: source.len() % 2 == 0 });
        for document in &stream.documents {
            for problem in &document.problems {
                prop_assert!(source.get(problem.span.clone()).is_some(), "{problem:?}");
            }
            let mut wrong = Vec::new();
            document.root.walk("", &mut |pointer, node| {
                let place = source.get(node.span.clone());
                let inside = match (&node.value, place) {
                    (_, None) => false,
                    (Value::String(text), Some(_)) => (0..=text.value.len()).all(|at| {
                        !text.value.is_char_boundary(at) || source.get(text.source_range(0..at)).is_some()
                    }),
                    (Value::Number(_) | Value::Bool(_), Some(place)) => !place.is_empty(),
                    _ => true,
                };
                if !inside {
                    wrong.push(pointer.to_owned());
                }
            });
            prop_assert!(wrong.is_empty(), "{wrong:?}");
        }
    }

    #[test]
    fn a_damaged_template_is_checked_and_every_finding_has_a_place(at in 0..TEMPLATE.len(), cut in 0..8_usize, put in text()) {
        let template = TEMPLATE;
        let start = template.floor_char_boundary(at);
        let end = template.floor_char_boundary((at + cut).min(template.len())).max(start);
        let source = whole(&format!("{}{put}{}", &template[..start], &template[end..]));
        let findings = check(&source, &CONTEXT);
        for finding in &findings {
            prop_assert!(source.get(finding.span.clone()).is_some(), "{finding:?}");
            for related in &finding.related {
                prop_assert!(source.get(related.span.clone()).is_some(), "{finding:?}");
            }
        }
        let _ = mended(&source, &CONTEXT);
    }

    #[test]
    fn an_editor_asks_anywhere_in_a_damaged_template(at in 0..TEMPLATE.len(), put in text(), back in 0..40_usize) {
        let at = TEMPLATE.floor_char_boundary(at);
        let before = whole(&format!("{}{put}", &TEMPLATE[..at]));
        let source = format!("{before}{}", &TEMPLATE[at..]);
        let offset = source.floor_char_boundary(before.len().saturating_sub(back));
        for completion in completions(&source, offset, &CONTEXT) {
            let place = source.get(completion.span.clone());
            prop_assert!(place.is_some_and(|place| !place.contains('\n')), "{completion:?}");
            prop_assert!(completion.span.start <= offset && offset <= completion.span.end);
        }
        if let Some(hover) = hover(&source, offset, &CONTEXT) {
            prop_assert!(source.get(hover.span.clone()).is_some(), "{hover:?}");
        }
    }
}

/// A template of this many steps.
fn long(steps: usize, step: impl Fn(usize) -> String) -> String {
    let steps: Vec<String> = (0..steps).map(step).collect();
    whole(&format!(
        "parameters:\n  properties: {{name: {{type: string}}}}\n  required: [name]\nsteps:\n{}",
        steps.concat()
    ))
}

/// No clock runs here: with work that grows with the square of the steps it would not end while anybody waits.
#[test]
fn a_template_of_thousands_of_steps_is_checked() {
    let plain = long(5_000, |_| {
        "  - action: debug:log\n    input: {message: a}\n".into()
    });
    assert_eq!(
        check(&plain, &CONTEXT).len(),
        1,
        "the parameter is not used"
    );
    let chained = long(5_000, |index| {
        let before = index.saturating_sub(1);
        format!(
            "  - id: s{index}\n    action: fs:readdir\n    input: {{paths: ['${{{{ parameters.name }}}}', '${{{{ steps.s{before}.output }}}}']}}\n"
        )
    });
    assert!(check(&chained, &CONTEXT).len() > 1);
}

#[test]
fn an_expression_that_is_too_deep_is_said_to_be() {
    let nested = |depth| {
        let (open, close) = ("(".repeat(depth), ")".repeat(depth));
        let step = |_| {
            format!(
                "  - action: debug:log\n    input:\n      message: ${{{{ {open}parameters.name{close} }}}}\n"
            )
        };
        check(&long(1, step), &CONTEXT)
    };
    assert!(nested(30).is_empty());
    let findings = nested(60);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(
        (finding.rule.name, finding.severity),
        ("invalid-expression", Severity::Note)
    );
}

#[test]
fn an_alias_bomb_is_a_problem_and_no_work() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let source = whole(&format!(
        "{bomb}steps:\n  - action: debug:log\n    input: {{message: a}}\n"
    ));
    let findings = check(&source, &CONTEXT);
    assert!(
        findings
            .iter()
            .any(|finding| finding.rule.name == "invalid-yaml"),
        "{findings:?}"
    );
}
