//! One writer for all runs of the process: what they have to say while the journal is busy goes into it
//! together, in one transaction. A change is sent only after its intent is in.

use std::{sync::Arc, time::Duration};

use sidestage_action::Error;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    journal::{Journal, unavailable},
    record::Record,
};

/// Runs whose words go into one transaction at most.
const MOST_RUNS: usize = 256;

/// How long a journal may take for one transaction. A database whose machine has vanished never says so.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the writer waits before it tries a journal again that it could not write.
const PAUSE: Duration = Duration::from_secs(1);

/// The way to the writer. A run is in the queue once at most, so the queue is as long as there are runs.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::UnboundedSender<Arc<Record>>);

impl Writer {
    /// Starts the writer. It ends when nobody can queue anything any more.
    pub(crate) fn start(journal: Arc<dyn Journal>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(write(journal, receiver));
        Writer(sender)
    }

    /// The run has something to write.
    pub(crate) fn queue(&self, record: Arc<Record>) {
        // Without the writer, the process is at its end.
        let _ = self.0.send(record);
    }
}

async fn write(journal: Arc<dyn Journal>, mut queue: mpsc::UnboundedReceiver<Arc<Record>>) {
    let mut records = Vec::new();
    while queue.recv_many(&mut records, MOST_RUNS).await > 0 {
        let mut waiting: Vec<_> = records
            .drain(..)
            .map(|record| {
                let (batch, done) = record.take_waiting();
                (record, batch, done)
            })
            .collect();
        let batches: Vec<_> = waiting.iter().map(|(_, batch, _)| batch.clone()).collect();
        match timeout(PATIENCE, journal.append(&batches)).await {
            Ok(Ok(held)) => {
                for ((record, batch, done), held) in waiting.into_iter().zip(held) {
                    match held {
                        true => record.written(batch, done),
                        false => record.lose(),
                    }
                }
                continue;
            }
            Ok(Err(_)) => {}
            Err(late) => {
                tracing::error!("the journal does not answer");
                let why = unavailable(late);
                for (record, batch, done) in waiting {
                    record.not_written(batch, done, &why);
                }
                sleep(PAUSE).await;
                continue;
            }
        }
        // One that cannot be written must not hold up the others; but when two cannot, nothing can, and nobody is
        // to wait until that is known of each.
        let mut failures: Vec<Error> = Vec::new();
        for (record, batch, done) in waiting.drain(..) {
            if let [_, last, ..] = &failures[..] {
                record.not_written(batch, done, last);
                continue;
            }
            let alone = timeout(PATIENCE, journal.append(std::slice::from_ref(&batch))).await;
            match alone.unwrap_or_else(|late| Err(unavailable(late))) {
                Ok(held) if held == [true] => record.written(batch, done),
                Ok(_) => record.lose(),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(run_id = %batch.lease.run, cause, "the journal cannot be written");
                    record.not_written(batch, done, &error);
                    failures.push(error);
                }
            }
        }
        if !failures.is_empty() {
            sleep(PAUSE).await;
        }
    }
}
