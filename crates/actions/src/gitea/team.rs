//! Who is in a team.

use sidestage_action::{Effect, Result};

use super::{client::Client, refusals::About};

/// Somebody's place in a team.
pub(super) struct TeamMembership<'a> {
    pub(super) client: &'a Client,
    pub(super) place: Place<'a>,
}

/// Where somebody is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) organization: &'a str,
    pub(super) team: &'a str,
    pub(super) team_id: u64,
    pub(super) username: &'a str,
    pub(super) user_id: u64,
}

impl<'a> Place<'a> {
    fn about(self) -> About<'a> {
        About {
            account: self.username,
            organization: self.organization,
            team: self.team,
            ..About::default()
        }
    }

    fn key(self) -> String {
        format!("{}/{}/{}", self.organization, self.team, self.username).to_lowercase()
    }

    fn id(self) -> String {
        format!("{}/{}", self.team_id, self.user_id)
    }

    /// From the key and the id of a membership.
    pub(super) fn parse(key: &'a str, id: &str) -> Option<Self> {
        let mut names = key.split('/');
        let (organization, team, username) = (names.next()?, names.next()?, names.next()?);
        let (team_id, user_id) = id.split_once('/')?;
        Some(Place {
            organization,
            team,
            team_id: team_id.parse().ok()?,
            username,
            user_id: user_id.parse().ok()?,
        })
    }
}

impl Effect for TeamMembership<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "team membership"
    }

    fn key(&self) -> String {
        self.place.key()
    }

    async fn find(&self) -> Result<Option<()>> {
        let Place {
            team_id, username, ..
        } = self.place;
        let is_there = self.client.is_in_team(team_id, username).await?;
        Ok(is_there.then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let Place {
            team_id, username, ..
        } = self.place;
        let done = self.client.add_to_team(team_id, username).await;
        done.map_err(|refused| self.place.about().explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.place.id()
    }
}

/// Somebody's leaving.
pub(super) struct Leaving<'a> {
    pub(super) client: &'a Client,
    pub(super) place: Place<'a>,
}

impl Effect for Leaving<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "leaving of team"
    }

    fn key(&self) -> String {
        self.place.key()
    }

    async fn find(&self) -> Result<Option<()>> {
        let Place {
            team_id, username, ..
        } = self.place;
        let is_there = self.client.is_in_team(team_id, username).await?;
        Ok((!is_there).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let Place {
            team_id, username, ..
        } = self.place;
        let done = self.client.remove_from_team(team_id, username).await;
        done.map_err(|refused| self.place.about().explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.place.id()
    }
}
