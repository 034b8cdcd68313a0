//! Coder: workspaces.

mod builds;
mod client;
mod create_workspace;
mod follow;
mod lookup;
mod parameters;
mod refusals;
mod workspace;

use http::HeaderName;
use secrecy::SecretString;
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};

use crate::provider::{ClientSettings, Provider};

pub(crate) struct Coder;

impl Provider for Coder {
    const SERVICE: Service = Service {
        id: "coder",
        name: "Coder",
        url_input: "coderUrl",
        token_input: "token",
    };

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
        vec![Box::new(create_workspace::CreateWorkspace)]
    }

    async fn undo(_: &Context, _: &client::Client, _: &Made) -> Result<Undone> {
        Ok(Undone::Stays("Delete it in Coder.".into()))
    }
}
