//! `coder:create-workspace`, sentence by sentence.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sidestage_action::Code;
use sidestage_actions::ConnectionConfig;
use sidestage_sandbox::BuildBehaviour;
use support::{Ended, Stage, wire::Fault};

const ACTION: &str = "coder:create-workspace";

/// The input of these tests, with more or other fields; null takes one away.
fn input(more: Value) -> Value {
    let mut input = json!({
        "user": "ada", "template": "node", "coderOrganization": "coder", "workspaceName": "dev",
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    input
}

async fn run(stage: &Stage, more: Value) -> Ended {
    stage.run(ACTION, input(more)).await
}

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, more: Value) -> String {
    let before = stage.writes().len();
    let ended = run(stage, more).await;
    let error = ended.error();
    assert_eq!(
        stage.writes().len(),
        before,
        "nothing is changed before the refusal: {error}"
    );
    let fields: Vec<&str> = error.fields().iter().map(|fault| &*fault.field).collect();
    format!("{} [{}] {error}", error.code(), fields.join(" "))
}

/// A call of somebody else's to the sandbox, past the wire.
async fn call(stage: &Stage, method: &str, path: &str, body: Value) -> Value {
    let coder = stage.somebody_else("coder");
    let request = coder.request(method.parse().unwrap(), path, &[]);
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    request
        .send()
        .await
        .unwrap_or_else(|error| panic!("{error}"))
        .json()
        .unwrap()
}

async fn workspace(stage: &Stage) -> Value {
    call(stage, "GET", "/api/v2/users/ada/workspace/dev", Value::Null).await
}

/// Somebody starts, stops or deletes the workspace.
async fn transition(stage: &Stage, to: &str) {
    let id = workspace(stage).await["id"].as_str().unwrap().to_owned();
    call(
        stage,
        "POST",
        &format!("/api/v2/workspaces/{id}/builds"),
        json!({ "transition": to }),
    )
    .await;
}

// ---- what it takes -------------------------------------------------------------------------------

#[tokio::test]
async fn a_template_is_named_by_its_name_or_its_id() {
    let stage = Stage::new().await;
    let id = call(
        &stage,
        "GET",
        "/api/v2/organizations/default/templates/node",
        Value::Null,
    )
    .await["id"]
        .clone();
    assert_eq!(run(&stage, json!({})).await.output()["created"], true);
    for same in [
        json!({"template": id}),
        json!({"template": null, "templateId": id}),
        json!({"templateId": "node"}),
        json!({"coderOrganization": "default"}),
        json!({"template": id, "coderOrganization": "default"}),
        json!({"template": id, "coderOrganization": null}),
    ] {
        let mut input = input(same.clone());
        input
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        let ended = stage.run(ACTION, input).await;
        assert_eq!(ended.output()["created"], false, "{same}");
    }
    insta::assert_snapshot!(refused(&stage, json!({"templateId": "python"})).await, @"invalid_input [/templateId] template and templateId name two templates; give one of both.");
}

#[tokio::test]
async fn a_user_is_named_by_name_id_or_email() {
    let stage = Stage::new().await;
    let ada = call(&stage, "GET", "/api/v2/users/ada", Value::Null).await;
    assert_eq!(run(&stage, json!({})).await.output()["ownerName"], "ada");
    for user in [
        ada["id"].as_str().unwrap(),
        ada["email"].as_str().unwrap(),
        "ADA",
    ] {
        assert_eq!(
            run(&stage, json!({ "user": user })).await.output()["created"],
            false,
            "{user}"
        );
    }
}

#[tokio::test]
async fn an_email_address_must_be_exactly_that() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"user": "da@example.com"})).await, @"not_found [/user] Coder has no user da@example.com, or the credential of this connection may not see it. A person becomes a user of Coder by signing in there once; names in Coder have letters, digits and dashes only.");
}

#[tokio::test]
async fn values_are_sent_as_the_strings_that_coder_wants() {
    let stage = Stage::new().await;
    run(&stage, json!({"parameters": {"cpu": 4, "region": "us"}, "ttl": "1h 30m", "autostart": "30 8 * * 1-5"})).await.output();
    let sent = &stage.wire.calls_of("POST", "/workspaces")[0].body;
    assert_eq!(sent["name"], "dev");
    assert_eq!(
        sent["rich_parameter_values"],
        json!([{"name": "cpu", "value": "4"}, {"name": "region", "value": "us"}])
    );
    assert_eq!(sent["ttl_ms"], 90 * 60 * 1000);
    assert_eq!(sent["autostart_schedule"], "30 8 * * 1-5");
}

// ---- what it refuses before anything is created --------------------------------------------------

