//! The built-in providers: a folder each, and one line in [`PROVIDERS`].
//!
//! An action is one file in its provider's folder and one line in the provider's list. What all of them
//! share is here: which connection an input names ([`ConnectionConfig`]), what a failed call means to a
//! person, and the [`Registry`] through which the doors find them.

mod boundary;
mod coder;
mod connections;
mod gitea;
mod mattermost;
mod password;
mod provider;
mod registry;
mod twenty;
mod upstream_error;

pub use boundary::Tenant;
pub use connections::ConnectionConfig;
pub use provider::Choice;
pub use registry::Registry;

use registry::Entry;

/// Every provider.
static PROVIDERS: [Entry; 4] = [
    Entry::of::<coder::Coder>(),
    Entry::of::<gitea::Gitea>(),
    Entry::of::<mattermost::Mattermost>(),
    Entry::of::<twenty::Twenty>(),
];
