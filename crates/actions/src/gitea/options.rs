//! Choices for forms.

use sidestage_action::{Error, Result};

use super::{client::Client, lookup};
use crate::provider::{Choice, Filter};

/// The organizations. Private ones are not in it: whoever opens the form reads it.
pub(super) async fn organizations(client: &Client) -> Result<Vec<Choice>> {
    let all = client.organizations().await?;
    let boundary = client.boundary();
    let shown = all
        .into_iter()
        .filter(|of| of.visibility != "private" && boundary.includes(&of.name));
    let choices = shown.map(|of| Choice {
        label: match of.full_name {
            none if none.is_empty() => of.name.clone(),
            full_name => full_name,
        },
        value: of.name,
    });
    Ok(choices.collect())
}

/// The teams of the organization that the form names, which people can be added to: not its owners.
pub(super) async fn teams(client: &Client, filter: &Filter) -> Result<Vec<Choice>> {
    let Some(organization) = filter.get("giteaOrganization") else {
        return Err(Error::invalid(
            "giteaOrganization",
            "The teams of which organization? Add giteaOrganization to the query: its name, as it stands in its URL.",
        ));
    };
    let organization = lookup::organization(client, organization).await?;
    let teams = client.teams(&organization.name).await?;
    let choices = teams.into_iter().filter(|team| !team.is_owners());
    let choices = choices.map(|team| Choice {
        value: team.name.clone(),
        label: team.name,
    });
    Ok(choices.collect())
}
