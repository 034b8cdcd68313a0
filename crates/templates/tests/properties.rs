//! Whatever the text: nothing panics or hangs, every span names a piece of it, and what is printed is parsed
//! again.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use sidestage_templates::{
    expression::{Engine, Env, Span, SyntaxErrorKind, check, completion_at, parse},
    types::{Fit, Type},
};

/// Pieces of the language, and what may come between them.
const PIECES: &[&str] = &[
    "${{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "'",
    "\"",
    "\\",
    "r/",
    "/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "|",
    "~",
    "+",
    "*",
    "**",
    "//",
    "%",
    "==",
    "===",
    "!=",
    "!",
    "<",
    ">=",
    "=",
    " ",
    "\n",
    "\u{a0}",
    "ü",
    "🙂",
    "0",
    "1.5",
    "7x",
    "a",
    "b-c",
    "parameters",
    "name",
    "steps",
    "if ",
    " else ",
    " and ",
    " or ",
    "not ",
    " in ",
    " is ",
    "defined",
    "upper",
    "default('x')",
    "set x",
    "for x in ",
    "endif",
    "endfor",
    "raw",
    "endraw",
    "switch x",
    "case 1",
    "endswitch",
    "macro m(a, b=1)",
    "endmacro",
    "true",
    "null",
    "constructor",
];

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Expressions, most of which parse.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "parameters.name",
        "steps['a-b'].output",
        "'it\\'s'",
        "\"\\n\"",
        "1",
        "2.5",
        "true",
        "null",
        "[]",
        "{}",
        "r/a\\/b/gi",
        "a[1:]",
        "a[::-1]",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(6, 60, 3, |inner| {
            let binary = prop::sample::select(vec![
                "+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "==", "!==", "<", "in",
                "not in", "is",
            ]);
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                (pair.clone(), binary).prop_map(|((a, b), operator)| format!("{a} {operator} {b}")),
                inner.clone().prop_map(|a| format!("({a})")),
                inner.clone().prop_map(|a| format!("not {a}")),
                inner.clone().prop_map(|a| format!("-{a}")),
                inner
                    .clone()
                    .prop_map(|a| format!("{a} | replace('a', b=1)")),
                pair.clone().prop_map(|(a, b)| format!("({a})[{b}].c")),
                pair.clone().prop_map(|(a, b)| format!("f({a}, x={b})")),
                pair.clone()
                    .prop_map(|(a, b)| format!("[{a}, {{ k: {b} }}]")),
                (pair, inner).prop_map(|((a, b), c)| format!("{a} if {b} else {c}")),
            ]
        })
}

fn assert_names_a_piece(text: &str, span: Span) {
    assert!(
        text.get(span.start..span.end).is_some(),
        "{span:?} of {text:?}"
    );
}

/// Parses and checks the text, and looks at every span that comes out.
fn examine(text: &str) {
    let mut env = Env::new(Engine::Nunjitsu, true);
    env.set(
        "parameters",
        Type::of_value(&json!({ "name": "x", "tags": ["y"] })),
    );
    match parse(text) {
        Err(error) => {
            assert_names_a_piece(text, error.span);
            assert!(!error.to_string().is_empty());
        }
        Ok(template) => {
            template.visit(&mut |expr| assert_names_a_piece(text, expr.span));
            for reference in template.references() {
                assert_names_a_piece(text, reference.span);
                assert_eq!(reference.root.span.of(text), reference.root.text);
            }
            let checked = check(&template, &env);
            for finding in &checked.findings {
                assert_names_a_piece(text, finding.span);
            }
        }
    }
}

fn without_spans(shown: &str) -> String {
    Regex::new(r"span: \d+\.\.\d+,?")
        .unwrap()
        .replace_all(shown, "")
        .into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_examined(text in ".*") {
        examine(&text);
    }

    #[test]
    fn any_mixture_of_pieces_is_examined(text in texts()) {
        examine(&text);
    }

    #[test]
    fn completion_is_asked_for_anywhere(text in texts()) {
        for offset in 0..=text.len() {
            if let Some(completion) = completion_at(&text, offset) {
                assert_names_a_piece(&text, completion.partial);
                assert_eq!(completion.partial.end, offset);
            }
        }
    }

    #[test]
    fn what_is_printed_is_parsed_again(text in expressions()) {
        let text = format!("${{{{ {text} }}}}");
        examine(&text);
        if let Ok(template) = parse(&text) && let Some(expr) = template.sole_expression() {
            let printed = format!("${{{{ {expr} }}}}");
            let again = parse(&printed);
            prop_assert!(again.is_ok(), "{text} is printed as {printed}: {again:?}");
            let again = again.unwrap();
            prop_assert_eq!(
                without_spans(&format!("{:?}", again.sole_expression())),
                without_spans(&format!("{:?}", Some(expr))),
                "{} is printed as {}", text, printed
            );
        }
    }

    /// A type that is read from a schema has every value that the schema allows.
    #[test]
    fn a_schema_and_its_type_agree(schema in schemas(), value in values()) {
        let Ok(validator) = jsonschema::validator_for(&schema) else { return Ok(()) };
        let ty = Type::from_json_schema(&schema);
        prop_assert!(!ty.to_string().is_empty());
        if validator.is_valid(&value) {
            let found = Type::of_value(&value);
            prop_assert_ne!(ty.accepts(&found), Fit::No, "{} is no {}: {}", value, ty, schema);
            let wide = Type::union([ty.clone(), found.clone()]);
            prop_assert_ne!(wide.accepts(&found), Fit::No, "{} is no {}", value, wide);
            let narrowed = ty.both(&found);
            prop_assert_ne!(narrowed.accepts(&found), Fit::No, "{} is no {}", value, narrowed);
            if let Some(truth) = ty.truthiness() {
                prop_assert_ne!(found.truthiness(), Some(!truth), "{} of {}", value, ty);
            }
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!("a"),
        json!("b"),
        json!(""),
    ]);
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..3).prop_map(|entries| entries
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect()),
        ]
    })
}

