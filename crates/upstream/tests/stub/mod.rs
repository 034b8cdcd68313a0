//! A service that misbehaves to order: one raw TCP connection per request.

// Not every test file uses everything.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sidestage_upstream::{Credential, Settings, Upstream, Url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Barrier, watch},
};

/// What the stub does with a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Hangs up without having read anything.
    HangUpUnread,
    /// Says this before it has read anything, and hangs up.
    Greet(String),
    /// Reads the request, and hangs up.
    HangUp,
    /// Answers with these bytes and hangs up.
    Say(String),
    /// Says this much, and nothing more, for ever.
    Stall(String),
    /// Answers only when another request has come to the same barrier.
    Meet(Arc<Barrier>),
}

/// A whole answer with a status line, headers and a body.
pub(crate) fn say(status: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Say(format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

pub(crate) fn ok() -> Step {
    say(
        "200 OK",
        "content-type: application/json\r\n",
        r#"{"id":7}"#,
    )
}

pub(crate) struct Stub {
    pub(crate) url: Url,
    requests: watch::Sender<Vec<String>>,
    most: Arc<AtomicUsize>,
}

impl Stub {
    /// Takes the steps one by one, and the last one for ever.
    pub(crate) async fn start(steps: impl IntoIterator<Item = Step>) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let stub = Stub {
            url,
            requests: watch::Sender::default(),
            most: Arc::default(),
        };
        let (requests, most, now) = (
            stub.requests.clone(),
            stub.most.clone(),
            Arc::new(AtomicUsize::new(0)),
        );
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let step = if steps.len() > 1 {
                    steps.pop_front()
                } else {
                    steps.front().cloned()
                }
                .unwrap();
                let (requests, most, now) = (requests.clone(), most.clone(), now.clone());
                tokio::spawn(async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    if let Step::HangUpUnread = step {
                        requests.send_modify(|all| all.push("(unread)".into()));
                        return;
                    }
                    if let Step::Greet(greeting) = step {
                        requests.send_modify(|all| all.push("(unread)".into()));
                        let _ = socket.write_all(greeting.as_bytes()).await;
                        let _ = read(&mut socket).await;
                        return;
                    }
                    let request = read(&mut socket).await;
                    requests.send_modify(|all| all.push(request));
                    let answer = match step {
                        Step::Say(answer) => answer,
                        Step::Stall(answer) => {
                            let _ = socket.write_all(answer.as_bytes()).await;
                            std::future::pending().await
                        }
                        Step::Meet(barrier) => {
                            barrier.wait().await;
                            let Step::Say(answer) = ok() else {
                                unreachable!()
                            };
                            answer
                        }
                        Step::HangUp | Step::HangUpUnread | Step::Greet(_) => return,
                    };
                    now.fetch_sub(1, Ordering::SeqCst);
                    let _ = socket.write_all(answer.as_bytes()).await;
                    let _ = socket.shutdown().await;
                });
            }
        });
        stub
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.borrow().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests().len()
    }

    /// Waits until so many requests have been read.
    pub(crate) async fn arrived(&self, count: usize) {
        let mut requests = self.requests.subscribe();
        requests.wait_for(|all| all.len() >= count).await.unwrap();
    }

    /// The most requests that were under way at once.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub(crate) fn settings(&self) -> Settings {
        settings(self.url.clone())
    }

    pub(crate) fn upstream(&self) -> Upstream {
        Upstream::new(self.settings()).unwrap()
    }
}

/// Settings that do not make a test wait.
pub(crate) fn settings(url: Url) -> Settings {
    let mut settings = Settings::new("coder", url, Credential::Bearer("hunter2-secret".into()));
    settings.backoff = Duration::from_millis(1);
    settings.backoff_max = Duration::from_millis(1);
    settings
}

async fn read(socket: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => request.extend_from_slice(&chunk[..count]),
        }
    }
}
