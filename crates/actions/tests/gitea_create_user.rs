//! `gitea:create-user`, sentence by sentence.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sidestage_sandbox::gitea::{GRACE_IN_KEYCLOAK, MEMBER_TOKEN, NARROW_TOKEN, Settings};
use support::{Ended, Stage, wire::Fault};

const ACTION: &str = "gitea:create-user";

/// The input of these tests, with more or other fields; null takes one away.
fn input(more: Value) -> Value {
    let mut input = json!({
        "username": "katherine",
        "email": "katherine@example.com",
        "fullName": "Katherine Johnson",
        "sourceId": 1,
        "loginName": "0b2d7f0c-4f0e-4b7e-9d57-6a0f5c1d2e3f",
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let input_fields = input.as_object_mut().unwrap();
    input_fields.retain(|_, value| !value.is_null());
    input
}

/// The same for who signs in by password.
fn by_password(more: Value) -> Value {
    let mut by_password = json!({"sourceId": null, "loginName": null});
    for (name, value) in more.as_object().unwrap() {
        by_password[name] = value.clone();
    }
    by_password
}

async fn run(stage: &Stage, more: Value) -> Ended {
    stage.run(ACTION, input(more)).await
}

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, more: Value) -> String {
    let before = stage.writes().len();
    let ended = run(stage, more).await;
    assert_eq!(
        stage.writes().len(),
        before,
        "nothing is changed before the refusal: {:?}",
        ended.result
    );
    support::said(&ended)
}

fn configure(stage: &Stage, change: impl FnOnce(&mut Settings)) {
    stage.sandbox().gitea().configure(change);
}

fn user(stage: &Stage, username: &str) -> Value {
    let state = stage.state("gitea");
    let users = state["users"].as_array().unwrap().iter();
    let mut found = users.filter(|user| user["username"] == username);
    let user = found.next().cloned().unwrap_or_default();
    assert!(found.next().is_none(), "two accounts {username}");
    user
}

// ---- what it makes -------------------------------------------------------------------------------

#[tokio::test]
async fn an_account_that_the_first_sign_in_by_keycloak_lands_on() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(ended.log(), @"info: made the account katherine");
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"userId":101,"username":"katherine","userUrl":"http://sandbox/gitea/katherine","signIn":"source 1","created":true}"#);
    let made = user(&stage, "katherine");
    assert_eq!(made["loginName"], "0b2d7f0c-4f0e-4b7e-9d57-6a0f5c1d2e3f");
    assert_eq!(
        made["mustChangePassword"], false,
        "or every page would ask for it"
    );
    let sent = &stage.wire.calls_of("POST", "/admin/users")[0].body;
    assert_eq!(sent.get("password"), None);
    assert_eq!(stage.state("gitea")["mails"], json!([]));

    let again = run(&stage, json!({})).await;
    assert_eq!(again.output()["created"], false);
    insta::assert_snapshot!(again.log(), @"info: the account katherine is there and is the person's");
}

#[tokio::test]
async fn a_password_that_nobody_sees_and_that_must_be_changed() {
    let stage = Stage::new().await;
    configure(&stage, |settings| {
        settings.min_password_length = 14;
        settings.password_complexity = vec!["lower", "upper", "digit", "spec"];
    });
    let ended = run(&stage, by_password(json!({}))).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: made the account katherine
    info: katherine@example.com is sent a mail, if this Gitea sends any; the password is set at http://sandbox/gitea/user/forgot_password
    ");
    assert_eq!(ended.output()["signIn"], "password");
    assert_eq!(user(&stage, "katherine")["mustChangePassword"], true);
    let mails = json!([{"to": "katherine@example.com", "what": "registration"}]);
    assert_eq!(stage.state("gitea")["mails"], mails);
    let sent = &stage.wire.calls_of("POST", "/admin/users")[0].body;
    let password = sent["password"].as_str().unwrap();
    assert_eq!(password.len(), 44);
    assert!(!ended.all_said().contains(password));

    assert_eq!(
        run(&stage, by_password(json!({}))).await.output()["created"],
        false
    );
    assert_eq!(stage.state("gitea")["mails"], mails, "no second mail");
}

#[tokio::test]
async fn a_password_that_is_repeated_in_a_refusal_is_not_said() {
    let stage = Stage::new().await;
    stage.wire.break_call(4, Fault::Status(400));
    let ended = run(&stage, by_password(json!({}))).await;
    let sent = &stage.wire.calls_of("POST", "/admin/users")[0].body;
    let password = sent["password"].as_str().unwrap();
    assert!(
        ended.error().message().contains("broken"),
        "{}",
        ended.error()
    );
    assert!(!ended.all_said().contains(password), "{}", ended.all_said());
}

