//! What the tests of this crate share.

#![allow(dead_code)]

pub mod crashing;
pub mod journals;
pub mod points;
pub mod wire;
