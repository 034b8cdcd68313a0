//! Twenty CRM: people and companies.

mod bin;
mod client;
mod company;
mod create_company;
mod create_person;
mod delete_person;
mod lookup;
mod options;
mod own_id;
mod person;
mod phone;
mod refusals;
mod undo;
mod values;

use secrecy::SecretString;
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};

use crate::provider::{Choice, ClientSettings, Filter, Provider};

pub(crate) struct Twenty;

impl Provider for Twenty {
    const SERVICE: Service = Service {
        id: "twenty",
        name: "Twenty",
        url_input: "twentyUrl",
        token_input: "apiKey",
    };

    type Client = client::Client;

    fn credential(token: SecretString) -> Credential {
        Credential::Bearer(token)
    }

    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client {
        client::Client::new(upstream, settings)
    }

    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>> {
        vec![
            Box::new(create_person::CreatePerson),
            Box::new(create_company::CreateCompany),
            Box::new(delete_person::DeletePerson),
        ]
    }

    async fn undo(ctx: &Context, client: &client::Client, made: &Made) -> Result<Undone> {
        undo::undo(ctx, client, made).await
    }

    const OPTIONS: &'static [&'static str] = &["companies"];

    async fn options(client: &client::Client, _list: &str, _: &Filter) -> Result<Vec<Choice>> {
        options::companies(client).await
    }
}
