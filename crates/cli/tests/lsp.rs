//! `sidestage lsp`, as an editor talks to it: the real program, over its standard input and output.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const TEMPLATE: &str = "\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: example
spec:
  type: service
  parameters:
    - required: [name]
      properties:
        name: {type: string, description: How it is called.}
  steps:
    - id: publish
      action: publish:github
      input:
        repoUrl: github.com?owner=acme&repo=🎉${{ parameters.name }}
    - id: log
      action: debug:log
      input:
        message: Hello ${{ parameters.name }}
";

/// An editor with one file, `template.yaml`.
struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What came while something else was waited for.
    early: VecDeque<Value>,
    requests: i64,
    folder: TempDir,
    /// The document that is open, as the editor has it.
    path: String,
    text: String,
    version: i64,
}

impl Editor {
    /// Before `initialize`.
    fn started(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_sidestage"))
            .args(["lsp", "--stdio"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("it was asked for")),
            child,
            early: VecDeque::new(),
            requests: 0,
            folder,
            path: String::new(),
            text: String::new(),
            version: 0,
        }
    }

    /// In a workspace with these files, with these capabilities.
    fn with(files: &[(&str, &str)], capabilities: Value) -> Self {
        let mut editor = Self::started(files);
        let uri = editor.uri("");
        let folders = json!([{"uri": uri.trim_end_matches('/'), "name": "workspace"}]);
        let params = json!({"processId": null, "rootUri": null, "workspaceFolders": folders, "capabilities": capabilities});
        editor.request("initialize", params);
        editor.notify("initialized", json!({}));
        editor
    }

    fn new() -> Self {
        Self::with(&[], json!({}))
    }

    fn uri(&self, path: &str) -> String {
        format!("file://{}/{path}", self.folder.path().display())
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).expect("a file");
    }

    fn send_raw(&mut self, text: &str) {
        let input = self.input.as_mut().expect("it is open");
        input.write_all(text.as_bytes()).expect("it listens");
        input.flush().expect("it listens");
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut header = String::new();
            let read = self.output.read_line(&mut header).expect("it can be read");
            assert_ne!(read, 0, "the server has gone");
            match header.trim_end().split_once(": ") {
                Some((_, value)) => length = value.parse().expect("a length"),
                None => break,
            }
        }
        let mut text = vec![0; length];
        self.output.read_exact(&mut text).expect("it is as long");
        serde_json::from_slice(&text).expect("it is JSON")
    }

    /// The next message of a kind; others are kept.
    fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.early.iter().position(&is_it) {
            return self.early.remove(at).expect("it is there");
        }
        loop {
            let message = self.receive();
            if is_it(&message) {
                return message;
            }
            self.early.push_back(message);
        }
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The whole answer to a request.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.wait_for(|message| message["id"] == id && message.get("method").is_none())
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let mut answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    fn error_code(&mut self, method: &str, params: Value) -> i64 {
        let answer = self.answer(method, params);
        answer["error"]["code"]
            .as_i64()
            .unwrap_or_else(|| panic!("no error: {answer}"))
    }

    /// Opens a file, and says what is found in it.
    fn open(&mut self, path: &str, text: &str) -> Vec<Value> {
        let uri = self.uri(path);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
        self.path = path.to_owned();
        self.text = text.to_owned();
        self.version = 1;
        self.found()
    }

    /// Sends changes of the open document, whose text is `text` after them.
    fn change(&mut self, changes: &Value, text: String) {
        self.version += 1;
        self.text = text;
        let document = json!({"uri": self.uri(&self.path), "version": self.version});
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.notify("textDocument/didChange", params);
    }

    /// Types over a part of the open document, which is there once.
    fn type_over(&mut self, part: &str, typed: &str) {
        assert_eq!(self.text.matches(part).count(), 1, "{part}");
        let start = self.text.find(part).expect("it is there once");
        let range = json!({
            "start": position(&self.text, start),
            "end": position(&self.text, start + part.len()),
        });
        let text = self.text.replacen(part, typed, 1);
        self.change(&json!([{"range": range, "text": typed}]), text);
    }

    /// What is published next of the open document, which has to be of its version.
    fn found(&mut self) -> Vec<Value> {
        let path = self.path.clone();
        let mut params = self.published(&path);
        assert_eq!(params["version"], self.version, "{params}");
        serde_json::from_value(params["diagnostics"].take()).expect("a list")
    }

    /// What is found when the open document has changed once more, in nothing that counts.
    fn settled(&mut self) -> Vec<Value> {
        let text = format!("{}# more\n", self.text);
        self.change(&json!([{"text": text}]), text);
        let path = self.path.clone();
        loop {
            let mut published = self.published(&path);
            if published["version"] == self.version {
                return serde_json::from_value(published["diagnostics"].take()).expect("a list");
            }
        }
    }

    fn published(&mut self, path: &str) -> Value {
        let uri = self.uri(path);
        let mut message = self.wait_for(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri
        });
        message["params"].take()
    }

    /// Asks about the place of `¦` in a part of the open document.
    fn ask(&mut self, method: &str, marked: &str) -> Value {
        let start = self
            .text
            .find(&marked.replace('¦', ""))
            .expect("it is there");
        let offset = start + marked.find('¦').expect("a cursor");
        let document = json!({"uri": self.uri(&self.path)});
        let position = position(&self.text, offset);
        self.request(
            method,
            json!({"textDocument": document, "position": position}),
        )
    }

    /// What is offered for a place of the open document.
    fn code_actions(&mut self, range: &Value, only: Option<&str>) -> Vec<Value> {
        let mut context = json!({"diagnostics": []});
        if let Some(only) = only {
            context["only"] = json!([only]);
        }
        let document = json!({"uri": self.uri(&self.path)});
        let params = json!({"textDocument": document, "range": range, "context": context});
        let actions = self.request("textDocument/codeAction", params);
        serde_json::from_value(actions).expect("a list")
    }

    fn exit_status(mut self) -> Option<i32> {
        drop(self.input.take());
        self.child.wait().expect("it ends").code()
    }
}

