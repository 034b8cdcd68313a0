//! Mattermost: accounts, teams, and who is where.

mod account;
mod channel;
mod client;
mod create_team;
mod create_user;
mod deactivate_user;
mod domains;
mod lookup;
mod options;
mod refusals;
mod team;
mod tenant;
mod undo;
mod username;

use secrecy::SecretString;
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};

use crate::{
    boundary::Share,
    provider::{Choice, ClientSettings, Filter, Provider},
};

pub(crate) struct Mattermost;

impl Provider for Mattermost {
    const SERVICE: Service = Service {
        id: "mattermost",
        name: "Mattermost",
        url_input: "mattermostUrl",
        token_input: "token",
    };

    const SHARE: Share = Share::Team;

    type Client = client::Client;

    fn credential(token: SecretString) -> Credential {
        Credential::Bearer(token)
    }

    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client {
        client::Client::new(upstream, settings)
    }

    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>> {
        vec![
            Box::new(create_user::CreateUser),
            Box::new(create_team::CreateTeam),
            Box::new(deactivate_user::DeactivateUser),
        ]
    }

    async fn undo(ctx: &Context, client: &client::Client, made: &Made) -> Result<Undone> {
        undo::undo(ctx, client, made).await
    }

    const OPTIONS: &'static [&'static str] = &["teams", "channels"];

    async fn options(client: &client::Client, list: &str, filter: &Filter) -> Result<Vec<Choice>> {
        match list {
            "teams" => options::teams(client).await,
            _ => options::channels(client, filter).await,
        }
    }
}
