//! Whose accounts in Coder are a tenant's.

use sidestage_action::Result;

use super::client::{Client, User};

/// Checks that a run may take the account for one of the tenant's people: it is in the tenant's organization, or its
/// address says that it may be.
pub(super) async fn admit(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    if boundary.may_take_in(&user.email) || is_ours(client, user).await? {
        return Ok(());
    }
    Err(boundary.not_ours(&user.username))
}

/// Checks that all of the account is the tenant's: it is in its organization, and in no other tenant's.
pub(super) async fn ours_alone(client: &Client, user: &User) -> Result<()> {
    let boundary = client.boundary();
    if boundary.own().is_none() {
        return Ok(());
    }
    let all = client.organizations().await?;
    let is_in = |name: &str| {
        all.iter().any(|one| {
            one.name.eq_ignore_ascii_case(name) && user.organization_ids.contains(&one.id)
        })
    };
    if !boundary.own().is_some_and(is_in) {
        return Err(boundary.not_ours(&user.username));
    }
    match boundary.others().iter().any(|other| is_in(other)) {
        true => Err(boundary.not_ours_alone(&user.username)),
        false => Ok(()),
    }
}

async fn is_ours(client: &Client, user: &User) -> Result<bool> {
    let Some(own) = client.boundary().own() else {
        return Ok(true);
    };
    let organization = client.organization(own).await?;
    Ok(organization.is_some_and(|one| user.organization_ids.contains(&one.id)))
}
