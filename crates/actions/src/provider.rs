//! What a provider is: a service, how it is called, and its actions.

use std::time::Duration;

use secrecy::SecretString;
use sidestage_action::{AnyAction, Service};
use sidestage_upstream::{Credential, Upstream};
use url::Url;

/// A service's folder of actions.
pub(crate) trait Provider: 'static {
    /// The service, and the inputs that may name it.
    const SERVICE: Service;

    /// The typed client that its actions work with.
    type Client: Clone + Send + Sync + 'static;

    /// How the service wants to be shown a token.
    fn credential(token: SecretString) -> Credential;

    /// The client of one run.
    fn client(upstream: Upstream, settings: ClientSettings) -> Self::Client;

    /// The list of its actions.
    fn actions() -> Vec<Box<dyn AnyAction<Self::Client>>>;
}

/// What a client needs to know of its connection besides how to call it.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// The service's URL for people, where the configuration names one.
    pub(crate) public_url: Option<Url>,
    /// How often a wait looks, once it has become slow.
    pub(crate) poll: Duration,
}
