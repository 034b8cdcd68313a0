//! The service as a whole, the binary as it is released: how long it takes to start, what memory it takes with nothing to
//! do and with many runs that wait, and what it adds to a step over the bare calls that the action makes.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub)]

mod machine;
#[path = "../crates/cli/tests/support/mod.rs"]
mod support;
mod table;

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use reqwest::Client;
use serde_json::{Value, json};
use sidestage_action::testing;
use sidestage_actions::{ConnectionConfig, Registry};
use sidestage_sandbox::{Options, Running, Sandbox};
use support::{Events, KEY, Postgres, Replica};
use table::{Samples, Table, milliseconds};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

const STARTS: usize = 10;
const WAITING: usize = 1_000;
const STEPS: usize = 200;
const ROUNDS: usize = 3;
const ACTION: &str = "coder:create-workspace";

#[tokio::main]
async fn main() {
    println!("{}\n", machine::description());
    start_and_memory().await;
    steps().await;
}

async fn service(journal: &str, sandbox: &Running) -> (Replica, Duration) {
    let started = Instant::now();
    let unbounded = "server: {requestsPerMinute: 1000000}";
    let replica = Replica::start("bench", journal, sandbox, &["coder"], unbounded);
    while !replica.is_up().await {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    (replica, started.elapsed())
}

/// Resident memory in KiB.
fn memory(replica: &Replica) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", replica.child().id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What the process has used of a processor. A tick of Linux is 10 ms.
fn processor(replica: &Replica) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", replica.child().id())).unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks = |n: usize| {
        let mut fields = after_name.split(' ');
        fields.nth(n).unwrap().parse::<u64>().unwrap()
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

async fn start_and_memory() {
    let sandbox = Sandbox::spawn(Options::default()).await;
    let mut starts = Vec::new();
    let mut idle = Vec::new();
    for _ in 0..STARTS {
        let (replica, took) = service("sqlite:sidestage.db", &sandbox).await;
        starts.push(took);
        idle.push(memory(&replica));
    }
    idle.sort_unstable();
    let idle = idle[STARTS / 2];
    let mebibytes = |kibibytes: u64| format!("{:.1} MiB", kibibytes as f64 / 1024.0);
    let mut table = Table::new(&["", "", "as many times as idle"]);
    let took = Samples::new(starts).at(0.5);
    table.row([
        "from the start to the first answer, with a new journal".into(),
        took,
        String::new(),
    ]);
    table.row(["memory, idle".into(), mebibytes(idle), "1.0".into()]);

    let (replica, _) = service("sqlite:sidestage.db", &sandbox).await;
    let http = Client::new();
    let (mut followers, mut before) = (Vec::new(), idle);
    for (what, are_followed) in [
        ("that wait for the service", true),
        ("that wait for their turn", false),
    ] {
        let places = std::sync::Arc::new(Semaphore::new(32));
        let mut tasks = JoinSet::new();
        for _ in 0..WAITING {
            let (http, url, places) = (http.clone(), replica.url.clone(), places.clone());
            tasks.spawn(async move {
                let _place = places.acquire().await;
                start(&http, &url, "slow", "running").await
            });
        }
        let runs = tasks.join_all().await;
        let mut measured = |what: String| {
            let now = memory(&replica);
            let each = now.saturating_sub(before) as f64 / WAITING as f64;
            before = now;
            let more = format!("{} ({each:.1} KiB a run)", mebibytes(now));
            table.row([what, more, format!("{:.1}", now as f64 / idle as f64)]);
        };
        measured(format!("memory, {WAITING} runs more {what}"));
        if are_followed {
            for run in runs {
                let events = http.get(format!("{}/v1/runs/{run}/events", replica.url));
                let answer = events.bearer_auth(KEY).send().await.unwrap();
                followers.push(answer.error_for_status().unwrap());
            }
            measured("the same, each followed".into());
        }
    }
    println!("{table}");
}

/// Starts a run with a workspace of its own.
async fn start(http: &Client, url: &str, template: &str, wait_for: &str) -> String {
    let body = json!({ "action": ACTION, "input": input(template, wait_for) });
    let request = http.post(format!("{url}/v1/runs")).bearer_auth(KEY);
    let run: Value = request
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    run["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{run}"))
        .to_owned()
}

