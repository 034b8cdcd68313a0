//! `sidestage lsp`: what `sidestage check` says, in an editor.
//!
//! One thread speaks the protocol and owns all state, so that every change of a text is seen in its order.
//! Whatever takes time runs beside it and comes back as an [`Event`].

mod document;
mod folder;
mod server;
mod show;
mod transport;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use lsp_server::{ErrorCode, Message, Request};
use sidestage_templates::Finding;

use crate::check::settings::Options;
use folder::Contents;
use server::Server;
use transport::{refuse, reply};

/// Serve an editor: a language server on standard input and output
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 after a shutdown, 1 when the editor went away without one.")]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// What editors say to a server that has several ways to talk; there is no other
    #[arg(long, hide = true)]
    stdio: bool,
}

/// What there is to see to.
enum Event {
    /// The editor says something.
    Message(Message),
    /// The editor has gone.
    Closed,
    /// A document was checked.
    Checked(Checked),
    /// A folder was looked through.
    Scanned { root: PathBuf, contents: Contents },
}

/// What came of a check.
struct Checked {
    uri: String,
    /// Which state of which document it is of.
    revision: u64,
    findings: Arc<[Finding]>,
    /// The folders that the document's templates fill in.
    content: Vec<PathBuf>,
}

/// Serves until the editor ends it, and says with which status to exit.
pub(crate) fn run(args: Args) -> ExitCode {
    let (sender, events) = channel();
    let reader = sender.clone();
    thread::spawn(move || transport::read(&reader));
    let mut session = Session {
        options: Some(args.options),
        sender,
        server: None,
        shut_down: false,
    };
    for event in events {
        match (event, &mut session.server) {
            (Event::Message(Message::Notification(notification)), _)
                if notification.method == "exit" =>
            {
                break;
            }
            (Event::Closed, _) => break,
            (Event::Message(Message::Request(request)), _) => session.request(request),
            // Whatever comes before its beginning or after its end is passed over.
            (_, None) => {}
            (_, Some(_)) if session.shut_down => {}
            (Event::Message(Message::Notification(notification)), Some(server)) => {
                server.notification(notification);
            }
            // What the server asks the editor needs no answer.
            (Event::Message(Message::Response(_)), _) => {}
            (Event::Checked(checked), Some(server)) => server.checked(checked),
            (Event::Scanned { root, contents }, Some(server)) => server.scanned(&root, contents),
        }
    }
    if session.shut_down {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A conversation, from `initialize` to `exit`.
struct Session {
    /// For the server, which there is not before it is initialized.
    options: Option<Options>,
    sender: Sender<Event>,
    server: Option<Server>,
    shut_down: bool,
}

impl Session {
    fn request(&mut self, request: Request) {
        let Request { id, method, params } = request;
        match (method.as_str(), &mut self.server) {
            _ if self.shut_down => {
                refuse(id, ErrorCode::InvalidRequest, "the server is shut down");
            }
            ("initialize", None) => match serde_json::from_value(params) {
                Ok(params) => {
                    let options = self.options.take().unwrap_or_default();
                    let (server, result) = Server::new(&params, options, self.sender.clone());
                    self.server = Some(server);
                    reply(id, &result);
                }
                Err(error) => refuse(id, ErrorCode::InvalidParams, error),
            },
            (_, None) => refuse(
                id,
                ErrorCode::ServerNotInitialized,
                "expected `initialize` first",
            ),
            ("initialize", Some(_)) => refuse(
                id,
                ErrorCode::InvalidRequest,
                "the server is initialized already",
            ),
            ("shutdown", Some(_)) => {
                self.shut_down = true;
                reply(id, &());
            }
            (_, Some(server)) => server.request(id, &method, params),
        }
    }
}
