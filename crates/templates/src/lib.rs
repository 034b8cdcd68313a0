//! Reading and checking Backstage templates: YAML with spans, the expression language, types, rules and
//! reports. It knows actions only through their schemas, and opens no network connection.
//!
//! [`check`] is the whole of it for a file; [`Model`](model::Model) is what it works out on the way. [`editor`] says
//! what is at a place, and what could stand there.

pub mod actions;
pub mod backstage;
mod check;
pub mod context;
pub mod editor;
pub mod expression;
pub mod finding;
mod ignores;
mod mend;
pub mod model;
mod near;
pub mod report;
pub mod rules;
pub mod template;
pub mod tokens;
pub mod types;
pub mod yaml;

pub use check::{check, findings};
pub use context::Context;
pub use finding::{Finding, Severity};
pub use mend::mended;
