//! `coder:suspend-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Example, Result};

use super::{
    client::Client,
    tenant,
    users::{SetStatus, Status, find_leaver},
};

/// Whose account it is.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The user's name in Coder, its id, or its e-mail address.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    user: String,
    /// The user's e-mail address. Where it is given, the user must have it: nothing is done to somebody else of that name.
    #[schemars(length(min = 3), extend("examples" = ["grace@example.com"]))]
    email: Option<String>,
}

/// What became of the account.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether there is such an account at all.
    #[schemars(extend("examples" = [true]))]
    found: bool,
    /// Its id in Coder; empty where there is none.
    #[schemars(extend("examples" = ["1f0c5b0e-6a3c-4f0b-9a52-2f1f3a1c9b7d"]))]
    user_id: String,
    /// Its name in Coder, or what was asked for where there is none.
    #[schemars(extend("examples" = ["grace"]))]
    username: String,
    /// Whether this run suspended it. False: it was suspended already, or there is none.
    #[schemars(extend("examples" = [true]))]
    suspended: bool,
}

pub(super) struct SuspendUser;

impl Action for SuspendUser {
    const NAME: &'static str = "suspend-user";

    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Suspend a Coder account",
            description: "Suspends an account in [Coder](https://coder.com): the person can no longer sign in, and what is \
                          theirs stays. Workspaces go on running; delete or stop them first. Where there is no such \
                          account, nothing is done, and the step says so.",
            attributes: Attributes::REMOVES,
            examples: vec![Example {
                description: "Somebody who leaves, by name and address",
                input: json!({ "user": "grace", "email": "grace@example.com" }),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let Some(user) = ctx
            .race(find_leaver(client, &input.user, input.email.as_deref()))
            .await?
        else {
            ctx.warn(format!(
                "Coder has no user {}, or the credential of this connection may not see it: nothing to suspend",
                input.user
            ));
            return Ok(Output {
                found: false,
                user_id: String::new(),
                username: input.user,
                suspended: false,
            });
        };
        ctx.race(tenant::ours_alone(client, &user)).await?;
        let suspension = SetStatus {
            client,
            user: &user,
            status: Status::Suspended,
        };
        let ensured = ctx.ensure(&suspension).await?;
        if !ctx.is_dry_run() {
            let already = if ensured.created() { "" } else { " already" };
            ctx.info(format!("the user {} is suspended{already}", user.username));
        }
        Ok(Output {
            found: true,
            user_id: user.id.to_string(),
            username: user.username,
            suspended: ensured.changes(),
        })
    }
}
