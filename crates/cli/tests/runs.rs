//! `sidestage runs` against the real binary with the sandbox behind it; the service is killed and started again.

#![allow(clippy::unwrap_used)]

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_sandbox::{Options, Running, Sandbox};
use sidestage_server::auth::TokenHash;

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
        let mut command = tokio::process::Command::new(SIDESTAGE);
        command
            .arg("runs")
            .args(args)
            .env("SIDESTAGE_URL", &self.url);
        let output = command.env("SIDESTAGE_TOKEN", key).output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains(key));
        let code = output.status.code().unwrap();
        mask(&text.replace(self.sandbox.url.as_str(), "http://sandbox/")) + &format!("exit {code}")
    }
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