#[tokio::test]
async fn names_are_written_as_gitea_takes_them() {
    for (given, taken) in [
        ("Katherine", "Katherine"),
        ("Jürgen Groß", "Jurgen-Gross"),
        ("  Ada.King_ ", "Ada.King"),
        ("-o'neil--x", "o-neil-x"),
        ("Ольга", "Ol-ga"),
    ] {
        let stage = Stage::new().await;
        let ended = run(&stage, json!({ "username": given })).await;
        assert_eq!(ended.output()["username"], taken, "{given}");
        assert_eq!(
            ended
                .transcript
                .contains(&format!("the username is {taken} in Gitea")),
            given != taken
        );
        let again = run(&stage, json!({ "username": given.to_lowercase() })).await;
        assert_eq!(again.output()["created"], false, "{given}");
    }
}

#[tokio::test]
async fn what_else_an_account_can_be() {
    let stage = Stage::new().await;
    configure(&stage, |settings| {
        settings.email_domain_allowlist = vec!["corp.example.com"]
    });
    let more = json!({"restricted": true, "visibility": "limited", "welcomeEmail": true});
    let ended = run(&stage, more).await;
    insta::assert_snapshot!(ended.log(), @"
    info: made the account katherine
    warn: Gitea says: the domain of user email katherine@example.com conflicts with EMAIL_DOMAIN_ALLOWLIST or EMAIL_DOMAIN_BLOCKLIST
    ");
    let made = user(&stage, "katherine");
    assert_eq!(
        (&made["restricted"], &made["visibility"]),
        (&json!(true), &json!("limited"))
    );
    assert_eq!(stage.state("gitea")["mails"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_made() {
    let stage = Stage::new().await;
    let ended = stage.dry_run(ACTION, input(json!({}))).await;
    insta::assert_snapshot!(ended.log(), @"info: dry run: account katherine would be made");
    assert_eq!(ended.output()["created"], true);
    assert_eq!(stage.writes(), []);
}

// ---- whose account it takes ----------------------------------------------------------------------

#[tokio::test]
async fn who_signs_in_as_the_person_does_is_the_person() {
    let stage = Stage::new().await;
    let grace = json!({"username": "admiral", "email": "admiral@navy.example", "loginName": GRACE_IN_KEYCLOAK});
    let ended = run(&stage, grace).await;
    assert_eq!(
        (&ended.output()["username"], &ended.output()["created"]),
        (&json!("grace"), &json!(false))
    );
    insta::assert_snapshot!(ended.log(), @"
    info: the account grace is there and is the person's
    warn: the account with this sign-in is called grace; its name is left as it is
    warn: the account grace has another e-mail address, which is left as it is
    ");
    // Without a sign-in to compare, name and address together are the person.
    let ended = run(
        &stage,
        by_password(json!({"username": "GRACE", "email": "Grace@example.com"})),
    )
    .await;
    assert_eq!(
        (&ended.output()["username"], &ended.output()["signIn"]),
        (&json!("grace"), &json!("source 1"))
    );
    assert_eq!(stage.writes(), []);
}

#[tokio::test]
async fn somebody_elses_account_is_never_taken() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"username": "ada"})).await, @"conflict [] The username ada is taken in Gitea by an account with another e-mail address. If it is the same person, give that account's address as email; otherwise choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"email": "ADA@example.com"})).await, @"conflict [] ADA@example.com is the address of the account ada in Gitea. If it is the same person, give ada as username; otherwise correct email.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "acme"})).await, @"conflict [] acme is the name of an organization in Gitea, so no account can have it. Choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "ada", "email": "ada@example.com"})).await, @"conflict [] The account ada exists and differs: sign-in is password, asked for source 1. A site administrator of Gitea has to change how the account signs in (Site Administration, User Accounts), or leave sourceId and loginName out to use it as it is.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "grace", "email": "grace@example.com"})).await, @"conflict [] The account grace exists and differs: loginName is another, asked for the one given. A site administrator of Gitea has to change how the account signs in (Site Administration, User Accounts), or leave sourceId and loginName out to use it as it is.");
}

#[tokio::test]
async fn a_name_that_was_given_up_is_free() {
    let stage = Stage::new().await;
    stage.sandbox().gitea().rename_user("grace", "ghopper");
    let ended = run(&stage, json!({"username": "grace"})).await;
    assert_eq!(ended.output()["created"], true);
    assert_eq!(user(&stage, "grace")["email"], "katherine@example.com");
}

