//! What a provider is: a service, how it is called, and its actions.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sidestage_action::{AnyAction, Context, Made, Result, Service, Undone};
use sidestage_upstream::{Credential, Upstream};
use url::Url;

use crate::boundary::{Boundary, Share};

/// A service's folder of actions.
pub(crate) trait Provider: 'static {
    /// The service, and the inputs that may name it.
    const SERVICE: Service;

    /// What of the service is a tenant's. Its actions keep to [`ClientSettings::boundary`].
    const SHARE: Share = Share::Connection;

    /// The typed client that its actions work with.
    type Client: Clone + Send + Sync + 'static;

    /// How the service wants to be shown a token.
    fn credential(token: SecretString) -> Credential;

    /// The client of one run.
    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client;

    /// The list of its actions.
    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>>;

    /// Takes back something that one of its actions made: `made.kind` and `made.key` are an effect's own.
    /// What changes goes through [`Context::ensure`]; what was changed or taken over by somebody else
    /// since is left alone.
    fn undo(
        ctx: &Context,
        client: &Self::Client,
        made: &Made,
    ) -> impl Future<Output = Result<Undone>> + Send;

    /// The names of its lists of choices for forms.
    const OPTIONS: &'static [&'static str] = &[];

    /// One of these lists. Nothing is changed. What the credential cannot see is not in it.
    fn options(
        _client: &Self::Client,
        _list: &str,
        _filter: &Filter,
    ) -> impl Future<Output = Result<Vec<Choice>>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// What narrows a list of choices: the query of the request, `organization` and `connection` aside.
pub(crate) type Filter = BTreeMap<String, String>;

/// Something that a person can choose in a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What the form gives to the template: never empty.
    pub value: String,
    /// What the person reads.
    pub label: String,
}

/// What a client needs to know of its connection besides how to call it.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// The service's URL for people, where the configuration names one.
    pub(crate) public_url: Option<Url>,
    /// How often a wait looks, once it has become slow.
    pub(crate) poll: Duration,
    /// Which part of the service is the tenant's that the run is done for.
    pub(crate) boundary: Boundary,
}
