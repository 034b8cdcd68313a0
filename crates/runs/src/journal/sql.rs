//! The journal in SQLite (a file) or PostgreSQL (for several replicas). The statements are the same for both;
//! the few words in which the two differ are in [`Dialect`].

use std::{collections::HashMap, str::FromStr, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sidestage_action::{
    Made, Result,
    effect::{Intent, Settlement},
};
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, Connection, Executor, Row, Transaction,
    any::{AnyPoolOptions, AnyRow},
    migrate::Migrator,
};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{
    Batch, Begun, EffectRecord, Filter, Held, Journal, Lease, NewRun, RunRecord, RunSpec,
    TakenOver, Undone, Write, unavailable,
};
use crate::{
    event::{Event, Failure, Status},
    key::Key,
};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for its turn before the journal counts as not writable.
const PATIENCE: Duration = Duration::from_secs(5);

/// New runs that one transaction writes down at most.
const MOST_BEGUN: usize = 128;

/// The words in which the engines differ.
#[derive(Clone, Copy)]
struct Dialect {
    begin: &'static str,
    /// Milliseconds since 1970, by the clock of the database: all replicas share it.
    now: &'static str,
    /// The items of the JSON array `$1`, each as `item.value`.
    items: &'static str,
    /// The same of an array of texts.
    texts: &'static str,
    /// Keeps the rows that were read until the transaction ends. SQLite has one writer at a time.
    lock: &'static str,
    on_connect: &'static str,
    connections: u32,
    /// How many connections there are for changes. None: any connection will do.
    writers: Option<u32>,
}

const SQLITE: Dialect = Dialect {
    begin: "BEGIN IMMEDIATE",
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    items: "json_each($1) AS item",
    texts: "json_each($1) AS item",
    lock: "",
    // FULL: what is written outlives a power cut, too.
    on_connect: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000",
    connections: 4,
    // Its own lock is given to whoever asks at the right moment: of many, some would wait in vain. A pool has a queue.
    writers: Some(1),
};

const POSTGRES: Dialect = Dialect {
    begin: "BEGIN",
    now: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    items: "json_array_elements(CAST($1 AS json)) AS item(value)",
    texts: "json_array_elements_text(CAST($1 AS json)) AS item(value)",
    lock: "FOR UPDATE OF runs",
    on_connect: "SET statement_timeout = 5000",
    connections: 8,
    writers: None,
};

const RUN: &str = "SELECT id, principal, action, connection, organization, input, needs_secret, dry_run, continues, \
                   continued_by, undoes, trace, created_at, status, ended_at, output, error, failing, cancel_requested \
                   FROM runs ";

/// Which of the leases `$1` still hold. Their rows are locked in one order, so that nobody waits in a circle.
const HELD: &str = "SELECT runs.id, runs.epoch FROM runs JOIN {items} ON runs.id = item.value ->> 'run' \
                    AND runs.epoch = CAST(item.value ->> 'epoch' AS BIGINT) \
                    WHERE runs.status = 'running' ORDER BY runs.id {lock}";

/// A journal in a database.
#[derive(Clone)]
pub struct Sql {
    pool: AnyPool,
    /// For changes.
    writers: AnyPool,
    dialect: Dialect,
    /// New runs on their way, where they are written down together.
    beginnings: Option<mpsc::UnboundedSender<Beginning>>,
}

type Tx = Transaction<'static, Any>;

/// A new run, and who waits for what becomes of it.
type Beginning = (NewRun, oneshot::Sender<Result<Begun>>);

