//! A folder of the workspace: its settings, and which of its files are no templates of this Backstage.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use sidestage_templates::Context;
use sidestage_templates::template::{Template, may_be_template};
use sidestage_templates::yaml;

use crate::check::files::{self, Candidate};
use crate::check::settings::{self, Options, Settings};

/// The folders that templates fill in, by the file of the templates.
pub(super) type Contents = HashMap<PathBuf, Vec<PathBuf>>;

/// A folder, as `sidestage check` sees it when it is called there.
pub(super) struct Folder {
    root: PathBuf,
    settings: Arc<Settings>,
    pub(super) context: Arc<Context>,
    /// Unknown until the folder was looked through.
    pub(super) contents: Option<Contents>,
}

impl Folder {
    /// Without a configuration.
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            settings: Arc::default(),
            context: Arc::default(),
            contents: None,
        }
    }

    /// Reads the configuration, here or above.
    pub(super) fn load(&mut self, options: &Options) -> anyhow::Result<()> {
        let settings = Settings::load(options, &self.root)?;
        self.context = Arc::new(settings.context(options)?);
        self.settings = Arc::new(settings);
        Ok(())
    }

    /// Whether a file is part of the settings.
    pub(super) fn is_configured_by(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == settings::NAME)
            || self.settings.actions().any(|actions| actions == path)
    }

    /// What looks the folder through.
    pub(super) fn scan(&self) -> impl FnOnce() -> Contents + Send + use<> {
        let root = self.root.clone();
        let settings = self.settings.clone();
        move || contents(&root, &settings)
    }

    /// Whether `sidestage check` passes the file over.
    pub(super) fn skips(&self, path: &Path) -> bool {
        // A file that was never saved is nowhere yet.
        let found =
            !path.exists() || files::is_candidate(&self.root, path, &self.settings).unwrap_or(true);
        let contents = self.contents.iter().flatten();
        let contents = contents.flat_map(|(owner, contents)| {
            contents
                .iter()
                .map(move |content| (owner.as_path(), content.as_path()))
        });
        !found || files::is_content(path, contents)
    }
}

/// What the templates in a folder fill in. What cannot be read fills in nothing.
fn contents(root: &Path, settings: &Settings) -> Contents {
    let found = files::candidates(&[root.to_owned()], settings).unwrap_or_default();
    found.candidates.par_iter().filter_map(content).collect()
}

fn content(candidate: &Candidate) -> Option<(PathBuf, Vec<PathBuf>)> {
    let path = &candidate.path;
    let source = fs::read_to_string(path).ok()?;
    // Only templates with such a step fill something in.
    if !may_be_template(&source) || !source.contains("fetch:") {
        return None;
    }
    let stream = yaml::read(&source, yaml::Options::default());
    let templates: Vec<Template> = stream.documents.iter().filter_map(Template::of).collect();
    let folders = files::content_prefixes(path, templates.iter());
    (!folders.is_empty()).then(|| (files::normal(path), folders))
}
