//! `mattermost:create-team`, `mattermost:deactivate-user`, taking back, and choices for forms.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidestage_action::{Made, testing::context};
use support::{Ended, Stage};

const CREATE_USER: &str = "mattermost:create-user";
const CREATE_TEAM: &str = "mattermost:create-team";
const DEACTIVATE: &str = "mattermost:deactivate-user";

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, action: &str, input: Value) -> String {
    let before = stage.writes().len();
    let ended = stage.run(action, input).await;
    assert_eq!(stage.writes().len(), before, "{:?}", ended.result);
    support::said(&ended)
}

fn team(stage: &Stage, name: &str) -> Value {
    let state = stage.state("mattermost");
    let mut teams = state["teams"].as_array().unwrap().iter();
    teams
        .find(|team| team["name"] == name)
        .cloned()
        .unwrap_or_default()
}

fn is_active(stage: &Stage, username: &str) -> bool {
    let state = stage.state("mattermost");
    let mut users = state["users"].as_array().unwrap().iter();
    users.find(|user| user["username"] == username).unwrap()["active"] == true
}

// ---- teams ---------------------------------------------------------------------------------------

#[tokio::test]
async fn a_team_with_an_owner_and_members() {
    let stage = Stage::new().await;
    let input = json!({
        "teamName": "platform", "displayName": "Platform", "owner": "ada@example.com", "members": ["grace", "ada"],
    });
    let ended = stage.run(CREATE_TEAM, input.clone()).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: made the team platform: http://sandbox/mattermost/platform
    info: ada is in the team now
    info: grace is in the team now
    info: ada administers the team now
    ");
    let output = ended.output();
    assert_eq!(output["members"], json!(["ada", "grace"]));
    assert_eq!(
        stage.mask(output["teamUrl"].as_str().unwrap()),
        "http://sandbox/mattermost/platform"
    );
    let made = team(&stage, "platform");
    assert_eq!(
        made["open"], false,
        "by invitation, unless it is said otherwise"
    );
    assert_eq!(made["members"], json!(["sidestage", "ada", "grace"]));
    assert_eq!(made["administrators"], json!(["sidestage", "ada"]));
    assert_eq!(
        stage.run(CREATE_TEAM, input).await.output()["created"],
        false
    );
}

#[tokio::test]
async fn an_open_team_is_open() {
    let stage = Stage::new().await;
    let input = json!({"teamName": "all-hands", "open": true});
    stage.run(CREATE_TEAM, input.clone()).await.output();
    assert_eq!(team(&stage, "all-hands")["open"], true);
    assert_eq!(
        stage.run(CREATE_TEAM, input).await.output()["created"],
        false
    );
}

#[tokio::test]
async fn a_team_that_is_there_is_used_if_it_is_the_one() {
    let stage = Stage::new().await;
    let plain = json!({"teamName": "engineering", "members": ["gus"]});
    let ended = stage.run(CREATE_TEAM, plain).await;
    assert_eq!(ended.output()["created"], false);
    assert!(
        team(&stage, "engineering")["members"]
            .as_array()
            .unwrap()
            .contains(&json!("gus"))
    );
    let differs = json!({"teamName": "engineering", "displayName": "R&D", "open": true});
    insta::assert_snapshot!(refused(&stage, CREATE_TEAM, differs).await, @"conflict [] The team engineering exists and differs: displayName is Engineering, asked for R&D; who may join is by invitation, asked for open. Choose another teamName, change the team in Mattermost, or leave out what differs to use it as it is.");
    insta::assert_snapshot!(refused(&stage, CREATE_TEAM, json!({"teamName": "closed-team"})).await, @"conflict [] The team closed-team exists in Mattermost and is archived. Restore it there, or choose another teamName.");
}

