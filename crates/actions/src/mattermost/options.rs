//! Choices for forms. What is private is not in them: whoever opens the form reads them.

use sidestage_action::{Error, Result};

use super::{
    client::{Channel, Client, Team},
    lookup,
};
use crate::provider::{Choice, Filter};

/// The teams that are not archived.
pub(super) async fn teams(client: &Client) -> Result<Vec<Choice>> {
    let teams = client.teams().await?;
    let ours = teams
        .into_iter()
        .filter(|team| client.boundary().includes(&team.name));
    let choices = ours.map(
        |Team {
             name, display_name, ..
         }| Choice {
            value: name,
            label: display_name,
        },
    );
    Ok(choices.collect())
}

/// The public channels of the team that the form names.
pub(super) async fn channels(client: &Client, filter: &Filter) -> Result<Vec<Choice>> {
    let Some(team) = filter.get("team") else {
        return Err(Error::invalid(
            "team",
            "The channels of which team? Add team to the query: its name, as it stands in its URL.",
        ));
    };
    let team = lookup::team(client, "team", team).await?;
    let channels = client.channels(&team.id).await?;
    let choices = channels.into_iter().map(
        |Channel {
             name, display_name, ..
         }| Choice {
            value: name,
            label: display_name,
        },
    );
    Ok(choices.collect())
}
