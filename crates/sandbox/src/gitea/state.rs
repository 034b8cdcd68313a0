//! What Gitea holds.

use jiff::Timestamp;
use uuid::Uuid;

use super::error::{Error, Result};

/// The settings that provisioning meets, with the server's defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[security] MIN_PASSWORD_LENGTH`
    pub min_password_length: usize,
    /// Which of `lower`, `upper`, `digit`, `spec` a password needs: `[security] PASSWORD_COMPLEXITY`.
    pub password_complexity: Vec<&'static str>,
    /// `[service] ALLOWED_USER_VISIBILITY_MODES`
    pub allowed_user_visibility: Vec<&'static str>,
    /// `[service] EMAIL_DOMAIN_ALLOWLIST`; empty: all.
    pub email_domain_allowlist: Vec<&'static str>,
    /// `[mailer] ENABLED`
    pub mailer: bool,
    /// `[repository] DEFAULT_BRANCH`
    pub default_branch: &'static str,
    /// `[api] MAX_RESPONSE_ITEMS`
    pub max_response_items: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            min_password_length: 8,
            password_complexity: Vec::new(),
            allowed_user_visibility: vec!["public", "limited", "private"],
            email_domain_allowlist: Vec::new(),
            mailer: true,
            default_branch: "main",
            max_response_items: 50,
        }
    }
}

pub(super) struct State {
    pub(super) settings: Settings,
    /// Ids of the sign-in sources.
    pub(super) sources: Vec<u64>,
    pub(super) users: Vec<User>,
    pub(super) tokens: Vec<Token>,
    pub(super) organizations: Vec<Organization>,
    pub(super) repositories: Vec<Repository>,
    /// Names that accounts had before, and whose they were.
    pub(super) redirects: Vec<(String, u64)>,
    pub(super) mails: Vec<Mail>,
    pub(super) last_id: u64,
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// Organizations are counted with the accounts.
    pub id: u64,
    /// As it was written; unique whatever its capitals.
    pub login: String,
    /// Name for people.
    pub full_name: String,
    /// The primary address.
    pub email: String,
    /// The sign-in source; 0: Gitea itself.
    pub source_id: u64,
    /// What that source calls the person.
    pub login_name: String,
    /// Empty: none.
    pub password: String,
    /// Until it is changed the account can do nothing else.
    pub must_change_password: bool,
    /// Whether it administers the site.
    pub is_admin: bool,
    /// Whether it may be used at all.
    pub active: bool,
    /// Whether it is shut out.
    pub prohibit_login: bool,
    /// Whether it sees only what it was given.
    pub restricted: bool,
    /// `public`, `limited` or `private`.
    pub visibility: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its person signed in last; the epoch: never.
    pub last_login: Timestamp,
}

impl User {
    pub(super) fn new(id: u64, login: &str) -> Self {
        User {
            id,
            login: login.into(),
            full_name: String::new(),
            email: format!("{login}@example.com"),
            source_id: 0,
            login_name: String::new(),
            password: String::new(),
            must_change_password: false,
            is_admin: false,
            active: true,
            prohibit_login: false,
            restricted: false,
            visibility: "public".into(),
            created: Timestamp::now(),
            last_login: Timestamp::UNIX_EPOCH,
        }
    }
}

pub(super) struct Token {
    pub(super) text: &'static str,
    pub(super) user: u64,
    /// `all`, or such as `write:admin`, separated by commas.
    pub(super) scope: &'static str,
}

pub(super) struct Organization {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) visibility: &'static str,
    pub(super) teams: Vec<Team>,
    /// Accounts that it has blocked.
    pub(super) blocked: Vec<u64>,
}

impl Organization {
    pub(super) fn has(&self, user: u64) -> bool {
        self.teams.iter().any(|team| team.members.contains(&user))
    }

    pub(super) fn is_owned_by(&self, user: u64) -> bool {
        self.teams
            .iter()
            .any(|team| team.is_owners() && team.members.contains(&user))
    }
}

pub(super) struct Team {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// `owner`, `admin`, `write` or `read`.
    pub(super) permission: &'static str,
    pub(super) can_create_org_repo: bool,
    pub(super) visibility: &'static str,
    pub(super) members: Vec<u64>,
}

