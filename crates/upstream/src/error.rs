//! What can come of a call that is not an answer one can use.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode, header};
use serde_json::Value;

use sidestage_redact::Redactor;

use crate::retry::seconds;

/// As much of a sentence of the service as is quoted in ours.
const EXCERPT: usize = 200;

/// The call that an [`Error`] is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Call {
    /// The connection's name.
    pub connection: Arc<str>,
    /// The service's host, with its port if that is not the usual one.
    pub host: Arc<str>,
    /// The method.
    pub method: Method,
    /// The path as it was written, with its placeholders: it holds no value of a caller.
    pub path: Arc<str>,
    /// Whether the call only reads, and so cannot have changed anything.
    pub reading: bool,
    /// How many times the call was tried.
    pub attempts: u32,
}

/// Why a call has no answer that can be used.
///
/// Its `Display` is one sentence that names the connection and its host. It holds no URL with a query, no
/// token, and of the service's answer at most one short sentence.
#[derive(Debug, Clone)]
pub enum Error {
    /// The call cannot be made as it was asked for: it was not sent, and trying again does not help.
    #[non_exhaustive]
    Invalid {
        /// The call.
        call: Box<Call>,
        /// What is wrong with it.
        cause: String,
    },
    /// A definite refusal (4xx): the change was not made.
    #[non_exhaustive]
    Refused {
        /// The call.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// What the service says about it.
        body: Box<Body>,
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// The service, or a proxy before it, is not well (5xx): a change may have been made.
    #[non_exhaustive]
    Unwell {
        /// The call.
        call: Box<Call>,
        /// The status.
        status: StatusCode,
        /// What the service says about it.
        body: Box<Body>,
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// There was no connection (refused, unknown name, TLS), or none was tried since the service has not been
    /// well for a while: the change was not made.
    #[non_exhaustive]
    NotSent {
        /// The call.
        call: Box<Call>,
        /// What happened.
        cause: String,
        /// Whether trying again can help: not if, say, the certificate is not accepted.
        transient: bool,
        /// How long it is not worth trying, where that is known.
        wait: Option<Duration>,
    },
    /// The call was sent and there was no whole answer (time-out, reset): a change may have been made.
    #[non_exhaustive]
    Lost {
        /// The call.
        call: Box<Call>,
        /// What happened.
        cause: String,
    },
    /// An answer that is not what it should be: a redirect, a web page, cut or other JSON, too large, not
    /// HTTP at all. Mostly the connection's address is wrong.
    #[non_exhaustive]
    Malformed {
        /// The call.
        call: Box<Call>,
        /// The status, if there was one.
        status: Option<StatusCode>,
        /// What is wrong with it.
        cause: String,
    },
}

impl Error {
    /// Whether the call may have changed something in the service. If so, it must not be repeated before
    /// one has looked. Always false for a reading call.
    pub fn may_have_changed(&self) -> bool {
        !self.call().reading
            && match self {
                Error::Invalid { .. } | Error::Refused { .. } | Error::NotSent { .. } => false,
                Error::Unwell { .. } | Error::Lost { .. } => true,
                // These redirects say that the resource is elsewhere; a 302 or 303 is also what some
                // services answer to a form that they have worked off.
                Error::Malformed { status, .. } => !matches!(
                    *status,
                    Some(
                        StatusCode::MOVED_PERMANENTLY
                            | StatusCode::TEMPORARY_REDIRECT
                            | StatusCode::PERMANENT_REDIRECT
                    )
                ),
            }
    }

    /// Whether the same call may well succeed later: nobody was reached, the answer was lost, or it was
    /// 429, 502, 503 or 504.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Lost { .. } => true,
            Error::NotSent { transient, .. } => *transient,
            Error::Refused { status, .. } => *status == StatusCode::TOO_MANY_REQUESTS,
            Error::Unwell { status, .. } => matches!(
                *status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            Error::Invalid { .. } | Error::Malformed { .. } => false,
        }
    }

    /// Whether it is the service, or the way to it, that failed.
    pub(crate) fn is_service_unwell(&self) -> bool {
        matches!(
            self,
            Error::Unwell { .. } | Error::NotSent { .. } | Error::Lost { .. }
        )
    }

    /// What happened, in a few words.
    pub(crate) fn why(&self) -> String {
        match self {
            Error::Refused { status, .. } | Error::Unwell { status, .. } => status.to_string(),
            Error::Invalid { cause, .. }
            | Error::NotSent { cause, .. }
            | Error::Lost { cause, .. }
            | Error::Malformed { cause, .. } => cause.clone(),
        }
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Error::Refused { status, .. } | Error::Unwell { status, .. } => Some(*status),
            Error::Malformed { status, .. } => *status,
            Error::Invalid { .. } | Error::NotSent { .. } | Error::Lost { .. } => None,
        }
    }

