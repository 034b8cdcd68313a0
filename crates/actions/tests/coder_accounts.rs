//! `coder:create-user`, `coder:suspend-user`, `coder:delete-workspace`, and what their undo takes back.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sidestage_action::UndoOutput;
use support::{Ended, Stage};

const CREATE: &str = "coder:create-user";
const SUSPEND: &str = "coder:suspend-user";
const DELETE: &str = "coder:delete-workspace";

fn katherine(differs: Value) -> Value {
    let mut input = json!({"username": "katherine", "email": "katherine@example.com"});
    input
        .as_object_mut()
        .unwrap()
        .extend(differs.as_object().unwrap().clone());
    input
}

async fn create(stage: &Stage, differs: Value) -> Ended {
    stage.run(CREATE, katherine(differs)).await
}

/// The fields at fault and the sentence.
fn refusal(stage: &Stage, ended: &Ended) -> String {
    let error = ended.error();
    let fields: Vec<&str> = error.fields().iter().map(|fault| &*fault.field).collect();
    stage.mask(&format!("{} {fields:?} {error}", error.code()))
}

fn user(stage: &Stage, name: &str) -> Value {
    let state = stage.state("coder");
    let users = state["users"].as_array().unwrap();
    let found = users.iter().find(|user| user["username"] == name);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_person_gets_an_account_in_every_organization_that_is_named() {
    let stage = Stage::new().await;
    let ended = create(
        &stage,
        json!({"name": "Katherine Johnson", "coderOrganizations": ["acme", "coder"]}),
    )
    .await;
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"userId":"<id>","username":"katherine","userUrl":"http://sandbox/coder/workspaces?filter=owner%3Akatherine","loginType":"oidc","coderOrganizations":["acme","coder"],"created":true}"#);
    insta::assert_snapshot!(stage.mask(&ended.transcript), @r#"
    intent: user katherine
    settled: {"result":"created","id":"<id>"}
    info: created the user katherine, who signs in by oidc
    intent: membership of organization coder/katherine
    settled: {"result":"created","id":"<id>/<id>"}
    info: katherine is in the organization coder now
    "#);
    let made = user(&stage, "katherine");
    assert_eq!(made["login_type"], "oidc");
    assert_eq!(made["organization_ids"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn without_one_it_is_the_default_organization() {
    let stage = Stage::new().await;
    let ended = create(&stage, json!({})).await;
    assert_eq!(ended.output()["coderOrganizations"], json!(["coder"]));
}

#[tokio::test]
async fn a_password_is_one_that_nobody_knows() {
    let stage = Stage::new().await;
    let ended = create(&stage, json!({"loginType": "password"})).await;
    ended.output();
    let sent = stage.wire.calls_of("POST", "/users")[0].body["password"].clone();
    let sent = sent.as_str().unwrap();
    assert!(sent.len() > 40);
    assert!(!ended.all_said().contains(sent));
}

#[tokio::test]
async fn refusals_say_what_to_do_and_nothing_is_made() {
    let cases = [
        json!({"username": "katherine.johnson"}),
        json!({"loginType": "github"}),
        json!({"coderOrganizations": ["acmee"]}),
        json!({"username": "ada", "email": "katherine@example.com"}),
        json!({"username": "kj", "email": "ada@example.com"}),
        json!({"username": "grace", "email": "grace@example.com", "loginType": "password"}),
        json!({"username": "suspended-sam", "email": "suspended-sam@example.com"}),
    ];
    let stage = Stage::new().await;
    let mut said = String::new();
    for differs in cases {
        said += &format!("{}\n", refusal(&stage, &create(&stage, differs).await));
    }
    insta::assert_snapshot!(said, @r#"
    invalid_input ["/username"] Coder refuses the username "katherine.johnson": it must be 1 to 32 characters, letters (a-z, A-Z) and digits, with single dashes between them.
    invalid_input ["/loginType"] Nobody can sign in to this Coder by github: it has oidc, password.
    invalid_input ["/coderOrganizations"] Coder has no organization acmee, or the credential of this connection may not see it. Did you mean acme?
    conflict [] The user ada exists and differs: email is ada@example.com, asked for katherine@example.com. If it is the same person, set the inputs to what is there (reactivate: true takes a suspended account back); if it is somebody else, choose another username.
    conflict [] The user kj exists and differs: username is ada, asked for kj. If it is the same person, set the inputs to what is there (reactivate: true takes a suspended account back); if it is somebody else, choose another username.
    conflict [] The user grace exists and differs: login type is oidc, asked for password. If it is the same person, set the inputs to what is there (reactivate: true takes a suspended account back); if it is somebody else, choose another username.
    conflict [] The user suspended-sam exists and differs: status is suspended, asked for active. If it is the same person, set the inputs to what is there (reactivate: true takes a suspended account back); if it is somebody else, choose another username.
    "#);
    assert_eq!(stage.writes(), []);
}

#[tokio::test]
async fn a_credential_that_may_not_make_accounts_is_told_so() {
    let stage = Stage::new().await;
    let said = json!({"message": "You are not authorized to create users."});
    stage.wire.answer("POST", "/api/v2/users", 403, said);
    let ended = create(&stage, json!({})).await;
    insta::assert_snapshot!(refusal(&stage, &ended), @"forbidden [] Coder (connection coder) does not allow this: You are not authorized to create users.");
}

#[tokio::test]
async fn a_suspended_account_is_activated_when_asked() {
    let stage = Stage::new().await;
    let sam = json!({
        "username": "suspended-sam", "email": "suspended-sam@example.com", "reactivate": true,
    });
    let ended = create(&stage, sam).await;
    assert_eq!(ended.output()["created"], false);
    assert_eq!(user(&stage, "suspended-sam")["status"], "active");
    undo(&stage, CREATE, &ended).await;
    assert_eq!(user(&stage, "suspended-sam")["status"], "suspended");
}

#[tokio::test]
async fn what_was_made_is_taken_back() {
    let stage = Stage::new().await;
    let ended = create(&stage, json!({"coderOrganizations": ["acme", "coder"]})).await;
    let undone = undo(&stage, CREATE, &ended).await;
    assert!(undone.kept.is_empty(), "{:?}", undone.kept);
    assert_eq!(user(&stage, "katherine"), Value::Null);
}

#[tokio::test]
async fn an_account_that_has_a_workspace_stays() {
    let stage = Stage::new().await;
    let ended = create(&stage, json!({})).await;
    let workspace = json!({
        "user": "katherine", "template": "node", "coderOrganization": "coder", "workspaceName": "dev",
    });
    stage
        .run("coder:create-workspace", workspace)
        .await
        .output();
    let undone = undo(&stage, CREATE, &ended).await;
    insta::assert_snapshot!(undone.kept[0].why, @"Coder (connection coder) refuses this (417): You cannot delete a user that has workspaces. Delete their workspaces and try again.");
}

#[tokio::test]
async fn what_people_have_used_since_is_not_deleted() {
    let stage = Stage::new().await;
    let account = create(&stage, json!({})).await;
    let workspace = json!({
        "user": "ada", "template": "node", "coderOrganization": "coder", "workspaceName": "dev",
    });
    let workspace = stage.run("coder:create-workspace", workspace).await;
    stage
        .wire
        .change("GET", "/users/ada/workspace/dev", |workspace| {
            workspace["last_used_at"] = "2126-01-01T00:00:00Z".into();
        });
    let undone = undo(&stage, "coder:create-workspace", &workspace).await;
    insta::assert_snapshot!(undone.kept[0].why, @"Somebody has worked in the workspace ada/dev since, so it is left as it is. Delete it in Coder, or by coder:delete-workspace, when it is no longer needed.");
    stage.wire.change("GET", "/api/v2/users/", |user| {
        if user["status"] == "dormant" {
            user["status"] = "active".into();
        }
    });
    let undone = undo(&stage, CREATE, &account).await;
    insta::assert_snapshot!(undone.kept[0].why, @"katherine has signed in to Coder since, so the account is not deleted: it is suspended. To use it again, run coder:create-user with reactivate.");
    assert_eq!(user(&stage, "katherine")["status"], "suspended");
    // Asked again, it stays so.
    let undone = undo(&stage, CREATE, &account).await;
    assert_eq!(undone.kept.len(), 1, "{undone:?}");
}

async fn undo(stage: &Stage, action: &str, ended: &Ended) -> UndoOutput {
    let undone = stage.undo(action, ended.made.clone(), false).await;
    serde_json::from_value(undone.output().clone()).unwrap()
}

#[tokio::test]
async fn somebody_who_leaves_is_suspended_and_can_be_taken_back() {
    let stage = Stage::new().await;
    let ended = stage
        .run(SUSPEND, json!({"user": "grace@example.com"}))
        .await;
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"found":true,"userId":"<id>","username":"grace","suspended":true}"#);
    assert_eq!(user(&stage, "grace")["status"], "suspended");
    let again = stage.run(SUSPEND, json!({"user": "grace"})).await;
    assert_eq!(again.output()["suspended"], false);
    undo(&stage, SUSPEND, &ended).await;
    assert_eq!(user(&stage, "grace")["status"], "active");
}

#[tokio::test]
async fn somebody_else_of_that_name_is_left_alone() {
    let stage = Stage::new().await;
    for (action, mut input) in [
        (SUSPEND, json!({})),
        (DELETE, json!({"workspaceName": "old-project"})),
    ] {
        input["user"] = "grace".into();
        input["email"] = "grace.hopper@example.com".into();
        let ended = stage.run(action, input.clone()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(&stage, &ended), @"conflict [] In Coder the user grace has another address than grace.hopper@example.com. Check both, or leave out email if it is this user.");
        }
        input["user"] = "g-hopper".into();
        input["email"] = "grace@example.com".into();
        let ended = stage.run(action, input.clone()).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refusal(&stage, &ended), @"conflict [] In Coder grace@example.com is the address of grace, not of g-hopper. Check both, or leave out email if it is this user.");
        }
        // Nobody of either is nobody.
        input["email"] = "g-hopper@example.com".into();
        stage.run(action, input).await.output();
    }
    assert_eq!(stage.writes(), []);
}

#[tokio::test]
async fn nobody_to_suspend_is_a_warning() {
    let stage = Stage::new().await;
    let ended = stage.run(SUSPEND, json!({"user": "nobody"})).await;
    assert_eq!(ended.output()["found"], false);
    insta::assert_snapshot!(ended.transcript, @"warn: Coder has no user nobody, or the credential of this connection may not see it: nothing to suspend");
}

#[tokio::test]
async fn coder_suspends_nobody_who_suspends() {
    let stage = Stage::new().await;
    let ended = stage.run(SUSPEND, json!({"user": "admin"})).await;
    insta::assert_snapshot!(refusal(&stage, &ended), @"invalid_input [] Coder (connection coder) refuses this (400): You cannot suspend yourself.");
}

#[tokio::test]
async fn a_workspace_is_deleted_and_its_log_is_shown() {
    let stage = Stage::new().await;
    let input = json!({"user": "grace", "workspaceName": "old-project"});
    let ended = stage.run(DELETE, input.clone()).await;
    assert_eq!(ended.output()["deleted"], true);
    insta::assert_snapshot!(stage.mask(&ended.transcript), @r#"
    intent: deletion of workspace grace/old-project
    settled: {"result":"created","id":"grace/old-project"}
    info: Coder: Setting up
    info: Coder: Detecting persistent resources
    info: Terraform 1.13.4
    debug: data.coder_workspace.me: Refreshing...
    info: Coder: Deleting workspace
    info: coder_agent.main: Destroying...
    info: docker_container.workspace[0]: Destroying...
    info: Apply complete! Resources: 3 added, 0 changed, 0 destroyed.
    info: Coder: Cleaning Up
    info: build 2 has succeeded: the workspace's resources are gone
    "#);
    let again = stage.run(DELETE, input).await;
    assert_eq!(again.output()["deleted"], false);
    insta::assert_snapshot!(again.transcript, @"info: there is no workspace grace/old-project: nothing to delete");
    let undone = undo(&stage, DELETE, &ended).await;
    insta::assert_snapshot!(undone.kept[0].why, @"What was deleted cannot be brought back; a new workspace of that name can be made.");
}

#[tokio::test]
async fn a_deletion_that_fails_says_where_to_look_and_goes_on_the_next_time() {
    let stage = Stage::new().await;
    let input = json!({"user": "grace", "workspaceName": "old-project"});
    let error = "destroy: volume is in use".into();
    stage.next_builds(sidestage_sandbox::BuildBehaviour::Fail { error }, 1);
    let failed = stage.run(DELETE, input.clone()).await;
    insta::assert_snapshot!(refusal(&stage, &failed), @"upstream_rejected [] Build 2 of grace/old-project failed: destroy: volume is in use. The workspace remains, perhaps in parts: running the step again goes on deleting it. Coder's log: http://sandbox/coder/@grace/old-project/builds/2");
    stage.run(DELETE, input).await.output();
}

#[tokio::test]
async fn the_lists_for_forms_hold_what_can_be_chosen() {
    let stage = Stage::new().await;
    let list = async |list: &str, filter: &[(&str, &str)]| {
        let (_, _, ctx) = sidestage_action::testing::context(true);
        let filter = filter
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let choices = stage
            .registry
            .options(&ctx, "coder", list, filter.collect())
            .await;
        match choices {
            Ok(choices) => choices
                .iter()
                .map(|one| format!("{}={}", one.value, one.label))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        }
    };
    insta::assert_snapshot!(list("organizations", &[]).await, @"coder=coder acme=acme");
    insta::assert_snapshot!(list("templates", &[("coderOrganization", "acme")]).await, @"node=node");
    insta::assert_snapshot!(list("workspaces", &[("user", "grace")]).await, @"old-project=old-project");
    insta::assert_snapshot!(list("workspaces", &[("user", "grace name:x")]).await, @"");
    insta::assert_snapshot!(list("workspaces", &[]).await, @"The workspaces of whom? Add user to the query: a user name in Coder.");
    insta::assert_snapshot!(list("presets", &[]).await, @"Coder has no list of options presets; it has organizations, templates, workspaces.");
}

#[tokio::test]
async fn a_deletion_that_somebody_elses_build_is_in_the_way_of() {
    let stage = Stage::new().await;
    stage.wire.answer(
        "POST",
        "/builds",
        409,
        json!({"message": "A workspace build is already active."}),
    );
    let ended = stage
        .run(
            DELETE,
            json!({"user": "grace", "workspaceName": "old-project"}),
        )
        .await;
    insta::assert_snapshot!(refusal(&stage, &ended), @"conflict [] Coder (connection coder) refuses this: A workspace build is already active.");
}

#[tokio::test]
async fn an_account_that_coder_refuses() {
    let mut lines = Vec::new();
    for (status, message) in [
        (400, "You must configure OIDC before creating OIDC users."),
        (409, "User already exists."),
    ] {
        let stage = Stage::new().await;
        stage.wire.answer(
            "POST",
            "/api/v2/users",
            status,
            json!({ "message": message }),
        );
        lines.push(refusal(&stage, &create(&stage, json!({})).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    invalid_input [] Coder (connection coder) refuses this (400): You must configure OIDC before creating OIDC users.
    conflict [] Coder (connection coder) refuses this: User already exists.
    ");
}

#[tokio::test]
async fn an_organization_that_does_not_take_the_account() {
    let refusals = [
        json!({"message": "User is already an organization member"}),
        json!({
            "message": "Organization sync is enabled for OIDC users, meaning manual organization assignment is not allowed for this user. Have the user re-login to refresh their organizations.",
            "detail": "User katherine is an OIDC user and organization sync is enabled. Ask an administrator to resolve the membership in your external IDP.",
        }),
    ];
    let mut lines = Vec::new();
    for body in refusals {
        let stage = Stage::new().await;
        stage.wire.answer("POST", "/members/", 400, body);
        let ended = create(&stage, json!({"coderOrganizations": ["acme", "coder"]})).await;
        lines.push(refusal(&stage, &ended));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    conflict [] The user is a member already. What this run had made remains: user katherine. Running the step again continues from there.
    invalid_input [] Coder (connection coder) refuses this (400): Organization sync is enabled for OIDC users, meaning manual organization assignment is not allowed for this user. Have the user re-login to refresh their organizations: User katherine is an OIDC user and organization sync is enabled. Ask an administrator to resolve the membership in your external IDP. What this run had made remains: user katherine. Running the step again continues from there.
    ");
}
