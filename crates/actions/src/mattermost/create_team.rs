//! `mattermost:create-team`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{
    Action, Attributes, Context, Description, Effect, Error, Example, Outcome, Result,
};

use super::{
    client::{Client, User},
    lookup,
    team::{NewTeam, TeamAdministrator, TeamMembership},
    tenant,
};

pub(super) struct CreateTeam;

/// What the team should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name in the team's URL: small letters, digits and dashes, 2 to 64 characters. A team that has it already is used.
    #[schemars(length(min = 1), extend("examples" = ["platform"]))]
    team_name: String,
    /// The name that people see. Default: `teamName`.
    #[schemars(length(min = 1, max = 64), extend("examples" = ["Platform"]))]
    display_name: Option<String>,
    /// What the team is for. A team that is there keeps its own.
    #[schemars(length(max = 255))]
    description: Option<String>,
    /// Whether everybody may join. Default: a new team is by invitation.
    open: Option<bool>,
    /// Who becomes an administrator of the team, by username or e-mail address.
    #[schemars(length(min = 1), extend("examples" = ["ada"]))]
    owner: Option<String>,
    /// Who joins the team, by usernames or e-mail addresses.
    #[serde(default)]
    #[schemars(inner(length(min = 1)), extend("examples" = [["grace"]]))]
    members: Vec<String>,
}

/// The team, as Mattermost has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The team's id in Mattermost.
    #[schemars(extend("examples" = ["9jrxak1ykxrmnaed9cps9i4cim"]))]
    team_id: String,
    /// The name in the team's URL.
    #[schemars(extend("examples" = ["platform"]))]
    team_name: String,
    /// The team's page in Mattermost.
    #[schemars(extend("examples" = ["https://chat.example.com/platform"]))]
    team_url: String,
    /// The owner and the members of the input, by their usernames: all of them are in the team.
    #[schemars(extend("examples" = [["ada", "grace"]]))]
    members: Vec<String>,
    /// Whether this run made the team. False: it was there.
    #[schemars(extend("examples" = [true]))]
    created: bool,
}

impl Action for CreateTeam {
    const NAME: &'static str = "create-team";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a Mattermost team",
            description: "Makes a team in [Mattermost](https://mattermost.com), with an owner and members. A team of that \
                          name that is already there is used. The account of the connection's token is in a team that it \
                          made.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "A team by invitation, with an owner and a member",
                    input: json!({
                        "teamName": "platform",
                        "displayName": "Platform",
                        "owner": "ada",
                        "members": ["grace"],
                    }),
                },
                Example {
                    description: "A team that everybody may join",
                    input: json!({"teamName": "all-hands", "displayName": "All Hands", "open": true}),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        check_name(&input.team_name)?;
        client.boundary().check("teamName", &input.team_name)?;
        lookup::administrator(ctx, client).await?;
        let site = ctx.race(client.site()).await?;
        let owner = match &input.owner {
            Some(owner) => Some(person(ctx, client, "owner", owner).await?),
            None => None,
        };
        let mut members: Vec<User> = owner.iter().cloned().collect();
        for (n, member) in input.members.iter().enumerate() {
            let member = person(ctx, client, &format!("members/{n}"), member).await?;
            if !members.iter().any(|other| other.id == member.id) {
                members.push(member);
            }
        }
        let new = NewTeam {
            client,
            name: &input.team_name,
            display_name: input.display_name.as_deref(),
            description: input.description.as_deref(),
            open: input.open,
        };
        if let Some(found) = ctx.race(new.find()).await? {
            ctx.race(new.differences(&found)).await?;
        }
        let ensured = ctx.ensure(&new).await?;
        let (team, created) = (ensured.object, ensured.outcome != Outcome::Adopted);
        let team_url = format!("{}/{}", site.url, team.name);
        if ensured.outcome == Outcome::Created {
            ctx.info(format!("made the team {}: {team_url}", team.name));
        }
        for user in &members {
            let team = &team;
            let membership = TeamMembership { client, team, user };
            if ctx.ensure(&membership).await?.created() {
                ctx.info(format!("{} is in the team now", user.username));
            }
        }
        if let Some(user) = &owner {
            let team = &team;
            let rights = TeamAdministrator(TeamMembership { client, team, user });
            if ctx.ensure(&rights).await?.created() {
                ctx.info(format!("{} administers the team now", user.username));
            }
        }
        Ok(Output {
            team_id: team.id,
            team_name: team.name,
            team_url,
            members: members.into_iter().map(|user| user.username).collect(),
            created,
        })
    }
}

/// Somebody who can be in a team.
async fn person(ctx: &Context, client: &Client, field: &str, wanted: &str) -> Result<User> {
    let user = ctx.race(lookup::account(client, field, wanted)).await?;
    ctx.race(tenant::admit(client, &user)).await?;
    if user.is_active() {
        return Ok(user);
    }
    Err(Error::conflict(format!(
        "The account {} in Mattermost is deactivated, so it joins no team. Activate it first, or leave it out.",
        user.username
    )))
}

/// Mattermost's rule for the names of teams (model/team.go, IsValidTeamName). Those that it reserves it names itself.
fn check_name(name: &str) -> Result<()> {
    let fits = (2..=64).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if fits {
        return Ok(());
    }
    Err(Error::invalid(
        "teamName",
        format!(
            "Mattermost refuses the teamName {name:?}: it must be 2 to 64 small letters, digits and dashes, with no dash \
             at its beginning or end. What people see is displayName."
        ),
    ))
}
