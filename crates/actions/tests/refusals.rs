//! Every way in which Coder refuses to create a workspace, and the sentence that a person reads for it.
//! Status and body of each are Coder's own.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Stage, wire::Fault};

const ACTION: &str = "coder:create-workspace";

/// `code at fields: sentence`, for a create that is answered with this.
async fn said(status: u16, body: Value) -> String {
    let stage = Stage::new().await;
    stage.wire.answer("POST", "/workspaces", status, body);
    let ended = stage.run(ACTION, json!({"user": "ada", "template": "node", "workspaceName": "dev", "coderOrganization": "coder", "parameters": {"cpu": 4}})).await;
    let error = ended.error();
    let fields: Vec<&str> = error.fields().iter().map(|fault| &*fault.field).collect();
    let again = if error.is_retryable() {
        ", retryable"
    } else {
        ""
    };
    format!("{}{again} [{}] {error}", error.code(), fields.join(" "))
}

#[tokio::test]
async fn the_name_that_coder_refuses() {
    let body = json!({
        "message": "Validation failed.",
        "validations": [{"field": "name", "detail": "Validation failed for tag \"workspace_name\" with value: \"my_app\""}],
    });
    insta::assert_snapshot!(said(400, body).await, @r#"invalid_input [/workspaceName] Coder refuses to create ada/dev: Validation failed - name: Validation failed for tag "workspace_name" with value: "my_app"."#);
}

#[tokio::test]
async fn the_body_that_coder_cannot_read() {
    let body =
        json!({"message": "Request body must be valid JSON.", "detail": "invalid UUID length: 14"});
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [] Coder refuses to create ada/dev: Request body must be valid JSON: invalid UUID length: 14.");
}

#[tokio::test]
async fn the_template_that_has_gone_meanwhile() {
    let id = "b0ee2b0b-6cd2-4d3b-8d5f-0f5c2f6b8c11";
    let body = json!({
        "message": format!("Template \"{id}\" doesn't exist."),
        "validations": [{"field": "template_id", "detail": "template not found"}],
    });
    insta::assert_snapshot!(said(400, body).await, @r#"invalid_input [/template] Coder refuses to create ada/dev: Template "b0ee2b0b-6cd2-4d3b-8d5f-0f5c2f6b8c11" doesn't exist - template_id: template not found."#);
    insta::assert_snapshot!(said(404, json!({"message": "Template \"node\" has been deleted!"})).await, @r#"not_found [] Coder (connection coder) does not have this: Template "node" has been deleted."#);
}

#[tokio::test]
async fn the_version_that_is_archived_although_coder_says_500() {
    let body = json!({"message": "Archived template versions cannot be used to make a workspace."});
    insta::assert_snapshot!(said(500, body).await, @"upstream_rejected [] The active version of the template node is archived. A Coder administrator has to publish one.");
}

#[tokio::test]
async fn the_version_that_is_still_being_imported_or_was_not() {
    let body = json!({"message": "The provided template version is running. Wait for it to complete importing!"});
    insta::assert_snapshot!(said(406, body).await, @"upstream_unavailable, retryable [] Coder is still importing the version of the template node. Run the step again in a minute.");
    let body = json!({"message": "The provided template version \"v3\" has failed to import: \"exit 1\". You cannot build workspaces with it!"});
    insta::assert_snapshot!(said(400, body).await, @r#"invalid_input [] Coder refuses to create ada/dev: The provided template version "v3" has failed to import: "exit 1". You cannot build workspaces with it."#);
}

#[tokio::test]
async fn the_right_to_create_that_the_credential_lacks() {
    let body = json!({"message": "Unauthorized to create workspace.", "detail": "You are unable to create a workspace in this organization."});
    insta::assert_snapshot!(said(403, body).await, @"forbidden [] Coder does not let the credential of this connection create ada/dev from the template node: Unauthorized to create workspace: You are unable to create a workspace in this organization.");
    let body = json!({"message": "Unauthorized access to use the template \"node\"."});
    insta::assert_snapshot!(said(403, body).await, @r#"forbidden [] Coder does not let the credential of this connection create ada/dev from the template node: Unauthorized access to use the template "node"."#);
    let body = json!({"message": "Build is not permitted: the licence is used up"});
    insta::assert_snapshot!(said(403, body).await, @"forbidden [] Coder does not let the credential of this connection create ada/dev from the template node: Build is not permitted: the licence is used up.");
}

#[tokio::test]
async fn the_owner_that_is_no_member() {
    let body = json!({"message": "Resource not found or you do not have access to this resource"});
    insta::assert_snapshot!(said(404, body).await, @"not_found [] Coder does not create ada/dev: ada is no member of the organization coder, which has the template node, or the credential of this connection may not see it.");
}

#[tokio::test]
async fn the_git_login_that_is_not_linked() {
    let body = json!({
        "message": "External authentication is required to create a workspace with this template.",
        "validations": [{"field": "external_auth", "detail": "github"}],
    });
    insta::assert_snapshot!(said(403, body).await, @"upstream_rejected [] The template node needs a git login that ada has not linked to Coder. ada has to link github, in Coder under account settings, external authentication, and then to run the step again.");
}

#[tokio::test]
async fn the_template_that_is_deprecated() {
    let body = json!({"message": "Template \"node\" has been deprecated, and cannot be used to create a new workspace.", "detail": "Use node-22."});
    insta::assert_snapshot!(said(400, body).await, @r#"invalid_input [] Coder refuses to create ada/dev: Template "node" has been deprecated, and cannot be used to create a new workspace: Use node-22."#);
}

#[tokio::test]
async fn schedules_that_coder_refuses() {
    let body = json!({"message": "Invalid Autostart Schedule.", "validations": [{"field": "schedule", "detail": "expected schedule to consist of 5 fields"}]});
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [/autostart] Coder refuses to create ada/dev: Invalid Autostart Schedule - schedule: expected schedule to consist of 5 fields.");
    let body = json!({"message": "Invalid Workspace Time to Shutdown.", "validations": [{"field": "ttl_ms", "detail": "time until shutdown must be below 30 days"}]});
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [/ttl] Coder refuses to create ada/dev: Invalid Workspace Time to Shutdown - ttl_ms: time until shutdown must be below 30 days.");
}

#[tokio::test]
async fn values_that_a_template_does_not_accept_in_either_flow() {
    let body = json!({
        "message": "Unable to validate parameters",
        "validations": [
            {"field": "cpu", "detail": "Invalid parameter value; the value 4 is more than the maximum 2"},
            {"field": "image", "detail": "Required parameter not provided; parameter value is null"},
        ],
    });
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [/parameters/cpu /parameters/image] The template node does not accept the value of: cpu (Invalid parameter value; the value 4 is more than the maximum 2); image (Required parameter not provided; parameter value is null).");
    let body = json!({
        "message": "Unable to validate parameter \"cpu\"",
        "detail": "developer error: parameter value must match one of options\nmust match one of options 1, 2",
    });
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [/parameters/cpu] The template node does not accept the value of: cpu (developer error: parameter value must match one of options must match one of options 1, 2).");
    let body = json!({"message": "Unable to build workspace with unsupported parameters"});
    insta::assert_snapshot!(said(400, body).await, @"invalid_input [] Coder refuses to create ada/dev: Unable to build workspace with unsupported parameters.");
}

#[tokio::test]
async fn a_token_that_is_not_accepted() {
    let body = json!({
        "message": "You are signed out or your session has expired. Please sign in again to continue.",
        "detail": "API key expired at \"2026-11-16 10:00:00 +0000 UTC\".",
    });
    insta::assert_snapshot!(said(401, body).await, @r#"upstream_rejected [] Coder (connection coder) does not accept the token that it is called with: API key expired at "2026-11-16 10:00:00 +0000 UTC". The token has to be renewed."#);
    let signed_out = |detail: &str| {
        json!({
            "message": "You are signed out or your session has expired. Please sign in again to continue.", "detail": detail,
        })
    };
    insta::assert_snapshot!(said(401, signed_out("API key is invalid.")).await, @"upstream_rejected [] Coder (connection coder) does not accept the token that it is called with: API key is invalid. The token has to be renewed.");
    insta::assert_snapshot!(said(401, signed_out("Invalid API key format: incorrect amount of API key parts, expected 2 got 1")).await, @"upstream_rejected [] Coder (connection coder) does not accept the token that it is called with: Invalid API key format: incorrect amount of API key parts, expected 2 got 1. The token has to be renewed.");
    let body = json!({"message": "User is not active (status = \"suspended\"). Contact an admin to reactivate your account."});
    insta::assert_snapshot!(said(401, body).await, @"upstream_rejected [] Coder does not let in the account whose token this connection has: it is suspended. A Coder administrator has to activate it.");
}

#[tokio::test]
async fn too_many_requests() {
    let body =
        json!({"message": "You've been rate limited for sending more than 512 requests in 1m0s."});
    insta::assert_snapshot!(said(429, body).await, @"rate_limited, retryable [] Coder (connection coder) gets too many requests: You've been rate limited for sending more than 512 requests in 1m0s. Run the step again later.");
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    insta::assert_snapshot!(said(413, json!({"message": "Request body too large."})).await, @"invalid_input [] Coder (connection coder) refuses this (413): Request body too large.");
}

#[tokio::test]
async fn a_name_that_is_taken_by_what_cannot_be_seen() {
    let body = json!({
        "message": "Workspace \"dev\" already exists.",
        "validations": [{"field": "name", "detail": "This value is already in use and should be unique."}],
    });
    insta::assert_snapshot!(said(409, body).await, @"conflict [] Coder says that there is a workspace ada/dev and does not show it: it is just being deleted, or the credential of this connection may not see it. Run the step again later, or choose another workspaceName.");
}

#[tokio::test]
async fn a_coder_that_is_not_well() {
    insta::assert_snapshot!(said(500, json!({"message": "Internal server error", "detail": "insert workspace: connection reset"})).await, @"outcome_unknown, retryable [] It is not known whether the workspace ada/dev was made: the answer was lost (Coder (connection coder) is not well (500): Internal server error: insert workspace: connection reset). Check whether workspace ada/dev exists, then run this step again: it adopts what is there.");
    insta::assert_snapshot!(said(503, json!({"message": "try later"})).await, @"outcome_unknown, retryable [] It is not known whether the workspace ada/dev was made: the answer was lost (Coder (connection coder) is not well (503): try later). Check whether workspace ada/dev exists, then run this step again: it adopts what is there.");
}

#[tokio::test]
async fn a_web_page_in_the_place_of_coder() {
    let mut lines = Vec::new();
    for fault in [
        Fault::Html(200),
        Fault::Html(403),
        Fault::Html(404),
        Fault::Html(502),
    ] {
        let stage = Stage::new().await;
        stage.wire.break_call(1, fault);
        let input = json!({"user": "ada", "template": "node", "workspaceName": "dev", "coderOrganization": "coder"});
        lines.push(format!(
            "{fault:?}\n    {}",
            support::said(&stage.run(ACTION, input).await)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    Html(200)
        upstream_rejected [] Coder (connection coder) gave an answer that is not understood: it is a web page and not JSON; is the address of the connection that of the API? Check the connection's URL in Sidestage's configuration.
    Html(403)
        forbidden [] Coder (connection coder) does not allow this, with a web page that may come from a proxy before it.
    Html(404)
        not_found [] Coder (connection coder) does not have this, with a web page that may come from a proxy before it.
    Html(502)
        upstream_unavailable [] Coder (connection coder) is not well (502), with a web page that may come from a proxy before it. Run the step again later.
    ");
}
