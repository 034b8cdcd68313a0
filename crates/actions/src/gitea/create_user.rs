//! `gitea:create-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Outcome, Result};

use super::{
    account::{Account, SignIn},
    client::{Client, CreateUser as Wanted, User},
    lookup, names,
};

pub(super) struct CreateUser;

/// Who is to have an account.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name in Gitea. What Gitea does not take in a name becomes a dash.
    #[schemars(length(min = 1), extend("examples" = ["katherine"]))]
    username: String,
    /// The e-mail address.
    #[schemars(length(min = 3), extend("examples" = ["katherine@example.com"]))]
    email: String,
    /// The person's name, as Gitea shows it.
    #[schemars(length(max = 100), extend("examples" = ["Katherine Johnson"]))]
    full_name: Option<String>,
    /// The sign-in source in Gitea by which the person signs in, such as Keycloak: its number, as `gitea admin auth list`
    /// says it. Needs `loginName`. Default: by password. The password is made by chance, nobody sees it, and it must be
    /// changed: the person sets one by *Forgot password*.
    #[schemars(range(min = 1), extend("examples" = [1]))]
    source_id: Option<u64>,
    /// What that source calls the person: for Keycloak the id of the user there (`sub`), not the name.
    #[schemars(length(min = 1), extend("examples" = ["0b2d7f0c-4f0e-4b7e-9d57-6a0f5c1d2e3f"]))]
    login_name: Option<String>,
    /// Whether the person sees only what they were given access to. Default: as the server says.
    restricted: Option<bool>,
    /// Who sees the account. Default: as the server says.
    visibility: Option<Visibility>,
    /// Whether an account of the person that may not sign in is let in again. Otherwise it is refused.
    #[serde(default)]
    reactivate: bool,
    /// Whether Gitea sends its mail about the new account, which says how to set a password. Default: only to who signs in
    /// by password.
    welcome_email: Option<bool>,
}

/// Who sees an account: everybody, who has signed in, or nobody.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Visibility {
    Public,
    Limited,
    Private,
}

impl Visibility {
    /// As Gitea writes it.
    fn as_str(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Limited => "limited",
            Visibility::Private => "private",
        }
    }
}

/// The account, as Gitea has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The account's id in Gitea.
    #[schemars(extend("examples" = [42]))]
    user_id: u64,
    /// The account's name, as Gitea writes it.
    #[schemars(extend("examples" = ["katherine"]))]
    username: String,
    /// The person's page in Gitea.
    #[schemars(extend("examples" = ["https://gitea.example.com/katherine"]))]
    user_url: String,
    /// How the person signs in: `password`, or `source` with the number of the sign-in source.
    #[schemars(extend("examples" = ["source 1"]))]
    sign_in: String,
    /// Whether this run made the account. False: it was there.
    #[schemars(extend("examples" = [true]))]
    created: bool,
}

impl Action for CreateUser {
    const NAME: &'static str = "create-user";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a Gitea user",
            description: "Makes an account in [Gitea](https://about.gitea.com), linked to the source by which the person signs \
                          in, such as Keycloak: the first sign-in lands on it. An account that the person has already is \
                          used. Who signs in by password sets it themselves; no password is shown anywhere.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "Somebody who signs in by Keycloak",
                    input: json!({
                        "username": "katherine",
                        "email": "katherine@example.com",
                        "fullName": "Katherine Johnson",
                        "sourceId": 1,
                        "loginName": "0b2d7f0c-4f0e-4b7e-9d57-6a0f5c1d2e3f",
                    }),
                },
                Example {
                    description: "By password, and let in again if the account is there",
                    input: json!({
                        "username": "mary",
                        "email": "mary@example.com",
                        "fullName": "Mary Jackson",
                        "reactivate": true,
                    }),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let wanted = check(ctx, &input)?;
        client.boundary().check_email("email", &wanted.email)?;
        lookup::administrator(ctx, client).await?;
        let told = wanted.send_notify;
        let account = Account {
            client,
            wanted,
            reactivate: input.reactivate,
        };
        let ensured = ctx.ensure(&account).await?;
        let (user, outcome) = (ensured.object, ensured.outcome);
        let user_url = client.url_for_people(&user.html_url, &user.login);
        match outcome {
            Outcome::Created => say_created(ctx, client, &user, told),
            Outcome::Adopted => say_adopted(ctx, &user, &account.wanted),
            Outcome::Planned => {}
        }
        // Asked again where an earlier attempt let the person in: then that is this run's doing.
        if input.reactivate && user.id != 0 {
            let sign_in = SignIn {
                client,
                user: &user,
                allowed: true,
            };
            if ctx.ensure(&sign_in).await?.created() {
                ctx.info(format!("the account {} may sign in again", user.login));
            }
        }
        Ok(Output {
            user_id: user.id,
            user_url,
            sign_in: user.sign_in(),
            created: outcome != Outcome::Adopted,
            username: user.login,
        })
    }
}

/// What needs no look at Gitea.
fn check(ctx: &Context, input: &Input) -> Result<Wanted> {
    let username = names::username("username", &input.username)?;
    let email = names::email(&input.email)?;
    if username != input.username {
        ctx.info(format!("the username is {username} in Gitea"));
    }
    match (input.source_id, &input.login_name) {
        (Some(_), None) => {
            return Err(Error::invalid(
                "loginName",
                "sourceId needs loginName: what that source calls the person. Without it nobody could sign in.",
            ));
        }
        (None, Some(_)) => {
            return Err(Error::invalid(
                "sourceId",
                "loginName needs sourceId: the sign-in source that calls the person so.",
            ));
        }
        _ => {}
    }
    let by_password = input.source_id.is_none();
    Ok(Wanted {
        username,
        email,
        full_name: input.full_name.clone().unwrap_or_default(),
        source_id: input.source_id,
        login_name: input.login_name.clone(),
        must_change_password: by_password,
        send_notify: input.welcome_email.unwrap_or(by_password),
        restricted: input.restricted,
        visibility: input.visibility.map(Visibility::as_str),
    })
}

fn say_created(ctx: &Context, client: &Client, user: &User, told: bool) {
    let name = &user.login;
    ctx.info(format!("made the account {name}"));
    if let Some(warning) = &user.warning {
        ctx.warn(format!("Gitea says: {warning}"));
    }
    if user.source_id != 0 {
        return;
    }
    let page = client.page_for_people(user, "user/forgot_password");
    ctx.info(match told {
        true => format!(
            "{} is sent a mail, if this Gitea sends any; the password is set at {page}",
            user.email
        ),
        false => format!("{name} sets a password at {page}"),
    });
}

fn say_adopted(ctx: &Context, user: &User, wanted: &Wanted) {
    let name = &user.login;
    ctx.info(format!("the account {name} is there and is the person's"));
    if !name.eq_ignore_ascii_case(&wanted.username) {
        ctx.warn(format!(
            "the account with this sign-in is called {name}; its name is left as it is"
        ));
    }
    if !user.email.eq_ignore_ascii_case(&wanted.email) {
        ctx.warn(format!(
            "the account {name} has another e-mail address, which is left as it is"
        ));
    }
}
