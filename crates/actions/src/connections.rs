//! Configured connections, and which of them an input names.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;
use sidestage_action::{Context, Error, Result, Service, schema};
use sidestage_upstream::{Credential, Settings, Upstream};
use url::Url;

use crate::{
    boundary::{Tenant, Tenants, no_connection},
    provider::{ClientSettings, Provider},
};

/// A configured instance of a provider, its secrets already read.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Its name in the configuration, by which templates name it.
    pub name: String,
    /// The provider's id: `coder`.
    pub provider: String,
    /// The service's URL, as Sidestage reaches it.
    pub url: Url,
    /// Its URL for people, where that differs.
    pub public_url: Option<Url>,
    /// The credential.
    pub token: Option<SecretString>,
    /// Whether a template may bring a token of its own.
    pub accept_template_token: bool,
    /// What each organization (tenant) is here; none: no organizations are configured.
    pub tenants: Option<BTreeMap<String, Tenant>>,
    /// How often a wait looks, once it has become slow.
    pub poll: Duration,
    /// How long one try of a reading call may take; default: as [`Settings`] says.
    pub call_timeout: Option<Duration>,
    /// The same for a writing call.
    pub write_timeout: Option<Duration>,
    /// How many times a call may be repeated where that is safe.
    pub retries: Option<usize>,
    /// The first wait before a call is repeated.
    pub backoff: Option<Duration>,
    /// How many calls may be under way at once.
    pub concurrent: Option<usize>,
    /// How many calls a minute the service takes.
    pub per_minute: Option<u32>,
    /// How many calls in a row may fail before the service is left alone for a while.
    pub break_after: Option<u32>,
}

impl ConnectionConfig {
    /// A connection with the usual settings and no credential.
    pub fn new(name: impl Into<String>, provider: impl Into<String>, url: Url) -> Self {
        ConnectionConfig {
            name: name.into(),
            provider: provider.into(),
            url,
            public_url: None,
            token: None,
            accept_template_token: false,
            tenants: None,
            poll: Duration::from_secs(2),
            call_timeout: None,
            write_timeout: None,
            retries: None,
            backoff: None,
            concurrent: None,
            per_minute: None,
            break_after: None,
        }
    }

    pub(crate) fn known_provider(&self, known: impl Iterator<Item = &'static str>) -> Result<()> {
        let known: Vec<&str> = known.collect();
        if known.contains(&self.provider.as_str()) {
            return Ok(());
        }
        let hint = match schema::nearest(&self.provider, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the providers are {}", known.join(", ")),
        };
        let Self { name, provider, .. } = self;
        Err(misconfigured(
            name,
            format!("there is no provider \"{provider}\"; {hint}"),
        ))
    }

    fn upstream(&self, credential: Credential) -> Result<Upstream> {
        let mut settings = Settings::new(&self.name, self.url.clone(), credential);
        let set = |value: &mut Duration, configured: Option<Duration>| {
            *value = configured.unwrap_or(*value)
        };
        set(&mut settings.call_timeout, self.call_timeout);
        set(&mut settings.write_timeout, self.write_timeout);
        set(&mut settings.backoff, self.backoff);
        settings.retries = self.retries.unwrap_or(settings.retries);
        settings.max_concurrent = self.concurrent.unwrap_or(settings.max_concurrent);
        settings.per_minute = self.per_minute;
        settings.break_after = self.break_after.unwrap_or(settings.break_after);
        Upstream::new(settings).map_err(|error| misconfigured(&self.name, error))
    }
}

fn misconfigured(name: &str, what: impl std::fmt::Display) -> Error {
    Error::invalid(
        &format!("/connections/{name}"),
        format!("connections.{name}: {what}"),
    )
}

/// How an input names a connection.
#[derive(Default)]
pub(crate) struct Named {
    pub(crate) connection: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) token: Option<SecretString>,
}

/// The connections of one provider.
pub(crate) struct Connections<P: Provider>(Vec<Arc<Configured<P>>>);

