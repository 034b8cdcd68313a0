//! A canary in every place where a secret can be given, and a search through all that the real binary lets out: its
//! answers and pages, its log at its loudest, its audit log, its journal, and what its commands print. (What a panic
//! writes is in the server's tests: the binary has none to offer.)

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_runs::{Filter, Journal as _, journal::Sql};
use sidestage_sandbox::{MEMBER_TOKEN, OWNER_TOKEN, Options, Running, Sandbox};
use sidestage_server::auth::TokenHash;
use support::{Postgres, SIDESTAGE, free_port};

const KEY: &str = "canary-of-the-key-0123456789";
const BAD_TOKEN: &str = "canary-of-a-bad-token-0123456789";
const SECRET: &str = "canary-of-an-actions-secret-0123456789";
const PASSWORD: &str = "canary/of the journal:0123456789";
const PASSWORD_IN_URL: &str = "canary%2fof%20the%20journal%3A0123456789";

/// Those of a connection, of a template, of a key, of nobody, of an action, of the journal.
const CANARIES: [&str; 7] = [
    OWNER_TOKEN,
    MEMBER_TOKEN,
    KEY,
    BAD_TOKEN,
    SECRET,
    PASSWORD,
    PASSWORD_IN_URL,
];

/// A Sidestage that serves, and all that it has let out.
struct Stage {
    _sandbox: Running,
    /// What holds secrets by right, and so is not searched.
    config: tempfile::TempDir,
    /// What it writes.
    out: tempfile::TempDir,
    url: String,
    http: reqwest::Client,
    /// What it has answered, by what was asked.
    answers: Vec<(String, String)>,
    child: Child,
}

impl Stage {
    /// Its log is at its loudest, its journal where `journal` says or else in a file.
    async fn start(journal: Option<&str>) -> Self {
        let build = Duration::from_millis(20);
        let sandbox = Sandbox::spawn(Options { build }).await;
        let (config, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let port = free_port();
        let token_file = config.path().join("coder-token");
        std::fs::write(&token_file, OWNER_TOKEN).unwrap();
        let file = format!("sqlite:{}/journal.db", out.path().display());
        let text = format!(
            "log: {{level: trace}}\njournal: {{url: '{}'}}\n\
             auth:\n  keys:\n  - {{name: ci, hash: '{}', expires: 9999-12-31, allRuns: true}}\n\
             connections:\n\
             \x20 by-file: {{provider: coder, url: '{url}coder', token: 'file:{}', pollInterval: 10ms, acceptTemplateToken: true}}\n\
             \x20 by-env: {{provider: coder, url: '{url}coder', token: 'env:CODER_TOKEN', pollInterval: 10ms}}\n\
             \x20 echo: {{provider: coder, url: '{}', token: 'env:CODER_TOKEN', pollInterval: 10ms}}\n",
            journal.map_or(&*file, |_| "env:JOURNAL_URL"),
            TokenHash::of(KEY),
            token_file.display(),
            echo(),
            url = sandbox.url,
        );
        std::fs::write(config.path().join("sidestage.yaml"), text).unwrap();
        let child = serve(config.path(), out.path(), journal.unwrap_or_default(), port);
        let url = format!("http://127.0.0.1:{port}");
        let mut stage = Stage {
            _sandbox: sandbox,
            config,
            out,
            url,
            http: reqwest::Client::new(),
            answers: Vec::new(),
            child,
        };
        let health = format!("{}/.backstage/health/v1/readiness", stage.url);
        while reqwest::get(&health).await.is_err() {
            assert_eq!(stage.child.try_wait().unwrap(), None, "it ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage
    }

    async fn keep(&mut self, asked: &str, request: reqwest::RequestBuilder) -> String {
        let answer = request.send().await.unwrap();
        let headers = format!("{:?}", answer.headers());
        let text = answer.text().await.unwrap();
        self.answers.push((asked.into(), headers + &text));
        text
    }

    async fn post(&mut self, path: &str, token: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.bearer_auth(token).json(&body);
        let text = self.keep(path, request).await;
        serde_json::from_str(&text).unwrap()
    }

    async fn get(&mut self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.url));
        self.keep(path, request.bearer_auth(KEY)).await
    }

    /// Starts a run and gives its id, if it was started.
    async fn start_run(&mut self, input: Value) -> Option<String> {
        let body = json!({"action": "coder:create-workspace", "input": input});
        let run = self.post("/v1/runs", KEY, body).await;
        run["id"].as_str().map(str::to_owned)
    }

    /// Reads a run to its end, by every way.
    async fn read_run(&mut self, id: &str) {
        for path in ["/events", ""] {
            self.get(&format!("/v1/runs/{id}{path}")).await;
        }
    }

    /// What a command prints.
    async fn command(&mut self, args: &[&str], token: &str) -> String {
        let said = command(self.config.path(), args, token).await;
        self.answers.push((args.join(" "), said.clone()));
        said
    }

    /// Ends it, and finds no canary in anything.
    fn search(mut self, more: Vec<(String, String)>) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut found = std::mem::take(&mut self.answers);
        found.extend(more);
        for entry in std::fs::read_dir(&self.out).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let name = path.display().to_string();
            assert!(
                !text.is_empty() || name.ends_with("-wal") || name.ends_with("-shm"),
                "{name} is empty"
            );
            found.push((name, text));
        }
        for (place, text) in found {
            has_no_canary(&place, &text);
        }
    }
}

