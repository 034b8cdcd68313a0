//! `sidestage explain`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use sidestage_templates::rules::{RULES, Rule};

use crate::out::print;

/// Explain a rule of `sidestage check`, or list them all
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The rule
    rule: Option<String>,
    /// Write the page that documents all rules
    #[arg(long, value_name = "PAGE", conflicts_with = "rule")]
    write: Option<PathBuf>,
    /// Write nothing; fail if that page is not up to date
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["rule", "write"])]
    check: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(path) = &args.write {
        return fs::write(path, reference())
            .with_context(|| format!("cannot write {}", path.display()));
    }
    if let Some(path) = &args.check {
        if fs::read_to_string(path).unwrap_or_default() != reference() {
            let path = path.display();
            bail!("{path} is not up to date; run `sidestage explain --write {path}`");
        }
        return Ok(());
    }
    let Some(name) = &args.rule else {
        return print(&list());
    };
    let Some(rule) = Rule::named(name) else {
        bail!("there is no rule `{name}`; `sidestage explain` lists them");
    };
    print(&format!("{}\n", page(rule)))
}

/// All rules, a line each.
fn list() -> String {
    let mut text = String::new();
    for rule in RULES {
        let severity = rule.severity.name();
        let _ = writeln!(text, "{:24} {severity:8} {}", rule.name, rule.summary());
    }
    text
}

/// A rule's page, with its severity.
fn page(rule: &Rule) -> String {
    let (title, text) = rule.page.split_once("\n\n").unwrap_or((rule.page, ""));
    format!(
        "{title}\n\nSeverity: {}.\n\n{}",
        rule.severity.name(),
        text.trim_end()
    )
}

fn reference() -> String {
    let mut text = String::from(
        "# The rules of `sidestage check`\n\n\
         Written by `sidestage explain --write docs/rules.md`. Every example is a test: the wrong one is found, the right one is silent.\n\n\
         | rule | severity | what it finds |\n|---|---|---|\n",
    );
    for rule in RULES {
        let _ = writeln!(
            text,
            "| [{0}](#{0}) | {1} | {2} |",
            rule.name,
            rule.severity.name(),
            rule.summary()
        );
    }
    for rule in RULES {
        // One level deeper: the page has a title of its own.
        let page = page(rule).replace("\n## ", "\n### ");
        let _ = write!(text, "\n#{page}\n");
    }
    text
}
