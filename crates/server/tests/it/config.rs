//! `sidestage.yaml`: what is wrong with it is said with file, line and column, and without its text.

use sidestage_redact::Redactor;
use sidestage_server::{Config, build, config::DEFAULT};

fn refusal(text: &str) -> String {
    Config::parse(text, "sidestage.yaml")
        .unwrap_err()
        .to_string()
}

#[test]
fn the_default_file_says_what_the_defaults_are() {
    assert_eq!(
        Config::parse(DEFAULT, "default.yaml").unwrap(),
        Config::default()
    );
    assert_eq!(Config::parse("", "empty.yaml").unwrap(), Config::default());
}

#[test]
fn the_default_file_is_right_with_its_examples_uncommented() {
    let uncommented: String = DEFAULT
        .lines()
        .map(|line| match line.strip_prefix("  # ") {
            // An example line is YAML, a comment above it is a sentence.
            Some(example)
                if example.contains(": ")
                    || example.trim_end().ends_with(':')
                    || example.trim_start().starts_with("- ") =>
            {
                format!("  {example}\n")
            }
            _ if line.ends_with(": {}") => format!("{}\n", line.trim_end_matches(" {}")),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = Config::parse(&uncommented, "default.yaml")
        .unwrap_or_else(|error| panic!("{error}\n{uncommented}"));
    assert_eq!(config.connections["coder"].provider, "coder");
    assert_eq!(config.auth.keys[0].name, "ci");
    assert_eq!(
        config.auth.backstage.unwrap().plugins,
        ["scaffolder", "mcp-actions"]
    );
    assert_eq!(config.auth.keycloak.unwrap().clients, ["backstage"]);
}

#[test]
fn a_mistake_is_said_with_its_place() {
    insta::assert_snapshot!(refusal("listen: 127.0.0.1:7008\nlog:\n  levle: info\n"), @"sidestage.yaml:3:3: unknown field `levle`, expected one of format, level");
    insta::assert_snapshot!(refusal("runs:\n  limit: tomorrow\n"), @r#"sidestage.yaml:2:10: "tomorrow" is no duration; write 90s, 4m or 1h 30m"#);
    insta::assert_snapshot!(refusal("listen: localhost\n"), @"sidestage.yaml:1:9: invalid socket address syntax");
    insta::assert_snapshot!(refusal("connections:\n  coder:\n    provider: coder\n"), @"sidestage.yaml:3:5: missing field `url`");
    insta::assert_snapshot!(refusal("log: [\n"), @"sidestage.yaml:1:6: expected mapping start");
    insta::assert_snapshot!(refusal("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n"), @"sidestage.yaml:2:1: duplicate mapping key: listen");
}

#[test]
fn a_secret_that_stands_in_the_file_is_refused_and_not_shown() {
    let text = "connections:\n  coder: {provider: coder, url: 'https://coder.example.com', token: 'hunter2-hunter2'}\n";
    insta::assert_snapshot!(refusal(text), @"sidestage.yaml:2:69: a secret is given by reference: env:NAME or file:/path, never itself");
}

async fn build_refusal(text: &str) -> String {
    let config = Config::parse(text, "sidestage.yaml").unwrap();
    match build(&config, &Redactor::new()).await {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_at_the_start() {
    let with = async |connection: &str| {
        build_refusal(&format!("connections:\n  main: {{{connection}}}\n")).await
    };
    insta::assert_snapshot!(with("provider: coder, url: 'https://c', token: 'env:SIDESTAGE_TEST_NOT_SET'").await, @"connections.main.token is env:SIDESTAGE_TEST_NOT_SET, but that environment variable is not set, or is empty");
    insta::assert_snapshot!(with("provider: coder, url: 'https://c', token: 'file:/nowhere'").await, @"connections.main.token is file:/nowhere, but that file cannot be read, or is empty");
    insta::assert_snapshot!(with("provider: codr, url: 'https://c'").await, @r#"connections.main: there is no provider "codr"; did you mean coder?"#);
    insta::assert_snapshot!(with("provider: coder, url: 'ftp://c'").await, @"connections.main: the url of the connection main must begin with http:// or https://");
    let journal = async |url: &str| build_refusal(&format!("journal: {{url: '{url}'}}\n")).await;
    insta::assert_snapshot!(journal("sqlite:/nowhere/journal.db").await, @"journal.url: it cannot be opened: error returned from database: (code: 14) unable to open database file");
    insta::assert_snapshot!(journal("postgres://sidestage@127.0.0.1:1/sidestage").await, @"journal.url: nobody lets us in there within 5 s; is the database up, and the user known to it?");
    insta::assert_snapshot!(journal("env:SIDESTAGE_TEST_NOT_SET").await, @"journal.url is env:SIDESTAGE_TEST_NOT_SET, but that environment variable is not set, or is empty");
}

#[test]
fn the_password_of_a_journal_does_not_stand_in_the_file() {
    insta::assert_snapshot!(refusal("journal:\n  url: postgres://sidestage:hunter2@db/sidestage\n"), @"sidestage.yaml:2:8: a URL with a password is given by reference: env:NAME or file:/path");
    insta::assert_snapshot!(refusal("journal:\n  url: mysql://db/sidestage\n"), @"sidestage.yaml:2:8: a journal is sqlite:FILE, a postgres:// URL, or a reference to one: env:NAME or file:/path");
}
