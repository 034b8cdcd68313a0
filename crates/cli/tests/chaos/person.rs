//! Somebody who is to be onboarded, and does what the module in Backstage does: asks with a key, again if there is no
//! answer, follows, and runs the step again if it failed.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sidestage_action::{Kept, UndoOutput};
use tokio::time::Instant;

use crate::{
    dice::Dice,
    steps::{STEPS, Step},
    support::{Events, KEY, Replica},
    trouble::Progress,
};

/// Nobody waits longer than this for one thing: then something hangs.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub struct Person {
    replicas: Arc<Vec<Replica>>,
    http: Client,
    progress: Progress,
    dice: Dice,
    served: Served,
}

/// How a person was served.
#[derive(Default)]
pub struct Served {
    pub name: String,
    /// The run that did each step, as far as the person was told.
    pub runs: Vec<String>,
    /// It was all taken back, as far as the person was told.
    pub undone: bool,
    pub gave_up: Option<String>,
    /// How often nobody could be reached, a stream broke, or a run failed.
    pub troubles: usize,
    /// Events of a run that were missed or seen twice.
    pub gaps: usize,
}

impl Person {
    pub fn new(
        n: usize,
        replicas: &Arc<Vec<Replica>>,
        http: &Client,
        progress: &Progress,
        dice: Dice,
    ) -> Self {
        Person {
            progress: progress.clone(),
            replicas: replicas.clone(),
            http: http.clone(),
            dice,
            served: Served {
                name: format!("p{n}"),
                ..Served::default()
            },
        }
    }

    pub async fn be_served(mut self, and_undone: bool) -> Served {
        if let Err(why) = self.go_through(and_undone).await {
            self.served.gave_up = Some(format!("{}: {why}", self.served.name));
        }
        self.served
    }

    async fn go_through(&mut self, and_undone: bool) -> Result<(), String> {
        for step in STEPS {
            let deadline = Instant::now() + PATIENCE;
            let run = loop {
                match self.run(step).await {
                    Ok(run) => break run,
                    Err(why) => self.have_trouble(deadline, why).await?,
                }
            };
            self.served.runs.push(run);
            self.progress.step();
        }
        if !and_undone {
            return Ok(());
        }
        for (step, run) in STEPS.iter().zip(self.served.runs.clone()).rev() {
            let deadline = Instant::now() + PATIENCE;
            while let Err(why) = self.undo(step, &run).await {
                self.have_trouble(deadline, why).await?;
            }
        }
        self.served.undone = true;
        Ok(())
    }

    async fn have_trouble(&mut self, deadline: Instant, why: String) -> Result<(), String> {
        if Instant::now() > deadline {
            return Err(why);
        }
        self.served.troubles += 1;
        let pause = 20 + self.dice.below(200);
        tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        Ok(())
    }

    async fn run(&mut self, step: &Step) -> Result<String, String> {
        let name = &self.served.name;
        let body = json!({ "action": step.action, "input": (step.input)(name) });
        let key = format!("{} of {name}", step.action);
        let request = self.post("/v1/runs").header("idempotency-key", key);
        let run = call(request.json(&body)).await?;
        let id = run["id"].as_str().ok_or("a run without an id")?.to_owned();
        self.follow(&id).await?;
        Ok(id)
    }

    async fn undo(&mut self, step: &Step, run: &str) -> Result<(), String> {
        let undo = self.post(&format!("/v1/runs/{run}/undo"));
        let undo = call(undo).await?;
        let id = undo["id"].as_str().ok_or("a run without an id")?;
        let output = self.follow(id).await?;
        let output: UndoOutput = serde_json::from_value(output).map_err(|e| e.to_string())?;
        let has_to_stay = |kept: &Kept| {
            let mut all = step.stays.iter();
            all.any(|(kind, why)| kept.made.kind == *kind && kept.why.contains(why))
        };
        match output.kept.iter().find(|kept| !has_to_stay(kept)) {
            None => Ok(()),
            Some(kept) => Err(format!(
                "{} {} stays: {}",
                kept.made.kind, kept.made.key, kept.why
            )),
        }
    }

    /// Follows a run to its end, and gives its output. Now and then a client goes away in the middle and comes back.
    async fn follow(&mut self, run: &str) -> Result<Value, String> {
        let (mut last, mut output) = (0, Value::Null);
        loop {
            let request = self
                .get(&format!("/v1/runs/{run}/events"))
                .header("last-event-id", last);
            let answer = request.send().await.map_err(|error| error.to_string())?;
            if !answer.status().is_success() {
                return Err(answer.status().to_string());
            }
            let mut events = Events::of(answer);
            while let Some(event) = events.next().await {
                let Some(id) = event.id else { continue };
                if id != last + 1 {
                    self.served.gaps += 1;
                }
                last = id;
                match &*event.name {
                    "output" => output = event.data["output"].clone(),
                    "end" if event.data["status"] == "succeeded" => return Ok(output),
                    "end" => return Err(event.data["error"]["detail"].to_string()),
                    _ => {}
                }
                match self.dice.below(60) {
                    0 => return Err("went away".into()),
                    1 => break,
                    _ => {}
                }
            }
            self.served.troubles += 1;
        }
    }

    /// Replicas that share a journal are one service: any of them will do.
    fn url(&mut self, path: &str) -> String {
        let replica = self.dice.pick(&self.replicas);
        format!("{}{path}", replica.url)
    }

    fn post(&mut self, path: &str) -> RequestBuilder {
        let url = self.url(path);
        let patience = Duration::from_secs(10);
        self.http.post(url).bearer_auth(KEY).timeout(patience)
    }

    fn get(&mut self, path: &str) -> RequestBuilder {
        let url = self.url(path);
        self.http.get(url).bearer_auth(KEY).timeout(PATIENCE)
    }
}

async fn call(request: RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let json: Value = answer.json().await.map_err(|error| error.to_string())?;
    match status.is_success() {
        true => Ok(json),
        false => Err(json["detail"].to_string()),
    }
}
