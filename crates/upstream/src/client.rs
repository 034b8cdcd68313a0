//! The client and its calls.

use std::{
    error::Error as StdError,
    fmt, io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use backon::{BackoffBuilder, ExponentialBuilder};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use sidestage_redact::{Guard, Redactor};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument, Span, debug, debug_span, field::Empty};
use url::{Host, Url};

use crate::{
    answer::Response,
    breaker::{Breaker, Resting},
    error::{Body, Call, Error},
    limits::Limits,
    path,
    resolver::{self, Guarded, is_out_of_bounds},
    retry::{self, Retry, seconds},
};

/// How a connection calls its service. Make one with [`Settings::new`] and change what should differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The connection's name, as it stands in sentences.
    pub name: String,
    /// Where the service is. A path in it comes before that of every call.
    pub base_url: Url,
    /// What the service knows us by.
    pub credential: Credential,
    /// How long one try of a reading call may take, from sending to the end of the answer. 15 s.
    pub call_timeout: Duration,
    /// The same for a writing call. 60 s: giving up early on a change only makes its outcome unknown.
    pub write_timeout: Duration,
    /// How long it may take to connect, TLS included. 5 s.
    pub connect_timeout: Duration,
    /// How many times a call may be repeated. 3.
    pub retries: usize,
    /// The first wait before a call is repeated; each further one is twice as long, at most
    /// [`backoff_max`](Self::backoff_max). To each up to its own length is added by chance. 200 ms.
    pub backoff: Duration,
    /// The longest wait that is our own choice; a service may ask for more. 5 s.
    pub backoff_max: Duration,
    /// How many calls may be under way at once. 16.
    pub max_concurrent: usize,
    /// How many calls a minute the service takes; a sixth of them may come at once. None: any number.
    pub per_minute: Option<u32>,
    /// How many calls in a row may fail before the service is left alone. 5.
    pub break_after: u32,
    /// For how long it is left alone. 10 s.
    pub break_for: Duration,
    /// The largest answer that is read, in bytes. 4 MiB.
    pub max_body: usize,
    /// What we call ourselves.
    pub user_agent: String,
}

impl Settings {
    /// The usual settings for a connection.
    pub fn new(name: impl Into<String>, base_url: Url, credential: Credential) -> Settings {
        Settings {
            name: name.into(),
            base_url,
            credential,
            call_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            retries: 3,
            backoff: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
            max_concurrent: 16,
            per_minute: None,
            break_after: 5,
            break_for: Duration::from_secs(10),
            max_body: 4 * 1024 * 1024,
            user_agent: concat!("sidestage/", env!("CARGO_PKG_VERSION")).into(),
        }
    }
}

/// What a service knows us by.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing.
    None,
    /// `Authorization: Bearer …`
    Bearer(SecretString),
    /// A header of the service's own.
    Header {
        /// The header.
        name: HeaderName,
        /// Its whole value.
        value: SecretString,
    },
    /// `Authorization: Basic …`
    Basic {
        /// The user.
        user: String,
        /// The password, or a token in its place.
        password: SecretString,
    },
}

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address is not one that can be called.
    #[error("the url of the connection {connection} {cause}")]
    Url {
        /// The connection's name.
        connection: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The credential cannot be sent in a header.
    #[error(
        "the credential of the connection {connection} holds a character that cannot be sent, such as a line break"
    )]
    Credential {
        /// The connection's name.
        connection: String,
    },
    /// Another setting cannot be used, or the machine's root certificates cannot be read.
    #[error("no HTTP client can be made for the connection {connection}: {cause}")]
    Client {
        /// The connection's name.
        connection: String,
        /// What is wrong.
        cause: String,
    },
}

/// The HTTP client of one connection. Clones are cheap and share the limits.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
    auth: Arc<Auth>,
    observer: Option<Observer>,
    waiting: Option<Arc<watch::Sender<usize>>>,
}

/// A call that waits.
struct Waits<'a>(&'a watch::Sender<usize>);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

type Observer = Arc<dyn Fn(&Retry) + Send + Sync>;

