//! `mattermost:create-user`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{
    Action, Attributes, Code, Context, Description, Effect, Error, Example, Outcome, Result,
};

use super::{
    account::{Account, Activation, PasswordMail},
    channel::{ChannelMembership, NewChannel},
    client::{Channel, Client, CreateUser as Wanted, Site, Team, User},
    domains,
    lookup::{self, Named},
    refusals::{channel_of_groups, full_team, no_seat, team_of_groups},
    team::TeamMembership,
    username,
};

pub(super) struct CreateUser;

/// Who is to have an account, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name in Mattermost. It is written in small letters, and what Mattermost does not take becomes a dash.
    #[schemars(length(min = 1), extend("examples" = ["katherine"]))]
    username: String,
    /// The e-mail address. An account that has it already is used, if it is the same person's.
    #[schemars(length(min = 3), extend("examples" = ["katherine@example.com"]))]
    email: String,
    /// The first name.
    #[schemars(extend("examples" = ["Katherine"]))]
    first_name: Option<String>,
    /// The last name.
    #[schemars(extend("examples" = ["Johnson"]))]
    last_name: Option<String>,
    /// A nickname.
    nickname: Option<String>,
    /// The position in the company.
    position: Option<String>,
    /// The language of Mattermost for the person, such as `en` or `de`. Default: as the server says.
    #[schemars(length(min = 2), extend("examples" = ["en"]))]
    locale: Option<String>,
    /// The team that the person joins, by the name in its URL, or its id.
    #[schemars(length(min = 1), extend("examples" = ["engineering"]))]
    team_name: Option<String>,
    /// The channels of the team that the person joins, by the names in their URLs, or their ids. Everybody in a team is
    /// in `town-square`; new teams have no `general` or `random`.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("examples" = [["backend"]]))]
    channels: Vec<String>,
    /// Whether channels that do not exist are made, as public ones. Otherwise they are refused before anything is made.
    #[serde(default)]
    create_missing_channels: bool,
    /// Whether a deactivated account of the person is activated. Otherwise it is refused.
    #[serde(default)]
    reactivate: bool,
    /// The service by which the person signs in; needs `authData`. Default: by password. The password is made by chance,
    /// nobody sees it, and the person is sent a mail to set their own.
    auth_service: Option<AuthService>,
    /// What that service calls the person: for SAML and LDAP the value of the configured id attribute, for GitLab the
    /// number of the user.
    #[schemars(length(min = 1, max = 128), extend("examples" = ["katherine@example.com"]))]
    auth_data: Option<String>,
    /// Whether Mattermost sends its welcome mail to a new account.
    #[serde(default)]
    welcome_email: bool,
}

/// Ways to sign in that Mattermost knows. It takes any other text too, and makes an account that nobody can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthService {
    Saml,
    Ldap,
    Gitlab,
    Google,
    Office365,
    Openid,
}

impl AuthService {
    /// As Mattermost writes it.
    fn as_str(self) -> &'static str {
        match self {
            AuthService::Saml => "saml",
            AuthService::Ldap => "ldap",
            AuthService::Gitlab => "gitlab",
            AuthService::Google => "google",
            AuthService::Office365 => "office365",
            AuthService::Openid => "openid",
        }
    }

    /// What Mattermost tells its clients when it is on, and licensed.
    fn setting(self) -> &'static str {
        match self {
            AuthService::Saml => "EnableSaml",
            AuthService::Ldap => "EnableLdap",
            AuthService::Gitlab => "EnableSignUpWithGitLab",
            AuthService::Google => "EnableSignUpWithGoogle",
            AuthService::Office365 => "EnableSignUpWithOffice365",
            AuthService::Openid => "EnableSignUpWithOpenId",
        }
    }

    /// Whether Mattermost takes any address from there.
    fn is_directory(self) -> bool {
        matches!(self, AuthService::Saml | AuthService::Ldap)
    }
}

