//! Chaos: many people are given workspaces while everything goes wrong. Two replicas share a PostgreSQL, a third
//! Sidestage has a SQLite file; each is killed with `kill -9` at random moments and started again. The service
//! loses answers before and after it did the work, resets connections, answers 5xx, 429, late, twice, and with
//! half a body. Clients lose their connection and ask again with their key. In the end it is counted what
//! there is, and what the journal says of it.
//!
//! `make chaos` runs it long; as part of the tests it is short. `CHAOS_PEOPLE` says how many people,
//! `CHAOS_SEED` which faults and kills: the same seed draws the same ones, though not at the same moments.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use sidestage_sandbox::{Fault, FaultRule, Options, Running, Sandbox};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

const SIDESTAGE: &str = env!("CARGO_BIN_EXE_sidestage");
const KEY: &str = "chaos-key-canary-4711";

/// People who are served at the same time.
const CLIENTS: usize = 24;

/// Nobody waits longer than this: then something hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Random numbers that a seed decides (SplitMix64).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// A real PostgreSQL, for as long as this is held.
struct Postgres {
    url: String,
    _stdin: ChildStdin,
    _child: Child,
}

impl Postgres {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres.sh");
        let mut command = Command::new(script);
        command.args(["-c", "fsync=off"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut url = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut url).unwrap();
        assert!(url.starts_with("postgres://"), "scripts/postgres.sh: {url}");
        Postgres {
            url: url.trim().into(),
            _stdin: stdin,
            _child: child,
        }
    }
}

/// One Sidestage, that can be killed.
struct Replica {
    name: String,
    url: String,
    folder: tempfile::TempDir,
    child: std::sync::Mutex<Child>,
}

