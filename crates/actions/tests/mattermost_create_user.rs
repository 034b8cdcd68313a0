//! `mattermost:create-user`, sentence by sentence.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sidestage_action::Code;
use sidestage_sandbox::mattermost::{EXPIRED_TOKEN, MEMBER_TOKEN, Settings};
use support::{Ended, Stage, wire::Fault};

const ACTION: &str = "mattermost:create-user";

/// The input of these tests, with more or other fields; null takes one away.
fn input(more: Value) -> Value {
    let mut input = json!({
        "username": "katherine",
        "email": "katherine@example.com",
        "firstName": "Katherine",
        "lastName": "Johnson",
        "teamName": "engineering",
        "channels": ["town-square", "backend"],
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let input_fields = input.as_object_mut().unwrap();
    input_fields.retain(|_, value| !value.is_null());
    input
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
        "nothing is changed before the refusal: {}",
        ended.error()
    );
    support::said(&ended)
}

fn configure(stage: &Stage, change: impl FnOnce(&mut Settings)) {
    stage.sandbox().mattermost().configure(change);
}

/// Somebody changes an account in Mattermost.
fn change_user(
    stage: &Stage,
    username: &str,
    change: impl FnOnce(&mut sidestage_sandbox::mattermost::User),
) {
    stage.sandbox().mattermost().change_user(username, change);
}

fn user(stage: &Stage, username: &str) -> Value {
    let state = stage.state("mattermost");
    let users = state["users"].as_array().unwrap().iter();
    let mut found = users.filter(|user| user["username"] == username);
    let user = found.next().cloned().unwrap_or_default();
    assert!(found.next().is_none(), "two accounts {username}");
    user
}

/// The channels of `engineering` that somebody is in.
fn channels_of(stage: &Stage, username: &str) -> Vec<String> {
    let state = stage.state("mattermost");
    let channels = state["teams"][0]["channels"].as_array().unwrap().iter();
    channels
        .filter(|channel| {
            channel["members"]
                .as_array()
                .unwrap()
                .contains(&json!(username))
        })
        .map(|channel| channel["name"].as_str().unwrap().to_owned())
        .collect()
}

// ---- what it makes -------------------------------------------------------------------------------

#[tokio::test]
async fn an_account_its_place_and_one_mail() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: made the account katherine
    info: katherine@example.com is sent a mail to set a password; its link works for 24 hours
    info: katherine is in the team engineering now
    info: katherine is in the channel backend now
    ");
    let mut output = ended.output().clone();
    let made = user(&stage, "katherine");
    assert_eq!(output["userId"], made["id"]);
    assert_eq!(
        output["teamId"],
        stage.state("mattermost")["teams"][0]["id"]
    );
    for id in ["userId", "teamId"] {
        output[id] = json!("<id>");
    }
    insta::assert_snapshot!(stage.mask(&output.to_string()), @r#"{"userId":"<id>","username":"katherine","userUrl":"http://sandbox/mattermost/engineering/messages/@katherine","teamId":"<id>","channels":["town-square","backend"],"signIn":"password","created":true}"#);
    assert_eq!(made["emailVerified"], true);
    assert_eq!(
        channels_of(&stage, "katherine"),
        ["town-square", "off-topic", "backend"]
    );
    let mails = json!([{"to": "katherine@example.com", "what": "password reset"}]);
    assert_eq!(stage.state("mattermost")["mails"], mails);

    let again = run(&stage, json!({})).await;
    assert_eq!(again.output()["created"], false);
    insta::assert_snapshot!(again.log(), @"info: the account katherine is there and is the person's");
    assert_eq!(stage.state("mattermost")["mails"], mails, "no second mail");
}

#[tokio::test]
async fn a_password_that_satisfies_every_policy_and_that_nobody_sees() {
    let stage = Stage::new().await;
    configure(&stage, |settings| {
        settings.password_minimum_length = 14;
        settings.password_classes = vec!["lowercase", "uppercase", "number", "symbol"];
    });
    let first = run(&stage, json!({})).await;
    let second = run(
        &stage,
        json!({"username": "mary", "email": "mary@example.com"}),
    )
    .await;
    let passwords: Vec<String> = stage
        .wire
        .calls_of("POST", "/api/v4/users")
        .iter()
        .filter_map(|call| call.body["password"].as_str().map(str::to_owned))
        .collect();
    let [one, other] = &passwords[..] else {
        panic!("{passwords:?}")
    };
    assert_ne!(one, other);
    assert!((32..=72).contains(&one.len()), "{one}");
    for ended in [first, second] {
        ended.output();
        let said = ended.all_said();
        assert!(!said.contains(one) && !said.contains(other), "{said}");
    }
}

#[tokio::test]
async fn a_password_that_is_repeated_in_a_refusal_is_not_said() {
    for fault in [Fault::Status(400), Fault::Status(500), Fault::Html(502)] {
        let stage = Stage::new().await;
        let calls = run(&stage, json!({})).await;
        calls.output();
        let create = stage
            .wire
            .calls()
            .iter()
            .position(|call| call.body["password"].is_string());
        let stage = Stage::new().await;
        stage.wire.break_call(create.unwrap() + 1, fault);
        let ended = run(&stage, json!({})).await;
        let calls = stage.wire.calls();
        let password = calls[create.unwrap()].body["password"].as_str().unwrap();
        assert!(
            !ended.all_said().contains(password),
            "{fault:?}: {}",
            ended.all_said()
        );
    }
}

#[tokio::test]
async fn who_signs_in_by_another_service_has_no_password_and_gets_no_mail() {
    let stage = Stage::new().await;
    let sso = json!({"authService": "saml", "authData": "k-4711"});
    let ended = run(&stage, sso.clone()).await;
    assert_eq!(ended.output()["signIn"], "saml");
    let sent = &stage.wire.calls_of("POST", "/api/v4/users")[0].body;
    assert_eq!(sent["auth_service"], "saml");
    assert_eq!(sent["auth_data"], "k-4711");
    assert_eq!(sent.get("password"), None);
    assert_eq!(stage.state("mattermost")["mails"], json!([]));
    assert_eq!(run(&stage, sso).await.output()["created"], false);
}

#[tokio::test]
async fn a_welcome_mail_where_it_is_asked_for() {
    let stage = Stage::new().await;
    run(&stage, json!({"welcomeEmail": true})).await.output();
    let mails = stage.state("mattermost")["mails"].clone();
    assert_eq!(mails.as_array().unwrap().len(), 2, "{mails}");
    assert_eq!(mails[0]["what"], "welcome");
}

#[tokio::test]
async fn names_are_written_as_mattermost_takes_them() {
    for (given, taken) in [
        ("Katherine", "katherine"),
        ("Jürgen Groß", "jurgen-gross"),
        ("  Ada.King ", "ada.king"),
        ("o'neil", "o-neil"),
        ("Ольга", "ol-ga"),
    ] {
        let stage = Stage::new().await;
        let ended = run(
            &stage,
            json!({ "username": given, "email": "New@Example.com" }),
        )
        .await;
        assert_eq!(ended.output()["username"], taken, "{given}");
        assert!(
            ended
                .transcript
                .contains(&format!("the username is {taken} in Mattermost"))
        );
        assert_eq!(user(&stage, taken)["email"], "new@example.com");
        let again = run(
            &stage,
            json!({ "username": given, "email": "NEW@example.com" }),
        )
        .await;
        assert_eq!(again.output()["created"], false, "{given}");
    }
}

#[tokio::test]
async fn teams_and_channels_are_named_by_names_or_ids() {
    let stage = Stage::new().await;
    let team = stage.state("mattermost")["teams"][0].clone();
    let backend = team["channels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|channel| channel["name"] == "backend");
    let ids = json!({"teamName": team["id"], "channels": [backend.unwrap()["id"], "leads"]});
    let ended = run(&stage, ids).await;
    assert_eq!(
        ended.output()["channels"],
        json!(["backend", "leads"]),
        "private ones, too"
    );
}

#[tokio::test]
async fn without_a_team_it_is_an_account_alone() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"teamName": null, "channels": null})).await;
    let output = ended.output();
    assert_eq!(
        (output.get("teamId"), &output["channels"]),
        (None, &json!([]))
    );
    assert_eq!(
        stage.mask(output["userUrl"].as_str().unwrap()),
        "http://sandbox/mattermost"
    );
}

