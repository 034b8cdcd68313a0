//! `sidestage actions`, and the OpenAPI document that is made from them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use sidestage_actions::Registry;
use sidestage_redact::Redactor;
use url::Url;

use crate::{pull, reference};

/// List the actions, or write their schemas
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the actions
    List,
    /// Write the schemas of all actions to a folder
    Schema {
        /// The folder
        #[arg(long, default_value = "actions-schema")]
        out: PathBuf,
        /// Write nothing; fail if the folder is not up to date
        #[arg(long)]
        check: bool,
    },
    /// Ask a running Backstage for its actions, filters and globals, so that `sidestage check` knows them
    Pull {
        /// The base URL of its backend
        url: Url,
        /// A token of a user, or of `backend.auth.externalAccess`
        #[arg(long, env = "BACKSTAGE_TOKEN", hide_env_values = true)]
        token: Option<String>,
        /// The file to write
        #[arg(long, default_value = "backstage-actions.json")]
        out: PathBuf,
    },
    /// Write the page that documents all actions
    Reference {
        /// The page
        #[arg(long, default_value = "docs/actions.md")]
        out: PathBuf,
        /// Write nothing; fail if the page is not up to date
        #[arg(long)]
        check: bool,
    },
}

#[allow(clippy::print_stdout)]
pub(crate) async fn run(args: Args, redactor: &Redactor) -> anyhow::Result<()> {
    let registry = Registry::new(Vec::new())?;
    match args.command {
        Command::Pull { url, token, out } => {
            if let Some(token) = &token {
                redactor.add(&token.as_str().into()).keep();
            }
            pull::pull(&url, token.as_deref(), &out).await?;
        }
        Command::List => {
            for action in registry.iter() {
                println!(
                    "{:32} {}",
                    action.descriptor().id,
                    action.descriptor().title
                );
            }
        }
        Command::Schema { out, check: true } => check(&files(&registry)?, &out)?,
        Command::Schema { out, check: false } => write(&files(&registry)?, &out)?,
        Command::Reference { out, check: true } => {
            let there = fs::read_to_string(&out).unwrap_or_default();
            if there != reference::page(&registry) {
                bail!(
                    "{} is not up to date; run `sidestage actions reference`",
                    out.display()
                );
            }
        }
        Command::Reference { out, check: false } => fs::write(&out, reference::page(&registry))
            .with_context(|| format!("cannot write {}", out.display()))?,
    }
    Ok(())
}

#[allow(clippy::print_stdout)]
pub(crate) fn openapi() -> anyhow::Result<()> {
    let registry = Registry::new(Vec::new())?;
    let document = sidestage_server::document(registry.descriptors());
    println!("{}", serde_json::to_string_pretty(&document)?);
    Ok(())
}

/// Every generated file, by its path in the folder.
fn files(registry: &Registry) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let mut add = |path: PathBuf, value: &Value| {
        files.insert(path, format!("{}\n", serde_json::to_string_pretty(value)?));
        anyhow::Ok(())
    };
    let mut all = Vec::new();
    for action in registry.iter() {
        let descriptor = action.descriptor();
        let folder = Path::new(&descriptor.plugin_id).join(&descriptor.name);
        add(folder.join("input.schema.json"), &descriptor.schema.input)?;
        add(folder.join("output.schema.json"), &descriptor.schema.output)?;
        all.push(descriptor);
    }
    add("actions.json".into(), &json!(all))?;
    Ok(files)
}

fn write(files: &BTreeMap<PathBuf, String>, out: &Path) -> anyhow::Result<()> {
    for stale in stale(files, out)? {
        fs::remove_file(&stale).with_context(|| format!("cannot remove {}", stale.display()))?;
    }
    for (path, text) in files {
        let path = out.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn check(files: &BTreeMap<PathBuf, String>, out: &Path) -> anyhow::Result<()> {
    let mut wrong: Vec<String> = stale(files, out)?
        .iter()
        .map(|path| format!("{}: no action has it", path.display()))
        .collect();
    for (path, text) in files {
        let path = out.join(path);
        match fs::read_to_string(&path) {
            Ok(there) if there == *text => {}
            Ok(_) => wrong.push(format!("{}: differs", path.display())),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "the generated schemas are not up to date; run `sidestage actions schema`:\n  {}",
        wrong.join("\n  ")
    )
}

/// What Backstage's own actions take and give; another program writes it (`make backstage-actions`).
const BACKSTAGE: &str = "backstage";

/// JSON files in the folder that would not be generated.
fn stale(files: &BTreeMap<PathBuf, String>, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path == out.join(BACKSTAGE) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && path
                    .strip_prefix(out)
                    .is_ok_and(|path| !files.contains_key(path))
            {
                stale.push(path);
            }
        }
    }
    Ok(stale)
}
