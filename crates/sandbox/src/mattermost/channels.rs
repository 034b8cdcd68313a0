//! Channels and who is in them (api4/channel.go, app/channel.go).

use std::collections::HashMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    error::{Error, Result},
    router::{Caller, id_param, object, text},
    rules,
    state::{Channel, State, TOWN_SQUARE, new_id, now},
    teams::page,
    users::ok,
    view,
};

impl Caller {
    /// The public channels of one's teams, and those that one is in.
    fn sees_channel(&self, state: &State, channel: &Channel) -> bool {
        let in_team = || {
            state
                .team(&channel.team)
                .is_ok_and(|team| team.has(&self.user.id))
        };
        self.user.is_admin()
            || channel.members.contains(&self.user.id)
            || (!channel.private && in_team())
    }

    fn channel_to_change<'a>(&self, state: &'a State, id: &str) -> Result<&'a Channel> {
        let channel = state.channel(id)?;
        if self.user.is_admin() || channel.members.contains(&self.user.id) {
            Ok(channel)
        } else {
            Err(Error::permissions())
        }
    }
}

/// The public channels of a team.
pub(super) async fn list(
    caller: Caller,
    Path(team): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    let member = caller
        .mattermost
        .state()
        .team(&team)
        .is_ok_and(|team| team.has(&caller.user.id));
    list_if(
        caller.user.is_admin() || member,
        &caller,
        &team,
        &query,
        false,
    )
}

/// The private ones, for administrators.
pub(super) async fn list_private(
    caller: Caller,
    Path(team): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    list_if(caller.user.is_admin(), &caller, &team, &query, true)
}

fn list_if(
    allowed: bool,
    caller: &Caller,
    team: &str,
    query: &HashMap<String, String>,
    private: bool,
) -> Result<Json<Value>> {
    id_param(team, "team_id")?;
    if !allowed {
        return Err(Error::permissions());
    }
    let state = caller.mattermost.state();
    let is_listed = |channel: &&Channel| {
        channel.team == team && channel.private == private && channel.delete_at == 0
    };
    let mut channels: Vec<&Channel> = state.channels.iter().filter(is_listed).collect();
    channels.sort_by_key(|channel| channel.display_name.to_lowercase());
    let channels: Vec<Value> = page(channels, query)
        .into_iter()
        .map(view::channel)
        .collect();
    Ok(Json(json!(channels)))
}

/// One that is archived is there only for who asks for it; one that cannot be seen is not there.
pub(super) async fn by_name(
    caller: Caller,
    Path((team, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    id_param(&team, "team_id")?;
    if !rules::is_channel_name(&name) {
        return Err(Error::url_param("channel_name"));
    }
    let archived = query
        .get("include_deleted")
        .is_some_and(|value| value == "true");
    let state = caller.mattermost.state();
    let channel = state
        .channels
        .iter()
        .find(|channel| channel.team == team && channel.name == name)
        .filter(|channel| archived || channel.delete_at == 0)
        .filter(|channel| caller.sees_channel(&state, channel))
        .ok_or_else(|| {
            Error::missing(
                "app.channel.get_by_name.missing.app_error",
                "Channel does not exist.",
            )
        })?;
    Ok(Json(view::channel(channel)))
}

pub(super) async fn read(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "channel_id")?;
    let state = caller.mattermost.state();
    let channel = state.channel(&id)?;
    if !caller.sees_channel(&state, channel) {
        return Err(Error::permissions());
    }
    Ok(Json(view::channel(channel)))
}

pub(super) async fn create(caller: Caller, body: Bytes) -> Result<Response> {
    let body = object(&body, "channel")?;
    let (team, name) = (text(&body, "team_id"), text(&body, "name"));
    let display_name = text(&body, "display_name");
    let kind = text(&body, "type");
    let mut state = caller.mattermost.state();
    let member = state
        .team(&team)
        .is_ok_and(|team| team.has(&caller.user.id));
    if !caller.user.is_admin() && !member {
        return Err(Error::permissions());
    }
    let invalid = |field: &str, message: &str| {
        Err(Error::bad(
            &format!("model.channel.is_valid.{field}.app_error"),
            message,
        ))
    };
    state.team(&team)?;
    if !(1..=64).contains(&display_name.chars().count()) {
        return invalid("display_name", "Invalid display name.");
    }
    if !rules::is_channel_name(&name) {
        return invalid(
            "1_or_more",
            "Name must be 1 or more lowercase alphanumeric characters.",
        );
    }
    if !["O", "P"].contains(&&*kind) {
        return invalid("type", "Invalid type.");
    }
    if state
        .channels
        .iter()
        .any(|channel| channel.team == team && channel.name == name)
    {
        return Err(Error::bad(
            "store.sql_channel.save_channel.exists.app_error",
            "A channel with that name already exists on the same team.",
        ));
    }
    let channel = Channel {
        id: new_id(),
        team,
        name,
        display_name,
        private: kind == "P",
        group_constrained: false,
        creator: caller.user.id.clone(),
        posts: 0,
        create_at: now(),
        delete_at: 0,
        members: vec![caller.user.id.clone()],
    };
    let answer = view::channel(&channel);
    state.channels.push(channel);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

pub(super) async fn archive(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "channel_id")?;
    let mut state = caller.mattermost.state();
    let channel = caller.channel_to_change(&state, &id)?;
    if channel.name == TOWN_SQUARE {
        return Err(Error::bad(
            "api.channel.delete_channel.cannot.app_error",
            "Unable to delete the default channel town-square.",
        ));
    }
    if channel.delete_at > 0 {
        return Err(Error::bad(
            "api.channel.delete_channel.deleted.app_error",
            "The channel has been archived or deleted.",
        ));
    }
    state.channel_mut(&id)?.delete_at = now();
    Ok(ok())
}

/// Those whose accounts are active are counted.
pub(super) async fn stats(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "channel_id")?;
    let state = caller.mattermost.state();
    let channel = caller.channel_to_change(&state, &id)?;
    let is_active = |user: &&String| state.user(user).is_ok_and(|user| user.delete_at == 0);
    let members = channel.members.iter().filter(is_active);
    Ok(Json(json!({
        "channel_id": channel.id,
        "member_count": members.count(),
        "guest_count": 0,
        "pinnedpost_count": 0,
        "files_count": 0,
    })))
}

