//! `gitea:add-to-team`, `gitea:create-repository`, `gitea:deactivate-user`, taking back, and choices for forms.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidestage_action::{Made, testing::context};
use support::{Ended, Stage};

const ADD_TO_TEAM: &str = "gitea:add-to-team";
const CREATE_REPOSITORY: &str = "gitea:create-repository";
const CREATE_USER: &str = "gitea:create-user";
const FIND_REPOSITORY: &str = "gitea:find-repository";
const DEACTIVATE: &str = "gitea:deactivate-user";

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, action: &str, input: Value) -> String {
    let before = stage.writes().len();
    let ended = stage.run(action, input).await;
    assert_eq!(stage.writes().len(), before, "{:?}", ended.result);
    support::said(&ended)
}

/// Something that Gitea has, by a list of it and its name.
fn named(stage: &Stage, list: &str, field: &str, name: &str) -> Value {
    let state = stage.state("gitea");
    let mut all = state[list].as_array().unwrap().iter();
    all.find(|one| one[field] == name)
        .cloned()
        .unwrap_or_default()
}

fn members(stage: &Stage, team: usize) -> Value {
    named(stage, "organizations", "name", "acme")["teams"][team]["members"].clone()
}

fn may_sign_in(stage: &Stage, username: &str) -> bool {
    named(stage, "users", "username", username)["prohibitLogin"] == false
}

// ---- teams ---------------------------------------------------------------------------------------

fn place(team: &str) -> Value {
    json!({"username": "grace", "giteaOrganization": "acme", "team": team})
}

#[tokio::test]
async fn a_place_in_a_team_is_one_in_the_organization() {
    let stage = Stage::new().await;
    let ended = stage.run(ADD_TO_TEAM, place("developers")).await;
    insta::assert_snapshot!(ended.log(), @"info: grace is in the team developers of acme now");
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"username":"grace","giteaOrganization":"acme","organizationUrl":"http://sandbox/gitea/acme","teamId":2,"team":"developers","added":true}"#);
    assert_eq!(members(&stage, 1), json!(["ada", "grace"]));
    let again = json!({"username": "GRACE", "giteaOrganization": "Acme", "team": "Developers"});
    let again = stage.run(ADD_TO_TEAM, again).await;
    assert_eq!(
        (&again.output()["added"], &again.output()["team"]),
        (&json!(false), &json!("developers"))
    );
    insta::assert_snapshot!(again.log(), @"info: grace is in the team developers of acme already");
    let by_id = stage.run(ADD_TO_TEAM, place("3")).await;
    assert_eq!(by_id.output()["team"], "readers");
}

#[tokio::test]
async fn a_team_that_is_not_there_or_not_for_everybody() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, place("developer")).await, @"not_found [/team] The organization acme in Gitea has no team developer. Did you mean developers?");
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, place("marketing")).await, @"not_found [/team] The organization acme in Gitea has no team marketing. Its teams are: developers, readers.");
    // The ids of teams count through the whole of Gitea: 5 is one of globex.
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, place("5")).await, @"not_found [/team] The organization acme in Gitea has no team 5. Its teams are: developers, readers.");
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, place("owners")).await, @"invalid_input [/team] Owners is the team of those who own the organization acme in Gitea: they can delete it with all of its repositories. Name another team; an owner is made in Gitea itself.");
    let nowhere =
        json!({"username": "grace", "giteaOrganization": "Acme Corporation", "team": "developers"});
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, nowhere).await, @"not_found [/giteaOrganization] Gitea has no organization Acme Corporation, by the name in its URL. Did you mean acme?");
    let nobody = json!({"username": "nobody", "giteaOrganization": "acme", "team": "developers"});
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, nobody).await, @"not_found [/username] Gitea has no account nobody. Check how it is written, or make the account first.");
    let shut_out = json!({"username": "linus", "giteaOrganization": "acme", "team": "developers"});
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, shut_out).await, @"conflict [] The account linus in Gitea may not sign in, or is not activated. Let the person in again first (gitea:create-user with reactivate).");
    let no_person =
        json!({"username": "globex", "giteaOrganization": "acme", "team": "developers"});
    insta::assert_snapshot!(refused(&stage, ADD_TO_TEAM, no_person).await, @"invalid_input [/username] globex is an organization in Gitea. Give the name of an account as username.");
    let blocked = json!({"username": "ada", "giteaOrganization": "globex", "team": "contractors"});
    insta::assert_snapshot!(support::said(&stage.run(ADD_TO_TEAM, blocked).await), @"upstream_rejected [] The organization globex in Gitea has blocked the account ada. One of its owners has to unblock it first.");
}

