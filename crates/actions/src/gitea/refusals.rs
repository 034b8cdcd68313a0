//! What Gitea's refusals mean to a person, by their statuses and words. The words are not promised to stay: what is not
//! known here is quoted.

use sidestage_action::{Code, Error, FieldError};
use sidestage_upstream::{Error as Upstream, StatusCode};

use super::client::{Refused, message};

/// What a change is about, for sentences.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    pub(super) account: &'a str,
    pub(super) organization: &'a str,
    pub(super) team: &'a str,
    pub(super) repository: &'a str,
}

struct Meaning {
    code: Code,
    /// The input at fault.
    field: Option<&'static str>,
    sentence: String,
}

impl Meaning {
    fn of(code: Code, field: Option<&'static str>, sentence: impl Into<String>) -> Option<Self> {
        Some(Meaning {
            code,
            field,
            sentence: sentence.into(),
        })
    }
}

impl About<'_> {
    /// What a refused change means. One that is not known here is explained as every other failed call.
    pub(super) fn explain(self, refused: Refused) -> Error {
        let Refused {
            status,
            message,
            error,
        } = refused;
        let meaning = if !self.repository.is_empty() {
            self.of_repository(status, &message)
        } else if !self.team.is_empty() {
            self.of_team(status, &message)
        } else {
            self.of_account(status, &message)
        };
        let Some(Meaning {
            code,
            field,
            sentence,
        }) = meaning
        else {
            return error;
        };
        let fields = field.map(|field| FieldError {
            field: format!("/{field}"),
            detail: error.message().to_owned(),
        });
        Error::new(code, sentence)
            .with_fields(fields.into_iter().collect())
            .because(error)
    }

    /// routers/api/v1/admin/user.go, CreateUser and EditUser
    fn of_account(self, status: u16, message: &str) -> Option<Meaning> {
        let account = self.account;
        let invalid = |field, rule: &str| {
            let sentence = format!("Gitea refuses the {field} of {account}: it must be {rule}.");
            Meaning::of(Code::InvalidInput, Some(field), sentence)
        };
        match (status, message) {
            (422, of) if of.starts_with("user already exists") => Meaning::of(
                Code::Conflict,
                Some("username"),
                format!(
                    "Gitea says that the name {account} is taken, and shows nothing that has it. Choose another username."
                ),
            ),
            (422, of) if of.starts_with("e-mail already in use") => Meaning::of(
                Code::Conflict,
                Some("email"),
                format!(
                    "Gitea says that the e-mail address of {account} is taken, and shows no account with it. A site \
                     administrator of Gitea has to look who has it."
                ),
            ),
            (404, of) if of.starts_with("user does not exist") => Meaning::of(
                Code::Conflict,
                None,
                format!("Gitea has no account {account} any more."),
            ),
            (422, of) if of.starts_with("login source does not exist") => Meaning::of(
                Code::InvalidInput,
                Some("sourceId"),
                "Gitea has no sign-in source with this sourceId. On its server, gitea admin auth list says which there are.",
            ),
            (422, of) if of.starts_with("name ") || of.starts_with("[Username]") => invalid(
                "username",
                "1 to 40 letters and digits with single dots, dashes and underscores between them, and no name of Gitea's \
                 own pages",
            ),
            (422, of) if of.starts_with("e-mail ") || of.starts_with("[Email]") => invalid(
                "email",
                "an address alone, of plain letters, at most 254 characters",
            ),
            (422, of) if of.starts_with("[FullName]") => {
                invalid("fullName", "at most 100 characters")
            }
            (400, "PasswordIsRequired" | "PasswordComplexity" | "PasswordPwned") => Meaning::of(
                Code::UpstreamRejected,
                None,
                format!(
                    "The password that is made for {account}, which nobody needs to know, is not one that Gitea's rules \
                     for passwords take ({message}). It has 44 letters, digits and dashes."
                ),
            ),
            // Checked before anything is made, though by no refusal.
            (500, of) if of.to_lowercase().starts_with("visibility mode not allowed") => invalid(
                "visibility",
                "one that this Gitea allows (ALLOWED_USER_VISIBILITY_MODES)",
            ),
            // A duplicate and a mistake have the same status: looking decides.
            (422, of) if !of.is_empty() => Meaning::of(
                Code::Conflict,
                None,
                format!(
                    "Gitea refuses the account {account}: {}.",
                    of.trim_end_matches('.')
                ),
            ),
            _ => None,
        }
    }

    /// routers/api/v1/org/team.go, AddTeamMember
    fn of_team(self, status: u16, message: &str) -> Option<Meaning> {
        let About {
            account,
            organization,
            team,
            ..
        } = self;
        match (status, message) {
            (403, "user is blocked") => Meaning::of(
                Code::UpstreamRejected,
                None,
                format!(
                    "The organization {organization} in Gitea has blocked the account {account}. One of its owners has to \
                     unblock it first."
                ),
            ),
            (404, _) => Meaning::of(
                Code::NotFound,
                None,
                format!(
                    "The team {team} of the organization {organization}, or the account {account}, is no longer there in \
                     Gitea."
                ),
            ),
            _ => None,
        }
    }

    /// routers/api/v1/repo/repo.go, CreateUserRepo
    fn of_repository(self, status: u16, message: &str) -> Option<Meaning> {
        let repository = self.repository;
        let owner = match self.organization {
            "" => self.account,
            organization => organization,
        };
        let invalid = |field, rule: &str| {
            let sentence = format!("Gitea refuses the {field} of {repository}: it must be {rule}.");
            Meaning::of(Code::InvalidInput, Some(field), sentence)
        };
        match (status, message) {
            (409, _) => Meaning::of(
                Code::Conflict,
                Some("repositoryName"),
                format!(
                    "Gitea says that {owner} has a repository {repository}, and does not show it. Choose another \
                     repositoryName."
                ),
            ),
            (422, of) if of.starts_with("name ") || of.starts_with("[Name]") => invalid(
                "repositoryName",
                "1 to 100 letters, digits, dots, dashes and underscores, and no name that Gitea keeps for itself",
            ),
            (422, of) if of.starts_with("[Description]") => {
                invalid("description", "at most 2048 characters")
            }
            (422, of) if of.starts_with("[DefaultBranch]") => invalid(
                "defaultBranch",
                "a name that git takes for a branch, at most 100 characters",
            ),
            (400, of) if of.starts_with("readme template does not exist") => Meaning::of(
                Code::UpstreamRejected,
                None,
                format!(
                    "Gitea cannot write the first README of {repository}: its own templates are not the usual ones. Set \
                         autoInit to false."
                ),
            ),
            (403, of) if of.starts_with("user has reached maximum limit of repositories") => {
                Meaning::of(
                    Code::UpstreamRejected,
                    None,
                    format!(
                        "In Gitea {owner} has as many repositories as it may have. A site administrator can raise the limit."
                    ),
                )
            }
            (403, of) if of.starts_with("User is not allowed to create repositories") => {
                Meaning::of(
                    Code::Forbidden,
                    None,
                    format!(
                        "Gitea does not let the account whose token this connection has make repositories in the organization \
                     {owner}."
                    ),
                )
            }
            (404, _) => Meaning::of(
                Code::NotFound,
                None,
                format!(
                    "The owner {owner} of the repository {repository} is no longer there in Gitea."
                ),
            ),
            _ => None,
        }
    }
}

