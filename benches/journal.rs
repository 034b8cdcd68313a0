//! What the journal costs a run: in memory (none), in a SQLite file and in PostgreSQL, with 1, 32 and 1,000 runs at a
//! time. A run makes one thing and says two lines; the service takes no time, so all that is measured is ours.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

mod machine;
#[path = "../crates/cli/tests/support/mod.rs"]
mod support;
mod table;

use std::sync::Arc;

use serde_json::{Value, json};
use sidestage_action::{Context, Effect, OnFailure, Prepared, Principal, Result};
use sidestage_redact::Redactor;
use sidestage_runs::{
    Journal, Runs, Settings, Start, Status,
    journal::{Memory, Sql},
};
use support::Postgres;
use table::{Samples, Table};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// How many runs at a time, and how many in all.
const LOADS: [(usize, usize); 3] = [(1, 200), (32, 2_000), (1_000, 4_000)];

/// Each is measured so often, one after the other; the middle one counts.
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(&[]).await;
    let sqlite = format!("sqlite:{}/journal.db", folder.path().display());
    let journals: [(&str, Arc<dyn Journal>); 3] = [
        ("none", Arc::new(Memory::default())),
        ("SQLite", Arc::new(Sql::open(&sqlite).await.unwrap())),
        (
            "PostgreSQL",
            Arc::new(Sql::open(&postgres.url).await.unwrap()),
        ),
    ];
    println!("{}\n", machine::description());
    let mut table = Table::new(&[
        "runs at a time",
        "journal",
        "runs a second",
        "time of a run, median",
        "99 of 100 within",
        "time per run, as many times that of none",
    ]);
    for (at_a_time, all) in LOADS {
        let mut rounds: Vec<Vec<(f64, Samples)>> = journals.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for ((_, journal), rounds) in journals.iter().zip(&mut rounds) {
                rounds.push(measure(journal, at_a_time, all).await);
            }
        }
        let mut none = None;
        for ((name, _), mut rounds) in journals.iter().zip(rounds) {
            rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (a_second, samples) = rounds.swap_remove(ROUNDS / 2);
            let none = *none.get_or_insert(a_second);
            table.row([
                at_a_time.to_string(),
                (*name).to_owned(),
                format!("{a_second:.0}"),
                samples.at(0.5),
                samples.at(0.99),
                format!("{:.1}", none / a_second),
            ]);
        }
    }
    println!("{table}");
}

/// Runs a second, and how long each took.
async fn measure(journal: &Arc<dyn Journal>, at_a_time: usize, all: usize) -> (f64, Samples) {
    let runs = Runs::open(
        Settings::default(),
        Redactor::new(),
        journal.clone(),
        Arc::new(|_: &str| None),
    );
    let runs = runs.await.unwrap();
    let places = Arc::new(Semaphore::new(at_a_time));
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for _ in 0..all {
        let place = places.clone().acquire_owned().await;
        let runs = runs.clone();
        tasks.spawn(async move {
            let _place = place;
            let started = Instant::now();
            let run = runs.start(start()).await.unwrap().run;
            let ended = run
                .ended(std::time::Duration::from_secs(600))
                .await
                .unwrap();
            assert_eq!(ended.unwrap().status, Status::Succeeded);
            started.elapsed()
        });
    }
    let samples = Samples::new(tasks.join_all().await);
    (all as f64 / started.elapsed().as_secs_f64(), samples)
}

fn start() -> Start {
    Start {
        action: "bench:make".into(),
        principal: Principal::Key {
            name: "bench".into(),
        },
        prepared: Prepared {
            connection: "bench".into(),
            organization: None,
            input: json!({"user": "ada", "template": "python", "workspaceName": "dev"}),
            on_failure: OnFailure::Keep,
            secrets: Vec::new(),
            work: Box::new(|ctx| Box::pin(work(ctx))),
        },
        dry_run: false,
        key: None,
        trace: None,
    }
}

async fn work(ctx: Context) -> Result<Value> {
    ctx.progress("making it", None);
    ctx.ensure(&Thing).await?;
    ctx.info("it is made: https://service.example.com/ada/dev");
    Ok(json!({"id": "7", "url": "https://service.example.com/ada/dev", "created": true}))
}

/// Made at once, and never there before.
struct Thing;

impl Effect for Thing {
    type Object = ();

    fn kind(&self) -> &'static str {
        "thing"
    }

    fn key(&self) -> String {
        "ada/dev".into()
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok(None)
    }

    async fn create(&self) -> Result<()> {
        Ok(())
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        "7".into()
    }
}