#[tokio::test]
async fn missing_channels_are_made_when_asked() {
    let stage = Stage::new().await;
    let more = json!({"channels": ["general", "random"], "createMissingChannels": true});
    let ended = run(&stage, more.clone()).await;
    assert_eq!(ended.output()["channels"], json!(["general", "random"]));
    let sent = &stage.wire.calls_of("POST", "/api/v4/channels")[0].body;
    assert_eq!(
        (&sent["name"], &sent["type"]),
        (&json!("general"), &json!("O"))
    );
    run(&stage, more).await.output();
    let state = stage.state("mattermost");
    let channels = state["teams"][0]["channels"].as_array().unwrap();
    assert_eq!(channels.len(), 8, "six and two");
}

#[tokio::test]
async fn a_dry_run_says_all_that_would_be_made() {
    let stage = Stage::new().await;
    let more = json!({"channels": ["backend", "general"], "createMissingChannels": true});
    let ended = stage.dry_run(ACTION, input(more)).await;
    insta::assert_snapshot!(ended.log(), @"
    info: dry run: account katherine would be made
    info: dry run: password mail katherine would be made
    info: dry run: team membership engineering/katherine would be made
    info: dry run: channel membership engineering/backend/katherine would be made
    info: dry run: channel engineering/general would be made
    info: dry run: channel membership engineering/general/katherine would be made
    ");
    assert_eq!(ended.output()["created"], true);
    assert_eq!(stage.writes(), []);
}

// ---- whose account it takes ----------------------------------------------------------------------

#[tokio::test]
async fn an_account_with_the_same_name_and_address_is_the_persons() {
    let stage = Stage::new().await;
    let ada = json!({"username": "ada", "email": "Ada@example.com"});
    let ended = run(&stage, ada).await;
    assert_eq!(ended.output()["created"], false);
    assert_eq!(ended.output()["signIn"], "password");
    assert_eq!(stage.writes(), [], "ada is in all of them");
    // Who signs in by another service is left to do so.
    let grace = json!({"username": "grace", "email": "grace@example.com"});
    let ended = run(&stage, grace).await;
    assert_eq!(ended.output()["signIn"], "saml");
    assert_eq!(
        channels_of(&stage, "grace"),
        ["town-square", "off-topic", "backend"]
    );
}

#[tokio::test]
async fn an_address_alone_is_enough_only_where_it_is_known_to_be_the_persons() {
    let stage = Stage::new().await;
    let lady = json!({"username": "lady.lovelace", "email": "ada@example.com"});
    insta::assert_snapshot!(refused(&stage, lady.clone()).await, @"conflict [] ada@example.com is the address of the account ada in Mattermost, which does not verify addresses, so it may be somebody else's. If it is the same person, give ada as username.");
    configure(&stage, |settings| {
        settings.require_email_verification = true
    });
    let ended = run(&stage, lady).await;
    assert_eq!(ended.output()["username"], "ada");
    insta::assert_snapshot!(ended.log(), @"
    info: the account ada is there and is the person's
    warn: the account with this e-mail address is called ada; its name is left as it is
    ");
    // A sign-in provider vouches for addresses.
    configure(&stage, |settings| {
        settings.require_email_verification = false
    });
    let admiral = json!({"username": "admiral", "email": "grace@example.com"});
    assert_eq!(run(&stage, admiral).await.output()["username"], "grace");
}

#[tokio::test]
async fn somebody_elses_account_is_never_taken() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"username": "ada"})).await, @"conflict [] The username ada is taken in Mattermost by an account with another e-mail address. If it is the same person, give that account's address as email; otherwise choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "sidestage"})).await, @"conflict [] The account sidestage in Mattermost is a bot's. Choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "gus", "email": "gus@example.com"})).await, @"conflict [] The account gus in Mattermost is a guest's. A system administrator of Mattermost has to make a member of the guest first (Promote to Member).");
    insta::assert_snapshot!(refused(&stage, json!({"username": "remy", "email": "remy@example.com"})).await, @"conflict [] The account remy belongs to another Mattermost server that shares channels with this one. Choose another username and email.");
}