/// Whether the channel is archived is not looked at. Who is in it already is told the same as who joins.
pub(super) async fn add_member(
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    id_param(&id, "channel_id")?;
    let user = text(&object(&body, "channel_member")?, "user_id");
    if !rules::is_id(&user) {
        return Err(Error::body_param("user_id"));
    }
    let mut state = caller.mattermost.state();
    let channel = caller.channel_to_change(&state, &id)?;
    if channel.group_constrained {
        return Err(Error::bad(
            "api.channel.add_members.user_denied",
            format!(
                "Channel membership denied to the following users because of group constraints: {user}"
            ),
        ));
    }
    let account = state.user(&user)?;
    let team = state.team(&channel.team)?;
    let membership = team.member(&user).ok_or_else(Error::no_team_member)?;
    if account.delete_at > 0 {
        return Err(Error::forbidden(
            "app.channel.add_member.deleted_user.app_error",
            "Unable to add the user as a member of the channel.",
        ));
    }
    if membership.delete_at > 0 {
        return Err(Error::bad(
            "api.channel.add_user.to.channel.failed.deleted.app_error",
            "Failed to add user to channel because they have been removed from the team.",
        ));
    }
    let channel = state.channel_mut(&id)?;
    if !channel.members.contains(&user) {
        channel.members.push(user.clone());
    }
    Ok((
        StatusCode::CREATED,
        Json(view::channel_member(channel, &user)),
    )
        .into_response())
}

pub(super) async fn member(
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>> {
    id_param(&id, "channel_id")?;
    id_param(&user, "user_id")?;
    let state = caller.mattermost.state();
    let channel = state
        .channels
        .iter()
        .find(|channel| channel.id == id)
        .filter(|channel| caller.sees_channel(&state, channel));
    let Some(channel) = channel else {
        return Err(match caller.user.is_admin() {
            true => no_member(),
            false => Error::permissions(),
        });
    };
    if !channel.members.contains(&user) {
        return Err(no_member());
    }
    Ok(Json(view::channel_member(channel, &user)))
}

fn no_member() -> Error {
    Error::missing(
        "app.channel.get_member.missing.app_error",
        "No channel member found for that user ID and channel ID.",
    )
}

pub(super) async fn remove_member(
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>> {
    id_param(&id, "channel_id")?;
    id_param(&user, "user_id")?;
    let mut state = caller.mattermost.state();
    state.user(&user)?;
    let channel = caller.channel_to_change(&state, &id)?;
    if channel.name == TOWN_SQUARE {
        return Err(Error::bad(
            "api.channel.remove.default.app_error",
            "Unable to remove user from the default channel town-square.",
        ));
    }
    if !channel.members.contains(&user) {
        return Err(no_member());
    }
    let channel = state.channel_mut(&id)?;
    channel.members.retain(|member| *member != user);
    Ok(ok())
}