// ---- repositories --------------------------------------------------------------------------------

#[tokio::test]
async fn a_repository_of_somebodys_own() {
    let stage = Stage::new().await;
    let input = json!({"username": "Grace", "repositoryName": "first-steps", "description": "Where Grace begins"});
    let ended = stage.run(CREATE_REPOSITORY, input.clone()).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"info: made the repository grace/first-steps: http://sandbox/gitea/grace/first-steps");
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"repositoryId":101,"owner":"grace","repositoryName":"first-steps","repositoryUrl":"http://sandbox/gitea/grace/first-steps","cloneUrl":"http://sandbox/gitea/grace/first-steps.git","sshUrl":"git@localhost:grace/first-steps.git","repoContentsUrl":"http://sandbox/gitea/grace/first-steps/src/branch/main/","defaultBranch":"main","private":true,"created":true}"#);
    let made = named(&stage, "repositories", "name", "first-steps");
    assert_eq!(
        (&made["private"], &made["branches"]),
        (&json!(true), &json!(["main"]))
    );
    let again = stage.run(CREATE_REPOSITORY, input).await;
    assert_eq!(again.output()["created"], false);
    insta::assert_snapshot!(again.log(), @"info: the repository grace/first-steps is there already");
}

#[tokio::test]
async fn a_repository_of_an_organization() {
    let stage = Stage::new().await;
    let input = json!({
        "giteaOrganization": "acme", "repositoryName": "website", "private": false, "autoInit": false,
        "defaultBranch": "trunk",
    });
    let output = stage.run(CREATE_REPOSITORY, input).await.output().clone();
    assert_eq!(
        (&output["owner"], &output["defaultBranch"]),
        (&json!("acme"), &json!("trunk"))
    );
    let made = named(&stage, "repositories", "name", "website");
    assert_eq!(
        (&made["private"], &made["branches"]),
        (&json!(false), &json!([]))
    );
}

