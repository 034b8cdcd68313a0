//! What a person is given: one step a service's object. A new service is one entry in [`STEPS`], and the room that it
//! needs for many people.

use serde_json::{Value, json};
use sidestage_sandbox::Sandbox;

pub struct Step {
    /// What is counted.
    pub object: &'static str,
    pub service: &'static str,
    pub action: &'static str,
    pub input: fn(person: &str) -> Value,
    /// The effect that makes the object.
    pub kind: &'static str,
    pub key: fn(person: &str) -> String,
    /// The objects that the service has, by their keys, and whether they are in use: from its state.
    pub there: fn(state: &Value) -> Vec<(String, bool)>,
    /// Effects that cannot be taken back, with the words that say what was done instead. All else has to be, and what
    /// stays for another reason, such as a service that is down, is asked for again.
    pub stays: &'static [(&'static str, &'static str)],
}

/// In the order in which a person gets them.
pub const STEPS: &[Step] = &[
    Step {
        object: "Coder accounts",
        service: "coder",
        action: "coder:create-user",
        input: |person| json!({"username": person, "email": email(person), "coderOrganizations": ["acme"]}),
        kind: "user",
        key: str::to_owned,
        there: |state| list(&state["users"], |user| (text(&user["username"]), true)),
        stays: &[],
    },
    Step {
        object: "Coder workspaces",
        service: "coder",
        action: "coder:create-workspace",
        input: |person| json!({"user": person, "template": "python", "workspaceName": "dev", "waitFor": "created"}),
        kind: "workspace",
        key: |person| format!("{person}/dev"),
        there: |state| {
            list(&state["workspaces"], |workspace| {
                let key = format!("{}/{}", text(&workspace["owner"]), text(&workspace["name"]));
                (key, workspace["deleted"] == false)
            })
        },
        stays: &[],
    },
    Step {
        object: "Mattermost accounts",
        service: "mattermost",
        action: "mattermost:create-user",
        input: |person| json!({"username": person, "email": email(person), "teamName": "engineering", "channels": ["backend"]}),
        kind: "account",
        key: str::to_owned,
        there: |state| {
            list(&state["users"], |user| {
                (text(&user["username"]), user["active"] == true)
            })
        },
        stays: &[
            ("account", "is deactivated instead"),
            ("password mail", "cannot be called back"),
        ],
    },
    Step {
        object: "Gitea accounts",
        service: "gitea",
        action: "gitea:create-user",
        input: |person| json!({"username": person, "email": email(person), "fullName": person}),
        kind: "account",
        key: str::to_owned,
        there: |state| {
            list(&state["users"], |user| {
                (text(&user["username"]), user["prohibitLogin"] == false)
            })
        },
        stays: &[],
    },
    // Goes into the bin.
    Step {
        object: "Twenty people",
        service: "twenty",
        action: "twenty:create-person",
        input: |person| json!({"name": format!("Chaos {person}"), "email": email(person)}),
        kind: "person",
        key: email,
        there: |state| {
            list(&state["people"], |record| {
                let email = text(&record["emails"]["primaryEmail"]);
                (email, record["deletedAt"].is_null())
            })
        },
        stays: &[("person", "is deleted in Twenty")],
    },
];

fn email(person: &str) -> String {
    format!("{person}@example.com")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(items: &Value, read: impl Fn(&Value) -> (String, bool)) -> Vec<(String, bool)> {
    items.as_array().unwrap().iter().map(read).collect()
}

/// The services of all steps, each once.
pub fn services() -> Vec<&'static str> {
    let mut services: Vec<_> = STEPS.iter().map(|step| step.service).collect();
    services.dedup();
    services
}

/// The services take as many people as there are.
pub fn make_room(sandbox: &Sandbox) {
    sandbox.mattermost().configure(|settings| {
        settings.max_users_per_team = u64::MAX;
        settings.max_users_hard_limit = u64::MAX;
    });
}