#[tokio::test]
async fn a_name_that_coder_would_refuse() {
    let stage = Stage::new().await;
    for name in [
        "my_app",
        "my.app",
        "-app",
        "app-",
        "my--app",
        "äpp",
        "a b",
        &"a".repeat(33),
    ] {
        assert!(
            refused(&stage, json!({ "workspaceName": name }))
                .await
                .starts_with("invalid_input [/workspaceName] Coder refuses"),
            "{name}"
        );
    }
    assert_eq!(stage.wire.calls(), [], "it needs no call to know");
    insta::assert_snapshot!(refused(&stage, json!({"workspaceName": "my_app"})).await, @r#"invalid_input [/workspaceName] Coder refuses the workspaceName "my_app": it must be 1 to 32 characters, letters (a-z, A-Z) and digits, with single dashes between them."#);
    insta::assert_snapshot!(refused(&stage, json!({"workspaceName": "new"})).await, @"invalid_input [/workspaceName] Coder keeps the names new and create for itself; choose another workspaceName.");
}

#[tokio::test]
async fn what_needs_no_look_at_coder() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"user": "me"})).await, @"invalid_input [/user] me is no user name: to Coder it means the account of this connection. Give the user's name or e-mail address.");
    insta::assert_snapshot!(refused(&stage, json!({"timeout": "9223372036854775807s"})).await, @"invalid_input [/timeout] timeout must be at most 24h: no step waits for longer.");
    insta::assert_snapshot!(refused(&stage, json!({"user": "user:default/ada"})).await, @"invalid_input [/user] user is not a user name of Coder. Where it comes from Backstage, give the name (user.entity.metadata.name) or the e-mail address, not the entity ref.");
    insta::assert_snapshot!(refused(&stage, json!({"ttl": "8 hours of work"})).await, @"invalid_input [/ttl] ttl is not a duration; write 8h, 90m or 1h 30m.");
    insta::assert_snapshot!(refused(&stage, json!({"ttl": "10s"})).await, @"invalid_input [/ttl] ttl must be from 1m to 720h, which is 30 days: Coder takes no other.");
    insta::assert_snapshot!(refused(&stage, json!({"timeout": "-5m"})).await, @"invalid_input [/timeout] timeout is not a duration; write 8h, 90m or 1h 30m.");
    let none = stage
        .run(ACTION, json!({"user": "ada", "workspaceName": "dev"}))
        .await;
    insta::assert_snapshot!(none.error(), @"template is required: the name or id of a template in Coder.");
    assert_eq!(stage.wire.calls(), []);
}

#[tokio::test]
async fn a_parameter_that_the_template_does_not_have() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"parameters": {"cpus": 4}})).await, @"invalid_input [/parameters/cpus] The template node has no parameter cpus; did you mean cpu?");
    insta::assert_snapshot!(refused(&stage, json!({"parameters": {"colour": "red", "regoin": "eu"}})).await, @"invalid_input [/parameters/colour /parameters/regoin] The template node has no parameter colour; it has cpu, region. The template node has no parameter regoin; did you mean region?");
}

#[tokio::test]
async fn a_required_parameter_that_is_missing_in_either_flow() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"template": "strict"})).await, @"invalid_input [/parameters/git_repo] The template strict requires the parameter git_repo, which has no value. Add it to parameters.");
    stage.wire.change("GET", "/templates/strict", |template| {
        template["use_classic_parameter_flow"] = true.into();
    });
    insta::assert_snapshot!(refused(&stage, json!({"template": "strict"})).await, @"invalid_input [/parameters/git_repo] The template strict requires the parameter git_repo, which has no value. Add it to parameters.");
}

#[tokio::test]
async fn a_value_that_coder_would_not_take() {
    let stage = Stage::new().await;
    let values = json!({"cpu": 99, "region": "mars"});
    insta::assert_snapshot!(refused(&stage, json!({ "parameters": values })).await, @r#"invalid_input [/parameters/cpu /parameters/region] The template node does not accept the value of: cpu (Invalid parameter value: value 99 is not in the range 1 to 8); region (Value must be a valid option: the value "mars" must be defined as one of options)."#);
}

#[tokio::test]
async fn in_the_dynamic_flow_the_values_decide_which_parameters_there_are() {
    let stage = Stage::new().await;
    let gpu = json!({"id": 0, "parameters": [{"name": "gpu", "required": true}]});
    stage
        .wire
        .answer("POST", "/dynamic-parameters/evaluate", 200, gpu);
    insta::assert_snapshot!(refused(&stage, json!({"parameters": {"gpus": 1}})).await, @"invalid_input [/parameters/gpus] The template node has no parameter gpus; did you mean gpu?");
    insta::assert_snapshot!(refused(&stage, json!({})).await, @"invalid_input [/parameters/gpu] The template node requires the parameter gpu, which has no value. Add it to parameters.");
    let given = run(
        &stage,
        json!({"parameters": {"gpu": 1}, "waitFor": "created"}),
    )
    .await;
    assert_eq!(given.output()["created"], true);
    let asked = &stage.wire.calls_of("POST", "/evaluate")[2].body;
    assert_eq!(asked["inputs"], json!({"gpu": "1"}));
}

#[tokio::test]
async fn a_coder_that_cannot_evaluate_them_is_asked_for_the_list() {
    let stage = Stage::new().await;
    let unknown = json!({"message": "Route not found."});
    stage
        .wire
        .answer("POST", "/dynamic-parameters/evaluate", 404, unknown);
    insta::assert_snapshot!(refused(&stage, json!({"template": "strict"})).await, @"invalid_input [/parameters/git_repo] The template strict requires the parameter git_repo, which has no value. Add it to parameters.");
    run(&stage, json!({"parameters": {"cpu": 1}}))
        .await
        .output();
}

#[tokio::test]
async fn a_deprecated_template() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"template": "old"})).await, @"invalid_input [/template] The template old is deprecated: Use node instead. Choose another one.");
    // Coder hides it from those who do not ask for it.
    let anywhere = json!({"template": "old", "coderOrganization": null});
    assert_eq!(
        run(&stage, anywhere).await.error().code(),
        Code::InvalidInput
    );
}

