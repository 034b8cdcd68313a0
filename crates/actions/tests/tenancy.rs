//! Organizations (tenants): a run keeps to what is its organization's, whatever its input names and whatever the
//! service answers.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use sidestage_action::{Code, Made, testing::context_for};
use sidestage_actions::{ConnectionConfig, Registry, Tenant};
use support::Stage;

/// Acme's people are in the organization `acme` of Coder and the team `engineering` of Mattermost, Globex's in `coder`
/// and `sales`. Ada is in both organizations of Coder. The workspace of Twenty is all Acme's.
fn tenants(provider: &str) -> BTreeMap<String, Tenant> {
    let [acme, globex] = match provider {
        "coder" => [("acme", None), ("coder", None)],
        "gitea" => [("acme", None), ("globex", None)],
        "mattermost" => [("engineering", Some(())), ("sales", Some(()))],
        _ => return BTreeMap::from([("acme-corp".into(), Tenant::default())]),
    };
    let place = |(name, is_team): (&str, Option<()>)| match is_team {
        None => Tenant {
            organization: Some(name.into()),
            ..Tenant::default()
        },
        Some(()) => Tenant {
            team: Some(name.into()),
            ..Tenant::default()
        },
    };
    let acme = Tenant {
        templates: Some(vec!["node".into()]),
        email_domains: vec!["acme.test".into()],
        ..place(acme)
    };
    let globex = Tenant {
        templates: Some(vec!["node".into(), "python".into()]),
        ..place(globex)
    };
    BTreeMap::from([("acme-corp".into(), acme), ("globex".into(), globex)])
}

async fn stage() -> Stage {
    Stage::with(Duration::ZERO, |config| {
        config.tenants = Some(tenants(&config.provider));
    })
    .await
}

fn with(organization: &str, mut input: Value) -> Value {
    input["organization"] = organization.into();
    input
}

/// The id of something in a service.
async fn id_of(stage: &Stage, service: &str, path: &str, values: &[&str]) -> Value {
    let service = stage.somebody_else(service);
    let found: Value = service
        .get(path, values)
        .send()
        .await
        .unwrap()
        .json()
        .unwrap();
    found["id"].clone()
}

fn workspace(user: &str) -> Value {
    json!({"user": user, "template": "node", "workspaceName": "dev"})
}

#[tokio::test]
async fn defaults_are_the_organizations_own() {
    let stage = stage().await;
    for (organization, own) in [("acme-corp", "acme"), ("globex", "coder")] {
        let mut input = with(organization, workspace("ada"));
        input["workspaceName"] = format!("in-{own}").into();
        stage.run("coder:create-workspace", input).await.output();
        let state = stage.state("coder");
        let mut workspaces = state["workspaces"].as_array().unwrap().iter();
        let made = workspaces.find(|one| one["name"] == format!("in-{own}"));
        assert_eq!(made.unwrap()["organization"], own, "{state}");
    }
    let katherine = json!({"username": "katherine", "email": "katherine@acme.test"});
    let made = stage
        .run("coder:create-user", with("acme-corp", katherine.clone()))
        .await;
    assert_eq!(made.output()["coderOrganizations"], json!(["acme"]));
    let made = stage
        .run("mattermost:create-user", with("acme-corp", katherine))
        .await;
    assert!(
        made.log()
            .contains("katherine is in the team engineering now"),
        "{}",
        made.log()
    );
}

