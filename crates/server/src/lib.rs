//! The HTTP service: three doors over one path, authentication, configuration, telemetry.
//!
//! `app` is the path that every request takes; [`config`] is `sidestage.yaml`; `backstage_actions` is
//! door 1 and `run_api` door 3 (door 2, the module in Backstage, uses door 3).

mod access;
mod app;
mod audit;
pub mod auth;
mod backstage_actions;
pub mod config;
mod explain;
mod health;
mod listen;
mod openapi;
mod options;
pub mod organizations;
mod problem;
mod rate;
mod reload;
mod run_api;
mod serve;
mod streams;
pub mod telemetry;

pub use app::App;
pub use config::Config;
pub use explain::{Asked, Explanation, explain};
pub use openapi::document;
pub use problem::Problem;
pub use serve::{build, serve};
