//! How far the check is, on a terminal, when there is much to do.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Nothing is shown of what takes less.
const MUCH: usize = 200;
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows the count until it is dropped.
pub(super) struct Progress {
    done: Arc<AtomicUsize>,
    shown_by: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn new(all: usize) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        let worth_showing = all >= MUCH && std::io::stderr().is_terminal();
        let shown_by = worth_showing.then(|| {
            let (stop, stopped) = channel();
            let done = done.clone();
            let show = move || {
                while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    draw(&format!(
                        "checking {} of {all} files",
                        done.load(Ordering::Relaxed)
                    ));
                }
                draw("");
            };
            (stop, std::thread::spawn(show))
        });
        Self { done, shown_by }
    }

    pub(super) fn one_more(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.shown_by.take() {
            drop(stop);
            // A thread that panicked drew badly; nothing depends on it.
            let _ = thread.join();
        }
    }
}

/// Writes over the line.
fn draw(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush());
}
