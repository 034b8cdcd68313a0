//! What a call leaves in a trace. Alone in its file: whether a span is recorded is decided once per process.

mod stub;

use std::sync::{Arc, Mutex};

use stub::{Stub, ok, say};

#[test]
fn a_call_leaves_a_span_without_values() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter("sidestage_upstream=debug")
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let upstream = Stub::start([say("503 Busy", "", ""), ok()])
            .await
            .upstream();
        upstream
            .get("/users/{user}", &["anna"])
            .query("q", "anna@example.com")
            .send()
            .await
            .unwrap();
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in [
        "upstream_call",
        "connection=coder",
        "method=GET",
        "path=/users/{user}",
        "status=503",
        "status=200",
        "elapsed_ms=",
        "attempt=2",
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
    assert!(!log.contains("anna") && !log.contains("hunter2"), "{log}");
}
