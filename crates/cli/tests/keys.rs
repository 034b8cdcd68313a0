//! `sidestage keys`: what it prints is what the configuration takes.

#![allow(clippy::unwrap_used)]

use std::process::Command;

use sidestage_server::{Config, auth::TokenHash};

fn keys(args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidestage"));
    command.arg("keys").args(args).output().unwrap()
}

#[test]
fn a_key_is_printed_once_with_the_entry_that_accepts_it() {
    let output = keys(&[
        "--name",
        "ci",
        "--action",
        "coder:*",
        "--organization",
        "acme-corp",
        "--days",
        "30",
    ]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let token = printed.lines().nth(2).unwrap().trim();
    assert!(
        token.starts_with("sidestage_") && token.len() == 53,
        "{printed}"
    );
    let entry = &printed[printed.find("  - name").unwrap()..];
    assert!(!entry.contains(token), "{printed}");
    let config = Config::parse(&format!("auth:\n  keys:\n{entry}"), "printed").unwrap();
    let key = &config.auth.keys[0];
    assert_eq!(key.hash, TokenHash::of(token));
    assert_eq!(
        (&*key.actions, &*key.organizations),
        (&["coder:*".to_owned()][..], &["acme-corp".to_owned()][..])
    );
    let masked = printed
        .replace(token, "[token]")
        .replace(&key.hash.to_string(), "[hash]")
        .replace(&key.expires.to_string(), "[date]");
    insta::assert_snapshot!(masked);
    let another = String::from_utf8(keys(&["--name", "ci"]).stdout).unwrap();
    assert!(!another.contains(token));
}

#[test]
fn a_name_that_would_not_be_yaml_is_refused() {
    let output = keys(&["--name", "it's"]);
    assert!(!output.status.success() && output.stdout.is_empty());
}
