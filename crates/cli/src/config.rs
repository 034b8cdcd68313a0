//! `sidestage config`.

use std::path::PathBuf;

use sidestage_server::{Config, config::DEFAULT};

/// Print the commented default configuration, or check a file
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the default configuration, with every key and what it means
    Default,
    /// Say what is wrong with a file, with line and column
    Check {
        /// The file
        #[arg(default_value = "sidestage.yaml")]
        file: PathBuf,
        /// The same, as `serve` takes it
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        config: Option<PathBuf>,
    },
}

#[allow(clippy::print_stdout)]
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::Default => print!("{DEFAULT}"),
        Command::Check { file, config } => {
            let file = config.unwrap_or(file);
            let config = Config::load(&file)?;
            let count = |what: &str, number: usize| match number {
                1 => format!("1 {what}"),
                number => format!("{number} {what}s"),
            };
            println!(
                "{}: {}, {}",
                file.display(),
                count("connection", config.connections.len()),
                count("key", config.auth.keys.len())
            );
        }
    }
    Ok(())
}