/// The account, as Mattermost has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The account's id in Mattermost.
    #[schemars(extend("examples" = ["4xp9fdt77pncbef59f4k1qe83o"]))]
    user_id: String,
    /// The account's name, as Mattermost writes it.
    #[schemars(extend("examples" = ["katherine"]))]
    username: String,
    /// Where the person is found: the direct messages with them in the team, or Mattermost itself.
    #[schemars(extend("examples" = ["https://chat.example.com/engineering/messages/@katherine"]))]
    user_url: String,
    /// The team's id, where the input names a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["9jrxak1ykxrmnaed9cps9i4cim"]))]
    team_id: Option<String>,
    /// The channels of the input, by their names: the person is in all of them.
    #[schemars(extend("examples" = [["backend"]]))]
    channels: Vec<String>,
    /// How the person signs in: `password`, or the service, such as `saml`.
    #[schemars(extend("examples" = ["password"]))]
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
            title: "Create a Mattermost user",
            description: "Makes an account in [Mattermost](https://mattermost.com) and puts it into a team and channels. An \
                          account that the person has already is used. Who signs in by password is sent one mail to set it; \
                          no password is shown anywhere.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "An account in a team and one of its channels",
                    input: json!({
                        "username": "katherine",
                        "email": "katherine@example.com",
                        "firstName": "Katherine",
                        "lastName": "Johnson",
                        "teamName": "engineering",
                        "channels": ["town-square", "backend"],
                    }),
                },
                Example {
                    description: "Who signs in by SAML, in a channel that is made if there is none",
                    input: json!({
                        "username": "mary",
                        "email": "mary@example.com",
                        "firstName": "Mary",
                        "lastName": "Jackson",
                        "authService": "saml",
                        "authData": "mary@example.com",
                        "teamName": "engineering",
                        "channels": ["wind-tunnel"],
                        "createMissingChannels": true,
                        "reactivate": true,
                    }),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let wanted = check(ctx, client, &input)?;
        client.boundary().check_email("email", &wanted.email)?;
        lookup::administrator(ctx, client).await?;
        let site = ctx.race(client.site()).await?;
        let place = Place::find(ctx, client, &input).await?;
        let account = Account {
            client,
            site: &site,
            wanted,
            reactivate: input.reactivate,
        };
        check_before(ctx, &account, input.auth_service, place.as_ref()).await?;

        let ensured = ctx.ensure(&account).await?;
        let (user, outcome) = (ensured.object, ensured.outcome);
        say(ctx, &user, outcome, &input);
        if outcome != Outcome::Adopted && user.auth_service.is_empty() {
            send_password_mail(ctx, client, &site, &user).await?;
        }
        // Asked again where an earlier attempt let the person in: then that is this run's doing.
        if input.reactivate && !user.id.is_empty() {
            let user = &user;
            if ctx.ensure(&Activation { client, user }).await?.created() {
                ctx.info(format!("activated the account {}", user.username));
            }
        }
        let channels = match &place {
            Some(place) => place.join(ctx, client, &user).await?,
            None => Vec::new(),
        };
        let user_url = match &place {
            Some(Place { team, .. }) => {
                format!("{}/{}/messages/@{}", site.url, team.name, user.username)
            }
            None => site.url.clone(),
        };
        Ok(Output {
            user_url,
            team_id: place.map(|place| place.team.id),
            channels,
            sign_in: match user.auth_service {
                service if service.is_empty() => "password".into(),
                service => service,
            },
            created: outcome != Outcome::Adopted,
            user_id: user.id,
            username: user.username,
        })
    }
}