impl Replica {
    fn start(name: &str, journal: &str, sandbox: &Running) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "listen: 127.0.0.1:{port}\nlog: {{level: error}}\njournal: {{url: '{journal}', replica: {name}}}\n\
             runs: {{lease: 1s}}\nauth:\n  keys:\n  - {{name: chaos, token: 'env:CHAOS'}}\n\
             connections:\n  coder: {{provider: coder, url: '{}coder', token: 'env:CODER', pollInterval: 50ms}}\n",
            sandbox.url
        );
        std::fs::write(folder.path().join("sidestage.yaml"), config).unwrap();
        Replica {
            name: name.into(),
            url: format!("http://127.0.0.1:{port}"),
            child: serve(folder.path()).into(),
            folder,
        }
    }

    /// As `kill -9` does, and then started again in its place.
    fn kill_and_start(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        *child = serve(self.folder.path());
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn serve(folder: &Path) -> Child {
    let mut command = Command::new(SIDESTAGE);
    command.args(["serve", "--config", "sidestage.yaml"]);
    let command = command.current_dir(folder).env("CHAOS", KEY);
    let command = command.env("CODER", sidestage_sandbox::OWNER_TOKEN);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn fault(dice: &mut Dice) -> Fault {
    let status = |status, after| Fault::Status {
        status,
        body: None,
        headers: Default::default(),
        after,
    };
    match dice.below(12) {
        0 | 1 => Fault::DropBefore,
        2..=4 => Fault::DropAfter,
        5 => status(500, true),
        6 => status(502, false),
        7 => status(503, true),
        8 => Fault::RateLimit { retry_after: 1 },
        9 => Fault::Delay {
            ms: dice.below(400),
        },
        10 => Fault::Twice,
        _ => Fault::BrokenBody,
    }
}

/// Somebody who wants a workspace, and does what the module in Backstage does: asks with a key, again if there
/// is no answer, follows, and runs the step again if it failed.
struct Person {
    name: String,
    replicas: Arc<Vec<Replica>>,
    http: Client,
    dice: Dice,
    /// How often nobody could be reached, a stream broke, or a run failed.
    troubles: Arc<AtomicUsize>,
}

impl Person {
    async fn be_served(mut self) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = String::from("nothing was answered");
        while Instant::now() < deadline {
            match self.try_once().await {
                Ok(id) => return Ok(id),
                Err(trouble) => last = trouble,
            }
            self.troubles.fetch_add(1, Ordering::Relaxed);
            let pause = 20 + self.dice.below(200);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Err(format!("{}: {last}", self.name))
    }

    async fn try_once(&mut self) -> Result<String, String> {
        let body = json!({
            "action": "coder:create-workspace",
            "input": {"user": "ada", "template": "python", "workspaceName": self.name, "waitFor": "created"},
        });
        let run = self.call(Method::POST, "/v1/runs", Some(&body)).await?;
        let id = run["id"].as_str().ok_or("no id")?.to_owned();
        loop {
            // Now and then a client goes away in the middle, and comes back with its key.
            if self.dice.below(40) == 0 {
                return Err("went away".into());
            }
            let run = self
                .call(Method::GET, &format!("/v1/runs/{id}"), None)
                .await?;
            match run["status"].as_str() {
                Some("running") => tokio::time::sleep(Duration::from_millis(20)).await,
                Some("succeeded") => return Ok(id),
                _ => return Err(run["error"]["detail"].to_string()),
            }
        }
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        // Replicas that share a journal are one service: any of them will do.
        let replica = &self.replicas[self.dice.below(self.replicas.len() as u64) as usize];
        let mut request = self.http.request(method, format!("{}{path}", replica.url));
        request = request
            .bearer_auth(KEY)
            .timeout(Duration::from_secs(10))
            .header("idempotency-key", format!("the step of {}", self.name));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let json: Value = answer.json().await.map_err(|error| error.to_string())?;
        match status.is_success() {
            true => Ok(json),
            false => Err(json["detail"].to_string()),
        }
    }
}

/// What there is in the end.
#[derive(Debug, Default, PartialEq)]
struct Count {
    asked_for: usize,
    accounts: usize,
    /// More than one object for one person.
    duplicates: usize,
    /// Somebody who was told that it is there, and it is not; or who was never told.
    lost: usize,
    /// An object that the journal does not know to have been made.
    unknown_to_the_journal: usize,
    not_ended: usize,
}

/// The runs of a journal, all of them.
async fn all_runs(http: &Client, url: &str) -> Vec<Value> {
    let mut runs: Vec<Value> = Vec::new();
    loop {
        let mut request = http
            .get(format!("{url}/v1/runs"))
            .query(&[("limit", "200")]);
        if let Some(last) = runs.last() {
            request = request.query(&[("before", last["id"].as_str().unwrap())]);
        }
        let Ok(answer) = request.bearer_auth(KEY).send().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let page: Value = answer.json().await.unwrap();
        match page["runs"].as_array().map(Vec::as_slice) {
            Some([]) | None => return runs,
            Some(page) => runs.extend_from_slice(page),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_and_cut_everybody_has_one_workspace() {
    let people = setting("CHAOS_PEOPLE", 60) as usize;
    let seed = setting("CHAOS_SEED", u64::from(std::process::id()));
    println!("chaos: {people} people, CHAOS_SEED={seed}");
    let mut dice = Dice(seed);

    let build = Duration::from_millis(20);
    let sandbox = Arc::new(Sandbox::spawn(Options { build }).await);
    let postgres = tokio::task::spawn_blocking(Postgres::start).await.unwrap();
    let shared = ["one", "two"].map(|name| Replica::start(name, &postgres.url, &sandbox));
    let alone = Replica::start("alone", "sqlite:sidestage.db", &sandbox);
    let services = [Arc::new(Vec::from(shared)), Arc::new(vec![alone])];

    let over = Arc::new(AtomicBool::new(false));
    let (kills, faults) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut trouble = JoinSet::new();
    trouble.spawn({
        let (over, kills, services) = (over.clone(), kills.clone(), services.clone());
        let mut dice = Dice(dice.next());
        async move {
            while !over.load(Ordering::Relaxed) {
                let pause = 500 + dice.below(2000);
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let service = &services[dice.below(2) as usize];
                service[dice.below(service.len() as u64) as usize].kill_and_start();
                kills.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    trouble.spawn({
        let (over, faults, sandbox) = (over.clone(), faults.clone(), sandbox.clone());
        let mut dice = Dice(dice.next());
        async move {
            while !over.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(dice.below(100))).await;
                // At most one waits for its call: the service is to be bad, not gone.
                sandbox.sandbox().faults().clear();
                // Half of them hit the one call that makes something.
                let create = dice.below(2) == 0;
                sandbox.sandbox().faults().add(FaultRule {
                    service: "coder".into(),
                    method: create.then(|| "POST".into()),
                    path: if create {
                        "/api/v2/users/*/workspaces"
                    } else {
                        "/**"
                    }
                    .into(),
                    times: Some(1),
                    fault: fault(&mut dice),
                });
                faults.fetch_add(1, Ordering::Relaxed);
            }
        }
    });

    let (http, troubles) = (Client::new(), Arc::new(AtomicUsize::new(0)));
    let places = Arc::new(Semaphore::new(CLIENTS));
    let mut served = JoinSet::new();
    for n in 0..people {
        let person = Person {
            name: format!("p{n}"),
            replicas: services[n % 2].clone(),
            http: http.clone(),
            dice: Dice(dice.next()),
            troubles: troubles.clone(),
        };
        let places = places.clone();
        served.spawn(async move {
            let _place = places.acquire().await;
            (n, person.be_served().await)
        });
    }
    let mut count = Count {
        asked_for: people,
        ..Count::default()
    };
    let mut told = HashMap::new();
    while let Some(outcome) = served.join_next().await {
        match outcome.unwrap() {
            (n, Ok(run)) => drop(told.insert(format!("p{n}"), run)),
            (_, Err(why)) => {
                println!("not served: {why}");
                count.lost += 1;
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    trouble.join_all().await;
    sandbox.sandbox().faults().clear();

    // Whoever went away may have left a run under way; it ends by itself.
    let mut made: HashMap<String, usize> = HashMap::new();
    for service in &services {
        let url = &service[0].url;
        let deadline = Instant::now() + PATIENCE;
        let runs = loop {
            let runs = all_runs(&http, url).await;
            let running = runs.iter().filter(|run| run["status"] == "running").count();
            if running == 0 || Instant::now() > deadline {
                count.not_ended += running;
                break runs;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        for run in runs.iter().filter(|run| run["continuedBy"].is_null()) {
            let url = format!("{url}/v1/runs/{}", run["id"].as_str().unwrap());
            let run = http.get(url).bearer_auth(KEY).send().await.unwrap();
            let run: Value = run.json().await.unwrap();
            for effect in run["effects"].as_array().unwrap() {
                if effect["kind"] == "workspace" && effect["settlement"]["result"] == "created" {
                    *made
                        .entry(effect["key"].as_str().unwrap().into())
                        .or_default() += 1;
                }
            }
        }
    }
    let state = sandbox.sandbox().state();
    let mut there: HashMap<String, usize> = HashMap::new();
    for workspace in state["coder"]["workspaces"].as_array().unwrap() {
        let name = workspace["name"].as_str().unwrap();
        if name.starts_with('p') && name[1..].parse::<usize>().is_ok_and(|n| n < people) {
            *there.entry(name.into()).or_default() += 1;
        }
    }
    count.accounts = there.values().sum();
    count.duplicates = there.values().filter(|count| **count > 1).count()
        + made.values().filter(|count| **count > 1).count();
    count.lost += told
        .keys()
        .filter(|name| !there.contains_key(*name))
        .count();
    let known = |name: &&String| !made.contains_key(&format!("ada/{name}"));
    count.unknown_to_the_journal = there.keys().filter(known).count();

    let replicas = services.iter().flat_map(|service| service.iter());
    let names: Vec<_> = replicas.map(|replica| &*replica.name).collect();
    println!(
        "  replicas                     {}\n  kill -9                      {}\n  faults                       {}\n  \
         troubles of clients          {}\n  people asked for             {}\n  accounts                     {}\n  \
         duplicates                   {}\n  lost                         {}\n  unknown to the journal       {}\n  \
         runs not ended               {}",
        names.join(", "),
        kills.load(Ordering::Relaxed),
        faults.load(Ordering::Relaxed),
        troubles.load(Ordering::Relaxed),
        count.asked_for,
        count.accounts,
        count.duplicates,
        count.lost,
        count.unknown_to_the_journal,
        count.not_ended,
    );
    let right = Count {
        asked_for: people,
        accounts: people,
        ..Count::default()
    };
    assert_eq!(count, right, "CHAOS_SEED={seed}");
}