impl Sql {
    /// Opens the journal at `sqlite:FILE` or `postgres://…`, and brings its tables up to date.
    ///
    /// # Errors
    /// When it cannot be opened. The text has no password in it.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let (dialect, url) = match url.split_once(':') {
            Some(("sqlite", file)) if !file.is_empty() && !file.contains('?') => {
                (SQLITE, format!("sqlite:{file}?mode=rwc"))
            }
            Some(("postgres" | "postgresql", _)) => (POSTGRES, url.to_owned()),
            _ => return Err(OpenError::Url),
        };
        let pool = connect(&url, &dialect, dialect.connections).await?;
        MIGRATIONS.run(&pool).await.map_err(OpenError::Migrate)?;
        let writers = match dialect.writers {
            Some(writers) => connect(&url, &dialect, writers).await?,
            None => pool.clone(),
        };
        let mut journal = Sql {
            pool,
            writers,
            dialect,
            beginnings: None,
        };
        // Each transaction waits for the disk. Where there is one at a time, a thousand new runs would wait a thousand times.
        if dialect.writers == Some(1) {
            let (beginnings, queue) = mpsc::unbounded_channel();
            tokio::spawn(journal.clone().begin_together(queue));
            journal.beginnings = Some(beginnings);
        }
        Ok(journal)
    }

    fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        let Dialect {
            now, items, lock, ..
        } = self.dialect;
        AssertSqlSafe(
            text.replace("{now}", now)
                .replace("{items}", items)
                .replace("{lock}", lock),
        )
    }

    async fn transaction(&self) -> sqlx::Result<Tx> {
        self.writers.begin_with(self.dialect.begin).await
    }

    /// Writes new runs down, those that come at the same moment in one transaction. Ends with the journal.
    async fn begin_together(self, mut queue: mpsc::UnboundedReceiver<Beginning>) {
        let mut waiting = Vec::new();
        while queue.recv_many(&mut waiting, MOST_BEGUN).await > 0 {
            // Nobody would work on a run whose client has gone.
            waiting.retain(|(_, asks)| !asks.is_closed());
            let begun = self.try_begin_all(waiting.iter().map(|(new, _)| new)).await;
            let mut begun = begun.map(Vec::into_iter);
            for (_, asks) in waiting.drain(..) {
                let answer = match &mut begun {
                    Ok(begun) => begun.next().ok_or_else(|| unavailable("no answer")),
                    Err(error) => Err(unavailable(error.to_string())),
                };
                let _ = asks.send(answer);
            }
        }
    }

    async fn try_begin_all(&self, all: impl Iterator<Item = &NewRun>) -> sqlx::Result<Vec<Begun>> {
        let mut tx = self.transaction().await?;
        let mut begun = Vec::new();
        for new in all {
            let savepoint = tx.begin().await?;
            begun.push(self.try_begin(savepoint, new).await?);
        }
        tx.commit().await?;
        Ok(begun)
    }

    async fn try_begin(&self, mut tx: Transaction<'_, Any>, new: &NewRun) -> sqlx::Result<Begun> {
        let begun = self.begin_in(&mut tx, new).await?;
        // Of one that is not to start, nothing stays.
        match begun {
            Begun::New { .. } => tx.commit().await?,
            _ => tx.rollback().await?,
        }
        Ok(begun)
    }

    async fn begin_in(&self, tx: &mut AnyConnection, new: &NewRun) -> sqlx::Result<Begun> {
        let mut spec = new.spec.clone();
        let id = spec.id.to_string();
        if let Some(key) = &new.key {
            let (principal, name) = (json_text(key.scope()), key.name());
            // Waits for another replica that writes the same key at this moment.
            let sql = "INSERT INTO keys (principal, name, run) VALUES ($1, $2, $3) \
                       ON CONFLICT (principal, name) DO UPDATE SET run = keys.run RETURNING run";
            let named: String = sqlx::query_scalar(sql)
                .bind(principal)
                .bind(name)
                .bind(id.clone())
                .fetch_one(&mut *tx)
                .await?;
            if named != id
                && let Some(record) = self.find(tx, &named).await?
            {
                if let Some(by) = self.undo_of(tx, record.spec.id).await? {
                    let run = record.spec.id;
                    return Ok(Begun::BeingUndone { run, by });
                }
                if record.answers(&new.spec, new.answer_for) {
                    return Ok(Begun::Found(Box::new(record)));
                }
                if record.status == Status::Succeeded {
                    sqlx::query("UPDATE keys SET run = $2 WHERE run = $1")
                        .bind(named)
                        .bind(id.clone())
                        .execute(&mut *tx)
                        .await?;
                } else {
                    spec.continues = Some(record.spec.id);
                }
            }
        }
        let mut effects = Vec::new();
        if let Some(old) = spec.continues {
            let sql = "UPDATE runs SET continued_by = $2 WHERE id = $1 AND continued_by IS NULL";
            let continued = sqlx::query(sql)
                .bind(old.to_string())
                .bind(id.clone())
                .execute(&mut *tx)
                .await?;
            if continued.rows_affected() == 0 {
                let other = self.find(tx, &old.to_string()).await?;
                if let Some(other) = other.and_then(|record| record.continued_by)
                    && let Some(record) = self.find(tx, &other.to_string()).await?
                {
                    return Ok(Begun::Found(Box::new(record)));
                }
            }
            if let Some(by) = self.undo_of(tx, old).await? {
                return Ok(Begun::BeingUndone { run: old, by });
            }
            effects = self.effects_of(&mut *tx, old).await?;
            effects.retain(|effect| effect.matters() && !effect.undoing);
            for effect in &mut effects {
                effect.carried = true;
                let sql = "INSERT INTO effects (run, id, kind, natural_key, settlement, carried, undoing) \
                           VALUES ($1, $2, $3, $4, $5, 1, 0)";
                sqlx::query(sql)
                    .bind(id.clone())
                    .bind(effect.id as i64)
                    .bind(effect.intent.kind.clone())
                    .bind(effect.intent.key.clone())
                    .bind(effect.settlement.as_ref().map(json_text))
                    .execute(&mut *tx)
                    .await?;
            }
            sqlx::query("UPDATE keys SET run = $2 WHERE run = $1")
                .bind(old.to_string())
                .bind(id.clone())
                .execute(&mut *tx)
                .await?;
        }
        if let Some(undone) = spec.undoes.filter(|_| !spec.dry_run) {
            let sql = format!("{RUN} WHERE id = $1 {{lock}}");
            let row = sqlx::query(self.sql(&sql))
                .bind(undone.to_string())
                .fetch_optional(&mut *tx)
                .await?;
            let undone = row.as_ref().map(read_run).transpose()?;
            if let Some(by) = undone.and_then(|record| record.continued_by) {
                return Ok(Begun::Continued { by });
            }
        }
        let sql = "INSERT INTO runs (id, principal, action, connection, organization, input, needs_secret, dry_run, \
                   continues, undoes, trace, created_at, status, owner, epoch, lease_until) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'running', $13, 1, {now} + $14)";
        sqlx::query(self.sql(sql))
            .bind(id)
            .bind(json_text(&spec.principal))
            .bind(spec.action.clone())
            .bind(spec.connection.clone())
            .bind(spec.organization.as_deref().map(without_nul))
            .bind(spec.input.to_string())
            .bind(i64::from(spec.needs_secret))
            .bind(i64::from(spec.dry_run))
            .bind(spec.continues.map(|id| id.to_string()))
            .bind(spec.undoes.map(|id| id.to_string()))
            .bind(spec.trace.clone())
            .bind(spec.created_at.as_millisecond())
            .bind(new.owner.clone())
            .bind(new.lease.as_millis() as i64)
            .execute(&mut *tx)
            .await?;
        Ok(Begun::New {
            lease: Lease {
                run: spec.id,
                epoch: 1,
            },
            continues: spec.continues,
            effects,
        })
    }

    async fn try_append(&self, batches: &[Batch]) -> sqlx::Result<Vec<bool>> {
        let mut tx = self.transaction().await?;
        let leases = batches.iter().map(|batch| batch.lease);
        let held: Vec<(String, i64)> = sqlx::query_as(self.sql(HELD))
            .bind(json_of(leases))
            .fetch_all(&mut *tx)
            .await?;
        let held: Vec<bool> = batches
            .iter()
            .map(|Batch { lease, .. }| held.contains(&(lease.run.to_string(), lease.epoch as i64)))
            .collect();
        let writes = batches
            .iter()
            .zip(&held)
            .filter(|(_, held)| **held)
            .flat_map(|(batch, _)| {
                batch
                    .writes
                    .iter()
                    .map(move |write| (batch.lease.run, write))
            });
        let mut rows = Rows::default();
        writes.for_each(|(run, write)| rows.add(run, write));
        let tables = [
            (
                rows.events,
                "INSERT INTO events (run, id, event) SELECT item.value ->> 'run', \
                 CAST(item.value ->> 'id' AS BIGINT), item.value ->> 'event' FROM {items} \
                 WHERE true ON CONFLICT (run, id) DO NOTHING",
            ),
            (
                rows.intents,
                "INSERT INTO effects (run, id, kind, natural_key, settlement, carried, undoing) SELECT item.value ->> 'run', \
                 CAST(item.value ->> 'id' AS BIGINT), item.value ->> 'kind', item.value ->> 'key', NULL, 0, \
                 CAST(item.value ->> 'undoing' AS BIGINT) \
                 FROM {items} WHERE true ON CONFLICT (run, id) DO UPDATE SET settlement = NULL",
            ),
            (
                rows.settlements,
                "UPDATE effects SET settlement = item.value ->> 'settlement' FROM {items} \
                 WHERE effects.run = item.value ->> 'run' AND effects.id = CAST(item.value ->> 'id' AS BIGINT)",
            ),
            (
                rows.turns,
                "UPDATE runs SET turns = CAST(item.value ->> 'turns' AS BIGINT) FROM {items} \
                 WHERE runs.id = item.value ->> 'run'",
            ),
            (
                rows.failing,
                "UPDATE runs SET failing = item.value ->> 'error' FROM {items} WHERE runs.id = item.value ->> 'run'",
            ),
            (
                rows.undone,
                "UPDATE effects SET settlement = item.value ->> 'undone' FROM {items} \
                 WHERE effects.run = item.value ->> 'run' AND effects.kind = item.value ->> 'kind' \
                 AND effects.natural_key = item.value ->> 'key' AND effects.settlement = item.value ->> 'made' \
                 AND effects.undoing = 0",
            ),
            (
                rows.ends.clone(),
                // Whoever asks for the same again gets it anew.
                "DELETE FROM keys WHERE run IN (SELECT runs.undoes FROM runs JOIN {items} \
                 ON runs.id = item.value ->> 'run' WHERE runs.dry_run = 0 AND runs.undoes IS NOT NULL)",
            ),
            (
                rows.ends,
                "UPDATE runs SET status = item.value ->> 'status', ended_at = CAST(item.value ->> 'at' AS BIGINT), \
                 output = item.value ->> 'output', error = item.value ->> 'error' \
                 FROM {items} WHERE runs.id = item.value ->> 'run'",
            ),
        ];
        for (rows, sql) in tables {
            if !rows.is_empty() {
                sqlx::query(self.sql(sql))
                    .bind(Value::Array(rows).to_string())
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(held)
    }

    /// The run that takes back what a run made, while it is under way.
    async fn undo_of(&self, tx: &mut AnyConnection, run: Uuid) -> sqlx::Result<Option<Uuid>> {
        let sql = "SELECT id FROM runs WHERE status = 'running' AND undoes = $1 AND dry_run = 0";
        let row = sqlx::query(sql)
            .bind(run.to_string())
            .fetch_optional(tx)
            .await?;
        row.map(|row| read_text(&row, "id")).transpose()
    }

    async fn find(&self, tx: &mut AnyConnection, id: &str) -> sqlx::Result<Option<RunRecord>> {
        let sql = AssertSqlSafe(format!("{RUN} WHERE id = $1"));
        let row = sqlx::query(sql)
            .bind(id.to_owned())
            .fetch_optional(tx)
            .await?;
        row.as_ref().map(read_run).transpose()
    }

    async fn effects_of(
        &self,
        executor: impl Executor<'_, Database = Any>,
        run: Uuid,
    ) -> sqlx::Result<Vec<EffectRecord>> {
        let sql = "SELECT id, kind, natural_key, settlement, carried, undoing FROM effects WHERE run = $1 ORDER BY id";
        let rows = sqlx::query(sql)
            .bind(run.to_string())
            .fetch_all(executor)
            .await?;
        rows.iter().map(read_effect).collect()
    }

    async fn try_list(&self, filter: &Filter) -> sqlx::Result<Vec<RunRecord>> {
        let organizations_of = self.dialect.texts;
        let sql = format!(
            "{RUN} WHERE ($1 IS NULL OR organization IN (SELECT item.value FROM {organizations_of})) \
             AND ($2 IS NULL OR principal = $2) AND ($3 IS NULL OR status = $3) AND ($4 IS NULL OR action = $4) \
             AND ($5 IS NULL OR id < $5) ORDER BY id DESC LIMIT $6"
        );
        let organizations = filter.organizations.as_ref();
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(organizations.map(|names| json!(names).to_string()))
            .bind(filter.principal.as_ref().map(json_text))
            .bind(filter.status.map(|status| status.as_str()))
            .bind(filter.action.clone())
            .bind(filter.before.map(|id| id.to_string()))
            .bind(filter.most as i64)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read_run).collect()
    }

    async fn try_take_over(
        &self,
        owner: &str,
        lease: Duration,
        most: usize,
    ) -> sqlx::Result<Vec<TakenOver>> {
        let sql = format!(
            "{RUN} WHERE status = 'running' AND lease_until <= {{now}} ORDER BY id LIMIT $1 {{lock}}"
        );
        let mut tx = self.transaction().await?;
        let rows = sqlx::query(self.sql(&sql))
            .bind(most as i64)
            .fetch_all(&mut *tx)
            .await?;
        let records: Vec<_> = rows.iter().map(read_run).collect::<sqlx::Result<_>>()?;
        // Three statements, however many runs: their leases run from here on.
        let ids: Vec<_> = records.iter().map(|record| record.spec.id).collect();
        let ids = json!(ids).to_string();
        let these = format!("(SELECT item.value FROM {})", self.dialect.texts);
        let sql = format!(
            "SELECT run, id, kind, natural_key, settlement, carried, undoing FROM effects WHERE run IN {these} ORDER BY id"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(ids.clone())
            .fetch_all(&mut *tx)
            .await?;
        let mut effects: HashMap<Uuid, Vec<EffectRecord>> = HashMap::new();
        for row in &rows {
            let of_run = effects.entry(read_text(row, "run")?).or_default();
            of_run.push(read_effect(row)?);
        }
        let sql = format!("SELECT run, MAX(id) FROM events WHERE run IN {these} GROUP BY run");
        let last: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .bind(ids.clone())
            .fetch_all(&mut *tx)
            .await?;
        let last: HashMap<_, _> = last.into_iter().collect();
        let sql = format!(
            "UPDATE runs SET owner = $2, epoch = epoch + 1, lease_until = {{now}} + $3 WHERE id IN {these} \
             RETURNING id, epoch, turns"
        );
        let turns: Vec<(String, i64, i64)> = sqlx::query_as(self.sql(&sql))
            .bind(ids)
            .bind(owner.to_owned())
            .bind(lease.as_millis() as i64)
            .fetch_all(&mut *tx)
            .await?;
        let turns: HashMap<_, _> = turns
            .into_iter()
            .map(|(id, epoch, turns)| (id, (epoch, turns)))
            .collect();
        let taken = records.into_iter().filter_map(|record| {
            let run = record.spec.id;
            let (epoch, turns) = *turns.get(&run.to_string())?;
            Some(TakenOver {
                lease: Lease {
                    run,
                    epoch: epoch as u64,
                },
                effects: effects.remove(&run).unwrap_or_default(),
                last_event: last.get(&run.to_string()).copied().unwrap_or(0) as u64,
                turns: turns as u64,
                record,
            })
        });
        let taken = taken.collect();
        tx.commit().await?;
        Ok(taken)
    }

    async fn try_forget(&self, ended_before: Timestamp, most: usize) -> sqlx::Result<u64> {
        let mut tx = self.transaction().await?;
        let sql = "SELECT id FROM runs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2";
        let old: Vec<String> = sqlx::query_scalar(sql)
            .bind(ended_before.as_millisecond())
            .bind(most as i64)
            .fetch_all(&mut *tx)
            .await?;
        let ids = json!(old).to_string();
        for (table, run) in [
            ("events", "run"),
            ("effects", "run"),
            ("keys", "run"),
            ("runs", "id"),
        ] {
            let ids_of = self.dialect.texts;
            let sql =
                format!("DELETE FROM {table} WHERE {run} IN (SELECT item.value FROM {ids_of})");
            sqlx::query(AssertSqlSafe(sql))
                .bind(ids.clone())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(old.len() as u64)
    }
}

async fn connect(url: &str, dialect: &Dialect, connections: u32) -> Result<AnyPool, OpenError> {
    let on_connect = dialect.on_connect;
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(on_connect).await.map(drop) })
        })
        .connect(url)
        .await
        .map_err(|error| match error {
            sqlx::Error::PoolTimedOut => OpenError::Silent,
            error => OpenError::Connect(error),
        })
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum OpenError {
    #[error("it is neither sqlite:FILE nor a postgres:// URL")]
    Url,
    #[error("nobody lets us in there within 5 s; is the database up, and the user known to it?")]
    Silent,
    #[error("it cannot be opened: {0}")]
    Connect(sqlx::Error),
    #[error("its tables cannot be brought up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
}

