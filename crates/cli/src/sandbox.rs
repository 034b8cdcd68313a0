//! `sidestage sandbox`.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use sidestage_sandbox::{Options, Sandbox};
use tokio::net::TcpListener;

/// Run the in-memory services, for the demo, for tests and for authors of templates
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:7390")]
    listen: SocketAddr,
    /// How long a workspace build takes, in seconds
    #[arg(long, default_value_t = 3.0)]
    build_seconds: f64,
}

#[allow(clippy::print_stdout)]
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let build = Duration::try_from_secs_f64(args.build_seconds).context("--build-seconds")?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let running = Sandbox::start(Options { build }, listener);
    println!("The sandbox listens on {}", running.url);
    let sandbox = running.sandbox();
    for service in sandbox.services() {
        let token = sandbox.tokens(service).map(|tokens| tokens.administrator);
        let (url, token) = (running.url.join(service)?, token.unwrap_or_default());
        println!("  {service:<10}  {url}  its token: {token}");
    }
    crate::stopped().await;
    running.stop().await;
    Ok(())
}
