//! The listener: HTTP/1.1, over TLS where the configuration says so, with bounds on how a request may come in.

use std::{
    fs,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{Extension, Router, middleware::AddExtension};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};

use tower::Layer;

use crate::{
    auth::Peer,
    config::{self, Error},
};

/// How long a client may take to say its request's head, or to agree on TLS.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// How long connections may take to end, once the runs have.
const LINGER: Duration = Duration::from_secs(2);

/// The largest head of a request, in bytes; a longer one is answered 431.
const LARGEST_HEAD: usize = 64 * 1024;

/// TLS on the listener. Its files are read again when they change; a connection keeps what it began with.
pub(crate) struct Tls {
    settings: config::Tls,
    now: RwLock<(Pem, TlsAcceptor)>,
}

/// The files as they were read.
#[derive(PartialEq)]
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn load(settings: &config::Tls) -> Result<Self, Error> {
        let pem = Pem::read(settings)?;
        let acceptor = pem.acceptor()?;
        Ok(Tls {
            settings: settings.clone(),
            now: RwLock::new((pem, acceptor)),
        })
    }

    /// Reads the files again. Whether they have changed.
    ///
    /// # Errors
    /// What is wrong with them; what was read before goes on to be used.
    pub(crate) fn reload(&self) -> Result<bool, Error> {
        let pem = Pem::read(&self.settings)?;
        if self.now.read().unwrap_or_else(PoisonError::into_inner).0 == pem {
            return Ok(false);
        }
        let acceptor = pem.acceptor()?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = (pem, acceptor);
        Ok(true)
    }

    /// How the next connection is taken in.
    fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.1.clone()
    }
}

impl Pem {
    fn read(settings: &config::Tls) -> Result<Self, Error> {
        let read = |what, path: &String| fs::read(path).map_err(|error| refuse(what, &error));
        let client_ca = settings.client_ca.as_ref();
        Ok(Pem {
            certificate: read("certificate", &settings.certificate)?,
            key: read("key", &settings.key)?,
            client_ca: client_ca.map(|path| read("clientCa", path)).transpose()?,
        })
    }

    fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let chain = certificates("certificate", &self.certificate)?;
        let key =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| refuse("key", &error))?;
        let builder = ServerConfig::builder();
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates("clientCa", pem)? {
                    roots
                        .add(certificate)
                        .map_err(|error| refuse("clientCa", &error))?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| refuse("clientCa", &error))?,
                )
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| refuse("certificate", &error))?;
        // A refusal's sentence travels in the reason phrase, which HTTP/2 has not.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn refuse(what: &str, why: &dyn std::fmt::Display) -> Error {
    Error(format!("server.tls.{what} cannot be used: {why}"))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if found.is_empty() => Err(refuse(what, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(refuse(what, &error)),
    }
}

/// Answers requests until `stop`, then until the last of them has its answer. `most` connections may be open at once;
/// further ones wait for their turn where the system keeps them.
pub(crate) async fn answer(
    listener: TcpListener,
    most: NonZeroU32,
    tls: Option<Arc<Tls>>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(most.get() as usize));
    tokio::pin!(stop);
    loop {
        let accepted = async {
            if places.available_permits() == 0 {
                tracing::warn!(
                    most,
                    "as many connections are open as server.connections allows"
                );
            }
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let (place, (stream, peer)) = match accepted {
            (place, Ok(accepted)) => (place, accepted),
            (_, Err(error)) => {
                // Out of file descriptors, say: that passes.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // An event is small, and waited for: it is not held back until the one before it is acknowledged.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection has gone");
        }
        let service = Extension(Peer(peer.ip())).layer(router.clone());
        let tls = tls.as_ref().map(|tls| tls.acceptor());
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None => serve(stream, service, watcher).await,
                Some(tls) => match timeout(HEAD_TIME, tls.accept(stream)).await {
                    Ok(Ok(stream)) => serve(stream, service, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%error, "no agreement on TLS"),
                    Err(_) => tracing::debug!("no agreement on TLS in time"),
                },
            }
        });
    }
    drop(listener);
    if timeout(LINGER, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopping; some connections do not end, and are cut off");
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: AddExtension<Router, Peer>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
