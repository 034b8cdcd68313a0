//! `sidestage runs`: the runs of a Sidestage that is up, through its run API.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, anyhow, bail};
use reqwest::{Client, Method, Response};
use serde_json::Value;
use sidestage_redact::Redactor;
use url::Url;

use crate::out::shown;

/// How often a lost event stream is asked for again, a second apart, while nothing new comes.
const MOST_RECONNECTS: u32 = 120;

/// The longest wait between two of them that the other side may ask for.
const WAIT_AT_MOST: Duration = Duration::from_secs(60);

/// List, follow, cancel, retry and undo the runs of a Sidestage that is up
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where Sidestage is
    #[arg(
        long,
        global = true,
        env = "SIDESTAGE_URL",
        default_value = "http://127.0.0.1:7008"
    )]
    url: Url,
    /// The token of a key in its configuration (auth.keys); one with allRuns sees everybody's runs
    #[arg(long, global = true, env = "SIDESTAGE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print the answer of the run API as it is
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List runs, the newest first
    List {
        /// Only those that are running, succeeded, failed or cancelled
        #[arg(long)]
        status: Option<String>,
        /// Only those of this action
        #[arg(long)]
        action: Option<String>,
        /// Only those older than this run
        #[arg(long)]
        before: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a run: what it was asked, what it made, what it said
    Show {
        /// The run's id
        id: String,
    },
    /// Follow a run to its end; fails if the run does
    Follow {
        /// The run's id
        id: String,
    },
    /// Ask a run to end, and wait until it has
    Cancel {
        /// The run's id
        id: String,
    },
    /// Start a run again that did not succeed; it goes on from what was made
    Retry {
        /// The run's id
        id: String,
    },
    /// Take back what a run made, the newest first; never what was there before
    Undo {
        /// The run's id
        id: String,
        /// Say what would be taken back, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(args: Args, redactor: &Redactor) -> anyhow::Result<()> {
    let token = args
        .token
        .context("this needs a token: set SIDESTAGE_TOKEN, or give --token")?;
    redactor.add(&token.as_str().into()).keep();
    let say = |text: String| say(redactor, &text);
    let api = Api {
        json: args.json,
        redactor,
        token,
        url: args.url,
        http: Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .build()?,
    };
    match args.command {
        Command::List {
            status,
            action,
            before,
            limit,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            let narrowing = [("status", status), ("action", action), ("before", before)];
            let narrowing = narrowing.into_iter();
            query.extend(narrowing.filter_map(|(name, value)| Some((name, value?))));
            let list = api.call(Method::GET, "/v1/runs", &query).await?;
            say(if args.json {
                pretty(&list)
            } else {
                table(&list)
            });
        }
        Command::Show { id } => {
            let run = api.run(Method::GET, &id, "", &[]).await?;
            if args.json {
                say(pretty(&run));
            } else {
                say(describe(&run));
                say("\nEvents:".into());
                if api.said_so_far(&id, "  ").await?.is_none() {
                    say("  it is under way; `sidestage runs follow` goes on from here".into());
                }
            }
        }
        Command::Follow { id } => {
            let succeeded = api.follow_to_success(&id).await;
            api.say_in_json(&id).await?;
            return succeeded;
        }
        Command::Cancel { id } => {
            api.run(Method::POST, &id, "/cancel", &[]).await?;
            api.follow(&id, "").await?;
            api.say_in_json(&id).await?;
        }
        Command::Retry { id } => {
            let run = api.run(Method::POST, &id, "/retry", &[]).await?;
            let next = text(&run, "id");
            if !args.json {
                say(format!("run {next} goes on from run {id}"));
            }
            let succeeded = api.follow_to_success(next).await;
            api.say_in_json(next).await?;
            return succeeded;
        }
        Command::Undo { id, dry_run } => {
            let query = [("dryRun", dry_run.to_string())];
            let run = api.run(Method::POST, &id, "/undo", &query).await?;
            let undo = text(&run, "id");
            api.follow_to_success(undo).await?;
            let undo = api.run(Method::GET, undo, "", &[]).await?;
            say(if args.json {
                pretty(&undo["output"])
            } else {
                undone(&undo["output"], dry_run)
            });
        }
    }
    Ok(())
}

struct Api<'a> {
    /// Only JSON is printed.
    json: bool,
    /// Whoever answers may say the token.
    redactor: &'a Redactor,
    url: Url,
    token: String,
    http: Client,
}

/// No answer of use.
struct Unanswered {
    error: anyhow::Error,
    /// It may be another one in a moment: nobody was reached, or whoever stands in between says so.
    may_pass: bool,
    /// When to ask again, where that was said.
    wait: Option<Duration>,
}