#[tokio::test]
async fn an_account_that_signs_in_otherwise() {
    let stage = Stage::new().await;
    let saml = |name: &str, auth_data: &str| {
        json!({
            "username": name, "email": format!("{name}@example.com"),
            "authService": "saml", "authData": auth_data,
        })
    };
    insta::assert_snapshot!(refused(&stage, saml("ada", "ada@example.com")).await, @"conflict [] The account ada exists and differs: sign-in is password, asked for saml. A system administrator of Mattermost has to change how the account signs in (mmctl user migrate-auth), or leave authService and authData out to use it as it is.");
    insta::assert_snapshot!(refused(&stage, saml("grace", "somebody@example.com")).await, @"conflict [] The account grace exists and differs: authData is another, asked for the one given. A system administrator of Mattermost has to change how the account signs in (mmctl user migrate-auth), or leave authService and authData out to use it as it is.");
    insta::assert_snapshot!(refused(&stage, saml("katherine", "grace@example.com")).await, @"conflict [] The account grace in Mattermost signs in with this authData and has another e-mail address. If it is the same person, give its address as email; otherwise correct authData.");
    assert_eq!(
        run(&stage, saml("grace", "grace@example.com"))
            .await
            .output()["created"],
        false
    );
}

#[tokio::test]
async fn a_deactivated_account_comes_back_only_when_asked() {
    let stage = Stage::new().await;
    let linus = json!({"username": "linus", "email": "linus@example.com"});
    insta::assert_snapshot!(refused(&stage, linus).await, @"conflict [] The account linus in Mattermost is deactivated. Set reactivate to let the person in again.");
    let back = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    let ended = run(&stage, back).await;
    assert_eq!(ended.output()["created"], false);
    insta::assert_snapshot!(ended.log(), @"
    info: the account linus is there and is the person's
    info: activated the account linus
    info: linus is in the team engineering now
    info: linus is in the channel backend now
    ");
    assert_eq!(user(&stage, "linus")["active"], true);
    assert_eq!(
        stage.state("mattermost")["mails"],
        json!([]),
        "the password is as it was"
    );
}

#[tokio::test]
async fn a_deactivated_account_that_mattermost_does_not_activate() {
    let stage = Stage::new().await;
    let back = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    configure(&stage, |settings| settings.max_users_hard_limit = 3);
    insta::assert_snapshot!(refused(&stage, back.clone()).await, @"upstream_rejected [] Mattermost has as many active accounts as its licence allows, so there is no seat for linus. Deactivate an account that is no longer used, or get more seats.");
    configure(&stage, |settings| settings.max_users_hard_limit = 250);
    change_user(&stage, "linus", |linus| linus.auth_service = "ldap".into());
    insta::assert_snapshot!(support::said(&run(&stage, back).await), @"upstream_rejected [] Mattermost does not activate the account linus: LDAP manages it. Activate the person there; Mattermost follows with its next synchronisation.");
}

// ---- what it refuses before anything is made -----------------------------------------------------

#[tokio::test]
async fn what_needs_no_look_at_mattermost() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"username": "user:default/ada"})).await, @"invalid_input [/username] username is not a user name of Mattermost. Where it comes from Backstage, give the name (user.entity.metadata.name), not the entity ref, nor the e-mail address.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "ada@example.com"})).await, @"invalid_input [/username] username is not a user name of Mattermost. Where it comes from Backstage, give the name (user.entity.metadata.name), not the entity ref, nor the e-mail address.");
    insta::assert_snapshot!(refused(&stage, json!({"username": "'''"})).await, @r#"invalid_input [/username] Mattermost cannot take the username "'''": it must have 1 to 64 letters, digits, dots, dashes and underscores."#);
    insta::assert_snapshot!(refused(&stage, json!({"username": "System"})).await, @"invalid_input [/username] Mattermost keeps the names all, channel, matterbot, system for itself; choose another username.");
    insta::assert_snapshot!(refused(&stage, json!({"email": "Katherine <k@example.com>"})).await, @"invalid_input [/email] email is not an e-mail address that Mattermost takes: the address alone, without a name, at most 128 characters.");
    insta::assert_snapshot!(refused(&stage, json!({"authService": "saml"})).await, @"invalid_input [/authData] authService needs authData: what that service calls the person. Without it nobody could sign in.");
    insta::assert_snapshot!(refused(&stage, json!({"authData": "k"})).await, @"invalid_input [/authService] authData needs authService: the service that calls the person so.");
    insta::assert_snapshot!(refused(&stage, json!({"teamName": null})).await, @"invalid_input [/teamName] channels needs teamName: the team whose channels they are.");
    assert!(
        refused(&stage, json!({"authService": "email", "authData": "k"}))
            .await
            .starts_with("invalid_input [/authService]")
    );
    assert_eq!(stage.wire.calls(), []);
}

