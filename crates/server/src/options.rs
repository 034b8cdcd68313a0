//! Lists of choices for forms: what a person can pick instead of typing it.
//!
//! In the shape that Backstage's form field `SelectFieldFromApi` reads (`valueSelector: value`,
//! `labelSelector: label`), reached through Backstage's proxy.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json,
    extract::{Path, Query, State},
};
use moka::future::Cache;
use sidestage_action::{
    Code, Context, EffectId, Error, Level, OnFailure, Principal, Recorder, Result, RunContext,
    effect::{Intent, Looking, Settlement},
};
use sidestage_actions::{Choice, Registry};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{app::App, auth::Presented, problem::Problem};

/// How long a list is kept: a form asks when it opens, and many may open at the same time.
const KEEP: Duration = Duration::from_secs(30);

/// The most lists that are kept.
const MOST: u64 = 1_000;

/// How long a service may take to give a list.
const LIMIT: Duration = Duration::from_secs(10);

/// What narrows a list, `connection` included.
type Narrowing = BTreeMap<String, String>;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the choices for a form's field
#[utoipa::path(
    get,
    path = "/api/{provider}/options/{list}",
    tag = "Choices for forms",
    params(
        ("provider" = String, Path, description = "A provider's id: `coder`"),
        ("list" = String, Path, description = "One of its lists: `templates`"),
        ("connection" = Option<String>, Query, description = "The connection. Default: the only one"),
    ),
    responses((
        status = 200,
        description = "`[{\"value\": ..., \"label\": ...}]`; any further query parameter narrows the list",
        content_type = "application/json"
    ))
)]
async fn list(
    State(app): State<App>,
    Path((provider, list)): Path<(String, String)>,
    Query(narrowing): Query<Narrowing>,
    presented: Presented,
) -> Result<Json<Arc<Vec<Choice>>>, Problem> {
    Ok(Json(
        app.options(&presented, provider, list, narrowing).await?,
    ))
}

/// The lists that were asked for lately. Fetched once, however many ask at the same time.
pub(crate) struct Options(Cache<(String, String, Narrowing), Arc<Vec<Choice>>>);

impl Options {
    pub(crate) fn new() -> Self {
        Options(
            Cache::builder()
                .max_capacity(MOST)
                .time_to_live(KEEP)
                .build(),
        )
    }

    /// A list, as fresh as [`KEEP`].
    pub(crate) async fn get(
        &self,
        registry: &Registry,
        principal: Principal,
        provider: String,
        list: String,
        narrowing: Narrowing,
    ) -> Result<Arc<Vec<Choice>>> {
        let key = (provider.clone(), list.clone(), narrowing.clone());
        if let Some(kept) = self.0.get(&key).await {
            return Ok(kept);
        }
        let ctx = reading(principal, narrowing.get("organization").cloned());
        let fetch = async {
            let choices = registry.options(&ctx, &provider, &list, narrowing).await;
            choices.map_err(|error| match error.code() {
                Code::DeadlineExceeded => slow(&provider),
                _ => error,
            })
        };
        let choices = self
            .0
            .try_get_with(key, async { fetch.await.map(Arc::new) });
        choices.await.map_err(shared)
    }
}

fn slow(provider: &str) -> Error {
    let seconds = LIMIT.as_secs();
    Error::new(
        Code::UpstreamUnavailable,
        format!(
            "The service of {provider} did not give this list within {seconds} s. Open the form again later."
        ),
    )
}

/// An error that several are waiting for.
fn shared(error: Arc<Error>) -> Error {
    match Arc::try_unwrap(error) {
        Ok(error) => error,
        Err(error) => {
            let wait = error.wait();
            Error::new(error.code(), error.message())
                .retry_after(wait)
                .with_fields(error.fields().to_vec())
        }
    }
}

/// A context that reads, and changes nothing.
fn reading(principal: Principal, organization: Option<String>) -> Context {
    let run = RunContext {
        id: Uuid::now_v7(),
        principal,
        organization,
        dry_run: true,
        on_failure: OnFailure::Keep,
        looking: Looking::default(),
        recorder: Arc::new(Silence),
    };
    Context::new(run, CancellationToken::new(), LIMIT)
}

/// Nobody follows the reading of a list.
struct Silence;

#[async_trait]
impl Recorder for Silence {
    fn log(&self, _: Level, message: String) {
        tracing::debug!(message, "while reading a list of options");
    }

    fn progress(&self, _: String, _: Option<u8>) {}

    async fn intend(&self, _: &Intent) -> Result<EffectId> {
        Err(Error::internal(
            "reading a list of options must change nothing",
        ))
    }

    async fn settle(&self, _: EffectId, _: &Settlement) -> Result<()> {
        Ok(())
    }
}
