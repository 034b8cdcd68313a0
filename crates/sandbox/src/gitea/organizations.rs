//! Organizations, their teams, and who is in them (routers/api/v1/org).

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
    response::Response,
};
use serde_json::Value;

use super::{
    error::{Error, Result},
    router::{Caller, page},
    state::{Organization, State, Team, User},
    view,
};

type Parameters = Query<HashMap<String, String>>;

impl Caller {
    /// Private ones are seen by their members and site administrators only.
    fn sees(&self, organization: &Organization) -> bool {
        let is_member = self.user().is_some_and(|user| organization.has(user.id));
        organization.visibility == "public" || is_member || self.is_admin()
    }
}

/// Needs no token: it is only that more is seen with one.
pub(super) async fn list(caller: Caller, Query(query): Parameters) -> Response {
    let (state, url) = (caller.gitea.state(), caller.gitea.url());
    let mut all: Vec<&Organization> = state
        .organizations
        .iter()
        .filter(|organization| caller.sees(organization))
        .collect();
    all.sort_by_key(|organization| organization.name.to_lowercase());
    let all = all
        .into_iter()
        .map(|of| view::organization(of, &url))
        .collect();
    page(all, &query, state.settings.max_response_items)
}

fn organization<'a>(state: &'a State, name: &str) -> Result<&'a Organization> {
    state.organization(name).ok_or_else(Error::not_found)
}

pub(super) async fn read(caller: Caller, Path(name): Path<String>) -> Result<Json<Value>> {
    caller.needs("organization")?;
    let state = caller.gitea.state();
    let organization = organization(&state, &name)?;
    match caller.sees(organization) {
        true => Ok(Json(view::organization(organization, &caller.gitea.url()))),
        false => Err(Error::not_found()),
    }
}

pub(super) async fn is_member(
    caller: Caller,
    Path((name, user)): Path<(String, String)>,
) -> Result<StatusCode> {
    caller.needs("organization")?;
    let state = caller.gitea.state();
    let organization = organization(&state, &name)?;
    if !caller.sees(organization) {
        return Err(Error::not_found());
    }
    let me = caller.signed_in()?;
    let user = state.user(&user).ok_or_else(Error::not_found)?;
    match (
        me.is_admin || organization.has(me.id),
        organization.has(user.id),
    ) {
        (true, true) => Ok(StatusCode::NO_CONTENT),
        _ => Err(Error::not_found()),
    }
}

/// `Owners` first, then by name.
pub(super) async fn teams(
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Parameters,
) -> Result<Response> {
    caller.needs("organization")?;
    let (state, url) = (caller.gitea.state(), caller.gitea.url());
    let organization = organization(&state, &name)?;
    let me = caller.signed_in()?;
    if !me.is_admin && !organization.has(me.id) {
        return Err(Error::forbidden("Must be an organization member"));
    }
    let sees_all = me.is_admin || organization.is_owned_by(me.id);
    let mut teams: Vec<&Team> = organization
        .teams
        .iter()
        .filter(|team| sees_all || team.visibility != "private" || team.members.contains(&me.id))
        .collect();
    teams.sort_by_key(|team| (!team.is_owners(), team.name.to_lowercase()));
    let teams = teams.into_iter().map(|team| view::team(team, None, &url));
    Ok(page(
        teams.collect(),
        &query,
        state.settings.max_response_items,
    ))
}

/// The team in the path, for who may look at it.
fn team_to_read<'a>(
    caller: &Caller,
    state: &'a State,
    id: u64,
) -> Result<(&'a Organization, &'a Team)> {
    caller.needs("organization")?;
    let (organization, team) = state.team(id).ok_or_else(Error::not_found)?;
    let me = caller.signed_in()?;
    let is_own = team.members.contains(&me.id) || organization.is_owned_by(me.id);
    match me.is_admin || is_own {
        true => Ok((organization, team)),
        false if organization.has(me.id) => Err(Error::forbidden("Must be a team member")),
        false => Err(Error::not_found()),
    }
}

/// The same, for who may change it.
fn team_to_change<'a>(
    caller: &Caller,
    state: &'a State,
    id: u64,
) -> Result<(&'a Organization, &'a Team)> {
    caller.needs("organization")?;
    let (organization, team) = state.team(id).ok_or_else(Error::not_found)?;
    let me = caller.signed_in()?;
    match me.is_admin || organization.is_owned_by(me.id) {
        true => Ok((organization, team)),
        false => Err(Error::forbidden("Must be an organization owner")),
    }
}

pub(super) async fn team(caller: Caller, Path(id): Path<u64>) -> Result<Json<Value>> {
    let state = caller.gitea.state();
    let (organization, team) = team_to_read(&caller, &state, id)?;
    Ok(Json(view::team(
        team,
        Some(organization),
        &caller.gitea.url(),
    )))
}

fn person<'a>(state: &'a State, name: &str) -> Result<&'a User> {
    state.user(name).ok_or_else(Error::not_found)
}

pub(super) async fn member(
    caller: Caller,
    Path((id, name)): Path<(u64, String)>,
) -> Result<Json<Value>> {
    let state = caller.gitea.state();
    let (_, team) = team_to_read(&caller, &state, id)?;
    let user = person(&state, &name)?;
    match team.members.contains(&user.id) {
        true => Ok(Json(view::user(user, caller.user(), &caller.gitea.url()))),
        false => Err(Error::not_found()),
    }
}

/// Who is in the team already is told the same.
pub(super) async fn add_member(
    caller: Caller,
    Path((id, name)): Path<(u64, String)>,
) -> Result<StatusCode> {
    let mut state = caller.gitea.state();
    let (organization, _) = team_to_change(&caller, &state, id)?;
    let user = person(&state, &name)?.id;
    if organization.blocked.contains(&user) {
        return Err(Error::forbidden("user is blocked"));
    }
    let team = state.team_mut(id)?;
    if !team.members.contains(&user) {
        team.members.push(user);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Who leaves their last team leaves the organization. The last owner stays.
pub(super) async fn remove_member(
    caller: Caller,
    Path((id, name)): Path<(u64, String)>,
) -> Result<StatusCode> {
    let mut state = caller.gitea.state();
    team_to_change(&caller, &state, id)?;
    let user = person(&state, &name)?.id;
    let team = state.team_mut(id)?;
    if team.is_owners() && team.members == [user] {
        return Err(Error::internal(format!(
            "user is the last member of owner team [uid: {user}]"
        )));
    }
    team.members.retain(|member| *member != user);
    Ok(StatusCode::NO_CONTENT)
}
