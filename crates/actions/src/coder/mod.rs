//! Coder: workspaces and accounts.

mod builds;
mod client;
mod create_user;
mod create_workspace;
mod delete_workspace;
mod follow;
mod lookup;
mod options;
mod parameters;
mod refusals;
mod suspend_user;
mod tenant;
mod under_way;
mod undo;
mod users;
mod workspace;

use http::HeaderName;
use secrecy::SecretString;
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};

use crate::{
    boundary::Share,
    provider::{Choice, ClientSettings, Filter, Provider},
};

pub(crate) struct Coder;

impl Provider for Coder {
    const SERVICE: Service = Service {
        id: "coder",
        name: "Coder",
        url_input: "coderUrl",
        token_input: "token",
    };

    const SHARE: Share = Share::Organization;

    type Client = client::Client;

    fn credential(token: SecretString) -> Credential {
        Credential::Header {
            name: HeaderName::from_static("coder-session-token"),
            value: token,
        }
    }

    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client {
        client::Client::new(upstream, settings)
    }

    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>> {
        vec![
            Box::new(create_user::CreateUser),
            Box::new(create_workspace::CreateWorkspace),
            Box::new(delete_workspace::DeleteWorkspace),
            Box::new(suspend_user::SuspendUser),
        ]
    }

    async fn undo(ctx: &Context, client: &Self::Client, made: &Made) -> Result<Undone> {
        undo::undo(ctx, client, made).await
    }

    const OPTIONS: &'static [&'static str] = options::LISTS;

    async fn options(client: &Self::Client, list: &str, filter: &Filter) -> Result<Vec<Choice>> {
        options::options(client, list, filter).await
    }
}
