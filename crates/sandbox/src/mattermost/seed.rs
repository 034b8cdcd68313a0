//! What is there at the start.
//!
//! | accounts | |
//! |---|---|
//! | `sidestage` | a bot and system administrator; its token is [`ADMIN_TOKEN`] |
//! | `ada` | signs in by password; its token is [`MEMBER_TOKEN`] |
//! | `grace` | signs in by SAML, as `grace@example.com` there |
//! | `linus` | deactivated |
//! | `gus` | a guest |
//! | `remy` | of another Mattermost server |
//!
//! Teams: `engineering` (ada, grace; a channel `backend`, a private one `leads`, an archived one `attic`, and
//! `ldap-only`, whose members come from groups), `sales` (nobody; addresses of `sales.example.com` only),
//! `ldap-team` (its members come from groups), `closed-team` (archived). There is a user group `platform`.

use super::{
    server::Settings,
    state::{Channel, State, Team, Token, User, seed_id},
};

/// The token of the bot `sidestage`, a system administrator.
pub const ADMIN_TOKEN: &str = "sandboxadmintoken000000001";
/// The token of `ada`, who is no administrator.
pub const MEMBER_TOKEN: &str = "sandboxmembertoken00000001";
/// A token of the bot that has expired.
pub const EXPIRED_TOKEN: &str = "sandboxexpiredtoken0000001";

/// 2026-01-01.
const LONG_AGO: i64 = 1_767_225_600_000;

pub(super) fn seed() -> State {
    let user = |username: &str, name: (&str, &str)| User {
        id: seed_id(&format!("user/{username}")),
        username: username.into(),
        email: format!("{username}@example.com"),
        email_verified: true,
        first_name: name.0.into(),
        last_name: name.1.into(),
        locale: "en".into(),
        roles: "system_user".into(),
        create_at: LONG_AGO,
        ..User::default()
    };
    let users = vec![
        User {
            email: "sidestage@localhost".into(),
            roles: "system_user system_admin".into(),
            is_bot: true,
            ..user("sidestage", ("Sidestage", ""))
        },
        user("ada", ("Ada", "Lovelace")),
        User {
            auth_service: "saml".into(),
            auth_data: "grace@example.com".into(),
            ..user("grace", ("Grace", "Hopper"))
        },
        User {
            delete_at: LONG_AGO,
            ..user("linus", ("Linus", "Torvalds"))
        },
        User {
            roles: "system_guest".into(),
            ..user("gus", ("Gus", "Guest"))
        },
        User {
            remote_id: Some(seed_id("remote")),
            ..user("remy", ("Remy", "Remote"))
        },
    ];
    let token = |text: &'static str, user: &str, expired: bool| Token {
        text,
        user: seed_id(&format!("user/{user}")),
        expired,
    };
    let mut state = State {
        settings: Settings::default(),
        users,
        tokens: vec![
            token(ADMIN_TOKEN, "sidestage", false),
            token(MEMBER_TOKEN, "ada", false),
            token(EXPIRED_TOKEN, "sidestage", true),
        ],
        groups: vec!["platform"],
        teams: Vec::new(),
        channels: Vec::new(),
        mails: Vec::new(),
    };
    fill(&mut state);
    state
}

fn fill(state: &mut State) {
    let team = |name: &str, display_name: &str| Team {
        id: seed_id(&format!("team/{name}")),
        name: name.into(),
        display_name: display_name.into(),
        description: String::new(),
        email: "sidestage@localhost".into(),
        open: false,
        allowed_domains: "",
        group_constrained: false,
        create_at: LONG_AGO,
        delete_at: 0,
        members: Vec::new(),
    };
    state.teams = vec![
        team("engineering", "Engineering"),
        Team {
            allowed_domains: "sales.example.com",
            open: true,
            ..team("sales", "Sales")
        },
        Team {
            group_constrained: true,
            ..team("ldap-team", "LDAP Team")
        },
        Team {
            delete_at: LONG_AGO,
            ..team("closed-team", "Closed Team")
        },
    ];
    let bot = seed_id("user/sidestage");
    for team in ["engineering", "sales", "ldap-team", "closed-team"] {
        state.make_default_channels(&seed_id(&format!("team/{team}")), &bot);
    }
    let engineering = seed_id("team/engineering");
    let channel = |name: &str, display_name: &str| Channel {
        id: seed_id(&format!("channel/{name}")),
        team: engineering.clone(),
        name: name.into(),
        display_name: display_name.into(),
        private: false,
        group_constrained: false,
        creator: bot.clone(),
        posts: 3,
        create_at: LONG_AGO,
        delete_at: 0,
        members: vec![seed_id("user/ada")],
    };
    state.channels.extend([
        channel("backend", "Backend"),
        Channel {
            private: true,
            ..channel("leads", "Leads")
        },
        Channel {
            delete_at: LONG_AGO,
            ..channel("attic", "Attic")
        },
        Channel {
            group_constrained: true,
            private: true,
            ..channel("ldap-only", "LDAP only")
        },
    ]);
    state.join(&engineering, &seed_id("user/ada"), true);
    state.join(&engineering, &seed_id("user/grace"), false);
}
