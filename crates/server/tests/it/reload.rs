//! Files that are read again while the service runs.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::service::{Service, workspace};

/// Lets the service look at its files.
pub async fn look() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn policies_hold_as_their_folder_changes_and_broken_ones_never_do() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("own.cedar");
    let service = Service::with(&format!(
        "policy: {{folder: '{}'}}",
        folder.path().display()
    ))
    .await;
    let ask = async || {
        let body =
            json!({"action": "coder:create-workspace", "input": workspace("dev"), "dryRun": true});
        let request = service.ci(Method::POST, "/v1/runs").json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask().await, 201);

    let forbid = "forbid (principal, action == Action::\"coder:create-workspace\", resource);";
    std::fs::write(&policy, forbid).unwrap();
    look().await;
    assert_eq!(ask().await, 403);
    let log = crate::log::taken();
    assert!(
        log.contains("read again what=\"policies\" changed=true"),
        "{log}"
    );

    std::fs::write(
        &policy,
        "forbid (principal, action == Action::\"coder:make\", resource);",
    )
    .unwrap();
    let mut said = 0;
    for _ in 0..3 {
        look().await;
        assert_eq!(ask().await, 403);
        let log = crate::log::taken();
        said += log
            .matches("cannot be used; those before go on holding what=\"policies\"")
            .count();
    }
    assert_eq!(said, 1);

    std::fs::remove_file(&policy).unwrap();
    look().await;
    assert_eq!(ask().await, 201);
}