/// The place of a byte, in UTF-16.
fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default();
    json!({"line": line, "character": column.encode_utf16().count()})
}

/// A place as an editor shows it: counted from 1.
fn shown_range(range: &Value) -> String {
    let at = |end: &str| {
        let number = |key: &str| range[end][key].as_u64().expect("a number") + 1;
        format!("{}:{}", number("line"), number("character"))
    };
    format!("{}-{}", at("start"), at("end"))
}

fn shown_diagnostics(diagnostics: &[Value]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = ["", "error", "warning", "information", "hint"]
            [diagnostic["severity"].as_u64().expect("a number") as usize];
        let _ = writeln!(
            text,
            "{} {severity} [{} {}] {}\n  {}",
            shown_range(&diagnostic["range"]),
            diagnostic["source"].as_str().unwrap_or_default(),
            diagnostic["code"].as_str().unwrap_or_default(),
            diagnostic["codeDescription"]["href"]
                .as_str()
                .unwrap_or_default(),
            diagnostic["message"].as_str().unwrap_or_default(),
        );
        for related in diagnostic["relatedInformation"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let place = shown_range(&related["location"]["range"]);
            let _ = writeln!(text, "  see {place}: {}", related["message"]);
        }
        if let Some(tags) = diagnostic.get("tags") {
            let _ = writeln!(text, "  tags {tags}");
        }
    }
    text
}

/// A text after edits, which are in the order of the file.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |position: &Value| {
        let line = position["line"].as_u64().expect("a number") as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = position["character"].as_u64().expect("a number") as usize;
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= c.len_utf16();
            at += c.len_utf8();
        }
        at
    };
    let mut result = text.to_owned();
    for edit in edits.as_array().expect("a list").iter().rev() {
        let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
        result.replace_range(range, edit["newText"].as_str().expect("a text"));
    }
    result
}

#[test]
fn what_the_server_offers() {
    let mut editor = Editor::started(&[]);
    let capabilities = json!({"general": {"positionEncodings": ["utf-16"]}});
    let result = editor.request("initialize", json!({"capabilities": capabilities}));
    insta::assert_json_snapshot!(result, {".serverInfo.version" => "[version]"});
}

const WRONG: &str = "Hello ${{ parameters.nme }}";
const RIGHT: &str = "Hello ${{ parameters.name }}";