#[async_trait]
impl Journal for Sql {
    async fn begin(&self, new: &NewRun) -> Result<Begun> {
        if let Some(beginnings) = &self.beginnings {
            let (asks, answer) = oneshot::channel();
            let _ = beginnings.send((new.clone(), asks));
            return answer.await.map_err(unavailable)?;
        }
        let begun = async { self.try_begin(self.transaction().await?, new).await };
        begun.await.map_err(unavailable)
    }

    async fn append(&self, batches: &[Batch]) -> Result<Vec<bool>> {
        self.try_append(batches).await.map_err(unavailable)
    }

    async fn run(&self, id: Uuid) -> Result<Option<RunRecord>> {
        let sql = AssertSqlSafe(format!("{RUN} WHERE id = $1"));
        let row = sqlx::query(sql)
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await;
        row.and_then(|row| row.as_ref().map(read_run).transpose())
            .map_err(unavailable)
    }

    async fn named(&self, key: &Key) -> Result<Option<RunRecord>> {
        let sql = AssertSqlSafe(format!(
            "{RUN} WHERE id = (SELECT run FROM keys WHERE principal = $1 AND name = $2)"
        ));
        let row = sqlx::query(sql)
            .bind(json_text(key.scope()))
            .bind(key.name())
            .fetch_optional(&self.pool)
            .await;
        row.and_then(|row| row.as_ref().map(read_run).transpose())
            .map_err(unavailable)
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<RunRecord>> {
        self.try_list(filter).await.map_err(unavailable)
    }

    async fn events(&self, run: Uuid, after: u64, most: usize) -> Result<Vec<Event>> {
        let sql = "SELECT event FROM events WHERE run = $1 AND id > $2 ORDER BY id LIMIT $3";
        let rows = sqlx::query(sql)
            .bind(run.to_string())
            .bind(i64::try_from(after).unwrap_or(i64::MAX))
            .bind(most as i64)
            .fetch_all(&self.pool)
            .await;
        rows.and_then(|rows| rows.iter().map(|row| read_json(row, "event")).collect())
            .map_err(unavailable)
    }

    async fn effects(&self, run: Uuid) -> Result<Vec<EffectRecord>> {
        self.effects_of(&self.pool, run).await.map_err(unavailable)
    }

    async fn request_cancel(&self, run: Uuid) -> Result<()> {
        sqlx::query("UPDATE runs SET cancel_requested = 1 WHERE id = $1 AND status = 'running'")
            .bind(run.to_string())
            .execute(&self.writers)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    async fn release_key(&self, key: &Key, run: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM keys WHERE principal = $1 AND name = $2 AND run = $3")
            .bind(json_text(key.scope()))
            .bind(key.name())
            .bind(run.to_string())
            .execute(&self.writers)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    async fn renew(&self, leases: &[Lease], lease: Duration) -> Result<Vec<Held>> {
        let sql = format!(
            "WITH held AS ({HELD}) UPDATE runs SET lease_until = {{now}} + $2 WHERE id IN (SELECT id FROM held) \
             RETURNING id, epoch, cancel_requested"
        );
        let rows = sqlx::query(self.sql(&sql))
            .bind(json_of(leases.iter().copied()))
            .bind(lease.as_millis() as i64)
            .fetch_all(&self.writers)
            .await;
        let held = |row: &AnyRow| {
            Ok(Held {
                lease: Lease {
                    run: read_text(row, "id")?,
                    epoch: row.try_get::<i64, _>("epoch")? as u64,
                },
                cancel_requested: row.try_get::<i64, _>("cancel_requested")? == 1,
            })
        };
        rows.and_then(|rows| rows.iter().map(held).collect())
            .map_err(unavailable)
    }

    async fn hand_over(&self, owner: &str) -> Result<()> {
        sqlx::query("UPDATE runs SET lease_until = 0 WHERE owner = $1 AND status = 'running'")
            .bind(owner.to_owned())
            .execute(&self.writers)
            .await
            .map(drop)
            .map_err(unavailable)
    }

    async fn take_over(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<TakenOver>> {
        self.try_take_over(owner, lease, most)
            .await
            .map_err(unavailable)
    }

    async fn forget(&self, ended_before: Timestamp, most: usize) -> Result<u64> {
        self.try_forget(ended_before, most)
            .await
            .map_err(unavailable)
    }
}

/// What a batch writes, by table. Rows go as one JSON array: one statement a table, however many there are.
#[derive(Default)]
struct Rows {
    events: Vec<Value>,
    intents: Vec<Value>,
    settlements: Vec<Value>,
    turns: Vec<Value>,
    failing: Vec<Value>,
    undone: Vec<Value>,
    ends: Vec<Value>,
}

impl Rows {
    fn add(&mut self, run: Uuid, write: &Write) {
        match write {
            Write::Event(event) => self
                .events
                .push(json!({ "run": run, "id": event.id, "event": json_text(event) })),
            Write::Intent(EffectRecord {
                id,
                intent,
                undoing,
                ..
            }) => self.intents.push(json!({
                "run": run,
                "id": id,
                "kind": intent.kind,
                "key": without_nul(&intent.key),
                "undoing": i64::from(*undoing),
            })),
            Write::Settlement { effect, settlement } => self
                .settlements
                .push(json!({ "run": run, "id": effect, "settlement": json_text(settlement) })),
            Write::Turns(turns) => self.turns.push(json!({ "run": run, "turns": turns })),
            Write::Failing(failure) => self
                .failing
                .push(json!({ "run": run, "error": json_text(failure) })),
            Write::Undone(Undone { run, made }) => {
                self.undone
                    .extend(made.iter().map(|Made { kind, key, id }| {
                        json!({
                            "run": run,
                            "kind": kind,
                            "key": without_nul(key),
                            "made": json_text(&Settlement::Created { id: id.clone() }),
                            "undone": json_text(&Settlement::Undone),
                        })
                    }));
            }
            Write::End {
                status,
                at,
                output,
                error,
            } => self.ends.push(json!({
                "run": run,
                "status": status.as_str(),
                "at": at.as_millisecond(),
                "output": output.as_ref().map(Value::to_string),
                "error": error.as_ref().map(json_text),
            })),
        }
    }
}

/// Leases as the items of a JSON array.
fn json_of(leases: impl Iterator<Item = Lease>) -> String {
    let leases = leases.map(|Lease { run, epoch }| json!({ "run": run, "epoch": epoch }));
    Value::Array(leases.collect()).to_string()
}

fn json_text(value: &impl Serialize) -> String {
    // Only maps with keys that are no text cannot be written; there are none.
    serde_json::to_string(value).unwrap_or_default()
}

/// PostgreSQL keeps no NUL in a text.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn read_run(row: &AnyRow) -> sqlx::Result<RunRecord> {
    let time = |millis: i64| Timestamp::from_millisecond(millis).map_err(decode);
    let ended_at: Option<i64> = row.try_get("ended_at")?;
    let flag = |name: &str| row.try_get::<i64, _>(name).map(|value| value == 1);
    Ok(RunRecord {
        spec: RunSpec {
            id: read_text(row, "id")?,
            principal: read_json(row, "principal")?,
            action: row.try_get("action")?,
            connection: row.try_get("connection")?,
            organization: row.try_get("organization")?,
            input: read_json(row, "input")?,
            needs_secret: flag("needs_secret")?,
            dry_run: flag("dry_run")?,
            continues: read_optional_id(row, "continues")?,
            undoes: read_optional_id(row, "undoes")?,
            trace: row.try_get("trace")?,
            created_at: time(row.try_get("created_at")?)?,
        },
        continued_by: read_optional_id(row, "continued_by")?,
        status: read_text(row, "status")?,
        ended_at: ended_at.map(time).transpose()?,
        output: read_optional_json(row, "output")?,
        error: read_optional_json::<Failure>(row, "error")?,
        failing: read_optional_json::<Failure>(row, "failing")?,
        cancel_requested: flag("cancel_requested")?,
    })
}

fn read_effect(row: &AnyRow) -> sqlx::Result<EffectRecord> {
    Ok(EffectRecord {
        id: row.try_get::<i64, _>("id")? as u64,
        intent: Intent {
            kind: row.try_get("kind")?,
            key: row.try_get("natural_key")?,
        },
        settlement: read_optional_json(row, "settlement")?,
        carried: row.try_get::<i64, _>("carried")? == 1,
        undoing: row.try_get::<i64, _>("undoing")? == 1,
    })
}

fn read_text<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &AnyRow,
    column: &str,
) -> sqlx::Result<T> {
    row.try_get::<String, _>(column)?.parse().map_err(decode)
}

fn read_optional_id(row: &AnyRow, column: &str) -> sqlx::Result<Option<Uuid>> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(decode)).transpose()
}

fn read_json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> sqlx::Result<T> {
    serde_json::from_str(&row.try_get::<String, _>(column)?).map_err(decode)
}

fn read_optional_json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> sqlx::Result<Option<T>> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(decode))
        .transpose()
}

fn decode(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
