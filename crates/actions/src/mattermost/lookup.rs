//! From the names that a template gives to what Mattermost has.

use sidestage_action::{Context, Error, FieldError, Result, schema};

use super::{
    client::{Channel, Client, Team, User},
    username,
};

/// Proves the credential, and that it may do everything that the actions do.
pub(super) async fn administrator(ctx: &Context, client: &Client) -> Result<User> {
    let me = ctx.race(client.me()).await?;
    if me.has_role("system_admin") {
        return Ok(me);
    }
    Err(Error::forbidden(format!(
        "The token of this connection belongs to {}, who is no system administrator of Mattermost, and only such may do \
         this. The connection needs the token of a bot with the role system_admin.",
        me.username
    )))
}

/// 26 letters and digits: it may be an id, and it may be a name all the same.
fn may_be_id(text: &str) -> bool {
    text.len() == 26
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn missing(field: &str, sentence: String, detail: &str) -> Error {
    let field = format!("/{field}");
    Error::not_found(sentence).with_fields(vec![FieldError {
        field,
        detail: detail.into(),
    }])
}

/// What in Mattermost's URLs stands for a team or a channel. Anything else it answers with 400, or as another page.
fn is_url_name(name: &str, more: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || more.contains(c))
}

/// A team that is not archived, by its name in URLs or its id; `field` is the input that names it.
pub(super) async fn team(client: &Client, field: &str, wanted: &str) -> Result<Team> {
    let found = match is_url_name(wanted, "") && wanted.len() >= 2 && !edged(wanted) {
        true => client.team_by_name(wanted).await?,
        false => None,
    };
    let found = match found {
        None if may_be_id(wanted) => client.team(wanted).await?,
        found => found,
    };
    let boundary = client.boundary();
    // Whether there is one that is somebody else's is not told either.
    boundary.check(field, found.as_ref().map_or(wanted, |team| &team.name))?;
    match found {
        Some(team) if team.is_archived() => Err(Error::conflict(format!(
            "The team {wanted} is archived in Mattermost. Restore it there, or name another team."
        ))),
        Some(team) => Ok(team),
        None => {
            // Only a hint: that it cannot be given is no reason to say less.
            let mut teams = client.teams().await.unwrap_or_default();
            teams.retain(|team| boundary.includes(&team.name));
            let names = teams.iter().map(|team| (&*team.name, &*team.display_name));
            let hint = hint(wanted, names.collect(), "The teams are");
            Err(missing(
                field,
                format!(
                    "Mattermost has no team {wanted}, by the name in its URL, or the credential of this connection may \
                     not see it.{hint}"
                ),
                "is no team of Mattermost",
            ))
        }
    }
}

fn edged(name: &str) -> bool {
    name.starts_with('-') || name.ends_with('-')
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

/// A channel that an input names.
pub(super) enum Named {
    /// It is there.
    There(Channel),
    /// It is not, and may be made by this name.
    Missing(String),
}

/// The channels of a team that `channels` names, by their names in URLs or their ids. Those that are missing may stay
/// so where `may_be_made`; otherwise the refusal names all of them.
pub(super) async fn channels(
    ctx: &Context,
    client: &Client,
    team: &Team,
    wanted: &[String],
    may_be_made: bool,
) -> Result<Vec<Named>> {
    let mut found = Vec::new();
    let mut missing_at = Vec::new();
    for (n, name) in wanted.iter().enumerate() {
        let is_name =
            is_url_name(name, "_") && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let channel = match is_name {
            true => ctx.race(client.channel_by_name(&team.id, name)).await?,
            false => None,
        };
        let channel = match channel {
            None if may_be_id(name) => {
                let by_id = ctx.race(client.channel(name)).await?;
                by_id.filter(|channel| channel.team_id == team.id)
            }
            channel => channel,
        };
        match channel {
            Some(channel) if channel.is_archived() => {
                return Err(Error::conflict(format!(
                    "The channel {name} of the team {} is archived in Mattermost. Restore it there, or leave it out of \
                     channels.",
                    team.name
                )));
            }
            Some(channel) => found.push(Named::There(channel)),
            None if !is_name => {
                let sentence = format!(
                    "Mattermost has no channel {name:?}, and could have none: the names in the URLs of channels have small \
                     letters, digits, dashes and underscores only, at most 64."
                );
                return Err(Error::invalid(&format!("/channels/{n}"), sentence));
            }
            None => {
                missing_at.push(n);
                found.push(Named::Missing(name.clone()));
            }
        }
    }
    if missing_at.is_empty() || may_be_made {
        return Ok(found);
    }
    // Only a hint: that it cannot be given is no reason to say less.
    let all = ctx
        .race(client.channels(&team.id))
        .await
        .unwrap_or_default();
    ctx.check()?;
    let names: Vec<&str> = missing_at.iter().map(|n| &*wanted[*n]).collect();
    let known: Vec<&str> = all.iter().map(|channel| &*channel.name).collect();
    let known = match known.len() {
        1..=12 => format!(" Its public channels are: {}.", known.join(", ")),
        _ => String::new(),
    };
    let fields = missing_at.iter().map(|n| FieldError {
        field: format!("/channels/{n}"),
        detail: "is no channel of the team".into(),
    });
    Err(Error::not_found(format!(
        "These channels are missing in the team {} in Mattermost: {}. Make them there, leave them out of channels, or set \
         createMissingChannels.{known}",
        team.name,
        names.join(", ")
    ))
    .with_fields(fields.collect()))
}

/// An account, by its name, its e-mail address or its id; `field` is the input that names it.
pub(super) async fn account(client: &Client, field: &str, wanted: &str) -> Result<User> {
    find_account(client, field, wanted).await?.ok_or_else(|| {
        missing(
            field,
            format!(
                "Mattermost has no account {wanted}. Check how it is written, or make the account first."
            ),
            "is no account of Mattermost",
        )
    })
}

/// The same, where none is an answer, too.
pub(super) async fn find_account(
    client: &Client,
    field: &str,
    wanted: &str,
) -> Result<Option<User>> {
    if wanted.contains('@') {
        return client
            .user_by_email(&username::normalize_email(wanted)?)
            .await;
    }
    let name = username::normalize(field, wanted)?;
    match client.user_by_name(&name).await? {
        None if may_be_id(wanted) => client.user(wanted).await,
        found => Ok(found),
    }
}
