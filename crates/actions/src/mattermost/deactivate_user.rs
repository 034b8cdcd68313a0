//! `mattermost:deactivate-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Outcome, Result};

use super::{
    account::Deactivation,
    client::{Client, User},
    lookup, tenant,
};

pub(super) struct DeactivateUser;

/// Whose account it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name in Mattermost. At least one of `username` and `email` is needed; with both, they must be one account's.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    username: Option<String>,
    /// The e-mail address.
    #[schemars(length(min = 3), extend("examples" = ["grace@example.com"]))]
    email: Option<String>,
}

/// The account, as Mattermost has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether there is such an account at all.
    #[schemars(extend("examples" = [true]))]
    found: bool,
    /// The account's id in Mattermost; empty where there is none.
    #[schemars(extend("examples" = ["4xp9fdt77pncbef59f4k1qe83o"]))]
    user_id: String,
    /// The account's name, or what was asked for where there is none.
    #[schemars(extend("examples" = ["grace"]))]
    username: String,
    /// Whether this run deactivated the account. False: it was deactivated already, or there is none.
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
            title: "Deactivate a Mattermost user",
            description: "Shuts an account out of [Mattermost](https://mattermost.com): the person is signed out everywhere and \
                          cannot sign in any more, and their seat is free. Nothing is deleted: posts, teams and channels stay \
                          as they are, and the account can be activated again. Bots that belong to the person may stop, too. Where there is no such \
                          account, nothing is done, and the step says so.",
            attributes: Attributes::REMOVES,
            examples: vec![Example {
                description: "Somebody who leaves, by name and address",
                input: json!({"username": "grace", "email": "grace@example.com"}),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        if input.username.is_none() && input.email.is_none() {
            return Err(Error::invalid(
                "username",
                "Whose account? Give username, email, or both.",
            ));
        }
        let me = lookup::administrator(ctx, client).await?;
        let Some(user) = ctx.race(find(client, &input)).await? else {
            let username = input.username.or(input.email).unwrap_or_default();
            ctx.warn(format!(
                "Mattermost has no account {username}: nothing to deactivate"
            ));
            return Ok(Output {
                found: false,
                user_id: String::new(),
                username,
                deactivated: false,
            });
        };
        ctx.race(tenant::ours_alone(client, &user)).await?;
        check(&user, &me)?;
        let user = &user;
        let outcome = ctx.ensure(&Deactivation { client, user }).await?.outcome;
        match outcome {
            Outcome::Created => ctx.info(format!("deactivated the account {}", user.username)),
            Outcome::Adopted => {
                ctx.info(format!(
                    "the account {} is deactivated already",
                    user.username
                ));
            }
            Outcome::Planned => {}
        }
        Ok(Output {
            found: true,
            user_id: user.id.clone(),
            username: user.username.clone(),
            deactivated: outcome != Outcome::Adopted,
        })
    }
}

/// The account that has the name and the address, as far as they are given.
async fn find(client: &Client, input: &Input) -> Result<Option<User>> {
    let Some(email) = &input.email else {
        let username = input.username.as_deref().unwrap_or_default();
        return lookup::find_account(client, "username", username).await;
    };
    if !email.contains('@') {
        return Err(Error::invalid("email", "email is not an e-mail address."));
    }
    let by_email = lookup::find_account(client, "email", email).await?;
    let Some(username) = &input.username else {
        return Ok(by_email);
    };
    let by_name = lookup::find_account(client, "username", username).await?;
    let other = match (&by_email, &by_name) {
        (Some(by_email), by_name) if by_name.as_ref().is_none_or(|one| one.id != by_email.id) => {
            format!(
                "{email} is the address of the account {}",
                by_email.username
            )
        }
        (None, Some(_)) => format!("{email} is the address of no account"),
        _ => return Ok(by_email),
    };
    Err(Error::conflict(format!(
        "In Mattermost {other}, not of {username}. Check both, or give the right one alone."
    )))
}

/// Accounts that are nobody's to take out here.
fn check(user: &User, me: &User) -> Result<()> {
    let User { username, .. } = user;
    let why = if user.id == me.id {
        "is the one whose token this connection has; Sidestage could not do anything any more"
    } else if user.is_bot {
        "is a bot's; disable it in Mattermost, under Integrations, Bot Accounts"
    } else if !user.remote_id.is_empty() {
        "belongs to another Mattermost server, and has to be deactivated there"
    } else {
        return Ok(());
    };
    Err(Error::conflict(format!(
        "The account {username} {why}. It is left as it is."
    )))
}