#[test]
fn diagnostics_follow_the_text() {
    let related = json!({"textDocument": {"publishDiagnostics": {"relatedInformation": true}}});
    let mut editor = Editor::with(&[], related);
    let wrong = TEMPLATE
        .replace("id: log", "id: publish")
        .replace(RIGHT, WRONG)
        .replace("  steps:", "        size: {type: string}\n  steps:");
    let found = editor.open("template.yaml", &wrong);
    insta::assert_snapshot!(shown_diagnostics(&found));

    editor.type_over("        size: {type: string}\n", "");
    editor.type_over(
        "id: publish\n      action: debug",
        "id: log\n      action: debug",
    );
    editor.type_over("nme", "name");
    assert_eq!(editor.settled(), Vec::<Value>::new());
    editor.type_over("🎉${{ parameters.name", "🎉${{ parameters.nam");
    insta::assert_snapshot!("behind_an_emoji", shown_diagnostics(&editor.found()));
    editor.change(&json!([{"text": TEMPLATE}]), TEMPLATE.to_owned());
    assert_eq!(editor.found(), Vec::<Value>::new());

    editor.type_over(RIGHT, WRONG);
    assert_eq!(editor.found().len(), 1);
    let document = json!({"uri": editor.uri("template.yaml")});
    editor.notify("textDocument/didClose", json!({"textDocument": document}));
    assert_eq!(editor.published("template.yaml")["diagnostics"], json!([]));
}

#[test]
fn positions_are_in_bytes_where_the_editor_can_do_that() {
    let utf8 = json!({"general": {"positionEncodings": ["utf-8", "utf-16"]}});
    let mut editor = Editor::started(&[]);
    let result = editor.request("initialize", json!({"capabilities": utf8}));
    assert_eq!(result["capabilities"]["positionEncoding"], "utf-8");
    let text = TEMPLATE.replace("🎉${{ parameters.name", "🎉${{ parameters.nam");
    let found = editor.open("template.yaml", &text);
    let line = text
        .lines()
        .find(|line| line.contains('🎉'))
        .expect("it is there");
    assert_eq!(
        found[0]["range"]["start"]["character"],
        line.find("nam }}").expect("it is there")
    );
}

/// Whatever is shown of a version is what is wrong with that version, and the last one is shown.
#[test]
fn a_stale_result_is_not_shown() {
    let mut editor = Editor::new();
    assert_eq!(editor.open("template.yaml", TEMPLATE), Vec::<Value>::new());
    for _ in 0..20 {
        editor.type_over(RIGHT, WRONG);
        editor.type_over(WRONG, RIGHT);
    }
    loop {
        let shown = editor.published("template.yaml");
        let version = shown["version"].as_i64().expect("a number");
        let wrong = usize::from(version % 2 == 0);
        let found = shown["diagnostics"].as_array().expect("a list");
        assert_eq!(found.len(), wrong, "{shown}");
        if version == editor.version {
            break;
        }
    }
}

#[test]
fn what_stands_at_a_place_is_shown() {
    let mut editor = Editor::new();
    editor.open("template.yaml", TEMPLATE);
    let mut shown = String::new();
    for place in [
        "debug¦:log",
        "mess¦age",
        "Hello ${{ parameters.na¦me",
        "🎉${{ para¦meters",
        "ki¦nd",
    ] {
        let hover = editor.ask("textDocument/hover", place);
        let _ = match hover.get("range") {
            Some(range) => writeln!(
                shown,
                "--- {place} {}\n{}\n",
                shown_range(range),
                hover["contents"]["value"].as_str().unwrap_or_default()
            ),
            None => writeln!(shown, "--- {place} {hover}\n"),
        };
    }
    insta::assert_snapshot!(shown);
}

/// An editor shows what begins with the letters before the cursor.
fn is_shown(item: &Value, typed: &str) -> bool {
    let before = typed.split('¦').next().unwrap_or_default();
    let letters = before.rsplit(|c: char| !(c.is_alphanumeric() || c == ':'));
    let label = item["label"].as_str().expect("a text");
    label.starts_with(letters.into_iter().next().unwrap_or_default())
}

