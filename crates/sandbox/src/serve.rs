//! Serving on a socket, with the power to close a connection without an answer.

use std::{convert::Infallible, io};

use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::Url;

use crate::{Sandbox, faults::Dropped};

/// A sandbox that listens. Stops when it is dropped.
pub struct Running {
    /// Where it listens, with a slash at the end.
    pub url: Url,
    sandbox: Sandbox,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn new(sandbox: Sandbox, listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("a listener has an address");
        let url = Url::parse(&format!("http://{address}/")).expect("an address makes a URL");
        sandbox.set_url(&format!("http://{address}"));
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(sandbox.clone(), listener, stop.clone()));
        Running {
            url,
            sandbox,
            stop,
            task,
        }
    }

    /// The sandbox that listens.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Stops listening.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // The task ends by itself; that it was aborted would be no news here.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(sandbox: Sandbox, listener: TcpListener, stop: CancellationToken) {
    let router = sandbox.router();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let router = router.clone();
                async move {
                    let response = router
                        .oneshot(request.map(Body::new))
                        .await
                        .unwrap_or_else(|never: Infallible| match never {});
                    // An error here makes hyper close the connection without a byte.
                    match response.extensions().get::<Dropped>() {
                        Some(Dropped) => Err(io::Error::other("a fault drops this connection")),
                        None => Ok(response),
                    }
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // A dropped connection is an error, and meant.
                _ = connection => {}
                () = stop.cancelled() => {}
            }
        });
    }
}
