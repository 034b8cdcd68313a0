//! What Mattermost's refusals mean to a person, by their ids.

use sidestage_action::{Code, Error, FieldError};
use sidestage_upstream::Error as Upstream;

use super::client::Refused;

/// What a change is about, for sentences.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    pub(super) account: &'a str,
    pub(super) team: &'a str,
    pub(super) channel: &'a str,
}

impl About<'_> {
    /// What a refused change means. One that is not known here is explained as every other failed call.
    pub(super) fn explain(self, refused: Refused) -> Error {
        let Refused { id, error } = refused;
        match self.meaning(&id) {
            Some(Meaning {
                code,
                field,
                sentence,
            }) => {
                let fields = field.map(|field| FieldError {
                    field: format!("/{field}"),
                    detail: error.message().to_owned(),
                });
                Error::new(code, sentence)
                    .with_fields(fields.into_iter().collect())
                    .because(error)
            }
            None => error,
        }
    }

    fn meaning(self, id: &str) -> Option<Meaning> {
        let About {
            account,
            team,
            channel,
        } = self;
        let (code, field, sentence) = match id {
            // An account.
            "app.user.save.username_exists.app_error" => (
                Code::Conflict,
                Some("username"),
                format!(
                    "Mattermost says that the username {account} is taken, and has no account with it: it is the name of \
                     a user group. Choose another username."
                ),
            ),
            "app.user.save.email_exists.app_error" => (
                Code::Conflict,
                Some("email"),
                format!(
                    "Mattermost says that the e-mail address of {account} is taken, and shows no account with it. A \
                     system administrator of Mattermost has to look who has it."
                ),
            ),
            "api.user.create_user.accepted_domain.app_error" => (
                Code::InvalidInput,
                Some("email"),
                "Mattermost takes e-mail addresses of certain domains only, and this is none of them. Give another \
                 email, or have the domain allowed in Mattermost (Restrict account creation to specified email domains)."
                    .into(),
            ),
            "api.user.create_user.user_limits.exceeded"
            | "api.user.create_user.license_user_limits.exceeded"
            | "app.user.update_active.user_limit.exceeded"
            | "app.user.update_active.license_user_limit.exceeded" => {
                (Code::UpstreamRejected, None, no_seat(account))
            }
            "api.user.create_user.no_open_server"
            | "api.user.create_user.signup_email_disabled.app_error" => (
                Code::Forbidden,
                None,
                format!(
                    "Mattermost does not take the token of this connection for that of a system administrator, so it does \
                     not make the account {account}. The token has been revoked or has expired, or its owner has lost \
                     the role system_admin."
                ),
            ),
            "api.user.update_active.cannot_modify_status_when_user_is_managed_by_ldap.app_error" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "Mattermost does not activate the account {account}: LDAP manages it. Activate the person there; \
                     Mattermost follows with its next synchronisation."
                ),
            ),
            "api.user.update_active.cannot_enable_guest_when_guest_feature_is_disabled.app_error" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "Mattermost does not activate the account {account}: it is a guest's, and guest accounts are \
                     switched off."
                ),
            ),
            "api.user.send_password_reset.sso.app_error" => (
                Code::UpstreamRejected,
                None,
                format!("{account} signs in to Mattermost by another service, so there is no password to set."),
            ),
            "api.user.send_password_reset.send.app_error" => (
                Code::UpstreamRejected,
                None,
                "Mattermost could not send the mail: its mail server (SMTP) is not set up, or does not answer.".into(),
            ),
            // A team.
            "api.team.join_user_to_team.allowed_domains.app_error" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "Mattermost does not let {account} into the team {team}: the team takes e-mail addresses of certain \
                     domains only. Have the domain allowed in the team's settings."
                ),
            ),
            "app.team.join_user_to_team.save_member.max_accounts.app_error"
            | "app.team.join_user_to_team.max_accounts.app_error" => {
                (Code::UpstreamRejected, None, full_team(team))
            }
            "api.team.add_members.user_denied" => {
                (Code::UpstreamRejected, None, team_of_groups(account, team))
            }
            "app.team.join_user_to_team.save_member.conflict.app_error" => (
                Code::Conflict,
                None,
                format!("Somebody else is just putting {account} into the team {team}. Run the step again."),
            ),
            "app.team.join_user_to_team.rejected_by_plugin" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "A plugin of Mattermost does not let {account} into the team {team}. A system administrator of \
                     Mattermost knows which."
                ),
            ),
            "app.team.get.find.app_error" => (
                Code::NotFound,
                None,
                format!("The team {team} is no longer there in Mattermost."),
            ),
            "app.user.missing_account.const" => (
                Code::NotFound,
                None,
                format!("The account {account} is no longer there in Mattermost."),
            ),
            "api.team.is_team_creation_allowed.disabled.app_error" => (
                Code::Forbidden,
                None,
                format!("Mattermost does not let the credential of this connection make the team {team}."),
            ),
            "store.sql_team.save_team.existing.app_error" => (
                Code::Conflict,
                Some("teamName"),
                format!("Mattermost says that the name {team} is taken, and shows no team with it. Choose another teamName."),
            ),
            "model.team.is_valid.reserved.app_error" => (
                Code::InvalidInput,
                Some("teamName"),
                format!(
                    "Mattermost refuses the teamName {team}: its own pages have names that begin so. Choose another one."
                ),
            ),
            "api.team.remove_member.group_constrained.app_error" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "The members of the team {team} come from groups that Mattermost synchronises, so {account} stays in \
                     it. Take the person out of the group instead."
                ),
            ),
            "api.team.remove_user_from_team.missing.app_error" => (
                Code::Conflict,
                None,
                format!("{account} is not in the team {team} any more."),
            ),
            // A channel.
            "store.sql_channel.save_channel.exists.app_error" => (
                Code::Conflict,
                None,
                format!(
                    "Mattermost says that there is a channel {channel} in the team {team}, and does not show it: the \
                     credential of this connection may not see it."
                ),
            ),
            "store.sql_channel.save_channel.limit.app_error" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "The team {team} has as many channels as Mattermost allows, so {channel} was not made (Max Channels \
                     Per Team)."
                ),
            ),
            "app.team.get_member.missing.app_error" | "api.channel.add_user.to.channel.failed.deleted.app_error" => (
                Code::Conflict,
                None,
                format!(
                    "Mattermost does not let {account} into the channel {channel}, since {account} is not in the team \
                     {team}: somebody has just taken the person out. Run the step again."
                ),
            ),
            "app.channel.add_member.deleted_user.app_error" => (
                Code::Conflict,
                None,
                format!(
                    "Mattermost does not let {account} into the channel {channel}: somebody has just deactivated the \
                     account."
                ),
            ),
            "app.channel.get.existing.app_error" => (
                Code::NotFound,
                None,
                format!("The channel {channel} of the team {team} is no longer there in Mattermost."),
            ),
            "api.channel.add_members.user_denied" => {
                (Code::UpstreamRejected, None, channel_of_groups(account, channel))
            }
            "api.channel.add_user.to.channel.rejected" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "Mattermost does not let {account} into the channel {channel}: an access rule of the channel asks for \
                     attributes that the person does not have."
                ),
            ),
            "api.channel.add_user_to_channel.type.app_error" => (
                Code::InvalidInput,
                Some("channels"),
                format!("{channel} is a direct or group message in Mattermost, which nobody can be added to."),
            ),
            "app.channel.add_user.to.channel.rejected_by_plugin" => (
                Code::UpstreamRejected,
                None,
                format!(
                    "A plugin of Mattermost does not let {account} into the channel {channel}. A system administrator of \
                     Mattermost knows which."
                ),
            ),
            "api.channel.remove.default.app_error" => (
                Code::UpstreamRejected,
                None,
                format!("Everybody in the team is in {channel}; who leaves the team leaves it too."),
            ),
            _ => return invalid_account(account, id),
        };
        Some(Meaning {
            code,
            field,
            sentence,
        })
    }
}

