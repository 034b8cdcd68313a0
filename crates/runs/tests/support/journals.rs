//! A journal of each kind, fresh for each test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, OnceLock},
};

use sidestage_runs::{
    Journal,
    journal::{Memory, Sql},
};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Sqlite,
    Postgres,
}

/// Where a test's journal is.
pub struct Place {
    journal: Arc<dyn Journal>,
    url: String,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the processes of the PostgreSQL that serve this journal, which then neither answer nor hang up, or lets them
    /// go on.
    pub async fn signal_postgres(&self, signal: &str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let pids: Vec<i32> = sqlx::query_scalar(sql)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert!(!pids.is_empty());
        let pids = pids.iter().map(i32::to_string);
        let done = Command::new("kill").arg(signal).args(pids).status();
        assert!(done.unwrap().success());
    }

    /// As another process would open it.
    pub async fn open_again(&self) -> Arc<dyn Journal> {
        Arc::new(Sql::open(&self.url).await.unwrap())
    }
}

pub async fn open(kind: Kind) -> Place {
    let mut folder = None;
    let url = match kind {
        Kind::Memory => {
            return Place {
                journal: Arc::new(Memory::default()),
                url: String::new(),
                _folder: None,
            };
        }
        Kind::Sqlite => {
            let made = super::folder();
            let url = format!("sqlite:{}/journal.db", made.path().display());
            folder = Some(made);
            url
        }
        Kind::Postgres => new_database().await,
    };
    Place {
        journal: Arc::new(Sql::open(&url).await.unwrap()),
        url,
        _folder: folder,
    }
}

/// The server that all tests of this process share. It ends when this process does, however that ends: then
/// its standard input is closed.
struct Server {
    url: String,
    _stdin: ChildStdin,
    _child: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");
        let mut child = Command::new(script)
            .args(["-c", "fsync=off"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "scripts/postgres.sh: {url}");
        Server {
            url: url.trim().into(),
            _stdin: stdin,
            _child: child,
        }
    })
}

async fn new_database() -> String {
    let name = format!("test_{}", Uuid::now_v7().simple());
    let server = tokio::task::spawn_blocking(server).await.unwrap();
    let mut connection = PgConnection::connect(&server.url).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(create).await.unwrap();
    server.url.replace("/postgres?", &format!("/{name}?"))
}