#[tokio::test]
async fn a_repository_that_is_there_is_used_only_if_it_is_what_was_asked_for() {
    let stage = Stage::new().await;
    let handbook = |more: Value| {
        let mut input = json!({"giteaOrganization": "acme", "repositoryName": "Handbook"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let adopted = stage.run(CREATE_REPOSITORY, handbook(json!({}))).await;
    assert_eq!(
        (&adopted.output()["created"], &adopted.output()["private"]),
        (&json!(false), &json!(false))
    );
    let other = json!({"private": true, "defaultBranch": "trunk", "description": "Else"});
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, handbook(other)).await, @"conflict [] The repository acme/handbook exists and differs: visibility is public, asked for private; defaultBranch is main, asked for trunk; description is How we work, asked for Else. Choose another repositoryName, change the repository in Gitea, or leave out what differs to use it as it is.");
}

#[tokio::test]
async fn a_repository_that_gitea_would_not_take() {
    let stage = Stage::new().await;
    let named = |name: &str| json!({"username": "grace", "repositoryName": name});
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, named("my repo")).await, @r#"invalid_input [/repositoryName] Gitea cannot take the repositoryName "my repo": it must have 1 to 100 letters, digits, dots, dashes and underscores, with no two dots in a row."#);
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, named("a..b")).await, @r#"invalid_input [/repositoryName] Gitea cannot take the repositoryName "a..b": it must have 1 to 100 letters, digits, dots, dashes and underscores, with no two dots in a row."#);
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, named("notes.wiki")).await, @"invalid_input [/repositoryName] Gitea keeps the name notes.wiki for itself, as all that end in .wiki, .git, .rss, .atom; choose another repositoryName.");
    let nobodys = json!({"repositoryName": "first"});
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, nobodys).await, @"invalid_input [/username] Whose repository? Give either username, for a person's own, or giteaOrganization.");
    let two = json!({"username": "grace", "giteaOrganization": "acme", "repositoryName": "first"});
    assert!(
        refused(&stage, CREATE_REPOSITORY, two)
            .await
            .starts_with("invalid_input [/username] Whose repository?")
    );
    let organization = json!({"username": "acme", "repositoryName": "first"});
    insta::assert_snapshot!(refused(&stage, CREATE_REPOSITORY, organization).await, @"invalid_input [/username] acme is an organization in Gitea. Give the name of an account as username.");
    let branch = json!({"username": "grace", "repositoryName": "first", "defaultBranch": "a..b"});
    insta::assert_snapshot!(support::said(&stage.run(CREATE_REPOSITORY, branch).await), @"invalid_input [/defaultBranch] Gitea refuses the defaultBranch of first: it must be a name that git takes for a branch, at most 100 characters.");
}