/// What the JSON of a 2xx says came of the call, as the status that another service would have answered, with how long it
/// asks to wait. None: what the 2xx says.
pub type Judge = fn(&Value) -> Option<(StatusCode, Option<Duration>)>;

struct Shared {
    name: Arc<str>,
    host: Arc<str>,
    settings: Settings,
    client: reqwest::Client,
    limits: Limits,
}

/// A credential, made ready.
struct Auth {
    header: Option<(HeaderName, HeaderValue)>,
    redactor: Redactor,
}

impl Auth {
    fn new(credential: &Credential) -> Result<Auth, header::InvalidHeaderValue> {
        let redactor = Redactor::new();
        let sensitive = |name: &HeaderName, value: &str, secret: &SecretString| {
            redactor.add(secret).keep();
            let mut value = HeaderValue::from_str(value)?;
            value.set_sensitive(true);
            Ok(Some((name.clone(), value)))
        };
        let header = match credential {
            Credential::None => None,
            Credential::Bearer(token) => sensitive(
                &header::AUTHORIZATION,
                &format!("Bearer {}", token.expose_secret()),
                token,
            )?,
            Credential::Header { name, value } => sensitive(name, value.expose_secret(), value)?,
            Credential::Basic { user, password } => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                sensitive(&header::AUTHORIZATION, &format!("Basic {pair}"), password)?
            }
        };
        Ok(Auth { header, redactor })
    }
}

