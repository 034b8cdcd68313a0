//! `sidestage check`, `explain` and `actions pull`, as a user calls them.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::{fs, iter, thread};

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
fn one_mistake_is_one_error_in_one_template() {
    let folder = folder(&[]);
    for (part, wrong, message) in [
        ("metadata:", "metadata: {", "error[invalid-yaml]"),
        (
            "      input:\n        message: Hello\n",
            "      input: text\n",
            "`input` has to be an object, not text",
        ),
        (
            "    - id: log\n",
            "    - text\n    - id: log\n",
            "error[invalid-template]: a step has to be an object",
        ),
    ] {
        let wrong = RIGHT.replace(part, wrong);
        let report = text(&sidestage(folder.path(), &["check", "-"], &wrong).stdout);
        assert!(report.ends_with("\n1 error in 1 template\n"), "{report}");
        assert!(report.contains(message), "{report}");
    }
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
        .replace("input:", "inptu:");
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
    let mending = sidestage(folder.path(), &["check", "--fix"], "");
    assert_eq!(text(&mending.stdout), "nothing found in 2 templates\n");
    let content = fs::read_to_string(folder.path().join("content/template.yaml"));
    assert_eq!(content.expect("it is there"), wrong, "it is not mended");
    let named = sidestage(folder.path(), &["check", "content/template.yaml"], "");
    assert_eq!(
        named.status.code(),
        Some(1),
        "a file that is named is checked"
    );
}

#[test]
fn a_skeleton_that_an_expression_chooses_is_no_template() {
    let wrong = RIGHT.replace("message:", "mesage:");
    for (url, content, other) in [
        ("./skel-${{ parameters.kind }}", "skel-a", "skal-a"),
        (
            "./skeleton/${{ parameters.kind }}",
            "skeleton/a",
            "skeletons/a",
        ),
    ] {
        let step = format!(
            "    - id: fetch\n      action: fetch:template\n      input: {{url: '{url}'}}\n    - id: log\n"
        );
        let owner = RIGHT.replace("    - id: log\n", &step).replace(
            "  steps:",
            "  parameters:\n    properties: {kind: {type: string}}\n    required: [kind]\n  steps:",
        );
        let folder = folder(&[
            ("s/template.yaml", &owner),
            (&format!("s/{content}/template.yaml"), &wrong),
            (&format!("s/{other}/template.yaml"), RIGHT),
        ]);
        let output = sidestage(folder.path(), &["check", "s"], "");
        assert_eq!(text(&output.stdout), "nothing found in 2 templates\n");
    }
}