impl From<Unanswered> for anyhow::Error {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
    }
}

impl Api<'_> {
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        last_event: Option<u64>,
    ) -> Result<Response, Unanswered> {
        let never = |error| Unanswered {
            error,
            may_pass: false,
            wait: None,
        };
        let url = self.url.join(path).map_err(|error| never(error.into()))?;
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        request = request.query(query);
        if let Some(last) = last_event {
            request = request.header("last-event-id", last);
        }
        let at = || format!("Sidestage cannot be reached at {}", shown(&self.url));
        let answer = request.send().await.map_err(reqwest::Error::without_url);
        let answer = answer.map_err(|error| {
            let may_pass = !error.is_builder();
            Unanswered {
                may_pass,
                ..never(anyhow!(error).context(at()))
            }
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let wait = answer.headers().get("retry-after");
        let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
        let problem: Value = answer.json().await.unwrap_or_default();
        let error = match problem["detail"].as_str() {
            Some(detail) if matches!(status.as_u16(), 401 | 500) => {
                anyhow!("{detail} (request {})", text(&problem, "requestId"))
            }
            Some(detail) => anyhow!("{detail}"),
            None => anyhow!("{} answered {status}; is that Sidestage?", shown(&self.url)),
        };
        Err(Unanswered {
            may_pass: matches!(status.as_u16(), 429 | 502 | 503 | 504),
            wait: wait.map(Duration::from_secs),
            ..never(error)
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        let answer = self.send(method, path, query, None).await?;
        answer
            .json()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| {
                format!(
                    "{} did not answer with JSON; is that Sidestage?",
                    shown(&self.url)
                )
            })
    }

    async fn run(
        &self,
        method: Method,
        id: &str,
        what: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        let id: uuid::Uuid = id
            .parse()
            .context("a run's id is a UUID, and this is none")?;
        self.call(method, &format!("/v1/runs/{id}{what}"), query)
            .await
    }

    async fn follow_to_success(&self, id: &str) -> anyhow::Result<()> {
        let end = self.follow(id, "").await?;
        match end["status"].as_str() {
            Some("succeeded") => Ok(()),
            Some(status) => bail!("run {id} {status}"),
            None => bail!("run {id} ended without saying how"),
        }
    }

    /// Prints a run as it is, where only JSON is printed.
    async fn say_in_json(&self, id: &str) -> anyhow::Result<()> {
        if self.json {
            let run = self.run(Method::GET, id, "", &[]).await?;
            say(self.redactor, &pretty(&run));
        }
        Ok(())
    }

    /// Prints what a run says until its end, and gives the last event. Comes back when the connection is lost, or
    /// whoever stands in between has nobody to pass it on to for the moment.
    async fn follow(&self, id: &str, indent: &str) -> anyhow::Result<Value> {
        let path = format!("/v1/runs/{id}/events");
        let (mut last, mut attempts) = (0, 0);
        loop {
            let seen = last;
            let mut wait = Duration::from_secs(1);
            let lost = match self.send(Method::GET, &path, &[], Some(last)).await {
                Ok(answer) => {
                    if let Some(end) = self.read(answer, &mut last, indent).await {
                        return Ok(end);
                    }
                    None
                }
                Err(unanswered) if unanswered.may_pass => {
                    wait = unanswered.wait.unwrap_or(wait).clamp(wait, WAIT_AT_MOST);
                    Some(unanswered.error)
                }
                Err(unanswered) => return Err(unanswered.error),
            };
            if last > seen {
                attempts = 0;
                continue;
            }
            attempts += 1;
            if attempts == MOST_RECONNECTS {
                let lost = lost.unwrap_or_else(|| anyhow!("it says nothing new"));
                return Err(
                    lost.context(format!("the connection to {} stays lost", shown(&self.url)))
                );
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Prints what a run has said, and gives its last event if it has ended.
    async fn said_so_far(&self, id: &str, indent: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("/v1/runs/{id}/events");
        let query = [("follow", false.to_string())];
        let answer = self.send(Method::GET, &path, &query, None).await?;
        Ok(self.read(answer, &mut 0, indent).await)
    }

    async fn read(&self, mut answer: Response, last: &mut u64, indent: &str) -> Option<Value> {
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            bytes.extend_from_slice(&chunk);
            while let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = bytes.drain(..end + 2).collect();
                let block = String::from_utf8_lossy(&block);
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(str::trim).unwrap_or_default()
                };
                let data: Value = serde_json::from_str(field("data:")).unwrap_or_default();
                *last = field("id:").parse().unwrap_or(*last);
                if let Some(line) = line(field("event:"), &data).filter(|_| !self.json) {
                    say(self.redactor, &format!("{indent}{line}"));
                }
                if field("event:") == "end" {
                    return Some(data);
                }
            }
        }
        None
    }
}

/// An event as a line.
fn line(event: &str, data: &Value) -> Option<String> {
    let time = text(data, "time");
    let time = time.get(11..19).unwrap_or(time);
    let message = text(data, "message");
    match event {
        "log" if data["level"] == "info" => Some(format!("{time} {message}")),
        "log" => Some(format!("{time} {}: {message}", text(data, "level"))),
        "progress" => match data["percent"].as_u64() {
            Some(percent) => Some(format!("{time} {message} ({percent} %)")),
            None => Some(format!("{time} {message}")),
        },
        "output" => Some(format!("{time} output: {}", data["output"])),
        "end" => match data["error"]["detail"].as_str() {
            Some(detail) => Some(format!("{time} {}: {detail}", text(data, "status"))),
            None => Some(format!("{time} {}", text(data, "status"))),
        },
        _ => None,
    }
}

fn table(list: &Value) -> String {
    let runs = list["runs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if runs.is_empty() {
        return "There are no runs.".into();
    }
    let mut out = format!(
        "{:36}  {:9}  {:20}  {:32}  {}",
        "RUN", "STATUS", "STARTED", "ACTION", "BY"
    );
    for run in runs {
        let started = text(run, "createdAt");
        let started = started.get(..19).unwrap_or(started);
        let note = match (run["dryRun"] == true, run["undoes"].is_string()) {
            (true, true) => " (dry run of an undo)",
            (true, false) => " (dry run)",
            (false, true) => " (undo)",
            (false, false) => "",
        };
        let action = format!("{}{note}", text(run, "action"));
        let _ = write!(
            out,
            "\n{:36}  {:9}  {started:20}  {action:32}  {}",
            text(run, "id"),
            text(run, "status"),
            text(run, "startedBy"),
        );
    }
    out
}

fn describe(run: &Value) -> String {
    let mut out = format!("Run {}: {}", text(run, "id"), text(run, "status"));
    let fields = [
        ("action", "Action"),
        ("connection", "Connection"),
        ("organization", "Organization"),
        ("startedBy", "Started by"),
        ("createdAt", "Started"),
        ("endedAt", "Ended"),
        ("continues", "Continues"),
        ("continuedBy", "Continued by"),
        ("undoes", "Undoes"),
    ];
    for (field, name) in fields {
        if let Some(value) = run[field].as_str() {
            let _ = write!(out, "\n  {name:13} {value}");
        }
    }
    if let Some(detail) = run["error"]["detail"].as_str() {
        let _ = write!(out, "\n  {:13} {detail}", "Error");
    }
    if !run["output"].is_null() {
        let _ = write!(out, "\n  {:13} {}", "Output", run["output"]);
    }
    let effects = run["effects"].as_array().map(Vec::as_slice);
    out.push_str("\n\nEffects:");
    match effects.unwrap_or_default() {
        [] => out.push_str("\n  none"),
        effects => {
            for effect in effects {
                let result = match effect["settlement"]["result"].as_str() {
                    Some("unknown") => "unknown: check whether it is there",
                    Some(result) => result,
                    None => "not known yet",
                };
                let carried = match effect["carried"] == true {
                    true => ", by the run that this one continues",
                    false => "",
                };
                let (kind, key) = (text(effect, "kind"), text(effect, "key"));
                let _ = write!(out, "\n  {kind} {key}: {result}{carried}");
            }
        }
    }
    out
}

fn undone(output: &Value, dry_run: bool) -> String {
    let list = |name: &str| output[name].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    let word = if dry_run { "would be undone" } else { "undone" };
    for made in list("undone") {
        lines.push(format!(
            "{word}: {} {}",
            text(&made, "kind"),
            text(&made, "key")
        ));
    }
    for unknown in list("unknown") {
        let (kind, key) = (text(&unknown, "kind"), text(&unknown, "key"));
        lines.push(format!(
            "not known, not touched: {kind} {key}: check whether it is there"
        ));
    }
    for kept in list("kept") {
        let (kind, key) = (text(&kept, "kind"), text(&kept, "key"));
        lines.push(format!("stays: {kind} {key}: {}", text(&kept, "why")));
    }
    if lines.is_empty() {
        lines.push("There is nothing to undo: the run made nothing.".into());
    }
    lines.join("\n")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[allow(clippy::print_stdout)]
fn say(redactor: &Redactor, text: &str) {
    println!("{}", redactor.scrub(text));
}