/// Refusals that are not about what was asked for, but about who asks (routers/api/v1/api.go).
pub(super) fn of_every_call(error: &Upstream) -> Option<String> {
    if error.status() != Some(StatusCode::FORBIDDEN) {
        return None;
    }
    let said = message(error.json())?;
    if let Some((_, scopes)) = said.split_once("required scope(s), required=[") {
        let scope = scopes.split(']').next().unwrap_or_default();
        return Some(format!(
            "The token of this connection lacks the scope {scope} in Gitea. The connection needs a token with the scopes \
             write:admin, write:organization, write:repository and read:user."
        ));
    }
    if said == "user should be the site admin" {
        return Some(
            "Gitea allows this to site administrators only, and the account whose token this connection has is none.".into(),
        );
    }
    if said.starts_with("token scope is limited to public") || said.contains("public-only token") {
        return Some(
            "The token of this connection is for what is public only. The connection needs one without public-only.".into(),
        );
    }
    if said.starts_with("You must change your password") {
        return Some(
            "The account whose token this connection has must change its password in Gitea before it can do anything.".into(),
        );
    }
    if said.starts_with("This account is prohibited")
        || said.starts_with("This account is not activated")
    {
        return Some(
            "The account whose token this connection has may not sign in to Gitea, or is not activated.".into(),
        );
    }
    None
}