impl Upstream {
    /// Makes the client of a connection. Nothing is called yet.
    pub fn new(settings: Settings) -> Result<Upstream, BuildError> {
        let connection = || settings.name.clone();
        let url = |cause| BuildError::Url {
            connection: connection(),
            cause,
        };
        let base = &settings.base_url;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(url("must begin with http:// or https://"));
        }
        let Some(host) = base.host_str().filter(|host| !host.is_empty()) else {
            return Err(url("names no host"));
        };
        let literal = match base.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            Some(Host::Domain(_)) | None => None,
        };
        if literal.is_some_and(is_out_of_bounds) {
            return Err(url(
                "names no address of a service: link-local, multicast, unspecified, or a cloud's metadata",
            ));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(url(
                "must not hold a user or a password; use the credential",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(url("must have nothing after its path (no ? and no #)"));
        }
        let host = match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let auth = Auth::new(&settings.credential).map_err(|_| BuildError::Credential {
            connection: connection(),
        })?;
        let builder = reqwest::Client::builder();
        let builder = match base.scheme() {
            // The machine's certificates take long to read, and a client that follows no redirect needs none here.
            "http" => builder.tls_certs_only([]),
            _ => builder,
        };
        let client = builder
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(resolver::machine)))
            .referer(false)
            // Shorter than the five seconds after which a Node server hangs up: a change sent over a
            // connection that is just being closed is a change whose outcome is not known.
            .pool_idle_timeout(Duration::from_secs(4))
            .build()
            .map_err(|error| BuildError::Client {
                connection: connection(),
                cause: deepest(&error.without_url()),
            })?;
        Ok(Upstream {
            shared: Arc::new(Shared {
                name: settings.name.as_str().into(),
                host: host.into(),
                limits: Limits::new(
                    settings.max_concurrent,
                    settings.per_minute,
                    Breaker::new(settings.break_after, settings.break_for),
                ),
                settings,
                client,
            }),
            auth: Arc::new(auth),
            observer: None,
            waiting: None,
        })
    }

    /// The same client, sharing its limits, with another credential: say a token that a template gives.
    pub fn with_credential(&self, credential: &Credential) -> Result<Upstream, BuildError> {
        let auth = Auth::new(credential).map_err(|_| BuildError::Credential {
            connection: self.shared.settings.name.clone(),
        })?;
        Ok(Upstream {
            auth: Arc::new(auth),
            ..self.clone()
        })
    }

    /// The same client, sharing its limits, which tells the observer before it waits to repeat a call.
    pub fn with_observer(&self, observer: impl Fn(&Retry) + Send + Sync + 'static) -> Upstream {
        Upstream {
            observer: Some(Arc::new(observer)),
            ..self.clone()
        }
    }

    /// The same client, sharing its limits, which keeps count of its calls that wait for their place, or to be repeated:
    /// nothing was changed by them, and nothing is if they are dropped.
    pub fn with_waiting(&self, waiting: Arc<watch::Sender<usize>>) -> Upstream {
        Upstream {
            waiting: Some(waiting),
            ..self.clone()
        }
    }

    /// Counts a call that waits, as long as this is held.
    fn waits(&self) -> Option<Waits<'_>> {
        let waiting = self.waiting.as_deref()?;
        waiting.send_modify(|calls| *calls += 1);
        Some(Waits(waiting))
    }

    /// The connection's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where the service is.
    pub fn base_url(&self) -> &Url {
        &self.shared.settings.base_url
    }

    /// A reading call: see [`request`](Self::request).
    pub fn get(&self, path: impl AsRef<str>, values: &[&str]) -> Request {
        self.request(Method::GET, path, values)
    }

    /// A call that creates or does something: see [`request`](Self::request).
    pub fn post(&self, path: impl AsRef<str>, values: &[&str]) -> Request {
        self.request(Method::POST, path, values)
    }

    /// A call that puts something in its place: see [`request`](Self::request).
    pub fn put(&self, path: impl AsRef<str>, values: &[&str]) -> Request {
        self.request(Method::PUT, path, values)
    }

    /// A call that changes something: see [`request`](Self::request).
    pub fn patch(&self, path: impl AsRef<str>, values: &[&str]) -> Request {
        self.request(Method::PATCH, path, values)
    }

    /// A call that deletes something: see [`request`](Self::request).
    pub fn delete(&self, path: impl AsRef<str>, values: &[&str]) -> Request {
        self.request(Method::DELETE, path, values)
    }

    /// A call. The path is a template, `/api/v2/users/{user}/workspaces`, and each of its placeholders takes
    /// the next of `values`, percent-encoded: whatever a value holds, the path stays the one that was
    /// written (an empty value, `.` and `..` are refused). The template is what traces show.
    pub fn request(&self, method: Method, path: impl AsRef<str>, values: &[&str]) -> Request {
        let template = path.as_ref();
        let mut url = self.base_url().clone();
        let mut problem = None;
        match path::fill(template, values) {
            Ok(path) => {
                let path = format!("{}{path}", url.path().trim_end_matches('/'));
                url.set_path(&path);
            }
            Err(cause) => problem = Some(cause),
        }
        let call = Call {
            connection: self.shared.name.clone(),
            host: self.shared.host.clone(),
            reading: method.is_safe(),
            method,
            path: template.into(),
            attempts: 0,
        };
        Request {
            upstream: self.clone(),
            call,
            url,
            headers: HeaderMap::new(),
            body: None,
            timeout: None,
            problem,
            judge: None,
            secrets: Vec::new(),
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

/// A call that is being put together. Nothing happens before [`send`](Request::send).
#[must_use = "a call does nothing until it is sent"]
pub struct Request {
    upstream: Upstream,
    call: Call,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    timeout: Option<Duration>,
    problem: Option<String>,
    judge: Option<Judge>,
    /// Held as long as the call.
    secrets: Vec<Guard>,
}

impl Request {
    /// Adds one pair to the query.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Request {
        self.url
            .query_pairs_mut()
            .append_pair(name, &value.to_string());
        self
    }

    /// Sets a header. The credential's own header cannot be overwritten.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Request {
        self.headers.insert(name, value);
        self
    }

    /// Sets the body.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Request {
        match serde_json::to_vec(body) {
            Ok(body) => {
                self.headers.insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                self.body = Some(body.into());
            }
            Err(_) => self.problem = Some("its body cannot be written as JSON".into()),
        }
        self
    }

    /// Says that this value in the call, a new password say, is a secret: it is blotted out, as the credential is,
    /// should the service repeat it.
    pub fn secret(mut self, secret: &SecretString) -> Request {
        self.secrets.push(self.upstream.auth.redactor.add(secret));
        self
    }

    /// Another bound on one try of this call than the connection's.
    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = Some(timeout);
        self
    }

    /// Says that this call only reads, whatever its method: a GraphQL query, a search by POST. It is then
    /// repeated as a GET is.
    pub fn reading(mut self) -> Request {
        self.call.reading = true;
        self
    }

    /// Says what a 2xx really means, for a service that answers so whatever came of the call, as GraphQL does. What is
    /// judged to be a refusal or a failure is treated as that status would be: repeated, counted, explained.
    pub fn judged_by(mut self, judge: Judge) -> Request {
        self.judge = Some(judge);
        self
    }

    /// Sends the call, and repeats it as far as that is safe (see the [crate's documentation](crate)).
    /// `Ok` is a 2xx, read to its end. Dropping the future ends the call; whether a change that was under
    /// way was made is then not known.
    pub async fn send(mut self) -> Result<Response, Error> {
        if let Some(cause) = self.problem.take() {
            return Err(Error::Invalid {
                call: Box::new(self.call),
                cause,
            });
        }
        let settings = &self.upstream.shared.settings;
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(settings.backoff)
            .with_max_delay(settings.backoff_max)
            .with_max_times(settings.retries)
            .with_jitter()
            .build();
        loop {
            self.call.attempts += 1;
            let error = match self.attempt().await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let Some(wait) = retry::wait(&error, &mut delays) else {
                return Err(error);
            };
            let retry = Retry::new(&error, wait);
            debug!(%error, "{retry}");
            if let Some(observer) = &self.upstream.observer {
                observer(&retry);
            }
            let waits = self.upstream.waits();
            sleep(wait).await;
            drop(waits);
        }
    }

    /// Tries once.
    async fn attempt(&self) -> Result<Response, Error> {
        let Call {
            connection,
            method,
            path,
            attempts,
            reading,
            ..
        } = &self.call;
        let settings = &self.upstream.shared.settings;
        let usual = if *reading {
            settings.call_timeout
        } else {
            settings.write_timeout
        };
        let bound = self.timeout.unwrap_or(usual);
        let waits = self.upstream.waits();
        let place = self.upstream.shared.limits.enter().await;
        drop(waits);
        let place = match place {
            Ok(place) => place,
            Err(Resting { cause, wait }) => {
                return Err(Error::NotSent {
                    call: self.call(),
                    cause,
                    transient: false,
                    wait: Some(wait),
                });
            }
        };
        let span = debug_span!(
            "upstream_call",
            %connection, %method, %path, attempt = attempts, status = Empty, elapsed_ms = Empty
        );
        let record = span.clone();
        let started = Instant::now();
        let result = timeout(bound, self.exchange())
            .instrument(span)
            .await
            .unwrap_or_else(|_| {
                let cause = format!("none within {}", seconds(bound));
                Err(Error::Lost {
                    call: self.call(),
                    cause,
                })
            });
        record.record("elapsed_ms", started.elapsed().as_millis() as u64);
        match &result {
            Err(error) if error.is_service_unwell() => place.passage.unwell(|| error.why()),
            // What cannot be called says nothing of the service.
            Err(Error::Invalid { .. }) => {}
            _ => place.passage.well(),
        }
        result
    }

    /// One request and its answer.
    async fn exchange(&self) -> Result<Response, Error> {
        let mut request = reqwest::Request::new(self.call.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        headers
            .entry(header::ACCEPT)
            .or_insert(HeaderValue::from_static("application/json"));
        if let Some((name, value)) = &self.upstream.auth.header {
            headers.insert(name, value.clone());
        }
        *request.body_mut() = self.body.clone().map(Into::into);

        let mut answer = self
            .upstream
            .shared
            .client
            .execute(request)
            .await
            .map_err(|error| self.failed(error))?;
        let status = answer.status();
        Span::current().record("status", status.as_u16());

        if status.is_client_error() || status.is_server_error() {
            let (bytes, truncated) = read_some(&mut answer, Body::MAX).await;
            let headers = answer.headers();
            let retry_after = retry::retry_after(status, headers, SystemTime::now());
            return Err(self.turned_down(status, &bytes, truncated, headers, retry_after));
        }
        if !status.is_success() {
            let cause = match self.redirect(answer.headers()) {
                Some(target) => format!(
                    "it points to {target} ({status}), and redirects are not followed; is the url of the connection right?"
                ),
                None => format!("its status is {status}"),
            };
            return Err(self.malformed(Some(status), cause));
        }

        let max = self.upstream.shared.settings.max_body;
        let mut body =
            Vec::with_capacity(answer.content_length().unwrap_or(0).min(max as u64) as usize);
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > max {
                let cause = format!("it is larger than {max} bytes");
                return Err(self.malformed(Some(status), cause));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(answer.headers_mut());
        let judged = self
            .judge
            .and_then(|judge| judge(&serde_json::from_slice(&body).ok()?));
        if let Some((status, retry_after)) = judged {
            let some = &body[..body.len().min(Body::MAX)];
            let truncated = some.len() < body.len();
            return Err(self.turned_down(status, some, truncated, &headers, retry_after));
        }
        Ok(Response {
            call: self.call(),
            status,
            headers,
            body: body.into(),
        })
    }

    /// A refusal, or a failure of the service.
    fn turned_down(
        &self,
        status: StatusCode,
        body: &[u8],
        truncated: bool,
        headers: &HeaderMap,
        retry_after: Option<Duration>,
    ) -> Error {
        let body = Box::new(Body::new(
            body,
            truncated,
            headers,
            &self.upstream.auth.redactor,
        ));
        let call = self.call();
        if status.is_client_error() {
            Error::Refused {
                call,
                status,
                body,
                retry_after,
            }
        } else {
            Error::Unwell {
                call,
                status,
                body,
                retry_after,
            }
        }
    }

    /// Why there is no answer, or no whole one.
    fn failed(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let cause = deepest(&error);
        let call = self.call();
        if error.is_builder() {
            Error::Invalid { call, cause }
        } else if error.is_connect() {
            // What rustls does not accept will not be accepted a moment later.
            let tls = causes(&error).any(|cause| {
                cause
                    .downcast_ref::<io::Error>()
                    .is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
            });
            let cause = if error.is_timeout() {
                let bound = self.upstream.shared.settings.connect_timeout;
                format!("no connection within {}", seconds(bound))
            } else {
                cause
            };
            Error::NotSent {
                call,
                cause,
                transient: !tls,
                wait: None,
            }
        } else if causes(&error)
            .any(|cause| cause.downcast_ref().is_some_and(hyper::Error::is_parse))
        {
            self.malformed(None, format!("it is not HTTP ({cause})"))
        } else {
            Error::Lost { call, cause }
        }
    }

    fn malformed(&self, status: Option<StatusCode>, cause: String) -> Error {
        Error::Malformed {
            call: self.call(),
            status,
            cause,
        }
    }

    /// Where a redirect leads, without its query.
    fn redirect(&self, headers: &HeaderMap) -> Option<Url> {
        let mut target = self
            .url
            .join(headers.get(header::LOCATION)?.to_str().ok()?)
            .ok()?;
        target.set_query(None);
        target.set_fragment(None);
        target.set_username("").ok()?;
        target.set_password(None).ok()?;
        Some(target)
    }

    fn call(&self) -> Box<Call> {
        Box::new(self.call.clone())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

/// As much of the body as there is, up to a bound, and whether there was more. A body that breaks off
/// does not matter here: the status has been given.
async fn read_some(answer: &mut reqwest::Response, max: usize) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max => {
                body.extend_from_slice(&chunk[..max - body.len()]);
                return (body, true);
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return (body, false),
            Err(_) => return (body, true),
        }
    }
}

/// The error and what is behind it. An `io::Error` passes over the error that it wraps; this does not.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        wrapped
            .map(|wrapped| wrapped as _)
            .or_else(|| error.source())
    })
}

/// The first cause, which says what happened; the errors around it only say where.
fn deepest(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}
