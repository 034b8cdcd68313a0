//! Changes to a channel: made, joined.

use sidestage_action::{Effect, Error, Result};

use super::{
    client::{Channel, Client, Team, User},
    refusals::About,
};

/// A public channel that is asked for.
pub(super) struct NewChannel<'a> {
    pub(super) client: &'a Client,
    pub(super) team: &'a Team,
    pub(super) name: &'a str,
}

impl Effect for NewChannel<'_> {
    type Object = Channel;

    fn kind(&self) -> &'static str {
        "channel"
    }

    fn key(&self) -> String {
        format!("{}/{}", self.team.name, self.name)
    }

    async fn find(&self) -> Result<Option<Channel>> {
        let found = self.client.channel_by_name(&self.team.id, self.name);
        match found.await? {
            Some(channel) if channel.is_archived() => Err(Error::conflict(format!(
                "The channel {} of the team {} has just been archived in Mattermost.",
                self.name, self.team.name
            ))),
            found => Ok(found),
        }
    }

    async fn create(&self) -> Result<Channel> {
        let about = About {
            team: &self.team.name,
            channel: self.name,
            ..About::default()
        };
        let made = self.client.create_channel(&self.team.id, self.name).await;
        made.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) -> Channel {
        Channel {
            name: self.name.into(),
            display_name: self.name.into(),
            team_id: self.team.id.clone(),
            ..Channel::default()
        }
    }

    fn id(&self, channel: &Channel) -> String {
        channel.id.clone()
    }
}

/// Somebody's place in a channel.
pub(super) struct ChannelMembership<'a> {
    pub(super) client: &'a Client,
    pub(super) team: &'a Team,
    pub(super) channel: &'a Channel,
    pub(super) user: &'a User,
}

impl Effect for ChannelMembership<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "channel membership"
    }

    fn key(&self) -> String {
        format!(
            "{}/{}/{}",
            self.team.name, self.channel.name, self.user.username
        )
    }

    async fn find(&self) -> Result<Option<()>> {
        // In a dry run either may not be there yet.
        if self.channel.id.is_empty() || self.user.id.is_empty() {
            return Ok(None);
        }
        let found = self.client.is_in_channel(&self.channel.id, &self.user.id);
        Ok(found.await?.then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let about = About {
            account: &self.user.username,
            team: &self.team.name,
            channel: &self.channel.name,
        };
        let joined = self.client.add_to_channel(&self.channel.id, &self.user.id);
        joined.await.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        format!("{}/{}", self.channel.id, self.user.id)
    }
}