#[tokio::test]
async fn a_token_that_is_not_an_administrators() {
    for (token, open) in [
        (EXPIRED_TOKEN, true),
        (MEMBER_TOKEN, true),
        (EXPIRED_TOKEN, false),
    ] {
        let stage = Stage::with(std::time::Duration::ZERO, |config| {
            if config.provider == "mattermost" {
                config.token = Some(token.into());
            }
        });
        let stage = stage.await;
        // Mattermost itself would make an account of no rights, and say that all is well.
        configure(&stage, |settings| settings.open_server = open);
        let said = refused(&stage, json!({})).await;
        match token {
            MEMBER_TOKEN => {
                insta::assert_snapshot!(said, @"forbidden [] The token of this connection belongs to ada, who is no system administrator of Mattermost, and only such may do this. The connection needs the token of a bot with the role system_admin.")
            }
            _ => {
                insta::allow_duplicates! { insta::assert_snapshot!(said, @"upstream_rejected [] Mattermost (connection mattermost) does not accept the token that it is called with: Invalid or expired session, please login again. The token has to be renewed.") }
            }
        }
    }
}

#[tokio::test]
async fn a_team_that_is_not_there_or_not_open_to_the_person() {
    let stage = Stage::new().await;
    let team = |name: &str| json!({"teamName": name, "channels": []});
    insta::assert_snapshot!(refused(&stage, team("enginering")).await, @"not_found [/teamName] Mattermost has no team enginering, by the name in its URL, or the credential of this connection may not see it. Did you mean engineering?");
    insta::assert_snapshot!(refused(&stage, team("Engineering")).await, @"not_found [/teamName] Mattermost has no team Engineering, by the name in its URL, or the credential of this connection may not see it. Did you mean engineering?");
    insta::assert_snapshot!(refused(&stage, team("marketing")).await, @"not_found [/teamName] Mattermost has no team marketing, by the name in its URL, or the credential of this connection may not see it. The teams are: engineering, ldap-team, sales.");
    insta::assert_snapshot!(refused(&stage, team("closed-team")).await, @"conflict [] The team closed-team is archived in Mattermost. Restore it there, or name another team.");
    insta::assert_snapshot!(refused(&stage, team("sales")).await, @"invalid_input [/email] The team sales in Mattermost takes e-mail addresses of these domains only: sales.example.com. Name another team, or have the domain allowed.");
    insta::assert_snapshot!(refused(&stage, team("ldap-team")).await, @"upstream_rejected [] The members of the team ldap-team come from groups that Mattermost synchronises, and katherine is in none of them. Add the person to such a group instead.");
    configure(&stage, |settings| settings.max_users_per_team = 2);
    insta::assert_snapshot!(refused(&stage, team("engineering")).await, @"upstream_rejected [] The team engineering in Mattermost is full. A system administrator of Mattermost has to raise the number of members that a team may have (Max Users Per Team).");
    let grace = json!({"username": "grace", "email": "grace@example.com"});
    assert_eq!(
        run(&stage, grace).await.output()["created"],
        false,
        "who is in it may stay"
    );
}