#[tokio::test]
async fn a_team_that_mattermost_would_refuse() {
    let stage = Stage::new().await;
    for name in [
        "x",
        "My Team",
        "my_team",
        "-a",
        "a-",
        "Team",
        &"x".repeat(65),
    ] {
        let said = refused(&stage, CREATE_TEAM, json!({ "teamName": name })).await;
        assert!(
            said.starts_with("invalid_input [/teamName] Mattermost refuses"),
            "{said}"
        );
    }
    assert_eq!(stage.wire.calls(), []);
    insta::assert_snapshot!(refused(&stage, CREATE_TEAM, json!({"teamName": "My Team"})).await, @r#"invalid_input [/teamName] Mattermost refuses the teamName "My Team": it must be 2 to 64 small letters, digits and dashes, with no dash at its beginning or end. What people see is displayName."#);
    let nobody = json!({"teamName": "platform", "members": ["ada", "nobody"]});
    insta::assert_snapshot!(refused(&stage, CREATE_TEAM, nobody).await, @"not_found [/members/1] Mattermost has no account nobody. Check how it is written, or make the account first.");
    let gone = json!({"teamName": "platform", "owner": "linus"});
    insta::assert_snapshot!(refused(&stage, CREATE_TEAM, gone).await, @"conflict [] The account linus in Mattermost is deactivated, so it joins no team. Activate it first, or leave it out.");
}

// ---- leaving -------------------------------------------------------------------------------------

#[tokio::test]
async fn who_leaves_is_shut_out_and_stays_where_they_were() {
    let stage = Stage::new().await;
    for (input, deactivated) in [
        (json!({"username": "Ada"}), true),
        (json!({"email": "ADA@example.com"}), false),
        (
            json!({"username": "ada", "email": "ada@example.com"}),
            false,
        ),
    ] {
        let ended = stage.run(DEACTIVATE, input.clone()).await;
        assert_eq!(ended.output()["deactivated"], deactivated, "{input}");
        assert_eq!(ended.output()["username"], "ada");
    }
    assert!(!is_active(&stage, "ada"));
    assert!(
        team(&stage, "engineering")["members"]
            .as_array()
            .unwrap()
            .contains(&json!("ada"))
    );
    assert_eq!(stage.writes().len(), 1);
}

#[tokio::test]
async fn nobody_else_is_shut_out() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({})).await, @"invalid_input [/username] Whose account? Give username, email, or both.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"email": "ada"})).await, @"invalid_input [/email] email is not an e-mail address.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "ada", "email": "grace@example.com"})).await, @"conflict [] In Mattermost grace@example.com is the address of the account grace, not of ada. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "nobody", "email": "grace@example.com"})).await, @"conflict [] In Mattermost grace@example.com is the address of the account grace, not of nobody. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "ada", "email": "nobody@example.com"})).await, @"conflict [] In Mattermost nobody@example.com is the address of no account, not of ada. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "sidestage"})).await, @"conflict [] The account sidestage is the one whose token this connection has; Sidestage could not do anything any more. It is left as it is.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "remy"})).await, @"conflict [] The account remy belongs to another Mattermost server, and has to be deactivated there. It is left as it is.");
    stage
        .sandbox()
        .mattermost()
        .change_user("gus", |gus| gus.is_bot = true);
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "gus"})).await, @"conflict [] The account gus is a bot's; disable it in Mattermost, under Integrations, Bot Accounts. It is left as it is.");
}

#[tokio::test]
async fn who_has_no_account_needs_not_leave() {
    let stage = Stage::new().await;
    for input in [
        json!({"username": "nobody"}),
        json!({"email": "nobody@example.com"}),
        json!({"username": "nobody", "email": "nobody@example.com"}),
    ] {
        let ended = stage.run(DEACTIVATE, input).await;
        let output = ended.output();
        assert_eq!(
            (&output["found"], &output["deactivated"]),
            (&json!(false), &json!(false))
        );
        assert!(
            ended.log().contains("nothing to deactivate"),
            "{}",
            ended.log()
        );
    }
    assert_eq!(stage.writes(), []);
}

// ---- taking back ---------------------------------------------------------------------------------

