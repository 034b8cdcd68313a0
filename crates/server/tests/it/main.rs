//! The service as its callers see it: real HTTP on loopback, the real router, the sandbox behind it.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod audit;
mod backstage;
mod config;
mod documents;
mod door1;
mod keycloak;
mod limits;
mod log;
mod refusals;
mod reload;
mod run_api;
mod service;
mod slow;
mod tenancy;
mod tls;
mod tokens;
