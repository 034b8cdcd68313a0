//! The wire between a client and a service: it keeps a log of the calls, and breaks the one that a test says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// How long a reading call may take where nothing else is configured.
pub(crate) const READING_TIMEOUT: Duration = Duration::from_secs(15);

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answered with this status and a body that repeats the whole call, secrets included. Not passed on.
    Status(u16),
    /// The same as a web page.
    Html(u16),
    /// Cut before it is passed on.
    ResetBefore,
    /// Passed on; the answer is lost.
    ResetAfter,
    /// Passed on and never answered: [`READING_TIMEOUT`] passes at once, in a runtime of one thread.
    Silence,
    /// Passed on; the answer's JSON is cut in the middle.
    BrokenBody,
}

impl Fault {
    /// Every class of failure but [`Fault::Silence`].
    pub(crate) fn answered() -> Vec<Fault> {
        let statuses = [
            400, 401, 403, 404, 408, 409, 410, 412, 413, 422, 425, 429, 500, 502, 503, 504,
        ];
        let more = [
            Fault::Html(200),
            Fault::Html(404),
            Fault::Html(502),
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::BrokenBody,
        ];
        statuses
            .into_iter()
            .map(Fault::Status)
            .chain(more)
            .collect()
    }
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Its JSON, or null.
    pub(crate) body: Value,
}

#[derive(Clone)]
pub(crate) struct Wire(Arc<Inner>);

struct Inner {
    service: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    fault: Option<(usize, Fault)>,
    rules: Vec<Rule>,
}

/// Calls that are not left to the service as they are.
#[derive(Clone)]
struct Rule {
    method: &'static str,
    path: &'static str,
    what: What,
    /// How many calls it is for.
    times: usize,
}

#[derive(Clone)]
enum What {
    Answer(u16, Value),
    Change(Arc<dyn Fn(&mut Value) + Send + Sync>),
}

impl Rule {
    fn is_for(&self, call: &Call) -> bool {
        let document = call.body["query"].as_str().unwrap_or_default();
        call.method == self.method
            && (call.path.contains(self.path) || document.contains(self.path))
    }
}