fn input(template: &str, wait_for: &str) -> Value {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("w{}", NEXT.fetch_add(1, Ordering::Relaxed));
    json!({"user": "ada", "template": template, "workspaceName": name, "waitFor": wait_for})
}

async fn steps() {
    let sandbox = Sandbox::spawn(Options::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(&[]).await;
    let sqlite = format!("sqlite:{}/journal.db", folder.path().display());
    let (sqlite, _) = service(&sqlite, &sandbox).await;
    let (postgres, _) = service(&postgres.url, &sandbox).await;
    let services = [("SQLite", &sqlite), ("PostgreSQL", &postgres)];
    let mut table = Table::new(&[
        "steps at a time",
        "",
        "time of a step, median",
        "as many times the bare calls",
        "processor time of Sidestage a step",
    ]);
    for at_a_time in [1, 32] {
        let mut bare = Vec::new();
        let mut through: Vec<Vec<Duration>> = vec![Vec::new(); services.len()];
        let before: Vec<_> = services
            .iter()
            .map(|(_, replica)| processor(replica))
            .collect();
        for _ in 0..ROUNDS {
            bare.extend(bare_steps(&sandbox, at_a_time).await);
            for ((_, replica), through) in services.iter().zip(&mut through) {
                through.extend(steps_through(replica, at_a_time).await);
            }
        }
        let bare = Samples::new(bare);
        table.row([
            at_a_time.to_string(),
            "the bare calls of the action".into(),
            bare.at(0.5),
            "1.0".into(),
            String::new(),
        ]);
        for (n, (name, replica)) in services.iter().enumerate() {
            let used = processor(replica) - before[n];
            let samples = Samples::new(std::mem::take(&mut through[n]));
            let times = samples.within(0.5).as_secs_f64() / bare.within(0.5).as_secs_f64();
            table.row([
                at_a_time.to_string(),
                format!("through Sidestage, {name}"),
                samples.at(0.5),
                format!("{times:.1}"),
                milliseconds(used / (STEPS * ROUNDS) as u32),
            ]);
        }
    }
    println!("{table}");
}

/// The action's own calls, with nothing around them.
async fn bare_steps(sandbox: &Running, at_a_time: usize) -> Vec<Duration> {
    let coder = ConnectionConfig {
        token: Some(sidestage_sandbox::OWNER_TOKEN.into()),
        ..ConnectionConfig::new("coder", "coder", sandbox.url.join("coder").unwrap())
    };
    let registry = std::sync::Arc::new(Registry::new(vec![coder]).unwrap());
    many(at_a_time, move || {
        let registry = registry.clone();
        async move {
            let prepared = registry
                .get(ACTION)
                .unwrap()
                .prepare(input("python", "created"));
            let (_, _cancel, ctx) = testing::context(false);
            (prepared.unwrap().work)(ctx).await.unwrap();
        }
    })
    .await
}

/// Started and followed to the end, as the module in Backstage does.
async fn steps_through(replica: &Replica, at_a_time: usize) -> Vec<Duration> {
    let (http, url) = (Client::new(), replica.url.clone());
    many(at_a_time, move || {
        let (http, url) = (http.clone(), url.clone());
        async move {
            let run = start(&http, &url, "python", "created").await;
            let events = http.get(format!("{url}/v1/runs/{run}/events"));
            let mut events = Events::of(events.bearer_auth(KEY).send().await.unwrap());
            while let Some(event) = events.next().await {
                if event.name == "end" {
                    assert_eq!(event.data["status"], "succeeded", "{}", event.data);
                    return;
                }
            }
            panic!("run {run} has no end");
        }
    })
    .await
}

async fn many<F: Future<Output = ()> + Send + 'static>(
    at_a_time: usize,
    step: impl Fn() -> F,
) -> Vec<Duration> {
    let places = std::sync::Arc::new(Semaphore::new(at_a_time));
    let mut tasks = JoinSet::new();
    for _ in 0..STEPS {
        let place = places.clone().acquire_owned().await;
        let step = step();
        tasks.spawn(async move {
            let _place = place;
            let started = Instant::now();
            step.await;
            started.elapsed()
        });
    }
    tasks.join_all().await
}
