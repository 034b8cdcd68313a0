//! The listener: HTTP/1.1, over TLS where the configuration says so, with bounds on how a request may come in.

use std::{sync::Arc, time::Duration};

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

/// What TLS on the listener needs. Read once: a new certificate is taken at the next start.
pub(crate) fn tls(settings: &config::Tls) -> Result<TlsAcceptor, Error> {
    let refuse = |what: &str, why: &dyn std::fmt::Display| {
        Error(format!("server.tls.{what} cannot be used: {why}"))
    };
    let certificates = |what, path: &str| {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        match read {
            Ok(found) if Vec::is_empty(&found) => Err(refuse(what, &"it holds no certificate")),
            Ok(found) => Ok(found),
            Err(error) => Err(refuse(what, &error)),
        }
    };
    let chain = certificates("certificate", &settings.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| refuse("key", &error))?;
    let builder = ServerConfig::builder();
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("clientCa", path)? {
                roots
                    .add(certificate)
                    .map_err(|error| refuse("clientCa", &error))?;
            }
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| refuse("clientCa", &error))?)
        }
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| refuse("certificate", &error))?;
    // A refusal's sentence travels in the reason phrase, which HTTP/2 has not.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Answers requests until `stop`, then until the last of them has its answer.
pub(crate) async fn answer(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, say: that passes.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = Extension(Peer(peer.ip())).layer(router.clone());
        let (tls, watcher) = (tls.clone(), graceful.watcher());
        tokio::spawn(async move {
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
