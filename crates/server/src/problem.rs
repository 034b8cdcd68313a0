//! How an error leaves by a door. One table decides the HTTP status; one place renders the body.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use hyper::ext::ReasonPhrase;
use serde::Serialize;
use sidestage_action::{Code, Error, FieldError};
use sidestage_redact::Redactor;
use sidestage_runs::Failure;
use utoipa::ToSchema;

/// The HTTP status of each class of error.
fn status(code: Code) -> StatusCode {
    match code {
        Code::InvalidInput => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        // nginx's "client closed request": there is no registered status for it.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::CONFLICT),
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::UpstreamRejected | Code::OutcomeUnknown => StatusCode::BAD_GATEWAY,
        Code::UpstreamUnavailable | Code::StillRunning => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Client Closed Request")
}

/// An error as the doors show it: RFC 9457 problem details on `/v1`, Backstage's error body on door 1.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:sidestage:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable name of the class of error.
    pub code: String,
    /// A sentence to act on.
    pub detail: String,
    /// JSON pointer to the field at fault, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The fields at fault, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub errors: Vec<FieldError>,
    /// Whether the same request can succeed later without a change.
    pub retryable: bool,
    /// Seconds to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The request's id, under which the log has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A refusal by HTTP itself: an unknown route, a wrong method, a body that is too large.
    pub fn http(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Problem {
            kind: format!("urn:sidestage:problem:{code}"),
            title: title(status).into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            field: None,
            errors: Vec::new(),
            retryable: false,
            retry_after: None,
            request_id: None,
        }
    }

    /// Takes known secrets out of what it says.
    pub(crate) fn scrub(&mut self, redactor: &Redactor) {
        let fields = self.errors.iter_mut();
        let fields = fields.flat_map(|error| [&mut error.field, &mut error.detail]);
        let texts = [&mut self.detail].into_iter().chain(&mut self.field);
        for text in texts.chain(fields) {
            if let Cow::Owned(scrubbed) = redactor.scrub(text) {
                *text = scrubbed;
            }
        }
    }

    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer of `/v1`.
    pub(crate) fn render(&self) -> Response {
        let body = serde_json::to_vec(self).unwrap_or_default();
        self.answer("application/problem+json", body)
    }

    /// The answer of door 1: Backstage's body, and the sentence in the reason phrase, which is all that
    /// its task log shows (`ResponseError.fromResponse` in `@backstage/errors` 1.3).
    pub(crate) fn render_for_backstage(&self, method: &str, url: &str) -> Response {
        let body = serde_json::json!({
            "error": {
                "name": backstage_name(self.status),
                "message": self.detail,
                "code": self.code,
                "requestId": self.request_id,
            },
            "request": { "method": method, "url": url },
            "response": { "statusCode": self.status },
        });
        let mut response = self.answer("application/json", body.to_string().into_bytes());
        if let Ok(reason) = ReasonPhrase::try_from(reason_phrase(&self.in_words()).into_bytes()) {
            response.extensions_mut().insert(reason);
        }
        response
    }

    /// The sentence, with the request's id where that is what to look for in the log.
    fn in_words(&self) -> Cow<'_, str> {
        match &self.request_id {
            Some(id) if matches!(self.status, 401 | 500) => {
                format!("{} (request {id})", self.detail).into()
            }
            _ => (&*self.detail).into(),
        }
    }

    fn answer(&self, content_type: &'static str, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status_code();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The classes of `@backstage/errors`; only these are shown by its MCP server.
fn backstage_name(status: u16) -> &'static str {
    match status {
        400 | 413 | 422 => "InputError",
        401 => "AuthenticationError",
        403 => "NotAllowedError",
        404 | 405 => "NotFoundError",
        409 => "ConflictError",
        429 | 502 | 503 | 504 => "ServiceUnavailableError",
        _ => "Error",
    }
}

/// The longest reason phrase, in bytes.
const LONGEST_REASON: usize = 300;

/// A sentence as a reason phrase: one line of printable ASCII, not too long.
fn reason_phrase(sentence: &str) -> String {
    let mut line = String::with_capacity(sentence.len());
    for char in sentence.chars() {
        match char {
            ' '..='~' => line.push(char),
            '\u{2018}' | '\u{2019}' => line.push('\''),
            '\u{201c}' | '\u{201d}' => line.push('"'),
            '\u{2013}' | '\u{2014}' => line.push('-'),
            '\u{2026}' => line.push_str("..."),
            _ if char.is_whitespace() || char.is_control() => line.push(' '),
            _ => line.push('?'),
        }
    }
    if line.len() > LONGEST_REASON {
        line.truncate(LONGEST_REASON);
        line.truncate(line.rfind(' ').unwrap_or(LONGEST_REASON));
        line.push_str(" ...");
    }
    line
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        let status = status(failure.code);
        let mut problem = Problem::http(status, failure.code.as_str(), failure.message.clone());
        problem.retryable = failure.retryable;
        problem.retry_after = failure.retry_after.map(whole_seconds);
        match &failure.fields[..] {
            [one] => problem.field = Some(one.field.clone()),
            several => problem.errors = several.to_vec(),
        }
        problem
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Some(cause) = std::error::Error::source(&error) {
            tracing::warn!(code = %error.code(), %cause, "{error}");
        }
        Problem::from(&Failure::from(&error))
    }
}

/// The problem travels as an extension; [`crate::app`] renders it for the door by which it leaves.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status_code().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_phrase_is_one_line_of_printable_ascii() {
        assert_eq!(reason_phrase("no\r\nSet-Cookie: x"), "no  Set-Cookie: x");
        assert_eq!(reason_phrase("“Jörg” – gone…"), "\"J?rg\" - gone...");
    }

    #[test]
    fn a_long_reason_phrase_is_cut_between_words() {
        let cut = reason_phrase(&"word ".repeat(100));
        assert!(
            cut.len() <= LONGEST_REASON + 4 && cut.ends_with("word ..."),
            "{cut}"
        );
    }

    #[test]
    fn every_class_has_an_error_status() {
        for code in Code::ALL {
            assert!(status(code).as_u16() >= 400, "{code}");
        }
    }
}