/// What needs no look at Mattermost.
fn check(ctx: &Context, client: &Client, input: &Input) -> Result<Wanted> {
    let name = username::normalize("username", &input.username)?;
    let email = username::normalize_email(&input.email)?;
    if name != input.username {
        ctx.info(format!("the username is {name} in Mattermost"));
    }
    match (input.auth_service, &input.auth_data) {
        (Some(_), None) => {
            return Err(Error::invalid(
                "authData",
                "authService needs authData: what that service calls the person. Without it nobody could sign in.",
            ));
        }
        (None, Some(_)) => {
            return Err(Error::invalid(
                "authService",
                "authData needs authService: the service that calls the person so.",
            ));
        }
        _ => {}
    }
    let has_team = input.team_name.is_some() || client.boundary().own().is_some();
    if !has_team && !input.channels.is_empty() {
        return Err(Error::invalid(
            "teamName",
            "channels needs teamName: the team whose channels they are.",
        ));
    }
    Ok(Wanted {
        username: name,
        email,
        first_name: input.first_name.clone().unwrap_or_default(),
        last_name: input.last_name.clone().unwrap_or_default(),
        nickname: input.nickname.clone(),
        position: input.position.clone(),
        locale: input.locale.clone(),
        auth_service: input.auth_service.map(AuthService::as_str),
        auth_data: input.auth_data.clone(),
        // Who asks for the account vouches for the address.
        email_verified: true,
        disable_welcome_email: !input.welcome_email,
    })
}

/// What can be known before anything is made: that Mattermost will let the person in, and into the team.
async fn check_before(
    ctx: &Context,
    account: &Account<'_>,
    auth_service: Option<AuthService>,
    place: Option<&Place>,
) -> Result<()> {
    let Account { client, site, .. } = account;
    let Wanted {
        username, email, ..
    } = &account.wanted;
    let found = ctx.race(account.find()).await?;
    if let Some(found) = &found {
        ctx.race(account.differences(found)).await?;
    }
    let limits = ctx.race(client.limits()).await?;
    let domains_of_server = &limits.teams.restrict_creation_to_domains;
    if found.is_none() {
        check_sign_in(site, auth_service)?;
        let any_domain = auth_service.is_some_and(AuthService::is_directory);
        if !any_domain && !domains::allow(domains_of_server, email) {
            return Err(Error::invalid(
                "email",
                format!(
                    "Mattermost takes e-mail addresses of these domains only: {}. Give another email, or have the domain \
                     allowed in Mattermost.",
                    domains::say(domains_of_server)
                ),
            ));
        }
    }
    let takes_a_seat = found.as_ref().is_none_or(|user| !user.is_active());
    let most = limits.seats.max_users_hard_limit;
    if takes_a_seat && most > 0 && limits.seats.active_user_count >= most {
        return Err(Error::new(Code::UpstreamRejected, no_seat(username)));
    }
    let Some(Place { team, channels, .. }) = place else {
        return Ok(());
    };
    let is_member = match &found {
        Some(user) => {
            let member = client.team_member(&team.id, &user.id);
            ctx.race(member).await?.is_some()
        }
        None => false,
    };
    if !is_member {
        let most = limits.teams.max_users_per_team;
        if most > 0 && ctx.race(client.active_members(&team.id)).await? >= most {
            return Err(Error::new(Code::UpstreamRejected, full_team(&team.name)));
        }
        let both = [&team.allowed_domains, domains_of_server];
        if let Some(domains) = both
            .into_iter()
            .find(|domains| !domains::allow(domains, email))
        {
            return Err(Error::invalid(
                "email",
                format!(
                    "The team {} in Mattermost takes e-mail addresses of these domains only: {}. Name another team, or \
                     have the domain allowed.",
                    team.name,
                    domains::say(domains)
                ),
            ));
        }
    }
    // Of somebody who is known only Mattermost can say in which groups they are.
    if found.is_none() {
        if team.group_constrained {
            return Err(Error::new(
                Code::UpstreamRejected,
                team_of_groups(username, &team.name),
            ));
        }
        for channel in channels {
            if let Named::There(channel) = channel
                && channel.group_constrained
            {
                return Err(Error::new(
                    Code::UpstreamRejected,
                    channel_of_groups(username, &channel.name),
                ));
            }
        }
    }
    Ok(())
}

