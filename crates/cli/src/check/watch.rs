//! `sidestage check --watch`.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context as _, bail};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};

/// Editors write a file in several goes; they are one change.
const QUIET: Duration = Duration::from_millis(80);

/// Checks now, and again whenever something changes. Ends only with the process.
#[allow(clippy::print_stderr)]
pub(super) fn run(
    paths: &[PathBuf],
    mut check: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if paths == [Path::new("-")] {
        bail!("standard input cannot be watched");
    }
    let (changed, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.is_ok_and(|event| concerns(&event)) {
            // The receiver lives as long as the process.
            let _ = changed.send(());
        }
    })
    .context("cannot watch files")?;
    for path in paths {
        // An editor replaces a file by another: only its folder sees that.
        let folder = if path.is_dir() {
            path.as_path()
        } else {
            parent(path)
        };
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", folder.display()))?;
    }
    loop {
        if let Err(error) = check() {
            eprintln!("sidestage: {error:#}");
        }
        eprintln!("watching for changes");
        changes.recv().context("the watcher has gone")?;
        while changes.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {}
    }
}

fn concerns(event: &Event) -> bool {
    let written = matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
    );
    let yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    };
    written && event.paths.iter().any(yaml)
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
