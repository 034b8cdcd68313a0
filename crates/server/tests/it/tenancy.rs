//! Organizations: who acts for one is one of its people, by what the issuer of their token says.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sidestage_actions::Registry;

use crate::service::{OPERATOR_KEY, Service, answer, workspace};

/// Acme's people are in `acme` of Coder and Gitea and `engineering` of Mattermost, Globex's in `coder`, `globex` and
/// `sales`; each has a Twenty of its own.
const TABLE: &str = "organizations:
  acme-corp:
    members:
      backstageGroups: ['group:default/acme-corp']
      keycloakGroups: [/acme-corp]
      keycloakOrganizations: [acme]
    connections:
      coder: {organization: acme}
      gitea: {organization: acme}
      mattermost: {team: engineering}
      twenty-acme: {}
  globex:
    members:
      backstageGroups: ['group:default/globex']
      keycloakGroups: [/globex]
      keycloakOrganizations: [globex]
    connections:
      coder: {organization: coder}
      gitea: {organization: globex}
      mattermost: {team: sales}
      twenty-globex: {}
";

const ORGANIZATIONS: [&str; 2] = ["acme-corp", "globex"];

async fn service() -> Service {
    let service = Service::with(TABLE).await;
    for organization in ORGANIZATIONS {
        service.backstage.put(
            &user(organization),
            &format!("group:default/{organization}"),
        );
    }
    service
}

/// Somebody of the organization, in Backstage.
fn user(organization: &str) -> String {
    format!("user:default/of-{organization}")
}

/// A way in.
#[derive(Clone, Copy, Debug)]
enum Door {
    Provider,
    ProviderWithSecrets,
    RunApiByBackstage,
    RunApiByKeycloakGroup,
    RunApiByKeycloakOrganization,
    RunApiByKey,
}

const DOORS: [Door; 6] = [
    Door::Provider,
    Door::ProviderWithSecrets,
    Door::RunApiByBackstage,
    Door::RunApiByKeycloakGroup,
    Door::RunApiByKeycloakOrganization,
    Door::RunApiByKey,
];

impl Door {
    /// A dry run, where the door has such, by somebody of an organization.
    fn request(self, service: &Service, action: &str, of: &str, input: &Value) -> RequestBuilder {
        let provider = action.split(':').next().unwrap();
        let invoke = |version: &str| {
            let path =
                format!("/api/{provider}/.backstage/actions/{version}/actions/{action}/invoke");
            let token = service.backstage.token_for(provider, &user(of));
            service.bare(Method::POST, &path).bearer_auth(token)
        };
        let start = |token: String| {
            let body = json!({"action": action, "input": input, "dryRun": true});
            service
                .bare(Method::POST, "/v1/runs")
                .bearer_auth(token)
                .json(&body)
        };
        match self {
            Door::Provider => invoke("v1").json(input),
            Door::ProviderWithSecrets => invoke("v2").json(&json!({ "input": input })),
            Door::RunApiByBackstage => start(service.backstage.token_for("sidestage", &user(of))),
            Door::RunApiByKeycloakGroup => {
                let path = format!("/{of}/engineering");
                start(service.keycloak.token_with(json!({ "groups": [path] })))
            }
            Door::RunApiByKeycloakOrganization => {
                let alias = of.trim_end_matches("-corp");
                start(
                    service
                        .keycloak
                        .token_with(json!({ "organization": [alias] })),
                )
            }
            Door::RunApiByKey => start(format!("key-of-{of}")),
        }
    }
}

