//! `gitea:add-to-team`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Example, Outcome, Result};

use super::{
    client::Client,
    lookup,
    team::{Place, TeamMembership},
};

pub(super) struct AddToTeam;

/// Who joins which team.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name of the account in Gitea.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    username: String,
    /// The organization in Gitea, by the name in its URL.
    #[schemars(length(min = 1), extend("examples" = ["acme"]))]
    gitea_organization: String,
    /// The team of the organization, by its name or its id. Nobody is made an owner of the organization.
    #[schemars(length(min = 1), extend("examples" = ["developers"]))]
    team: String,
}

/// The place, as Gitea has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The account's name, as Gitea writes it.
    #[schemars(extend("examples" = ["grace"]))]
    username: String,
    /// The organization's name, as Gitea writes it.
    #[schemars(extend("examples" = ["acme"]))]
    gitea_organization: String,
    /// The organization's page in Gitea.
    #[schemars(extend("examples" = ["https://gitea.example.com/acme"]))]
    organization_url: String,
    /// The team's id in Gitea.
    #[schemars(extend("examples" = [7]))]
    team_id: u64,
    /// The team's name, as Gitea writes it.
    #[schemars(extend("examples" = ["developers"]))]
    team: String,
    /// Whether this run put the person into the team. False: they were in it.
    #[schemars(extend("examples" = [true]))]
    added: bool,
}

impl Action for AddToTeam {
    const NAME: &'static str = "add-to-team";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Add a Gitea user to a team",
            description: "Puts an account in [Gitea](https://about.gitea.com) into a team of an organization. Who is in one of \
                          its teams is a member of the organization; there is no other way in.",
            attributes: Attributes::CREATES,
            examples: vec![Example {
                description: "A member of an organization who may write",
                input: json!({"username": "grace", "giteaOrganization": "acme", "team": "developers"}),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        lookup::administrator(ctx, client).await?;
        let organization = lookup::organization(client, &input.gitea_organization);
        let organization = ctx.race(organization).await?;
        let team = ctx
            .race(lookup::team(client, &organization.name, &input.team))
            .await?;
        let user = lookup::person(ctx, client, &input.username).await?;
        let place = Place {
            organization: &organization.name,
            team: &team.name,
            team_id: team.id,
            username: &user.login,
            user_id: user.id,
        };
        let outcome = ctx.ensure(&TeamMembership { client, place }).await?.outcome;
        let (name, team_name) = (&user.login, &team.name);
        match outcome {
            Outcome::Created => ctx.info(format!(
                "{name} is in the team {team_name} of {} now",
                organization.name
            )),
            Outcome::Adopted => ctx.info(format!(
                "{name} is in the team {team_name} of {} already",
                organization.name
            )),
            Outcome::Planned => {}
        }
        Ok(Output {
            organization_url: client.page_for_people(&user, &organization.name),
            gitea_organization: organization.name,
            team_id: team.id,
            team: team.name,
            username: user.login,
            added: outcome != Outcome::Adopted,
        })
    }
}
