//! From a configuration to a running service, and to its orderly end.

use std::{future::Future, num::NonZeroU32, sync::Arc, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sidestage_action::Descriptor;
use sidestage_actions::{ConnectionConfig, Registry};
use sidestage_policy::Action;
use sidestage_redact::Redactor;
use sidestage_runs::{FindAction, Runs, Settings, journal::Sql};
use tokio::net::TcpListener;
use url::Url;

use crate::{
    access::{self, Access},
    app::App,
    audit::{Audit, Audited},
    auth::Authenticator,
    config::{Auth, Config, Error, JournalUrl},
    listen::{self, Tls},
    organizations::Organizations,
    reload,
};

/// Puts the service together. Every secret of the configuration is known to `redactor` from here on.
///
/// # Errors
/// What is wrong with the configuration.
pub async fn build(config: &Config, redactor: &Redactor) -> Result<App, Error> {
    let secret = |reference: &crate::config::SecretRef, used_for: &str| {
        let secret = reference.resolve(used_for)?;
        redactor.add(&secret).keep();
        Ok::<SecretString, Error>(secret)
    };
    let organizations = Organizations::new(config)?;
    if !organizations.are_configured() {
        tracing::warn!("no organizations are configured: whoever is let in may act for everybody");
    }
    let connections = config
        .connections
        .iter()
        .map(|(name, connection)| {
            let token = connection
                .token
                .as_ref()
                .map(|token| secret(token, &format!("connections.{name}.token")))
                .transpose()?;
            Ok(ConnectionConfig {
                public_url: connection.public_url.clone(),
                token,
                accept_template_token: connection.accept_template_token,
                poll: connection.poll_interval.0,
                concurrent: Some(connection.concurrent_calls.get().into()),
                per_minute: connection.calls_per_minute.map(NonZeroU32::get),
                call_timeout: connection.call_timeout.map(|span| span.0),
                write_timeout: connection.write_timeout.map(|span| span.0),
                retries: connection.retries.map(usize::from),
                tenants: organizations.tenants_of(name),
                ..ConnectionConfig::new(name, &connection.provider, connection.url.clone())
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let registry = Registry::new(connections).map_err(|error| Error(error.to_string()))?;
    let registry = Arc::new(registry);

    if config.auth == Auth::default() {
        tracing::warn!("auth is empty in the configuration: every request will be refused");
    }
    let auth = Authenticator::new(config, organizations.clone())?;
    let audit = Audit::new(&config.audit, redactor.clone())?;
    let policies = access::policies(
        config,
        organizations.are_configured(),
        known_actions(&registry),
    )?;
    let settings = Settings {
        replica: config
            .journal
            .replica
            .clone()
            .unwrap_or_else(|| replica(config.listen)),
        limit: config.runs.limit.0,
        keep: config.runs.keep.0,
        most_running: config.runs.most_running,
        most_waiting: config.runs.most_waiting,
        lease: config.runs.lease.0,
        ..Settings::default()
    };
    let unusable = |why: &dyn std::fmt::Display| Error(format!("journal.url: {why}"));
    let url = match &config.journal.url {
        JournalUrl::Plain(url) => url.clone(),
        JournalUrl::Secret(reference) => {
            let url = secret(reference, "journal.url")?;
            let url = url.expose_secret().to_owned();
            for password in passwords(&url) {
                redactor.add(&password.into()).keep();
            }
            url
        }
    };
    let journal = Sql::open(&url).await.map_err(|error| unusable(&error))?;
    let actions = registry.clone();
    let find_action: FindAction = Arc::new(move |id| actions.get(id).cloned());
    let journal = Arc::new(Audited::new(journal, audit.clone()));
    let runs = Runs::open(settings, redactor.clone(), journal, find_action)
        .await
        .map_err(|error| unusable(&error))?;
    let tls = config.server.tls.as_ref().map(Tls::load).transpose()?;
    let access = Access::new(organizations, policies, audit);
    let app = App::new(
        registry,
        runs,
        auth,
        access,
        tls.map(Arc::new),
        redactor.clone(),
        &config.server,
    );
    reload::watch(app.weak()).map_err(|error| Error(format!("SIGHUP: {error}")))?;
    Ok(app)
}

/// The actions, as policies see them.
pub(crate) fn known_actions(registry: &Registry) -> Vec<Action> {
    let action = |descriptor: &Descriptor| Action {
        id: descriptor.id.clone(),
        provider: descriptor.plugin_id.clone(),
        destructive: descriptor.attributes.destructive,
    };
    registry.descriptors().map(action).collect()
}

/// The passwords in a database's URL: as they stand there, and as they are meant.
fn passwords(url: &str) -> Vec<String> {
    let Ok(url) = Url::parse(url) else {
        return Vec::new();
    };
    let in_front = url.password().unwrap_or_default();
    let meant = percent_decode_str(in_front).decode_utf8_lossy();
    let behind = url.query_pairs().filter(|(name, _)| name == "password");
    let behind = behind.map(|(_, password)| password.into_owned());
    [in_front.to_owned(), meant.into_owned()]
        .into_iter()
        .chain(behind)
        .collect()
}

/// A name that is the same when this process is started again, and another one's is not.
fn replica(listen: std::net::SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", host.trim(), listen.port())
}

/// Serves until `stop`, then drains: takes no new runs, gives those under way `grace`, ends the followers. A client
/// that neither reads nor writes does not hold that up.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    app: App,
    listener: TcpListener,
    grace: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (runs, tls, most) = (app.runs().clone(), app.tls(), app.connections());
    let stop = async move {
        stop.await;
        tracing::info!("stopping");
        runs.drain(grace).await;
    };
    listen::answer(listener, most, tls, app.router(), stop).await;
    Ok(())
}
