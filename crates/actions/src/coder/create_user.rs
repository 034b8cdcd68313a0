//! `coder:create-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Result, schema};

use super::{
    client::{Client, LoginType, Organization},
    users::{Account, Membership, SetStatus, Status},
};

/// Whose account it should be.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The user name: letters, digits and single dashes between them, at most 32 characters.
    #[schemars(length(min = 1), extend("examples" = ["katherine"]))]
    username: String,
    /// The address that the person signs in with.
    #[schemars(email, extend("examples" = ["katherine@example.com"]))]
    email: String,
    /// The person's name, as Coder shows it.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// How the person signs in. Default: `oidc` where this Coder has it, else `github`, else `password`. With a password the
    /// account gets one that nobody knows: the person asks Coder for a new one at the first sign-in.
    login_type: Option<LoginType>,
    /// The organizations in Coder that the person is in, by name or id. Default: Coder's default organization.
    #[serde(default)]
    #[schemars(extend("examples" = [["acme"]]))]
    coder_organizations: Vec<String>,
    /// Whether a suspended account of the same person is activated. Otherwise it is a conflict.
    #[serde(default)]
    reactivate: bool,
}

/// The account, as Coder has it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Its id in Coder.
    #[schemars(extend("examples" = ["1f0c5b0e-6a3c-4f0b-9a52-2f1f3a1c9b7d"]))]
    user_id: String,
    /// Its name, as Coder writes it.
    #[schemars(extend("examples" = ["katherine"]))]
    username: String,
    /// Where the person is found in Coder: the page with their workspaces.
    #[schemars(extend("examples" = ["https://coder.example.com/workspaces?filter=owner%3Akatherine"]))]
    user_url: String,
    /// How the person signs in.
    #[schemars(extend("examples" = ["oidc"]))]
    login_type: String,
    /// The names of the organizations that were asked for.
    #[schemars(extend("examples" = [["acme"]]))]
    coder_organizations: Vec<String>,
    /// Whether this run made it. False: it was there and is the same person's.
    #[schemars(extend("examples" = [true]))]
    created: bool,
}

pub(super) struct CreateUser;

impl Action for CreateUser {
    const NAME: &'static str = "create-user";

    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a Coder account",
            description: "Creates an account in [Coder](https://coder.com) for a person, in one or more organizations. An \
                          account that is there is used only if name, address and way of signing in are the same; \
                          anything else is a conflict, never somebody else's account.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "Somebody new, in an organization",
                    input: json!({
                        "username": "katherine",
                        "email": "katherine@example.com",
                        "name": "Katherine Johnson",
                        "coderOrganizations": ["acme"],
                    }),
                },
                Example {
                    description: "With a password of their own choice",
                    input: json!({
                        "username": "mary",
                        "email": "mary@example.com",
                        "loginType": "password",
                    }),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        super::create_workspace::check_name("username", &input.username)?;
        client.boundary().check_email("email", &input.email)?;
        let login_type = login_type(ctx, client, input.login_type).await?;
        let organizations = organizations(ctx, client, &input.coder_organizations).await?;
        let dashboard = ctx.race(client.deployment()).await?.dashboard;
        let account = Account {
            client,
            username: &input.username,
            email: &input.email,
            name: input.name.as_deref(),
            login_type,
            organization: organizations[0].id,
            reactivate: input.reactivate,
        };
        let ensured = ctx.ensure(&account).await?;
        let (created, user) = (ensured.changes(), ensured.object);
        let name = &user.username;
        if !user.id.is_nil() {
            ctx.info(match created {
                true => format!("created the user {name}, who signs in by {login_type}"),
                false => format!("the user {name} is there already"),
            });
        }
        // Asked again where an earlier attempt let the person in: then that is this run's doing.
        if input.reactivate && !user.id.is_nil() {
            let activation = SetStatus {
                client,
                user: &user,
                status: Status::Active,
            };
            if ctx.ensure(&activation).await?.created() {
                ctx.info(format!("activated the user {name}"));
            }
        }
        for (n, organization) in organizations.iter().enumerate() {
            if created && n == 0 && user.organization_ids.contains(&organization.id) {
                // A new account comes with it.
                continue;
            }
            let membership = Membership {
                client,
                user: &user,
                organization,
            };
            if ctx.ensure(&membership).await?.created() {
                ctx.info(format!(
                    "{name} is in the organization {} now",
                    organization.name
                ));
            }
        }
        Ok(Output {
            user_id: user.id.to_string(),
            user_url: dashboard.workspaces_of(&user.username),
            username: user.username,
            login_type: user.login_type,
            coder_organizations: organizations.into_iter().map(|one| one.name).collect(),
            created,
        })
    }
}

/// The way of signing in that is asked for, or this Coder's own.
async fn login_type(ctx: &Context, client: &Client, asked: Option<LoginType>) -> Result<LoginType> {
    let methods = ctx.race(client.auth_methods()).await?;
    let enabled: Vec<LoginType> = LoginType::ALL
        .into_iter()
        .filter(|one| methods.has(*one))
        .collect();
    match asked {
        Some(asked) if !enabled.contains(&asked) => {
            let enabled: Vec<&str> = enabled.iter().map(|one| one.as_str()).collect();
            Err(Error::invalid(
                "loginType",
                format!(
                    "Nobody can sign in to this Coder by {asked}: it has {}.",
                    enabled.join(", ")
                ),
            ))
        }
        Some(asked) => Ok(asked),
        None => enabled.first().copied().ok_or_else(|| {
            Error::invalid(
                "loginType",
                "This Coder says of no way of signing in that it is enabled; name one with loginType.",
            )
        }),
    }
}

/// The organizations by their names or ids; the default one if none is named.
async fn organizations(
    ctx: &Context,
    client: &Client,
    wanted: &[String],
) -> Result<Vec<Organization>> {
    let boundary = client.boundary();
    let default = [boundary.own().unwrap_or("default").to_owned()];
    let wanted = if wanted.is_empty() { &default } else { wanted };
    let mut found = Vec::new();
    for name in wanted {
        boundary.check("coderOrganizations", name)?;
        let Some(organization) = ctx.race(client.organization(name)).await? else {
            // Only a hint: that it cannot be given is no reason to say less.
            let all = ctx.race(client.organizations()).await.unwrap_or_default();
            let ours = all.iter().filter(|one| boundary.includes(&one.name));
            let hint = match schema::nearest(name, ours.map(|one| &*one.name)) {
                Some(near) => format!(" Did you mean {near}?"),
                None => String::new(),
            };
            return Err(Error::invalid(
                "coderOrganizations",
                format!(
                    "Coder has no organization {name}, or the credential of this connection may not see it.{hint}"
                ),
            ));
        };
        found.push(organization);
    }
    Ok(found)
}