impl Team {
    pub(super) fn is_owners(&self) -> bool {
        self.name == "Owners"
    }
}

#[derive(Clone)]
pub(super) struct Repository {
    pub(super) id: u64,
    /// An account or an organization.
    pub(super) owner: u64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) private: bool,
    pub(super) template: bool,
    pub(super) archived: bool,
    pub(super) default_branch: String,
    /// Whether its first commit was made with it.
    pub(super) initialized: bool,
    /// None: it is empty.
    pub(super) branches: Vec<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Where git keeps it, below the sandbox's folder.
    pub(super) folder: String,
}

impl Repository {
    pub(super) fn new_folder() -> String {
        Uuid::new_v4().simple().to_string()
    }
}

/// A mail that went out.
pub(super) struct Mail {
    pub(super) to: String,
    /// `registration`
    pub(super) what: &'static str,
}

impl State {
    pub(super) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.login.eq_ignore_ascii_case(name))
    }

    pub(super) fn user_mut(&mut self, id: u64) -> Result<&mut User> {
        self.users
            .iter_mut()
            .find(|user| user.id == id)
            .ok_or_else(Error::not_found)
    }

    pub(super) fn organization(&self, name: &str) -> Option<&Organization> {
        self.organizations
            .iter()
            .find(|organization| organization.name.eq_ignore_ascii_case(name))
    }

    /// A team, and the organization that it is of.
    pub(super) fn team(&self, id: u64) -> Option<(&Organization, &Team)> {
        self.organizations.iter().find_map(|organization| {
            let team = organization.teams.iter().find(|team| team.id == id)?;
            Some((organization, team))
        })
    }

    pub(super) fn team_mut(&mut self, id: u64) -> Result<&mut Team> {
        self.organizations
            .iter_mut()
            .flat_map(|organization| &mut organization.teams)
            .find(|team| team.id == id)
            .ok_or_else(Error::not_found)
    }

    /// An account or an organization, by its name.
    pub(super) fn owner(&self, name: &str) -> Option<Owner<'_>> {
        let user = self.user(name).map(Owner::User);
        user.or_else(|| self.organization(name).map(Owner::Organization))
    }

    pub(super) fn owner_of(&self, repository: &Repository) -> Option<Owner<'_>> {
        let by_id = |id: u64| id == repository.owner;
        let user = self.users.iter().find(|user| by_id(user.id));
        let organization = || self.organizations.iter().find(|of| by_id(of.id));
        user.map(Owner::User)
            .or_else(|| organization().map(Owner::Organization))
    }

    pub(super) fn repository(&self, owner: &str, name: &str) -> Option<&Repository> {
        let owner = self.owner(owner)?.id();
        self.repositories
            .iter()
            .find(|of| of.owner == owner && of.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn repository_mut(&mut self, id: u64) -> Option<&mut Repository> {
        self.repositories.iter_mut().find(|of| of.id == id)
    }

    /// What an account may do in a repository.
    pub(super) fn access(&self, repository: &Repository, user: Option<&User>) -> Access {
        let public = match repository.private {
            true => Access::None,
            false => Access::Read,
        };
        let Some(user) = user else { return public };
        if user.is_admin || user.id == repository.owner {
            return Access::Owner;
        }
        let of = self
            .organizations
            .iter()
            .find(|of| of.id == repository.owner);
        let teams = of.into_iter().flat_map(|of| &of.teams);
        let teams = teams.filter(|team| team.members.contains(&user.id));
        teams
            .map(|team| match team.permission {
                "owner" => Access::Owner,
                "read" => Access::Read,
                _ => Access::Write,
            })
            .max()
            .unwrap_or(public)
            .max(public)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    None,
    Read,
    Write,
    Owner,
}

/// Who can have repositories.
pub(super) enum Owner<'a> {
    User(&'a User),
    Organization(&'a Organization),
}

impl Owner<'_> {
    pub(super) fn id(&self) -> u64 {
        match self {
            Owner::User(user) => user.id,
            Owner::Organization(organization) => organization.id,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Owner::User(user) => &user.login,
            Owner::Organization(organization) => &organization.name,
        }
    }
}
