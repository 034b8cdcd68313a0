//! Changes to accounts: making one, membership of an organization, suspending and activating.

use sidestage_action::{Difference, Effect, Error, Result};
use uuid::Uuid;

use super::{
    client::{Client, CreateUser, LoginType, Organization, User},
    tenant,
};
use crate::password;

/// An account for a person.
pub(super) struct Account<'a> {
    pub(super) client: &'a Client,
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) login_type: LoginType,
    /// The first organization that the person is in.
    pub(super) organization: Uuid,
    /// Whether a suspended account is as good, since it will be activated.
    pub(super) reactivate: bool,
}

impl Effect for Account<'_> {
    type Object = User;

    fn kind(&self) -> &'static str {
        "user"
    }

    fn key(&self) -> String {
        self.username.to_owned()
    }

    /// By both of what Coder keeps unique: the name and the address. Either may be somebody else's.
    async fn find(&self) -> Result<Option<User>> {
        match self.client.user(self.username).await? {
            Some(user) => Ok(Some(user)),
            None => self.client.user_by_email(self.email).await,
        }
    }

    async fn differences(&self, found: &User) -> Result<Vec<Difference>> {
        tenant::admit(self.client, found).await?;
        if found.status == "suspended" && self.reactivate {
            tenant::ours_alone(self.client, found).await?;
        }
        let lower = str::to_ascii_lowercase;
        let status = match found.status.as_str() {
            "suspended" if !self.reactivate => "suspended",
            _ => "active",
        };
        let all = [
            Difference::between("username", &lower(&found.username), &lower(self.username)),
            Difference::between("email", &lower(&found.email), &lower(self.email)),
            Difference::between("login type", &found.login_type, self.login_type.as_str()),
            Difference::between("status", status, "active"),
        ];
        Ok(all.into_iter().flatten().collect())
    }

    fn remedy(&self) -> String {
        "If it is the same person, set the inputs to what is there (reactivate: true takes a suspended account back); \
         if it is somebody else, choose another username."
            .into()
    }

    async fn create(&self) -> Result<User> {
        let body = CreateUser {
            username: self.username,
            email: self.email,
            name: self.name.unwrap_or_default(),
            login_type: self.login_type,
            // Nobody is ever told it: the person asks Coder for a new one.
            password: (self.login_type == LoginType::Password).then(password::random),
            organization_ids: vec![self.organization],
        };
        self.client.create_user(&body).await
    }

    fn preview(&self) -> User {
        User {
            id: Uuid::nil(),
            username: self.username.into(),
            email: self.email.into(),
            status: "dormant".into(),
            login_type: self.login_type.as_str().into(),
            organization_ids: vec![self.organization],
        }
    }

    fn id(&self, user: &User) -> String {
        user.id.to_string()
    }
}

/// Membership of an organization.
pub(super) struct Membership<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) organization: &'a Organization,
}

impl Effect for Membership<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "membership of organization"
    }

    fn key(&self) -> String {
        format!("{}/{}", self.organization.name, self.user.username)
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = match self.user.id.is_nil() {
            true => None,
            false => self.client.user(&self.user.id.to_string()).await?,
        };
        let is_member =
            now.is_some_and(|user| user.organization_ids.contains(&self.organization.id));
        Ok(is_member.then_some(()))
    }

    async fn create(&self) -> Result<()> {
        self.client
            .add_member(self.organization.id, self.user.id)
            .await
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        format!("{}/{}", self.organization.id, self.user.id)
    }
}

/// The end of a membership.
pub(super) struct MembershipEnd<'a> {
    pub(super) client: &'a Client,
    pub(super) organization: Uuid,
    pub(super) user: Uuid,
    /// For people: `acme/katherine`.
    pub(super) key: &'a str,
}

impl Effect for MembershipEnd<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "end of membership of organization"
    }

    fn key(&self) -> String {
        self.key.to_owned()
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.user(&self.user.to_string()).await?;
        let is_member = now.is_some_and(|user| user.organization_ids.contains(&self.organization));
        Ok((!is_member).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        self.client
            .remove_member(self.organization, self.user)
            .await
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        format!("{}/{}", self.organization, self.user)
    }
}

/// The status that an account is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Suspended,
}

/// Suspending or activating an account.
pub(super) struct SetStatus<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) status: Status,
}

impl Effect for SetStatus<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.status {
            Status::Active => "activation of user",
            Status::Suspended => "suspension of user",
        }
    }

    fn key(&self) -> String {
        self.user.username.clone()
    }

    async fn find(&self) -> Result<Option<()>> {
        let Some(now) = self.client.user(&self.user.id.to_string()).await? else {
            return Err(Error::not_found(format!(
                "The user {} was deleted in Coder meanwhile.",
                self.user.username
            )));
        };
        // A dormant account becomes active by itself at the next sign-in.
        let is_suspended = now.status == "suspended";
        Ok((is_suspended == (self.status == Status::Suspended)).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let word = match self.status {
            Status::Active => "activate",
            Status::Suspended => "suspend",
        };
        self.client.set_status(self.user.id, word).await
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.to_string()
    }
}

/// The end of an account. Coder deletes none that has a workspace.
pub(super) struct UserDeletion<'a> {
    pub(super) client: &'a Client,
    pub(super) id: Uuid,
    pub(super) username: &'a str,
}

impl Effect for UserDeletion<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "deletion of user"
    }

    fn key(&self) -> String {
        self.username.to_owned()
    }

    async fn find(&self) -> Result<Option<()>> {
        let found = self.client.user(&self.id.to_string()).await?;
        Ok(found.is_none().then_some(()))
    }

    async fn create(&self) -> Result<()> {
        self.client.delete_user(self.id).await
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.id.to_string()
    }
}

/// Refuses what is no user's name, id or e-mail address, whoever there is.
pub(super) fn check_user(wanted: &str) -> Result<()> {
    let sentence = if wanted.contains(':') || wanted.contains('/') {
        "user is not a user name of Coder. Where it comes from Backstage, give the name (user.entity.metadata.name) or \
         the e-mail address, not the entity ref."
    } else if wanted == "me" {
        "me is no user name: to Coder it means the account of this connection. Give the user's name or e-mail address."
    } else {
        return Ok(());
    };
    Err(Error::invalid("user", sentence))
}

/// The user of that name, id or e-mail address, whatever its status.
pub(super) async fn find_user(client: &Client, wanted: &str) -> Result<Option<User>> {
    check_user(wanted)?;
    match wanted.contains('@') {
        true => client.user_by_email(wanted).await,
        false => client.user(wanted).await,
    }
}

/// The same, if it has the address where one is given: whoever leaves is not somebody else of that name.
pub(super) async fn find_leaver(
    client: &Client,
    wanted: &str,
    email: Option<&str>,
) -> Result<Option<User>> {
    let found = find_user(client, wanted).await?;
    let Some(email) = email else {
        return Ok(found);
    };
    if !email.contains('@') {
        return Err(Error::invalid("email", "email is not an e-mail address."));
    }
    let other = match &found {
        Some(user) if user.email.eq_ignore_ascii_case(email) => return Ok(found),
        Some(user) => format!(
            "the user {} has another address than {email}",
            user.username
        ),
        None => match client.user_by_email(email).await? {
            None => return Ok(None),
            Some(user) => format!(
                "{email} is the address of {}, not of {wanted}",
                user.username
            ),
        },
    };
    Err(Error::conflict(format!(
        "In Coder {other}. Check both, or leave out email if it is this user."
    )))
}