#[tokio::test]
async fn but_a_workspace_of_a_template_that_is_deprecated_now_is_adopted() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    stage.wire.change("GET", "/templates/node", |template| {
        template["deprecated"] = true.into()
    });
    assert_eq!(run(&stage, json!({})).await.output()["created"], false);
}

#[tokio::test]
async fn a_suspended_owner() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"user": "suspended-sam"})).await, @"forbidden [] The user suspended-sam is suspended in Coder. A Coder administrator has to activate the account first.");
}

#[tokio::test]
async fn a_git_login_that_the_owner_has_not_linked() {
    let stage = Stage::new().await;
    let refusal = refused(&stage, json!({"template": "private-git"})).await;
    insta::assert_snapshot!(stage.mask(&refusal), @"upstream_rejected [] The template private-git needs a git login that ada has not linked to Coder. ada has to link GitHub at http://sandbox/coder/external-auth/github and then to run the step again.");
    // It is asked about the owner, and grace has linked hers.
    let grace = run(&stage, json!({"template": "private-git", "user": "grace"})).await;
    assert_eq!(grace.output()["created"], true);
}

#[tokio::test]
async fn an_owner_for_whom_the_credential_may_not_create() {
    let accept = |config: &mut ConnectionConfig| config.accept_template_token = true;
    let stage = Stage::with(Duration::ZERO, accept).await;
    let adas = json!({"user": "grace", "token": stage.tokens("coder").member});
    insta::assert_snapshot!(refused(&stage, adas).await, @"forbidden [] The credential of this connection may not create workspaces in Coder for grace. It needs to belong to an owner of the site or an administrator of the organization coder, or to grace alone.");
}

#[tokio::test]
async fn a_git_login_that_is_optional_is_not_needed() {
    let stage = Stage::new().await;
    let optional = json!([{"id": "github", "authenticated": false, "optional": true}]);
    stage.wire.answer("GET", "/external-auth", 200, optional);
    run(&stage, json!({})).await.output();
}

#[tokio::test]
async fn an_older_coder_is_not_asked_about_logins_since_it_tells_about_the_tokens_user() {
    let stage = Stage::new().await;
    stage.wire.change("GET", "/buildinfo", |info| {
        info["version"] = "v2.34.8+abc".into()
    });
    run(&stage, json!({})).await.output();
    assert_eq!(stage.wire.calls_of("GET", "/external-auth"), []);
}

#[tokio::test]
async fn a_user_or_a_template_that_is_not_there() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"user": "adda"})).await, @"not_found [/user] Coder has no user adda, or the credential of this connection may not see it. A person becomes a user of Coder by signing in there once; names in Coder have letters, digits and dashes only.");
    insta::assert_snapshot!(refused(&stage, json!({"template": "nod"})).await, @"not_found [/template] Coder has no template nod in the organization coder, or the credential of this connection may not see it. Did you mean node?");
    insta::assert_snapshot!(refused(&stage, json!({"template": "Node.js"})).await, @"not_found [/template] Coder has no template Node.js in the organization coder, or the credential of this connection may not see it. Did you mean node?");
    insta::assert_snapshot!(refused(&stage, json!({"template": "no such thing"})).await, @"not_found [/template] Coder has no template no such thing in the organization coder, or the credential of this connection may not see it.");
    insta::assert_snapshot!(refused(&stage, json!({"coderOrganization": "nowhere"})).await, @"not_found [/template] Coder has no template node in the organization nowhere, or the credential of this connection may not see it. There is one in: coder, acme.");
    let id = "9b0c2e0e-7a66-4c3a-8a65-8c6a0d8f3b11";
    insta::assert_snapshot!(refused(&stage, json!({ "template": id })).await, @"not_found [/template] Coder has no template 9b0c2e0e-7a66-4c3a-8a65-8c6a0d8f3b11 in the organization coder, or the credential of this connection may not see it.");
}

#[tokio::test]
async fn a_template_name_that_two_organizations_of_the_owner_have() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"coderOrganization": null})).await, @"invalid_input [/coderOrganization] More than one organization in Coder has a template node (coder, acme); name one with coderOrganization.");
    // Grace is a member of one of them.
    run(&stage, json!({"user": "grace", "coderOrganization": null}))
        .await
        .output();
}

#[tokio::test]
async fn a_preset_that_is_not_there_or_sets_something_else() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"preset": "larg"})).await, @"invalid_input [/preset] The template node has no preset larg. Did you mean large?");
    let contradiction = json!({"preset": "large", "parameters": {"cpu": 4}});
    insta::assert_snapshot!(refused(&stage, contradiction).await, @r#"invalid_input [/parameters/cpu] The preset large sets the parameter cpu to "8", and Coder would ignore the "4" that is given. Leave out the parameter or the preset."#);
    insta::assert_snapshot!(refused(&stage, json!({"template": "python", "preset": "large"})).await, @"invalid_input [/preset] The template python has no preset large. It has none.");
}

