//! What is there at the start.
//!
//! | users | |
//! |---|---|
//! | `admin` | site owner; its token is [`OWNER_TOKEN`] |
//! | `ada` | member of `coder` and `acme`; its token is [`MEMBER_TOKEN`] |
//! | `grace` | member of `coder`; has linked GitHub |
//! | `linus` | member of `coder`, dormant |
//! | `suspended-sam` | suspended |
//!
//! `grace` has a workspace `old-project`, which runs.
//!
//! Templates of the organization `coder`: `node` (parameters `cpu`, `region`; presets `small`, `large`),
//! `python`, `strict` (needs `git_repo`), `agentless`, `old` (deprecated), `private-git` (needs GitHub linked),
//! `importing` (its version is not ready), and some whose builds do not go well: `fails`, `quota`, `slow`
//! (until it is cancelled), `no-provisioner`, `startup-error`, `agent-timeout`. `acme` has a `node` too.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::state::{
    Build, BuildBehaviour, Organization, Parameter, Preset, State, Template, Token, User, Workspace,
};

/// The token of `admin`, who may create workspaces for everybody.
pub const OWNER_TOKEN: &str = "sandboxown-sandboxownertoken00001";
/// The token of `ada`, who may create her own.
pub const MEMBER_TOKEN: &str = "sandboxmem-sandboxmembertoken0001";
/// A token of `admin` that has expired.
pub const EXPIRED_TOKEN: &str = "sandboxexp-sandboxexpiredtoken001";

/// Ids are the same in every sandbox.
fn id(of: &str) -> Uuid {
    let mut bytes = [0; 16];
    for (n, byte) in of.bytes().enumerate() {
        bytes[n % 16] = (bytes[n % 16] as u16 * 31 + u16::from(byte)) as u8;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

pub(super) fn seed() -> State {
    let organizations: Vec<Organization> = [("coder", true), ("acme", false)]
        .map(|(name, is_default)| Organization {
            id: id(name),
            name,
            is_default,
        })
        .into();
    let user = |name: &'static str, status: &'static str, organizations: &[&str]| User {
        id: id(name),
        username: name.into(),
        email: format!("{name}@example.com"),
        status,
        is_owner: name == "admin",
        login_type: "oidc".into(),
        linked: if name == "grace" {
            vec!["github"]
        } else {
            Vec::new()
        },
        organizations: organizations.iter().map(|name| id(name)).collect(),
    };
    let users = vec![
        user("admin", "active", &["coder"]),
        user("ada", "active", &["coder", "acme"]),
        user("grace", "active", &["coder"]),
        user("linus", "dormant", &["coder"]),
        user("suspended-sam", "suspended", &["coder"]),
    ];
    let token = |text: &'static str, user: &str, expired: bool| Token {
        text,
        user: id(user),
        expired,
    };
    let templates = templates();
    let workspaces = vec![old_project(&templates[0])];
    State {
        organizations,
        users,
        tokens: vec![
            token(OWNER_TOKEN, "admin", false),
            token(MEMBER_TOKEN, "ada", false),
            token(EXPIRED_TOKEN, "admin", true),
        ],
        templates,
        workspaces,
        queued: Default::default(),
    }
}

/// A workspace of grace's that has been running for long.
fn old_project(template: &Template) -> Workspace {
    let build = Build {
        id: id("build/old-project"),
        job: id("job/old-project"),
        agent: id("agent/old-project"),
        number: 1,
        transition: "start",
        initiator: id("grace"),
        version: template.version,
        preset: None,
        parameters: [("cpu", "2"), ("region", "eu")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        has_agent: true,
        behaviour: BuildBehaviour::Succeed,
        created_at: Timestamp::UNIX_EPOCH,
        started: Instant::now(),
        duration: Duration::ZERO,
        cancelled: None,
    };
    Workspace {
        id: id("workspace/old-project"),
        name: "old-project".into(),
        owner: id("grace"),
        template: template.id,
        organization: template.organization,
        created_at: Timestamp::UNIX_EPOCH,
        ttl_ms: None,
        autostart: None,
        automatic_updates: "never".into(),
        dormant: false,
        deleted: false,
        builds: vec![build],
    }
}

fn templates() -> Vec<Template> {
    let template = |organization: &str, name: &'static str| Template {
        id: id(&format!("template/{organization}/{name}")),
        version: id(&format!("version/{organization}/{name}")),
        organization: id(organization),
        name,
        display_name: name,
        parameters: Vec::new(),
        presets: Vec::new(),
        deprecated: None,
        external_auth: Vec::new(),
        importing: false,
        has_agent: true,
        behaviour: BuildBehaviour::Succeed,
    };
    let behaving = |name, behaviour| Template {
        behaviour,
        ..template("coder", name)
    };
    let cpu = Parameter {
        name: "cpu",
        kind: "number",
        default: Some("2"),
        range: Some((1, 8)),
        ..Parameter::default()
    };
    let region = Parameter {
        name: "region",
        kind: "string",
        default: Some("eu"),
        options: &["eu", "us"],
        mutable: false,
        ..Parameter::default()
    };
    let preset = |name: &'static str, cpu: &'static str, default| Preset {
        id: id(name),
        name,
        parameters: vec![("cpu", cpu)],
        default,
    };
    vec![
        Template {
            display_name: "Node.js",
            parameters: vec![cpu.clone(), region.clone()],
            presets: vec![preset("small", "1", true), preset("large", "8", false)],
            ..template("coder", "node")
        },
        template("coder", "python"),
        Template {
            parameters: vec![
                Parameter {
                    name: "git_repo",
                    kind: "string",
                    regex: Some("^https://"),
                    ..Parameter::default()
                },
                Parameter {
                    name: "features",
                    kind: "list(string)",
                    default: Some("[]"),
                    ..Parameter::default()
                },
                Parameter {
                    name: "debug",
                    kind: "bool",
                    default: Some("false"),
                    ..Parameter::default()
                },
                Parameter {
                    name: "reset_home",
                    kind: "bool",
                    default: Some("false"),
                    ephemeral: true,
                    ..Parameter::default()
                },
            ],
            ..template("coder", "strict")
        },
        Template {
            has_agent: false,
            ..template("coder", "agentless")
        },
        Template {
            deprecated: Some("Use node instead."),
            ..template("coder", "old")
        },
        Template {
            external_auth: vec!["github"],
            ..template("coder", "private-git")
        },
        Template {
            importing: true,
            ..template("coder", "importing")
        },
        behaving(
            "fails",
            BuildBehaviour::Fail {
                error: "terraform apply: exit status 1: no space left on device".into(),
            },
        ),
        behaving("quota", BuildBehaviour::Quota),
        behaving("slow", BuildBehaviour::Hang),
        behaving("no-provisioner", BuildBehaviour::NoProvisioner),
        behaving("startup-error", BuildBehaviour::AgentStartError),
        behaving("agent-timeout", BuildBehaviour::AgentTimeout),
        Template {
            parameters: vec![cpu, region],
            ..template("acme", "node")
        },
    ]
}
