//! Teams and who is in them (api4/team.go, app/team.go, app/teams).

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
    state::{State, Team, User, new_id, now},
    users::ok,
    view,
};

impl Caller {
    /// Who is in a team sees it, and everybody an open one.
    fn sees(&self, team: &Team) -> bool {
        self.user.is_admin() || team.open || team.has(&self.user.id)
    }

    /// The team, if the caller may put people into it.
    fn team_to_change<'a>(&self, state: &'a State, id: &str) -> Result<&'a Team> {
        let team = state.team(id);
        match team {
            Ok(team) if self.user.is_admin() || team.has(&self.user.id) => Ok(team),
            Err(error) if self.user.is_admin() => Err(error),
            _ => Err(Error::permissions()),
        }
    }

    fn administers(&self, team: &Team) -> Result<()> {
        let admin = team
            .member(&self.user.id)
            .is_some_and(|member| member.admin && member.delete_at == 0);
        if self.user.is_admin() || admin {
            Ok(())
        } else {
            Err(Error::permissions())
        }
    }
}

/// Page by page; at most 200 at once (web/params.go).
pub(super) fn page<T>(all: Vec<T>, query: &HashMap<String, String>) -> Vec<T> {
    let number = |name: &str, default: usize| {
        query
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let size = number("per_page", 60).min(200);
    all.into_iter()
        .skip(number("page", 0) * size)
        .take(size)
        .collect()
}

pub(super) async fn list(
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let state = caller.mattermost.state();
    let mut teams: Vec<&Team> = state
        .teams
        .iter()
        .filter(|team| caller.user.is_admin() || team.open)
        .collect();
    teams.sort_by_key(|team| team.display_name.to_lowercase());
    let teams: Vec<Value> = page(teams, &query).into_iter().map(view::team).collect();
    Json(json!(teams))
}

pub(super) async fn create(caller: Caller, body: Bytes) -> Result<Response> {
    let body = object(&body, "team")?;
    let name = text(&body, "name").to_lowercase();
    let display_name = text(&body, "display_name");
    let description = text(&body, "description");
    let kind = text(&body, "type");
    let invalid = |field: &str, message: &str| {
        Err(Error::bad(
            &format!("model.team.is_valid.{field}.app_error"),
            message,
        ))
    };
    if !(1..=64).contains(&display_name.chars().count()) {
        return invalid("name", "Invalid name.");
    }
    if name.len() > 64 {
        return invalid("url", "Invalid URL Identifier.");
    }
    if description.len() > 255 {
        return invalid("description", "Invalid description.");
    }
    if rules::is_reserved_team_name(&name) {
        return invalid("reserved", "This URL is unavailable. Please try another.");
    }
    if !rules::is_team_name(&name) {
        return invalid(
            "characters",
            "Name must be 2 or more lowercase alphanumeric characters.",
        );
    }
    if !["O", "I"].contains(&&*kind) {
        return invalid("type", "Invalid type.");
    }
    let mut state = caller.mattermost.state();
    if state.teams.iter().any(|team| team.name == name) {
        return Err(Error::bad(
            "store.sql_team.save_team.existing.app_error",
            "A team with that name already exists.",
        ));
    }
    let team = Team {
        id: new_id(),
        name,
        display_name,
        description,
        email: caller.user.email.clone(),
        // Without an open invitation a team is by invitation, whatever its type says (model.Team.PreSave).
        open: kind == "O" && body["allow_open_invite"] == true,
        allowed_domains: "",
        group_constrained: false,
        create_at: now(),
        delete_at: 0,
        members: Vec::new(),
    };
    let id = team.id.clone();
    state.teams.push(team);
    state.make_default_channels(&id, &caller.user.id);
    state.join(&id, &caller.user.id, true);
    Ok((StatusCode::CREATED, Json(view::team(state.team(&id)?))).into_response())
}

pub(super) async fn by_name(caller: Caller, Path(name): Path<String>) -> Result<Json<Value>> {
    if !rules::is_team_name(&name) {
        return Err(Error::url_param("team_name"));
    }
    let state = caller.mattermost.state();
    let team = state.teams.iter().find(|team| team.name == name);
    let team = team.ok_or_else(|| {
        Error::missing(
            "app.team.get_by_name.missing.app_error",
            "Unable to find the existing team.",
        )
    })?;
    if !caller.sees(team) {
        return Err(Error::permissions());
    }
    Ok(Json(view::team(team)))
}

pub(super) async fn read(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    let state = caller.mattermost.state();
    let team = state.team(&id)?;
    if !caller.sees(team) {
        return Err(Error::permissions());
    }
    Ok(Json(view::team(team)))
}

pub(super) async fn stats(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    let state = caller.mattermost.state();
    let team = state.team(&id)?;
    if !caller.sees(team) {
        return Err(Error::permissions());
    }
    let members = team.members.iter().filter(|member| member.delete_at == 0);
    Ok(Json(json!({
        "team_id": team.id,
        "total_member_count": members.count(),
        "active_member_count": state.active_members(team),
    })))
}

pub(super) async fn archive(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    let mut state = caller.mattermost.state();
    caller.administers(state.team(&id)?)?;
    state.team_mut(&id)?.delete_at = now();
    Ok(ok())
}

/// Who is in the team already is told the same as who joins.
pub(super) async fn add_member(
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response> {
    id_param(&id, "team_id")?;
    let body = object(&body, "team_member")?;
    if text(&body, "team_id") != id {
        return Err(Error::body_param("team_id"));
    }
    let user = text(&body, "user_id");
    if !rules::is_id(&user) {
        return Err(Error::body_param("user_id"));
    }
    let mut state = caller.mattermost.state();
    let team = caller.team_to_change(&state, &id)?;
    if team.group_constrained {
        return Err(Error::bad(
            "api.team.add_members.user_denied",
            "This team is managed by groups. This user is not part of a group that is synced to this team.",
        ));
    }
    let user = state.user(&user)?;
    if !team.has(&user.id) {
        may_join(&state, team, user)?;
        let (user, admin) = (user.id.clone(), user.email == team.email);
        state.join(&id, &user, admin);
        let team = state.team(&id)?;
        let member = team.member(&user).ok_or_else(Error::no_team_member)?;
        return Ok((StatusCode::CREATED, Json(view::team_member(team, member))).into_response());
    }
    let member = team.member(&user.id).ok_or_else(Error::no_team_member)?;
    Ok((StatusCode::CREATED, Json(view::team_member(team, member))).into_response())
}

/// app/teams/teams.go, JoinUserToTeam.
fn may_join(state: &State, team: &Team, user: &User) -> Result<()> {
    let server = &state.settings.restrict_creation_to_domains;
    let allowed = [team.allowed_domains, server]
        .iter()
        .all(|domains| rules::is_of_domain(&user.email, domains));
    if !user.is_bot && !allowed {
        return Err(Error::bad(
            "api.team.join_user_to_team.allowed_domains.app_error",
            "The user cannot be added as the domain associated with the account is not permitted. Contact your System \
             Administrator for additional details.",
        ));
    }
    if state.active_members(team) >= state.settings.max_users_per_team {
        return Err(match team.member(&user.id) {
            None => Error::bad(
                "app.team.join_user_to_team.save_member.max_accounts.app_error",
                "Unable to create the new team membership because the team has reached the limit of members",
            ),
            Some(_) => Error::bad(
                "app.team.join_user_to_team.max_accounts.app_error",
                "This team has reached the maximum number of allowed accounts. Contact your System Administrator to \
                 set a higher limit.",
            ),
        });
    }
    Ok(())
}

/// Who has left is still found, with `delete_at`.
pub(super) async fn member(
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    id_param(&user, "user_id")?;
    let state = caller.mattermost.state();
    let team = state
        .team(&id)
        .ok()
        .filter(|team| caller.sees(team))
        .ok_or_else(|| match caller.user.is_admin() {
            true => Error::no_team_member(),
            false => Error::permissions(),
        })?;
    let member = team.member(&user).ok_or_else(Error::no_team_member)?;
    Ok(Json(view::team_member(team, member)))
}

/// Also takes the person out of the team's channels.
pub(super) async fn remove_member(
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    id_param(&user, "user_id")?;
    let mut state = caller.mattermost.state();
    let team = state.team(&id)?;
    if caller.user.id != user {
        caller.administers(team)?;
    }
    if team.group_constrained {
        return Err(Error::bad(
            "api.team.remove_member.group_constrained.app_error",
            "Unable to remove a user from a group-constrained team.",
        ));
    }
    let member = state
        .team_mut(&id)?
        .members
        .iter_mut()
        .find(|member| member.user == user)
        .ok_or_else(|| {
            Error::bad(
                "api.team.remove_user_from_team.missing.app_error",
                "The user does not appear to be part of this team.",
            )
        })?;
    member.delete_at = now();
    member.admin = false;
    for channel in state
        .channels
        .iter_mut()
        .filter(|channel| channel.team == id)
    {
        channel.members.retain(|member| *member != user);
    }
    Ok(ok())
}

pub(super) async fn set_roles(
    caller: Caller,
    Path((id, user)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>> {
    id_param(&id, "team_id")?;
    id_param(&user, "user_id")?;
    let body = object(&body, "scheme_roles")?;
    let mut state = caller.mattermost.state();
    let team = state.team(&id)?;
    caller.administers(team)?;
    let member = state
        .team_mut(&id)?
        .members
        .iter_mut()
        .find(|member| member.user == user)
        .ok_or_else(Error::no_team_member)?;
    member.admin = body["scheme_admin"] == true;
    Ok(ok())
}