/// An account that nobody can open is worse than none: its address is taken, and keeps the person from signing in by
/// the service that the company uses.
fn check_sign_in(site: &Site, auth_service: Option<AuthService>) -> Result<()> {
    match auth_service {
        Some(service) if !site.has_sso(service.setting()) => Err(Error::invalid(
            "authService",
            format!(
                "Signing in by {} is not switched on in this Mattermost, or not licensed, so nobody could open the account.",
                service.as_str()
            ),
        )),
        None if !site.has_password_sign_in() => Err(Error::invalid(
            "authService",
            "Nobody signs in to this Mattermost by password. Give authService and authData: the service, and what it \
             calls the person.",
        )),
        _ => Ok(()),
    }
}

fn say(ctx: &Context, user: &User, outcome: Outcome, input: &Input) {
    let name = &user.username;
    match outcome {
        Outcome::Created => ctx.info(format!("made the account {name}")),
        Outcome::Adopted => ctx.info(format!("the account {name} is there and is the person's")),
        Outcome::Planned => {}
    }
    if outcome == Outcome::Adopted && !name.eq_ignore_ascii_case(&input.username) {
        ctx.warn(format!(
            "the account with this e-mail address is called {name}; its name is left as it is"
        ));
    }
}

/// One mail, from the run that made the account. Without it the account is as good: the person asks Mattermost for
/// another.
async fn send_password_mail(
    ctx: &Context,
    client: &Client,
    site: &Site,
    user: &User,
) -> Result<()> {
    match ctx.ensure(&PasswordMail { client, user }).await {
        Ok(_) if ctx.is_dry_run() => Ok(()),
        Ok(_) => {
            ctx.info(format!(
                "{} is sent a mail to set a password; its link works for 24 hours",
                user.email
            ));
            Ok(())
        }
        Err(error) if PasswordMail::is_harmless(&error) => {
            ctx.warn(format!(
                "the mail to set a password may not have been sent: {} {} sets it at {}/reset_password",
                error.message(),
                user.username,
                site.url
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Where the person is to be.
struct Place {
    team: Team,
    channels: Vec<Named>,
    /// Whether channels that are missing are made.
    make_missing: bool,
}

impl Place {
    async fn find(ctx: &Context, client: &Client, input: &Input) -> Result<Option<Self>> {
        let own = client.boundary().own();
        let Some(name) = input.team_name.as_deref().or(own) else {
            return Ok(None);
        };
        let team = ctx.race(lookup::team(client, "teamName", name)).await?;
        let make_missing = input.create_missing_channels;
        let channels = lookup::channels(ctx, client, &team, &input.channels, make_missing).await?;
        Ok(Some(Place {
            team,
            channels,
            make_missing,
        }))
    }

    /// The team first: Mattermost lets nobody into a channel who is not in its team.
    async fn join(&self, ctx: &Context, client: &Client, user: &User) -> Result<Vec<String>> {
        let team = &self.team;
        let membership = TeamMembership { client, team, user };
        if ctx.ensure(&membership).await?.created() {
            ctx.info(format!(
                "{} is in the team {} now",
                user.username, team.name
            ));
        }
        let mut names = Vec::new();
        for channel in &self.channels {
            let channel = match channel {
                Named::There(channel) if !self.make_missing => channel.clone(),
                // One that is there may have been made by an earlier attempt.
                Named::There(Channel { name, .. }) | Named::Missing(name) => {
                    let new = NewChannel { client, team, name };
                    let ensured = ctx.ensure(&new).await?;
                    if ensured.created() {
                        ctx.info(format!("made the channel {name}"));
                    }
                    ensured.object
                }
            };
            let membership = ChannelMembership {
                client,
                team,
                channel: &channel,
                user,
            };
            if ctx.ensure(&membership).await?.created() {
                ctx.info(format!(
                    "{} is in the channel {} now",
                    user.username, channel.name
                ));
            }
            names.push(channel.name);
        }
        Ok(names)
    }
}
