//! Settings, and what the server says about itself (api4/config.go, api4/limits.go, api4/system.go).

use axum::{Json, extract::State as Shared};
use serde_json::{Value, json};

use super::{
    Mattermost,
    error::{Error, Result},
    router::{Caller, Visitor},
};

/// The settings that provisioning meets, with the server's defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TeamSettings.EnableOpenServer`
    pub open_server: bool,
    /// `TeamSettings.MaxUsersPerTeam`
    pub max_users_per_team: u64,
    /// `TeamSettings.RestrictCreationToDomains`
    pub restrict_creation_to_domains: String,
    /// The number of active accounts beyond which there is none without a licence (app/limits.go).
    pub max_users_hard_limit: u64,
    /// `EmailSettings.EnableSignInWithEmail` and `EnableSignInWithUsername`
    pub password_sign_in: bool,
    /// `EmailSettings.RequireEmailVerification`
    pub require_email_verification: bool,
    /// Ways to sign in that are switched on and licensed: `saml`, `ldap`, `openid`, `gitlab`, `google`, `office365`.
    pub sso: Vec<&'static str>,
    /// `PasswordSettings.MinimumLength`
    pub password_minimum_length: usize,
    /// Which of `lowercase`, `uppercase`, `number`, `symbol` a password needs.
    pub password_classes: Vec<&'static str>,
    /// Whether the mail server answers.
    pub mail: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            open_server: false,
            max_users_per_team: 50,
            restrict_creation_to_domains: String::new(),
            max_users_hard_limit: 250,
            password_sign_in: true,
            require_email_verification: false,
            sso: vec!["saml"],
            password_minimum_length: 8,
            password_classes: Vec::new(),
            mail: true,
        }
    }
}

pub(super) async fn ping() -> Json<Value> {
    Json(json!({
        "AndroidLatestVersion": "", "AndroidMinVersion": "", "IosLatestVersion": "", "IosMinVersion": "",
        "status": "OK",
    }))
}

/// Every value is a string. Who is not signed in sees less (config/client.go).
pub(super) async fn client_config(
    Shared(mattermost): Shared<Mattermost>,
    Visitor(caller): Visitor,
) -> Json<Value> {
    let settings = mattermost.state().settings.clone();
    let sso = |name: &str| settings.sso.contains(&name).to_string();
    let needs = |class: &str| settings.password_classes.contains(&class).to_string();
    let password = settings.password_sign_in.to_string();
    let mut config = json!({
        "Version": "11.10.0",
        "BuildNumber": "11.10.0",
        "SiteURL": mattermost.url(),
        "SiteName": "Mattermost",
        "EnableUserCreation": "true",
        "EnableOpenServer": settings.open_server.to_string(),
        "EnableSignUpWithEmail": "true",
        "EnableSignInWithEmail": password,
        "EnableSignInWithUsername": password,
        "PasswordMinimumLength": settings.password_minimum_length.to_string(),
        "PasswordRequireLowercase": needs("lowercase"),
        "PasswordRequireUppercase": needs("uppercase"),
        "PasswordRequireNumber": needs("number"),
        "PasswordRequireSymbol": needs("symbol"),
        "PasswordEnableForgotLink": "true",
        "DefaultClientLocale": "en",
        "EnableSaml": sso("saml"),
        "EnableLdap": sso("ldap"),
        "EnableSignUpWithGitLab": sso("gitlab"),
        "EnableSignUpWithGoogle": sso("google"),
        "EnableSignUpWithOffice365": sso("office365"),
        "EnableSignUpWithOpenId": sso("openid"),
        "EnableGuestAccounts": "false",
    });
    if caller.is_some() {
        config["RequireEmailVerification"] = json!(settings.require_email_verification.to_string());
        config["EnableEmailInvitations"] = json!("false");
    }
    Json(config)
}

pub(super) async fn config(caller: Caller) -> Result<Json<Value>> {
    caller.must_administer()?;
    let settings = caller.mattermost.state().settings.clone();
    Ok(Json(json!({
        "ServiceSettings": { "SiteURL": caller.mattermost.url() },
        "TeamSettings": {
            "EnableOpenServer": settings.open_server,
            "MaxUsersPerTeam": settings.max_users_per_team,
            "RestrictCreationToDomains": settings.restrict_creation_to_domains,
        },
        "EmailSettings": {
            "EnableSignInWithEmail": settings.password_sign_in,
            "EnableSignInWithUsername": settings.password_sign_in,
            "RequireEmailVerification": settings.require_email_verification,
            "SMTPPassword": "********************************",
        },
    })))
}

/// Zeros for who is no administrator.
pub(super) async fn limits(caller: Caller) -> Json<Value> {
    let state = caller.mattermost.state();
    let limits = if caller.user.is_admin() {
        json!({
            "maxUsersLimit": 200,
            "maxUsersHardLimit": state.settings.max_users_hard_limit,
            "activeUserCount": state.active_users(),
            "lastAccessiblePostTime": 0,
            "postHistoryLimit": 0,
        })
    } else {
        json!({ "maxUsersLimit": 0, "maxUsersHardLimit": 0, "activeUserCount": 0 })
    };
    Json(limits)
}

/// Whether there is a seat for one more (app/limits.go).
pub(super) fn must_have_seat(state: &super::state::State, id: &str) -> Result<()> {
    if state.active_users() >= state.settings.max_users_hard_limit {
        return Err(Error::bad(
            id,
            "Server exceeds safe user limit. Contact administrator with: ERROR_SAFETY_LIMITS_EXCEEDED.",
        ));
    }
    Ok(())
}