#[tokio::test]
async fn a_preset_is_a_part_of_what_is_asked_for() {
    let stage = Stage::new().await;
    run(&stage, json!({"preset": "large", "parameters": {"cpu": 8}}))
        .await
        .output();
    let sent = &stage.wire.calls_of("POST", "/workspaces")[0].body;
    assert!(sent["template_version_preset_id"].is_string());
    assert_eq!(
        run(&stage, json!({"preset": "large"})).await.output()["created"],
        false
    );
    assert_eq!(
        run(&stage, json!({"preset": "small"})).await.error().code(),
        Code::Conflict
    );
}

// ---- creates, adopts, or says how what is there differs ------------------------------------------

#[tokio::test]
async fn a_workspace_that_is_the_same_is_adopted() {
    let stage = Stage::new().await;
    run(&stage, json!({"parameters": {"cpu": 4}}))
        .await
        .output();
    // A part of its values, another way to write them, another case, another wait: the same workspace.
    for same in [
        json!({"parameters": {"cpu": "4"}}),
        json!({}),
        json!({"workspaceName": "DEV"}),
        json!({"waitFor": "created"}),
    ] {
        let ended = run(&stage, same).await;
        assert_eq!(
            (&ended.output()["created"], &ended.output()["workspaceName"]),
            (&json!(false), &json!("dev"))
        );
    }
    assert_eq!(stage.writes().len(), 1);
}

#[tokio::test]
async fn one_that_differs_is_a_conflict_that_says_how() {
    let stage = Stage::new().await;
    run(&stage, json!({"parameters": {"cpu": 4}}))
        .await
        .output();
    let ended = refused(&stage, json!({"parameters": {"cpu": 2, "region": "us"}})).await;
    insta::assert_snapshot!(stage.mask(&ended), @r#"conflict [] The workspace ada/dev exists and differs: parameter cpu is "4", asked for "2"; parameter region is "eu", asked for "us". Choose another workspaceName, or change or delete the workspace in Coder at http://sandbox/coder/@ada/dev"#);
    let ended = refused(&stage, json!({"template": "python"})).await;
    insta::assert_snapshot!(stage.mask(&ended), @"conflict [] The workspace ada/dev exists and differs: template is coder/node, asked for coder/python. Choose another workspaceName, or change or delete the workspace in Coder at http://sandbox/coder/@ada/dev");
}

#[tokio::test]
async fn an_outdated_version_a_value_for_one_build_and_a_changed_schedule_are_no_differences() {
    let stage = Stage::new().await;
    let strict = |reset: bool| {
        let values = json!({"git_repo": "https://git.example.com/a", "reset_home": reset});
        json!({"template": "strict", "parameters": values, "ttl": "4h"})
    };
    run(&stage, strict(true)).await.output();
    stage.wire.change("GET", "/workspace/dev", |workspace| {
        workspace["outdated"] = true.into();
        workspace["ttl_ms"] = 1.into();
    });
    let ended = run(&stage, strict(false)).await;
    assert_eq!(ended.output()["created"], false);
    let warning = "warn: its ttl in Coder is not the one that is asked for; it is left as it is";
    assert!(ended.transcript.contains(warning), "{}", ended.transcript);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_settled_by_looking() {
    let stage = Stage::new().await;
    let first = stage
        .run(ACTION, input(json!({"workspaceName": "other"})))
        .await;
    first.output();
    let calls = stage.wire.calls();
    let create = calls
        .iter()
        .position(|call| call.path.ends_with("/workspaces"))
        .unwrap()
        + 1;
    stage
        .wire
        .break_call(calls.len() + create, Fault::ResetAfter);
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["created"], true);
    assert_eq!(
        stage.wire.calls_of("POST", "/workspaces").len(),
        2,
        "one for each workspace:\n{}",
        ended.transcript
    );
}

#[tokio::test]
async fn a_create_that_somebody_else_won_is_adopted_or_refused_like_any_other() {
    let stage = Stage::new().await;
    run(&stage, json!({"parameters": {"cpu": 4}}))
        .await
        .output();
    // It looks twice before it creates; then Coder says that the name is taken.
    for (asked, wins) in [(4, true), (2, false)] {
        stage.wire.answer_times(
            2,
            "GET",
            "/workspace/dev",
            404,
            json!({"message": "Resource not found or you do not have access to this resource"}),
        );
        let ended = run(&stage, json!({"parameters": {"cpu": asked}})).await;
        match wins {
            true => assert_eq!(ended.output()["created"], false),
            false => assert_eq!(ended.error().code(), Code::Conflict),
        }
    }
}

// ---- what is there but does not run --------------------------------------------------------------

#[tokio::test]
async fn a_stopped_workspace_is_started() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    transition(&stage, "stop").await;
    let dry = stage.dry_run(ACTION, input(json!({}))).await;
    assert!(
        dry.transcript
            .contains("dry run: build ada/dev/builds/3 would be made"),
        "{}",
        dry.transcript
    );
    let ended = run(&stage, json!({})).await;
    assert_eq!(
        (&ended.output()["created"], &ended.output()["status"]),
        (&json!(false), &json!("ready"))
    );
    let starts = stage.wire.calls_of("POST", "/builds");
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0].body, json!({"transition": "start"}));
    run(&stage, json!({})).await.output();
    assert_eq!(
        stage.wire.calls_of("POST", "/builds").len(),
        1,
        "a second run finds it running"
    );
}

