//! Choices for forms.

use sidestage_action::{Error, Result};

use super::client::Client;
use crate::provider::{Choice, Filter};

/// The names of the lists.
pub(super) const LISTS: &[&str] = &["organizations", "templates", "workspaces"];

pub(super) async fn options(client: &Client, list: &str, filter: &Filter) -> Result<Vec<Choice>> {
    let boundary = client.boundary();
    let choices = match list {
        "organizations" => {
            let all = client.organizations().await?;
            let choices = all
                .into_iter()
                .filter(|one| boundary.includes(&one.name))
                .map(|one| choice(one.name, one.display_name));
            choices.collect()
        }
        "workspaces" => {
            let user = filter.get("user").ok_or_else(|| {
                let sentence =
                    "The workspaces of whom? Add user to the query: a user name in Coder.";
                Error::invalid("user", sentence)
            })?;
            let all = client.workspaces_of(user).await?;
            let choices = all
                .into_iter()
                .filter(|workspace| boundary.includes(&workspace.organization_name))
                .map(|workspace| choice(workspace.name, String::new()));
            choices.collect()
        }
        // Without the deprecated ones, which nobody can make a workspace of.
        _ => {
            let organization = filter.get("coderOrganization");
            let all = client.templates("").await?;
            let wanted = all.into_iter().filter(|template| {
                organization.is_none_or(|name| template.organization_name == *name)
                    && boundary.includes(&template.organization_name)
                    && boundary.allows_template(&template.name)
            });
            let mut choices: Vec<Choice> = wanted
                .map(|one| choice(one.name, one.display_name))
                .collect();
            // Two organizations may have templates of one name: a form chooses the name.
            choices.sort_by(|a, b| a.value.cmp(&b.value));
            choices.dedup_by(|a, b| a.value == b.value);
            choices
        }
    };
    Ok(choices)
}

fn choice(value: String, label: String) -> Choice {
    let label = if label.is_empty() {
        value.clone()
    } else {
        label
    };
    Choice { value, label }
}