#[tokio::test]
async fn a_repository_is_looked_for_and_where_it_would_be_is_said() {
    let stage = Stage::new().await;
    let looked = async |input: Value| {
        let ended = stage.run(FIND_REPOSITORY, input).await;
        let url = ended.output()["repositoryUrl"].as_str().unwrap().to_owned();
        let host = url.split('/').nth(2).unwrap();
        let text = format!("{}\n{}", ended.log(), ended.output());
        stage.mask(&text).replace(host, "sandbox")
    };
    let input = json!({"giteaOrganization": "Acme", "repositoryName": "website"});
    insta::assert_snapshot!(looked(input).await, @r#"
    info: there is no repository acme/website yet
    {"found":false,"empty":false,"owner":"acme","repositoryName":"website","repositoryUrl":"http://sandbox/gitea/acme/website","repoUrl":"sandbox?owner=acme&repo=website"}
    "#);
    let input = json!({"giteaOrganization": "acme", "repositoryName": "Handbook"});
    insta::assert_snapshot!(looked(input).await, @r#"
    info: the repository acme/handbook is there
    {"found":true,"empty":false,"owner":"acme","repositoryName":"handbook","repositoryUrl":"http://sandbox/gitea/acme/handbook","repoUrl":"sandbox?owner=acme&repo=handbook"}
    "#);
    let input = json!({"username": "ada", "repositoryName": "notes"});
    insta::assert_snapshot!(looked(input).await, @r#"
    info: the repository ada/notes is there, and empty
    {"found":true,"empty":true,"owner":"ada","repositoryName":"notes","repositoryUrl":"http://sandbox/gitea/ada/notes","repoUrl":"sandbox?owner=ada&repo=notes"}
    "#);
    assert_eq!(stage.writes(), []);
    let nobodys = json!({"repositoryName": "notes"});
    insta::assert_snapshot!(refused(&stage, FIND_REPOSITORY, nobodys).await, @"invalid_input [/username] Whose repository? Give either username, for a person's own, or giteaOrganization.");
}

// ---- who leaves ----------------------------------------------------------------------------------

#[tokio::test]
async fn who_leaves_is_shut_out_and_nothing_is_deleted() {
    let stage = Stage::new().await;
    // Both ways to sign in: what Gitea calls a person who signs in by password is nothing, and it takes no nothing.
    for (name, by) in [
        ("grace", json!({"username": "grace"})),
        ("ada", json!({"email": "ADA@example.com"})),
    ] {
        let ended = stage.run(DEACTIVATE, by.clone()).await;
        assert_eq!(
            ended.log(),
            format!("info: the account {name} may no longer sign in")
        );
        assert_eq!(
            (&ended.output()["found"], &ended.output()["deactivated"]),
            (&json!(true), &json!(true))
        );
        assert!(!may_sign_in(&stage, name));
        let again = stage.run(DEACTIVATE, by).await;
        assert_eq!(again.output()["deactivated"], false);
    }
    assert_eq!(members(&stage, 1), json!(["ada"]), "their place stays");
    assert_eq!(
        named(&stage, "repositories", "name", "notes")["owner"],
        "ada"
    );
    assert_eq!(named(&stage, "users", "username", "grace")["sourceId"], 1);
    let writes = stage.writes();
    assert!(
        writes.iter().all(|call| call.method == "PATCH"),
        "{writes:?}"
    );
}

#[tokio::test]
async fn who_is_not_there_needs_no_shutting_out() {
    let stage = Stage::new().await;
    let ended = stage
        .run(
            DEACTIVATE,
            json!({"username": "nobody", "email": "nobody@example.com"}),
        )
        .await;
    insta::assert_snapshot!(ended.output(), @r#"{"found":false,"username":"nobody","deactivated":false}"#);
    insta::assert_snapshot!(ended.log(), @"warn: Gitea has no account nobody, so there is nothing to do");
}

#[tokio::test]
async fn nobody_is_shut_out_by_mistake() {
    let stage = Stage::new().await;
    let both = |username: &str, email: &str| json!({"username": username, "email": email});
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({})).await, @"invalid_input [/username] Whose account? Give username, email, or both.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, both("grace", "ada@example.com")).await, @"conflict [] In Gitea ada@example.com is the address of the account ada, not of grace. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, both("grace", "hopper@example.com")).await, @"conflict [] The account grace in Gitea does not have the address hopper@example.com. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, both("ghopper", "grace@example.com")).await, @"conflict [] In Gitea grace@example.com is the address of the account grace, and there is no ghopper. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "sidestage"})).await, @"conflict [] The account sidestage is the one whose token this connection has; Sidestage could not do anything any more. It is left as it is.");
    insta::assert_snapshot!(refused(&stage, DEACTIVATE, json!({"username": "acme"})).await, @"invalid_input [/username] acme is an organization in Gitea. Give the name of an account as username.");
    // Others whose addresses only begin like it are not it.
    let ended = stage
        .run(DEACTIVATE, json!({"email": "grace@example.co"}))
        .await;
    assert_eq!(ended.output()["found"], false);
}

// ---- taking back ---------------------------------------------------------------------------------

/// What an undo says: what is gone, and why what stays does.
fn undone(ended: &Ended) -> String {
    let output = ended.output();
    let gone = output["undone"].as_array().unwrap().iter();
    let gone = gone.map(|made| {
        format!(
            "gone: {} {}",
            made["kind"].as_str().unwrap(),
            made["key"].as_str().unwrap()
        )
    });
    let kept = output["kept"].as_array().unwrap().iter();
    let kept = kept.map(|kept| format!("stays: {}", kept["why"].as_str().unwrap()));
    gone.chain(kept).collect::<Vec<_>>().join("\n")
}

async fn made(stage: &Stage, action: &str, input: Value) -> Vec<Made> {
    let ended = stage.run(action, input).await;
    ended.output();
    ended.made
}

