//! Whose accounts in Gitea are a tenant's.

use sidestage_action::Result;

use super::client::{Client, User};

/// Checks that a run may take the account for one of the tenant's people: it is in the tenant's organization, or its
/// address says that it may be. An account that was just made is in no organization yet; where no domains are
/// configured it is anybody's who takes it in.
pub(super) async fn admit(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    let Some(own) = boundary.own() else {
        return Ok(());
    };
    if boundary.may_take_in(&user.email) || client.is_member(own, &user.login).await? {
        return Ok(());
    }
    match boundary.takes_any_domain() && !is_in_others(client, user).await? {
        true => Ok(()),
        false => Err(boundary.not_ours(&user.login)),
    }
}

/// Checks that all of the account is the tenant's: one of its people, and in no other tenant's organization.
pub(super) async fn ours_alone(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    let Some(own) = boundary.own() else {
        return Ok(());
    };
    if !boundary.may_take_in(&user.email) && !client.is_member(own, &user.login).await? {
        return Err(boundary.not_ours(&user.login));
    }
    match is_in_others(client, user).await? {
        true => Err(boundary.not_ours_alone(&user.login)),
        false => Ok(()),
    }
}

async fn is_in_others(client: &Client, user: &User) -> Result<bool> {
    for other in client.boundary().others() {
        if client.is_member(other, &user.login).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
