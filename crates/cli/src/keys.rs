//! `sidestage keys`.

use anyhow::{Context, ensure};
use jiff::ToSpan;
use sidestage_server::auth::{TokenHash, new_token, today};

/// Make a key for CI: prints its token, once, and its entry for the configuration
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name in logs, errors and the list of runs
    #[arg(long)]
    name: String,
    /// An action that it may run; * stands for any text. May be given more than once
    #[arg(long = "action")]
    actions: Vec<String>,
    /// A provider whose choices for forms it may read; * stands for any text. May be given more than once
    #[arg(long)]
    options: Vec<String>,
    /// An organization for which it may; * stands for any text. May be given more than once
    #[arg(long = "organization")]
    organizations: Vec<String>,
    /// For how many days it is good
    #[arg(long, default_value_t = 90)]
    days: u16,
    /// It may see, cancel, retry and undo everybody's runs of its actions
    #[arg(long)]
    all_runs: bool,
}

#[allow(clippy::print_stdout)]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let is_plain = |text: &String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:*/".contains(c);
        !text.is_empty() && text.chars().all(fits)
    };
    let globs = [&args.actions, &args.options, &args.organizations];
    for text in [&args.name].into_iter().chain(globs.into_iter().flatten()) {
        ensure!(
            is_plain(text),
            "{text:?} has other than letters, digits and -_.:*/"
        );
    }
    let expires = today()
        .checked_add(i64::from(args.days).days())
        .context("--days reaches too far")?;
    let token = new_token();
    println!("Its token, shown this once; keep it where CI keeps its secrets:\n\n  {token}\n");
    println!("Its entry for sidestage.yaml, under auth.keys:\n");
    println!("  - name: '{}'", args.name);
    println!("    hash: {}", TokenHash::of(&token));
    println!("    expires: {expires}");
    println!("    actions: [{}]", quoted(&args.actions));
    println!("    options: [{}]", quoted(&args.options));
    println!("    organizations: [{}]", quoted(&args.organizations));
    if args.all_runs {
        println!("    allRuns: true");
    }
    Ok(())
}

fn quoted(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    quoted.join(", ")
}