/// Of records they say whether there can be more: where they do not, a type takes the properties of a branch
/// for what they are in the other one, and a schema does not.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        Just(json!({ "$ref": "#" })),
        Just(json!({ "not": {} })),
        prop::sample::select(vec![
            "string", "number", "integer", "boolean", "null", "array"
        ])
        .prop_map(|name| json!({ "type": name })),
        Just(json!({ "type": "object", "additionalProperties": true })),
        Just(json!({ "type": ["string", "null"] })),
        values().prop_map(|value| json!({ "const": value })),
        prop::collection::vec(values(), 1..4).prop_map(|values| json!({ "enum": values })),
        Just(json!({ "required": ["a"] })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c"]);
        let entries = prop::collection::btree_map(name, inner.clone(), 0..3);
        let list = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (entries.clone(), prop::bool::ANY).prop_map(|(properties, required)| {
                let required: Vec<&str> = properties.keys().copied().filter(|_| required).collect();
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }),
            (entries.clone(), inner.clone()).prop_map(|(properties, others)| {
                json!({ "type": "object", "properties": properties, "additionalProperties": others })
            }),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            list.clone().prop_map(|all| json!({ "allOf": all })),
            list.clone().prop_map(|any| json!({ "anyOf": any })),
            list.clone().prop_map(|one| json!({ "oneOf": one })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "if": a, "then": b, "else": c })),
            (entries, inner).prop_map(|(dependencies, base)| {
                json!({ "allOf": [base], "dependencies": dependencies })
            }),
        ]
    })
}

/// On a small stack, as threads have it.
#[test]
fn nesting_is_bounded() {
    let nested = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(20_000), close.repeat(20_000))
    };
    let texts = [
        format!("${{{{ {} }}}}", nested("(", "a", ")")),
        format!("${{{{ {} }}}}", nested("[", "a", "]")),
        format!("${{{{ {} }}}}", nested("{ a: ", "a", " }")),
        format!("${{{{ {} }}}}", nested("a[", "a", "]")),
        format!("${{{{ {} }}}}", nested("f(", "a", ")")),
        format!("${{{{ {} }}}}", nested("not ", "a", "")),
        format!("${{{{ {} }}}}", nested("-(", "a", ")")),
        format!("${{{{ {} }}}}", nested("", "a", ".b")),
        format!("${{{{ {} }}}}", nested("", "a", " | upper")),
        format!("${{{{ {} }}}}", nested("", "a", " + 1")),
        format!("${{{{ {} }}}}", nested("", "a", " * 1")),
        format!("${{{{ {} }}}}", nested("", "a", " and b")),
        format!("${{{{ {} }}}}", nested("", "a", " if b else c")),
        nested("{% if a %}", "a", "{% endif %}"),
        nested("{% for a in b %}", "a", "{% endfor %}"),
    ];
    let examined = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || {
            for text in &texts {
                let error = parse(text).unwrap_err();
                let kind = error.kind;
                let deep = matches!(
                    kind,
                    SyntaxErrorKind::TooDeep | SyntaxErrorKind::Expected { .. }
                );
                assert!(deep, "{kind:?}: {}", &text[..40]);
            }
            // As deep as it goes.
            for text in [
                nested_to(39, "(", ")"),
                nested_to(39, "not ", ""),
                nested_to(39, "[", "]"),
                nested_to(118, "", " + 1"),
            ] {
                examine(&text);
                assert!(parse(&text).is_ok(), "{text}");
            }
        })
        .unwrap();
    examined.join().unwrap();
}

fn nested_to(levels: usize, open: &str, close: &str) -> String {
    format!(
        "${{{{ {}a{} }}}}",
        open.repeat(levels),
        close.repeat(levels)
    )
}

/// Time grows with the length of the text, not with its square: these would take minutes.
#[test]
fn long_texts_come_to_an_end() {
    for piece in [
        "${{ a }}",
        "{# a #}",
        "${{ a.b | upper }} text ",
        "{% raw %}{% endraw %}",
        "}} #",
        "{% set a = 1 %}",
    ] {
        examine(&piece.repeat(20_000));
    }
    examine(&format!(
        "${{{{ [{}] }}}}",
        "parameters.name, ".repeat(50_000) + "1"
    ));
    examine(&format!("${{{{ '{}", "a".repeat(1_000_000)));
    examine(&"${{ 'a".repeat(20_000));
}
