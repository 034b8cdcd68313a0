//! `sidestage check`, `explain` and `actions pull`, as a user calls them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{fs, thread};

use tempfile::TempDir;

const RIGHT: &str = "\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: example
spec:
  type: service
  steps:
    - id: log
      action: debug:log
      input:
        message: Hello
";

fn sidestage(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidestage"))
        .args(args)
        .current_dir(folder)
        .env_remove("BACKSTAGE_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    // A program that reads nothing has closed it already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    folder
}

#[test]
fn the_exit_status_says_whether_something_was_found_or_nothing_could_be_checked() {
    let wrong = RIGHT.replace("message:", "mesage:");
    let folder = folder(&[
        ("right/template.yaml", RIGHT),
        ("wrong/template.yaml", &wrong),
    ]);
    let status = |args: &[&str]| sidestage(folder.path(), args, "").status.code();
    assert_eq!(status(&["check", "right"]), Some(0));
    assert_eq!(status(&["check", "."]), Some(1));
    assert_eq!(status(&["check", "--fail-on", "never", "."]), Some(0));
    assert_eq!(status(&["check", "missing"]), Some(2));
    assert_eq!(
        status(&["check", "--config", "missing.yaml", "right"]),
        Some(2)
    );
    assert_eq!(
        status(&["check", "--backstage-version", "new", "right"]),
        Some(2)
    );
}

#[test]
fn standard_input_is_checked_and_mended() {
    let folder = folder(&[]);
    let wrong = RIGHT.replace("message:", "mesage:");
    let output = sidestage(
        folder.path(),
        &["check", "-", "--stdin-path", "a.yaml"],
        &wrong,
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("a.yaml:11:9"),
        "{}",
        text(&output.stdout)
    );
    let output = sidestage(folder.path(), &["check", "-", "--fix"], &wrong);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), RIGHT.to_owned())
    );
}

#[test]
fn fixes_are_written_into_the_files() {
    let wrong = RIGHT
        .replace("message:", "mesage:")
        .replace("debug:log", "debug:lgo");
    let folder = folder(&[("template.yaml", &wrong)]);
    let output = sidestage(folder.path(), &["check", "--fix"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(
        fs::read_to_string(folder.path().join("template.yaml")).expect("it is there"),
        RIGHT
    );
}

#[test]
fn skeletons_and_other_kinds_are_no_templates() {
    let owner = RIGHT.replace(
        "    - id: log\n",
        "    - id: fetch\n      action: fetch:template\n      input:\n        url: ./content\n    - id: log\n",
    );
    let wrong = RIGHT.replace("message:", "mesage:");
    let folder = folder(&[
        ("template.yaml", &owner),
        ("content/template.yaml", &wrong),
        ("{{cookiecutter.name}}/template.yaml", &wrong),
        ("node_modules/a/template.yaml", &wrong),
        ("broken.yaml", "kind: Template\n{% if %}: [\n"),
        (
            "openshift.yaml",
            "apiVersion: template.openshift.io/v1\nkind: Template\nobjects: []\n",
        ),
        (
            "component.yaml",
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nspec: {steps: 1}\n",
        ),
        (
            "two.yaml",
            &format!("apiVersion: v1\nkind: List\n---\n{RIGHT}"),
        ),
    ]);
    let output = sidestage(folder.path(), &["check"], "");
    assert_eq!(text(&output.stdout), "nothing found in 2 templates\n");
    let named = sidestage(folder.path(), &["check", "content/template.yaml"], "");
    assert_eq!(
        named.status.code(),
        Some(1),
        "a file that is named is checked"
    );
}

#[test]
fn the_configuration_is_found_above_and_its_mistakes_have_a_place() {
    let wrong = RIGHT.replace("debug:log", "acme:work");
    let folder = folder(&[
        (
            ".sidestage-check.yaml",
            "rules:\n  unknown-action: off\nexclude: [old/]\n",
        ),
        ("a/template.yaml", &wrong),
        ("old/template.yaml", &RIGHT.replace("message:", "mesage:")),
        ("bad.yaml", "failOn: error\nrules:\n  unknown-action: of\n"),
        ("key.yaml", "failOn: error\nrule: {}\n"),
        ("rule.yaml", "rules: {unknown-acton: off}\n"),
    ]);
    let output = sidestage(&folder.path().join("a"), &["check"], "");
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "nothing found in 1 template\n".into())
    );
    let output = sidestage(folder.path(), &["check"], "");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let problem =
        |config: &str| text(&sidestage(folder.path(), &["check", "--config", config], "").stderr);
    assert!(
        problem("bad.yaml").contains("bad.yaml:3:3: unknown variant `of`"),
        "{}",
        problem("bad.yaml")
    );
    assert!(
        problem("key.yaml").contains("key.yaml:2:1: unknown field `rule`"),
        "{}",
        problem("key.yaml")
    );
    assert!(
        problem("rule.yaml").contains("there is no rule `unknown-acton`"),
        "{}",
        problem("rule.yaml")
    );
}

