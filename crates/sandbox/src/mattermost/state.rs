//! What Mattermost holds.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    error::{Error, Result},
    server::Settings,
};

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) users: Vec<User>,
    pub(super) tokens: Vec<Token>,
    /// Names of user groups: no account may have one of them (app/user.go, isUniqueToGroupNames).
    pub(super) groups: Vec<&'static str>,
    pub(super) teams: Vec<Team>,
    pub(super) channels: Vec<Channel>,
    pub(super) mails: Vec<Mail>,
}

/// An account.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// 26 letters and digits.
    pub id: String,
    /// In lower case.
    pub username: String,
    /// In lower case.
    pub email: String,
    /// Whether the address is known to be the person's.
    pub email_verified: bool,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Nickname.
    pub nickname: String,
    /// Job title.
    pub position: String,
    /// Language.
    pub locale: String,
    /// How the person signs in; empty: by password.
    pub auth_service: String,
    /// Who the person is there.
    pub auth_data: String,
    /// Separated by spaces.
    pub roles: String,
    /// Whether it is a bot.
    pub is_bot: bool,
    /// The other server that it belongs to.
    pub remote_id: Option<String>,
    /// Milliseconds.
    pub create_at: i64,
    /// Milliseconds; 0: it is active.
    pub delete_at: i64,
}

impl User {
    pub(super) fn is_admin(&self) -> bool {
        self.has_role("system_admin")
    }

    pub(super) fn is_guest(&self) -> bool {
        self.has_role("system_guest")
    }

    fn has_role(&self, role: &str) -> bool {
        self.roles.split(' ').any(|of| of == role)
    }
}

pub(super) struct Token {
    pub(super) text: &'static str,
    pub(super) user: String,
    pub(super) expired: bool,
}

#[derive(Clone)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) description: String,
    /// Of who made it: who has this address becomes an administrator of the team.
    pub(super) email: String,
    pub(super) open: bool,
    pub(super) allowed_domains: &'static str,
    pub(super) group_constrained: bool,
    pub(super) create_at: i64,
    pub(super) delete_at: i64,
    pub(super) members: Vec<TeamMember>,
}

#[derive(Clone)]
pub(super) struct TeamMember {
    pub(super) user: String,
    pub(super) admin: bool,
    /// Who leaves a team stays in the table.
    pub(super) delete_at: i64,
}

impl Team {
    pub(super) fn member(&self, user: &str) -> Option<&TeamMember> {
        self.members.iter().find(|member| member.user == user)
    }

    pub(super) fn has(&self, user: &str) -> bool {
        self.member(user)
            .is_some_and(|member| member.delete_at == 0)
    }
}

#[derive(Clone)]
pub(super) struct Channel {
    pub(super) id: String,
    pub(super) team: String,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) private: bool,
    pub(super) group_constrained: bool,
    pub(super) creator: String,
    pub(super) posts: u64,
    pub(super) create_at: i64,
    pub(super) delete_at: i64,
    /// Who leaves a channel is gone from the table.
    pub(super) members: Vec<String>,
}

/// The channel that everybody of a team is in (model.DefaultChannelName).
pub(super) const TOWN_SQUARE: &str = "town-square";

/// The channels that a new team has, and that who joins a team joins too (app/channel.go, DefaultChannelNames).
pub(super) const DEFAULT_CHANNELS: [(&str, &str); 2] =
    [(TOWN_SQUARE, "Town Square"), ("off-topic", "Off-Topic")];

/// A mail that went out.
pub(super) struct Mail {
    pub(super) to: String,
    /// `welcome` or `password reset`.
    pub(super) what: &'static str,
}

impl State {
    pub(super) fn user(&self, id: &str) -> Result<&User> {
        self.users
            .iter()
            .find(|user| user.id == id)
            .ok_or_else(Error::no_user)
    }

    pub(super) fn user_mut(&mut self, id: &str) -> Result<&mut User> {
        self.users
            .iter_mut()
            .find(|user| user.id == id)
            .ok_or_else(Error::no_user)
    }

    pub(super) fn team(&self, id: &str) -> Result<&Team> {
        self.teams
            .iter()
            .find(|team| team.id == id)
            .ok_or_else(Error::no_team)
    }

    pub(super) fn team_mut(&mut self, id: &str) -> Result<&mut Team> {
        self.teams
            .iter_mut()
            .find(|team| team.id == id)
            .ok_or_else(Error::no_team)
    }

    pub(super) fn channel(&self, id: &str) -> Result<&Channel> {
        self.channels
            .iter()
            .find(|channel| channel.id == id)
            .ok_or_else(Error::no_channel)
    }

    pub(super) fn channel_mut(&mut self, id: &str) -> Result<&mut Channel> {
        self.channels
            .iter_mut()
            .find(|channel| channel.id == id)
            .ok_or_else(Error::no_channel)
    }

    /// Who takes a seat: neither bots nor accounts of other servers (app/limits.go).
    pub(super) fn active_users(&self) -> u64 {
        let seats = self
            .users
            .iter()
            .filter(|user| user.delete_at == 0 && !user.is_bot && user.remote_id.is_none());
        seats.count() as u64
    }

    /// Members of a team whose accounts are active.
    pub(super) fn active_members(&self, team: &Team) -> u64 {
        let active = |member: &&TeamMember| {
            member.delete_at == 0
                && self
                    .user(&member.user)
                    .is_ok_and(|user| user.delete_at == 0)
        };
        team.members.iter().filter(active).count() as u64
    }

    pub(super) fn make_default_channels(&mut self, team: &str, creator: &str) {
        for (name, display_name) in DEFAULT_CHANNELS {
            self.channels.push(Channel {
                id: seed_id(&format!("{team}/{name}")),
                team: team.into(),
                name: name.into(),
                display_name: display_name.into(),
                private: false,
                group_constrained: false,
                creator: creator.into(),
                posts: 0,
                create_at: now(),
                delete_at: 0,
                members: Vec::new(),
            });
        }
    }

    /// Puts somebody into a team and its default channels; nothing is checked.
    pub(super) fn join(&mut self, team: &str, user: &str, admin: bool) {
        if let Some(team) = self.teams.iter_mut().find(|of| of.id == team) {
            team.members.retain(|member| member.user != user);
            team.members.push(TeamMember {
                user: user.into(),
                admin,
                delete_at: 0,
            });
        }
        for channel in &mut self.channels {
            let default = DEFAULT_CHANNELS
                .iter()
                .any(|(name, _)| *name == channel.name);
            if channel.team == team && default && !channel.members.iter().any(|of| of == user) {
                channel.members.push(user.into());
            }
        }
    }
}

/// Unix milliseconds.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// 26 letters and digits (model.NewId).
pub(super) fn new_id() -> String {
    id_of(*Uuid::new_v4().as_bytes())
}

/// The same id in every sandbox.
pub(super) fn seed_id(of: &str) -> String {
    let mut bytes = [0u8; 16];
    for (n, byte) in of.bytes().enumerate() {
        bytes[n % 16] = bytes[n % 16].wrapping_mul(31).wrapping_add(byte);
        bytes[(n + 7) % 16] ^= byte.rotate_left(n as u32 % 8);
    }
    id_of(bytes)
}

fn id_of(bytes: [u8; 16]) -> String {
    const LETTERS: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";
    let mut number = u128::from_be_bytes(bytes);
    (0..26)
        .map(|_| {
            let letter = LETTERS[(number % 32) as usize] as char;
            number /= 32;
            letter
        })
        .collect()
}
