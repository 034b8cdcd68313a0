//! The service's own log: structured, on stderr, scrubbed as it leaves.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
    thread,
};

use sidestage_redact::Redactor;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{Error, Log, LogFormat};

/// Starts logging, for the whole process. Panics are logged, too, instead of written as they are: they may quote
/// anything.
///
/// # Errors
/// When `log.level` is no filter, or logging was started before.
pub fn start(log: &Log, redactor: Redactor) -> Result<(), Error> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| {
        Error(format!(
            "log.level is no filter: {error}; write info, or info,sidestage_upstream=debug"
        ))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Scrubbed(redactor));
    let started = match log.format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
        LogFormat::Text => builder
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init(),
    };
    started.map_err(|error| Error(format!("logging was started before: {error}")))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    // There is one where RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    tracing::error!(
        panic = panic.payload_as_str(),
        at = panic.location().map(tracing::field::display),
        thread = thread::current().name(),
        backtrace = captured.then(|| backtrace.to_string()),
        "a panic"
    );
}

/// Writes each line to stderr without the known secrets.
struct Scrubbed(Redactor);

impl<'a> MakeWriter<'a> for Scrubbed {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line {
            redactor: &self.0,
            text: Vec::new(),
        }
    }
}

/// One event's line: it is made for it, and written when it is dropped.
struct Line<'a> {
    redactor: &'a Redactor,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        // A log that cannot be written must not stop the service.
        let _ = io::stderr().write_all(self.redactor.scrub(&text).as_bytes());
    }
}
