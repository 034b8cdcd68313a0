//! The sandbox Gitea takes real pushes, and gives them back: by the machine's own git.

#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Output};

use serde_json::{Value, json};
use sidestage_sandbox::{
    Options, Running, Sandbox,
    gitea::{ADMIN_PASSWORD, ADMIN_TOKEN, MEMBER_TOKEN},
};
use tempfile::TempDir;
use tokio::process::Command;

struct Desk {
    running: Running,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Self {
        Desk {
            running: Sandbox::spawn(Options::default()).await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The URL of something in Gitea, with a name and a password for it.
    fn url(&self, path: &str, login: &str) -> String {
        let mut url = self.running.url.join(&format!("gitea/{path}")).unwrap();
        if let Some((user, password)) = login.split_once(':') {
            url.set_username(user).unwrap();
            url.set_password(Some(password)).unwrap();
        }
        url.into()
    }

    async fn try_git(&self, folder: &str, args: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.current_dir(self.folder.path().join(folder))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(args);
        git.output().await.expect("git is installed")
    }

    async fn git(&self, folder: &str, args: &[&str]) -> String {
        let output = self.try_git(folder, args).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What git says when it fails.
    async fn refused(&self, folder: &str, args: &[&str]) -> String {
        let output = self.try_git(folder, args).await;
        assert!(!output.status.success(), "git {args:?} succeeds");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// A repository on the desk with one commit, on this branch.
    async fn write(&self, folder: &str, branch: &str) {
        self.git("", &["init", "--quiet", "--initial-branch", branch, folder])
            .await;
        let file = self.folder.path().join(folder).join("catalog-info.yaml");
        std::fs::write(file, "kind: Component\n").unwrap();
        self.git(folder, &["add", "."]).await;
        self.git(folder, &["commit", "--quiet", "-m", "initial commit"])
            .await;
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = self.url(&format!("api/v1{path}"), "");
        let call = reqwest::Client::new().request(method.parse().unwrap(), url);
        let call = call.bearer_auth(ADMIN_TOKEN);
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        let response = call.send().await.unwrap();
        (
            response.status().as_u16(),
            response.json().await.unwrap_or_default(),
        )
    }
}

fn content(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// What Backstage's `publish:gitea` does, call by call (0.2.25, dist/actions/gitea.cjs.js).
#[tokio::test]
async fn a_new_repository_is_pushed_to_and_cloned() {
    let desk = Desk::new().await;
    assert_eq!(desk.call("GET", "/orgs/acme", Value::Null).await.0, 200);
    let body = json!({"name": "service", "description": "A service", "private": false});
    assert_eq!(desk.call("POST", "/orgs/acme/repos", body).await.0, 201);
    let page = desk.url("acme/service/src/branch/trunk", "");
    assert_eq!(reqwest::get(&page).await.unwrap().status(), 404, "not yet");

    desk.write("service", "trunk").await;
    let login = format!("sidestage:{ADMIN_PASSWORD}");
    let remote = desk.url("acme/service.git", &login);
    desk.git("service", &["push", "--quiet", &remote, "trunk"])
        .await;
    assert_eq!(reqwest::get(&page).await.unwrap().status(), 200);

    let (_, repository) = desk.call("GET", "/repos/acme/service", Value::Null).await;
    assert_eq!(
        (&repository["empty"], &repository["default_branch"]),
        (&json!(false), &json!("trunk"))
    );
    let clone_url = repository["clone_url"].as_str().unwrap();
    desk.git("", &["clone", "--quiet", clone_url, "clone"])
        .await;
    let clone = desk.folder.path().join("clone");
    assert_eq!(content(&clone, "catalog-info.yaml"), "kind: Component\n");

    let path = "/repos/acme/service/contents/catalog-info.yaml?ref=trunk";
    let (_, file) = desk.call("GET", path, Value::Null).await;
    assert_eq!(file["content"], "a2luZDogQ29tcG9uZW50Cg==");
    let head = desk.git("service", &["rev-parse", "HEAD"]).await;
    let (_, commits) = desk
        .call("GET", "/repos/acme/service/commits?limit=1", Value::Null)
        .await;
    assert_eq!(
        (&commits[0]["sha"], &commits[0]["commit"]["author"]["name"]),
        (&json!(head), &json!("Ada"))
    );
}

#[tokio::test]
async fn a_first_commit_that_gitea_made_can_be_built_upon() {
    let desk = Desk::new().await;
    let body = json!({"name": "first", "description": "Words", "private": true, "auto_init": true});
    assert_eq!(
        desk.call("POST", "/admin/users/ada/repos", body).await.0,
        201
    );
    let remote = desk.url("ada/first.git", &format!("ada:{MEMBER_TOKEN}"));
    desk.git("", &["clone", "--quiet", &remote, "first"]).await;
    assert_eq!(
        content(&desk.folder.path().join("first"), "README.md"),
        "# first\n\nWords"
    );
    desk.git(
        "first",
        &["commit", "--quiet", "--allow-empty", "-m", "more"],
    )
    .await;
    desk.git("first", &["push", "--quiet"]).await;
    let (_, commits) = desk
        .call("GET", "/repos/ada/first/commits", Value::Null)
        .await;
    let messages: Vec<_> = commits
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["commit"]["message"])
        .collect();
    assert_eq!(messages, ["more\n", "Initial commit\n"]);
    // Without a credential nobody sees it.
    let page = desk.url("ada/first/src/branch/main", "");
    assert_eq!(reqwest::get(&page).await.unwrap().status(), 404);
}

#[tokio::test]
async fn who_may_not_is_refused_as_gitea_does() {
    let desk = Desk::new().await;
    desk.write("work", "main").await;
    let ada = format!("ada:{MEMBER_TOKEN}");
    let sidestage = format!("sidestage:{ADMIN_TOKEN}");
    let push = async |path: &str, login: &str| {
        let remote = desk.url(path, login);
        desk.refused("work", &["push", &remote, "main:other"]).await
    };
    assert!(
        push("acme/handbook.git", "")
            .await
            .contains("could not read Username")
    );
    assert!(
        push("acme/handbook.git", "ada:wrong")
            .await
            .contains("Authentication failed")
    );
    assert!(push("acme/nothing.git", &ada).await.contains("403"));
    let read = desk
        .refused("", &["ls-remote", &desk.url("ada/notes.git", "")])
        .await;
    assert!(read.contains("could not read Username"), "{read}");
    let read = desk
        .refused("", &["ls-remote", &desk.url("acme/nothing.git", &ada)])
        .await;
    assert!(read.contains("not found"), "{read}");
    // Public: everybody pulls, and who may only read is refused after the push.
    desk.git("", &["ls-remote", &desk.url("acme/handbook.git", "")])
        .await;
    desk.call("DELETE", "/teams/2/members/ada", Value::Null)
        .await;
    let said = push("acme/handbook.git", &ada).await;
    assert!(
        said.contains("Gitea: User permission denied for writing."),
        "{said}"
    );
    desk.running
        .sandbox()
        .gitea()
        .change_user("sidestage", |user| user.prohibit_login = true);
    let said = push("acme/handbook.git", &sidestage).await;
    assert!(said.contains("403"), "{said}");
}