#[tokio::test]
async fn what_is_another_organizations_is_refused_and_nothing_is_changed() {
    let stage = stage().await;
    let path = "/api/v2/organizations/{organization}/templates/{template}";
    let of_globex = id_of(&stage, "coder", path, &["coder", "python"]).await;
    let path = "/api/v4/teams/name/{name}";
    let sales = id_of(&stage, "mattermost", path, &["sales"]).await;
    let katherine = json!({"username": "katherine", "email": "katherine@acme.test"});
    let and = |mut input: Value, key: &str, value: Value| {
        input[key] = value;
        input
    };
    let refused = [
        (
            "acme-corp",
            "coder:create-workspace",
            and(workspace("ada"), "coderOrganization", json!("coder")),
        ),
        (
            "acme-corp",
            "coder:create-workspace",
            and(workspace("ada"), "template", of_globex),
        ),
        (
            "globex",
            "coder:create-workspace",
            and(workspace("ada"), "template", json!("strict")),
        ),
        ("acme-corp", "coder:create-workspace", workspace("grace")),
        (
            "acme-corp",
            "coder:create-user",
            and(
                katherine.clone(),
                "coderOrganizations",
                json!(["acme", "coder"]),
            ),
        ),
        (
            "acme-corp",
            "coder:create-user",
            json!({"username": "mary", "email": "mary@globex.test"}),
        ),
        (
            "globex",
            "coder:create-user",
            and(katherine.clone(), "coderOrganizations", json!(["acme"])),
        ),
        (
            "acme-corp",
            "coder:delete-workspace",
            json!({"user": "grace", "workspaceName": "old-project"}),
        ),
        ("acme-corp", "coder:suspend-user", json!({"user": "grace"})),
        ("acme-corp", "coder:suspend-user", json!({"user": "ada"})),
        (
            "acme-corp",
            "mattermost:create-user",
            and(katherine.clone(), "teamName", json!("sales")),
        ),
        (
            "acme-corp",
            "mattermost:create-user",
            and(katherine.clone(), "teamName", sales),
        ),
        (
            "acme-corp",
            "mattermost:create-user",
            and(katherine, "teamName", json!("no-such-team")),
        ),
        (
            "acme-corp",
            "mattermost:create-user",
            json!({"username": "mary", "email": "mary@globex.test"}),
        ),
        (
            "globex",
            "mattermost:create-user",
            json!({"username": "grace", "email": "grace@example.com"}),
        ),
        (
            "globex",
            "mattermost:create-team",
            json!({"teamName": "engineering"}),
        ),
        (
            "globex",
            "mattermost:create-team",
            json!({"teamName": "sales", "owner": "ada"}),
        ),
        (
            "globex",
            "mattermost:deactivate-user",
            json!({"username": "grace"}),
        ),
        (
            "acme-corp",
            "gitea:add-to-team",
            json!({"username": "ada", "giteaOrganization": "globex", "team": "contractors"}),
        ),
        (
            "acme-corp",
            "gitea:add-to-team",
            json!({"username": "grace", "giteaOrganization": "acme", "team": "developers"}),
        ),
        (
            "acme-corp",
            "gitea:create-user",
            json!({"username": "mary", "email": "mary@globex.test"}),
        ),
        (
            "globex",
            "gitea:create-repository",
            json!({"giteaOrganization": "acme", "repositoryName": "first-steps"}),
        ),
        (
            "globex",
            "gitea:create-repository",
            json!({"username": "ada", "repositoryName": "first-steps"}),
        ),
        (
            "globex",
            "gitea:deactivate-user",
            json!({"username": "ada"}),
        ),
        (
            "globex",
            "gitea:find-repository",
            json!({"giteaOrganization": "acme", "repositoryName": "handbook"}),
        ),
        (
            "globex",
            "gitea:find-repository",
            json!({"username": "ada", "repositoryName": "handbook"}),
        ),
        (
            "globex",
            "twenty:create-company",
            json!({"name": "Initech", "domain": "initech.example"}),
        ),
        (
            "globex",
            "twenty:create-person",
            json!({"email": "mary@globex.test", "firstName": "Mary", "lastName": "Shelley"}),
        ),
        (
            "globex",
            "twenty:delete-person",
            json!({"email": "grace@example.com"}),
        ),
    ];
    // No action is without one.
    let tried: BTreeSet<&str> = refused.iter().map(|(_, action, _)| *action).collect();
    let all = stage.registry.iter().map(|action| &*action.descriptor().id);
    assert_eq!(tried, all.collect::<BTreeSet<_>>());
    let mut said = Vec::new();
    for (organization, action, input) in refused {
        let ended = stage.run(action, with(organization, input.clone())).await;
        assert_eq!(
            ended.error().code(),
            Code::Forbidden,
            "{action} {input}: {}",
            ended.error()
        );
        said.push(format!(
            "{organization} {action} {}\n  {}",
            stage.mask(&input.to_string()),
            support::said(&ended)
        ));
    }
    assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    insta::assert_snapshot!(stage.mask(&said.join("\n")));
}

