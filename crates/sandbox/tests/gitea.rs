//! The sandbox Gitea refuses what Gitea refuses: status, words, and in the same order.

#![allow(clippy::unwrap_used)]

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sidestage_sandbox::{
    Fault, FaultRule, Options, Running, Sandbox,
    gitea::{ADMIN_PASSWORD, ADMIN_TOKEN, GRACE_IN_KEYCLOAK, MEMBER_TOKEN, NARROW_TOKEN, Settings},
};

struct Gitea {
    running: Running,
    http: reqwest::Client,
}

impl Gitea {
    async fn new() -> Self {
        let redirect = reqwest::redirect::Policy::none();
        Gitea {
            running: Sandbox::spawn(Options::default()).await,
            http: reqwest::Client::builder()
                .redirect(redirect)
                .build()
                .unwrap(),
        }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}gitea/api/v1{path}", self.running.url))
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.with(ADMIN_TOKEN, method, path, body).await
    }

    async fn with(&self, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let call = self
            .call(method, path)
            .header("authorization", format!("token {token}"));
        let call = match body {
            Value::Null => call,
            body => call.json(&body),
        };
        answer(call).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.admin(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.running.sandbox().gitea().configure(change);
    }

    fn state(&self) -> Value {
        self.running.sandbox().state()["gitea"].clone()
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or_default(),
    )
}

/// Status and words.
fn line((status, body): (u16, Value)) -> String {
    match body["message"].as_str() {
        Some(message) if status >= 400 => format!("{status} {message}"),
        _ => status.to_string(),
    }
}

