//! The sandbox Mattermost refuses what Mattermost refuses: status, id, and in the same order.

#![allow(clippy::unwrap_used)]

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sidestage_sandbox::{
    Fault, FaultRule, Options, Running, Sandbox,
    mattermost::{ADMIN_TOKEN, EXPIRED_TOKEN, MEMBER_TOKEN, Settings},
};

struct Mattermost {
    running: Running,
    http: reqwest::Client,
}

impl Mattermost {
    async fn new() -> Self {
        Mattermost {
            running: Sandbox::spawn(Options::default()).await,
            http: reqwest::Client::new(),
        }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(
            method,
            format!("{}mattermost/api/v4{path}", self.running.url),
        )
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.with(ADMIN_TOKEN, method, path, body).await
    }

    async fn with(&self, token: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
        let call = self.call(method, path).bearer_auth(token);
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        answer(call).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.admin(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn id(&self, path: &str) -> String {
        self.get(path).await["id"].as_str().unwrap().to_owned()
    }

    fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.running.sandbox().mattermost().configure(change);
    }

    fn state(&self) -> Value {
        self.running.sandbox().state()["mattermost"].clone()
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or_default(),
    )
}

/// Status and id, and that the body is Mattermost's own.
fn line((status, body): (u16, Value)) -> String {
    if status >= 400 {
        assert_eq!(body["status_code"], status, "{body}");
        assert_eq!(body["detailed_error"], "", "{body}");
        assert_eq!(body["request_id"].as_str().unwrap().len(), 26, "{body}");
        assert!(body["message"].as_str().unwrap().len() > 5, "{body}");
        return format!("{status} {}", body["id"].as_str().unwrap());
    }
    status.to_string()
}

/// A new account, with what differs from a plain one.
fn katherine(differs: Value) -> Value {
    let mut body = json!({
        "username": "katherine", "email": "katherine@example.com", "password": "correct horse battery staple",
    });
    for (key, value) in differs.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn an_account_is_refused_as_mattermost_does() {
    let mattermost = Mattermost::new().await;
    let is_valid = |field: &str| format!("400 model.user.is_valid.{field}.app_error");
    let none = |_: &mut Settings| {};
    type Change = fn(&mut Settings);
    let cases: Vec<(Value, Change, String)> = vec![
        (json!({"username": "jürgen"}), none, is_valid("username")),
        (json!({"username": "a b"}), none, is_valid("username")),
        (json!({"username": "system"}), none, is_valid("username")),
        (
            json!({"username": "x".repeat(65)}),
            none,
            is_valid("username"),
        ),
        (
            json!({"email": "Katherine <k@example.com>"}),
            none,
            is_valid("email"),
        ),
        (
            json!({"first_name": "x".repeat(65)}),
            none,
            is_valid("first_name"),
        ),
        (
            json!({"last_name": "x".repeat(65)}),
            none,
            is_valid("last_name"),
        ),
        (
            json!({"nickname": "x".repeat(65)}),
            none,
            is_valid("nickname"),
        ),
        (
            json!({"position": "x".repeat(129)}),
            none,
            is_valid("position"),
        ),
        (json!({"locale": "german"}), none, is_valid("locale")),
        (
            json!({"password": "short"}),
            none,
            is_valid("pwd_min_length"),
        ),
        (
            json!({"password": "x".repeat(73)}),
            none,
            is_valid("pwd_max_length"),
        ),
        (
            json!({}),
            |settings| settings.password_classes = vec!["lowercase", "uppercase", "number"],
            is_valid("pwd_uppercase_number"),
        ),
        (json!({"auth_data": "k"}), none, is_valid("auth_data_type")),
        (
            json!({"auth_service": "saml", "auth_data": "k"}),
            none,
            is_valid("auth_data_pwd"),
        ),
        (
            json!({"id": "x"}),
            none,
            "400 app.user.save.existing.app_error".into(),
        ),
        (
            json!({"username": "Ada"}),
            none,
            "400 app.user.save.username_exists.app_error".into(),
        ),
        (
            json!({"username": "linus", "email": "l@example.com"}),
            none,
            "400 app.user.save.username_exists.app_error".into(),
        ),
        (
            json!({"username": "platform"}),
            none,
            "400 app.user.save.username_exists.app_error".into(),
        ),
        (
            json!({"email": "ADA@example.com"}),
            none,
            "400 app.user.save.email_exists.app_error".into(),
        ),
        (
            json!({"username": "ada", "email": "ada@example.com"}),
            none,
            "400 app.user.save.email_exists.app_error".into(),
        ),
        (
            json!({}),
            |settings| {
                settings.restrict_creation_to_domains = "corp.example, @other.example".into()
            },
            "400 api.user.create_user.accepted_domain.app_error".into(),
        ),
        (
            json!({}),
            |settings| settings.max_users_hard_limit = 2,
            "400 api.user.create_user.user_limits.exceeded".into(),
        ),
        (
            json!({"password": "", "auth_service": "saml", "auth_data": "grace@example.com"}),
            none,
            "500 app.user.save.app_error".into(),
        ),
    ];
    for (differs, change, expected) in cases {
        mattermost.configure(|settings| *settings = Settings::default());
        mattermost.configure(change);
        let body = katherine(differs.clone());
        let refusal = line(mattermost.admin(Method::POST, "/users", body).await);
        assert_eq!(refusal, expected, "{differs}");
    }
    assert_eq!(mattermost.state()["users"].as_array().unwrap().len(), 6);
    assert_eq!(mattermost.state()["mails"], json!([]));
}

#[tokio::test]
async fn a_token_that_is_not_good_makes_a_public_sign_up() {
    let mattermost = Mattermost::new().await;
    let body = katherine(json!({"email_verified": true, "auth_service": "saml"}));
    let no_open_server = "403 api.user.create_user.no_open_server";
    for token in [EXPIRED_TOKEN, "nonsense", MEMBER_TOKEN] {
        let refusal = mattermost
            .with(token, Method::POST, "/users", body.clone())
            .await;
        assert_eq!(line(refusal), no_open_server, "{token}");
    }
    mattermost.configure(|settings| settings.open_server = true);
    let (status, made) = mattermost
        .with(EXPIRED_TOKEN, Method::POST, "/users", body)
        .await;
    assert_eq!(status, 201);
    assert_eq!(made["email_verified"], false);
    assert_eq!(made["auth_service"], "");
    assert_eq!(made.get("password"), None);
}

#[tokio::test]
async fn everything_else_needs_a_session() {
    let mattermost = Mattermost::new().await;
    for token in [EXPIRED_TOKEN, "nonsense"] {
        let refusal = mattermost
            .with(token, Method::GET, "/users/me", Value::Null)
            .await;
        assert_eq!(line(refusal), "401 api.context.session_expired.app_error");
    }
    let none = answer(mattermost.call(Method::GET, "/users/me")).await;
    assert_eq!(line(none), "401 api.context.session_expired.app_error");
    let (_, public) = answer(mattermost.call(Method::GET, "/config/client?format=old")).await;
    assert_eq!(
        public["EnableOpenServer"], "false",
        "every value is a string"
    );
    assert_eq!(public.get("RequireEmailVerification"), None);
}

#[tokio::test]
async fn look_ups_say_which_kind_of_nothing_they_found() {
    let mattermost = Mattermost::new().await;
    let engineering = mattermost.id("/teams/name/engineering").await;
    let ada = mattermost.id("/users/username/ada").await;
    let linus = mattermost.id("/users/username/linus").await;
    let backend = mattermost
        .id(&format!("/teams/{engineering}/channels/name/backend"))
        .await;
    let nobody = "x".repeat(26);
    for (path, expected) in [
        (
            "/users/username/katherine",
            "404 app.user.get_by_username.app_error",
        ),
        (
            "/users/username/Ada",
            "400 api.context.invalid_body_param.app_error",
        ),
        ("/users/username/a%20b", "404 api.context.404.app_error"),
        (
            "/users/email/katherine@example.com",
            "404 app.user.missing_account.const",
        ),
        (
            "/users/email/nonsense",
            "400 api.context.invalid_url_param.app_error",
        ),
        ("/users/email/ADA@example.com", "200"),
        (
            "/users/short",
            "400 api.context.invalid_url_param.app_error",
        ),
        (
            &format!("/users/{nobody}"),
            "404 app.user.missing_account.const",
        ),
        ("/nonsense", "404 api.context.404.app_error"),
        (
            "/teams/name/nonsense",
            "404 app.team.get_by_name.missing.app_error",
        ),
        (
            "/teams/name/Engineering",
            "400 api.context.invalid_url_param.app_error",
        ),
        (
            "/teams/name/x",
            "400 api.context.invalid_url_param.app_error",
        ),
        (
            "/teams/name/-x-",
            "400 api.context.invalid_url_param.app_error",
        ),
        ("/teams/name/closed-team", "200"),
        (
            "/teams/app.team.get_by_name.missing.app_error/members/x",
            "404 api.context.404.app_error",
        ),
        (
            &format!("/teams/{nobody}"),
            "404 app.team.get.find.app_error",
        ),
        (
            &format!("/teams/{engineering}/channels/name/general"),
            "404 app.channel.get_by_name.missing.app_error",
        ),
        (
            &format!("/teams/{engineering}/channels/name/random"),
            "404 app.channel.get_by_name.missing.app_error",
        ),
        (
            &format!("/teams/{engineering}/channels/name/Backend"),
            "400 api.context.invalid_url_param.app_error",
        ),
        (
            &format!("/teams/{engineering}/channels/name/attic"),
            "404 app.channel.get_by_name.missing.app_error",
        ),
        (
            &format!("/teams/{engineering}/channels/name/attic?include_deleted=true"),
            "200",
        ),
        (
            &format!("/teams/{engineering}/members/{linus}"),
            "404 app.team.get_member.missing.app_error",
        ),
        (&format!("/teams/{engineering}/members/{ada}"), "200"),
        (
            &format!("/channels/{backend}/members/{linus}"),
            "404 app.channel.get_member.missing.app_error",
        ),
        (
            &format!("/channels/{nobody}"),
            "404 app.channel.get.existing.app_error",
        ),
    ] {
        assert_eq!(
            line(mattermost.admin(Method::GET, path, Value::Null).await),
            expected,
            "{path}"
        );
    }
    let shown = mattermost.get("/users/username/linus").await;
    assert!(
        shown["delete_at"].as_i64().unwrap() > 0,
        "deactivated accounts are found"
    );
    assert_eq!(shown["email_verified"], false, "a look-up does not tell");
}

#[tokio::test]
async fn joining_a_team() {
    let mattermost = Mattermost::new().await;
    let [engineering, sales, ldap] = [
        mattermost.id("/teams/name/engineering").await,
        mattermost.id("/teams/name/sales").await,
        mattermost.id("/teams/name/ldap-team").await,
    ];
    let (_, katherine) = mattermost
        .admin(Method::POST, "/users", katherine(json!({})))
        .await;
    let katherine = katherine["id"].as_str().unwrap();
    let join = async |team: &str, body: Value| {
        let path = format!("/teams/{team}/members");
        line(mattermost.admin(Method::POST, &path, body).await)
    };
    let body = |team: &str, user: &str| json!({ "team_id": team, "user_id": user });
    let nobody = "x".repeat(26);
    let bad_body = "400 api.context.invalid_body_param.app_error";
    assert_eq!(
        join(&engineering, json!({ "user_id": katherine })).await,
        bad_body
    );
    assert_eq!(join(&engineering, body(&sales, katherine)).await, bad_body);
    assert_eq!(
        join(&engineering, body(&engineering, &nobody)).await,
        "404 app.user.missing_account.const"
    );
    assert_eq!(
        join(&nobody, body(&nobody, katherine)).await,
        "404 app.team.get.find.app_error"
    );
    assert_eq!(
        join(&sales, body(&sales, katherine)).await,
        "400 api.team.join_user_to_team.allowed_domains.app_error"
    );
    assert_eq!(
        join(&ldap, body(&ldap, katherine)).await,
        "400 api.team.add_members.user_denied"
    );
    mattermost.configure(|settings| settings.max_users_per_team = 2);
    assert_eq!(
        join(&engineering, body(&engineering, katherine)).await,
        "400 app.team.join_user_to_team.save_member.max_accounts.app_error"
    );
    mattermost.configure(|settings| settings.max_users_per_team = 50);
    for _ in 0..2 {
        assert_eq!(
            join(&engineering, body(&engineering, katherine)).await,
            "201",
            "a second time too"
        );
    }
    let member = format!("/teams/{engineering}/members/{katherine}");
    let channels = async || {
        let state = mattermost.state();
        let channels = state["teams"][0]["channels"].as_array().unwrap().clone();
        let names = channels
            .iter()
            .filter(|channel| {
                channel["members"]
                    .as_array()
                    .unwrap()
                    .contains(&json!("katherine"))
            })
            .map(|channel| channel["name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(channels().await, ["town-square", "off-topic"]);
    assert_eq!(
        line(mattermost.admin(Method::DELETE, &member, Value::Null).await),
        "200"
    );
    assert!(
        mattermost.get(&member).await["delete_at"].as_i64().unwrap() > 0,
        "found, and gone"
    );
    assert!(channels().await.is_empty());
    let other = format!("/teams/{sales}/members/{katherine}");
    assert_eq!(
        line(mattermost.admin(Method::DELETE, &other, Value::Null).await),
        "400 api.team.remove_user_from_team.missing.app_error"
    );
    let of_member = mattermost
        .with(
            MEMBER_TOKEN,
            Method::POST,
            &format!("/teams/{sales}/members"),
            body(&sales, katherine),
        )
        .await;
    assert_eq!(line(of_member), "403 api.context.permissions.app_error");
}

#[tokio::test]
async fn joining_a_channel() {
    let mattermost = Mattermost::new().await;
    let engineering = mattermost.id("/teams/name/engineering").await;
    let named = async |name: &str| {
        let path = format!("/teams/{engineering}/channels/name/{name}?include_deleted=true");
        mattermost.id(&path).await
    };
    let [backend, attic, ldap, town_square] = [
        named("backend").await,
        named("attic").await,
        named("ldap-only").await,
        named("town-square").await,
    ];
    let user = async |name: &str| mattermost.id(&format!("/users/username/{name}")).await;
    let [grace, linus, gus] = [user("grace").await, user("linus").await, user("gus").await];
    let join = async |channel: &str, user: &str| {
        let path = format!("/channels/{channel}/members");
        line(
            mattermost
                .admin(Method::POST, &path, json!({ "user_id": user }))
                .await,
        )
    };
    let team_body = |user: &str| json!({ "team_id": engineering, "user_id": user });
    let members = format!("/teams/{engineering}/members");
    assert_eq!(
        join(&backend, &gus).await,
        "404 app.team.get_member.missing.app_error",
        "team first"
    );
    assert_eq!(
        join(&"x".repeat(26), &grace).await,
        "404 app.channel.get.existing.app_error"
    );
    assert_eq!(
        join(&ldap, &grace).await,
        "400 api.channel.add_members.user_denied"
    );
    let (status, _) = mattermost
        .admin(Method::POST, &members, team_body(&linus))
        .await;
    assert_eq!(status, 201, "a deactivated account joins a team");
    assert_eq!(
        join(&backend, &linus).await,
        "403 app.channel.add_member.deleted_user.app_error"
    );
    let (_, _) = mattermost
        .admin(Method::POST, &members, team_body(&gus))
        .await;
    mattermost
        .admin(Method::DELETE, &format!("{members}/{gus}"), Value::Null)
        .await;
    assert_eq!(
        join(&backend, &gus).await,
        "400 api.channel.add_user.to.channel.failed.deleted.app_error"
    );
    for channel in [&backend, &backend, &attic] {
        assert_eq!(
            join(channel, &grace).await,
            "201",
            "a second time too, and an archived one"
        );
    }
    let leave = format!("/channels/{town_square}/members/{grace}");
    assert_eq!(
        line(mattermost.admin(Method::DELETE, &leave, Value::Null).await),
        "400 api.channel.remove.default.app_error"
    );
}

#[tokio::test]
async fn making_teams_and_channels() {
    let mattermost = Mattermost::new().await;
    let engineering = mattermost.id("/teams/name/engineering").await;
    let team = |name: &str| json!({ "name": name, "display_name": "T", "type": "O" });
    for (name, expected) in [
        (
            "engineering",
            "400 store.sql_team.save_team.existing.app_error",
        ),
        (
            "closed-team",
            "400 store.sql_team.save_team.existing.app_error",
        ),
        ("admins", "400 model.team.is_valid.reserved.app_error"),
        ("a", "400 model.team.is_valid.characters.app_error"),
        ("my_team", "400 model.team.is_valid.characters.app_error"),
    ] {
        assert_eq!(
            line(mattermost.admin(Method::POST, "/teams", team(name)).await),
            expected,
            "{name}"
        );
    }
    let (status, made) = mattermost
        .admin(Method::POST, "/teams", team("platform"))
        .await;
    assert_eq!(
        (status, &made["type"]),
        (201, &json!("I")),
        "open needs allow_open_invite, too"
    );
    let new = &mattermost.state()["teams"][4];
    let names: Vec<&Value> = new["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| &channel["name"])
        .collect();
    assert_eq!(names, ["town-square", "off-topic"]);
    assert_eq!(
        new["members"],
        json!(["sidestage"]),
        "who makes a team is in it"
    );
    let channel = |name: &str| json!({ "team_id": engineering, "name": name, "display_name": "C", "type": "O" });
    for (name, expected) in [
        (
            "backend",
            "400 store.sql_channel.save_channel.exists.app_error",
        ),
        (
            "attic",
            "400 store.sql_channel.save_channel.exists.app_error",
        ),
        (
            "No Capitals",
            "400 model.channel.is_valid.1_or_more.app_error",
        ),
        ("general", "201"),
    ] {
        assert_eq!(
            line(
                mattermost
                    .admin(Method::POST, "/channels", channel(name))
                    .await
            ),
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn going_and_coming_back() {
    let mattermost = Mattermost::new().await;
    let user = async |name: &str| mattermost.id(&format!("/users/username/{name}")).await;
    let ada = user("ada").await;
    let path = format!("/users/{ada}");
    let permanent = mattermost
        .admin(
            Method::DELETE,
            &format!("{path}?permanent=true"),
            Value::Null,
        )
        .await;
    assert_eq!(
        line(permanent),
        "401 api.user.delete_user.not_enabled.for_admin.app_error"
    );
    for _ in 0..2 {
        assert_eq!(
            line(mattermost.admin(Method::DELETE, &path, Value::Null).await),
            "200"
        );
    }
    let as_ada = mattermost
        .with(MEMBER_TOKEN, Method::GET, "/users/me", Value::Null)
        .await;
    assert_eq!(line(as_ada), "401 api.context.session_expired.app_error");
    let team = &mattermost.state()["teams"][0];
    assert!(
        team["members"].as_array().unwrap().contains(&json!("ada")),
        "memberships stay"
    );
    let activate = async |id: &str| {
        let path = format!("/users/{id}/active");
        line(
            mattermost
                .admin(Method::PUT, &path, json!({ "active": true }))
                .await,
        )
    };
    mattermost.configure(|settings| settings.max_users_hard_limit = 1);
    assert_eq!(
        activate(&ada).await,
        "400 app.user.update_active.user_limit.exceeded"
    );
    mattermost.configure(|settings| settings.max_users_hard_limit = 250);
    assert_eq!(activate(&ada).await, "200");
    mattermost
        .running
        .sandbox()
        .mattermost()
        .change_user("linus", |linus| linus.auth_service = "ldap".into());
    assert_eq!(
        activate(&user("linus").await).await,
        "403 api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error"
    );
    assert_eq!(
        activate(&user("gus").await).await,
        "401 api.user.update_active.cannot_enable_guest_when_guest_feature_is_disabled.app_error"
    );
}

#[tokio::test]
async fn a_mail_to_set_a_password() {
    let mattermost = Mattermost::new().await;
    let send = async |email: &str| {
        let call = mattermost.call(Method::POST, "/users/password/reset/send");
        line(answer(call.json(&json!({ "email": email }))).await)
    };
    assert_eq!(
        send("nobody@example.com").await,
        "200",
        "it does not tell who is there"
    );
    assert_eq!(
        send("grace@example.com").await,
        "400 api.user.send_password_reset.sso.app_error"
    );
    assert_eq!(mattermost.state()["mails"], json!([]));
    assert_eq!(send("ADA@example.com").await, "200");
    assert_eq!(
        mattermost.state()["mails"],
        json!([{"to": "ada@example.com", "what": "password reset"}])
    );
    mattermost.configure(|settings| settings.mail = false);
    assert_eq!(
        send("ada@example.com").await,
        "500 api.user.send_password_reset.send.app_error"
    );
}

#[tokio::test]
async fn the_limiter_does_not_speak_json() {
    let mattermost = Mattermost::new().await;
    mattermost.running.sandbox().faults().add(FaultRule {
        service: "mattermost".into(),
        method: None,
        path: "/**".into(),
        times: Some(1),
        fault: Fault::RateLimit { retry_after: 3 },
    });
    let response = mattermost
        .call(Method::GET, "/users/me")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "3");
    assert_eq!(response.text().await.unwrap(), "limit exceeded\n");
}