#[tokio::test]
async fn what_is_the_organizations_own_is_done() {
    let stage = stage().await;
    let done = [
        ("globex", "coder:suspend-user", json!({"user": "grace"})),
        (
            "globex",
            "coder:delete-workspace",
            json!({"user": "grace", "workspaceName": "old-project"}),
        ),
        (
            "acme-corp",
            "mattermost:deactivate-user",
            json!({"username": "grace"}),
        ),
        (
            "globex",
            "mattermost:create-team",
            json!({"teamName": "sales"}),
        ),
        (
            "globex",
            "gitea:add-to-team",
            json!({"username": "grace", "giteaOrganization": "globex", "team": "contractors"}),
        ),
        (
            "acme-corp",
            "gitea:create-repository",
            json!({"repositoryName": "first-steps"}),
        ),
        (
            "acme-corp",
            "gitea:deactivate-user",
            json!({"username": "ada"}),
        ),
        (
            "acme-corp",
            "gitea:find-repository",
            json!({"giteaOrganization": "acme", "repositoryName": "handbook"}),
        ),
        (
            "acme-corp",
            "twenty:create-company",
            json!({"name": "Initech", "domain": "initech.example"}),
        ),
    ];
    for (organization, action, input) in done {
        stage.run(action, with(organization, input)).await.output();
    }
}

#[tokio::test]
async fn an_organization_works_through_its_own_connections() {
    let stage = stage().await;
    for organization in [None, Some("initech")] {
        let mut input = workspace("ada");
        if let Some(organization) = organization {
            input = with(organization, input);
        }
        let refused = stage.run("coder:create-workspace", input).await;
        let code = refused.error().code();
        assert!(
            matches!(code, Code::Forbidden | Code::InvalidInput),
            "{organization:?}"
        );
    }
    // A run is taken back within its own organization, too.
    let made = Made {
        kind: "workspace".into(),
        key: "grace/old-project".into(),
        id: uuid::Uuid::nil().to_string(),
    };
    let refused = stage
        .undo("coder:create-workspace", vec![made], false)
        .await;
    assert_eq!(refused.error().code(), Code::InvalidInput);
    assert!(stage.wire.calls().is_empty());
}

#[tokio::test]
async fn forms_offer_what_is_the_organizations_own() {
    let stage = stage().await;
    let list = async |organization: &str, provider, list, query: &[(&str, &str)]| {
        let (_, _, ctx) = context_for(Some(organization.into()), true);
        let query = query
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let list = stage
            .registry
            .options(&ctx, provider, list, query.collect())
            .await;
        list.map(|list| list.into_iter().map(|one| one.value).collect::<Vec<_>>())
    };
    assert_eq!(
        list("acme-corp", "coder", "organizations", &[])
            .await
            .unwrap(),
        ["acme"]
    );
    assert_eq!(
        list("acme-corp", "coder", "templates", &[]).await.unwrap(),
        ["node"]
    );
    for (organization, workspaces) in [("acme-corp", &[][..]), ("globex", &["old-project"])] {
        assert_eq!(
            list(organization, "coder", "workspaces", &[("user", "grace")])
                .await
                .unwrap(),
            workspaces
        );
    }
    assert!(
        list("globex", "coder", "templates", &[])
            .await
            .unwrap()
            .contains(&"python".into())
    );
    assert_eq!(
        list("acme-corp", "mattermost", "teams", &[]).await.unwrap(),
        ["engineering"]
    );
    assert_eq!(
        list("acme-corp", "gitea", "organizations", &[])
            .await
            .unwrap(),
        ["acme"]
    );
    let channels = list(
        "globex",
        "mattermost",
        "channels",
        &[("team", "engineering")],
    )
    .await;
    assert_eq!(channels.unwrap_err().code(), Code::Forbidden);
}

#[test]
fn a_table_that_keeps_nothing_apart_is_refused() {
    let refusal = |acme: Tenant, globex: Tenant| {
        let config = ConnectionConfig {
            tenants: Some(BTreeMap::from([
                ("acme-corp".into(), acme),
                ("globex".into(), globex),
            ])),
            ..ConnectionConfig::new(
                "coder",
                "coder",
                "https://coder.example.com".parse().unwrap(),
            )
        };
        Registry::new(vec![config]).err().unwrap().to_string()
    };
    let named = |name: &str| Tenant {
        organization: Some(name.into()),
        ..Tenant::default()
    };
    insta::assert_snapshot!(refusal(named("acme"), named("Acme")), @"organizations.globex.connections.coder names the organization that is acme-corp's already; what two organizations share keeps nothing apart");
    insta::assert_snapshot!(refusal(named("acme"), Tenant::default()), @"organizations.globex.connections.coder needs organization: what is its own there");
    let team = Tenant {
        team: Some("sales".into()),
        ..Tenant::default()
    };
    insta::assert_snapshot!(refusal(named("acme"), team), @"organizations.globex.connections.coder takes organization, and nothing else, to say what is its own there");
}
