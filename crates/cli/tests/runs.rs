//! `sidestage runs` against the real binary with the sandbox behind it; the service is killed and started again.

#![allow(clippy::unwrap_used)]

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_sandbox::{Fault, FaultRule, Options, Running, Sandbox};
use sidestage_server::auth::TokenHash;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SIDESTAGE: &str = env!("CARGO_BIN_EXE_sidestage");
const KEY: &str = "operator-key-canary-4711";

struct Service {
    sandbox: Running,
    folder: tempfile::TempDir,
    url: String,
    child: Child,
}

impl Service {
    async fn start() -> Self {
        let build = Duration::from_millis(20);
        let sandbox = Sandbox::spawn(Options { build }).await;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let config = format!(
            "listen: 127.0.0.1:{port}\nlog: {{level: warn}}\nauth:\n  keys:\n  - {{name: operator, hash: '{}', expires: 9999-12-31, allRuns: true}}\n\
             connections:\n  coder: {{provider: coder, url: '{}coder', token: 'env:CODER', pollInterval: 10ms}}\n",
            TokenHash::of(KEY),
            sandbox.url
        );
        std::fs::write(folder.path().join("sidestage.yaml"), config).unwrap();
        let child = serve(folder.path());
        let mut service = Service {
            sandbox,
            folder,
            url,
            child,
        };
        service.is_up().await;
        service
    }