/// Every action, so that a new one is in it by itself.
#[tokio::test]
async fn every_action_at_every_door_is_for_the_callers_own_organization_only() {
    let service = service().await;
    let registry = Registry::new(Vec::new()).unwrap();
    let requests = || service.sandbox.sandbox().requests().all().len();
    for action in registry.iter().map(|action| action.descriptor()) {
        let mut examples = action.examples.iter().map(|example| {
            let step: Value = serde_saphyr::from_str(&example.example).unwrap();
            step["steps"][0]["input"].clone()
        });
        let input = examples.next_back().unwrap();
        for door in DOORS {
            for of in ORGANIZATIONS {
                for target in ORGANIZATIONS {
                    let mut input = input.clone();
                    input["organization"] = target.into();
                    let request = door.request(&service, &action.id, of, &input);
                    let before = requests();
                    let (status, body) = answer(request).await;
                    let mut said = body.to_string();
                    if let Some(run) = body["id"].as_str() {
                        // To its end, so that none of its calls counts for the next one.
                        let events = format!("/v1/runs/{run}/events");
                        let events = service.bare(Method::GET, &events).bearer_auth(OPERATOR_KEY);
                        said += &events.send().await.unwrap().text().await.unwrap();
                    }
                    let place = format!("{} at {door:?} by {of} for {target}: {said}", action.id);
                    let refused = said.contains("you are not in that organization")
                        || said.contains("auth.keys lists what it may");
                    // By the service, or by the boundary before it.
                    let answered =
                        requests() > before || said.contains("not within the organization");
                    match of == target {
                        true => assert!(status != 401 && !refused && answered, "{place}"),
                        false => assert!(status == 403 && refused && !answered, "{place}"),
                    }
                }
            }
        }
    }
    let audit = service.audit();
    let decisions = audit.iter().filter(|line| line["event"] == "decision");
    for line in decisions {
        let own = line["memberBy"].is_string();
        assert_eq!(
            line["outcome"],
            if own { "allowed" } else { "denied" },
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_organization_is_the_callers_only_one_where_none_is_named() {
    let service = service().await;
    let start = |user: &str| {
        let token = service.backstage.token_for("sidestage", user);
        let body =
            json!({"action": "coder:create-workspace", "input": workspace("dev"), "dryRun": true});
        service
            .bare(Method::POST, "/v1/runs")
            .bearer_auth(token)
            .json(&body)
    };
    let (status, run) = answer(start(&user("acme-corp"))).await;
    assert_eq!(
        (status, &run["organization"]),
        (201, &json!("acme-corp")),
        "{run}"
    );

    let refusals = ["user:default/of-both", "user:default/of-none"];
    service
        .backstage
        .put(refusals[0], "group:default/acme-corp");
    service.backstage.put(refusals[0], "group:default/globex");
    let said = async |user| {
        answer(start(user)).await.1["detail"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    insta::assert_snapshot!(said(refusals[0]).await, @"organization is required, since you are in several: acme-corp, globex.");
    insta::assert_snapshot!(said(refusals[1]).await, @"You are in none of the organizations of Sidestage's configuration.");
}

#[tokio::test]
async fn what_a_request_says_of_groups_counts_for_nothing() {
    let service = service().await;
    let mut input = workspace("dev");
    input["organization"] = "globex".into();
    let body = json!({"action": "coder:create-workspace", "input": input, "dryRun": true});
    let token = service.backstage.token_for("sidestage", &user("acme-corp"));
    let request = service
        .bare(
            Method::POST,
            "/v1/runs?organization=globex&groups=group:default/globex",
        )
        .bearer_auth(token)
        .header("x-forwarded-groups", "group:default/globex")
        .json(&body);
    assert_eq!(answer(request).await.0, 403);
}

#[tokio::test]
async fn groups_are_asked_of_backstage_and_kept_for_a_moment() {
    let service = service().await;
    let token = service.backstage.token_for("sidestage", &user("acme-corp"));
    for _ in 0..5 {
        let request = service.bare(Method::GET, "/v1/actions").bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let fetches = service.backstage.published.lock().unwrap().fetches["userinfo"];
    assert_eq!(fetches, 1);
    service.backstage.published.lock().unwrap().down = true;
    let token = service
        .backstage
        .token_for("sidestage", "user:default/somebody-else");
    let (status, body) = answer(service.bare(Method::GET, "/v1/actions").bearer_auth(token)).await;
    assert_eq!(status, 503);
    insta::assert_snapshot!(body["detail"].as_str().unwrap(), @"Sidestage cannot fetch the person's groups from Backstage, so it cannot check the token. Check auth.backstage.baseUrl in its configuration, and that Backstage can be reached from it.");
}

#[tokio::test]
async fn lists_show_what_the_caller_may_use() {
    let service = service().await;
    let list = async |token: String, path: &str| {
        answer(service.bare(Method::GET, path).bearer_auth(token))
            .await
            .1
    };
    let stranger = service
        .backstage
        .token_for("coder", "user:default/stranger");
    let door1 = "/api/coder/.backstage/actions/v1/actions";
    assert_eq!(list(stranger, door1).await["actions"], json!([]));
    let member = service.backstage.token_for("coder", &user("globex"));
    assert!(
        list(member, door1).await["actions"]
            .as_array()
            .unwrap()
            .len()
            > 1
    );
    let stranger = service
        .backstage
        .token_for("sidestage", "user:default/stranger");
    assert_eq!(list(stranger.clone(), "/v1/actions").await, json!([]));
    assert_eq!(
        list(stranger, "/v1/actions/coder:create-workspace").await["code"],
        "not_found"
    );
    for (organization, own) in [("acme-corp", "acme"), ("globex", "coder")] {
        let user = user(organization);
        let by_plugin = service.backstage.token_for("coder", &user);
        // As Backstage's proxy hands it on when a form asks.
        let by_proxy = service.backstage.own_token(&user);
        for token in [by_plugin, by_proxy] {
            let choices = list(token, "/api/coder/options/organizations").await;
            assert_eq!(choices[0]["value"], own, "{choices}");
            assert_eq!(choices.as_array().unwrap().len(), 1, "{choices}");
        }
    }
    let member = service.backstage.token_for("coder", &user("acme-corp"));
    let others = list(member, "/api/coder/options/templates?organization=globex").await;
    assert_eq!(others["error"]["name"], "NotAllowedError", "{others}");
}

#[tokio::test]
async fn people_choose_from_what_is_their_own_by_their_own_token() {
    let service = service().await;
    let both = "user:default/of-both";
    for organization in ORGANIZATIONS {
        let group = format!("group:default/{organization}");
        service.backstage.put(both, &group);
    }
    // As a browser asks, through Backstage's proxy.
    let list = async |user: &str, path: &str| {
        let token = service.backstage.own_token(user);
        let request = service.bare(Method::GET, &format!("/api/{path}"));
        let (_, list) = answer(request.bearer_auth(token)).await;
        match list.as_array() {
            Some(list) => list
                .iter()
                .map(|one| one["value"].as_str().unwrap().to_owned())
                .collect(),
            None => vec![list["error"]["message"].as_str().unwrap().to_owned()],
        }
    };
    let acme = user("acme-corp");
    let globex = user("globex");
    for (path, of_acme, of_globex) in [
        ("coder/options/organizations", "acme", "coder"),
        ("gitea/options/organizations", "acme", "globex"),
        ("mattermost/options/teams", "engineering", "sales"),
    ] {
        assert_eq!(list(&acme, path).await, [of_acme], "{path}");
        assert_eq!(list(&globex, path).await, [of_globex], "{path}");
        let refused = list(both, path).await.remove(0);
        assert!(
            refused.contains("organization is required, since you are in several"),
            "{path}: {refused}"
        );
        let one = format!("{path}?organization=globex");
        assert_eq!(list(both, &one).await, [of_globex], "{path}");
        let refused = list(&acme, &one).await.remove(0);
        assert!(
            refused.contains("you are not in that organization"),
            "{path}: {refused}"
        );
        let refused = list("user:default/of-none", path).await.remove(0);
        assert!(
            refused.contains("You are in none of the organizations"),
            "{path}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_key_for_all_runs_sees_those_of_its_organizations() {
    let service = service().await;
    for organization in ORGANIZATIONS {
        let mut input = workspace("dev");
        input["organization"] = organization.into();
        let token = format!("key-of-{organization}");
        let body = json!({"action": "coder:create-workspace", "input": input, "dryRun": true});
        let request = service.bare(Method::POST, "/v1/runs").bearer_auth(token);
        assert_eq!(answer(request.json(&body)).await.0, 201);
    }
    let list = async |token: &str| {
        let (_, list) = answer(service.bare(Method::GET, "/v1/runs").bearer_auth(token)).await;
        list["runs"].as_array().unwrap().clone()
    };
    assert_eq!(list(OPERATOR_KEY).await.len(), 2);
    let of_globex = list("operator-of-globex").await;
    assert_eq!(of_globex.len(), 1);
    let of_acme = list(OPERATOR_KEY)
        .await
        .into_iter()
        .find(|run| run["organization"] == "acme-corp")
        .unwrap();
    let path = format!("/v1/runs/{}", of_acme["id"].as_str().unwrap());
    assert_eq!(
        answer(
            service
                .bare(Method::GET, &path)
                .bearer_auth("operator-of-globex")
        )
        .await
        .0,
        403
    );
    // A key that is for no organization does nothing where there are some.
    assert_eq!(
        answer(service.ci(Method::GET, "/v1/actions")).await.1,
        json!([])
    );
}
