//! `gitea:deactivate-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Outcome, Result};

use super::{
    account::SignIn,
    client::{Client, User},
    lookup, names, tenant,
};

pub(super) struct DeactivateUser;

/// Whose account it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name in Gitea. At least one of `username` and `email` is needed; with both, they must be one account's.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    username: Option<String>,
    /// The e-mail address.
    #[schemars(length(min = 3), extend("examples" = ["grace@example.com"]))]
    email: Option<String>,
}

/// What became of the account.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether there is such an account at all.
    #[schemars(extend("examples" = [true]))]
    found: bool,
    /// Its id in Gitea, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [42]))]
    user_id: Option<u64>,
    /// Its name in Gitea, or what was asked for where there is none.
    #[schemars(extend("examples" = ["grace"]))]
    username: String,
    /// The person's page in Gitea, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://gitea.example.com/grace"]))]
    user_url: Option<String>,
    /// Whether this run shut the account out. False: it was already, or there is none.
    #[schemars(extend("examples" = [true]))]
    deactivated: bool,
}

impl Action for DeactivateUser {
    const NAME: &'static str = "deactivate-user";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Deactivate a Gitea user",
            description: "Shuts an account out of [Gitea](https://about.gitea.com): the person can no longer sign in, and their \
                          tokens and keys no longer work. Nothing is deleted: repositories, teams and issues stay as they \
                          are, and the account can be let in again. Where there is no such account, nothing is done, and the \
                          step says so.",
            attributes: Attributes::REMOVES,
            examples: vec![Example {
                description: "Somebody who leaves, by name and address",
                input: json!({"username": "grace", "email": "grace@example.com"}),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let Some(asked) = input.username.as_ref().or(input.email.as_ref()) else {
            return Err(Error::invalid(
                "username",
                "Whose account? Give username, email, or both.",
            ));
        };
        let me = lookup::administrator(ctx, client).await?;
        let Some(user) = ctx.race(find(client, &input)).await? else {
            ctx.warn(format!(
                "Gitea has no account {asked}, so there is nothing to do"
            ));
            return Ok(Output {
                found: false,
                user_id: None,
                username: asked.clone(),
                user_url: None,
                deactivated: false,
            });
        };
        let name = &user.login;
        if user.id == me.id {
            return Err(Error::conflict(format!(
                "The account {name} is the one whose token this connection has; Sidestage could not do anything any more. It \
                 is left as it is."
            )));
        }
        ctx.race(tenant::ours_alone(client, &user)).await?;
        let shut_out = SignIn {
            client,
            user: &user,
            allowed: false,
        };
        let outcome = ctx.ensure(&shut_out).await?.outcome;
        match outcome {
            Outcome::Created => ctx.info(format!("the account {name} may no longer sign in")),
            Outcome::Adopted => ctx.info(format!("the account {name} may not sign in already")),
            Outcome::Planned => {}
        }
        Ok(Output {
            found: true,
            user_id: Some(user.id),
            user_url: Some(client.url_for_people(&user.html_url, name)),
            username: name.clone(),
            deactivated: outcome != Outcome::Adopted,
        })
    }
}

/// Where both are given, they have to be one account's: a name that somebody else has is no reason to shut them out.
async fn find(client: &Client, input: &Input) -> Result<Option<User>> {
    let by_email = match &input.email {
        Some(email) => client.user_by_email(&names::email(email)?).await?,
        None => None,
    };
    let Some(username) = &input.username else {
        return Ok(by_email);
    };
    let by_name = lookup::account(client, "username", username).await?;
    let Some(email) = &input.email else {
        return Ok(by_name);
    };
    let why = match (&by_name, &by_email) {
        (None, None) => return Ok(None),
        (Some(name), Some(address)) if name.id == address.id => return Ok(by_name),
        (Some(name), Some(address)) => {
            format!(
                "In Gitea {email} is the address of the account {}, not of {}.",
                address.login, name.login
            )
        }
        (Some(name), None) => format!(
            "The account {} in Gitea does not have the address {email}.",
            name.login
        ),
        (None, Some(address)) => {
            format!(
                "In Gitea {email} is the address of the account {}, and there is no {username}.",
                address.login
            )
        }
    };
    Err(Error::conflict(format!(
        "{why} Check both, or give the right one alone."
    )))
}