#[test]
fn what_could_be_typed_is_offered_in_broken_text() {
    let mut editor = Editor::new();
    editor.open("template.yaml", TEMPLATE);
    let mut shown = String::new();
    for typed in [
        "\"Hello ${{ parameters.¦",
        "Hello\n        list¦",
        "Hello\n    - id: next\n      action: debug:¦",
        "${{ steps.publish.output.re¦",
        "${{ steps.publish.output.remoteUrl | parse¦",
    ] {
        editor.change(&json!([{"text": TEMPLATE}]), TEMPLATE.to_owned());
        editor.type_over(RIGHT, &typed.replace('¦', ""));
        let _ = writeln!(shown, "--- {typed}");
        let offered = editor.ask("textDocument/completion", typed);
        let offered = offered.as_array().expect("a list").iter();
        for item in offered.filter(|item| is_shown(item, typed)).take(4) {
            let text = edited(&editor.text, &json!([item["textEdit"]]));
            let line = item["textEdit"]["range"]["start"]["line"]
                .as_u64()
                .expect("a number");
            let line = text.lines().nth(line as usize).unwrap_or_default();
            let detail = item["detail"].as_str().unwrap_or_default();
            let _ = writeln!(shown, "{}: {detail}\n    {}", item["label"], line.trim());
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_has_one_right_answer_can_be_mended() {
    let versions = json!({"workspace": {"workspaceEdit": {"documentChanges": true}}});
    let mut editor = Editor::with(&[], versions);
    let wrong = TEMPLATE
        .replace(RIGHT, WRONG)
        .replace("description", "descripton");
    let found = editor.open("template.yaml", &wrong);
    assert_eq!(found.len(), 2, "{found:?}");

    let actions = editor.code_actions(&found[1]["range"], None);
    let titles: Vec<&Value> = actions.iter().map(|action| &action["title"]).collect();
    assert_eq!(titles, ["Write `name`"]);
    assert_eq!(actions[0]["diagnostics"], json!([found[1]]));
    let change = &actions[0]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"]["version"], 1);
    let mended = edited(&wrong, &change["edits"]);
    assert_eq!(mended, TEMPLATE.replace("description", "descripton"));

    let nowhere = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
    assert_eq!(editor.code_actions(&nowhere, None), Vec::<Value>::new());
    assert_eq!(
        editor.code_actions(&found[0]["range"], Some("refactor")),
        Vec::<Value>::new()
    );
    let all = editor.code_actions(&nowhere, Some("source.fixAll"));
    assert_eq!(
        edited(&wrong, &all[0]["edit"]["documentChanges"][0]["edits"]),
        TEMPLATE
    );

    // Asked before the new text is checked, it is answered for the new text.
    editor.type_over("descripton", "description");
    let actions = editor.code_actions(&found[0]["range"], None);
    assert_eq!(actions, Vec::<Value>::new());
}

#[test]
fn edits_are_plain_where_the_editor_knows_no_versions() {
    let mut editor = Editor::new();
    let wrong = TEMPLATE.replace(RIGHT, WRONG);
    let found = editor.open("template.yaml", &wrong);
    let actions = editor.code_actions(&found[0]["range"], Some("quickfix"));
    let edits = &actions[0]["edit"]["changes"][editor.uri("template.yaml")];
    assert_eq!(edited(&wrong, edits), TEMPLATE);
}

#[test]
fn the_configuration_counts_and_its_changes_too() {
    let watch = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    let config = ".sidestage-check.yaml";
    let files = [(
        config,
        "rules: {unknown-parameter: warning}\nexclude: [old/]\n",
    )];
    let mut editor = Editor::with(&files, watch);
    let registration = editor.wait_for(|message| message["method"] == "client/registerCapability");
    editor.send(&json!({"jsonrpc": "2.0", "id": registration["id"], "result": null}));
    insta::assert_json_snapshot!(registration["params"]);

    fs::create_dir(editor.folder.path().join("old")).expect("a folder");
    let wrong = TEMPLATE.replace(RIGHT, WRONG);
    editor.write("old/template.yaml", &wrong);
    editor.write("template.yaml", &wrong);
    assert_eq!(
        editor.open("old/template.yaml", &wrong),
        Vec::<Value>::new()
    );
    assert_eq!(editor.open("template.yaml", &wrong)[0]["severity"], 2);

    let changed = json!({"changes": [{"uri": editor.uri(config), "type": 2}]});
    editor.write(config, "rules: {unknown-parameter: of}\n");
    editor.notify("workspace/didChangeWatchedFiles", changed.clone());
    let message = editor.wait_for(|message| message["method"] == "window/showMessage");
    let text = message["params"]["message"].as_str().expect("a text");
    assert!(
        text.contains(".sidestage-check.yaml:1:9: unknown variant `of`"),
        "{text}"
    );
    assert_eq!(
        editor.settled()[0]["severity"],
        2,
        "the last right one counts"
    );

    editor.write(config, "rules: {unknown-parameter: note}\n");
    editor.notify("workspace/didChangeWatchedFiles", changed);
    assert_eq!(editor.settled()[0]["severity"], 3);
    editor.path = "old/template.yaml".to_owned();
    assert_eq!(editor.settled()[0]["severity"], 3);
}

#[test]
fn a_skeleton_is_no_template() {
    let owner = TEMPLATE
        .replace("action: debug:log", "action: fetch:template")
        .replace("message: Hello ${{ parameters.name }}", "url: ./content");
    let wrong = TEMPLATE.replace(RIGHT, WRONG);
    let files = [
        ("template.yaml", owner.as_str()),
        ("content/template.yaml", &wrong),
    ];
    let mut editor = Editor::with(&files, json!({}));
    assert_eq!(
        editor.open("content/template.yaml", &wrong),
        Vec::<Value>::new()
    );
    // It becomes one when the other template fills in another folder.
    editor.open("template.yaml", &owner);
    editor.type_over("url: ./content", "url: ./other");
    let published = editor.published("content/template.yaml");
    assert_eq!(
        published["diagnostics"][0]["code"], "unknown-parameter",
        "{published}"
    );
}

#[test]
fn what_is_no_template_is_left_alone() {
    let mut editor = Editor::new();
    let other = "apiVersion: backstage.io/v1alpha1\nkind: Component\nspec: {steps: 1}\n";
    assert_eq!(editor.open("catalog-info.yaml", other), Vec::<Value>::new());
    assert_eq!(editor.ask("textDocument/hover", "ki¦nd"), Value::Null);
    assert_eq!(editor.ask("textDocument/completion", "ki¦nd"), json!([]));
}

#[test]
fn what_is_no_message_is_refused() {
    let mut editor = Editor::started(&[]);
    let uninitialized =
        json!({"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}});
    assert_eq!(
        editor.error_code("textDocument/hover", uninitialized),
        -32002
    );
    editor.request("initialize", json!({"capabilities": {}}));
    assert_eq!(
        editor.error_code("initialize", json!({"capabilities": {}})),
        -32600
    );
    for (text, code) in [
        ("{\"id\": 1", -32700),
        ("[]", -32600),
        ("{\"jsonrpc\": \"2.0\"}", -32600),
    ] {
        editor.send_raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
        let refused =
            editor.wait_for(|message| message["id"].is_null() && message["error"].is_object());
        assert_eq!(refused["error"]["code"], code, "{refused}");
    }
    let unknown =
        json!({"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}});
    assert_eq!(editor.error_code("textDocument/hover", unknown), -32602);
    assert_eq!(
        editor.error_code("textDocument/hover", json!({"textDocument": 1})),
        -32602
    );
    assert_eq!(editor.error_code("textDocument/rename", json!({})), -32601);
    // A notification has no answer, whatever is in it.
    editor.notify("textDocument/didOpen", json!({"textDocument": 1}));
    editor.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "file:///a", "version": 1}, "contentChanges": []}),
    );
    editor.notify("$/unheard", json!({}));
    // Places that are not there are the nearest that are.
    editor.open("template.yaml", TEMPLATE);
    let far = json!({"start": {"line": 999, "character": 9}, "end": {"line": 0, "character": 9}});
    let added = format!("{TEMPLATE}# end\n");
    editor.change(&json!([{"range": far, "text": "# end\n"}]), added);
    assert_eq!(editor.found(), Vec::<Value>::new());
    assert_eq!(editor.request("shutdown", json!(null)), Value::Null);
    assert_eq!(editor.error_code("textDocument/hover", json!({})), -32600);
    editor.notify("exit", json!(null));
    assert_eq!(editor.exit_status(), Some(0));
}

#[test]
fn an_editor_that_goes_without_a_word_leaves_no_server_behind() {
    assert_eq!(Editor::started(&[]).exit_status(), Some(1));
    assert_eq!(Editor::new().exit_status(), Some(1));
    let mut editor = Editor::new();
    editor.notify("exit", json!(null));
    assert_eq!(editor.exit_status(), Some(1));
    let mut editor = Editor::new();
    editor.send_raw("no header\r\n\r\n");
    assert_eq!(editor.exit_status(), Some(1));
}
