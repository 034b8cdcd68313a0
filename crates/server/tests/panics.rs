//! A panic is a line of the log, scrubbed as all of it is. What a panic writes is the whole process's, so the test
//! starts itself once more and reads what that one says.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;
use sidestage_redact::Redactor;
use sidestage_server::{config::Log, telemetry};

const SECRET: &str = "canary-of-a-panic-0123456789";

/// Set in the process that panics.
const PANICS: &str = "SIDESTAGE_TEST_PANICS";

#[test]
fn a_panic_says_no_secret() {
    if std::env::var_os(PANICS).is_some() {
        let redactor = Redactor::new();
        redactor.add(&SECRET.into()).keep();
        telemetry::start(&Log::default(), redactor).unwrap();
        let work = std::thread::Builder::new().name("worker".into());
        let panicked = work.spawn(|| panic!("the token {SECRET} is odd")).unwrap();
        assert!(panicked.join().is_err());
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_panic_says_no_secret", "--nocapture"])
        .env(PANICS, "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let written = String::from_utf8([child.stdout, child.stderr].concat()).unwrap();
    assert!(child.status.success(), "{written}");
    assert!(!written.contains(SECRET), "{written}");
    let line = written.lines().find(|line| line.contains("a panic"));
    let line: Value = serde_json::from_str(line.unwrap()).unwrap();
    assert_eq!(line["panic"], "the token *** is odd", "{line}");
    assert_eq!(line["thread"], "worker", "{line}");
    let at = line["at"].as_str().unwrap();
    assert!(at.starts_with(file!()), "{at}");
    let backtrace = line["backtrace"].as_str().unwrap();
    assert!(backtrace.contains("a_panic_says_no_secret"), "{backtrace}");
}