fn has_no_canary(place: &str, text: &str) {
    for canary in CANARIES {
        let at = text.find(canary);
        let around = at.map(|at| text.get(at.saturating_sub(200)..at));
        assert!(at.is_none(), "{canary} in {place}: {around:?}");
    }
}

async fn command(folder: &Path, args: &[&str], token: &str) -> String {
    let mut command = tokio::process::Command::new(SIDESTAGE);
    let command = command.args(args).current_dir(folder);
    let command = command
        .env("CODER_TOKEN", OWNER_TOKEN)
        .env("SIDESTAGE_TOKEN", token)
        .env("BACKSTAGE_TOKEN", token);
    let output = command.output().await.unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(config: &Path, out: &Path, journal: &str, port: u16) -> Child {
    let output = |name: &str| Stdio::from(File::create(out.join(name)).unwrap());
    let mut command = Command::new(SIDESTAGE);
    command
        .args([
            "serve",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--config",
        ])
        .arg(config.join("sidestage.yaml"))
        .env("CODER_TOKEN", OWNER_TOKEN)
        .env("JOURNAL_URL", journal)
        .stdout(output("stdout"))
        .stderr(output("stderr"));
    command.spawn().unwrap()
}

/// A server that says back what it was sent, token and all: as an error, or as a run where one is asked for.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let status = match head.starts_with("GET /v1/runs/") {
                true => "200 OK",
                false => "400 Bad Request",
            };
            let body = json!({"message": head, "detail": head}).to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len(),
            );
        }
    });
    url
}

fn workspace(connection: &str, name: &str) -> Value {
    json!({"connection": connection, "user": "ada", "template": "python", "workspaceName": name})
}

#[tokio::test]
async fn no_secret_leaves_by_any_way() {
    let mut stage = Stage::start(None).await;
    let and = |mut input: Value, key: &str, value: &str| {
        input[key] = value.into();
        input
    };
    let mut runs = Vec::new();
    for input in [
        workspace("by-file", "one"),
        workspace("by-env", "two"),
        and(workspace("by-file", "three"), "token", MEMBER_TOKEN),
        // The service says back what it knows us by.
        workspace("echo", "four"),
        // Where they do not belong: refused by us, by Coder, and by a schema.
        and(workspace("by-env", "five"), "token", MEMBER_TOKEN),
        and(workspace("by-env", "six"), "user", OWNER_TOKEN),
        workspace("by-env", OWNER_TOKEN),
        workspace(OWNER_TOKEN, "seven"),
        and(workspace("by-env", "eight"), OWNER_TOKEN, "key"),
        and(
            workspace("by-env", "nine"),
            "coderUrl",
            &format!("https://{OWNER_TOKEN}.example.com"),
        ),
        and(workspace("by-file", "ten"), "token", BAD_TOKEN),
    ] {
        runs.extend(stage.start_run(input).await);
    }
    let invoke = "/api/coder/.backstage/actions/v2/actions/coder:create-workspace/invoke";
    let with_secret =
        json!({"input": workspace("by-env", "eleven"), "secrets": {"password": SECRET}});
    stage.post(invoke, KEY, with_secret).await;
    let body = json!({"action": "coder:create-workspace", "input": workspace("by-env", "twelve")});
    stage.post("/v1/runs", BAD_TOKEN, body).await;
    for id in &runs {
        stage.read_run(id).await;
    }
    assert!(runs.len() >= 5, "{:?}", stage.answers);
    for page in [
        "/docs/",
        "/openapi.json",
        "/v1/actions",
        "/v1/runs",
        &format!("/v1/runs/{OWNER_TOKEN}"),
        &format!("/api/coder/options/templates?connection={OWNER_TOKEN}"),
    ] {
        stage.get(page).await;
    }

    let url = stage.url.clone();
    for id in &runs {
        let show = ["runs", "show", id, "--url", &url];
        let shown = stage.command(&show, KEY).await;
        assert!(shown.contains(id), "{shown}");
    }
    stage.command(&["runs", "list", "--url", &url], KEY).await;
    stage
        .command(&["runs", "list", "--url", &url], BAD_TOKEN)
        .await;
    stage.command(&["config", "check"], KEY).await;
    let explain = ["policy", "explain", "key:ci", "coder:create-workspace"];
    stage.command(&explain, KEY).await;
    stage.search(Vec::new());
}

