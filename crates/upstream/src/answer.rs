//! A whole answer.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::error::{Call, Error, is_html};

/// A successful (2xx) answer, read to its end.
#[derive(Debug)]
pub struct Response {
    pub(crate) call: Box<Call>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    /// The status, a 2xx.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as text; what is not UTF-8 in it is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON. What is not JSON, or has another shape, is [`Error::Malformed`]; the error
    /// names the field and never quotes a value.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let deserializer = &mut serde_json::Deserializer::from_slice(&self.body);
        let cause = match serde_path_to_error::deserialize(&mut *deserializer) {
            Ok(value) => match deserializer.end() {
                Ok(()) => return Ok(value),
                Err(_) => "there is something after the end of its JSON".into(),
            },
            Err(error) => self.describe(&error),
        };
        Err(Error::Malformed {
            call: self.call,
            status: Some(self.status),
            cause,
        })
    }

    fn describe(&self, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
        if self.body.trim_ascii().is_empty() {
            return format!("it is empty ({})", self.status);
        }
        if is_html(&self.headers, &self.body) {
            return "it is a web page and not JSON; is the address of the connection that of the API?".into();
        }
        let inner = error.inner();
        match inner.classify() {
            Category::Eof | Category::Io => {
                format!("its JSON is cut off after {} bytes", self.body.len())
            }
            Category::Syntax => {
                format!(
                    "it is not JSON (line {}, column {})",
                    inner.line(),
                    inner.column()
                )
            }
            Category::Data => match error.path().to_string().as_str() {
                "." => shape(&inner.to_string()),
                path => format!("at {path}, {}", shape(&inner.to_string())),
            },
        }
    }
}

/// What serde says about a shape, without the value that it quotes.
fn shape(message: &str) -> String {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    if message.starts_with("missing field") {
        return message.into();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("something other than {expected}"),
        None => "a value that does not fit".into(),
    }
}