/// What an undo says of each thing, one a line.
async fn undo(stage: &Stage, action: &str, made: Vec<Made>) -> String {
    let ended: Ended = stage.undo(action, made, false).await;
    let line = |of: &Value| {
        format!(
            "{} {}",
            of["kind"].as_str().unwrap(),
            of["key"].as_str().unwrap()
        )
    };
    let output = ended.output();
    let undone = output["undone"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| format!("gone: {}", line(of)));
    let kept = output["kept"].as_array().unwrap().iter();
    let kept = kept.map(|of| format!("stays: {}: {}", line(of), of["why"].as_str().unwrap()));
    undone.chain(kept).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_onboarding_is_taken_back() {
    let stage = Stage::new().await;
    let input = json!({
        "username": "katherine", "email": "katherine@example.com", "teamName": "engineering",
        "channels": ["backend", "general"], "createMissingChannels": true,
    });
    let made = stage.run(CREATE_USER, input.clone()).await.made;
    insta::assert_snapshot!(undo(&stage, CREATE_USER, made.clone()).await, @"
    gone: channel membership engineering/general/katherine
    gone: channel membership engineering/backend/katherine
    gone: team membership engineering/katherine
    stays: channel engineering/general: Mattermost deletes no channel, so engineering/general is archived instead; its name stays taken. To use it again, restore it in Mattermost.
    stays: password mail katherine: A mail that was sent cannot be called back. Its link works for 24 hours, and opens no account that is deactivated.
    stays: account katherine: Mattermost deletes no account, so katherine is deactivated instead; its name and address stay taken. To use it again, run mattermost:create-user with reactivate.
    ");
    assert!(!is_active(&stage, "katherine"));
    let engineering = team(&stage, "engineering");
    assert!(
        !engineering["members"]
            .as_array()
            .unwrap()
            .contains(&json!("katherine"))
    );
    assert!(
        engineering["members"]
            .as_array()
            .unwrap()
            .contains(&json!("ada"))
    );
    let channels = engineering["channels"].as_array().unwrap();
    assert!(channels.iter().all(|channel| {
        !channel["members"]
            .as_array()
            .unwrap()
            .contains(&json!("katherine"))
    }));
    assert_eq!(
        channels
            .iter()
            .find(|channel| channel["name"] == "general")
            .unwrap()["archived"],
        true
    );
}

#[tokio::test]
async fn a_channel_and_a_team_that_others_have_joined_stay() {
    let stage = Stage::new().await;
    let into_channel = |name: &str| {
        json!({
            "username": name, "email": format!("{name}@example.com"), "teamName": "engineering",
            "channels": ["general"], "createMissingChannels": true,
        })
    };
    let made = stage.run(CREATE_USER, into_channel("katherine")).await.made;
    stage.run(CREATE_USER, into_channel("grace")).await.output();
    let said = undo(&stage, CREATE_USER, made).await;
    let channel = said.lines().find(|line| line.contains("stays: channel"));
    insta::assert_snapshot!(channel.unwrap(), @"stays: channel engineering/general: Others have joined the channel engineering/general or written in it since, so it is left as it is. Archive it in Mattermost when it is no longer needed.");
    let input = json!({"teamName": "platform", "owner": "ada"});
    let made = stage.run(CREATE_TEAM, input).await.made;
    let grace = json!({"username": "grace", "email": "grace@example.com", "teamName": "platform"});
    stage.run(CREATE_USER, grace).await.output();
    let planned = stage.undo(CREATE_TEAM, made.clone(), true).await;
    assert_eq!(planned.output()["kept"].as_array().unwrap().len(), 1);
    insta::assert_snapshot!(undo(&stage, CREATE_TEAM, made).await, @"
    gone: team administrator platform/ada
    gone: team membership platform/ada
    stays: team platform: Others have joined the team platform or written in it since, so it is left as it is. Archive it in Mattermost when it is no longer needed.
    ");
}

#[tokio::test]
async fn what_was_there_before_is_not_taken_back() {
    let stage = Stage::new().await;
    let grace = json!({"username": "grace", "email": "grace@example.com", "teamName": "engineering", "channels": ["backend"]});
    let made = stage.run(CREATE_USER, grace).await.made;
    insta::assert_snapshot!(undo(&stage, CREATE_USER, made).await, @"gone: channel membership engineering/backend/grace");
    assert!(is_active(&stage, "grace"));
    assert!(
        team(&stage, "engineering")["members"]
            .as_array()
            .unwrap()
            .contains(&json!("grace"))
    );
}

#[tokio::test]
async fn comings_and_goings_are_taken_back() {
    let stage = Stage::new().await;
    let gone = stage.run(DEACTIVATE, json!({"username": "ada"})).await.made;
    insta::assert_snapshot!(undo(&stage, DEACTIVATE, gone).await, @"gone: deactivation ada");
    assert!(is_active(&stage, "ada"));
    let linus = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    let back = stage.run(CREATE_USER, linus).await.made;
    insta::assert_snapshot!(undo(&stage, CREATE_USER, back).await, @"gone: activation linus");
    assert!(!is_active(&stage, "linus"));
    let guest = stage.run(DEACTIVATE, json!({"username": "gus"})).await.made;
    insta::assert_snapshot!(undo(&stage, DEACTIVATE, guest).await, @"stays: deactivation gus: Mattermost does not activate the account gus: it is a guest's, and guest accounts are switched off.");
}

#[tokio::test]
async fn a_team_is_archived_unless_people_have_written_in_it() {
    for written in [false, true] {
        let stage = Stage::new().await;
        let input = json!({"teamName": "platform", "owner": "ada", "members": ["grace"]});
        let made = stage.run(CREATE_TEAM, input).await.made;
        if written {
            stage.wire.change("GET", "/channels?", |channels| {
                channels[0]["total_msg_count"] = json!(1);
            });
        }
        let said = undo(&stage, CREATE_TEAM, made).await;
        assert_eq!(team(&stage, "platform")["archived"], !written);
        match written {
            false => insta::assert_snapshot!(said, @"
            gone: team administrator platform/ada
            gone: team membership platform/grace
            gone: team membership platform/ada
            stays: team platform: Mattermost deletes no team, so platform is archived instead; its name stays taken. To use it again, restore it in Mattermost.
            "),
            true => insta::assert_snapshot!(said, @"
            gone: team administrator platform/ada
            gone: team membership platform/grace
            gone: team membership platform/ada
            stays: team platform: Others have joined the team platform or written in it since, so it is left as it is. Archive it in Mattermost when it is no longer needed.
            "),
        }
    }
}

// ---- choices for forms ---------------------------------------------------------------------------

async fn options(stage: &Stage, list: &str, query: &[(&str, &str)]) -> String {
    let (_, _, ctx) = context(false);
    let query: BTreeMap<String, String> = query
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    match stage
        .registry
        .options(&ctx, "mattermost", list, query)
        .await
    {
        Ok(choices) => {
            let lines = choices
                .iter()
                .map(|choice| format!("{}: {}", choice.value, choice.label));
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("{} {error}", error.code()),
    }
}

#[tokio::test]
async fn teams_and_channels_to_choose_from() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(options(&stage, "teams", &[]).await, @"
    engineering: Engineering
    ldap-team: LDAP Team
    sales: Sales
    ");
    insta::assert_snapshot!(options(&stage, "channels", &[("team", "engineering")]).await, @"
    backend: Backend
    off-topic: Off-Topic
    town-square: Town Square
    ");
    insta::assert_snapshot!(options(&stage, "channels", &[]).await, @"invalid_input The channels of which team? Add team to the query: its name, as it stands in its URL.");
    insta::assert_snapshot!(options(&stage, "channels", &[("team", "nonsense")]).await, @"not_found Mattermost has no team nonsense, by the name in its URL, or the credential of this connection may not see it. The teams are: engineering, ldap-team, sales.");
    insta::assert_snapshot!(options(&stage, "users", &[]).await, @"not_found Mattermost has no list of options users; it has teams, channels.");
    assert_eq!(stage.writes(), []);
}

#[tokio::test]
async fn a_place_that_mattermost_does_not_take_back() {
    let input = json!({"username": "katherine", "email": "katherine@example.com", "teamName": "engineering"});
    let mut lines = Vec::new();
    for id in [
        "api.team.remove_member.group_constrained.app_error",
        "api.team.remove_user_from_team.missing.app_error",
    ] {
        let stage = Stage::new().await;
        let mut made = stage.run(CREATE_USER, input.clone()).await.made;
        made.retain(|of| of.kind == "team membership");
        let refusal = json!({"id": id, "message": "Words of Mattermost.", "status_code": 400});
        stage.wire.answer("DELETE", "/teams/", 400, refusal);
        lines.push(undo(&stage, CREATE_USER, made).await);
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    stays: team membership engineering/katherine: The members of the team engineering come from groups that Mattermost synchronises, so katherine stays in it. Take the person out of the group instead.
    stays: team membership engineering/katherine: katherine is not in the team engineering any more.
    ");
}

/// Joining a team usually joins this channel; where that failed, a run has done it.
#[tokio::test]
async fn nobody_is_taken_out_of_town_square() {
    let stage = Stage::new().await;
    let input = json!({"username": "katherine", "email": "katherine@example.com", "teamName": "engineering"});
    let user = stage.run(CREATE_USER, input).await.output()["userId"].clone();
    let channels = team(&stage, "engineering")["channels"].clone();
    let mut channels = channels.as_array().unwrap().iter();
    let town_square = channels
        .find(|channel| channel["name"] == "town-square")
        .unwrap();
    let made = Made {
        kind: "channel membership".into(),
        key: "engineering/town-square/katherine".into(),
        id: format!(
            "{}/{}",
            town_square["id"].as_str().unwrap(),
            user.as_str().unwrap()
        ),
    };
    insta::assert_snapshot!(undo(&stage, CREATE_USER, vec![made]).await, @"stays: channel membership engineering/town-square/katherine: Everybody in the team is in town-square; who leaves the team leaves it too.");
}
