//! A canary in every place where a secret can be given, and a search through all that the real binary lets out: its
//! answers, its log at its loudest, its audit log, its journal.

#![allow(clippy::unwrap_used)]

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_sandbox::{MEMBER_TOKEN, OWNER_TOKEN, Options, Sandbox};
use sidestage_server::auth::TokenHash;

const KEY: &str = "canary-of-the-key-0123456789";
const BAD_TOKEN: &str = "canary-of-a-bad-token-0123456789";
const SECRET: &str = "canary-of-an-actions-secret-0123456789";

/// Those of a connection, of a template, of a key, of nobody, of an action.
const CANARIES: [&str; 5] = [OWNER_TOKEN, MEMBER_TOKEN, KEY, BAD_TOKEN, SECRET];

/// Every file below a folder, and what it holds.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

#[tokio::test]
async fn no_secret_leaves_by_any_way() {
    let sandbox = Sandbox::spawn(Options {
        build: Duration::from_millis(20),
    })
    .await;
    // What holds secrets by right is not searched.
    let (config, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let token_file = config.path().join("coder-token");
    std::fs::write(&token_file, OWNER_TOKEN).unwrap();
    let text = format!(
        "listen: 127.0.0.1:{port}\nlog: {{level: debug}}\njournal: {{url: 'sqlite:{}/journal.db'}}\n\
         auth:\n  keys:\n  - {{name: ci, hash: '{}', expires: 9999-12-31}}\n\
         connections:\n\
         \x20 by-file: {{provider: coder, url: '{url}coder', token: 'file:{}', pollInterval: 10ms, acceptTemplateToken: true}}\n\
         \x20 by-env: {{provider: coder, url: '{url}coder', token: 'env:CODER_TOKEN', pollInterval: 10ms}}\n",
        out.path().display(),
        TokenHash::of(KEY),
        token_file.display(),
        url = sandbox.url,
    );
    let file = config.path().join("sidestage.yaml");
    std::fs::write(&file, text).unwrap();
    let output = |name: &str| Stdio::from(std::fs::File::create(out.path().join(name)).unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidestage"))
        .args(["serve", "--config"])
        .arg(&file)
        .env("CODER_TOKEN", OWNER_TOKEN)
        .stdout(output("stdout"))
        .stderr(output("stderr"))
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let health = format!("{url}/.backstage/health/v1/readiness");
    while reqwest::get(&health).await.is_err() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let http = reqwest::Client::new();
    let mut answers = String::new();
    let mut say = async |path: &str, token: &str, body: Value| {
        let request = http.post(format!("{url}{path}")).bearer_auth(token);
        let answer = request.json(&body).send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let text = answer.text().await.unwrap();
        answers.push_str(&headers);
        answers.push_str(&text);
        text
    };
    let start = |input: Value| json!({"action": "coder:create-workspace", "input": input});
    let workspace = |connection: &str, name: &str| json!({"connection": connection, "user": "ada", "template": "python", "workspaceName": name});
    let and = |mut input: Value, key: &str, value: &str| {
        input[key] = value.into();
        input
    };
    let mut runs = Vec::new();
    for input in [
        workspace("by-file", "one"),
        workspace("by-env", "two"),
        and(workspace("by-file", "three"), "token", MEMBER_TOKEN),
        // Where they do not belong: refused by us, by Coder, and by a schema.
        and(workspace("by-env", "four"), "token", MEMBER_TOKEN),
        and(workspace("by-env", "five"), "user", OWNER_TOKEN),
        workspace("by-env", OWNER_TOKEN),
        workspace(OWNER_TOKEN, "six"),
        and(workspace("by-env", "seven"), OWNER_TOKEN, "key"),
        and(
            workspace("by-env", "eight"),
            "coderUrl",
            &format!("https://{OWNER_TOKEN}.example.com"),
        ),
        and(workspace("by-file", "nine"), "token", BAD_TOKEN),
    ] {
        let run = say("/v1/runs", KEY, start(input)).await;
        let id = serde_json::from_str::<Value>(&run).unwrap()["id"].clone();
        runs.extend(id.as_str().map(str::to_owned));
    }
    let invoke = "/api/coder/.backstage/actions/v2/actions/coder:create-workspace/invoke";
    say(
        invoke,
        KEY,
        json!({"input": workspace("by-env", "ten"), "secrets": {"password": SECRET}}),
    )
    .await;
    say("/v1/runs", BAD_TOKEN, start(workspace("by-env", "eleven"))).await;
    for id in &runs {
        for path in ["/events", ""] {
            let path = format!("{url}/v1/runs/{id}{path}");
            let answer = http.get(path).bearer_auth(KEY).send().await.unwrap();
            answers.push_str(&answer.text().await.unwrap());
        }
    }
    assert!(runs.len() >= 4, "{answers}");
    child.kill().unwrap();
    child.wait().unwrap();

    let mut found = vec![("answers".to_owned(), answers.into_bytes())];
    found.extend(files(out.path()));
    assert!(found.len() >= 4, "the log, the audit log, the journal");
    for (place, bytes) in found {
        assert!(
            !bytes.is_empty() || place.ends_with("-wal") || place.ends_with("-shm"),
            "{place} is empty"
        );
        let text = String::from_utf8_lossy(&bytes);
        for canary in CANARIES {
            let at = text.find(canary);
            let around = at.map(|at| {
                text.get(at.saturating_sub(200)..at)
                    .unwrap_or_default()
                    .to_owned()
            });
            assert!(at.is_none(), "{canary} in {place}: {around:?}");
        }
    }
}
