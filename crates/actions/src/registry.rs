//! All actions, bound to the configured connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sidestage_action::{
    AnyAction, Context, Descriptor, Error, Kept, Made, OnFailure, Prepared, Result, Runnable,
    Service, UndoOutput, Undone,
    schema::{self, Checker},
};

use crate::{
    ConnectionConfig, PROVIDERS,
    connections::{Connections, Named},
    provider::{Choice, Provider},
};

/// The actions of all providers, bound to the configured connections.
pub struct Registry {
    actions: BTreeMap<String, Arc<dyn Runnable>>,
    options: BTreeMap<&'static str, Arc<dyn Options>>,
}

impl Registry {
    /// Binds every action to the connections of its provider. Nothing is called. Without any connection
    /// the actions can be described, but not prepared.
    ///
    /// # Errors
    /// What is wrong with the connections' configuration.
    pub fn new(connections: Vec<ConnectionConfig>) -> Result<Self> {
        for connection in &connections {
            connection.known_provider(Self::providers().map(|service| service.id))?;
        }
        let (mut actions, mut options) = (BTreeMap::new(), BTreeMap::new());
        for entry in &PROVIDERS {
            let bound = (entry.bind)(&connections, &entry.described)?;
            for action in bound.actions {
                actions.insert(action.descriptor().id.clone(), action);
            }
            options.insert(entry.service.id, bound.options);
        }
        Ok(Registry { actions, options })
    }

    /// The action with that id.
    pub fn get(&self, id: &str) -> Option<&Arc<dyn Runnable>> {
        self.actions.get(id)
    }

    /// The actions, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Runnable>> {
        self.actions.values()
    }

    /// How the doors show the actions, in the order of their ids.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.iter().map(|action| action.descriptor())
    }

    /// A list of choices for a form: `("coder", "templates")`. `query` may name a `connection`; the rest
    /// of it narrows the list.
    ///
    /// # Errors
    /// [`Code::NotFound`](sidestage_action::Code::NotFound) when there is no such provider or list; otherwise
    /// what is wrong with the connection, or what its service says.
    pub async fn options(
        &self,
        ctx: &Context,
        provider: &str,
        list: &str,
        query: BTreeMap<String, String>,
    ) -> Result<Vec<Choice>> {
        let Some(options) = self.options.get(provider) else {
            return Err(Error::not_found(format!(
                "There is no provider {provider}."
            )));
        };
        options.list(ctx, list, query).await
    }

    /// The names of a provider's lists of choices.
    pub fn option_lists(provider: &str) -> &'static [&'static str] {
        PROVIDERS
            .iter()
            .find(|entry| entry.service.id == provider)
            .map_or(&[], |entry| entry.options)
    }

    /// The services of all providers.
    pub fn providers() -> impl Iterator<Item = Service> {
        PROVIDERS.iter().map(|entry| entry.service)
    }
}

/// A provider without its types.
pub(crate) struct Entry {
    service: Service,
    options: &'static [&'static str],
    bind: Bind,
    /// In the order of its actions.
    described: OnceLock<Vec<Described>>,
}

/// What every registry says of an action: schemas take long to derive and to compile, so that is done once.
struct Described {
    descriptor: Descriptor,
    /// Made when it is first asked for.
    checker: OnceLock<Checker>,
}

impl Described {
    fn checker(&self) -> Result<&Checker> {
        if let Some(checker) = self.checker.get() {
            return Ok(checker);
        }
        let checker = Checker::new(&self.descriptor.schema.input)?;
        Ok(self.checker.get_or_init(|| checker))
    }
}

