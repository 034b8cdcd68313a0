//! Taking back what a run made. Mattermost deletes neither accounts, nor teams, nor channels: they are put out of use, and
//! their names stay taken.

use sidestage_action::{Context, Effect, Made, Result, Undone};

use super::{
    account::{Activation, Deactivation},
    client::{Channel, Client, Team, User},
    refusals::About,
};

pub(super) async fn undo(ctx: &Context, client: &Client, made: &Made) -> Result<Undone> {
    let undo = Undo { ctx, client, made };
    match &*made.kind {
        "account" => undo.account().await,
        "activation" => undo.activation().await,
        "deactivation" => undo.deactivation().await,
        "password mail" => Ok(Undone::Stays(
            "A mail that was sent cannot be called back. Its link works for 24 hours, and opens no account that is \
             deactivated."
                .into(),
        )),
        "team membership" => undo.team_membership().await,
        "team administrator" => undo.team_administrator().await,
        "channel membership" => undo.channel_membership().await,
        "channel" => undo.channel().await,
        "team" => undo.team().await,
        kind => Ok(Undone::Stays(format!(
            "Sidestage does not know how to take back a {kind} in Mattermost. Somebody has to do it there."
        ))),
    }
}

struct Undo<'a> {
    ctx: &'a Context,
    client: &'a Client,
    made: &'a Made,
}

impl Undo<'_> {
    async fn user(&self) -> Result<Option<User>> {
        self.ctx.race(self.client.user(&self.made.id)).await
    }

    async fn account(&self) -> Result<Undone> {
        let Some(user) = &self.user().await? else {
            return Ok(Undone::Gone);
        };
        self.deactivate(user).await?;
        Ok(Undone::Stays(format!(
            "Mattermost deletes no account, so {} is deactivated instead; its name and address stay taken. To use it again, \
             run mattermost:create-user with reactivate.",
            user.username
        )))
    }

    async fn activation(&self) -> Result<Undone> {
        if let Some(user) = &self.user().await? {
            self.deactivate(user).await?;
        }
        Ok(Undone::Gone)
    }

    async fn deactivation(&self) -> Result<Undone> {
        if let Some(user) = &self.user().await? {
            let client = self.client;
            self.ctx.ensure(&Activation { client, user }).await?;
        }
        Ok(Undone::Gone)
    }

    async fn deactivate(&self, user: &User) -> Result<()> {
        let client = self.client;
        self.ctx.ensure(&Deactivation { client, user }).await?;
        Ok(())
    }

    async fn team_membership(&self) -> Result<Undone> {
        self.leave(Place::Team).await
    }

    async fn team_administrator(&self) -> Result<Undone> {
        self.leave(Place::TeamAdministration).await
    }

    async fn channel_membership(&self) -> Result<Undone> {
        self.leave(Place::Channel).await
    }

    async fn leave(&self, place: Place) -> Result<Undone> {
        let Some((of, user)) = self.made.id.split_once('/') else {
            return Ok(Undone::Stays(format!(
                "{} is not an id of a membership in Mattermost. Somebody has to take the person out there.",
                self.made.id
            )));
        };
        let leave = Leave {
            client: self.client,
            key: &self.made.key,
            place,
            of,
            user,
        };
        self.ctx.ensure(&leave).await?;
        Ok(Undone::Gone)
    }

    /// Archived, unless somebody else is in it, or has written something in it.
    async fn channel(&self) -> Result<Undone> {
        let Some(channel) = self.ctx.race(self.client.channel(&self.made.id)).await? else {
            return Ok(Undone::Gone);
        };
        if !channel.is_archived()
            && (channel.total_msg_count > 0 || self.has_others(Archived::Channel).await?)
        {
            return Ok(self.in_use());
        }
        self.archive(Archived::Channel).await
    }

    /// Archived, unless somebody else is in it, or has written something in one of its channels.
    async fn team(&self) -> Result<Undone> {
        let (client, id) = (self.client, &*self.made.id);
        let Some(team) = self.ctx.race(client.team(id)).await? else {
            return Ok(Undone::Gone);
        };
        if !team.is_archived() {
            let mut channels = self.ctx.race(client.channels(id)).await?;
            channels.extend(self.ctx.race(client.private_channels(id)).await?);
            let is_written_in = channels.iter().any(|channel| channel.total_msg_count > 0);
            if is_written_in || self.has_others(Archived::Team).await? {
                return Ok(self.in_use());
            }
        }
        self.archive(Archived::Team).await
    }

    /// Whether others are in it than those whom this run had put there, and the account of the connection, which made it.
    async fn has_others(&self, what: Archived) -> Result<bool> {
        let (ctx, client, id) = (self.ctx, self.client, &*self.made.id);
        let me = ctx.race(client.me()).await?.id;
        let (members, am_in) = match what {
            Archived::Team => (
                ctx.race(client.active_members(id)).await?,
                ctx.race(client.team_member(id, &me)).await?.is_some(),
            ),
            Archived::Channel => (
                ctx.race(client.members_of_channel(id)).await?,
                ctx.race(client.is_in_channel(id, &me)).await?,
            ),
        };
        // Newest first: those of this run have left by now, or would have in a dry run.
        let leaves = |made: &&Made| {
            made.kind.ends_with(" membership")
                && made.id.split_once('/').is_some_and(|(of, _)| of == id)
        };
        let leaving = match ctx.is_dry_run() {
            true => ctx.undoing().iter().filter(leaves).count(),
            false => 0,
        };
        Ok(members > u64::from(am_in) + leaving as u64)
    }

    fn in_use(&self) -> Undone {
        let Made { kind, key, .. } = self.made;
        Undone::Stays(format!(
            "Others have joined the {kind} {key} or written in it since, so it is left as it is. Archive it in Mattermost \
             when it is no longer needed."
        ))
    }

    async fn archive(&self, what: Archived) -> Result<Undone> {
        let Made { kind, key, id } = self.made;
        let client = self.client;
        let archive = Archive {
            client,
            what,
            key,
            id,
        };
        self.ctx.ensure(&archive).await?;
        Ok(Undone::Stays(format!(
            "Mattermost deletes no {kind}, so {key} is archived instead; its name stays taken. To use it again, restore it in \
             Mattermost."
        )))
    }
}

