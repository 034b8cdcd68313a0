//! Changes to an account: made, let in again, shut out, deleted.

use secrecy::SecretString;
use sidestage_action::{Difference, Effect, Error, Result};

use super::{
    client::{Client, CreateUser, User, sign_in},
    refusals::About,
    tenant,
};
use crate::password;

/// The account that is asked for.
pub(super) struct Account<'a> {
    pub(super) client: &'a Client,
    pub(super) wanted: CreateUser,
    /// Whether one that is shut out may be used.
    pub(super) reactivate: bool,
}

impl Account<'_> {
    /// Who signs in as the person does is the person, whatever the account is called.
    fn has_same_sign_in(&self, found: &User) -> bool {
        self.wanted.source_id == Some(found.source_id)
            && self.wanted.login_name.as_ref() == Some(&found.login_name)
    }

    /// No account, or one that is not the person's, is taken for theirs. An e-mail address alone says nothing: Gitea lets
    /// people give any.
    async fn check_same_person(&self, found: &User) -> Result<()> {
        let CreateUser {
            username, email, ..
        } = &self.wanted;
        let theirs = &found.login;
        let same_sign_in = self.has_same_sign_in(found);
        let why = if !same_sign_in && !theirs.eq_ignore_ascii_case(username) {
            format!(
                "{email} is the address of the account {theirs} in Gitea. If it is the same person, give {theirs} as \
                 username; otherwise correct email."
            )
        } else if !same_sign_in && !found.email.eq_ignore_ascii_case(email) {
            match self.client.organization(username).await? {
                Some(_) => format!(
                    "{username} is the name of an organization in Gitea, so no account can have it. Choose another \
                     username."
                ),
                None => format!(
                    "The username {username} is taken in Gitea by an account with another e-mail address. If it is the \
                     same person, give that account's address as email; otherwise choose another username."
                ),
            }
        } else if !found.active {
            format!(
                "The account {theirs} in Gitea is not activated: its person has not confirmed the address, or a site \
                 administrator has switched it off. A site administrator of Gitea has to activate it."
            )
        } else if found.prohibit_login && !self.reactivate {
            format!(
                "The account {theirs} in Gitea may not sign in. Set reactivate to let the person in again."
            )
        } else {
            return Ok(());
        };
        Err(Error::conflict(why))
    }
}

impl Effect for Account<'_> {
    type Object = User;

    fn kind(&self) -> &'static str {
        "account"
    }

    fn key(&self) -> String {
        self.wanted.username.to_lowercase()
    }

    /// By how the person signs in; else by what Gitea keeps unique, the name and the address. Either may be somebody
    /// else's.
    async fn find(&self) -> Result<Option<User>> {
        if let (Some(source), Some(name)) = (self.wanted.source_id, &self.wanted.login_name)
            && let Some(found) = self.client.user_by_sign_in(source, name).await?
        {
            return Ok(Some(found));
        }
        match self.client.user(&self.wanted.username).await? {
            Some(found) => Ok(Some(found)),
            None => self.client.user_by_email(&self.wanted.email).await,
        }
    }

    async fn differences(&self, found: &User) -> Result<Vec<Difference>> {
        tenant::admit(self.client, found).await?;
        if found.prohibit_login && self.reactivate {
            tenant::ours_alone(self.client, found).await?;
        }
        self.check_same_person(found).await?;
        let (Some(source), Some(name)) = (self.wanted.source_id, &self.wanted.login_name) else {
            // However the person signs in already, it is left so.
            return Ok(Vec::new());
        };
        let different = Difference::between("sign-in", &found.sign_in(), &sign_in(source));
        let another = || {
            (found.login_name != *name).then(|| Difference {
                what: "loginName".into(),
                found: "another".into(),
                asked: "the one given".into(),
            })
        };
        Ok(different.or_else(another).into_iter().collect())
    }

    fn remedy(&self) -> String {
        "A site administrator of Gitea has to change how the account signs in (Site Administration, User Accounts), or \
         leave sourceId and loginName out to use it as it is."
            .into()
    }

    async fn create(&self) -> Result<User> {
        let password: Option<SecretString> = match self.wanted.source_id {
            Some(_) => None,
            None => Some(password::random()),
        };
        let made = self.client.create_user(&self.wanted, password.as_ref());
        let about = About {
            account: &self.wanted.username,
            ..About::default()
        };
        made.await.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) -> User {
        User {
            login: self.wanted.username.clone(),
            email: self.wanted.email.clone(),
            source_id: self.wanted.source_id.unwrap_or_default(),
            login_name: self.wanted.login_name.clone().unwrap_or_default(),
            active: true,
            ..User::default()
        }
    }

    fn id(&self, user: &User) -> String {
        user.id.to_string()
    }
}

/// Whether an account may sign in. Nothing of it is deleted, and it stays where it is.
pub(super) struct SignIn<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
    pub(super) allowed: bool,
}

impl Effect for SignIn<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.allowed {
            true => "activation",
            false => "deactivation",
        }
    }

    fn key(&self) -> String {
        self.user.login.to_lowercase()
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.user(&self.user.login).await?;
        let fits = |now: &User| now.id == self.user.id && now.prohibit_login != self.allowed;
        Ok(now.filter(fits).map(drop))
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.login,
            ..About::default()
        };
        let done = self.client.prohibit_login(self.user, !self.allowed).await;
        done.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.to_string()
    }
}

/// An account that is to be gone, since nobody has ever used it.
pub(super) struct Deletion<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
}

impl Effect for Deletion<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "deletion of account"
    }

    fn key(&self) -> String {
        self.user.login.to_lowercase()
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.user(&self.user.login).await?;
        let is_there = now.is_some_and(|now| now.id == self.user.id);
        Ok((!is_there).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.login,
            ..About::default()
        };
        let done = self.client.delete_user(&self.user.login).await;
        done.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.to_string()
    }
}