#[test]
fn a_rule_is_explained_with_its_examples() {
    let folder = folder(&[]);
    let output = text(&sidestage(folder.path(), &["explain", "dashed-name"], "").stdout);
    assert!(
        output.starts_with("# dashed-name\n\nSeverity: error.\n") && output.contains("## Right"),
        "{output}"
    );
    assert!(
        text(&sidestage(folder.path(), &["explain"], "").stdout)
            .lines()
            .count()
            > 40
    );
    assert!(
        !sidestage(folder.path(), &["explain", "no-such"], "")
            .status
            .success()
    );
}

/// Answers every request as a Backstage that wants a token; says which paths it was asked for.
fn backstage(requests: usize) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it has one"));
    let answer = move || {
        (0..requests)
            .map(|_| {
                let (mut stream, _) = listener.accept().expect("a request");
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).expect("it can be read");
                    request.extend_from_slice(&buffer[..read]);
                }
                let request = text(&request);
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let (status, body) = match (request.contains("earer secret"), path.ends_with("/actions")) {
                    (false, _) => ("401 Unauthorized", "{}"),
                    (true, true) => (
                        "200 OK",
                        r#"[{"id":"acme:work","schema":{"input":{"type":"object","properties":{"size":{"type":"number"}},"additionalProperties":false}}}]"#,
                    ),
                    (true, false) => ("200 OK", r#"{"filters":{"shout":{}},"globals":{"functions":{},"values":{}}}"#),
                };
                let length = body.len();
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                path
            })
            .collect()
    };
    (url, thread::spawn(answer))
}

#[test]
fn what_an_instance_says_of_itself_is_known_after_a_pull() {
    let template = RIGHT
        .replace("debug:log", "acme:work")
        .replace("message: Hello", "size: ${{ 'x' | shout }}");
    let folder = folder(&[("template.yaml", &template)]);
    let report = |args: &[&str]| text(&sidestage(folder.path(), args, "").stdout);
    assert!(report(&["check"]).contains("warning[unknown-action]"));

    let (url, server) = backstage(2);
    let pulled = sidestage(
        folder.path(),
        &["actions", "pull", &url, "--token", "secret"],
        "",
    );
    assert!(pulled.status.success(), "{}", text(&pulled.stderr));
    let asked = server.join().expect("it answered");
    assert_eq!(
        asked,
        [
            "/api/scaffolder/v2/actions",
            "/api/scaffolder/v2/templating-extensions"
        ]
    );
    let file =
        fs::read_to_string(folder.path().join("backstage-actions.json")).expect("it was written");
    assert!(!file.contains("secret"), "{file}");

    let known = ["check", "--actions", "backstage-actions.json"];
    assert_eq!(report(&known), "nothing found in 1 template\n");
    fs::write(
        folder.path().join("template.yaml"),
        template
            .replace("shout", "whisper")
            .replace("size", "weight"),
    )
    .expect("a file");
    let report = report(&known);
    assert!(
        report.contains("error[unknown-filter]") && report.contains("error[unknown-input]"),
        "{report}"
    );

    let (url, server) = backstage(1);
    let refused = sidestage(folder.path(), &["actions", "pull", &url], "");
    server.join().expect("it answered");
    assert!(
        text(&refused.stderr).contains("401 Unauthorized: set BACKSTAGE_TOKEN"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn watching_checks_again_after_a_change() {
    use std::io::{BufRead as _, BufReader};
    let folder = folder(&[("template.yaml", RIGHT)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidestage"))
        .args(["check", "--watch"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut reports = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
    let mut notices = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
    let mut report = || reports.next().expect("a line").expect("it is text");
    let mut watching = || notices.next().expect("a line").expect("it is text");
    assert_eq!(report(), "nothing found in 1 template");
    assert_eq!(watching(), "watching for changes");
    fs::write(
        folder.path().join("template.yaml"),
        RIGHT.replace("message:", "mesage:"),
    )
    .expect("a file");
    assert_eq!(
        report(),
        "error[unknown-input]: `debug:log` takes no `mesage`"
    );
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}
