//! `sidestage serve`.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use sidestage_redact::Redactor;
use sidestage_server::{Config, build, serve, telemetry};
use tokio::net::TcpListener;

/// Run the service
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration; `sidestage config default` prints one with every key
    #[arg(long, default_value = "sidestage.yaml", env = "SIDESTAGE_CONFIG")]
    config: PathBuf,
    /// Where to listen, instead of where the configuration says
    #[arg(long)]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(args: Args, redactor: &Redactor) -> anyhow::Result<()> {
    let mut config = Config::load(&args.config)?;
    config.listen = args.listen.unwrap_or(config.listen);
    telemetry::start(&config.log, redactor.clone())?;
    // Bound first: a second process in this one's place must not get as far as its runs.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let app = build(&config, redactor)
        .await
        .with_context(|| args.config.display().to_string())?;
    let scheme = if config.server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}", listener.local_addr()?);
    tracing::info!(%url, docs = %format!("{url}/docs"), "listening");
    serve(
        app,
        listener,
        config.server.shutdown_grace.0,
        crate::stopped(),
    )
    .await?;
    Ok(())
}
