//! A small service with accounts, and the action that makes them: `test:create-accounts`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use serde_json::{Value, json};
use sidestage_action::{
    Attributes, Code, Context, Descriptor, Effect, Error, Kept, Made, OnFailure, Prepared, Result,
    Runnable, Schemas, UndoOutput,
};
use sidestage_runs::FindAction;
use tokio::sync::Semaphore;

/// The service. Lives beside the processes that call it.
#[derive(Default)]
pub struct Accounts {
    there: Mutex<BTreeMap<String, u32>>,
    /// Every change, in order.
    changes: Mutex<Vec<String>>,
    /// An action that is told to wait, waits here.
    pub gate: Gate,
}

pub struct Gate(pub Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Gate(Semaphore::new(0))
    }
}

impl Accounts {
    pub fn there(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn names(&self) -> Vec<String> {
        self.there().keys().cloned().collect()
    }

    pub fn changes(&self) -> Vec<String> {
        self.changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, what: String) -> u32 {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(what);
        changes.len() as u32
    }

    pub fn actions(self: &Arc<Self>) -> FindAction {
        let action: Arc<dyn Runnable> = Arc::new(CreateAccounts {
            descriptor: descriptor(),
            accounts: self.clone(),
        });
        Arc::new(move |id| (id == "test:create-accounts").then(|| action.clone()))
    }
}

/// `{"names": [..], "wait": bool, "fail": bool, "onFailure": "undo", "token": "..", "connection": ".."}`: makes the
/// accounts, waits, fails.
struct CreateAccounts {
    descriptor: Descriptor,
    accounts: Arc<Accounts>,
}

fn descriptor() -> Descriptor {
    Descriptor {
        id: "test:create-accounts".into(),
        name: "create-accounts".into(),
        title: "Create accounts".into(),
        description: String::new(),
        plugin_id: "test".into(),
        attributes: Attributes::CREATES,
        examples: Vec::new(),
        schema: Schemas {
            input: json!({}),
            output: json!({}),
        },
        supports_dry_run: true,
    }
}

impl Runnable for CreateAccounts {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn prepare(&self, mut input: Value) -> Result<Prepared> {
        let token = input
            .as_object_mut()
            .and_then(|input| input.remove("token"));
        let token = token.and_then(|token| token.as_str().map(SecretString::from));
        let accounts = self.accounts.clone();
        let asked = input.clone();
        Ok(Prepared {
            connection: input["connection"].as_str().unwrap_or("test").into(),
            organization: None,
            on_failure: match input["onFailure"].as_str() {
                Some("undo") => OnFailure::Undo,
                _ => OnFailure::Keep,
            },
            input,
            secrets: token.into_iter().collect(),
            work: Box::new(move |ctx| {
                Box::pin(async move { create(&ctx, &accounts, &asked).await })
            }),
        })
    }

    fn prepare_undo(&self, connection: &str, made: Vec<Made>) -> Result<Prepared> {
        let accounts = self.accounts.clone();
        Ok(Prepared {
            connection: connection.into(),
            organization: None,
            on_failure: OnFailure::Keep,
            input: json!({ "undo": made }),
            secrets: Vec::new(),
            work: Box::new(move |ctx| {
                Box::pin(async move {
                    let output = undo(&ctx, &accounts, made).await?;
                    serde_json::to_value(output).map_err(Error::internal)
                })
            }),
        })
    }
}

async fn create(ctx: &Context, accounts: &Accounts, input: &Value) -> Result<Value> {
    let mut created = Vec::new();
    for name in input["names"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default().to_owned();
        let ensured = ctx
            .ensure(&Account {
                accounts,
                name: &name,
            })
            .await?;
        ctx.info(format!("account {name} is there"));
        if ensured.created() {
            created.push(name);
        }
    }
    if input["wait"] == json!(true) {
        ctx.progress("waiting at the gate", None);
        let pass = accounts.gate.0.acquire();
        let pass = async { pass.await.map_err(Error::internal) };
        ctx.race(pass).await?.forget();
    }
    match input["fail"] == json!(true) {
        true => Err(Error::new(
            Code::UpstreamRejected,
            "The last step is refused.",
        )),
        false => Ok(json!({ "created": created })),
    }
}

async fn undo(ctx: &Context, accounts: &Accounts, made: Vec<Made>) -> Result<UndoOutput> {
    let mut output = UndoOutput::default();
    for made in made.into_iter().rev() {
        if made.key == "slow" && !ctx.is_dry_run() {
            ctx.progress("waiting at the gate", None);
            let pass = accounts.gate.0.acquire();
            let pass = async { pass.await.map_err(Error::internal) };
            ctx.race(pass).await?.forget();
        }
        if made.key == "root" {
            let why = "The account root cannot be removed.".to_owned();
            output.kept.push(Kept { made, why });
            continue;
        }
        ctx.ensure(&Removal {
            accounts,
            name: &made.key,
        })
        .await?;
        output.undone.push(made);
    }
    Ok(output)
}

struct Account<'a> {
    accounts: &'a Accounts,
    name: &'a str,
}

impl Effect for Account<'_> {
    type Object = u32;

    fn kind(&self) -> &'static str {
        "account"
    }

    fn key(&self) -> String {
        self.name.into()
    }

    async fn find(&self) -> Result<Option<u32>> {
        Ok(self.accounts.there().get(self.name).copied())
    }

    async fn create(&self) -> Result<u32> {
        let id = self.accounts.change(format!("create {}", self.name));
        match self.accounts.there().insert(self.name.into(), id) {
            None => Ok(id),
            Some(_) => panic!("{} is made twice", self.name),
        }
    }

    fn preview(&self) -> u32 {
        0
    }

    fn id(&self, id: &u32) -> String {
        id.to_string()
    }
}

struct Removal<'a> {
    accounts: &'a Accounts,
    name: &'a str,
}

impl Effect for Removal<'_> {
    type Object = ();

    fn kind(&self) -> &'static str {
        "removal of account"
    }

    fn key(&self) -> String {
        self.name.into()
    }

    async fn find(&self) -> Result<Option<()>> {
        Ok((!self.accounts.there().contains_key(self.name)).then_some(()))
    }

    async fn create(&self) -> Result<()> {
        self.accounts.change(format!("remove {}", self.name));
        self.accounts.there().remove(self.name);
        Ok(())
    }

    fn preview(&self) {}

    fn id(&self, (): &()) -> String {
        self.name.into()
    }
}