struct Meaning {
    code: Code,
    /// The input at fault.
    field: Option<&'static str>,
    sentence: String,
}

/// `model.user.is_valid.{field}.app_error`: the rules for the fields of a new account (model/user.go).
fn invalid_account(account: &str, id: &str) -> Option<Meaning> {
    let field = id
        .strip_prefix("model.user.is_valid.")?
        .strip_suffix(".app_error")?;
    if field.starts_with("pwd") {
        let sentence = format!(
            "The password that is made for {account}, which nobody needs to know, is not one that Mattermost's rules for \
             passwords take. It has 44 letters, digits and dashes."
        );
        return Some(Meaning {
            code: Code::UpstreamRejected,
            field: None,
            sentence,
        });
    }
    let (field, rule) = match field {
        "username" => (
            "username",
            "1 to 64 small letters, digits, dots, dashes and underscores",
        ),
        "email" => ("email", "an address alone, at most 128 characters"),
        "first_name" => ("firstName", "at most 64 characters"),
        "last_name" => ("lastName", "at most 64 characters"),
        "nickname" => ("nickname", "at most 64 characters"),
        "position" => ("position", "at most 128 characters"),
        "locale" => (
            "locale",
            "a language such as en or de, at most 5 characters",
        ),
        "auth_data" => ("authData", "at most 128 characters"),
        _ => return None,
    };
    Some(Meaning {
        code: Code::InvalidInput,
        field: Some(field),
        sentence: format!("Mattermost refuses the {field} of {account}: it must be {rule}."),
    })
}

/// Refusals that are not about what was asked for, but about who asks.
pub(super) fn of_every_call(error: &Upstream) -> Option<(Code, String)> {
    let sentence = match error.json()?["id"].as_str()? {
        "api.context.permissions.app_error" => {
            "Mattermost does not allow this to the account whose token this connection has: it needs the role \
             system_admin."
        }
        "api.context.mfa_required.app_error" => {
            "Mattermost asks for a second factor from the account whose token this connection has, and that account has \
             none. Give the connection the token of a bot, which needs none."
        }
        _ => return None,
    };
    Some((Code::Forbidden, sentence.into()))
}

pub(super) fn no_seat(account: &str) -> String {
    format!(
        "Mattermost has as many active accounts as its licence allows, so there is no seat for {account}. Deactivate an \
         account that is no longer used, or get more seats."
    )
}

pub(super) fn full_team(team: &str) -> String {
    format!(
        "The team {team} in Mattermost is full. A system administrator of Mattermost has to raise the number of members \
         that a team may have (Max Users Per Team)."
    )
}

pub(super) fn team_of_groups(account: &str, team: &str) -> String {
    format!(
        "The members of the team {team} come from groups that Mattermost synchronises, and {account} is in none of them. \
         Add the person to such a group instead."
    )
}

pub(super) fn channel_of_groups(account: &str, channel: &str) -> String {
    format!(
        "The members of the channel {channel} come from groups that Mattermost synchronises, and {account} is in none of \
         them. Add the person to such a group instead, and leave the channel out."
    )
}