#[tokio::test]
async fn a_start_whose_answer_was_lost_is_settled_by_looking() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    transition(&stage, "stop").await;
    let seen = stage.wire.calls().len();
    let probe = stage.dry_run(ACTION, input(json!({}))).await;
    probe.output();
    // The dry run makes every call up to the start; the one after is the start.
    let until_start = stage.wire.calls().len() - seen;
    stage.wire.break_call(
        stage.wire.calls().len() + until_start + 1,
        Fault::ResetAfter,
    );
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["status"], "ready");
    assert!(
        ended
            .transcript
            .contains("no clear answer about the build ada/dev/builds/3"),
        "{}",
        ended.transcript
    );
    assert_eq!(stage.wire.calls_of("POST", "/builds").len(), 1);
}

#[tokio::test]
async fn one_whose_build_failed_is_built_again_with_the_present_version() {
    let stage = Stage::new().await;
    stage.next_builds(
        BuildBehaviour::Fail {
            error: "terraform apply: no such image".into(),
        },
        1,
    );
    let failed = run(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(failed.error().message()), @"Build 1 of ada/dev failed: terraform apply: no such image. The workspace remains, not built: running the step again builds it anew. Coder's log: http://sandbox/coder/@ada/dev/builds/1");
    // The template has been mended since.
    stage.wire.change("GET", "/workspace/dev", |workspace| {
        let build = &mut workspace["latest_build"];
        if build["build_number"] == 1 {
            build["template_version_id"] = "00000000-0000-4000-8000-000000000001".into();
        }
    });
    let ended = run(&stage, json!({})).await;
    assert_eq!(
        (&ended.output()["created"], &ended.output()["status"]),
        (&json!(false), &json!("ready"))
    );
    assert!(
        ended
            .transcript
            .contains("its build 1 has ended as failed; building it again"),
        "{}",
        ended.transcript
    );
    assert!(stage.wire.calls_of("POST", "/builds")[0].body["template_version_id"].is_string());
}

#[tokio::test]
async fn a_dormant_one_is_woken() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    transition(&stage, "stop").await;
    stage.make_dormant("ada", "dev");
    let ended = run(&stage, json!({})).await;
    assert!(
        ended.transcript.contains("it is dormant; starting it"),
        "{}",
        ended.transcript
    );
    assert_eq!(ended.output()["status"], "ready");
    assert_eq!(workspace(&stage).await["dormant_at"], Value::Null);
}

#[tokio::test]
async fn one_that_is_being_deleted_is_waited_for_and_made_anew() {
    let stage = Stage::with_long_builds().await;
    run(&stage, json!({"waitFor": "created"})).await.output();
    stage.finish_builds();
    transition(&stage, "delete").await;
    let dry = stage.dry_run(ACTION, input(json!({}))).await;
    let would_wait = "dry run: a workspace ada/dev is being deleted";
    assert!(dry.transcript.contains(would_wait), "{}", dry.transcript);
    let running = stage.start(ACTION, input(json!({"waitFor": "created"})), false);
    running
        .says("a workspace ada/dev is being deleted; waiting until it is gone")
        .await;
    stage.finish_builds();
    assert_eq!(running.end().await.output()["created"], true);
}

#[tokio::test]
async fn one_that_coder_could_not_delete_is_a_conflict() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    stage.wire.change("GET", "/workspace/dev", |workspace| {
        workspace["latest_build"]["transition"] = "delete".into();
        workspace["latest_build"]["job"]["status"] = "failed".into();
    });
    let refusal = refused(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(&refusal), @"conflict [] A workspace ada/dev exists, and Coder could not delete it. Delete it in Coder, or choose another workspaceName. See http://sandbox/coder/@ada/dev/builds/1");
}

#[tokio::test]
async fn one_that_is_being_stopped_is_started_after_that() {
    let stage = Stage::with_long_builds().await;
    run(&stage, json!({"waitFor": "created"})).await.output();
    stage.finish_builds();
    transition(&stage, "stop").await;
    let running = stage.start(ACTION, input(json!({"waitFor": "created"})), false);
    running
        .says("it is being stopped; waiting until that has ended")
        .await;
    stage.finish_builds();
    running.end().await.output();
    assert_eq!(stage.wire.calls_of("POST", "/builds").len(), 1);
}

// ---- waits ---------------------------------------------------------------------------------------

