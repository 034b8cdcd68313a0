//! What the tests of this crate share.

#![allow(dead_code)]

pub mod accounts;
pub mod disturbed;
pub mod journals;
pub mod points;
pub mod wire;