#[tokio::test]
async fn channels_that_are_not_there_or_not_open_to_the_person() {
    let stage = Stage::new().await;
    let channels = |names: Value| json!({ "channels": names });
    insta::assert_snapshot!(refused(&stage, channels(json!(["general", "backend", "random"]))).await, @"not_found [/channels/0 /channels/2] These channels are missing in the team engineering in Mattermost: general, random. Make them there, leave them out of channels, or set createMissingChannels. Its public channels are: backend, off-topic, town-square.");
    insta::assert_snapshot!(refused(&stage, channels(json!(["Town Square"]))).await, @r#"invalid_input [/channels/0] Mattermost has no channel "Town Square", and could have none: the names in the URLs of channels have small letters, digits, dashes and underscores only, at most 64."#);
    insta::assert_snapshot!(refused(&stage, channels(json!(["attic"]))).await, @"conflict [] The channel attic of the team engineering is archived in Mattermost. Restore it there, or leave it out of channels.");
    insta::assert_snapshot!(refused(&stage, channels(json!(["ldap-only"]))).await, @"upstream_rejected [] The members of the channel ldap-only come from groups that Mattermost synchronises, and katherine is in none of them. Add the person to such a group instead, and leave the channel out.");
}

#[tokio::test]
async fn a_server_that_does_not_let_the_person_in() {
    let stage = Stage::new().await;
    configure(&stage, |settings| {
        settings.restrict_creation_to_domains = "corp.example @other.example".into()
    });
    insta::assert_snapshot!(refused(&stage, json!({})).await, @"invalid_input [/email] Mattermost takes e-mail addresses of these domains only: corp.example, other.example. Give another email, or have the domain allowed in Mattermost.");
    configure(&stage, |settings| {
        *settings = Settings {
            max_users_hard_limit: 3,
            ..Settings::default()
        }
    });
    insta::assert_snapshot!(refused(&stage, json!({})).await, @"upstream_rejected [] Mattermost has as many active accounts as its licence allows, so there is no seat for katherine. Deactivate an account that is no longer used, or get more seats.");
    configure(&stage, |settings| {
        *settings = Settings {
            password_sign_in: false,
            ..Settings::default()
        }
    });
    insta::assert_snapshot!(refused(&stage, json!({})).await, @"invalid_input [/authService] Nobody signs in to this Mattermost by password. Give authService and authData: the service, and what it calls the person.");
    insta::assert_snapshot!(refused(&stage, json!({"authService": "openid", "authData": "k"})).await, @"invalid_input [/authService] Signing in by openid is not switched on in this Mattermost, or not licensed, so nobody could open the account.");
    run(&stage, json!({"authService": "saml", "authData": "k"}))
        .await
        .output();
}

// ---- when something goes wrong ------------------------------------------------------------------

#[tokio::test]
async fn a_name_that_a_user_group_has() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"username": "platform"})).await;
    insta::assert_snapshot!(support::said(&ended), @"conflict [/username] Mattermost says that the username platform is taken, and has no account with it: it is the name of a user group. Choose another username.");
    assert_eq!(user(&stage, "platform"), Value::Null);
}