#[tokio::test]
async fn coders_log_is_the_steps_log_and_terraforms_end_is_not_yet_the_end() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({})).await;
    ended.output();
    insta::assert_snapshot!(stage.mask(&ended.transcript), @r#"
    intent: workspace ada/dev
    settled: {"result":"created","id":"<id>"}
    info: created the workspace ada/dev: http://sandbox/coder/@ada/dev
    info: Coder: Setting up
    info: Coder: Detecting persistent resources
    info: Terraform 1.13.4
    debug: data.coder_workspace.me: Refreshing...
    info: Coder: Starting workspace
    info: coder_agent.main: Creating...
    info: docker_container.workspace[0]: Creating...
    info: Apply complete! Resources: 3 added, 0 changed, 0 destroyed.
    info: Coder: Cleaning Up
    info: build 1 has succeeded: the workspace's resources are there
    info: Running the start script
    info: code-server listens on port 13337
    info: the workspace is ready: you can connect
    "#);
}

#[tokio::test]
async fn the_log_of_a_build_that_ended_before_is_not_shown_again() {
    let stage = Stage::new().await;
    run(&stage, json!({})).await.output();
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(&ended.transcript), @"
    info: the workspace ada/dev is there and has the same template and parameters: http://sandbox/coder/@ada/dev
    info: the workspace is ready: you can connect
    ");
}

#[tokio::test]
async fn it_waits_as_far_as_it_is_asked_to() {
    let stage = Stage::with_long_builds().await;
    let created = run(&stage, json!({"waitFor": "created"})).await;
    assert_eq!(created.output()["status"], "pending");
    assert_eq!(created.output()["apps"], json!([]));

    let running = stage.start(ACTION, input(json!({"waitFor": "running"})), false);
    running
        .says("progress: build 1 waits for a provisioner, 1 of 1 in the queue")
        .await;
    stage.advance(0.5);
    running.says("progress: Coder works on build 1").await;
    stage.advance(0.55);
    assert_eq!(running.end().await.output()["status"], "running");

    let ready = stage.start(ACTION, input(json!({})), false);
    ready
        .says("progress: the agent main is not connected yet")
        .await;
    stage.advance(0.2);
    ready
        .says("progress: the agent main is connected and runs its start scripts")
        .await;
    stage.advance(0.5);
    assert_eq!(ready.end().await.output()["status"], "ready");
}

#[tokio::test]
async fn a_build_that_no_provisioner_will_pick_up_is_a_failure_at_once() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"template": "no-provisioner"})).await;
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"No provisioner of Coder will pick up the build of ada/dev: none has the tags that the template asks for. A Coder administrator has to start one, or to change the template's tags; the build then begins by itself. See http://sandbox/coder/@ada/dev/builds/1");
}

#[tokio::test]
async fn provisioners_that_are_away_are_a_warning() {
    let stage = Stage::with_long_builds().await;
    stage.wire.change("GET", "/workspacebuilds/", |build| {
        // Its log is at a path below it.
        if build.is_object() {
            build["matched_provisioners"] = json!({"count": 1, "available": 0});
        }
    });
    let running = stage.start(ACTION, input(json!({})), false);
    running
        .says("warn: no provisioner of Coder is connected right now; the build waits for one")
        .await;
    stage.finish_builds();
    running.end().await.output();
}

#[tokio::test]
async fn a_spent_quota_is_said_with_what_to_do() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"template": "quota"})).await;
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The quota of ada in Coder is spent, so ada/dev was not built. Delete a workspace that is no longer needed (a stopped one may cost less), or ask a Coder administrator for more; then run the step again. See http://sandbox/coder/@ada/dev/builds/1");
}

#[tokio::test]
async fn a_failed_start_script_is_a_warning_and_no_failure() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"template": "startup-error"})).await;
    assert_eq!(ended.output()["status"], "start_error");
    insta::assert_snapshot!(stage.mask(&ended.transcript), @r#"
    intent: workspace ada/dev
    settled: {"result":"created","id":"<id>"}
    info: created the workspace ada/dev: http://sandbox/coder/@ada/dev
    info: Coder: Setting up
    info: Coder: Detecting persistent resources
    info: Terraform 1.13.4
    debug: data.coder_workspace.me: Refreshing...
    info: Coder: Starting workspace
    info: coder_agent.main: Creating...
    info: docker_container.workspace[0]: Creating...
    info: Apply complete! Resources: 3 added, 0 changed, 0 destroyed.
    info: Coder: Cleaning Up
    info: build 1 has succeeded: the workspace's resources are there
    info: Running the start script
    error: npm ci: exit status 1
    warn: a start script of the agent main failed: you can connect, but something may be missing. See http://sandbox/coder/@ada/dev
    "#);
}

#[tokio::test]
async fn an_agent_that_never_connects_is_a_failure() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"template": "agent-timeout"})).await;
    assert!(ended.error().is_retryable());
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The agent main of ada/dev did not connect within 120 s, so nobody can connect to the workspace, although it is built. Its machine may be slow or may not reach Coder. See http://sandbox/coder/@ada/dev");
}

#[tokio::test]
async fn a_workspace_without_agents_is_ready_once_it_is_built() {
    let stage = Stage::new().await;
    assert_eq!(
        run(&stage, json!({"template": "agentless"})).await.output()["status"],
        "ready"
    );
}

