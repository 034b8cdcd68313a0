//! Choices for forms.

use sidestage_action::Result;

use super::client::{Client, Company};
use crate::provider::Choice;

/// The companies, by their ids: names are not unique in Twenty.
pub(super) async fn companies(client: &Client) -> Result<Vec<Choice>> {
    let companies = client.companies().await?;
    let choices = companies.into_iter().map(|company| {
        let Company {
            id,
            name,
            domain_name,
            ..
        } = company;
        let domain = domain_name.primary_link_url;
        let domain = domain.rsplit("://").next().unwrap_or_default();
        Choice {
            value: id.to_string(),
            label: match (&*name, domain) {
                ("", domain) => domain.to_owned(),
                (name, "") => name.to_owned(),
                (name, domain) => format!("{name} ({domain})"),
            },
        }
    });
    Ok(choices.filter(|choice| !choice.label.is_empty()).collect())
}