/// A new account that signs in by Keycloak, with what differs from a plain one.
fn katherine(differs: Value) -> Value {
    let mut body = json!({
        "username": "katherine", "email": "katherine@example.com", "source_id": 1, "login_name": "a-uuid",
        "must_change_password": false,
    });
    for (key, value) in differs.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_account_is_refused_as_gitea_does() {
    let none = |_: &mut Settings| {};
    type Change = fn(&mut Settings);
    let cases: Vec<(Value, Change, &str)> = vec![
        (json!({}), none, "201"),
        (json!({"username": ""}), none, "422 [Username]: Required"),
        (
            json!({"username": "a b"}),
            none,
            "422 [Username]: invalid username",
        ),
        (
            json!({"username": "jürgen"}),
            none,
            "422 [Username]: invalid username",
        ),
        (
            json!({"username": "a..b"}),
            none,
            "422 [Username]: invalid username",
        ),
        (
            json!({"username": "ada-"}),
            none,
            "422 [Username]: invalid username",
        ),
        (
            json!({"username": "x".repeat(41)}),
            none,
            "422 [Username]: MaxSize",
        ),
        (
            json!({"full_name": "x".repeat(101)}),
            none,
            "422 [FullName]: MaxSize",
        ),
        (json!({"email": ""}), none, "422 [Email]: Required"),
        (
            json!({"email": "Katherine <k@example.com>"}),
            none,
            "422 [Email]: Email",
        ),
        (
            json!({"email": "-k@example.com"}),
            none,
            "422 e-mail invalid [email: -k@example.com]",
        ),
        (
            json!({"visibility": "secret"}),
            none,
            "422 [Visibility]: In",
        ),
        (
            json!({"source_id": 7}),
            none,
            "422 login source does not exist [id: 7]",
        ),
        (
            json!({"username": "Ghost"}),
            none,
            "422 name is reserved [name: ghost]",
        ),
        (
            json!({"username": "k.rss"}),
            none,
            "422 name pattern is not allowed [pattern: *.rss]",
        ),
        (
            json!({"username": "ADA"}),
            none,
            "422 user already exists [name: ADA]",
        ),
        (
            json!({"username": "acme"}),
            none,
            "422 user already exists [name: acme]",
        ),
        (
            json!({"email": "ADA@example.com"}),
            none,
            "422 e-mail already in use [email: ADA@example.com]",
        ),
        // The name comes before the address.
        (
            json!({"username": "ada", "email": "grace@example.com"}),
            none,
            "422 user already exists [name: ada]",
        ),
        (json!({"source_id": 0}), none, "400 PasswordIsRequired"),
        (
            json!({"source_id": 0, "password": "short"}),
            none,
            "400 PasswordIsRequired",
        ),
        (
            json!({"source_id": 0, "password": "no capitals here"}),
            |settings| settings.password_complexity = vec!["lower", "upper"],
            "400 PasswordComplexity",
        ),
        (
            json!({"source_id": 0, "password": "password1"}),
            none,
            "400 PasswordPwned",
        ),
        (
            json!({"source_id": 0, "password": "a good one of hers"}),
            none,
            "201",
        ),
        (
            json!({"visibility": "private"}),
            |settings| settings.allowed_user_visibility = vec!["public"],
            "500 visibility Mode not allowed: private",
        ),
    ];
    for (differs, change, expected) in cases {
        let gitea = Gitea::new().await;
        gitea.configure(change);
        let body = katherine(differs.clone());
        let said = line(gitea.admin(Method::POST, "/admin/users", body).await);
        assert_eq!(said, expected, "{differs}");
    }
}

#[tokio::test]
async fn who_calls_is_checked_first() {
    let gitea = Gitea::new().await;
    let none = Value::Null;
    let anonymous = async |path: &str| line(answer(gitea.call(Method::GET, path)).await);
    let with = async |token: &str, method: Method, path: &str| {
        line(gitea.with(token, method, path, none.clone()).await)
    };
    let missing = "token does not have at least one of required scope(s)";
    assert_eq!(anonymous("/version").await, "200");
    assert_eq!(anonymous("/user").await, "401 token is required");
    assert_eq!(anonymous("/admin/users").await, "401 token is required");
    assert_eq!(anonymous("/orgs/acme").await, "200");
    let refused = "401 invalid username, password or token";
    assert_eq!(with("nonsense", Method::GET, "/version").await, refused);
    assert_eq!(with(NARROW_TOKEN, Method::GET, "/user").await, "200");
    assert_eq!(
        with(NARROW_TOKEN, Method::GET, "/admin/users").await,
        format!("403 {missing}, required=[read:admin], token scope=read:user")
    );
    assert_eq!(
        with(NARROW_TOKEN, Method::POST, "/orgs/acme/repos").await,
        format!("403 {missing}, required=[write:organization], token scope=read:user")
    );
    assert_eq!(
        with(MEMBER_TOKEN, Method::POST, "/admin/users").await,
        "403 user should be the site admin"
    );
    assert_eq!(
        with(MEMBER_TOKEN, Method::GET, "/teams/4").await,
        "404 not found"
    );
    assert_eq!(
        with(MEMBER_TOKEN, Method::GET, "/teams/3").await,
        "403 Must be a team member"
    );
    assert_eq!(
        with(MEMBER_TOKEN, Method::PUT, "/teams/3/members/grace").await,
        "403 Must be an organization owner"
    );
    // Basic: a password, or a token in its place.
    for password in [ADMIN_PASSWORD, ADMIN_TOKEN] {
        let call = gitea
            .call(Method::GET, "/admin/users")
            .basic_auth("sidestage", Some(password));
        assert_eq!(line(answer(call).await), "200");
    }
    let call = gitea
        .call(Method::GET, "/version")
        .basic_auth("sidestage", Some("wrong"));
    assert_eq!(line(answer(call).await), refused);
    for (change, said) in [
        (
            "prohibit_login",
            "403 This account is prohibited from signing in, please contact your site administrator.",
        ),
        (
            "must_change_password",
            "403 You must change your password. Change it at: http://localhost:3000/user/change_password",
        ),
    ] {
        gitea.running.sandbox().gitea().change_user("ada", |user| {
            user.prohibit_login = change == "prohibit_login";
            user.must_change_password = change == "must_change_password";
        });
        assert_eq!(with(MEMBER_TOKEN, Method::GET, "/version").await, said);
    }
}

#[tokio::test]
async fn accounts_are_found_changed_and_deleted_as_in_gitea() {
    let gitea = Gitea::new().await;
    let by_login = format!("/admin/users?source_id=1&login_name={GRACE_IN_KEYCLOAK}");
    assert_eq!(gitea.get(&by_login).await[0]["login"], "grace");
    assert_eq!(
        gitea.get("/admin/users?source_id=1&login_name=7c2b").await,
        json!([])
    );
    assert_eq!(
        gitea.get("/admin/emails/search?q=grace@").await[0]["username"],
        "grace"
    );
    assert_eq!(
        gitea.get("/users/GRACE").await["login_name"],
        GRACE_IN_KEYCLOAK
    );
    let (_, seen) = gitea
        .with(MEMBER_TOKEN, Method::GET, "/users/grace", Value::Null)
        .await;
    assert_eq!(
        (&seen["login_name"], &seen["active"]),
        (&json!(""), &json!(false))
    );
    assert_eq!(
        gitea.get("/users/acme").await["login"],
        "acme",
        "an organization"
    );
    let (status, body) = gitea.admin(Method::GET, "/users/nobody", Value::Null).await;
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("user does not exist [uid: 0, name: nobody]"))
    );
    assert!(body["url"].as_str().unwrap().ends_with("/api/swagger"));

    let patch = async |name: &str, body: Value| {
        line(
            gitea
                .admin(Method::PATCH, &format!("/admin/users/{name}"), body)
                .await,
        )
    };
    assert_eq!(
        patch("ada", json!({"prohibit_login": true})).await,
        "422 [LoginName]: Required"
    );
    assert_eq!(
        patch("ada", json!({"login_name": "", "prohibit_login": true})).await,
        "422 [LoginName]: Required"
    );
    assert_eq!(
        patch("acme", json!({"login_name": "x", "prohibit_login": true})).await,
        "200",
        "an organization, too"
    );
    // Not at once: what has to do with signing in is saved before the address is tried.
    let taken = json!({"login_name": "ada", "prohibit_login": true, "email": "grace@example.com"});
    assert_eq!(
        patch("ada", taken).await,
        "400 e-mail already in use [email: grace@example.com]"
    );
    assert_eq!(gitea.get("/users/ada").await["prohibit_login"], true);

    let delete = async |name: &str| {
        line(
            gitea
                .admin(Method::DELETE, &format!("/admin/users/{name}"), Value::Null)
                .await,
        )
    };
    assert_eq!(delete("sidestage").await, "422 you cannot delete yourself");
    assert_eq!(
        delete("acme").await,
        "422 target is an organization but not user"
    );
    assert_eq!(
        delete("ada").await,
        "422 user still has ownership of repositories [uid: 2]"
    );
    assert_eq!(delete("linus").await, "204");
    assert_eq!(
        delete("linus").await,
        "404 user does not exist [uid: 0, name: linus]"
    );

    gitea
        .running
        .sandbox()
        .gitea()
        .rename_user("grace", "ghopper");
    let (status, _) = gitea.admin(Method::GET, "/users/grace", Value::Null).await;
    assert_eq!(status, 307);
    // The old name is free all the same.
    let body = katherine(json!({"username": "grace"}));
    assert_eq!(
        line(gitea.admin(Method::POST, "/admin/users", body).await),
        "201"
    );
    assert_eq!(
        gitea.get("/users/grace").await["email"],
        "katherine@example.com"
    );
}