/// Where somebody is.
#[derive(Clone, Copy)]
enum Place {
    Team,
    TeamAdministration,
    Channel,
}

/// Somebody's leaving.
struct Leave<'a> {
    client: &'a Client,
    key: &'a str,
    place: Place,
    /// The team's or the channel's id.
    of: &'a str,
    user: &'a str,
}

impl Effect for Leave<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.place {
            Place::Team | Place::Channel => "leaving of",
            Place::TeamAdministration => "end of administration of",
        }
    }

    fn key(&self) -> String {
        self.key.into()
    }

    async fn find(&self) -> Result<Option<()>> {
        let Leave {
            client, of, user, ..
        } = self;
        let is_there = match self.place {
            Place::Channel => client.is_in_channel(of, user).await?,
            Place::Team => client.team_member(of, user).await?.is_some(),
            Place::TeamAdministration => {
                let member = client.team_member(of, user).await?;
                member.is_some_and(|member| member.scheme_admin)
            }
        };
        Ok((!is_there).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        let Leave {
            client, of, user, ..
        } = self;
        let about = {
            let mut names = self.key.split('/');
            let team = names.next().unwrap_or_default();
            let account = names.next_back().unwrap_or_default();
            let channel = names.next().unwrap_or_default();
            About {
                account,
                team,
                channel,
            }
        };
        match self.place {
            Place::Team => client.remove_from_team(of, user).await,
            Place::TeamAdministration => client.set_team_admin(of, user, false).await,
            Place::Channel => client.remove_from_channel(of, user).await,
        }
        .map_err(|refused| about.explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        format!("{}/{}", self.of, self.user)
    }
}

#[derive(Clone, Copy)]
enum Archived {
    Team,
    Channel,
}

/// What is put out of use.
struct Archive<'a> {
    client: &'a Client,
    what: Archived,
    key: &'a str,
    id: &'a str,
}

impl Effect for Archive<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        match self.what {
            Archived::Team => "archiving of team",
            Archived::Channel => "archiving of channel",
        }
    }

    fn key(&self) -> String {
        self.key.into()
    }

    async fn find(&self) -> Result<Option<()>> {
        let is_there = match self.what {
            Archived::Team => {
                let team: Option<Team> = self.client.team(self.id).await?;
                team.is_some_and(|team| !team.is_archived())
            }
            Archived::Channel => {
                let channel: Option<Channel> = self.client.channel(self.id).await?;
                channel.is_some_and(|channel| !channel.is_archived())
            }
        };
        Ok((!is_there).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        match self.what {
            Archived::Team => self.client.archive_team(self.id).await,
            Archived::Channel => self.client.archive_channel(self.id).await,
        }
        .map_err(|refused| refused.error)
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.id.into()
    }
}
