//! What the service under test writes to its log. Each test has a thread of its own, and its service runs on it.

use std::{cell::RefCell, io, sync::Once};

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From here on the log is kept.
pub fn keep() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
    });
}

/// What was written since this was asked last.
pub fn taken() -> String {
    let written = WRITTEN.with_borrow_mut(std::mem::take);
    String::from_utf8(written).unwrap()
}