#[tokio::test]
async fn a_new_account_must_change_its_password_and_may_be_told_so() {
    let gitea = Gitea::new().await;
    gitea.configure(|settings| settings.email_domain_allowlist = vec!["corp.example.com"]);
    let body = json!({
        "username": "katherine", "email": "katherine@example.com", "password": "a good one of hers", "send_notify": true,
    });
    let call = gitea
        .call(Method::POST, "/admin/users")
        .bearer_auth(ADMIN_TOKEN)
        .json(&body);
    let response = call.send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(
        response.headers()["x-gitea-warning"],
        "the domain of user email katherine@example.com conflicts with EMAIL_DOMAIN_ALLOWLIST or EMAIL_DOMAIN_BLOCKLIST"
    );
    let state = gitea.state();
    let made = state["users"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&made["mustChangePassword"], &made["active"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        state["mails"],
        json!([{"to": "katherine@example.com", "what": "registration"}])
    );
}

#[tokio::test]
async fn who_is_in_an_organization_is_in_one_of_its_teams() {
    let gitea = Gitea::new().await;
    let call =
        async |method: Method, path: &str| line(gitea.admin(method, path, Value::Null).await);
    let names = |found: &Value| -> Vec<String> {
        let found = found.as_array().unwrap().iter();
        found
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        names(&gitea.get("/orgs").await),
        ["acme", "globex", "hidden"]
    );
    let (_, seen) = gitea
        .with(MEMBER_TOKEN, Method::GET, "/orgs", Value::Null)
        .await;
    assert_eq!(names(&seen), ["acme", "globex"]);
    assert_eq!(
        names(&gitea.get("/orgs/acme/teams").await),
        ["Owners", "developers", "readers"]
    );
    assert_eq!(
        names(&gitea.get("/orgs/acme/teams?limit=1&page=2").await),
        ["developers"]
    );
    assert_eq!(gitea.get("/teams/2").await["organization"]["name"], "acme");

    assert_eq!(
        call(Method::GET, "/orgs/acme/members/grace").await,
        "404 not found"
    );
    assert_eq!(call(Method::PUT, "/teams/2/members/grace").await, "204");
    assert_eq!(
        call(Method::PUT, "/teams/2/members/grace").await,
        "204",
        "once more"
    );
    assert_eq!(call(Method::GET, "/orgs/acme/members/grace").await, "204");
    assert_eq!(call(Method::GET, "/teams/2/members/grace").await, "200");
    assert_eq!(call(Method::DELETE, "/teams/2/members/grace").await, "204");
    assert_eq!(
        call(Method::GET, "/orgs/acme/members/grace").await,
        "404 not found"
    );

    assert_eq!(
        call(Method::PUT, "/teams/5/members/ada").await,
        "403 user is blocked"
    );
    assert_eq!(
        call(Method::PUT, "/teams/99/members/ada").await,
        "404 not found"
    );
    assert_eq!(
        call(Method::PUT, "/teams/2/members/nobody").await,
        "404 not found"
    );
    assert_eq!(
        call(Method::DELETE, "/teams/1/members/sidestage").await,
        "500 user is the last member of owner team [uid: 1]"
    );
}

#[tokio::test]
async fn a_repository_is_refused_as_gitea_does() {
    let gitea = Gitea::new().await;
    let create = async |token: &str, path: &str, body: Value| {
        line(gitea.with(token, Method::POST, path, body).await)
    };
    let personal = async |body: Value| create(ADMIN_TOKEN, "/admin/users/grace/repos", body).await;
    let duplicate = "409 The repository with the same name already exists.";
    assert_eq!(personal(json!({"name": "first"})).await, "201");
    assert_eq!(personal(json!({"name": "FIRST"})).await, duplicate);
    assert_eq!(personal(json!({})).await, "422 [Name]: Required");
    assert_eq!(
        personal(json!({"name": "a b"})).await,
        "422 [Name]: AlphaDashDot"
    );
    assert_eq!(
        personal(json!({"name": "x".repeat(101)})).await,
        "422 [Name]: MaxSize"
    );
    assert_eq!(
        personal(json!({"name": "a.wiki"})).await,
        "422 name pattern is not allowed [pattern: *.wiki]"
    );
    assert_eq!(
        personal(json!({"name": "-"})).await,
        "422 name is reserved [name: -]"
    );
    assert_eq!(
        personal(json!({"name": "a..b"})).await,
        "500 name is invalid [a..b]: must be valid alpha or numeric or dash(-_) or dot characters"
    );
    assert_eq!(
        personal(json!({"name": "b", "default_branch": "a..b"})).await,
        "422 [DefaultBranch]: GitRefName"
    );
    assert_eq!(
        personal(json!({"name": "b", "auto_init": true, "readme": "Other"})).await,
        "400 readme template does not exist, available templates: [Default]"
    );
    assert_eq!(
        create(
            ADMIN_TOKEN,
            "/admin/users/nobody/repos",
            json!({"name": "b"})
        )
        .await,
        "404 user does not exist [uid: 0, name: nobody]"
    );
    assert_eq!(
        create(MEMBER_TOKEN, "/orgs/acme/repos", json!({"name": "b"})).await,
        "201"
    );
    assert_eq!(
        create(MEMBER_TOKEN, "/orgs/acme/repos", json!({"name": "b"})).await,
        duplicate
    );
    assert_eq!(
        create(MEMBER_TOKEN, "/orgs/globex/repos", json!({"name": "b"})).await,
        "403 User is not allowed to create repositories in this organization."
    );
    assert_eq!(
        create(ADMIN_TOKEN, "/orgs/ada/repos", json!({"name": "b"})).await,
        "404 not found"
    );

    let none = Value::Null;
    let notes = async |token: &str, method: Method| {
        line(
            gitea
                .with(token, method, "/repos/ada/notes", none.clone())
                .await,
        )
    };
    assert_eq!(notes(MEMBER_TOKEN, Method::GET).await, "200");
    assert_eq!(
        line(answer(gitea.call(Method::GET, "/repos/ada/notes")).await),
        "404 not found"
    );
    let commits = gitea
        .admin(Method::GET, "/repos/ada/notes/commits", none.clone())
        .await;
    assert_eq!(line(commits), "409 Git Repository is empty.");
    let handbook = gitea
        .with(
            MEMBER_TOKEN,
            Method::DELETE,
            "/repos/acme/handbook",
            none.clone(),
        )
        .await;
    assert_eq!(line(handbook), "403 user should be the owner of the repo");
    assert_eq!(notes(MEMBER_TOKEN, Method::DELETE).await, "204");
    assert_eq!(notes(MEMBER_TOKEN, Method::GET).await, "404 not found");
}

#[tokio::test]
async fn what_only_reads_is_no_change_and_faults_have_its_words() {
    let gitea = Gitea::new().await;
    let sandbox = gitea.running.sandbox();
    sandbox.faults().add(FaultRule {
        service: "gitea".into(),
        method: Some("POST".into()),
        path: "/api/v1/admin/users".into(),
        times: Some(1),
        fault: Fault::Status {
            status: 500,
            body: None,
            headers: Default::default(),
            after: true,
        },
    });
    let create = async || {
        line(
            gitea
                .admin(Method::POST, "/admin/users", katherine(json!({})))
                .await,
        )
    };
    assert_eq!(create().await, "500 database is locked");
    assert_eq!(
        create().await,
        "422 user already exists [name: katherine]",
        "it was made all the same"
    );
    let path = |path: &str| sandbox.writes("gitea", &Method::POST, path, b"");
    assert!(path("/acme/handbook.git/git-receive-pack"));
    assert!(!path("/acme/handbook.git/git-upload-pack"));
}