#[tokio::test]
async fn an_account_that_nobody_used_is_deleted_and_any_other_shut_out() {
    let stage = Stage::new().await;
    let katherine = || json!({"username": "katherine", "email": "katherine@example.com"});
    let first = made(&stage, CREATE_USER, katherine()).await;
    insta::assert_snapshot!(undone(&stage.undo(CREATE_USER, first, false).await), @"gone: account katherine");
    assert_eq!(named(&stage, "users", "username", "katherine"), Value::Null);

    let second = made(&stage, CREATE_USER, katherine()).await;
    let repository = json!({"username": "katherine", "repositoryName": "own"});
    stage.run(CREATE_REPOSITORY, repository).await.output();
    let said = undone(&stage.undo(CREATE_USER, second, false).await);
    insta::assert_snapshot!(said, @"stays: The account katherine in Gitea has been used since, or has repositories or a place in an organization, so it is not deleted: it may no longer sign in. To use it again, run gitea:create-user with reactivate.");
    assert!(!may_sign_in(&stage, "katherine"));

    let mary = made(
        &stage,
        CREATE_USER,
        json!({"username": "mary", "email": "mary@example.com"}),
    )
    .await;
    stage
        .sandbox()
        .gitea()
        .change_user("mary", |user| user.last_login = user.created);
    assert!(
        undone(&stage.undo(CREATE_USER, mary, false).await)
            .starts_with("stays: The account mary in Gitea has been used")
    );
    let purges = stage.wire.calls_of("DELETE", "purge");
    assert_eq!(purges, []);
}

#[tokio::test]
async fn a_name_that_somebody_else_has_taken_since_is_left_alone() {
    let stage = Stage::new().await;
    let katherine = json!({"username": "katherine", "email": "katherine@example.com"});
    let first = made(&stage, CREATE_USER, katherine.clone()).await;
    stage.sandbox().gitea().rename_user("katherine", "kj");
    let other = json!({"username": "katherine", "email": "other@example.com"});
    stage.run(CREATE_USER, other).await.output();
    let writes = stage.writes().len();
    stage.undo(CREATE_USER, first, false).await.output();
    assert_eq!(stage.writes().len(), writes);
}

#[tokio::test]
async fn places_come_back_and_so_do_people() {
    let stage = Stage::new().await;
    let joined = made(&stage, ADD_TO_TEAM, place("developers")).await;
    insta::assert_snapshot!(undone(&stage.undo(ADD_TO_TEAM, joined, false).await), @"gone: team membership acme/developers/grace");
    assert_eq!(members(&stage, 1), json!(["ada"]));
    let left = made(&stage, DEACTIVATE, json!({"username": "grace"})).await;
    insta::assert_snapshot!(undone(&stage.undo(DEACTIVATE, left, false).await), @"gone: deactivation grace");
    assert!(may_sign_in(&stage, "grace"));
    let back = json!({"username": "linus", "email": "linus@example.com", "reactivate": true});
    let back = made(&stage, CREATE_USER, back).await;
    insta::assert_snapshot!(undone(&stage.undo(CREATE_USER, back, false).await), @"gone: activation linus");
    assert!(!may_sign_in(&stage, "linus"));
}

#[tokio::test]
async fn a_repository_that_was_worked_in_stays() {
    let stage = Stage::new().await;
    for (name, init) in [("begun", true), ("empty", false)] {
        let input = json!({"username": "grace", "repositoryName": name, "autoInit": init});
        let first = made(&stage, CREATE_REPOSITORY, input.clone()).await;
        let said = undone(&stage.undo(CREATE_REPOSITORY, first, false).await);
        assert_eq!(said, format!("gone: repository grace/{name}"));
        assert_eq!(named(&stage, "repositories", "name", name), Value::Null);
    }
    let worked_in = |what: &'static str, value: Value| {
        move |repository: &mut Value| {
            repository[what] = value.clone();
        }
    };
    for (what, value) in [("branch_count", json!(2)), ("open_issues_count", json!(1))] {
        let stage = Stage::new().await;
        let input = json!({"username": "grace", "repositoryName": "begun"});
        let first = made(&stage, CREATE_REPOSITORY, input).await;
        stage
            .wire
            .change("GET", "/repos/grace/begun", worked_in(what, value));
        let said = undone(&stage.undo(CREATE_REPOSITORY, first, false).await);
        insta::allow_duplicates! { insta::assert_snapshot!(said, @"stays: People have worked in the repository grace/begun since, so it is left as it is. Delete it in Gitea when it is no longer needed.") }
    }
    let input = json!({"username": "grace", "repositoryName": "begun"});
    let first = made(&stage, CREATE_REPOSITORY, input).await;
    let pushed =
        json!([{"commit": {"message": "more"}}, {"commit": {"message": "Initial commit"}}]);
    stage.wire.answer("GET", "/commits", 200, pushed);
    let said = undone(&stage.undo(CREATE_REPOSITORY, first, false).await);
    assert!(said.starts_with("stays: People have worked"), "{said}");
}

