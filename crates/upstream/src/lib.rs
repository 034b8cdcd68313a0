//! The one HTTP client through which Sidestage's provider clients call their service.
//!
//! An [`Upstream`] belongs to one connection. It knows nothing of any provider; it knows what every
//! call needs: a base address whose path a caller's value cannot change, the credential, time-outs, a
//! bound on calls under way and on the size of an answer, and one rule about repeating a call:
//!
//! **A call is repeated only if the failure may pass and nothing can have been changed by it**
//! ([`Error::is_transient`] and not [`Error::may_have_changed`]). So a reading call is repeated after a
//! lost answer, a 502, 503, 504 or 429, and when it could not be sent; a writing call only when it could
//! not be sent and after a 429. Whoever writes and gets [`Error::Lost`] or [`Error::Unwell`] looks before
//! anything else.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sidestage_upstream::{Credential, Settings, Upstream};
//! let credential = Credential::Bearer("the-token".into());
//! let coder = Upstream::new(Settings::new("coder", "https://coder.example.com".parse()?, credential))?;
//! let user: serde_json::Value = coder.get("/api/v2/users/{user}", &["anna"]).send().await?.json()?;
//! # Ok(()) }
//! ```
//!
//! A service that keeps failing is left alone for a while: calls end at once, with since when and why. A
//! connection may also say how many calls a minute its service takes.
//!
//! Redirects are not followed, since a token must not wander. No call goes to a link-local or metadata address,
//! whatever a name leads to. The proxies named by environment variables
//! (`HTTPS_PROXY` and its like) are not used: these are calls from service to service. TLS is rustls with
//! aws-lc-rs; the roots are the machine's, and on Linux `SSL_CERT_FILE` or `SSL_CERT_DIR` name others in
//! their place (a private certificate authority).

mod answer;
mod breaker;
mod client;
mod error;
mod limits;
mod path;
mod resolver;
mod retry;

pub use answer::Response;
pub use client::{BuildError, Credential, Judge, Request, Settings, Upstream};
pub use error::{Body, Call, Error};
pub use retry::{Retry, WAIT_AT_MOST};

pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
pub use url::Url;
