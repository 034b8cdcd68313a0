//! `sidestage check --watch`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use super::files::normal;

/// Editors write a file in several goes; they are one change.
const QUIET: Duration = Duration::from_millis(80);

/// Checks now, and again whenever something changes in `paths`, or in what the check depends on besides. Ends only
/// with the process.
#[allow(clippy::print_stderr)]
pub(super) fn run(
    paths: &[PathBuf],
    depends_on: impl Fn() -> Vec<PathBuf>,
    mut check: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if paths == [Path::new("-")] {
        bail!("standard input cannot be watched");
    }
    let mut searched = Vec::new();
    for path in paths {
        let path = normal(&std::path::absolute(path)?);
        // An editor replaces a file by another: only its folder sees that.
        let folder = if path.is_dir() {
            Some(path.as_path())
        } else {
            path.parent()
        };
        searched.push(folder.unwrap_or(&path).to_owned());
    }
    let others = Arc::new(RwLock::new(BTreeSet::new()));
    let (changed, changes) = channel();
    let concerns = concerns(searched.clone(), others.clone());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| concerns(&event)) {
            // The receiver lives as long as the process.
            let _ = changed.send(());
        }
    })
    .context("cannot watch files")?;
    for folder in &searched {
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", folder.display()))?;
    }
    let mut watched = BTreeSet::new();
    loop {
        let files = depends_on();
        for folder in files.iter().filter_map(|file| file.parent()) {
            let seen = searched.iter().any(|searched| folder.starts_with(searched));
            if !seen && watched.insert(folder.to_owned()) {
                // A folder that is not there, or not ours to see, does not change.
                let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
            }
        }
        *others.write().unwrap_or_else(PoisonError::into_inner) = files.into_iter().collect();
        if let Err(error) = check() {
            eprintln!("sidestage: {error:#}");
        }
        eprintln!("watching for changes");
        changes.recv().context("the watcher has gone")?;
        while changes.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {}
    }
}

/// Whether something was written that is YAML and searched, or one of the others.
fn concerns(
    searched: Vec<PathBuf>,
    others: Arc<RwLock<BTreeSet<PathBuf>>>,
) -> impl Fn(&Event) -> bool {
    move |event| {
        let written = matches!(
            event.kind,
            EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
        );
        let others = others.read().unwrap_or_else(PoisonError::into_inner);
        let concerns = |path: &PathBuf| {
            let yaml = path
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml");
            others.contains(path)
                || yaml && searched.iter().any(|searched| path.starts_with(searched))
        };
        written && event.paths.iter().any(concerns)
    }
}
