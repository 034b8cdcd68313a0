//! SIGHUP makes the real binary read its files again, and never ends it.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use serde_json::Value;
use support::SIDESTAGE;

/// A Sidestage, and its log.
struct Serving(Child, BufReader<ChildStderr>);

impl Serving {
    fn start(config: &str) -> (Self, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sidestage.yaml"), config).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        let mut command = Command::new(SIDESTAGE);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        (Serving(child, log), folder)
    }

    /// The next line of the log with that message. None: it has ended.
    fn line(&mut self, message: &str) -> Option<Value> {
        let mut lines = (&mut self.1).lines().map(|line| line.unwrap());
        lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            (line["message"] == message).then_some(line)
        })
    }

    fn hang_up(&self) {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-HUP", &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_goes_on_where_there_is_nothing_to_read_again() {
    let (mut serving, _folder) = Serving::start("log: {level: info}\n");
    let url = serving.line("listening").unwrap()["url"].clone();
    for _ in 0..2 {
        serving.hang_up();
        let line = serving.line("read again").expect("it goes on");
        assert_eq!(
            (&line["what"], &line["changed"]),
            (&"policies".into(), &false.into())
        );
    }
    let address = url.as_str().unwrap().trim_start_matches("http://");
    std::net::TcpStream::connect(address).unwrap();
}

#[test]
fn it_reads_the_policies_again_at_once() {
    let (mut serving, folder) = Serving::start("policy: {folder: policies}\n");
    serving.line("listening").unwrap();
    let policy = folder.path().join("policies/own.cedar");
    std::fs::write(&policy, "forbid (principal, action, resource);").unwrap();
    serving.hang_up();
    assert_eq!(serving.line("read again").unwrap()["changed"], true);
    std::fs::write(&policy, "forbid (principal").unwrap();
    serving.hang_up();
    let line = serving
        .line("changed and cannot be used; those before go on holding")
        .unwrap();
    assert_eq!(line["what"], "policies");
    assert!(
        line["error"].as_str().unwrap().starts_with("own.cedar:1"),
        "{line}"
    );
}
