//! The audit log: one line of JSON for each decision, for each run, and for each change in a service.
//!
//! Lines about changes are written when the journal has them: what stands in one stands in the other.

mod journal;

use std::{
    fs::OpenOptions,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sidestage_action::Principal;
use sidestage_policy::Decision;
use sidestage_redact::Redactor;
use sidestage_runs::{Run, journal::RunSpec};

use crate::{
    config::{self, AuditTo, Error},
    organizations::Membership,
};

pub(crate) use journal::Audited;

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Audit(Arc<Inner>);

struct Inner {
    /// None: nobody keeps one.
    sink: Option<Mutex<Box<dyn Write + Send>>>,
    redactor: Redactor,
}

/// What was decided about.
pub(crate) struct Asked<'a> {
    pub(crate) principal: &'a Principal,
    /// What the issuer calls the person, which may change.
    pub(crate) name: Option<&'a str>,
    pub(crate) memberships: &'a [Membership],
    pub(crate) action: &'a str,
    pub(crate) organization: Option<&'a str>,
    pub(crate) connection: Option<&'a str>,
    pub(crate) dry_run: bool,
    pub(crate) trace: &'a str,
}

impl Audit {
    pub(crate) fn new(config: &config::Audit, redactor: Redactor) -> Result<Self, Error> {
        let sink: Option<Box<dyn Write + Send>> = match &config.to {
            AuditTo::Off => None,
            AuditTo::Stdout => Some(Box::new(io::stdout())),
            AuditTo::File(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                let file = file.map_err(|error| {
                    Error(format!("audit.to: {path} cannot be written: {error}"))
                })?;
                Some(Box::new(file))
            }
        };
        Ok(Audit(Arc::new(Inner {
            sink: sink.map(Mutex::new),
            redactor,
        })))
    }

    /// That something was allowed or denied, and by which policies.
    pub(crate) fn decision(&self, asked: &Asked<'_>, decision: &Decision) {
        let by = asked
            .memberships
            .iter()
            .find(|one| Some(&*one.organization) == asked.organization)
            .map(|one| &one.by);
        self.write(json!({
            "event": "decision",
            "outcome": if decision.allowed { "allowed" } else { "denied" },
            "policies": decision.policies,
            "errors": decision.errors,
            "who": who(asked.principal),
            "for": on_behalf_of(asked.principal),
            "name": asked.name,
            "organization": asked.organization,
            "memberBy": by,
            "action": asked.action,
            "connection": asked.connection,
            "dryRun": asked.dry_run,
            "trace": asked.trace,
        }));
    }

    /// That a run was started or joined, and in which trace; and by whom, if that is not whose run it is.
    pub(crate) fn run(&self, run: &Run, outcome: &str, by: &Principal, trace: &str) {
        let mut line = json!({ "outcome": outcome, "trace": trace });
        if *by != run.spec.principal {
            line["by"] = by.to_string().into();
        }
        self.of_run("run", &run.spec, line);
    }

    /// Something about a run.
    fn of_run(&self, event: &str, spec: &RunSpec, more: Value) {
        let mut line = json!({
            "event": event,
            "who": who(&spec.principal),
            "for": on_behalf_of(&spec.principal),
            "organization": spec.organization,
            "action": spec.action,
            "connection": spec.connection,
            "dryRun": spec.dry_run,
            "run": spec.id,
            "trace": spec.trace,
        });
        if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
            line.extend(more);
        }
        self.write(line);
    }

    fn write(&self, line: Value) {
        let Some(sink) = &self.0.sink else {
            return;
        };
        let mut stamped = Map::new();
        stamped.insert("time".into(), json!(Timestamp::now()));
        if let Value::Object(line) = line {
            stamped.extend(line);
        }
        let mut line = Value::Object(stamped);
        self.0.redactor.scrub_json(&mut line);
        let line = format!("{line}\n");
        let mut sink = lock(sink);
        // Who keeps the log has to see that it is not kept; runs do not end for it.
        if let Err(error) = sink.write_all(line.as_bytes()).and_then(|()| sink.flush()) {
            tracing::error!(%error, "the audit log cannot be written");
        }
    }
}

/// Who called.
fn who(principal: &Principal) -> String {
    match principal {
        Principal::Backstage { plugin, .. } => format!("plugin:{plugin}"),
        other => other.to_string(),
    }
}

/// For which person.
fn on_behalf_of(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Backstage { user, .. } => user.clone(),
        Principal::Keycloak { .. } => Some(principal.to_string()),
        Principal::Key { .. } => None,
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
