//! What there is in the end: in the services, and in the journals.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use sidestage_sandbox::Running;
use tokio::time::Instant;

use crate::{
    person::{PATIENCE, Served},
    steps::{STEPS, Step},
    support::{KEY, Replica},
};

/// What is counted of one step.
#[derive(Debug, PartialEq)]
pub struct OfStep {
    asked_for: usize,
    /// Objects that there are, those that were taken back included.
    made: usize,
    /// More than one object for one person.
    duplicates: usize,
    /// Somebody who was told that it is there, and it is not; or who was never told.
    lost: usize,
    /// An object that is in use and that the journal does not know to have been made.
    unknown: usize,
    /// An object that is in use although its person was told that it is taken back.
    orphans: usize,
}

pub struct Count {
    pub steps: Vec<OfStep>,
    not_ended: usize,
    gaps: usize,
}

impl Count {
    pub async fn of(
        served: &[Served],
        groups: &[Arc<Vec<Replica>>],
        sandbox: &Running,
        http: &Client,
    ) -> Self {
        let mut journal = Journal::default();
        for group in groups {
            journal.read(http, &group[0].url).await;
        }
        let state = sandbox.sandbox().state();
        let steps = STEPS.iter().enumerate().map(|(n, step)| {
            let there = (step.there)(&state[step.service]);
            OfStep::of(n, step, served, &there, &journal.made)
        });
        Count {
            steps: steps.collect(),
            not_ended: journal.not_ended,
            gaps: served.iter().map(|served| served.gaps).sum(),
        }
    }

    pub fn is_right(&self, people: usize) -> bool {
        self.not_ended == 0 && self.gaps == 0 && self.steps.iter().all(|step| step.is_right(people))
    }
}

impl OfStep {
    fn of(
        n: usize,
        step: &Step,
        served: &[Served],
        there: &[(String, bool)],
        made: &HashMap<[String; 3], usize>,
    ) -> Self {
        let mut objects: HashMap<&str, usize> = HashMap::new();
        for (key, _) in there {
            *objects.entry(key).or_default() += 1;
        }
        let in_use: HashSet<_> = there.iter().filter(|(_, in_use)| *in_use).collect();
        let in_use: HashSet<&str> = in_use.iter().map(|(key, _)| &**key).collect();
        let mut count = OfStep {
            asked_for: served.len(),
            made: 0,
            duplicates: 0,
            lost: 0,
            unknown: 0,
            orphans: 0,
        };
        for person in served {
            let key = (step.key)(&person.name);
            let in_use = in_use.contains(&*key);
            let objects = objects.get(&*key).copied().unwrap_or(0);
            let written = made
                .get(&[step.service.to_owned(), step.kind.to_owned(), key])
                .copied()
                .unwrap_or(0);
            count.made += usize::from(objects > 0 || written > 0);
            count.duplicates += usize::from(objects > 1 || written > 1);
            let is_told = person.runs.len() > n;
            count.lost += usize::from(!is_told || (!in_use && !person.undone));
            count.unknown += usize::from(in_use && written == 0);
            count.orphans += usize::from(in_use && person.undone);
        }
        count
    }

    fn is_right(&self, people: usize) -> bool {
        let right = OfStep {
            asked_for: people,
            made: people,
            duplicates: 0,
            lost: 0,
            unknown: 0,
            orphans: 0,
        };
        *self == right
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {:<28}", "")?;
        for step in STEPS {
            write!(f, "{:>21}", step.object)?;
        }
        type Column = fn(&OfStep) -> usize;
        let rows: [(&str, Column); 6] = [
            ("people asked for", |step| step.asked_for),
            ("made", |step| step.made),
            ("duplicates", |step| step.duplicates),
            ("lost", |step| step.lost),
            ("unknown to the journal", |step| step.unknown),
            ("orphans after undo", |step| step.orphans),
        ];
        for (name, column) in rows {
            write!(f, "\n  {name:<28}")?;
            for step in &self.steps {
                write!(f, "{:>21}", column(step))?;
            }
        }
        write!(f, "\n  {:<28}{:>21}", "runs not ended", self.not_ended)?;
        write!(
            f,
            "\n  {:<28}{:>21}",
            "events missed or seen twice", self.gaps
        )
    }
}

/// What the journals say.
#[derive(Default)]
struct Journal {
    /// By connection, kind and key: how many runs say that they have made it.
    made: HashMap<[String; 3], usize>,
    not_ended: usize,
}

impl Journal {
    /// Whoever went away may have left a run under way; it ends by itself.
    async fn read(&mut self, http: &Client, url: &str) {
        let deadline = Instant::now() + PATIENCE;
        let runs = loop {
            let runs = all_runs(http, url).await;
            let running = runs.iter().filter(|run| run["status"] == "running").count();
            if running == 0 || Instant::now() > deadline {
                self.not_ended += running;
                break runs;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        for run in runs.iter().filter(|run| run["continuedBy"].is_null()) {
            let path = format!("{url}/v1/runs/{}", run["id"].as_str().unwrap());
            let run = read(http, &path).await;
            for effect in run["effects"].as_array().unwrap() {
                let result = &effect["settlement"]["result"];
                if result == "created" || result == "undone" {
                    let text = |name: &str| effect[name].as_str().unwrap().to_owned();
                    let service = run["connection"].as_str().unwrap().to_owned();
                    let key = [service, text("kind"), text("key")];
                    *self.made.entry(key).or_default() += 1;
                }
            }
        }
    }
}

/// The runs of a journal, all of them.
async fn all_runs(http: &Client, url: &str) -> Vec<Value> {
    let mut runs: Vec<Value> = Vec::new();
    loop {
        let before = runs.last().map(|last| last["id"].as_str().unwrap());
        let before = before.map(|last| format!("&before={last}"));
        let path = format!("{url}/v1/runs?limit=200{}", before.unwrap_or_default());
        let page = read(http, &path).await;
        match page["runs"].as_array().unwrap().as_slice() {
            [] => return runs,
            page => runs.extend_from_slice(page),
        }
    }
}

/// From a replica that may be starting still.
async fn read(http: &Client, url: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = http.get(url).bearer_auth(KEY).send().await;
        match answer.and_then(reqwest::Response::error_for_status) {
            Ok(answer) => return answer.json().await.unwrap(),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
