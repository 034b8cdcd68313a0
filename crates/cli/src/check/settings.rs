//! `.sidestage-check.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use ignore::gitignore::GitignoreBuilder;
use serde::Deserialize;
use sidestage_templates::actions::{Action, Actions, Instance, built_in_extensions};
use sidestage_templates::backstage::Backstage;
use sidestage_templates::rules::{RULES, Rule};
use sidestage_templates::yaml::{self, LineIndex, Unit};
use sidestage_templates::{Context, Severity};

use super::files::{Excluded, normal};

/// The name of the file.
pub(crate) const NAME: &str = ".sidestage-check.yaml";
/// The key that says for which Backstage the templates are.
const VERSION: &str = "backstageVersion";
/// The sources of actions that are compiled in.
const BUILT_IN: [(&str, &str); 2] = [("backstage", "Backstage"), ("sidestage", "Sidestage")];

/// What the command line says of it.
#[derive(Default, clap::Args)]
pub(crate) struct Options {
    /// The configuration; by default the nearest .sidestage-check.yaml, here or above
    #[arg(long)]
    config: Option<PathBuf>,
    /// More actions: a file that `sidestage actions pull` wrote
    #[arg(long, value_name = "FILE")]
    actions: Vec<PathBuf>,
    /// The Backstage that the templates are for: its release (1.55.0), or @backstage/plugin-scaffolder-backend's (4.2.0)
    #[arg(long, value_name = "VERSION")]
    backstage_version: Option<String>,
}

/// What the configuration says, and where it is.
#[derive(Default)]
pub(crate) struct Settings {
    file: File,
    folder: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    exclude: Vec<String>,
    rules: BTreeMap<String, Level>,
    actions: Option<Vec<String>>,
    backstage_version: Option<String>,
    yaml_merge: bool,
    fail_on: Option<Level>,
}

/// A severity, or none.
#[derive(Clone, Copy, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Errors
    Error,
    /// Warnings, and what is worse
    Warning,
    /// Notes, and what is worse
    Note,
    /// Nothing
    #[serde(alias = "never")]
    #[value(name = "never", alias = "off")]
    Off,
}

impl Level {
    pub(crate) fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Off => None,
        }
    }
}

impl Settings {
    /// Reads the file that is named, or the nearest one from a folder upwards; without any, everything has its
    /// default.
    pub(crate) fn load(options: &Options, folder: &Path) -> anyhow::Result<Self> {
        let mut places = places(options, folder).into_iter();
        let named = options.config.is_some();
        let Some(path) = places.find(|path| named || path.is_file()) else {
            return Ok(Self::default());
        };
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = read(&text, &path)?;
        let path = std::path::absolute(&path)?;
        let folder = path.parent().map(normal).unwrap_or_default();
        Ok(Self { file, folder })
    }

    /// The paths that are left out: as if the patterns stood in a .gitignore beside the configuration.
    pub(super) fn excluded(&self) -> anyhow::Result<Excluded> {
        let mut patterns = GitignoreBuilder::new(&self.folder);
        for pattern in &self.file.exclude {
            patterns
                .add_line(None, pattern)
                .with_context(|| format!("exclude: `{pattern}`"))?;
        }
        Ok(Excluded {
            patterns: patterns.build().context("exclude")?,
            folder: self.folder.clone(),
        })
    }

    /// The files with actions.
    pub(crate) fn actions(&self) -> impl Iterator<Item = PathBuf> {
        let sources = self.file.actions.iter().flatten();
        let files = sources.filter(|source| !BUILT_IN.iter().any(|(name, _)| name == source));
        files.map(|file| self.folder.join(file))
    }

    pub(crate) fn fail_on(&self) -> Level {
        self.file.fail_on.unwrap_or(Level::Warning)
    }

    /// What the checker has to know. The command line adds to the file, or goes before it.
    pub(crate) fn context(&self, options: &Options) -> anyhow::Result<Context> {
        let mut context = Context {
            yaml_merge: self.file.yaml_merge,
            ..Context::default()
        };
        if let Some(sources) = &self.file.actions {
            context.actions = Actions::default();
            for source in sources {
                match BUILT_IN.iter().find(|(name, _)| name == source) {
                    Some((_, source)) => context.actions.extend(&Actions::built_in_of(source)),
                    None => add(&mut context, &self.folder.join(source))?,
                }
            }
        }
        for path in &options.actions {
            add(&mut context, path)?;
        }
        let version = options.backstage_version.as_ref();
        if let Some(version) = version.or(self.file.backstage_version.as_ref()) {
            context.backstage = Backstage::of_version(version)
                .ok_or_else(|| anyhow!("`{version}` is no version of Backstage: write 1.55.0, or 4.2.0 for the scaffolder's"))?;
        }
        for (name, level) in &self.file.rules {
            let rule = Rule::named(name).with_context(|| unknown_rule(name))?;
            context.rules.insert(rule.name, level.severity());
        }
        Ok(context)
    }
}

/// Where the configuration is looked for.
fn places(options: &Options, folder: &Path) -> Vec<PathBuf> {
    match &options.config {
        Some(path) => vec![path.clone()],
        None => folder.ancestors().map(|folder| folder.join(NAME)).collect(),
    }
}

/// All files that make the settings, or would if they were there.
pub(super) fn files(options: &Options, folder: &Path) -> Vec<PathBuf> {
    let mut files = places(options, folder);
    // What is wrong with the configuration is said when it is used.
    if let Ok(settings) = Settings::load(options, folder) {
        files.extend(settings.actions());
    }
    files.extend(options.actions.iter().cloned());
    let absolute = |path: PathBuf| std::path::absolute(path).map(|path| normal(&path)).ok();
    files.into_iter().filter_map(absolute).collect()
}

fn unknown_rule(name: &str) -> String {
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    format!(
        "rules: there is no rule `{name}`; there is {}",
        names.join(", ")
    )
}

/// Adds what an instance said of itself.
fn add(context: &mut Context, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let (actions, extensions): (Vec<Action>, _) =
        Instance::read(&text).with_context(|| format!("{shown}"))?;
    context.actions.add(actions, &shown.to_string());
    context.actions_complete = true;
    if let Some(extensions) = extensions {
        context.extensions = vec![built_in_extensions(), extensions];
        context.extensions_complete = true;
    }
    Ok(())
}

fn read(text: &str, path: &Path) -> anyhow::Result<File> {
    let stream = yaml::read(text, yaml::Options::default());
    let lines = LineIndex::new(text);
    let place = |offset: usize| {
        let position = lines.position(text, offset, Unit::CodePoint);
        format!(
            "{}:{}:{}",
            path.display(),
            position.line + 1,
            position.column + 1
        )
    };
    let Some(document) = stream.documents.first() else {
        return Ok(File::default());
    };
    if let Some(problem) = document.problems.first() {
        bail!("{}: {problem}", place(problem.span.start));
    }
    if document.root.is_null() {
        return Ok(File::default());
    }
    let mut file = document.root.to_json();
    // A release is read as it is written: as a number, 1.50 would be 1.5.
    if let (Some(version), Some(node)) = (
        file.get_mut(VERSION).filter(|version| version.is_number()),
        document.root.get(VERSION),
    ) {
        *version = text[node.span.clone()].into();
    }
    serde_path_to_error::deserialize(file).map_err(|error| {
        let pointer = pointer(error.path());
        let found = document.get(&pointer);
        let offset = found.map_or(0, |located| {
            located
                .key
                .map_or(located.node.span.start, |key| key.span.start)
        });
        anyhow!("{}: {}", place(offset), error.into_inner())
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => yaml::child("", key),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}