struct Configured<P: Provider> {
    name: String,
    /// The addresses by which an input may name it.
    addresses: Vec<Address>,
    upstream: Upstream,
    public_url: Option<Url>,
    poll: Duration,
    tenants: Tenants,
    accept_template_token: bool,
    _provider: std::marker::PhantomData<fn() -> P>,
}

/// A connection, with the credential that one run uses.
pub(crate) struct Connection<P: Provider> {
    configured: Arc<Configured<P>>,
    upstream: Upstream,
}

impl<P: Provider> Connection<P> {
    pub(crate) fn name(&self) -> &str {
        &self.configured.name
    }

    /// The client of one run, which keeps to the boundary of the run's organization; says in the run's log when it
    /// waits to repeat a call.
    ///
    /// # Errors
    /// The connection is not the organization's.
    pub(crate) fn client(&self, ctx: &Context) -> Result<P::Client> {
        let Configured {
            public_url,
            poll,
            tenants,
            ..
        } = &*self.configured;
        let settings = ClientSettings {
            public_url: public_url.clone(),
            poll: *poll,
            boundary: tenants.boundary(P::SERVICE, ctx.organization())?,
        };
        let upstream = self.upstream.with_waiting(ctx.waiting());
        let ctx = ctx.clone();
        let upstream = upstream.with_observer(move |retry| ctx.info(retry.to_string()));
        Ok(P::client(upstream, settings))
    }
}

impl<P: Provider> Connections<P> {
    pub(crate) fn new(configs: &[ConnectionConfig]) -> Result<Self> {
        let mut all: Vec<Arc<Configured<P>>> = Vec::new();
        for config in configs
            .iter()
            .filter(|config| config.provider == P::SERVICE.id)
        {
            if all.iter().any(|other| other.name == config.name) {
                return Err(misconfigured(
                    &config.name,
                    "there are two connections with this name",
                ));
            }
            let addresses = [Some(&config.url), config.public_url.as_ref()];
            let addresses = addresses
                .into_iter()
                .flatten()
                .filter_map(Address::of)
                .collect();
            all.push(Arc::new(Configured {
                name: config.name.clone(),
                addresses,
                upstream: config
                    .upstream(config.token.clone().map_or(Credential::None, P::credential))?,
                public_url: config.public_url.clone(),
                poll: config.poll,
                tenants: Tenants::new(&config.name, P::SERVICE, P::SHARE, config.tenants.as_ref())?,
                accept_template_token: config.accept_template_token,
                _provider: std::marker::PhantomData,
            }));
        }
        Ok(Connections(all))
    }

    /// Those through which a run for the organization may work.
    pub(crate) fn of(&self, organization: Option<&str>) -> Result<Self> {
        let own = self
            .0
            .iter()
            .filter(|one| one.tenants.include(organization));
        let own: Vec<_> = own.cloned().collect();
        match organization {
            _ if !own.is_empty() || self.0.is_empty() => Ok(Connections(own)),
            Some(organization) => Err(no_connection(P::SERVICE, organization)),
            None => Err(Error::invalid("organization", "organization is required.")),
        }
    }

    /// The connection that an input names: by name, by URL, or by saying nothing where there is only one.
    /// Never one that is not configured: Sidestage is no proxy to arbitrary hosts.
    pub(crate) fn resolve(&self, named: &Named) -> Result<Connection<P>> {
        let by_name = named
            .connection
            .as_deref()
            .map(|name| self.by_name(name))
            .transpose()?;
        let by_url = named
            .url
            .as_deref()
            .map(|url| self.by_url(url))
            .transpose()?;
        let configured = match (by_name, by_url) {
            (Some(by_name), Some(by_url))
                if by_url.iter().any(|other| other.name == by_name.name) =>
            {
                by_name
            }
            (Some(by_name), Some(_)) => {
                return Err(Error::invalid(
                    P::SERVICE.url_input,
                    format!(
                        "{} is not the URL of the connection {}; give one of both.",
                        P::SERVICE.url_input,
                        by_name.name
                    ),
                ));
            }
            (Some(by_name), None) => by_name,
            (None, Some(by_url)) => only(by_url, |names| {
                let input = P::SERVICE.url_input;
                Error::invalid(
                    "connection",
                    format!(
                        "The {input} belongs to more than one connection ({names}); name one with connection."
                    ),
                )
            })?,
            (None, None) => only(self.0.iter().collect(), |names| self.say_which(names))?,
        };
        let upstream = match &named.token {
            None => configured.upstream.clone(),
            Some(token) => configured.with_token(token)?,
        };
        Ok(Connection {
            configured: configured.clone(),
            upstream,
        })
    }

