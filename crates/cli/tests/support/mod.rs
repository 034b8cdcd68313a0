//! What the tests of the binary share: Sidestages that can be killed, and a PostgreSQL that they share.

#![allow(dead_code, unreachable_pub)]

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sidestage_sandbox::Running;
use sidestage_server::auth::TokenHash;

pub const SIDESTAGE: &str = env!("CARGO_BIN_EXE_sidestage");

/// A key that sees all runs.
pub const KEY: &str = "operator-key-canary-4711";

/// A real PostgreSQL, for as long as this is held.
pub struct Postgres {
    pub url: String,
    _stdin: ChildStdin,
    _child: Child,
}

impl Postgres {
    /// With options of the server's.
    pub async fn start(options: &'static [&'static str]) -> Self {
        let start = || Self::start_now(options);
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    fn start_now(options: &[&str]) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");
        let mut command = Command::new(script);
        let command = command.args(options);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "scripts/postgres.sh: {url}");
        Postgres {
            url: url.trim().into(),
            _stdin: stdin,
            _child: child,
        }
    }
}

/// One Sidestage, with a connection to each of some services of the sandbox.
pub struct Replica {
    pub name: String,
    pub url: String,
    folder: tempfile::TempDir,
    secrets: Vec<(String, &'static str)>,
    child: Mutex<Child>,
}

impl Replica {
    /// `more` is more of its configuration.
    pub fn start(
        name: &str,
        journal: &str,
        sandbox: &Running,
        services: &[&str],
        more: &str,
    ) -> Self {
        let port = free_port();
        let mut config = format!(
            "listen: 127.0.0.1:{port}\nlog: {{level: error}}\njournal: {{url: '{journal}', replica: {name}}}\n\
             runs: {{lease: 1s}}\nauth:\n  keys:\n  - {{name: operator, hash: '{}', expires: 9999-12-31, allRuns: true}}\n{more}\n\
             connections:\n",
            TokenHash::of(KEY),
        );
        let mut secrets = Vec::new();
        for service in services {
            let token = service.to_uppercase();
            config += &format!(
                "  {service}: {{provider: {service}, url: '{}{service}', token: 'env:{token}', pollInterval: 50ms}}\n",
                sandbox.url
            );
            let tokens = sandbox.sandbox().tokens(service).unwrap();
            secrets.push((token, tokens.administrator));
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sidestage.yaml"), config).unwrap();
        let child = serve(&folder, &secrets).into();
        Replica {
            name: name.into(),
            url: format!("http://127.0.0.1:{port}"),
            folder,
            secrets,
            child,
        }
    }

    pub fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it answers. It does once it has taken up what it had.
    pub async fn is_up(&self) -> bool {
        let ready = format!("{}/.backstage/health/v1/readiness", self.url);
        reqwest::get(&ready).await.is_ok()
    }

    /// As `kill -9` does, and then started again in its place.
    pub fn kill_and_start(&self) {
        let mut child = self.child();
        child.kill().unwrap();
        child.wait().unwrap();
        *child = serve(&self.folder, &self.secrets);
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn serve(folder: &tempfile::TempDir, secrets: &[(String, &'static str)]) -> Child {
    let mut command = Command::new(SIDESTAGE);
    command.args(["serve", "--config", "sidestage.yaml"]);
    command.current_dir(folder.path()).envs(secrets.to_vec());
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// What an event stream says: name, id (`reconnect` has none) and data of each event that is whole.
pub struct Events {
    answer: reqwest::Response,
    text: String,
}

pub struct Event {
    pub name: String,
    pub id: Option<u64>,
    pub data: serde_json::Value,
}

impl Events {
    pub fn of(answer: reqwest::Response) -> Self {
        let text = String::new();
        Events { answer, text }
    }

    /// The next event. None: the stream is over, or broke.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let mut lines = block.lines();
                    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                // A comment keeps the connection alive.
                let Some(name) = field("event") else { continue };
                return Some(Event {
                    name: name.into(),
                    id: field("id").and_then(|id| id.parse().ok()),
                    data: serde_json::from_str(field("data")?).ok()?,
                });
            }
            let chunk = self.answer.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
