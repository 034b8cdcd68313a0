//! All actions, bound to the configured connections.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;
use serde_json::{Map, Value};
use sidestage_action::{
    AnyAction, Context, Descriptor, Error, Prepared, Result, Runnable, Service,
    schema::{self, Checker},
};

use crate::{
    ConnectionConfig, PROVIDERS,
    connections::{Connections, Named},
    provider::Provider,
};

/// The actions of all providers, bound to the configured connections.
pub struct Registry {
    actions: BTreeMap<String, Arc<dyn Runnable>>,
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
        let mut actions = BTreeMap::new();
        for entry in PROVIDERS {
            for action in (entry.bind)(&connections)? {
                actions.insert(action.descriptor().id.clone(), action);
            }
        }
        Ok(Registry { actions })
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

    /// The services of all providers.
    pub fn providers() -> impl Iterator<Item = Service> {
        PROVIDERS.iter().map(|entry| entry.service)
    }
}

/// A provider without its types.
pub(crate) struct Entry {
    service: Service,
    bind: Bind,
}

/// Binds a provider's actions to those connections that are its own.
type Bind = fn(&[ConnectionConfig]) -> Result<Vec<Arc<dyn Runnable>>>;

impl Entry {
    pub(crate) const fn of<P: Provider>() -> Self {
        Entry {
            service: P::SERVICE,
            bind: bind::<P>,
        }
    }
}

fn bind<P: Provider>(configs: &[ConnectionConfig]) -> Result<Vec<Arc<dyn Runnable>>> {
    let connections = Arc::new(Connections::<P>::new(configs)?);
    P::actions()
        .into_iter()
        .map(|action| {
            let descriptor = action.descriptor(P::SERVICE);
            let checker = Checker::new(&descriptor.schema.input)?;
            let bound = Bound {
                action: Arc::from(action),
                descriptor,
                checker,
                connections: connections.clone(),
            };
            Ok(Arc::new(bound) as Arc<dyn Runnable>)
        })
        .collect()
}

/// An action with the connections that it may work through.
struct Bound<P: Provider> {
    action: Arc<dyn AnyAction<P::Client>>,
    descriptor: Descriptor,
    checker: Checker,
    connections: Arc<Connections<P>>,
}

impl<P: Provider> Runnable for Bound<P> {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn prepare(&self, input: Value) -> Result<Prepared> {
        schema::refuse_expressions(&input)?;
        self.checker.check(&input)?;
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
        let connection = self.connections.resolve(&named)?;

        let name = connection.name().to_owned();
        let action = self.action.clone();
        let work =
            move |ctx: Context| -> std::pin::Pin<Box<dyn Future<Output = Result<Value>> + Send>> {
                Box::pin(async move {
                    let client = connection.client(&ctx);
                    action.run_json(&ctx, &client, Value::Object(own)).await
                })
            };
        Ok(Prepared {
            connection: name,
            organization,
            input: shown,
            secrets: named.token.into_iter().collect(),
            work: Box::new(work),
        })
    }
}

fn take(input: &mut Map<String, Value>, name: &str) -> Option<String> {
    match input.shift_remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
