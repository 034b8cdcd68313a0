//! Whose accounts in Mattermost are a tenant's.

use sidestage_action::Result;

use super::client::{Client, User};

/// Checks that a run may take the account for one of the tenant's people: it is in the tenant's team, or its address
/// says that it may be.
pub(super) async fn admit(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    let Some(own) = boundary.own() else {
        return Ok(());
    };
    if boundary.may_take_in(&user.email) || is_in(client, own, user).await? {
        return Ok(());
    }
    Err(boundary.not_ours(&user.username))
}

/// Checks that all of the account is the tenant's: it is in its team, and in no other tenant's.
pub(super) async fn ours_alone(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    let Some(own) = boundary.own() else {
        return Ok(());
    };
    if !is_in(client, own, user).await? {
        return Err(boundary.not_ours(&user.username));
    }
    for other in boundary.others() {
        if is_in(client, other, user).await? {
            return Err(boundary.not_ours_alone(&user.username));
        }
    }
    Ok(())
}

async fn is_in(client: &Client, team: &str, user: &User) -> Result<bool> {
    let Some(team) = client.team_by_name(team).await? else {
        return Ok(false);
    };
    Ok(client.team_member(&team.id, &user.id).await?.is_some())
}
