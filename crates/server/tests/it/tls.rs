//! TLS on the listener, and clients that have to show a certificate.

use std::path::Path;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client, Identity};
use sidestage_server::Config;

use crate::{
    reload::look,
    service::{CI_KEY, Service},
};

pub fn certificate(folder: &Path, name: &str) -> CertifiedKey<KeyPair> {
    let made = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), made.cert.pem()).unwrap();
    std::fs::write(
        folder.join(format!("{name}.key")),
        made.signing_key.serialize_pem(),
    )
    .unwrap();
    made
}

#[tokio::test]
async fn the_listener_speaks_tls_and_asks_for_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let server = certificate(folder.path(), "server");
    let client = certificate(folder.path(), "client");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let service = Service::with(&format!(
        "server: {{tls: {{certificate: '{}', key: '{}', clientCa: '{}'}}}}",
        file("server.crt"),
        file("server.key"),
        file("client.crt"),
    ))
    .await;
    let url = service.url.replace("http://127.0.0.1", "https://localhost");
    let health = format!("{url}/.backstage/health/v1/readiness");
    let root = Certificate::from_pem(server.cert.pem().as_bytes()).unwrap();
    let trusting = || Client::builder().tls_certs_only([root.clone()]).no_proxy();

    let shown = client.cert.pem() + &client.signing_key.serialize_pem();
    let known = trusting().identity(Identity::from_pem(shown.as_bytes()).unwrap());
    let answer = known.build().unwrap().get(&health).send().await.unwrap();
    assert_eq!(answer.status(), 200);

    let nobody = trusting().build().unwrap().get(&health).send().await;
    assert!(nobody.is_err(), "{nobody:?}");
    let plain = service
        .http
        .get(health.replace("https", "http"))
        .send()
        .await;
    assert!(plain.is_err(), "{plain:?}");
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_who_comes_next_and_nobody_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let old = certificate(folder.path(), "server");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let service = Service::with(&format!(
        "server: {{tls: {{certificate: '{}', key: '{}'}}}}",
        file("server.crt"),
        file("server.key"),
    ))
    .await;
    let url = service.url.replace("http://127.0.0.1", "https://localhost");
    let trusting = |one: &CertifiedKey<KeyPair>| {
        let root = Certificate::from_pem(one.cert.pem().as_bytes()).unwrap();
        Client::builder()
            .tls_certs_only([root])
            .no_proxy()
            .build()
            .unwrap()
    };
    let ask = async |client: &Client| {
        let answer = client
            .get(format!("{url}/v1/runs"))
            .bearer_auth(CI_KEY)
            .send()
            .await;
        answer.map(|answer| answer.status().as_u16())
    };
    let there_before = trusting(&old);
    assert_eq!(ask(&there_before).await.unwrap(), 200);

    // Half of the change: the key is not that of the certificate.
    let new = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(file("server.crt"), new.cert.pem()).unwrap();
    look().await;
    assert_eq!(ask(&trusting(&old)).await.unwrap(), 200);
    let log = crate::log::taken();
    assert!(
        log.contains("cannot be used; those before go on holding what=\"TLS certificates\""),
        "{log}"
    );

    std::fs::write(file("server.key"), new.signing_key.serialize_pem()).unwrap();
    look().await;
    assert_eq!(ask(&trusting(&new)).await.unwrap(), 200);
    assert!(ask(&trusting(&old)).await.is_err());
    // On the connection that it has.
    assert_eq!(ask(&there_before).await.unwrap(), 200);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "server");
    let path = folder.path().display().to_string();
    let refusal = async |certificate: &str, key: &str| {
        let text = format!(
            "journal: {{url: 'sqlite:{path}/journal.db'}}\naudit: {{to: off}}\n\
             server: {{tls: {{certificate: '{path}/{certificate}', key: '{path}/{key}'}}}}"
        );
        let config = Config::parse(&text, "sidestage.yaml").unwrap();
        let refused = sidestage_server::build(&config, &sidestage_redact::Redactor::new()).await;
        refused
            .err()
            .unwrap()
            .to_string()
            .replace(&path, "[folder]")
    };
    let missing = refusal("none.crt", "server.key").await;
    assert!(
        missing.starts_with("server.tls.certificate cannot be used"),
        "{missing}"
    );
    let swapped = refusal("server.key", "server.key").await;
    assert!(
        swapped.starts_with("server.tls.certificate cannot be used"),
        "{swapped}"
    );
    let no_key = refusal("server.crt", "server.crt").await;
    assert!(
        no_key.starts_with("server.tls.key cannot be used"),
        "{no_key}"
    );
}
