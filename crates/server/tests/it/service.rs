//! Sidestage in front of the sandbox, on a free port.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sidestage_redact::Redactor;
use sidestage_sandbox::{Options, Running, Sandbox};
use sidestage_server::{Config, auth::TokenHash, build, serve};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{backstage::Backstage, keycloak::Keycloak};

pub const CI_KEY: &str = "ci-key-canary-4711";
pub const NARROW_KEY: &str = "narrow-key-canary-4711";
pub const EXPIRED_KEY: &str = "expired-key-canary-4711";
/// Of somebody who sees everybody's runs.
pub const OPERATOR_KEY: &str = "operator-key-canary-4711";
/// The same, of actions of Gitea alone.
pub const GITEA_OPERATOR_KEY: &str = "operator-of-gitea-canary-4711";

/// Everything that a test needs; ends with it.
pub struct Service {
    pub url: String,
    pub backstage: Backstage,
    pub keycloak: Keycloak,
    pub sandbox: Running,
    pub http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    secrets: tempfile::TempDir,
}

impl Service {
    pub async fn start() -> Self {
        Self::with("").await
    }

    /// With more configuration.
    pub async fn with(more: &str) -> Self {
        crate::log::keep();
        let (backstage, keycloak) = (Backstage::start().await, Keycloak::start().await);
        let sandbox = Sandbox::spawn(Options {
            build: std::time::Duration::from_millis(20),
        })
        .await;
        let secrets = tempfile::tempdir().unwrap();
        let token = |service: &str| {
            let path = secrets.path().join(service);
            let token = sandbox.sandbox().tokens(service).unwrap().administrator;
            std::fs::write(&path, token).unwrap();
            format!("file:{}", path.display())
        };
        let journal = secrets.path().join("journal.db");
        let config = format!(
            "journal: {{url: 'sqlite:{}'}}\nauth:\n  backstage: {{baseUrl: '{}'}}\n\
             \x20 keycloak: {{issuer: '{}', clients: [backstage]}}\n  keys:\n\
             \x20 - {{name: ci, hash: '{}', expires: 9999-12-31}}\n\
             \x20 - {{name: narrow, hash: '{}', expires: 9999-12-31, actions: ['gitea:*']}}\n\
             \x20 - {{name: operator, hash: '{}', expires: 9999-12-31, organizations: ['*'], allRuns: true}}\n\
             \x20 - {{name: operator-of-gitea, hash: '{}', expires: 9999-12-31, actions: ['gitea:*'], organizations: ['*'], allRuns: true}}\n\
             \x20 - {{name: of-acme, hash: '{}', expires: 9999-12-31, organizations: [acme-corp]}}\n\
             \x20 - {{name: of-globex, hash: '{}', expires: 9999-12-31, organizations: [globex]}}\n\
             \x20 - {{name: operator-of-globex, hash: '{}', expires: 9999-12-31, organizations: [globex], allRuns: true}}\n\
             \x20 - {{name: expired, hash: '{}', expires: 2026-01-31}}\n\
             audit: {{to: 'file:{}'}}\nconnections:\n  coder: {{provider: coder, url: '{}coder', token: '{}', pollInterval: 10ms}}\n\
             \x20 mattermost: {{provider: mattermost, url: '{}mattermost', token: '{}'}}\n\
             \x20 gitea: {{provider: gitea, url: '{}gitea', token: '{}'}}\n\
             \x20 twenty-acme: {{provider: twenty, url: '{}twenty', token: '{}'}}\n\
             \x20 twenty-globex: {{provider: twenty, url: '{}twenty', token: '{}'}}\n{more}",
            journal.display(),
            backstage.url,
            keycloak.issuer(),
            TokenHash::of(CI_KEY),
            TokenHash::of(NARROW_KEY),
            TokenHash::of(OPERATOR_KEY),
            TokenHash::of(GITEA_OPERATOR_KEY),
            TokenHash::of("key-of-acme-corp"),
            TokenHash::of("key-of-globex"),
            TokenHash::of("operator-of-globex"),
            TokenHash::of(EXPIRED_KEY),
            secrets.path().join("audit.jsonl").display(),
            sandbox.url,
            token("coder"),
            sandbox.url,
            token("mattermost"),
            sandbox.url,
            token("gitea"),
            sandbox.url,
            token("twenty"),
            sandbox.url,
            token("twenty"),
        );
        let config = Config::parse(&config, "test.yaml").unwrap();
        let app = build(&config, &Redactor::new()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let grace = config.server.shutdown_grace.0;
        let task = tokio::spawn(async move {
            serve(app, listener, grace, async {
                stopped.await.unwrap_or_default()
            })
            .await
            .unwrap();
        });
        Service {
            url,
            backstage,
            keycloak,
            sandbox,
            http: reqwest::Client::new(),
            stop: Some(stop),
            task,
            secrets,
        }
    }

    /// The lines of the audit log.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.secrets.path().join("audit.jsonl")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A request without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request by CI.
    pub fn ci(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(CI_KEY)
    }

    /// Starts a run by CI and gives its id.
    pub async fn start_run(&self, input: Value) -> String {
        let body = json!({ "action": "coder:create-workspace", "input": input });
        let response = self
            .ci(Method::POST, "/v1/runs")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        response.json::<Value>().await.unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// All events of a run, as the stream has them, until its end.
    pub async fn follow(
        &self,
        id: &str,
        last_event_id: Option<&str>,
    ) -> Vec<(String, String, Value)> {
        let mut request = self.ci(Method::GET, &format!("/v1/runs/{id}/events"));
        if let Some(last) = last_event_id {
            request = request.header("last-event-id", last);
        }
        events(&request.send().await.unwrap().text().await.unwrap())
    }

    /// Stops it as SIGTERM does, and waits for it.
    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An event stream's events: id, name, data.
pub fn events(text: &str) -> Vec<(String, String, Value)> {
    text.split("\n\n")
        .filter_map(|block| {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(|value| value.trim().to_owned())
            };
            Some((
                field("id:")?,
                field("event:")?,
                serde_json::from_str(&field("data:")?).unwrap(),
            ))
        })
        .collect()
}

/// A workspace of ada's.
pub fn workspace(name: &str) -> Value {
    json!({ "user": "ada", "template": "python", "workspaceName": name })
}

/// Status and JSON body.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await.unwrap()).await
}

pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}
