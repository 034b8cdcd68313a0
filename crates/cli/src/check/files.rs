//! Which files to check.

use std::path::{Component, Path, PathBuf};

use anyhow::bail;
use ignore::WalkBuilder;
use ignore::gitignore::Gitignore;
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

/// What there is to check.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    /// What cannot be looked into, and why.
    pub(crate) unreadable: Vec<anyhow::Error>,
}

/// The YAML files that are named, or lie in folders that are; without what Git ignores and what the
/// configuration leaves out.
pub(crate) fn candidates(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        if path.as_os_str() == "-" {
            bail!("`-` reads from standard input, and stands alone");
        }
        if path.is_file() {
            found.candidates.push(Candidate {
                path: path.clone(),
                named: true,
            });
        } else if path.is_dir() {
            walk(path, settings, None, &mut found)?;
        } else {
            bail!("{}: there is no such file or folder", path.display());
        }
    }
    found.candidates.sort_by(|a, b| a.path.cmp(&b.path));
    found.candidates.dedup_by(|a, b| {
        let same = a.path == b.path;
        b.named |= same && a.named;
        same
    });
    Ok(found)
}

/// Whether a check of the folder looks at the file.
pub(crate) fn is_candidate(
    folder: &Path,
    path: &Path,
    settings: &Settings,
) -> anyhow::Result<bool> {
    let mut found = Found::default();
    walk(folder, settings, Some(path), &mut found)?;
    Ok(!found.candidates.is_empty())
}

/// Finds the YAML files in a folder, or one of them.
fn walk(
    folder: &Path,
    settings: &Settings,
    only: Option<&Path>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let excluded = settings.excluded()?;
    let only = only.map(Path::to_owned);
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            // A folder whose name is filled in is part of a skeleton.
            let ours = !(NOT_OURS.contains(&&*name) || name.contains("{{"));
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            ours && only
                .as_ref()
                .is_none_or(|only| only.starts_with(entry.path()))
                && !excluded.contains(entry.path(), is_folder)
        })
        .build();
    for entry in walk {
        let path = match entry {
            Ok(entry) => entry.into_path(),
            Err(error) => {
                found.unreadable.push(error.into());
                continue;
            }
        };
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        // A link to a file is one; a link to nothing is not, nor is a pipe.
        if is_yaml && path.is_file() {
            let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
            found.candidates.push(Candidate { path, named: false });
        }
    }
    Ok(())
}

/// What the configuration leaves out.
pub(super) struct Excluded {
    pub(super) patterns: Gitignore,
    /// The folder that the patterns are of.
    pub(super) folder: PathBuf,
}

impl Excluded {
    fn contains(&self, path: &Path, is_folder: bool) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        // Of a path that cannot be made absolute no more is known.
        let path = normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        path.starts_with(&self.folder)
            && self
                .patterns
                .matched_path_or_any_parents(&path, is_folder)
                .is_ignore()
    }
}

/// How the paths begin of what the templates of a file fill in.
pub(crate) fn content_prefixes<'a>(
    path: &Path,
    templates: impl Iterator<Item = &'a Template>,
) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let prefix = |content: String| {
        let (parent, rest) = content.rsplit_once('/').unwrap_or(("", &content));
        normal(&folder.join(parent)).join(rest)
    };
    templates
        .flat_map(Template::content_prefixes)
        .map(prefix)
        .collect()
}

/// Whether a file lies in what a template fills in. A template that fills in the folder it lies in is no content of
/// its own.
pub(crate) fn is_content<'a>(
    path: &Path,
    contents: impl IntoIterator<Item = (&'a Path, &'a Path)>,
) -> bool {
    let begins = |path: &Path, with: &Path| {
        let (path, with) = (path.as_os_str(), with.as_os_str());
        path.as_encoded_bytes().starts_with(with.as_encoded_bytes())
    };
    let path = normal(path);
    contents
        .into_iter()
        .any(|(owner, content)| begins(&path, content) && !begins(owner, content))
}

/// Takes out what lies in a folder that a template fills in: a skeleton can hold a template for others.
pub(super) fn drop_content(checked: &mut Vec<Checked>, candidates: &[Candidate]) {
    let contents: Vec<(PathBuf, PathBuf)> = checked
        .iter()
        .flat_map(|checked| {
            let own = normal(&checked.path);
            checked
                .content
                .iter()
                .map(move |content| (own.clone(), content.clone()))
        })
        .collect();
    checked.retain(|checked| {
        let path = checked.path.as_path();
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