#[tokio::test]
async fn somebody_else_who_stops_or_deletes_it_meanwhile_is_noticed() {
    let stops = ("stop", "Somebody else has begun build 2 (stop)");
    let deletes = ("delete", "was deleted by somebody else");
    for (what, sentence) in [stops, deletes] {
        let stage = Stage::new().await;
        stage.next_builds(BuildBehaviour::AgentHang, 1);
        let running = stage.start(ACTION, input(json!({})), false);
        running
            .says("progress: the agent main is not connected yet")
            .await;
        transition(&stage, what).await;
        let ended = running.end().await;
        assert_eq!(ended.error().code(), Code::Conflict);
        assert!(
            ended.error().message().contains(sentence),
            "{}",
            ended.error()
        );
    }
}

#[tokio::test]
async fn a_coder_that_is_not_well_for_a_moment_does_not_end_a_wait() {
    let stage = Stage::with_long_builds().await;
    let running = stage.start(ACTION, input(json!({})), false);
    running.says("progress: ").await;
    stage.wire.answer_times(
        3,
        "GET",
        "/workspacebuilds/",
        503,
        json!({"message": "restarting"}),
    );
    running
        .says("Coder is not well right now; the wait goes on")
        .await;
    stage.finish_builds();
    assert_eq!(running.end().await.output()["status"], "ready");
}

#[tokio::test]
async fn but_one_that_stays_so_does() {
    let stage = Stage::new().await;
    stage.next_builds(BuildBehaviour::Hang, 1);
    stage.wire.answer(
        "GET",
        "/workspacebuilds/",
        503,
        json!({"message": "restarting"}),
    );
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(ended.error(), @"Coder (connection coder) is not well (503): restarting. Run the step again later. What this run had made remains: workspace ada/dev. Running the step again continues from there.");
}

// ---- its end, when it is cancelled or its time is up ---------------------------------------------

#[tokio::test]
async fn a_cancelled_run_cancels_its_build_and_says_what_is_left() {
    let stage = Stage::with_endless_builds().await;
    let running = stage.start(ACTION, input(json!({})), false);
    running.says("progress: Coder works on build 1").await;
    running.cancel.cancel();
    let ended = running.end().await;
    assert_eq!(ended.error().code(), Code::Cancelled);
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The run was cancelled. Its build 1 of ada/dev was cancelled in Coder. The workspace ada/dev remains: run the step again to continue, or delete it in Coder at http://sandbox/coder/@ada/dev");
    assert_eq!(
        workspace(&stage).await["latest_build"]["job"]["status"],
        "canceled"
    );
    // It is an effect like any other.
    assert!(
        ended
            .transcript
            .contains("intent: cancellation of build ada/dev/builds/1"),
        "{}",
        ended.transcript
    );
    // Run again, it is built.
    let again = stage.start(ACTION, input(json!({})), false);
    again
        .says("its build 1 has ended as canceled; building it again")
        .await;
    again.says("progress: Coder works on build 2").await;
    again.cancel.cancel();
    again.end().await.error();
}

#[tokio::test]
async fn a_run_whose_time_is_up_does_the_same() {
    let stage = Stage::with_endless_builds().await;
    let ended = run(&stage, json!({"timeout": "700ms"})).await;
    assert_eq!(ended.error().code(), Code::DeadlineExceeded);
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The run's time is up. Its build 1 of ada/dev was cancelled in Coder. The workspace ada/dev remains: run the step again to continue, or delete it in Coder at http://sandbox/coder/@ada/dev");
    assert_eq!(
        workspace(&stage).await["latest_build"]["job"]["status"],
        "canceled"
    );
}

#[tokio::test]
async fn a_build_that_another_run_began_is_not_cancelled() {
    let stage = Stage::with_endless_builds().await;
    run(&stage, json!({"waitFor": "created"})).await.output();
    let running = stage.start(ACTION, input(json!({})), false);
    running.says("progress: Coder works on build 1").await;
    running.cancel.cancel();
    let ended = running.end().await;
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The run was cancelled. Build 1 of ada/dev was begun by somebody else, or by another run, and goes on. The workspace ada/dev remains: run the step again to continue, or delete it in Coder at http://sandbox/coder/@ada/dev");
    assert_eq!(stage.wire.calls_of("PATCH", "/cancel"), []);
}

#[tokio::test]
async fn a_template_that_forbids_to_cancel_is_said() {
    let stage = Stage::with_endless_builds().await;
    stage.wire.answer("PATCH", "/cancel", 403, json!({"message": "User is not allowed to cancel workspace builds. Owner role is required."}));
    let running = stage.start(ACTION, input(json!({})), false);
    running.says("progress: Coder works on build 1").await;
    running.cancel.cancel();
    let ended = running.end().await;
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The run was cancelled. Build 1 of ada/dev goes on, since it could not be cancelled (Coder (connection coder) does not allow this: User is not allowed to cancel workspace builds. Owner role is required). The workspace ada/dev remains: run the step again to continue, or delete it in Coder at http://sandbox/coder/@ada/dev");
}

#[tokio::test]
async fn a_build_that_begins_or_ends_at_that_moment_is_no_trouble() {
    for (status, body) in [
        (412, "The job state has changed."),
        (400, "Job has already completed!"),
    ] {
        let stage = Stage::with_endless_builds().await;
        let running = stage.start(ACTION, input(json!({})), false);
        running.says("progress: Coder works on build 1").await;
        stage
            .wire
            .answer_times(1, "PATCH", "/cancel", status, json!({ "message": body }));
        running.cancel.cancel();
        let ended = running.end().await;
        assert_eq!(ended.error().code(), Code::Cancelled);
    }
}