    /// How long the service asks to wait, or is left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::NotSent { wait, .. } => *wait,
            Error::Refused { retry_after, .. } | Error::Unwell { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The body of a refusal or of a failure of the service.
    pub fn body(&self) -> Option<&Body> {
        match self {
            Error::Refused { body, .. } | Error::Unwell { body, .. } => Some(body),
            _ => None,
        }
    }

    /// The same body, if it is JSON.
    pub fn json(&self) -> Option<&Value> {
        self.body()?.json()
    }

    /// The call that this is about.
    pub fn call(&self) -> &Call {
        match self {
            Error::Invalid { call, .. }
            | Error::Refused { call, .. }
            | Error::Unwell { call, .. }
            | Error::NotSent { call, .. }
            | Error::Lost { call, .. }
            | Error::Malformed { call, .. } => call,
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call {
            connection,
            host,
            attempts,
            ..
        } = self.call();
        let who = format_args!("{connection} ({host})");
        match self {
            Error::Invalid { cause, .. } => write!(f, "{who} cannot be called like this: {cause}")?,
            Error::Refused {
                status,
                body,
                retry_after,
                ..
            } => {
                match *status {
                    StatusCode::UNAUTHORIZED => {
                        write!(f, "{who} does not accept the credential ({status})")?
                    }
                    StatusCode::TOO_MANY_REQUESTS => {
                        write!(f, "{who} limits the rate of calls ({status})")?
                    }
                    _ => write!(f, "{who} refused the call ({status})")?,
                }
                if let Some(wait) = retry_after {
                    write!(f, " and asks to wait {}", seconds(*wait))?;
                }
                body.write_excerpt(f)?;
            }
            Error::Unwell {
                status,
                body,
                retry_after,
                ..
            } => {
                write!(f, "{who} is not well ({status})")?;
                if let Some(wait) = retry_after {
                    write!(f, " and asks to wait {}", seconds(*wait))?;
                }
                body.write_excerpt(f)?;
            }
            Error::NotSent { cause, .. } => write!(f, "{who} cannot be reached: {cause}")?,
            Error::Lost { cause, .. } => write!(f, "{who} gave no whole answer: {cause}")?,
            Error::Malformed { cause, .. } => {
                write!(f, "{who} gave an answer that is not understood: {cause}")?
            }
        }
        if *attempts > 1 {
            write!(f, " (tried {attempts} times)")?;
        }
        Ok(())
    }
}

/// What a service says about a refusal: text of a bounded length, and the same as JSON if it is that. The
/// credential that was sent is blotted out, should the service repeat it.
#[derive(Debug, Clone, Default)]
pub struct Body {
    text: String,
    json: Option<Value>,
    truncated: bool,
    html: bool,
}

impl Body {
    /// As much of an error's body as is kept.
    pub(crate) const MAX: usize = 64 * 1024;

    pub(crate) fn new(
        bytes: &[u8],
        truncated: bool,
        headers: &HeaderMap,
        redactor: &Redactor,
    ) -> Body {
        let text = redactor.scrub(&String::from_utf8_lossy(bytes)).into_owned();
        let mut json = serde_json::from_slice(bytes).ok();
        if let Some(json) = &mut json {
            redactor.scrub_json(json);
        }
        Body {
            html: is_html(headers, bytes),
            text,
            json,
            truncated,
        }
    }

    /// The text, as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The body as JSON, if it is that.
    pub fn json(&self) -> Option<&Value> {
        self.json.as_ref()
    }

    /// Whether there was more than is kept.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether this is a web page: then it comes from a proxy, or from somebody else altogether.
    pub fn is_html(&self) -> bool {
        self.html
    }

    /// One short line of what the service says, for a sentence. Nothing of a web page.
    pub fn excerpt(&self) -> Option<String> {
        let said = match &self.json {
            Some(json) => [
                "/message",
                "/detail",
                "/error",
                "/title",
                "/error/message",
                "/errors/0/message",
            ]
            .into_iter()
            .find_map(|pointer| {
                json.pointer(pointer)?
                    .as_str()
                    .filter(|said| !said.trim().is_empty())
            })?,
            None if self.html => return None,
            None => &self.text,
        };
        let mut line = String::new();
        for word in said
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            if let Some((end, _)) = line.char_indices().nth(EXCERPT) {
                line.truncate(end);
                line.push('…');
                break;
            }
        }
        (!line.is_empty()).then_some(line)
    }

    fn write_excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.excerpt() {
            Some(said) => write!(f, ": {said}"),
            None if self.html => {
                write!(f, " with a web page, which may come from a proxy before it")
            }
            None => Ok(()),
        }
    }
}

/// Whether this is a web page, by what it is called or by how it begins.
pub(crate) fn is_html(headers: &HeaderMap, bytes: &[u8]) -> bool {
    let named = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    let start = bytes.trim_ascii_start();
    let begins = |with: &[u8]| {
        start
            .get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    named || begins(b"<!doctype") || begins(b"<html")
}