#[tokio::test]
async fn an_account_whose_answer_is_lost_is_found_and_gets_its_mail() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    let create = stage
        .wire
        .calls()
        .iter()
        .position(|call| call.body["password"].is_string())
        .unwrap();
    for fault in [Fault::ResetAfter, Fault::BrokenBody] {
        let stage = Stage::new().await;
        stage.wire.break_call(create + 1, fault);
        let ended = run(&stage, json!({})).await;
        assert_eq!(ended.output()["created"], true, "{fault:?}");
        assert_eq!(user(&stage, "katherine")["active"], true);
        assert_eq!(
            stage.state("mattermost")["mails"].as_array().unwrap().len(),
            1
        );
    }
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_fails_nothing_else() {
    let stage = Stage::new().await;
    configure(&stage, |settings| settings.mail = false);
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["created"], true);
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: made the account katherine
    warn: the mail to set a password may not have been sent: Mattermost could not send the mail: its mail server (SMTP) is not set up, or does not answer. katherine sets it at http://sandbox/mattermost/reset_password
    info: katherine is in the team engineering now
    info: katherine is in the channel backend now
    ");
    assert_eq!(
        channels_of(&stage, "katherine"),
        ["town-square", "off-topic", "backend"]
    );
}

#[tokio::test]
async fn a_mail_to_who_signs_in_by_another_service_meanwhile() {
    let stage = Stage::new().await;
    let refusal = json!({
        "id": "api.user.send_password_reset.sso.app_error", "message": "Unable to reset password for SSO accounts.",
        "detailed_error": "", "request_id": "", "status_code": 400,
    });
    stage
        .wire
        .answer("POST", "/password/reset/send", 400, refusal);
    let ended = run(&stage, json!({"teamName": null, "channels": null})).await;
    assert_eq!(ended.output()["created"], true);
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: made the account katherine
    warn: the mail to set a password may not have been sent: katherine signs in to Mattermost by another service, so there is no password to set. katherine sets it at http://sandbox/mattermost/reset_password
    ");
}

#[tokio::test]
async fn a_run_that_failed_midway_continues() {
    let stage = Stage::new().await;
    let denied = json!({"id": "app.team.unwell.app_error", "message": "no"});
    stage.wire.answer("POST", "/members", 503, denied);
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.error().code(), Code::OutcomeUnknown);
    assert!(
        ended.error().message().contains("account katherine"),
        "{}",
        ended.error()
    );
    stage.wire.mend();
    let ended = run(&stage, json!({})).await;
    assert_eq!(
        ended.output()["channels"],
        json!(["town-square", "backend"])
    );
    assert_eq!(
        stage.state("mattermost")["mails"].as_array().unwrap().len(),
        1
    );
}
