//! Which files to check.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use ignore::WalkBuilder;
use ignore::overrides::OverrideBuilder;
use sidestage_templates::template::Template;

use super::Checked;
use super::settings::Settings;

/// Folders that hold other people's files.
const NOT_OURS: [&str; 2] = [".git", "node_modules"];

/// A file that may hold a template.
pub(crate) struct Candidate {
    pub(crate) path: PathBuf,
    /// The user named it, so it is checked wherever it lies.
    pub(crate) named: bool,
}

/// The YAML files that are named, or lie in folders that are; without what Git ignores and what the
/// configuration leaves out.
pub(crate) fn candidates(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            bail!("`-` reads from standard input, and stands alone");
        }
        if path.is_file() {
            candidates.push(Candidate {
                path: path.clone(),
                named: true,
            });
        } else if path.is_dir() {
            candidates.extend(walk(path, settings, None)?);
        } else {
            bail!("{}: there is no such file or folder", path.display());
        }
    }
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
    candidates.dedup_by(|a, b| {
        let same = a.path == b.path;
        b.named |= same && a.named;
        same
    });
    Ok(candidates)
}

/// Whether a check of the folder looks at the file.
pub(crate) fn is_candidate(
    folder: &Path,
    path: &Path,
    settings: &Settings,
) -> anyhow::Result<bool> {
    Ok(!walk(folder, settings, Some(path))?.is_empty())
}

/// The YAML files in a folder, or one of them.
fn walk(folder: &Path, settings: &Settings, only: Option<&Path>) -> anyhow::Result<Vec<Candidate>> {
    let mut candidates = Vec::new();
    let mut overrides = OverrideBuilder::new(folder);
    for pattern in settings.exclude() {
        overrides
            .add(&format!("!{pattern}"))
            .with_context(|| format!("exclude: `{pattern}`"))?;
    }
    let only = only.map(Path::to_owned);
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .overrides(overrides.build().context("exclude")?)
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            // A folder whose name is filled in is part of a skeleton.
            let ours = !(NOT_OURS.contains(&&*name) || name.contains("{{"));
            ours && only
                .as_ref()
                .is_none_or(|only| only.starts_with(entry.path()))
        })
        .build();
    for entry in walk {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let is_yaml = entry
            .path()
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml && entry.file_type().is_some_and(|kind| !kind.is_dir()) {
            let path = entry.into_path();
            let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
            candidates.push(Candidate { path, named: false });
        }
    }
    Ok(candidates)
}

/// The folders that the templates of a file fill in.
pub(crate) fn content_folders<'a>(
    path: &Path,
    templates: impl Iterator<Item = &'a Template>,
) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    templates
        .flat_map(Template::content_folders)
        .map(|content| normal(&folder.join(content)))
        .collect()
}

/// Whether a file lies in a folder that a template fills in. A template that fills in the folder it lies in is no
/// content of its own.
pub(crate) fn is_content<'a>(
    path: &Path,
    contents: impl IntoIterator<Item = (&'a Path, &'a Path)>,
) -> bool {
    let path = normal(path);
    contents
        .into_iter()
        .any(|(owner, content)| path.starts_with(content) && !owner.starts_with(content))
}

/// Takes out what lies in a folder that a template fills in: a skeleton can hold a template for others.
pub(super) fn drop_content(checked: &mut Vec<Checked>, candidates: &[Candidate]) {
    let contents: Vec<(PathBuf, PathBuf)> = checked
        .iter()
        .flat_map(|checked| {
            let own = normal(Path::new(&checked.file.path));
            checked
                .content
                .iter()
                .map(move |content| (own.clone(), content.clone()))
        })
        .collect();
    checked.retain(|checked| {
        let path = Path::new(&checked.file.path);
        let named = candidates
            .iter()
            .any(|candidate| candidate.named && candidate.path == path);
        let contents = contents
            .iter()
            .map(|(owner, content)| (owner.as_path(), content.as_path()));
        named || !is_content(path, contents)
    });
}

/// A path without `.` and `..`, as far as that can be told from the path alone.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
