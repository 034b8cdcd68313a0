//! Changes to a team: made, joined, administered.

use serde_json::json;
use sidestage_action::{Difference, Effect, Error, Result};

use super::{
    client::{Client, Team, TeamMember, User},
    refusals::About,
};

/// The team that is asked for.
pub(super) struct NewTeam<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a str,
    pub(super) display_name: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    pub(super) open: Option<bool>,
}

fn joined_by(kind: &str) -> &'static str {
    match kind {
        "O" => "open",
        _ => "by invitation",
    }
}

impl NewTeam<'_> {
    fn kind_of_team(&self) -> &'static str {
        if self.open == Some(true) { "O" } else { "I" }
    }

    fn title(&self) -> &str {
        self.display_name.unwrap_or(self.name)
    }
}

impl Effect for NewTeam<'_> {
    type Object = Team;

    fn kind(&self) -> &'static str {
        "team"
    }

    fn key(&self) -> String {
        self.name.into()
    }

    async fn find(&self) -> Result<Option<Team>> {
        self.client.team_by_name(self.name).await
    }

    async fn differences(&self, found: &Team) -> Result<Vec<Difference>> {
        if found.is_archived() {
            return Err(Error::conflict(format!(
                "The team {} exists in Mattermost and is archived. Restore it there, or choose another teamName.",
                self.name
            )));
        }
        let title = self
            .display_name
            .and_then(|asked| Difference::between("displayName", &found.display_name, asked));
        let open = self.open.and_then(|_| {
            let asked = joined_by(self.kind_of_team());
            Difference::between("who may join", joined_by(&found.kind), asked)
        });
        Ok(title.into_iter().chain(open).collect())
    }

    fn remedy(&self) -> String {
        "Choose another teamName, change the team in Mattermost, or leave out what differs to use it as it is.".into()
    }

    async fn create(&self) -> Result<Team> {
        let kind = self.kind_of_team();
        // The type alone does not open a team (model/team.go, PreSave).
        let body = json!({
            "name": self.name,
            "display_name": self.title(),
            "description": self.description.unwrap_or_default(),
            "type": kind,
            "allow_open_invite": kind == "O",
        });
        let about = About {
            team: self.name,
            ..About::default()
        };
        let made = self.client.create_team(&body).await;
        made.map_err(|refused| about.explain(refused))
    }

    fn preview(&self) -> Team {
        Team {
            name: self.name.into(),
            display_name: self.title().into(),
            kind: self.kind_of_team().into(),
            ..Team::default()
        }
    }

    fn id(&self, team: &Team) -> String {
        team.id.clone()
    }
}

/// Somebody's place in a team.
pub(super) struct TeamMembership<'a> {
    pub(super) client: &'a Client,
    pub(super) team: &'a Team,
    pub(super) user: &'a User,
}

impl TeamMembership<'_> {
    fn about(&self) -> About<'_> {
        About {
            account: &self.user.username,
            team: &self.team.name,
            ..About::default()
        }
    }

    /// In a dry run either may not be there yet.
    fn is_planned(&self) -> bool {
        self.team.id.is_empty() || self.user.id.is_empty()
    }
}

impl Effect for TeamMembership<'_> {
    type Object = TeamMember;

    fn kind(&self) -> &'static str {
        "team membership"
    }

    fn key(&self) -> String {
        format!("{}/{}", self.team.name, self.user.username)
    }

    async fn find(&self) -> Result<Option<TeamMember>> {
        if self.is_planned() {
            return Ok(None);
        }
        self.client.team_member(&self.team.id, &self.user.id).await
    }

    async fn create(&self) -> Result<TeamMember> {
        let joined = self.client.add_to_team(&self.team.id, &self.user.id).await;
        joined.map_err(|refused| self.about().explain(refused))
    }

    fn preview(&self) -> TeamMember {
        TeamMember::preview()
    }

    fn id(&self, _: &TeamMember) -> String {
        format!("{}/{}", self.team.id, self.user.id)
    }
}

/// The rights of an administrator of the team, for one of its members.
pub(super) struct TeamAdministrator<'a>(pub(super) TeamMembership<'a>);

impl Effect for TeamAdministrator<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "team administrator"
    }

    fn key(&self) -> String {
        self.0.key()
    }

    async fn find(&self) -> Result<Option<()>> {
        let member = self.0.find().await?;
        Ok(member.filter(|member| member.scheme_admin).map(drop))
    }

    async fn create(&self) -> Result<()> {
        let TeamMembership { client, team, user } = &self.0;
        let done = client.set_team_admin(&team.id, &user.id, true).await;
        done.map_err(|refused| self.0.about().explain(refused))
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.0.id(&TeamMember::preview())
    }
}