    async fn is_up(&mut self) {
        let url = format!("{}/.backstage/health/v1/readiness", self.url);
        while reqwest::get(&url).await.is_err() {
            assert_eq!(self.child.try_wait().unwrap(), None, "it ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// As `kill -9` does, and then started again in its place.
    async fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = serve(self.folder.path());
        self.is_up().await;
    }

    async fn start_run(&self, input: Value) -> String {
        let request = reqwest::Client::new()
            .post(format!("{}/v1/runs", self.url))
            .bearer_auth(KEY)
            .json(&json!({"action": "coder:create-workspace", "input": input}));
        let run: Value = request.send().await.unwrap().json().await.unwrap();
        run["id"].as_str().unwrap().to_owned()
    }

    /// What the command prints, without what differs from run to run, and whether it succeeded.
    async fn runs(&self, args: &[&str]) -> String {
        self.runs_as(KEY, args).await
    }

    async fn runs_as(&self, key: &str, args: &[&str]) -> String {
        let (text, code) = sidestage_runs(&self.url, key, args).await;
        mask(&text.replace(self.sandbox.url.as_str(), "http://sandbox/")) + &format!("exit {code}")
    }

    /// What `--json` prints.
    async fn runs_json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        let (text, code) = sidestage_runs(&self.url, KEY, &args).await;
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The workspaces of ada's that there are.
    fn workspaces(&self) -> Vec<String> {
        let state = self.sandbox.sandbox().state();
        let all = state["coder"]["workspaces"].as_array().unwrap().iter();
        let of_ada = all.filter(|one| one["owner"] == "ada" && one["deleted"] == false);
        of_ada
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// What `sidestage runs` prints, and its exit status.
async fn sidestage_runs(url: &str, key: &str, args: &[&str]) -> (String, i32) {
    let mut command = tokio::process::Command::new(SIDESTAGE);
    command.arg("runs").args(args).env("SIDESTAGE_URL", url);
    let output = command.env("SIDESTAGE_TOKEN", key).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains(key));
    (text, output.status.code().unwrap())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn serve(folder: &std::path::Path) -> Child {
    Command::new(SIDESTAGE)
        .args(["serve", "--config", "sidestage.yaml"])
        .current_dir(folder)
        .env("CODER", sidestage_sandbox::OWNER_TOKEN)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ids and times.
fn mask(text: &str) -> String {
    let is = |pattern: &str, piece: &str| {
        piece.len() == pattern.len()
            && piece
                .bytes()
                .zip(pattern.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'x' => byte.is_ascii_hexdigit(),
                    b'9' => byte.is_ascii_digit(),
                    wanted => byte == wanted,
                })
    };
    let patterns = [
        ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "<id>"),
        ("9999-99-99T99:99:99", "<time>"),
        ("99:99:99", "<time>"),
    ];
    let mut masked = String::new();
    let mut rest = text;
    'next: while let Some(char) = rest.chars().next() {
        for (pattern, name) in patterns {
            if rest
                .get(..pattern.len())
                .is_some_and(|piece| is(pattern, piece))
            {
                masked.push_str(name);
                rest = &rest[pattern.len()..];
                if name == "<time>" {
                    rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
                    rest = rest.strip_prefix('Z').unwrap_or(rest);
                }
                continue 'next;
            }
        }
        masked.push(char);
        rest = &rest[char.len_utf8()..];
    }
    masked
}

fn workspace(template: &str, name: &str) -> Value {
    json!({"user": "ada", "template": template, "workspaceName": name, "waitFor": "created"})
}

#[tokio::test]
async fn runs_are_listed_shown_followed_and_undone() {
    let service = Service::start().await;
    let id = service.start_run(workspace("python", "dev")).await;
    let followed = service.runs(&["follow", &id]).await;
    assert!(followed.ends_with("<time> succeeded\nexit 0"), "{followed}");
    insta::assert_snapshot!(service.runs(&["list"]).await, @"
    RUN                                   STATUS     STARTED               ACTION                            BY
    <id>  succeeded  <time>   coder:create-workspace            key:operator
    exit 0
    ");
    insta::assert_snapshot!(service.runs(&["show", &id]).await, @r#"
    Run <id>: succeeded
      Action        coder:create-workspace
      Connection    coder
      Started by    key:operator
      Started       <time>
      Ended         <time>
      Output        {"workspaceId":"<id>","workspaceUrl":"http://sandbox/coder/@ada/dev","workspaceName":"dev","ownerName":"ada","status":"pending","created":true,"apps":[]}

    Effects:
      workspace ada/dev: created

    Events:
      <time> created the workspace ada/dev: http://sandbox/coder/@ada/dev
      <time> output: {"workspaceId":"<id>","workspaceUrl":"http://sandbox/coder/@ada/dev","workspaceName":"dev","ownerName":"ada","status":"pending","created":true,"apps":[]}
      <time> succeeded
    exit 0
    "#);
    insta::assert_snapshot!(service.runs(&["undo", "--dry-run", &id]).await, @r#"
    <time> dry run: deletion of workspace ada/dev would be made
    <time> output: {"undone":[{"kind":"workspace","key":"ada/dev","id":"<id>"}],"kept":[]}
    <time> succeeded
    would be undone: workspace ada/dev
    exit 0
    "#);
    insta::assert_snapshot!(service.runs(&["retry", &id]).await, @"
    sidestage: Run <id> has succeeded; there is nothing to do again.
    exit 1
    ");
    assert_eq!(service.workspaces(), ["dev"]);
    let undone = service.runs(&["undo", &id]).await;
    let what = "<time> succeeded\nundone: workspace ada/dev\nexit 0";
    assert!(undone.ends_with(what), "{undone}");
    assert_eq!(service.workspaces(), Vec::<String>::new());
    insta::assert_snapshot!(service.runs(&["undo", &id]).await, @r#"
    <time> output: {"undone":[],"kept":[]}
    <time> succeeded
    There is nothing to undo: the run made nothing.
    exit 0
    "#);
    insta::assert_snapshot!(service.runs(&["show", "7"]).await, @"
    sidestage: a run's id is a UUID, and this is none: invalid length: found 1
    exit 1
    ");
    insta::assert_snapshot!(service.runs(&["list", "--status", "done"]).await, @"
    sidestage: A run's status is one of running, succeeded, failed, cancelled.
    exit 1
    ");
    insta::assert_snapshot!(service.runs_as("nonsense", &["list"]).await, @"
    sidestage: The token was not accepted. Sidestage's log has the reason under this request's id. (request <id>)
    exit 1
    ");
}

#[tokio::test]
async fn a_run_is_followed_through_a_kill_and_a_start_and_then_cancelled_and_retried() {
    let mut service = Service::start().await;
    let input = json!({"user": "ada", "template": "slow", "workspaceName": "dev"});
    let id = service.start_run(input).await;
    let follower = tokio::process::Command::new(SIDESTAGE)
        .args(["runs", "follow", &id, "--url", &service.url])
        .env("SIDESTAGE_TOKEN", KEY)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let made = || {
        service
            .sandbox
            .sandbox()
            .state()
            .to_string()
            .contains("\"dev\"")
    };
    while !made() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    service.kill_and_start().await;
    let cancelled = service.runs(&["cancel", &id]).await;
    assert!(
        cancelled.contains("taken up again after an interruption"),
        "{cancelled}"
    );
    let output = follower.wait_with_output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.matches("taken up again").count(), 1, "{said}");
    assert!(
        said.trim_end()
            .lines()
            .last()
            .unwrap()
            .contains(" cancelled: "),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1));
    let shown = service.runs(&["show", &id]).await;
    assert!(shown.contains("workspace ada/dev: created"), "{shown}");
}

#[tokio::test]
async fn the_list_is_narrowed() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let id = service.start_run(workspace("python", name)).await;
        service.runs(&["follow", &id]).await;
        ids.insert(0, id);
    }
    let listed = async |args: &[&str]| {
        let list = service.runs_json(&[&["list"], args].concat()).await;
        let runs = list["runs"].as_array().unwrap().iter();
        runs.map(|run| run["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]).await, ids);
    assert_eq!(listed(&["--limit", "2"]).await, ids[..2]);
    assert_eq!(listed(&["--before", &ids[0]]).await, ids[1..]);
    let page = listed(&["--before", &ids[0], "--limit", "1"]).await;
    assert_eq!(page, ids[1..2]);
    assert_eq!(listed(&["--action", "coder:create-workspace"]).await, ids);
    let none = ["list", "--action", "coder:create-user"];
    insta::assert_snapshot!(service.runs(&none).await, @"
    There are no runs.
    exit 0
    ");
}

#[tokio::test]
async fn a_failed_run_is_retried_and_with_json_only_json_is_printed() {
    let service = Service::start().await;
    let refused = || FaultRule {
        service: "coder".into(),
        method: Some("POST".into()),
        path: "/**".into(),
        times: Some(1),
        fault: Fault::Status {
            status: 403,
            body: None,
            headers: Default::default(),
            after: false,
        },
    };
    let failed = async |name: &str| {
        service.sandbox.sandbox().faults().add(refused());
        let id = service.start_run(workspace("python", name)).await;
        let followed = service.runs(&["follow", &id]).await;
        assert!(followed.ends_with("exit 1"), "{followed}");
        id
    };
    let id = failed("dev").await;
    let retried = service.runs(&["retry", &id]).await;
    insta::assert_snapshot!(retried, @r#"
    run <id> goes on from run <id>
    <time> created the workspace ada/dev: http://sandbox/coder/@ada/dev
    <time> output: {"workspaceId":"<id>","workspaceUrl":"http://sandbox/coder/@ada/dev","workspaceName":"dev","ownerName":"ada","status":"pending","created":true,"apps":[]}
    <time> succeeded
    exit 0
    "#);
    assert_eq!(service.workspaces(), ["dev"]);
    let old = service.runs_json(&["show", &id]).await;
    let next = old["continuedBy"].as_str().unwrap();
    let new = service.runs_json(&["show", next]).await;
    assert_eq!(
        (&new["continues"], &new["status"]),
        (&json!(id), &json!("succeeded"))
    );
    let planned = service.runs_json(&["undo", "--dry-run", next]).await;
    let undone = service.runs_json(&["undo", next]).await;
    assert_eq!(planned, undone);
    assert_eq!(undone["undone"][0]["key"], "ada/dev");
    let id = failed("other").await;
    let retried = service.runs_json(&["retry", &id]).await;
    assert_eq!(
        (&retried["continues"], &retried["status"]),
        (&json!(id), &json!("succeeded"))
    );
    let next = retried["id"].as_str().unwrap();
    assert_eq!(service.runs_json(&["follow", next]).await, retried);
    assert_eq!(service.runs_json(&["cancel", next]).await, retried);
}

#[tokio::test]
async fn a_run_that_is_under_way_is_shown_with_what_it_has_said() {
    let service = Service::start().await;
    let slow = json!({"user": "ada", "template": "slow", "workspaceName": "dev"});
    let id = service.start_run(slow).await;
    let shown = loop {
        let shown = service.runs(&["show", &id]).await;
        if shown.contains("workspace ada/dev: created") {
            break shown;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let (_, events) = shown.split_once("Events:\n").unwrap();
    assert!(events.lines().count() > 2, "{shown}");
    let last = "\n  it is under way; `sidestage runs follow` goes on from here\nexit 0";
    assert!(events.ends_with(last), "{events}");
}

#[tokio::test]
async fn runs_are_kept_as_long_as_the_configuration_says() {
    let mut service = Service::start().await;
    let id = service.start_run(workspace("python", "dev")).await;
    service.runs(&["follow", &id]).await;
    let config = service.folder.path().join("sidestage.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "runs: {keep: 0s}\n").unwrap();
    service.kill_and_start().await;
    let gone = async {
        while !service
            .runs(&["show", &id])
            .await
            .contains("There is no run")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
    gone.expect("it is kept");
}

/// Something between the command and Sidestage, that answers each request with the next of these texts, as it stands, and
/// closes the connection.
async fn in_between(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            asked.push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (url, task)
}

fn event(id: usize, name: &str, data: &Value) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
         id: {id}\nevent: {name}\ndata: {data}\n\n"
    )
}

#[tokio::test]
async fn a_proxy_that_has_nobody_to_pass_it_on_to_does_not_end_a_follower() {
    let nobody = |status: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    };
    let end = json!({"time": "2026-11-26T12:00:00Z", "status": "succeeded"});
    let id = uuid::Uuid::nil().to_string();
    let follow = ["follow", &id];
    let answers = ["502 Bad Gateway", "503 Service Unavailable"].map(nobody);
    let (url, _proxy) = in_between([answers.to_vec(), vec![event(1, "end", &end)]].concat()).await;
    let (said, code) = sidestage_runs(&url, KEY, &follow).await;
    assert_eq!((&*said, code), ("12:00:00 succeeded\n", 0));
    // What will not pass ends it.
    let (url, _proxy) = in_between(vec![nobody("404 Not Found")]).await;
    let (said, code) = sidestage_runs(&url, KEY, &follow).await;
    assert!(said.contains("404 Not Found; is that Sidestage?"), "{said}");
    assert_eq!(code, 1);
}

#[tokio::test]
async fn a_stream_that_breaks_again_and_again_is_followed_as_long_as_there_is_something_new() {
    let log = json!({"time": "2026-11-26T12:00:00Z", "level": "info", "message": "on"});
    let end = json!({"time": "2026-11-26T12:00:00Z", "status": "succeeded"});
    let mut answers: Vec<_> = (1..200).map(|id| event(id, "log", &log)).collect();
    answers.push(event(200, "end", &end));
    let (url, proxy) = in_between(answers).await;
    let id = uuid::Uuid::nil().to_string();
    let (said, code) = sidestage_runs(&url, KEY, &["follow", &id]).await;
    assert_eq!((said.lines().count(), code), (200, 0), "{said}");
    let asked = proxy.await.unwrap();
    assert!(
        asked[199].contains("last-event-id: 199\r\n"),
        "{}",
        asked[199]
    );
}
