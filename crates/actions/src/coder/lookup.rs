//! From the names that a template gives to what Coder has.

use sidestage_action::{Error, FieldError, Result, schema};
use uuid::Uuid;

use super::client::{Client, Template, User};

/// The user whose workspace it is to be.
pub(super) async fn find_owner(client: &Client, wanted: &str) -> Result<User> {
    let found = match wanted.contains('@') {
        true => client.user_by_email(wanted).await?,
        false => client.user(wanted).await?,
    };
    let owner = found.ok_or_else(|| {
        Error::not_found(format!(
            "Coder has no user {wanted}, or the credential of this connection may not see it. A person becomes a user \
             of Coder by signing in there once; names in Coder have letters, digits and dashes only."
        ))
        .with_fields(vec![FieldError { field: "/user".into(), detail: "is no user of Coder".into() }])
    })?;
    if owner.status == "suspended" {
        return Err(Error::forbidden(format!(
            "The user {} is suspended in Coder. A Coder administrator has to activate the account first.",
            owner.username
        )));
    }
    Ok(owner)
}

/// The template, by id, or by name in the organization, or in one of the owner's.
pub(super) async fn find_template(
    client: &Client,
    wanted: &str,
    organization: Option<&str>,
    owner: &User,
) -> Result<Template> {
    let found = if let Ok(id) = wanted.parse::<Uuid>() {
        client.template(id).await?
    } else if let Some(organization) = organization {
        client.template_in(organization, wanted).await?
    } else if wanted
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        let mut found = client.templates(&format!("exact_name:{wanted}")).await?;
        if found.is_empty() {
            // Coder hides these unless it is asked for them.
            found = client
                .templates(&format!("exact_name:{wanted} deprecated:true"))
                .await?;
        }
        // Names are unique within an organization only.
        let is_owners = |template: &Template| {
            template
                .organization_id
                .is_some_and(|id| owner.organization_ids.contains(&id))
        };
        if found.iter().any(is_owners) {
            found.retain(is_owners);
        }
        if found.len() > 1 {
            let organizations: Vec<&str> = found
                .iter()
                .map(|template| &*template.organization_name)
                .collect();
            let sentence = format!(
                "More than one organization in Coder has a template {wanted} ({}); name one with coderOrganization.",
                organizations.join(", ")
            );
            return Err(Error::invalid("coderOrganization", sentence));
        }
        found.pop()
    } else {
        None
    };
    let Some(template) = found else {
        // Only a hint: that it cannot be given is no reason to say less.
        let mut all = client.templates("").await.unwrap_or_default();
        all.retain(|template| client.boundary().includes(&template.organization_name));
        return Err(no_template(wanted, organization, &all));
    };
    let boundary = client.boundary();
    boundary.check("template", &template.organization_name)?;
    boundary.check_template("template", &template.name)?;
    if let Some(organization) = organization
        && wanted.parse::<Uuid>().is_ok()
        && organization.parse::<Uuid>().is_err()
        && organization != "default"
        && organization != template.organization_name
    {
        let sentence = format!(
            "The template {} belongs to the organization {} in Coder, not to {organization}.",
            template.name, template.organization_name
        );
        return Err(Error::invalid("coderOrganization", sentence));
    }
    Ok(template)
}

fn no_template(wanted: &str, organization: Option<&str>, all: &[Template]) -> Error {
    let elsewhere: Vec<&str> = all
        .iter()
        .filter(|template| template.name == wanted)
        .map(|template| &*template.organization_name)
        .collect();
    let titled = all
        .iter()
        .find(|template| template.display_name.eq_ignore_ascii_case(wanted));
    let names = || all.iter().map(|template| &*template.name);
    let near = titled
        .map(|template| &*template.name)
        .or_else(|| schema::nearest(wanted, names()));
    let hint = match near {
        _ if !elsewhere.is_empty() => format!(" There is one in: {}.", elsewhere.join(", ")),
        Some(near) => format!(" Did you mean {near}?"),
        None => String::new(),
    };
    let place = match organization {
        Some(organization) => format!(" in the organization {organization}"),
        None => String::new(),
    };
    Error::not_found(format!(
        "Coder has no template {wanted}{place}, or the credential of this connection may not see it.{hint}"
    ))
    .with_fields(vec![FieldError {
        field: "/template".into(),
        detail: "is no template of Coder".into(),
    }])
}
