//! The binary `sidestage`.

mod actions;
mod check;
mod config;
mod explain;
mod keys;
mod lsp;
mod out;
mod policy;
mod pull;
mod reference;
mod runs;
mod sandbox;
mod serve;

use clap::{Parser, Subcommand};
use sidestage_redact::Redactor;

/// Runs Backstage's scaffolder actions that provision people into services: once and only once.
#[derive(Parser)]
#[command(name = "sidestage", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Args),
    /// List the actions, write their schemas, or pull those of a Backstage
    Actions(actions::Args),
    /// Check Backstage templates: every expression, every input, every output
    Check(check::Args),
    /// Print the commented default configuration, or check a file
    Config(config::Args),
    /// Explain a rule of `sidestage check`, or list them all
    Explain(explain::Args),
    /// Make a key for CI
    Keys(keys::Args),
    /// Serve an editor: a language server on standard input and output
    Lsp(lsp::Args),
    /// Print the OpenAPI document
    Openapi,
    /// Say who may do what, and why
    Policy(policy::Args),
    /// List, follow, cancel, retry and undo the runs of a Sidestage that is up
    Runs(runs::Args),
    /// Run the in-memory services, for the demo, for tests and for authors of templates
    Sandbox(sandbox::Args),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    // What a command learns of secrets stands in no error of it either.
    let redactor = Redactor::new();
    let result = match Cli::parse().command {
        Command::Serve(args) => serve::run(args, &redactor).await,
        Command::Actions(args) => actions::run(args, &redactor).await,
        Command::Check(args) => return check::run(&args),
        Command::Config(args) => config::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Keys(args) => keys::run(&args),
        Command::Lsp(args) => return lsp::run(args),
        Command::Openapi => actions::openapi(),
        Command::Policy(args) => policy::run(args),
        Command::Runs(args) => runs::run(args, &redactor).await,
        Command::Sandbox(args) => sandbox::run(args).await,
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("sidestage: {}", redactor.scrub(&format!("{error:#}")));
            }
            std::process::ExitCode::FAILURE
        }
    }
}

/// Ends on SIGTERM and on Ctrl-C.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
