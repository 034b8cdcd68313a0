//! The sandbox Coder refuses what Coder refuses, in the same words and in the same order.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sidestage_sandbox::{
    BuildBehaviour, EXPIRED_TOKEN, Fault, FaultRule, MEMBER_TOKEN, OWNER_TOKEN, Options, Running,
    Sandbox,
};

struct Coder {
    running: Running,
    http: reqwest::Client,
}

impl Coder {
    /// The workspaces that the test has made.
    fn made(&self) -> Vec<Value> {
        let state = self.running.sandbox().state();
        let all = state["coder"]["workspaces"].as_array().unwrap();
        let is_made = |workspace: &&Value| workspace["name"] != "old-project";
        all.iter().filter(is_made).cloned().collect()
    }

    /// Builds take no time.
    async fn instant() -> Self {
        Self::building_for(Duration::ZERO).await
    }

    async fn building_for(build: Duration) -> Self {
        Coder {
            running: Sandbox::spawn(Options { build }).await,
            http: reqwest::Client::new(),
        }
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}coder/api/v2{path}", self.running.url))
    }

    fn owner(&self, method: Method, path: &str) -> RequestBuilder {
        self.call(method, path)
            .header("coder-session-token", OWNER_TOKEN)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = answer(self.owner(Method::GET, path)).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn template(&self, name: &str) -> Value {
        self.get(&format!("/organizations/coder/templates/{name}"))
            .await
    }

    /// A create for ada, with what differs from a plain one.
    async fn create(&self, template: &str, differs: Value) -> (u16, Value) {
        let mut body = json!({ "name": "dev", "template_id": self.template(template).await["id"] });
        for (key, value) in differs.as_object().unwrap() {
            match value {
                Value::Null => body.as_object_mut().unwrap().remove(key),
                value => body
                    .as_object_mut()
                    .unwrap()
                    .insert(key.clone(), value.clone()),
            };
        }
        answer(
            self.owner(Method::POST, "/users/ada/workspaces")
                .json(&body),
        )
        .await
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (
        response.status().as_u16(),
        response.json().await.unwrap_or_default(),
    )
}

/// Status, message, detail and validations in one line.
fn line((status, body): (u16, Value)) -> String {
    let mut line = format!("{status} {}", body["message"].as_str().unwrap_or_default());
    if let Some(detail) = body["detail"].as_str() {
        line += &format!(" | {detail}");
    }
    for validation in body["validations"].as_array().into_iter().flatten() {
        line += &format!(
            " | {}: {}",
            validation["field"].as_str().unwrap(),
            validation["detail"].as_str().unwrap()
        );
    }
    line
}

const NOT_JSON: &str = "400 Request body must be valid JSON. | ";

#[tokio::test]
async fn a_create_is_refused_in_coders_words() {
    let coder = Coder::instant().await;
    let invalid = |field: &str, tag: &str, value: &str| {
        format!(
            "400 Validation failed. | {field}: Validation failed for tag \"{tag}\" with value: \"{value}\""
        )
    };
    let nil = "00000000-0000-0000-0000-000000000000";
    let unknown = "11111111-1111-4111-8111-111111111111";
    let parameter = |name: &str, value: Value| json!({ "rich_parameter_values": [{ "name": name, "value": value }] });
    let cases: Vec<(&str, Value, String)> = vec![
        // Section 8 of the facts: the naive requests.
        ("node", json!({"template_id": "node-workspace"}), format!("{NOT_JSON}invalid UUID length: 14")),
        ("node", json!({"template_id": ""}), format!("{NOT_JSON}invalid UUID length: 0")),
        (
            "node",
            json!({"template_id": "node-workspace", "rich_parameter_values": {"a": "b"}}),
            format!("{NOT_JSON}invalid UUID length: 14"),
        ),
        (
            "node",
            json!({"rich_parameter_values": {"a": "b"}}),
            format!(
                "{NOT_JSON}json: cannot unmarshal object into Go struct field \
                 CreateWorkspaceRequest.rich_parameter_values of type []codersdk.WorkspaceBuildParameter"
            ),
        ),
        (
            "node",
            parameter("cpu", json!(4)),
            format!(
                "{NOT_JSON}json: cannot unmarshal number into Go struct field \
                 CreateWorkspaceRequest.rich_parameter_values.value of type string"
            ),
        ),
        ("node", json!({"name": "my_app"}), invalid("name", "workspace_name", "my_app")),
        ("node", json!({"name": "a--b"}), invalid("name", "workspace_name", "a--b")),
        ("node", json!({"name": "create"}), invalid("name", "workspace_name", "create")),
        ("node", json!({"name": "x".repeat(33)}), invalid("name", "workspace_name", &"x".repeat(33))),
        (
            "node",
            json!({"template_id": null}),
            format!(
                "{} | template_version_id: Validation failed for tag \"required_without\" with value: \"{nil}\"",
                invalid("template_id", "required_without", nil)
            ),
        ),
        (
            "node",
            json!({"template_id": unknown}),
            format!("400 Template \"{unknown}\" doesn't exist. | template_id: template not found"),
        ),
        (
            "old",
            json!({}),
            "400 Template \"old\" has been deprecated, and cannot be used to create a new workspace. | Use node instead."
                .into(),
        ),
        (
            "private-git",
            json!({}),
            "403 External authentication is required to create a workspace with this template. | external_auth: github".into(),
        ),
        (
            "node",
            json!({"autostart_schedule": "30 8 1 * *"}),
            "400 Invalid Autostart Schedule. | schedule: validate weekly schedule: expected day-of-month and month to be *".into(),
        ),
        (
            "node",
            json!({"ttl_ms": 5}),
            "400 Invalid Workspace Time to Shutdown. | ttl_ms: time until shutdown must be at least one minute".into(),
        ),
        ("importing", json!({}), "406 The provided template version is running. Wait for it to complete importing!".into()),
        (
            "strict",
            json!({}),
            "400 Unable to validate parameters | git_repo: Required parameter not provided; parameter value is null".into(),
        ),
        (
            "node",
            parameter("region", json!("mars")),
            "400 Unable to validate parameters | region: Value must be a valid option; the value \"mars\" must be defined as \
             one of options"
                .into(),
        ),
    ];
    for (template, differs, expected) in cases {
        let refusal = line(coder.create(template, differs.clone()).await);
        assert_eq!(refusal, expected, "{template} {differs}");
    }
    assert!(coder.made().is_empty(), "a refusal made something");
}

#[tokio::test]
async fn an_empty_body_is_eof() {
    let coder = Coder::instant().await;
    assert_eq!(
        line(answer(coder.owner(Method::POST, "/users/ada/workspaces")).await),
        format!("{NOT_JSON}EOF")
    );
}

#[tokio::test]
async fn an_unknown_owner_is_said_before_the_body_is_read() {
    let coder = Coder::instant().await;
    let refusal = line(
        answer(
            coder
                .owner(Method::POST, "/users/nobody/workspaces")
                .body("{"),
        )
        .await,
    );
    assert_eq!(
        refusal,
        "404 Resource not found or you do not have access to this resource"
    );
}

#[tokio::test]
async fn a_name_is_taken_whatever_its_case() {
    let coder = Coder::instant().await;
    assert_eq!(coder.create("python", json!({})).await.0, 201);
    assert_eq!(
        line(coder.create("node", json!({"name": "DEV"})).await),
        "409 Workspace \"DEV\" already exists. | name: This value is already in use and should be unique."
    );
}

#[tokio::test]
async fn unknown_parameters_are_dropped_without_a_word() {
    let coder = Coder::instant().await;
    let (status, workspace) = coder
        .create(
            "node",
            json!({"rich_parameter_values": [{"name": "cpus", "value": "4"}]}),
        )
        .await;
    assert_eq!(status, 201);
    let build = workspace["latest_build"]["id"].as_str().unwrap().to_owned();
    let parameters = coder
        .get(&format!("/workspacebuilds/{build}/parameters"))
        .await;
    assert_eq!(
        parameters,
        json!([{"name": "cpu", "value": "2"}, {"name": "region", "value": "eu"}])
    );
}

#[tokio::test]
async fn a_preset_wins_over_given_values() {
    let coder = Coder::instant().await;
    let version = coder.template("node").await["active_version_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let presets = coder
        .get(&format!("/templateversions/{version}/presets"))
        .await;
    assert_eq!(presets[1]["Name"], "large");
    let differs = json!({
        "template_version_preset_id": presets[1]["ID"],
        "rich_parameter_values": [{"name": "cpu", "value": "3"}],
    });
    coder.create("node", differs).await;
    assert_eq!(coder.made()[0]["builds"][0]["parameters"]["cpu"], "8");
}

#[tokio::test]
async fn a_token_is_refused_with_the_reason_in_the_detail() {
    let coder = Coder::instant().await;
    for (token, detail) in [
        (
            "nodash",
            "Invalid API key format: incorrect amount of API key parts, expected 2 got 1",
        ),
        (
            "short-x",
            "Invalid API key format: invalid API key ID length",
        ),
        (
            "0123456789-x",
            "Invalid API key format: invalid API key secret length",
        ),
        ("0123456789-0123456789012345678901", "API key is invalid."),
        (
            EXPIRED_TOKEN,
            "API key expired at \"2026-01-01 00:00:00 +0000 UTC\".",
        ),
    ] {
        let request = coder
            .call(Method::GET, "/users/me")
            .header("coder-session-token", token);
        let expected = format!(
            "401 You are signed out or your session has expired. Please sign in again to continue. | {detail}"
        );
        assert_eq!(line(answer(request).await), expected);
    }
}

#[tokio::test]
async fn a_member_may_not_create_for_others_nor_see_other_organizations() {
    let coder = Coder::instant().await;
    let template = coder.template("python").await["id"].clone();
    let body = json!({ "name": "dev", "template_id": template });
    let member = coder
        .call(Method::POST, "/users/grace/workspaces")
        .bearer_auth(MEMBER_TOKEN)
        .json(&body);
    assert!(line(answer(member).await).starts_with("403 Unauthorized to create workspace."));
}

#[tokio::test]
async fn a_build_goes_its_way_with_time() {
    let second = Duration::from_secs(1);
    let coder = Coder::building_for(second * 1000).await;
    let (_, workspace) = coder.create("python", json!({})).await;
    assert_eq!(workspace["latest_build"]["status"], "pending");
    assert_eq!(workspace["latest_build"]["resources"], json!([]));
    let path = format!("/workspaces/{}", workspace["id"].as_str().unwrap());
    let mut seen = Vec::new();
    for _ in 0..16 {
        coder.running.sandbox().coder().advance(second * 100);
        let workspace = coder.get(&path).await;
        let agent = &workspace["latest_build"]["resources"][0]["agents"][0];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        seen.push(format!(
            "{} {} {}",
            text(&workspace["latest_build"]["status"]),
            text(&agent["status"]),
            text(&agent["lifecycle_state"])
        ));
    }
    seen.dedup();
    assert_eq!(
        seen,
        [
            "starting - -",
            "running connecting created",
            "running connected starting",
            "running connected ready"
        ]
    );
    let build = workspace["latest_build"]["id"].as_str().unwrap();
    let logs = coder.get(&format!("/workspacebuilds/{build}/logs")).await;
    let rest = coder
        .get(&format!("/workspacebuilds/{build}/logs?after=5"))
        .await;
    assert_eq!(rest.as_array().unwrap(), &logs.as_array().unwrap()[5..]);
}

#[tokio::test]
async fn a_build_is_cancelled_once() {
    let coder = Coder::building_for(Duration::from_secs(1000)).await;
    let (_, workspace) = coder.create("slow", json!({})).await;
    let build = workspace["latest_build"]["id"].as_str().unwrap();
    coder
        .running
        .sandbox()
        .coder()
        .advance(Duration::from_secs(500));
    let cancel = |query: &str| {
        coder.owner(
            Method::PATCH,
            &format!("/workspacebuilds/{build}/cancel{query}"),
        )
    };
    assert_eq!(answer(cancel("?expect_status=pending")).await.0, 412);
    assert_eq!(answer(cancel("?expect_status=running")).await.0, 200);
    assert_eq!(
        line(answer(cancel("")).await),
        "400 Job has already been marked as canceled!"
    );
    coder
        .running
        .sandbox()
        .coder()
        .advance(Duration::from_secs(500));
    assert_eq!(
        line(answer(cancel("")).await),
        "400 Job has already completed!"
    );
}

#[tokio::test]
async fn a_second_build_waits_for_the_first_and_keeps_its_parameters() {
    let coder = Coder::building_for(Duration::from_secs(1000)).await;
    let (_, workspace) = coder
        .create(
            "node",
            json!({"rich_parameter_values": [{"name": "cpu", "value": "4"}]}),
        )
        .await;
    let path = format!("/workspaces/{}/builds", workspace["id"].as_str().unwrap());
    let build = |body: Value| coder.owner(Method::POST, &path).json(&body);
    assert_eq!(
        line(answer(build(json!({"transition": "stop"}))).await),
        "409 A workspace build is already active."
    );
    coder
        .running
        .sandbox()
        .coder()
        .advance(Duration::from_secs(1000));
    assert_eq!(answer(build(json!({"transition": "stop"}))).await.0, 201);
    coder
        .running
        .sandbox()
        .coder()
        .advance(Duration::from_secs(1000));
    let moved = json!({"transition": "start", "rich_parameter_values": [{"name": "region", "value": "us"}]});
    assert_eq!(
        line(answer(build(moved)).await),
        "400 Parameter \"region\" is not mutable, so it can't be updated after creating a workspace."
    );
    let (status, started) = answer(build(json!({"transition": "start"}))).await;
    assert_eq!((status, &started["build_number"]), (201, &json!(3)));
    assert_eq!(coder.made()[0]["builds"][2]["parameters"]["cpu"], "4");
}

#[tokio::test]
async fn a_deleted_workspace_is_gone_by_id_and_its_name_is_free() {
    let coder = Coder::instant().await;
    let (_, workspace) = coder.create("python", json!({})).await;
    let id = workspace["id"].as_str().unwrap();
    let delete = coder
        .owner(Method::POST, &format!("/workspaces/{id}/builds"))
        .json(&json!({"transition": "delete"}));
    assert_eq!(answer(delete).await.0, 201);
    assert_eq!(
        answer(coder.owner(Method::GET, &format!("/workspaces/{id}")))
            .await
            .0,
        410
    );
    assert_eq!(
        answer(coder.owner(Method::GET, "/users/ada/workspace/dev"))
            .await
            .0,
        404
    );
    assert_eq!(
        answer(coder.owner(Method::GET, "/users/ada/workspace/dev?include_deleted=true"))
            .await
            .0,
        200
    );
    assert_eq!(coder.create("python", json!({})).await.0, 201);
}

#[tokio::test]
async fn builds_can_be_made_to_fail() {
    let coder = Coder::instant().await;
    coder
        .running
        .sandbox()
        .coder()
        .next_builds(BuildBehaviour::Quota, 1);
    let (status, workspace) = coder.create("python", json!({})).await;
    let job = &workspace["latest_build"]["job"];
    assert_eq!(
        (status, &job["status"]),
        (201, &json!("failed")),
        "the quota is no error of the create"
    );
    assert_eq!(
        (&job["error"], &job["error_code"]),
        (&json!("insufficient quota"), &json!("INSUFFICIENT_QUOTA"))
    );
}

#[tokio::test]
async fn names_are_looked_up_as_coder_does() {
    let coder = Coder::instant().await;
    assert_eq!(
        coder
            .get("/templates?q=exact_name:node")
            .await
            .as_array()
            .unwrap()
            .len(),
        2,
        "one name in two organizations"
    );
    assert_eq!(
        coder
            .get("/templates?q=exact_name:node+organization:acme")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        coder.get("/templates?q=exact_name:old").await,
        json!([]),
        "deprecated ones are hidden"
    );
    assert_eq!(
        coder
            .get("/templates?q=exact_name:old+deprecated:true")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        answer(coder.owner(Method::GET, "/templates?q=nme:node"))
            .await
            .0,
        400
    );
    assert_eq!(coder.get("/users/ADA").await["username"], "ada");
    assert_eq!(
        answer(coder.owner(Method::GET, "/users/ada@example.com"))
            .await
            .0,
        404,
        "not by e-mail"
    );
    assert_eq!(
        coder.get("/users?q=da@exa").await["count"],
        1,
        "the search is fuzzy"
    );
    assert_eq!(
        line(answer(coder.owner(Method::GET, "/nowhere")).await),
        "404 Route not found."
    );
    assert!(
        line(answer(coder.owner(Method::GET, "/workspaces/7")).await)
            .starts_with("400 Invalid UUID \"7\".")
    );
}

fn fault(path: &str, fault: Fault) -> FaultRule {
    FaultRule {
        service: "coder".into(),
        method: None,
        path: path.into(),
        times: Some(1),
        fault,
    }
}

#[tokio::test]
async fn a_dropped_connection_has_no_answer_and_its_work_is_done_or_not() {
    for (drop, made) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        let coder = Coder::instant().await;
        let template = coder.template("python").await["id"].clone();
        coder
            .running
            .sandbox()
            .faults()
            .add(fault("/api/v2/users/*/workspaces", drop));
        let request = coder
            .owner(Method::POST, "/users/ada/workspaces")
            .json(&json!({"name": "dev", "template_id": template}));
        let error = request.send().await.unwrap_err();
        assert!(error.is_request() && error.status().is_none(), "{error:?}");
        assert_eq!(coder.made().len(), made);
        let last = coder.running.sandbox().requests().all().pop().unwrap();
        assert_eq!((last.status, last.writes), (0, true));
    }
}

#[tokio::test]
async fn faults_answer_in_the_services_place_as_often_as_asked() {
    let coder = Coder::instant().await;
    let faults = coder.running.sandbox().faults();
    faults.add(fault("/api/v2/**", Fault::RateLimit { retry_after: 7 }));
    let response = coder.owner(Method::GET, "/users/me").send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    assert_eq!(answer(coder.owner(Method::GET, "/users/me")).await.0, 200);

    faults.add(fault("/api/v2/users/me", Fault::BrokenBody));
    let response = coder.owner(Method::GET, "/users/me").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(serde_json::from_str::<Value>(&response.text().await.unwrap()).is_err());

    let status = Fault::Status {
        status: 500,
        body: None,
        headers: Default::default(),
        after: true,
    };
    faults.add(fault("/api/v2/users/ada/workspaces", status));
    assert_eq!(coder.create("python", json!({})).await.0, 500);
    assert_eq!(coder.made().len(), 1, "it was made all the same");
}
