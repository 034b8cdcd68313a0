//! Eighteen templates with one simple mistake each. Backstage's own validators, and the tools that are made of them,
//! find two of them. Here every one is found, at the characters that are wrong.

mod support;

use std::fmt::Write as _;
use std::path::Path;

use sidestage_templates::{Context, check};

#[test]
fn each_of_the_eighteen_mistakes_is_found_where_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let context = Context::default();
    let mut report = String::new();
    let files = support::files(&folder);
    assert_eq!(files.len(), 18);
    for path in files {
        let source = std::fs::read_to_string(&path).expect("it can be read");
        let findings = check(&source, &context);
        assert!(!findings.is_empty(), "{}", path.display());
        let _ = writeln!(
            report,
            "{}",
            path.file_name()
                .expect("a file has a name")
                .to_string_lossy()
        );
        for finding in findings {
            let place = source[finding.span.clone()]
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned();
            let place = sidestage_templates::tokens::mask(&place);
            let _ = writeln!(
                report,
                "  {} {} at `{place}`: {}",
                finding.severity.name(),
                finding.rule.name,
                finding.message
            );
            if let Some(help) = finding.help {
                let _ = writeln!(report, "    {help}");
            }
        }
    }
    insta::assert_snapshot!(report);
}