// ---- what it gives -------------------------------------------------------------------------------

#[tokio::test]
async fn its_output_is_what_coder_has() {
    let stage = Stage::new().await;
    let ended = run(&stage, json!({"user": "ADA"})).await;
    insta::assert_snapshot!(stage.mask(&format!("{:#}", ended.output())), @r#"
    {
      "workspaceId": "<id>",
      "workspaceUrl": "http://sandbox/coder/@ada/dev",
      "workspaceName": "dev",
      "ownerName": "ada",
      "status": "ready",
      "created": true,
      "apps": [
        {
          "name": "code-server",
          "url": "http://sandbox/coder/@ada/dev.main/apps/code-server/"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn app_links_are_those_of_coders_own_page() {
    let stage = Stage::new().await;
    stage.wire.change("GET", "/workspace/dev", |workspace| {
        let web = "web--main--dev--ada";
        workspace["latest_build"]["resources"][0]["agents"][0]["apps"] = json!([
            {"slug": "code", "display_name": "VS Code", "url": "http://localhost:1"},
            {"slug": "web", "display_name": "", "subdomain": true, "subdomain_name": web},
            {"slug": "wiki", "display_name": "Wiki", "external": true, "url": "https://wiki.example.com"},
            {"slug": "secret", "display_name": "Hidden", "hidden": true},
        ]);
    });
    stage.wire.answer(
        "GET",
        "/applications/host",
        200,
        json!({"host": "*.apps.example.com"}),
    );
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(&format!("{:#}", ended.output()["apps"])), @r#"
    [
      {
        "name": "VS Code",
        "url": "http://sandbox/coder/@ada/dev.main/apps/code/"
      },
      {
        "name": "web",
        "url": "http://web--main--dev--ada.apps.example.com/"
      },
      {
        "name": "Wiki",
        "url": "https://wiki.example.com"
      }
    ]
    "#);
    // Without a host for them Coder does not serve such apps.
    stage
        .wire
        .answer("GET", "/applications/host", 200, json!({"host": ""}));
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["apps"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_public_url_of_the_connection_stands_in_every_link() {
    let public = |config: &mut ConnectionConfig| {
        config.public_url = Some("https://coder.example.com/x/".parse().unwrap());
    };
    let stage = Stage::with(Duration::ZERO, public).await;
    let ended = run(&stage, json!({})).await;
    assert_eq!(
        ended.output()["workspaceUrl"],
        "https://coder.example.com/x/@ada/dev"
    );
}

#[tokio::test]
async fn a_start_that_coder_refuses() {
    let refusals = [
        (
            403,
            json!({"message": "insert workspace build", "detail": "cannot use non-active version"}),
        ),
        (
            409,
            json!({"message": "A workspace build is already active."}),
        ),
    ];
    let mut lines = Vec::new();
    for (status, body) in refusals {
        let stage = Stage::new().await;
        run(&stage, json!({})).await.output();
        transition(&stage, "stop").await;
        stage.wire.answer("POST", "/builds", status, body);
        lines.push(support::said(&run(&stage, json!({})).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    forbidden [] Coder (connection coder) does not allow this: insert workspace build: cannot use non-active version.
    conflict [] Coder (connection coder) refuses this: A workspace build is already active.
    ");
}

#[tokio::test]
async fn a_template_that_is_still_being_imported() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, json!({"template": "importing"})).await, @"upstream_unavailable [] Coder (connection coder) is not ready for this (425): Template version job has not finished. Run the step again later.");
}

#[tokio::test]
async fn a_template_without_its_own_variables_is_said_with_what_to_do() {
    let stage = Stage::new().await;
    let error = "required template variables are missing: region".into();
    stage.next_builds(BuildBehaviour::Fail { error }, 1);
    stage.wire.change("GET", "/workspacebuilds/", |build| {
        // Its log is at a path below it.
        if build.is_object() {
            build["job"]["error_code"] = "REQUIRED_TEMPLATE_VARIABLES".into();
        }
    });
    let ended = run(&stage, json!({})).await;
    insta::assert_snapshot!(stage.mask(ended.error().message()), @"The template lacks values of its own variables, so ada/dev was not built: required template variables are missing: region. A Coder administrator has to set them; then run the step again. See http://sandbox/coder/@ada/dev/builds/1");
}

#[tokio::test]
async fn a_slow_start_script_is_a_warning_too() {
    let stage = Stage::new().await;
    stage.wire.change("GET", "/workspace/dev", |workspace| {
        if let Some(agent) = workspace.pointer_mut("/latest_build/resources/0/agents/0") {
            agent["lifecycle_state"] = "start_timeout".into();
        }
    });
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["status"], "start_timeout");
    let warning = "warn: a start script of the agent main takes too long: you can connect, but something may be missing. See http://sandbox/coder/@ada/dev";
    assert!(
        stage.mask(&ended.log()).contains(warning),
        "{}",
        ended.log()
    );
}
