//! Gitea: accounts, who is in which team, and repositories that Backstage's own `publish:gitea` cannot make.

mod account;
mod add_to_team;
mod client;
mod create_repository;
mod create_user;
mod deactivate_user;
mod find_repository;
mod lookup;
mod names;
mod options;
mod refusals;
mod repository;
mod team;
mod tenant;
mod undo;

use secrecy::SecretString;
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};

use crate::{
    boundary::Share,
    provider::{Choice, ClientSettings, Filter, Provider},
};

pub(crate) struct Gitea;

impl Provider for Gitea {
    const SERVICE: Service = Service {
        id: "gitea",
        name: "Gitea",
        url_input: "giteaUrl",
        token_input: "token",
    };

    const SHARE: Share = Share::Organization;

    type Client = client::Client;

    /// Gitea takes `Bearer` for its own `token` (services/auth/oauth2.go).
    fn credential(token: SecretString) -> Credential {
        Credential::Bearer(token)
    }

    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client {
        client::Client::new(upstream, settings)
    }

    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>> {
        vec![
            Box::new(add_to_team::AddToTeam),
            Box::new(create_repository::CreateRepository),
            Box::new(create_user::CreateUser),
            Box::new(deactivate_user::DeactivateUser),
            Box::new(find_repository::FindRepository),
        ]
    }

    async fn undo(ctx: &Context, client: &client::Client, made: &Made) -> Result<Undone> {
        undo::undo(ctx, client, made).await
    }

    const OPTIONS: &'static [&'static str] = &["organizations", "teams"];

    async fn options(client: &client::Client, list: &str, filter: &Filter) -> Result<Vec<Choice>> {
        match list {
            "organizations" => options::organizations(client).await,
            _ => options::teams(client, filter).await,
        }
    }
}
