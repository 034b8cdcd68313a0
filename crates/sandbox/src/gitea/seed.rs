//! What is there at the start.
//!
//! | accounts | |
//! |---|---|
//! | `sidestage` | a site administrator; its token is [`ADMIN_TOKEN`], and one that may only read accounts [`NARROW_TOKEN`] |
//! | `ada` | signs in by password, and has; its token is [`MEMBER_TOKEN`] |
//! | `grace` | signs in by the source 1, Keycloak, which calls her [`GRACE_IN_KEYCLOAK`] |
//! | `linus` | may not sign in |
//!
//! Organizations: `acme` (teams `Owners`, `developers`, which may write and make repositories, and `readers`; ada is in
//! `developers`), `globex` (teams `Owners` and `contractors`; it has blocked ada), `hidden` (private).
//! Repositories: `acme/handbook` (public, with a first commit), `ada/notes` (private, empty).

use jiff::Timestamp;

use super::state::{Organization, Repository, Settings, State, Team, Token, User};

/// The token of `sidestage`, a site administrator.
pub const ADMIN_TOKEN: &str = "5a9db0c8admin0000000000000000000sandbox1";
/// The token of `ada`, who is no administrator.
pub const MEMBER_TOKEN: &str = "5a9db0c8member000000000000000000sandbox2";
/// A token of `sidestage` that may read accounts, and nothing else.
pub const NARROW_TOKEN: &str = "5a9db0c8narrow000000000000000000sandbox3";
/// The password of `sidestage`.
pub const ADMIN_PASSWORD: &str = "sandbox-gitea-password";
/// What Keycloak calls `grace`.
pub const GRACE_IN_KEYCLOAK: &str = "7c2b2f0e-5d0a-4a0c-9a6e-2f6f6d1b8c11";

/// The sign-in source that stands for Keycloak.
const KEYCLOAK: u64 = 1;

/// 2026-01-01.
fn long_ago() -> Timestamp {
    Timestamp::constant(1_767_225_600, 0)
}

pub(super) fn seed() -> State {
    let user = |id: u64, login: &str, full_name: &str| User {
        full_name: full_name.into(),
        created: long_ago(),
        ..User::new(id, login)
    };
    let users = vec![
        User {
            is_admin: true,
            password: ADMIN_PASSWORD.into(),
            last_login: long_ago(),
            ..user(1, "sidestage", "Sidestage")
        },
        User {
            password: "a password of ada's".into(),
            last_login: long_ago(),
            ..user(2, "ada", "Ada Lovelace")
        },
        User {
            source_id: KEYCLOAK,
            login_name: GRACE_IN_KEYCLOAK.into(),
            last_login: long_ago(),
            ..user(3, "grace", "Grace Hopper")
        },
        User {
            prohibit_login: true,
            ..user(4, "linus", "Linus Torvalds")
        },
    ];
    let token = |text: &'static str, user: u64, scope: &'static str| Token { text, user, scope };
    let mut state = State {
        settings: Settings::default(),
        sources: vec![KEYCLOAK],
        users,
        tokens: vec![
            token(
                ADMIN_TOKEN,
                1,
                "write:admin,write:organization,write:repository,read:user",
            ),
            token(MEMBER_TOKEN, 2, "all"),
            token(NARROW_TOKEN, 1, "read:user"),
        ],
        organizations: Vec::new(),
        repositories: Vec::new(),
        redirects: Vec::new(),
        mails: Vec::new(),
        last_id: 100,
    };
    fill(&mut state);
    state
}

fn fill(state: &mut State) {
    let team = |id: u64, name: &'static str, permission: &'static str, members: &[u64]| Team {
        id,
        name,
        description: "",
        permission,
        can_create_org_repo: permission != "read",
        visibility: "private",
        members: members.into(),
    };
    let organization = |id: u64, name: &str, full_name: &str, teams: Vec<Team>| Organization {
        id,
        name: name.into(),
        full_name: full_name.into(),
        visibility: "public",
        teams,
        blocked: Vec::new(),
    };
    state.organizations = vec![
        organization(
            10,
            "acme",
            "Acme Corporation",
            vec![
                team(1, "Owners", "owner", &[1]),
                team(2, "developers", "write", &[2]),
                team(3, "readers", "read", &[]),
            ],
        ),
        Organization {
            blocked: vec![2],
            ..organization(
                11,
                "globex",
                "",
                vec![
                    team(4, "Owners", "owner", &[1]),
                    team(5, "contractors", "read", &[]),
                ],
            )
        },
        Organization {
            visibility: "private",
            ..organization(12, "hidden", "", vec![team(6, "Owners", "owner", &[1])])
        },
    ];
    let repository = |id: u64, owner: u64, name: &str| Repository {
        id,
        owner,
        name: name.into(),
        description: String::new(),
        private: false,
        template: false,
        archived: false,
        default_branch: "main".into(),
        initialized: false,
        branches: Vec::new(),
        created: long_ago(),
        updated: long_ago(),
        folder: Repository::new_folder(),
    };
    state.repositories = vec![
        Repository {
            description: "How we work".into(),
            initialized: true,
            branches: vec!["main".into()],
            ..repository(20, 10, "handbook")
        },
        Repository {
            private: true,
            ..repository(21, 2, "notes")
        },
    ];
}