/// Binds a provider to those connections that are its own.
type Bind = fn(&[ConnectionConfig], &'static OnceLock<Vec<Described>>) -> Result<BoundProvider>;

struct BoundProvider {
    actions: Vec<Arc<dyn Runnable>>,
    options: Arc<dyn Options>,
}

impl Entry {
    pub(crate) const fn of<P: Provider>() -> Self {
        Entry {
            service: P::SERVICE,
            options: P::OPTIONS,
            bind: bind::<P>,
            described: OnceLock::new(),
        }
    }
}

fn bind<P: Provider>(
    configs: &[ConnectionConfig],
    described: &'static OnceLock<Vec<Described>>,
) -> Result<BoundProvider> {
    let connections = Arc::new(Connections::<P>::new(configs)?);
    let actions = P::actions();
    let described = described.get_or_init(|| {
        let described = actions.iter().map(|action| Described {
            descriptor: action.descriptor(P::SERVICE),
            checker: OnceLock::new(),
        });
        described.collect()
    });
    let actions = actions
        .into_iter()
        .zip(described)
        .map(|(action, described)| {
            let bound = Bound {
                action: Arc::from(action),
                described,
                connections: connections.clone(),
            };
            Arc::new(bound) as Arc<dyn Runnable>
        });
    Ok(BoundProvider {
        actions: actions.collect(),
        options: connections,
    })
}

/// A provider's lists of choices.
#[async_trait]
trait Options: Send + Sync {
    async fn list(
        &self,
        ctx: &Context,
        list: &str,
        query: BTreeMap<String, String>,
    ) -> Result<Vec<Choice>>;
}

#[async_trait]
impl<P: Provider> Options for Connections<P> {
    async fn list(
        &self,
        ctx: &Context,
        list: &str,
        mut query: BTreeMap<String, String>,
    ) -> Result<Vec<Choice>> {
        let service = P::SERVICE;
        if !P::OPTIONS.contains(&list) {
            let hint = match P::OPTIONS {
                [] => "it has none.".into(),
                lists => format!("it has {}.", lists.join(", ")),
            };
            let sentence = format!("{} has no list of options {list}; {hint}", service.name);
            return Err(Error::not_found(sentence));
        }
        query.remove("organization");
        let connection = self.of(ctx.organization())?.resolve(&Named {
            connection: query.remove("connection"),
            ..Named::default()
        })?;
        let client = connection.client(ctx)?;
        ctx.race(P::options(&client, list, &query)).await
    }
}

/// An action with the connections that it may work through.
struct Bound<P: Provider> {
    action: Arc<dyn AnyAction<P::Client>>,
    described: &'static Described,
    connections: Arc<Connections<P>>,
}

impl<P: Provider> Runnable for Bound<P> {
    fn descriptor(&self) -> &Descriptor {
        &self.described.descriptor
    }

    fn prepare(&self, input: Value) -> Result<Prepared> {
        schema::refuse_expressions(&input)?;
        self.described.checker()?.check(&input)?;
        let Value::Object(mut own) = input else {
            return Err(Error::internal(
                "the schema of an input accepts something that is not a map",
            ));
        };
        let token = take(&mut own, P::SERVICE.token_input).map(SecretString::from);
        // What may be stored and shown is all of the input but the token.
        let shown = Value::Object(own.clone());
        let named = Named {
            connection: take(&mut own, "connection"),
            url: take(&mut own, P::SERVICE.url_input),
            token,
        };
        let organization = take(&mut own, "organization");
        let on_failure = match take(&mut own, "onFailure").as_deref() {
            Some("undo") => OnFailure::Undo,
            _ => OnFailure::Keep,
        };
        let connections = self.connections.of(organization.as_deref())?;
        let connection = connections.resolve(&named)?;

        let name = connection.name().to_owned();
        let action = self.action.clone();
        let work =
            move |ctx: Context| -> std::pin::Pin<Box<dyn Future<Output = Result<Value>> + Send>> {
                Box::pin(async move {
                    let client = connection.client(&ctx)?;
                    action.run_json(&ctx, &client, Value::Object(own)).await
                })
            };
        Ok(Prepared {
            connection: name,
            organization,
            input: shown,
            on_failure,
            secrets: named.token.into_iter().collect(),
            work: Box::new(work),
        })
    }

    fn prepare_undo(&self, connection: &str, made: Vec<Made>) -> Result<Prepared> {
        let connection = self.connections.resolve(&Named {
            connection: Some(connection.into()),
            ..Named::default()
        })?;
        let name = connection.name().to_owned();
        let input = json!({ "undo": made });
        let work =
            move |ctx: Context| -> std::pin::Pin<Box<dyn Future<Output = Result<Value>> + Send>> {
                Box::pin(async move {
                    let client = connection.client(&ctx)?;
                    let output = undo_all::<P>(&ctx, &client, made).await?;
                    serde_json::to_value(output).map_err(Error::internal)
                })
            };
        Ok(Prepared {
            connection: name,
            organization: None,
            input,
            on_failure: OnFailure::Keep,
            secrets: Vec::new(),
            work: Box::new(work),
        })
    }
}

/// Takes everything back that can be, the newest first. One thing that cannot be does not keep the others.
async fn undo_all<P: Provider>(
    ctx: &Context,
    client: &P::Client,
    made: Vec<Made>,
) -> Result<UndoOutput> {
    let ctx = &ctx.taking_back(&made);
    let mut output = UndoOutput::default();
    for made in made.into_iter().rev() {
        let what = format!("{} {}", made.kind, made.key);
        let undone = match ctx.take_back(|| P::undo(ctx, client, &made)).await {
            Ok(undone) => undone,
            Err(error) => {
                // A run that is over ends here; a refusal is told, and the next thing taken back.
                ctx.check()?;
                Undone::Stays(error.message().to_owned())
            }
        };
        match undone {
            Undone::Gone => {
                if !ctx.is_dry_run() {
                    ctx.info(format!("undone: {what}"));
                }
                output.undone.push(made);
            }
            Undone::Stays(why) => {
                ctx.warn(format!("{what} stays: {why}"));
                output.kept.push(Kept { made, why });
            }
        }
    }
    Ok(output)
}

fn take(input: &mut Map<String, Value>, name: &str) -> Option<String> {
    match input.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
