//! Secrets do not come through, in whatever form they are written.

use std::borrow::Cow;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::json;
use sidestage_redact::Redactor;

fn knowing(secrets: &[&str]) -> Redactor {
    let redactor = Redactor::new();
    secrets
        .iter()
        .for_each(|secret| redactor.add(&(*secret).into()).keep());
    redactor
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret = "p>ä/s\"s+w<o&rd?=%\n~";
    let redactor = knowing(&[secret]);
    let json = json!(secret).to_string();
    let forms = [
        secret.to_owned(),
        "p%3E%C3%A4%2Fs%22s%2Bw%3Co%26rd%3F%3D%25%0A~".into(),
        "p%3e%c3%a4%2fs%22s%2bw%3co%26rd%3f%3d%25%0a~".into(),
        "p%3E%C3%A4%2Fs%22s%2Bw%3Co%26rd%3F%3D%25%0A%7E".into(),
        json[1..json.len() - 1].to_owned(),
        r#"p\u003eä/s\"s+w\u003co\u0026rd?=%\n~"#.into(),
        r#"p>\u00e4/s\"s+w<o&rd?=%\n~"#.into(),
        r#"p>ä\/s\"s+w<o&rd?=%\n~"#.into(),
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
    ];
    for form in forms {
        assert_eq!(redactor.scrub(&format!("a {form} b")), "a *** b", "{form}");
    }
}

#[test]
fn a_secret_inside_a_longer_encoded_text_is_found() {
    let redactor = knowing(&["correct-horse"]);
    for user in ["", "a", "ab", "abc", "abcd"] {
        for after in ["", "x", "xy"] {
            let encoded = STANDARD.encode(format!("{user}:correct-horse{after}"));
            let scrubbed = redactor.scrub(&encoded).into_owned();
            assert!(scrubbed.contains("***"), "{scrubbed}");
            assert!(
                scrubbed.len() <= encoded.len() - 13,
                "{encoded} became {scrubbed}"
            );
        }
    }
}

#[test]
fn what_holds_no_secret_is_not_copied() {
    let text = "nothing to hide, pass";
    assert!(matches!(Redactor::new().scrub(text), Cow::Borrowed(_)));
    assert!(matches!(
        knowing(&["password"]).scrub(text),
        Cow::Borrowed(_)
    ));
    let short = knowing(&["", "abc", " ab "]);
    assert_eq!(short.scrub("abc ab"), "abc ab");
}

#[test]
fn of_secrets_that_overlap_nothing_is_left() {
    let redactor = knowing(&["abcdef", "defghi", "cd12", "abcdefghijkl"]);
    assert_eq!(
        redactor.scrub("1 abcdefghi 2 abcdefdefghi abcdefghijkl"),
        "1 *** 2 ****** ***"
    );
}

#[test]
fn white_space_around_a_secret_does_not_count() {
    assert_eq!(
        knowing(&["from-a-file\n"]).scrub("x=from-a-file;"),
        "x=***;"
    );
}

#[test]
fn a_secret_is_forgotten_with_its_last_guard() {
    let redactor = Redactor::new();
    let clone = redactor.clone();
    let first = redactor.add(&"per-run".into());
    let second = clone.add(&"per-run".into());
    redactor.add(&"for-ever".into()).keep();
    drop(first);
    assert_eq!(clone.scrub("per-run for-ever"), "*** ***");
    drop(second);
    assert_eq!(clone.scrub("per-run for-ever"), "per-run ***");
    let guard = redactor.add(&"for-ever".into());
    drop(guard);
    assert_eq!(clone.scrub("for-ever"), "***");
}

#[test]
fn json_is_scrubbed_to_its_depth() {
    let redactor = knowing(&["hunter2", "12345678", "q\"uote"]);
    let mut value = json!({
        "first": ["x hunter2 y", {"hunter2": "q\"uote"}],
        "pin": 12345678,
        "count": 3,
        "none": null,
    });
    redactor.scrub_json(&mut value);
    assert_eq!(
        value,
        json!({"first": ["x *** y", {"***": "***"}], "pin": "***", "count": 3, "none": null})
    );
    assert_eq!(
        value.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["first", "pin", "count", "none"]
    );
}

#[test]
fn debug_shows_no_values() {
    let redactor = Redactor::new();
    let guard = redactor.add(&"hunter2".into());
    let shown = format!("{redactor:?} {guard:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
