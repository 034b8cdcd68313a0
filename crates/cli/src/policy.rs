//! `sidestage policy`.

use std::path::PathBuf;

use sidestage_server::{Asked, Config, explain, organizations::Groups};

/// Say who may do what
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say whether somebody may run an action for an organization, and why. Exit 0: yes, 1: no
    Explain(Explain),
}

#[derive(clap::Args)]
struct Explain {
    /// Who: user:default/jane (or jane), keycloak:<id>, or key:ci
    who: String,
    /// The action: coder:create-workspace; coder:options for the lists of choices of a provider
    action: String,
    /// The organization that it is done for
    #[arg(long = "for")]
    organization: Option<String>,
    /// A group of theirs: group:default/acme-corp of Backstage, /acme-corp of Keycloak, or the alias of an
    /// organization in Keycloak. May be given more than once
    #[arg(long = "group")]
    groups: Vec<String>,
    /// The connection that it goes through
    #[arg(long)]
    connection: Option<String>,
    /// The configuration
    #[arg(long, default_value = "sidestage.yaml", env = "SIDESTAGE_CONFIG")]
    config: PathBuf,
}

#[allow(clippy::print_stdout)]
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Command::Explain(args) = args.command;
    let config = Config::load(&args.config)?;
    let who = match args.who.contains(':') {
        true => args.who,
        false => format!("user:default/{}", args.who),
    };
    let mut groups = Groups::default();
    for group in args.groups {
        if group.starts_with('/') {
            groups.keycloak.push(group);
        } else if group.contains(':') {
            groups.backstage.push(group);
        } else {
            groups.aliases.push(group);
        }
    }
    let for_whom = args
        .organization
        .as_ref()
        .map(|name| format!(" for {name}"));
    let for_whom = for_whom.unwrap_or_default();
    let asked = Asked {
        who: who.clone(),
        groups,
        action: args.action.clone(),
        organization: args.organization,
        connection: args.connection,
    };
    let explanation = explain(&config, &asked)?;
    let verdict = match explanation.allowed {
        true => format!("Yes, {who} may"),
        false => format!("No, {who} may not"),
    };
    println!("{verdict} run {}{for_whom}.", args.action);
    for reason in &explanation.reasons {
        println!("- {reason}");
    }
    if !explanation.allowed {
        std::process::exit(1);
    }
    Ok(())
}