#[tokio::test]
async fn a_command_does_not_say_its_token_whoever_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (echo, run) = (echo(), uuid::Uuid::nil().to_string());
    let nobody = format!(
        "http://ada:{PASSWORD_IN_URL}@127.0.0.1:{}/?token={BAD_TOKEN}",
        free_port()
    );
    for (args, says) in [
        (
            &["runs", "list", "--url", &echo][..],
            "authorization: Bearer ***",
        ),
        (
            &["runs", "show", &run, "--json", "--url", &echo],
            "authorization: Bearer ***",
        ),
        (&["runs", "list", "--url", &nobody], "cannot be reached"),
        (&["actions", "pull", &nobody], "cannot ask"),
        (&["actions", "pull", &echo], "400"),
    ] {
        let said = command(folder.path(), args, KEY).await;
        assert!(said.contains(says), "{args:?}: {said}");
        has_no_canary(&args.join(" "), &said);
    }
}

#[tokio::test]
async fn the_journals_password_leaves_by_no_way() {
    let postgres = Postgres::start(&["-c", "fsync=off"]).await;
    // Trust is what this server asks for, so that any password is right.
    let with_password = |url: &str| {
        let user = format!("sidestage:{PASSWORD_IN_URL}@");
        url.replace("sidestage@", &user)
    };
    let url = with_password(&postgres.url);
    let mut stage = Stage::start(Some(&url)).await;
    for input in [
        workspace("by-env", "one"),
        workspace("by-env", PASSWORD),
        workspace("by-env", PASSWORD_IN_URL),
    ] {
        if let Some(id) = stage.start_run(input).await {
            stage.read_run(&id).await;
        }
    }
    let journal = Sql::open(&postgres.url).await.unwrap();
    let filter = Filter {
        most: 100,
        ..Filter::default()
    };
    let mut kept = Vec::new();
    for run in journal.list(&filter).await.unwrap() {
        let id = run.spec.id;
        let events = journal.events(id, 0, 1_000).await.unwrap();
        let effects = journal.effects(id).await.unwrap();
        kept.push((
            format!("the journal's run {id}"),
            format!("{run:?}{events:?}{effects:?}"),
        ));
    }
    assert!(!kept.is_empty());

    // A journal that is not there, and one whose URL is none.
    for url in [
        "postgres://sidestage@localhost/none?host=/nowhere",
        "postgres://sidestage@localhost:port/none",
        "mysql://sidestage@localhost/none",
    ] {
        let out = stage.out.path().join("refused");
        std::fs::create_dir(&out).unwrap();
        let mut refused = serve(stage.config.path(), &out, &with_password(url), 0);
        assert!(!refused.wait().unwrap().success());
        let said = std::fs::read_to_string(out.join("stderr")).unwrap();
        assert!(said.contains("journal.url"), "{said}");
        kept.push((url.into(), said));
        std::fs::remove_dir_all(&out).unwrap();
    }
    stage.search(kept);
}