// ---- choices for forms ---------------------------------------------------------------------------

async fn options(stage: &Stage, list: &str, query: &[(&str, &str)]) -> String {
    let (_, _, ctx) = context(false);
    let query: BTreeMap<String, String> = query
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let found = stage.registry.options(&ctx, "gitea", list, query).await;
    match found {
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
async fn forms_offer_what_people_can_be_added_to() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(options(&stage, "organizations", &[]).await, @"
    acme: Acme Corporation
    globex: globex
    ");
    insta::assert_snapshot!(options(&stage, "teams", &[("giteaOrganization", "acme")]).await, @"
    developers: developers
    readers: readers
    ");
    insta::assert_snapshot!(options(&stage, "teams", &[]).await, @"invalid_input The teams of which organization? Add giteaOrganization to the query: its name, as it stands in its URL.");
    insta::assert_snapshot!(options(&stage, "teams", &[("giteaOrganization", "nonsense")]).await, @"not_found Gitea has no organization nonsense, by the name in its URL. The organizations are: acme, globex.");
    // A server may give less at once than it is asked for.
    stage
        .sandbox()
        .gitea()
        .configure(|settings| settings.max_response_items = 1);
    insta::assert_snapshot!(options(&stage, "organizations", &[]).await, @"
    acme: Acme Corporation
    globex: globex
    ");
}

#[tokio::test]
async fn an_account_that_gitea_does_not_delete() {
    let katherine = json!({"username": "katherine", "email": "katherine@example.com"});
    let stage = Stage::new().await;
    let first = made(&stage, CREATE_USER, katherine.clone()).await;
    let place = json!({"username": "katherine", "giteaOrganization": "acme", "team": "developers"});
    stage.run(ADD_TO_TEAM, place).await.output();
    let said = undone(&stage.undo(CREATE_USER, first, false).await);
    assert!(
        said.contains("or has repositories or a place in an organization"),
        "{said}"
    );
    assert!(!may_sign_in(&stage, "katherine"));

    let mut lines = Vec::new();
    for (status, message) in [
        (422, "user still has ownership of packages [uid: 101]"),
        (422, "can not delete the last admin user [uid: 101]"),
        (404, "user does not exist [uid: 0, name: katherine]"),
    ] {
        let stage = Stage::new().await;
        let first = made(&stage, CREATE_USER, katherine.clone()).await;
        let refusal = json!({ "message": message, "url": "http://localhost:3000/api/swagger" });
        stage.wire.answer("DELETE", "/admin/users", status, refusal);
        let said = undone(&stage.undo(CREATE_USER, first, false).await);
        lines.push(format!("{status} {message}\n    {said}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    422 user still has ownership of packages [uid: 101]
        stays: The account katherine in Gitea has been used since, or has repositories or a place in an organization, so it is not deleted: it may no longer sign in. To use it again, run gitea:create-user with reactivate.
    422 can not delete the last admin user [uid: 101]
        stays: Gitea refuses the account katherine: can not delete the last admin user [uid: 101].
    404 user does not exist [uid: 0, name: katherine]
        stays: Gitea has no account katherine any more.
    ");
}