    fn by_name(&self, name: &str) -> Result<&Arc<Configured<P>>> {
        self.0
            .iter()
            .find(|connection| connection.name == name)
            .ok_or_else(|| {
                let hint = match schema::nearest(
                    name,
                    self.0.iter().map(|connection| &*connection.name),
                ) {
                    Some(near) => format!("Did you mean {near}?"),
                    None => self.list(),
                };
                let Service { name: service, .. } = P::SERVICE;
                Error::invalid(
                    "connection",
                    format!("There is no connection to {service} with this name. {hint}"),
                )
            })
    }

    fn by_url(&self, url: &str) -> Result<Vec<&Arc<Configured<P>>>> {
        let wanted = Url::parse(url).ok().as_ref().and_then(Address::of);
        let found: Vec<_> = match wanted {
            Some(wanted) => self
                .0
                .iter()
                .filter(|connection| connection.addresses.contains(&wanted))
                .collect(),
            None => Vec::new(),
        };
        if found.is_empty() {
            let Service {
                name: service,
                url_input,
                ..
            } = P::SERVICE;
            let sentence = format!(
                "{url_input} is not the URL of a configured connection to {service}, and no other host is called. {}",
                self.list()
            );
            return Err(Error::invalid(url_input, sentence));
        }
        Ok(found)
    }

    fn say_which(&self, names: &str) -> Error {
        let Service {
            id, name: service, ..
        } = P::SERVICE;
        let sentence = if names.is_empty() {
            format!(
                "No connection to {service} is configured. Add one with provider: {id} under connections in \
                 Sidestage's configuration."
            )
        } else {
            format!(
                "There is more than one connection to {service} ({names}); name one with connection."
            )
        };
        Error::invalid("connection", sentence)
    }

    fn list(&self) -> String {
        match names(&self.0.iter().collect::<Vec<_>>()) {
            names if names.is_empty() => "None is configured.".into(),
            names => format!("The connections are: {names}."),
        }
    }
}

impl<P: Provider> Configured<P> {
    fn with_token(&self, token: &SecretString) -> Result<Upstream> {
        let input = P::SERVICE.token_input;
        if !self.accept_template_token {
            let sentence = format!(
                "The connection {} has a credential of its own and takes no {input} from a template; leave it out.",
                self.name
            );
            return Err(Error::invalid(input, sentence));
        }
        self.upstream
            .with_credential(&P::credential(token.clone()))
            .map_err(|_| {
                Error::invalid(
                    input,
                    format!(
                        "The {input} holds a character that cannot be sent, such as a line break."
                    ),
                )
            })
    }
}

fn only<P: Provider>(
    found: Vec<&Arc<Configured<P>>>,
    otherwise: impl FnOnce(&str) -> Error,
) -> Result<&Arc<Configured<P>>> {
    match found[..] {
        [one] => Ok(one),
        _ => Err(otherwise(&names(&found))),
    }
}

fn names<P: Provider>(connections: &[&Arc<Configured<P>>]) -> String {
    connections
        .iter()
        .map(|connection| &*connection.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What makes two URLs the same address: scheme, host, port, and path without its last slash.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
}

impl Address {
    /// None where a URL holds more than an address: a user, a query.
    fn of(url: &Url) -> Option<Self> {
        let more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        (!more).then_some(Address {
            scheme: url.scheme().into(),
            host: url.host_str()?.trim_end_matches('.').into(),
            port: url.port_or_known_default(),
            path: url.path().trim_end_matches('/').into(),
        })
    }
}