impl Wire {
    /// Puts a wire before the service; its URL takes the place of the service's.
    pub(crate) async fn before(service: &Url) -> (Wire, Url) {
        let at = (service.host_str().unwrap(), service.port().unwrap());
        let service_address = tokio::net::lookup_host(at).await.unwrap().next().unwrap();
        let wire = Wire(Arc::new(Inner {
            service: service_address,
            state: Mutex::default(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = service.clone();
        url.set_port(Some(listener.local_addr().unwrap().port()))
            .unwrap();
        let accepting = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = accepting.clone();
                tokio::spawn(async move { wire.carry(client).await });
            }
        });
        (wire, url)
    }

    /// Breaks the `n`-th call, counted from 1 and from the start.
    pub(crate) fn break_call(&self, n: usize, fault: Fault) {
        self.state().fault = Some((n, fault));
    }

    /// From now on calls of this method, whose path or GraphQL document holds this text, are answered with this. Not passed
    /// on.
    /// The latest such rule wins.
    pub(crate) fn answer(
        &self,
        method: &'static str,
        path: &'static str,
        status: u16,
        body: Value,
    ) {
        self.answer_times(usize::MAX, method, path, status, body);
    }

    /// The same for the next few calls.
    pub(crate) fn answer_times(
        &self,
        times: usize,
        method: &'static str,
        path: &'static str,
        status: u16,
        body: Value,
    ) {
        self.state().rules.insert(
            0,
            Rule {
                method,
                path,
                what: What::Answer(status, body),
                times,
            },
        );
    }

    /// From now on the JSON of a good answer to such calls is changed like this.
    pub(crate) fn change(
        &self,
        method: &'static str,
        path: &'static str,
        change: impl Fn(&mut Value) + Send + Sync + 'static,
    ) {
        self.state().rules.push(Rule {
            method,
            path,
            what: What::Change(Arc::new(change)),
            times: usize::MAX,
        });
    }

    /// The service answers as it is again.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.fault = None;
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Those of one method, whose path holds this text.
    pub(crate) fn calls_of(&self, method: &str, path: &str) -> Vec<Call> {
        self.calls()
            .into_iter()
            .filter(|call| call.method == method && call.path.contains(path))
            .collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one call: every call has a connection of its own.
    async fn carry(&self, mut client: TcpStream) -> Option<()> {
        let (head, body) = read_message(&mut client).await?;
        let mut words = head.split(' ');
        let call = Call {
            method: words.next()?.into(),
            path: words.next()?.into(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let (fault, rules) = {
            let mut state = self.state();
            let mut rules = Vec::new();
            for rule in state
                .rules
                .iter_mut()
                .filter(|rule| rule.times > 0 && rule.is_for(&call))
            {
                rule.times -= 1;
                rules.push(rule.clone());
            }
            state.calls.push(call);
            let n = state.calls.len();
            (
                state
                    .fault
                    .filter(|(at, _)| *at == n)
                    .map(|(_, fault)| fault),
                rules,
            )
        };
        for rule in &rules {
            if let What::Answer(status, body) = &rule.what {
                return answer(&mut client, *status, "application/json", &body.to_string()).await;
            }
        }
        match fault {
            Some(Fault::ResetBefore) => return None,
            Some(Fault::Status(status)) => {
                let said = serde_json::json!({"message": format!("broken: {head}"), "detail": String::from_utf8_lossy(&body)});
                return answer(&mut client, status, "application/json", &said.to_string()).await;
            }
            Some(Fault::Html(status)) => {
                return answer(
                    &mut client,
                    status,
                    "text/html",
                    &format!("<!doctype html><p>{head}"),
                )
                .await;
            }
            _ => {}
        }
        let mut service = TcpStream::connect(self.0.service).await.ok()?;
        let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        service.write_all(head.as_bytes()).await.ok()?;
        service.write_all(&body).await.ok()?;
        let (head, mut body) = read_message(&mut service).await?;
        match fault {
            Some(Fault::ResetAfter) => return None,
            Some(Fault::Silence) => {
                tokio::time::pause();
                tokio::time::advance(READING_TIMEOUT).await;
                tokio::time::resume();
                std::future::pending().await
            }
            Some(Fault::BrokenBody) => {
                body.truncate(body.len() / 2);
                let body = String::from_utf8_lossy(&body).into_owned();
                return answer(&mut client, 200, "application/json", &body).await;
            }
            _ => {}
        }
        let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
        if !rules.is_empty() && status < 300 {
            let mut json = serde_json::from_slice(&body).ok()?;
            for rule in &rules {
                if let What::Change(change) = &rule.what {
                    change(&mut json);
                }
            }
            return answer(&mut client, status, "application/json", &json.to_string()).await;
        }
        client.write_all(head.as_bytes()).await.ok()?;
        client.write_all(&body).await.ok()?;
        client.shutdown().await.ok()
    }
}

async fn answer(client: &mut TcpStream, status: u16, of: &str, body: &str) -> Option<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Broken\r\ncontent-type: {of}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.ok()?;
    client.write_all(body.as_bytes()).await.ok()?;
    client.shutdown().await.ok()
}

/// The head of an HTTP/1.1 message, and its body: by its length, or to the end.
async fn read_message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8(bytes).ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let is_request = !head.starts_with("HTTP/");
    let length: Option<usize> = header("content-length")
        .and_then(|length| length.parse().ok())
        .or(is_request.then_some(0));
    while length.is_none_or(|length| body.len() < length) {
        match stream.read(&mut buffer).await.ok()? {
            0 => break,
            read => body.extend_from_slice(&buffer[..read]),
        }
    }
    Some((head, body))
}
