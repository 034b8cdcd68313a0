//! Changes to an account: made, let in again, shut out, and the mail by which its person sets a password.

use secrecy::SecretString;
use sidestage_action::{Code, Difference, Effect, Error, Result};

use super::{
    client::{Client, CreateUser, Site, User},
    refusals::About,
    tenant,
};
use crate::password;

/// The account that is asked for.
pub(super) struct Account<'a> {
    pub(super) client: &'a Client,
    pub(super) site: &'a Site,
    pub(super) wanted: CreateUser,
    /// Whether one that is deactivated may be used.
    pub(super) reactivate: bool,
}

impl Account<'_> {
    fn about(&self) -> About<'_> {
        About {
            account: &self.wanted.username,
            ..About::default()
        }
    }

    /// No account, or one that is not the person's, is taken for theirs.
    fn check_same_person(&self, found: &User) -> Result<()> {
        let CreateUser {
            username, email, ..
        } = &self.wanted;
        let User {
            username: theirs, ..
        } = found;
        let same_address = found.email.eq_ignore_ascii_case(email);
        let same_sign_in = self.wanted.auth_data.as_ref() == Some(&found.auth_data);
        let why = if found.is_bot {
            format!("The account {theirs} in Mattermost is a bot's. Choose another username.")
        } else if !found.remote_id.is_empty() {
            format!(
                "The account {theirs} belongs to another Mattermost server that shares channels with this one. Choose \
                 another username and email."
            )
        } else if !same_address && same_sign_in {
            format!(
                "The account {theirs} in Mattermost signs in with this authData and has another e-mail address. If it is \
                 the same person, give its address as email; otherwise correct authData."
            )
        } else if !same_address {
            format!(
                "The username {username} is taken in Mattermost by an account with another e-mail address. If it is the \
                 same person, give that account's address as email; otherwise choose another username."
            )
        } else if theirs != username && !self.has_own_address(found) {
            format!(
                "{email} is the address of the account {theirs} in Mattermost, which does not verify addresses, so it may be \
                 somebody else's. If it is the same person, give {theirs} as username."
            )
        } else if found.has_role("system_guest") {
            format!(
                "The account {theirs} in Mattermost is a guest's. A system administrator of Mattermost has to make a \
                 member of the guest first (Promote to Member)."
            )
        } else if !found.is_active() && !self.reactivate {
            format!(
                "The account {theirs} in Mattermost is deactivated. Set reactivate to let the person in again."
            )
        } else {
            return Ok(());
        };
        Err(Error::conflict(why))
    }

    /// Whether the account's address is known to be its person's: verified, or given by the sign-in provider.
    fn has_own_address(&self, found: &User) -> bool {
        self.site.verifies_emails() || !found.auth_service.is_empty()
    }
}

impl Effect for Account<'_> {
    type Object = User;

    fn kind(&self) -> &'static str {
        "account"
    }

    fn key(&self) -> String {
        self.wanted.username.clone()
    }

    async fn find(&self) -> Result<Option<User>> {
        if let Some(found) = self.client.user_by_email(&self.wanted.email).await? {
            return Ok(Some(found));
        }
        if let Some(found) = self.client.user_by_name(&self.wanted.username).await? {
            return Ok(Some(found));
        }
        match &self.wanted.auth_data {
            Some(auth_data) => self.client.user_by_auth_data(auth_data).await,
            None => Ok(None),
        }
    }

    async fn differences(&self, found: &User) -> Result<Vec<Difference>> {
        tenant::admit(self.client, found).await?;
        if !found.is_active() && self.reactivate {
            tenant::ours_alone(self.client, found).await?;
        }
        self.check_same_person(found)?;
        let (Some(service), Some(auth_data)) = (self.wanted.auth_service, &self.wanted.auth_data)
        else {
            // However the person signs in already, it is left so.
            return Ok(Vec::new());
        };
        let signs_in_by = match &*found.auth_service {
            "" => "password",
            service => service,
        };
        let different = Difference::between("sign-in", signs_in_by, service);
        Ok(different
            .or_else(|| {
                (found.auth_data != *auth_data).then(|| Difference {
                    what: "authData".into(),
                    found: "another".into(),
                    asked: "the one given".into(),
                })
            })
            .into_iter()
            .collect())
    }

    fn remedy(&self) -> String {
        "A system administrator of Mattermost has to change how the account signs in (mmctl user migrate-auth), or leave \
         authService and authData out to use it as it is."
            .into()
    }

    async fn create(&self) -> Result<User> {
        let password: Option<SecretString> = match self.wanted.auth_service {
            Some(_) => None,
            None => Some(password::random()),
        };
        let made = self.client.create_user(&self.wanted, password.as_ref());
        made.await.map_err(|refused| {
            // Two accounts with one authData hit an index of the database, which Mattermost does not tell from a
            // failure (app/user.go).
            if refused.id == "app.user.save.app_error" && self.wanted.auth_data.is_some() {
                let sentence = format!(
                    "Mattermost could not save the account {}. Most likely another account signs in with the same \
                     authData; otherwise Mattermost's log says why.",
                    self.wanted.username
                );
                return Error::conflict(sentence).because(refused.error);
            }
            self.about().explain(refused)
        })
    }

    fn preview(&self) -> User {
        User {
            username: self.wanted.username.clone(),
            email: self.wanted.email.clone(),
            auth_service: self.wanted.auth_service.unwrap_or_default().into(),
            ..User::default()
        }
    }

    fn id(&self, user: &User) -> String {
        user.id.clone()
    }
}

/// A deactivated account that is to be let in again.
pub(super) struct Activation<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
}

impl Effect for Activation<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "activation"
    }

    fn key(&self) -> String {
        self.user.username.clone()
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.user(&self.user.id).await?;
        Ok(now.filter(User::is_active).map(drop))
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.username,
            ..About::default()
        };
        let done = self.client.activate(&self.user.id).await;
        done.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.clone()
    }
}

/// An account that is to be shut out: nothing of it is deleted, and it stays where it is.
pub(super) struct Deactivation<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
}

impl Effect for Deactivation<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "deactivation"
    }

    fn key(&self) -> String {
        self.user.username.clone()
    }

    async fn find(&self) -> Result<Option<()>> {
        let now = self.client.user(&self.user.id).await?;
        Ok(now.filter(|user| !user.is_active()).map(drop))
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.username,
            ..About::default()
        };
        let done = self.client.deactivate(&self.user.id).await;
        done.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.clone()
    }
}

/// The mail by which a person sets the password of a new account. Nothing tells afterwards whether it was sent, so it is
/// sent once, by the run that made the account.
pub(super) struct PasswordMail<'a> {
    pub(super) client: &'a Client,
    pub(super) user: &'a User,
}

impl PasswordMail<'_> {
    /// Whether this is a failure of the mail alone, so that everything else can go on.
    pub(super) fn is_harmless(error: &Error) -> bool {
        !matches!(
            error.code(),
            Code::Cancelled | Code::DeadlineExceeded | Code::Internal
        )
    }
}

impl Effect for PasswordMail<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "password mail"
    }

    fn key(&self) -> String {
        self.user.username.clone()
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok(None)
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.username,
            ..About::default()
        };
        let sent = self.client.send_password_mail(&self.user.email).await;
        sent.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.user.id.clone()
    }

    fn is_unique(&self) -> bool {
        false
    }
}
