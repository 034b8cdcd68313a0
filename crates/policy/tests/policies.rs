//! What is allowed, and which policy says so.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use sidestage_policy::{Action, Decision, KeyScope, Kind, Policies, Question, Sources, Subject};

fn sources(tenancy: bool, folder: Option<&Path>) -> Sources {
    let action = |id: &str, destructive| Action {
        id: id.into(),
        provider: id.split(':').next().unwrap().into(),
        destructive,
    };
    Sources {
        actions: vec![
            action("coder:create-workspace", false),
            action("coder:delete-workspace", true),
            action("gitea:create-user", false),
        ],
        tenancy,
        default: true,
        keys: vec![KeyScope {
            name: "ci".into(),
            actions: vec!["coder:*".into()],
            options: vec!["gitea".into()],
        }],
        folder: folder.map(Path::to_owned),
    }
}

fn subject(kind: Kind, id: &str, organizations: &[&str]) -> Subject {
    Subject {
        kind,
        id: id.into(),
        groups: vec!["group:default/platform".into()],
        organizations: organizations.iter().map(|one| (*one).into()).collect(),
    }
}

fn jane() -> Subject {
    subject(Kind::User, "user:default/jane", &["acme-corp"])
}

fn ask(
    policies: &Policies,
    subject: &Subject,
    action: &str,
    organization: Option<&str>,
) -> Decision {
    policies.decide(&Question {
        subject,
        action,
        organization,
        connection: Some("coder"),
        dry_run: false,
    })
}

/// `allowed by ...` or `denied by ...`.
fn say(decision: &Decision) -> String {
    assert!(decision.errors.is_empty(), "{decision:?}");
    let verdict = if decision.allowed {
        "allowed"
    } else {
        "denied"
    };
    format!("{verdict} by {}", decision.policies.join(", "))
}

#[test]
fn people_act_for_their_own_organizations_only() {
    let policies = Policies::load(sources(true, None)).unwrap();
    let ask = |organization| {
        say(&ask(
            &policies,
            &jane(),
            "coder:create-workspace",
            organization,
        ))
    };
    assert_eq!(ask(Some("acme-corp")), "allowed by default/members");
    assert_eq!(ask(Some("globex")), "denied by ");
    assert_eq!(ask(None), "denied by ");
}

#[test]
fn without_organizations_whoever_has_signed_in_may() {
    let policies = Policies::load(sources(false, None)).unwrap();
    let decision = ask(&policies, &jane(), "coder:create-workspace", None);
    assert_eq!(say(&decision), "allowed by default/people");
}

#[test]
fn a_plugin_by_itself_is_nobody() {
    for tenancy in [true, false] {
        let policies = Policies::load(sources(tenancy, None)).unwrap();
        let scaffolder = subject(Kind::Plugin, "scaffolder", &[]);
        let decision = ask(&policies, &scaffolder, "coder:create-workspace", None);
        assert_eq!(say(&decision), "denied by built-in/nobody");
    }
}

#[test]
fn a_key_does_what_it_is_for() {
    let policies = Policies::load(sources(true, None)).unwrap();
    let ci = subject(Kind::Key, "ci", &["acme-corp"]);
    let other = subject(Kind::Key, "other", &["acme-corp"]);
    let ask = |key, action, organization| say(&ask(&policies, key, action, Some(organization)));
    assert_eq!(
        ask(&ci, "coder:delete-workspace", "acme-corp"),
        "allowed by auth.keys/ci"
    );
    assert_eq!(ask(&ci, "coder:delete-workspace", "globex"), "denied by ");
    assert_eq!(ask(&ci, "gitea:create-user", "acme-corp"), "denied by ");
    assert_eq!(
        ask(&ci, "gitea:options", "acme-corp"),
        "allowed by auth.keys/ci, options"
    );
    assert_eq!(ask(&ci, "coder:options", "acme-corp"), "denied by ");
    assert_eq!(
        ask(&other, "coder:delete-workspace", "acme-corp"),
        "denied by "
    );
}

#[test]
fn own_policies_forbid_and_allow_and_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| fs::write(folder.path().join("own.cedar"), text).unwrap();
    write(
        r#"@id("no-deletes") forbid (principal, action, resource) when { context.destructive };
           @id("platform") permit (principal is User, action in Action::"coder", resource == Organization::"globex")
           when { principal.groups.contains("group:default/platform") };"#,
    );
    let policies = Policies::load(sources(true, Some(folder.path()))).unwrap();
    let ask = |action, organization| say(&ask(&policies, &jane(), action, Some(organization)));
    assert_eq!(
        ask("coder:delete-workspace", "acme-corp"),
        "denied by own.cedar/no-deletes"
    );
    assert_eq!(
        ask("coder:create-workspace", "globex"),
        "allowed by own.cedar/platform"
    );
    assert_eq!(ask("gitea:create-user", "globex"), "denied by ");
    assert!(!policies.reload().unwrap());

    write("permit (principal, action, resource");
    let refusal = policies.reload().unwrap_err().to_string();
    assert!(refusal.starts_with("own.cedar:1: "), "{refusal}");
    assert_eq!(
        ask("coder:delete-workspace", "acme-corp"),
        "denied by own.cedar/no-deletes"
    );

    write("");
    assert!(policies.reload().unwrap());
    assert_eq!(
        ask("coder:delete-workspace", "acme-corp"),
        "allowed by default/members"
    );
}

#[test]
fn a_policy_that_could_never_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |text: &str| {
        fs::write(folder.path().join("own.cedar"), text).unwrap();
        Policies::load(sources(true, Some(folder.path())))
            .err()
            .unwrap()
            .to_string()
    };
    for (text, named) in [
        (
            r#"permit (principal, action == Action::"coder:create-workspce", resource);"#,
            "coder:create-workspce",
        ),
        (
            r#"permit (principal, action, resource) when { principal.group == "x" };"#,
            "group",
        ),
        (
            r#"permit (principal, action, resource) when { context.dryrun };"#,
            "dryrun",
        ),
    ] {
        let refusal = refusal(text);
        assert!(
            refusal.contains(named) && refusal.contains("own.cedar"),
            "{refusal}"
        );
    }
}

#[test]
fn a_name_with_quotes_does_not_leave_its_place() {
    let mut sources = sources(true, None);
    let name = r#"x" , action, resource); permit (principal"#;
    sources.keys[0].name = name.into();
    let policies = Policies::load(sources).unwrap();
    let decision = ask(
        &policies,
        &subject(Kind::Key, name, &["acme-corp"]),
        "coder:delete-workspace",
        Some("acme-corp"),
    );
    assert!(decision.allowed);
    assert_eq!(
        say(&ask(
            &policies,
            &subject(Kind::Key, "other", &["acme-corp"]),
            "coder:delete-workspace",
            Some("acme-corp")
        )),
        "denied by "
    );
}
