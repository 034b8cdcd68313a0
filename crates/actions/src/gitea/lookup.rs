//! From the names that a template gives to what Gitea has.

use sidestage_action::{Context, Error, FieldError, Result, schema};

use super::{
    client::{Client, Organization, Team, User},
    names,
    repository::Owner,
    tenant,
};

/// Proves the credential, and that it may do everything that the actions do.
pub(super) async fn administrator(ctx: &Context, client: &Client) -> Result<User> {
    let me = ctx.race(client.me()).await?;
    if me.is_admin {
        return Ok(me);
    }
    Err(Error::forbidden(format!(
        "The token of this connection belongs to {}, who is no site administrator of Gitea, and only such may do this.",
        me.login
    )))
}

fn missing(field: &str, sentence: String, detail: &str) -> Error {
    let field = format!("/{field}");
    Error::not_found(sentence).with_fields(vec![FieldError {
        field,
        detail: detail.into(),
    }])
}

/// An account by its name. What has the name of one may be an organization.
pub(super) async fn account(client: &Client, field: &str, wanted: &str) -> Result<Option<User>> {
    let name = names::username(field, wanted)?;
    let Some(found) = client.user(&name).await? else {
        return Ok(None);
    };
    match client.organization(&name).await? {
        None => Ok(Some(found)),
        Some(_) => Err(Error::invalid(
            field,
            format!("{name} is an organization in Gitea. Give the name of an account as {field}."),
        )),
    }
}

/// Says that there is no such account.
pub(super) fn no_account(field: &str, wanted: &str) -> Error {
    missing(
        field,
        format!(
            "Gitea has no account {wanted}. Check how it is written, or make the account first."
        ),
        "is no account of Gitea",
    )
}

/// The same, where there has to be one that its person can use.
pub(super) async fn person(ctx: &Context, client: &Client, wanted: &str) -> Result<User> {
    let found = ctx.race(account(client, "username", wanted)).await?;
    let user = found.ok_or_else(|| no_account("username", wanted))?;
    ctx.race(tenant::admit(client, &user)).await?;
    if user.active && !user.prohibit_login {
        return Ok(user);
    }
    Err(Error::conflict(format!(
        "The account {} in Gitea may not sign in, or is not activated. Let the person in again first \
         (gitea:create-user with reactivate).",
        user.login
    )))
}

/// An organization by its name.
pub(super) async fn organization(client: &Client, wanted: &str) -> Result<Organization> {
    let boundary = client.boundary();
    // Whether there is one that is somebody else's is not told either.
    boundary.check("giteaOrganization", wanted)?;
    if let Some(found) = client.organization(wanted).await? {
        boundary.check("giteaOrganization", &found.name)?;
        return Ok(found);
    }
    // Only a hint: that it cannot be given is no reason to say less. Private ones are not said.
    let all = client.organizations().await.unwrap_or_default();
    let shown = all
        .iter()
        .filter(|of| of.visibility != "private" && boundary.includes(&of.name));
    let known = shown.map(|of| (&*of.name, &*of.full_name)).collect();
    let hint = hint(wanted, known, "The organizations are");
    Err(missing(
        "giteaOrganization",
        format!("Gitea has no organization {wanted}, by the name in its URL.{hint}"),
        "is no organization of Gitea",
    ))
}

/// Whose a repository is: a person's, or an organization's.
pub(super) async fn owner(
    ctx: &Context,
    client: &Client,
    username: Option<&str>,
    gitea_organization: Option<&str>,
) -> Result<Owner> {
    // Whose it is where nothing is said, if a tenant asks.
    let gitea_organization = match username {
        Some(_) => gitea_organization,
        None => gitea_organization.or_else(|| client.boundary().own()),
    };
    match (username, gitea_organization) {
        (Some(username), None) => Ok(Owner::Account(person(ctx, client, username).await?.login)),
        (None, Some(name)) => {
            let found = ctx.race(organization(client, name)).await?;
            Ok(Owner::Organization(found.name))
        }
        _ => Err(Error::invalid(
            "username",
            "Whose repository? Give either username, for a person's own, or giteaOrganization.",
        )),
    }
}

/// A team of an organization, by its name, whatever its capitals, or its id. The ids of teams count through the whole of
/// Gitea, so one of another organization is none here. Nobody is made an owner by the way.
pub(super) async fn team(client: &Client, organization: &str, wanted: &str) -> Result<Team> {
    let teams = client.teams(organization).await?;
    let by_name = teams
        .iter()
        .find(|team| team.name.eq_ignore_ascii_case(wanted));
    let found = by_name.or_else(|| teams.iter().find(|team| team.id.to_string() == wanted));
    match found {
        Some(team) if team.is_owners() => Err(Error::invalid(
            "team",
            format!(
                "{} is the team of those who own the organization {organization} in Gitea: they can delete it with all of \
                 its repositories. Name another team; an owner is made in Gitea itself.",
                team.name
            ),
        )),
        Some(team) => Ok(team.clone()),
        None => {
            let known = teams.iter().filter(|team| !team.is_owners());
            let known = known.map(|team| (&*team.name, "")).collect();
            let hint = hint(wanted, known, "Its teams are");
            Err(missing(
                "team",
                format!("The organization {organization} in Gitea has no team {wanted}.{hint}"),
                "is no team of the organization",
            ))
        }
    }
}

/// The nearest name, or the one whose title was given instead, or a few.
fn hint(wanted: &str, known: Vec<(&str, &str)>, intro: &str) -> String {
    let titled = known
        .iter()
        .find(|(_, title)| title.eq_ignore_ascii_case(wanted));
    let near = titled
        .map(|(name, _)| *name)
        .or_else(|| schema::nearest(wanted, known.iter().map(|(name, _)| *name)));
    match near {
        Some(near) => format!(" Did you mean {near}?"),
        None if known.is_empty() || known.len() > 12 => String::new(),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            format!(" {intro}: {}.", names.join(", "))
        }
    }
}
