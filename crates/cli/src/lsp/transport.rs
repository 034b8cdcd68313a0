//! Messages over standard input and output.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, BufRead, Read as _, Write as _};
use std::sync::mpsc::Sender;

use lsp_server::{ErrorCode, Message, RequestId, Response};
use serde::Serialize;
use serde_json::json;

use super::Event;

/// Reads messages until the editor goes. What is no message is refused; what cannot be told apart from the next
/// message ends the conversation.
pub(super) fn read(events: &Sender<Event>) {
    let mut input = io::stdin().lock();
    loop {
        let event = match frame(&mut input) {
            Ok(Some(text)) => match serde_json::from_slice(&text) {
                Ok(message) => Event::Message(message),
                Err(error) => {
                    refuse_unread(&error);
                    continue;
                }
            },
            Ok(None) => Event::Closed,
            Err(error) => {
                #[allow(clippy::print_stderr)]
                {
                    eprintln!("sidestage: expected a message of a language client: {error}");
                }
                Event::Closed
            }
        };
        let last = matches!(event, Event::Closed);
        if events.send(event).is_err() || last {
            return;
        }
    }
}

/// The text of the next message; none at the end.
fn frame(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let header = line.split_once(':');
        let (name, value) = header.ok_or_else(|| invalid(format!("`{line}` is no header")))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            length = Some(value.trim().parse().map_err(invalid)?);
        }
    }
    let length: u64 = length.ok_or_else(|| invalid("there is no Content-Length"))?;
    let mut text = Vec::new();
    let read = input.take(length).read_to_end(&mut text)?;
    Ok((read as u64 == length).then_some(text))
}

fn invalid(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Sends a message. Where it does not arrive the editor has gone, and the reader sees that too.
pub(super) fn send(message: impl Into<Message>) {
    let _ = message.into().write(&mut io::stdout().lock());
}

pub(super) fn reply(id: RequestId, result: &impl Serialize) {
    match serde_json::to_value(result) {
        Ok(result) => send(Response::new_ok(id, result)),
        Err(error) => refuse(id, ErrorCode::InternalError, error),
    }
}

pub(super) fn refuse(id: RequestId, code: ErrorCode, why: impl Display) {
    send(Response::new_err(id, code as i32, why.to_string()));
}

/// Refuses what is not JSON, or no message: whose answer this is cannot be told.
fn refuse_unread(error: &serde_json::Error) {
    let code = if error.is_data() {
        ErrorCode::InvalidRequest
    } else {
        ErrorCode::ParseError
    };
    let error = json!({"code": code as i32, "message": error.to_string()});
    let body = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
    let mut out = io::stdout().lock();
    let _ = write!(out, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| out.flush());
}
