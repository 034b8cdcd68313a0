//! The YAML reader: values as the npm package `yaml` reads them, and every place right.

use sidestage_templates::yaml::{Node, Options, ProblemKind, Stream, Value, read};

fn one(source: &str) -> Node {
    let stream = read(source, Options::default());
    assert_eq!(stream.documents.len(), 1, "{stream:?}");
    assert!(stream.documents[0].problems.is_empty(), "{stream:?}");
    stream.documents[0].root.clone()
}

fn slice<'a>(source: &'a str, node: &Node) -> &'a str {
    &source[node.span.clone()]
}

/// Every part of a text that stands in the source as it is has to be found there.
fn words_are_found(source: &str) {
    let stream = read(source, Options::default());
    for document in &stream.documents {
        document.root.walk("", &mut |pointer, node| {
            let Value::String(text) = &node.value else {
                return;
            };
            for word in text
                .value
                .split_whitespace()
                .filter(|word| !word.contains(['\\', '"', '\'']))
            {
                let at = word.as_ptr() as usize - text.value.as_ptr() as usize;
                let range = text.source_range(at..at + word.len());
                if source[range.clone()].contains('\\') {
                    continue;
                }
                assert_eq!(&source[range.clone()], word, "{pointer} in {source:?}");
                assert_eq!(
                    text.text_offset(range.start),
                    Some(at),
                    "{pointer} in {source:?}"
                );
            }
        });
    }
}

#[test]
fn places_of_keys_and_values() {
    let source = "a: 1\n\"b\": 'two'\nlist:\n  - {x: y}\n  - z\n";
    let root = one(source);
    let found = |pointer: &str| {
        let located = root.at(pointer).expect(pointer);
        (
            located.key.map(|key| &source[key.span.clone()]),
            slice(source, located.node),
        )
    };
    assert_eq!(found("/a"), (Some("a"), "1"));
    assert_eq!(found("/b"), (Some("\"b\""), "'two'"));
    assert_eq!(found("/list/0/x"), (Some("x"), "y"));
    assert_eq!(found("/list/0"), (None, "{x: y}"));
    assert_eq!(found("/list/1"), (None, "z"));
}

#[test]
fn words_of_every_style_are_found_where_they_are() {
    for source in [
        "a: one two\n   three\n\n   four\n",
        "a: 'one it''s two\n   three\n\n   four'\n",
        "a: \"one \\\"x\\\" \\u00e9 two\\\n   three\n\n   four \\t five\"\n",
        "a: |\n  one\n   two\n\n  three\n",
        "a: |2-\n    one\n  two\n",
        "a: >\n  one\n  two\n\n  three\n    four\n  five\n\n",
        "a: >-\n\n  one\n\n\n  two\nb: three\n",
        "a: |+ # comment\n  one\n  two\n\n\nb: x\n",
        "a:\r\n  - |\r\n    one\r\n    two\r\n  - three\r\n    four\r\n",
        "a: é 🎉 ${{ x }} ü\n",
        "a: \"é 🎉\n   ${{ x }} ü\"\n",
    ] {
        words_are_found(source);
    }
}

#[test]
fn values_are_those_of_the_core_schema() {
    let root = one("[yes, true, 012, 0x1f, ~, '1', !!str 1, 2024-01-01, 1.5, .5, '']");
    assert_eq!(
        root.to_json(),
        serde_json::json!([
            "yes",
            true,
            12,
            31,
            null,
            "1",
            "1",
            "2024-01-01",
            1.5,
            0.5,
            ""
        ])
    );
}

#[test]
fn an_alias_has_its_own_place_and_the_value_of_its_anchor() {
    let source = "a: &x\n  k: v\nb: *x\n";
    let root = one(source);
    let alias = root.get("b").expect("b");
    assert_eq!(slice(source, alias), "*x");
    assert_eq!(slice(source, alias.get("k").expect("k")), "v");
}

#[test]
fn merge_keys_merge_only_when_told_to() {
    let source = "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n";
    assert!(one(source).at("/b/<<").is_some());
    let stream = read(source, Options { merge: true });
    let b = stream.documents[0].get("/b").expect("b").node.to_json();
    assert_eq!(b, serde_json::json!({"k": 1, "l": 3}));
}

fn problems(stream: &Stream) -> Vec<&ProblemKind> {
    stream
        .documents
        .iter()
        .flat_map(|document| &document.problems)
        .map(|problem| &problem.kind)
        .collect()
}

#[test]
fn a_key_twice_is_a_problem_at_the_second() {
    let source = "a: 1\nb: 2\na: 3\n";
    let stream = read(source, Options::default());
    let problem = &stream.documents[0].problems[0];
    let ProblemKind::DuplicateKey { name, first } = &problem.kind else {
        panic!("{problem:?}")
    };
    assert_eq!(
        (name.as_str(), first.start, problem.span.start),
        ("a", 0, 10)
    );
    assert!(
        problems(&read("1: a\n'1': b\n", Options::default())).is_empty(),
        "a number and a text"
    );
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let stream = read("a: [1, 2\nb: }\n---\nc: 3\n", Options::default());
    assert!(
        matches!(problems(&stream)[..], [ProblemKind::Syntax(_)]),
        "{stream:?}"
    );
    let last = stream.documents.last().expect("the second document");
    assert!(
        last.problems.is_empty() && last.get("/c").is_some(),
        "{stream:?}"
    );
}

#[test]
fn what_is_before_a_break_is_kept() {
    let stream = read("a: 1\nb:\n  - x\n  - {y: \"unclosed\n", Options::default());
    assert!(stream.documents[0].get("/b/0").is_some(), "{stream:?}");
}

#[test]
fn bombs_are_bounded() {
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..30 {
        let refs = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
    }
    let stream = read(&bomb, Options::default());
    assert!(matches!(
        problems(&stream)[..],
        [ProblemKind::TooManyAliases]
    ));
    assert!(stream.documents[0].root.to_json().to_string().len() < 1_000_000);

    for deep in [
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "{a: ".repeat(50_000),
    ] {
        let stream = read(&deep, Options::default());
        assert!(!problems(&stream).is_empty());
    }
    let stream = read("a: &a [*a]\n", Options::default());
    assert_eq!(problems(&stream).len(), 1);
    let stream = read("a: *missing\n", Options::default());
    assert!(matches!(
        problems(&stream)[..],
        [ProblemKind::UnknownAlias(_)]
    ));
}

#[test]
fn comments_are_kept() {
    let source = "# first\na: 1 # second\nb: |\n  # text\n";
    let stream = read(source, Options::default());
    let comments: Vec<_> = stream
        .comments
        .iter()
        .map(|comment| &source[comment.span.clone()])
        .collect();
    assert_eq!(comments, ["# first", "# second"]);
}
