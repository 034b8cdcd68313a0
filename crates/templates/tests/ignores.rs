//! Comments that silence a rule.

mod support;

use sidestage_templates::{Context, check};
use support::whole;

fn rules(comment_above: &str, comment_behind: &str) -> Vec<String> {
    let source = whole(&format!(
        "steps:\n  {comment_above}\n  - id: a\n    action: acme:work {comment_behind}\n"
    ));
    check(&source, &Context::default())
        .into_iter()
        .map(|finding| format!("{}: {}", finding.rule.name, finding.message))
        .collect()
}

#[test]
fn a_comment_silences_the_line_it_is_on_or_the_next() {
    assert_eq!(rules("", "").len(), 1);
    assert_eq!(
        rules("", "# sidestage-ignore unknown-action: ours"),
        [""; 0]
    );
    let above = "- id: b # another\n    # sidestage-ignore unknown-action: ours\n    # and more\n\n    action: acme:work";
    assert_eq!(
        rules(above, "# sidestage-ignore unknown-action: ours"),
        [""; 0]
    );
    assert_eq!(
        rules("# sidestage-ignore-file unknown-action: ours", ""),
        [""; 0]
    );
}

#[test]
fn a_comment_that_silences_nothing_is_reported() {
    let unknown = "unknown-action: the action `acme:work` is not known";
    let found = |comment: &str| {
        let mut found = rules("", comment);
        found.retain(|found| found != unknown);
        found
    };
    assert_eq!(
        found("# sidestage-ignore unknown-action"),
        ["unused-ignore: this comment gives no reason, and silences nothing"]
    );
    assert_eq!(
        found("# sidestage-ignore"),
        ["unused-ignore: this comment names no rule"]
    );
    assert_eq!(
        found("# sidestage-ignore unknown-action, merge-key: ours"),
        ["unused-ignore: `merge-key` finds nothing here"]
    );
    assert_eq!(
        found("# sidestage-ignore unknown-acton: ours"),
        ["unused-ignore: there is no rule `unknown-acton`"]
    );
    assert_eq!(found("# sidestage-ignored by all"), [""; 0]);
}
