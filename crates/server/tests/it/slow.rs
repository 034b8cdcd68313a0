//! Clients that take their time. Time is paused once they are connected, and passes when nobody does anything.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    service::{CI_KEY, Service},
    tls::certificate,
};

/// Sends `first`, and from then on a byte every second, for an hour at most. What it is answered before it is cut off,
/// and after how many seconds. None: it is never cut off.
async fn trickle(service: &Service, first: &str) -> Option<(String, u64)> {
    let address = service.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    tokio::time::pause();
    let started = Instant::now();
    let (mut from, mut to) = stream.split();
    let mut answer = Vec::new();
    let send = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            // Who has cut us off does not take it.
            let _ = to.write_all(b"x").await;
        }
    };
    let cut_off = async {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            answer.extend_from_slice(&bytes[..count]);
        }
    };
    let ended = timeout(Duration::from_secs(3600), async {
        tokio::select! {
            () = cut_off => {}
            () = send => {}
        }
    });
    ended.await.ok()?;
    Some((
        String::from_utf8_lossy(&answer).into_owned(),
        started.elapsed().as_secs(),
    ))
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let service = Service::start().await;
    let (answer, after) = trickle(&service, "GET /docs/ HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    assert!((15..20).contains(&after), "{after} s: {answer}");
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused() {
    let service = Service::start().await;
    let head = format!(
        "POST /v1/runs HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {CI_KEY}\r\ncontent-length: 10000\r\n\r\n"
    );
    let (answer, after) = trickle(&service, &head).await.unwrap();
    assert!((30..35).contains(&after), "{after} s: {answer}");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("The body did not come within 30 s."),
        "{answer}"
    );
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "server");
    let path = folder.path().display();
    let service = Service::with(&format!(
        "server: {{tls: {{certificate: '{path}/server.crt', key: '{path}/server.key'}}}}"
    ))
    .await;
    // The beginning of a client's hello, of a length that takes longer than anybody waits.
    let (_, after) = trickle(&service, "\x16\x03\x01\x02\x00\x01\x00\x01\u{7c}\x03\x03")
        .await
        .unwrap();
    assert!((15..20).contains(&after), "{after} s");
}