#[tokio::test]
async fn who_was_shut_out_comes_back_only_when_asked() {
    let stage = Stage::new().await;
    let linus = |more: Value| {
        let mut linus = by_password(json!({"username": "linus", "email": "linus@example.com"}));
        linus["reactivate"] = more;
        linus
    };
    insta::assert_snapshot!(refused(&stage, linus(json!(false))).await, @"conflict [] The account linus in Gitea may not sign in. Set reactivate to let the person in again.");
    let ended = run(&stage, linus(json!(true))).await;
    assert_eq!(ended.output()["created"], false);
    insta::assert_snapshot!(ended.log(), @"
    info: the account linus is there and is the person's
    info: the account linus may sign in again
    ");
    assert_eq!(user(&stage, "linus")["prohibitLogin"], false);
    stage
        .sandbox()
        .gitea()
        .change_user("linus", |user| user.active = false);
    insta::assert_snapshot!(refused(&stage, linus(json!(true))).await, @"conflict [] The account linus in Gitea is not activated: its person has not confirmed the address, or a site administrator has switched it off. A site administrator of Gitea has to activate it.");
}

// ---- what it refuses before anything is made -----------------------------------------------------

#[tokio::test]
async fn what_needs_no_look_at_gitea() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"username": "user:default/ada"})).await, @"invalid_input [/username] username is not a user name of Gitea. Where it comes from Backstage, give the name (user.entity.metadata.name), not the entity ref, nor the e-mail address.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "'''"})).await, @r#"invalid_input [/username] Gitea cannot take the username "'''": it must have 1 to 40 letters, digits, dots, dashes and underscores."#);
    insta::assert_snapshot!(refused(&stage, json!({"username": "Explore"})).await, @"invalid_input [/username] Gitea keeps the name Explore for its own pages; choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "ada.png"})).await, @"invalid_input [/username] Gitea keeps the name ada.png for its own pages; choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"email": "Katherine <k@example.com>"})).await, @"invalid_input [/email] email is not an e-mail address that Gitea takes: the address alone, without a name, at most 254 characters.");
    insta::assert_snapshot!(refused(&stage, json!({"loginName": null})).await, @"invalid_input [/loginName] sourceId needs loginName: what that source calls the person. Without it nobody could sign in.");
    insta::assert_snapshot!(refused(&stage, json!({"sourceId": null})).await, @"invalid_input [/sourceId] loginName needs sourceId: the sign-in source that calls the person so.");
    assert_eq!(stage.wire.calls(), []);
}

#[tokio::test]
async fn a_token_that_is_not_good_enough() {
    let with = async |token: &'static str| {
        let stage = Stage::with(std::time::Duration::ZERO, |config| {
            if config.provider == "gitea" {
                config.token = Some(token.into());
            }
        });
        refused(&stage.await, json!({})).await
    };
    insta::assert_snapshot!(with("nonsense-0000000000").await, @"upstream_rejected [] Gitea (connection gitea) does not accept the token that it is called with: invalid username, password or token. The token has to be renewed.");
    insta::assert_snapshot!(with(MEMBER_TOKEN).await, @"forbidden [] The token of this connection belongs to ada, who is no site administrator of Gitea, and only such may do this.");
    insta::assert_snapshot!(with(NARROW_TOKEN).await, @"forbidden [] The token of this connection lacks the scope read:admin in Gitea. The connection needs a token with the scopes write:admin, write:organization, write:repository and read:user.");
    let without = Stage::with(std::time::Duration::ZERO, |config| config.token = None).await;
    insta::assert_snapshot!(refused(&without, json!({})).await, @"upstream_rejected [] Gitea (connection gitea) does not accept the token that it is called with: token is required. The token has to be renewed.");
}

// ---- when something goes wrong ------------------------------------------------------------------

#[tokio::test]
async fn an_account_whose_answer_is_lost_is_found() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    let calls = stage.wire.calls();
    let create = calls.iter().position(|call| call.method == "POST").unwrap();
    for fault in [Fault::ResetAfter, Fault::BrokenBody] {
        let stage = Stage::new().await;
        stage.wire.break_call(create + 1, fault);
        let ended = run(&stage, json!({})).await;
        assert_eq!(ended.output()["created"], true, "{fault:?}");
        assert_eq!(user(&stage, "katherine")["active"], true);
    }
}
