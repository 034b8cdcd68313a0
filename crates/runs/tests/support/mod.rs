//! What the tests of this crate share.

#![allow(dead_code)]

pub mod accounts;
pub mod disturbed;
pub mod journals;
pub mod points;
pub mod wire;

/// A folder for a journal, in memory where the machine has that: a process dies here, the machine does not, so nothing
/// is proved by waiting for a disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}