#[test]
fn what_is_no_file_is_passed_over_and_what_cannot_be_read_stops_nothing() {
    use std::os::unix::fs::symlink;
    let wrong = RIGHT.replace("message:", "mesage:");
    let folder = folder(&[("a.yaml", &wrong), ("c.yaml", RIGHT)]);
    symlink("/nonexistent", folder.path().join("b.yaml")).expect("a link");
    symlink("c.yaml", folder.path().join("d.yaml")).expect("a link");
    let pipe = Command::new("mkfifo")
        .arg(folder.path().join("p.yaml"))
        .status();
    assert!(pipe.expect("it starts").success());
    let output = sidestage(folder.path(), &["check"], "");
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(report.contains("1 error in 3 templates"), "{report}");

    // Its first page is nobody's: whoever reads it fails, root too.
    symlink("/proc/self/mem", folder.path().join("e.yaml")).expect("a link");
    let output = sidestage(folder.path(), &["check"], "");
    assert_eq!(output.status.code(), Some(2), "it could not check all");
    assert_eq!(text(&output.stdout), report);
    assert!(
        text(&output.stderr).contains("cannot read e.yaml"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_is_excluded_is_so_from_wherever_it_is_looked_at() {
    let wrong = RIGHT.replace("message:", "mesage:");
    let folder = folder(&[
        (
            ".sidestage-check.yaml",
            "exclude: [/templates/legacy/, '*.yml', '!template.yml']\n",
        ),
        ("templates/template.yaml", RIGHT),
        ("templates/legacy/template.yaml", &wrong),
        ("templates/more/legacy/template.yaml", RIGHT),
        ("templates/a.yml", &wrong),
        ("templates/template.yml", RIGHT),
    ]);
    let report =
        |below: &str, args: &[&str]| text(&sidestage(&folder.path().join(below), args, "").stdout);
    let all = "nothing found in 3 templates\n";
    assert_eq!(report("", &["check"]), all);
    assert_eq!(report("", &["check", "templates"]), all);
    assert_eq!(report("templates", &["check"]), all);
    assert_eq!(report("templates/more", &["check", "../../templates"]), all);
    assert_eq!(
        report(
            "templates",
            &["check", "--config", "../.sidestage-check.yaml"]
        ),
        all
    );
    let legacy = report("templates", &["check", "legacy"]);
    assert_eq!(legacy, "nothing found in 0 templates\n");
}

#[test]
fn the_configuration_and_the_flags_have_the_same_words() {
    let wrong = RIGHT.replace("message:", "mesage:");
    let folder = folder(&[
        ("template.yaml", &wrong),
        ("never.yaml", "failOn: never\nbackstageVersion: 1.55\n"),
        ("text.yaml", "failOn: never\nbackstageVersion: '1.55'\n"),
        ("off.yaml", "failOn: off\n"),
        ("old.yaml", "backstageVersion: 1.50\n"),
        ("new.yaml", "backstageVersion: 1.5.x\n"),
    ]);
    let run = |args: &[&str]| sidestage(folder.path(), args, "");
    for args in [
        ["check", "--config", "never.yaml"],
        ["check", "--config", "text.yaml"],
        ["check", "--config", "off.yaml"],
        ["check", "--fail-on", "never"],
        ["check", "--fail-on", "off"],
    ] {
        let output = run(&args);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
    assert_eq!(
        run(&["check", "--config", "old.yaml"]).status.code(),
        Some(1)
    );
    let output = run(&["check", "--config", "new.yaml"]);
    assert!(
        text(&output.stderr).contains("`1.5.x` is no version"),
        "{}",
        text(&output.stderr)
    );
    let version = format!("sidestage {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&run(&["--version"]).stdout), version);
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

/// A `sidestage check --watch` that runs.
struct Watch {
    child: Child,
    reports: Lines<BufReader<ChildStdout>>,
    notices: Lines<BufReader<ChildStderr>>,
}

impl Watch {
    fn of(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sidestage"))
            .args(["check", "--watch"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Self {
            reports: BufReader::new(child.stdout.take().expect("it was asked for")).lines(),
            notices: BufReader::new(child.stderr.take().expect("it was asked for")).lines(),
            child,
        }
    }

    fn report(&mut self) -> String {
        self.reports.next().expect("a line").expect("it is text")
    }

    fn notice(&mut self) -> String {
        self.notices.next().expect("a line").expect("it is text")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn watching_checks_again_after_a_change() {
    let folder = folder(&[("template.yaml", RIGHT)]);
    let mut watch = Watch::of(folder.path());
    assert_eq!(watch.report(), "nothing found in 1 template");
    assert_eq!(watch.notice(), "watching for changes");
    let wrong = RIGHT.replace("message:", "mesage:");
    fs::write(folder.path().join("template.yaml"), wrong).expect("a file");
    assert_eq!(
        watch.report(),
        "error[unknown-input]: `debug:log` takes no `mesage`"
    );
}

#[test]
fn watching_sees_changes_of_the_configuration_and_of_the_actions() {
    let template = RIGHT.replace("debug:log", "acme:work");
    let folder = folder(&[
        (".sidestage-check.yaml", "rules: {unknown-action: off}\n"),
        ("actions.json", "[]"),
        ("a/template.yaml", &template),
    ]);
    let mut watch = Watch::of(&folder.path().join("a"));
    let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("a file");
    assert_eq!(watch.report(), "nothing found in 1 template");
    assert_eq!(watch.notice(), "watching for changes");
    write(".sidestage-check.yaml", "actions: [actions.json]\n");
    assert_eq!(
        watch.report(),
        "warning[unknown-action]: the action `acme:work` is not known"
    );
    assert_eq!(watch.notice(), "watching for changes");
    write("actions.json", r#"[{"id": "acme:work"}]"#);
    let nothing = |line| line == "nothing found in 1 template";
    assert!(iter::repeat_with(|| watch.report()).any(nothing));
    assert_eq!(watch.notice(), "watching for changes");
    write(".sidestage-check.yaml", "rule: {}\n");
    assert!(watch.notice().contains("unknown field `rule`"));
}

/// A file of the repository as JSON.
fn yaml(path: &str) -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    let source = fs::read_to_string(path).expect("it is there");
    let stream = sidestage_templates::yaml::read(&source, Default::default());
    let document = stream.documents.into_iter().next().expect("a document");
    assert!(document.problems.is_empty(), "{:?}", document.problems);
    document.root.to_json()
}

/// A command with the `sidestage` that was built on its PATH.
fn with_sidestage(program: &str, folder: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_sidestage"));
    let mut paths = vec![binary.parent().expect("a folder").to_owned()];
    paths.extend(std::env::split_paths(
        &std::env::var_os("PATH").expect("it is set"),
    ));
    let mut command = Command::new(program);
    command
        .env(
            "PATH",
            std::env::join_paths(paths).expect("these are paths"),
        )
        .current_dir(folder);
    command
}

#[test]
fn the_action_does_what_it_says() {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let folder = folder(&[
        ("a/template.yaml", &RIGHT.replace("message:", "mesage:")),
        ("b/template.yaml", RIGHT),
        ("off.yaml", "rules: {unknown-input: off}\n"),
    ]);
    let run = |given: &[(&str, &str)]| {
        // As GitHub fills in what a step's `env` says.
        let value = |expression: &str| match expression.trim().strip_prefix("inputs.") {
            Some(input) => {
                let default = action["inputs"][input]["default"]
                    .as_str()
                    .expect("a default");
                let given = given.iter().find(|(name, _)| *name == input);
                given.map_or(default, |(_, value)| *value)
            }
            None => "/nowhere",
        };
        let mut outputs = steps.iter().map(|step| {
            assert_eq!(step["shell"], "bash");
            let mut command = with_sidestage("bash", folder.path());
            // How GitHub calls it.
            command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]);
            command.arg(step["run"].as_str().expect("a script"));
            for (name, expression) in step["env"].as_object().expect("an environment") {
                let expression = expression.as_str().expect("an expression");
                let expression = expression
                    .strip_prefix("${{")
                    .and_then(|rest| rest.strip_suffix("}}"));
                command.env(name, value(expression.expect("it is one")));
            }
            command.output().expect("it starts")
        });
        let install = outputs.next().expect("a step");
        assert!(install.status.success(), "{}", text(&install.stderr));
        let check = outputs.next().expect("a step");
        assert!(outputs.next().is_none());
        check
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    assert!(
        report.starts_with("::error file=a/template.yaml,"),
        "{report}"
    );
    assert_eq!(run(&[("paths", "b")]).status.code(), Some(0));
    assert_eq!(run(&[("paths", "b a")]).status.code(), Some(1));
    assert_eq!(run(&[("fail-on", "never")]).status.code(), Some(0));
    assert_eq!(run(&[("config", "off.yaml")]).status.code(), Some(0));
    let output = run(&[("sarif", "report.sarif"), ("config", "off.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = run(&[("sarif", "report.sarif")]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let sarif = fs::read_to_string(folder.path().join("report.sarif")).expect("it was written");
    assert!(sarif.contains("unknown-input"), "{sarif}");
}

#[test]
fn the_hook_before_a_commit_checks_the_folders_it_is_given() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let [hook] = hooks.as_array().expect("hooks").as_slice() else {
        panic!("one hook");
    };
    assert_eq!(
        (&hook["id"], &hook["language"]),
        (&"sidestage-check".into(), &"system".into())
    );
    assert_eq!(hook["pass_filenames"], false);
    let folder = folder(&[
        ("template.yaml", RIGHT),
        ("a/template.yaml", &RIGHT.replace("message:", "mesage:")),
    ]);
    let run = |args: &[&str]| {
        let mut words = hook["entry"].as_str().expect("a command").split(' ');
        let mut command = with_sidestage(words.next().expect("a program"), folder.path());
        command
            .args(words)
            .args(args)
            .output()
            .expect("it starts")
            .status
            .code()
    };
    let default = hook["args"].as_array().expect("arguments");
    let default: Vec<&str> = default.iter().filter_map(|arg| arg.as_str()).collect();
    assert_eq!(run(&default), Some(1));
    fs::write(folder.path().join("a/template.yaml"), RIGHT).expect("a file");
    assert_eq!(run(&default), Some(0));
    assert_eq!(run(&["template.yaml"]), Some(0));
}
