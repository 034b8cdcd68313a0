//! The trait that an action implements, and what everybody else sees of it.

use std::{future::Future, pin::Pin};

use async_trait::async_trait;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Context, Error, Made, OnFailure, Result, schema};

/// Something Backstage can run as a template step. See `docs/action-contract.md` for what it must and
/// should do.
pub trait Action: Send + Sync + 'static {
    /// The second half of the id: `create-workspace`.
    const NAME: &'static str;

    /// The client of the provider's service, already bound to the connection that the input names.
    type Client: Send + Sync;

    /// What the template gives. The doc comments are the documentation that people see.
    type Input: DeserializeOwned + JsonSchema + Send;

    /// What later steps can use.
    type Output: Serialize + JsonSchema + Send;

    /// Title, description, examples, attributes.
    fn describe(&self) -> Description;

    /// Does the work. Every change goes through [`Context::ensure`].
    fn run(
        &self,
        ctx: &Context,
        client: &Self::Client,
        input: Self::Input,
    ) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// What an action says about itself.
#[derive(Clone, Debug)]
pub struct Description {
    /// A few words: `Create a Coder workspace`.
    pub title: &'static str,
    /// What it does, in Markdown.
    pub description: &'static str,
    /// What it does to the service.
    pub attributes: Attributes,
    /// Inputs that are right, shown in Backstage and run by the conformance suite.
    pub examples: Vec<Example>,
}

/// What an action does to its service; the names are Backstage's, which hands them to MCP clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attributes {
    /// It may remove something or take access away.
    pub destructive: bool,
    /// A second run with the same input changes nothing more. True of all that goes through `ensure`.
    pub idempotent: bool,
    /// It changes nothing.
    pub read_only: bool,
}

impl Attributes {
    /// Looks, and changes nothing.
    pub const READS: Attributes = Attributes {
        destructive: false,
        idempotent: true,
        read_only: true,
    };
    /// Makes something, once.
    pub const CREATES: Attributes = Attributes {
        destructive: false,
        idempotent: true,
        read_only: false,
    };
    /// Takes something away, once.
    pub const REMOVES: Attributes = Attributes {
        destructive: true,
        idempotent: true,
        read_only: false,
    };
}

/// An input that is right, and what it is for.
#[derive(Clone, Debug)]
pub struct Example {
    /// What it shows.
    pub description: &'static str,
    /// The input.
    pub input: Value,
}

/// The service that a provider's actions change, as far as the inputs name it.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// The provider's id, and so the Backstage plugin id: `coder`.
    pub id: &'static str,
    /// Its name for people: `Coder`.
    pub name: &'static str,
    /// The input that may name the service by URL: `coderUrl`.
    pub url_input: &'static str,
    /// The input that may carry a token: `token`.
    pub token_input: &'static str,
}

/// An action as the doors show it; the same shape on all three.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// `coder:create-workspace`.
    pub id: String,
    /// `create-workspace`.
    pub name: String,
    /// A few words.
    pub title: String,
    /// Markdown.
    pub description: String,
    /// The provider's id.
    pub plugin_id: String,
    /// What it does to the service.
    pub attributes: Attributes,
    /// Steps to copy.
    pub examples: Vec<StepExample>,
    /// Draft-07, inlined.
    pub schema: Schemas,
    /// Always: `ensure` gives it.
    pub supports_dry_run: bool,
}

/// An example as Backstage shows it.
#[derive(Clone, Debug, Serialize)]
pub struct StepExample {
    /// What it shows.
    pub description: String,
    /// A template's `steps`, in YAML.
    pub example: String,
}

/// The two schemas of an action.
#[derive(Clone, Debug, Serialize)]
pub struct Schemas {
    /// Of the input, with the inputs that every action takes.
    pub input: Value,
    /// Of the output.
    pub output: Value,
}

impl Descriptor {
    /// Describes an action of a service.
    pub fn new<A: Action>(action: &A, service: Service) -> Self {
        let Description {
            title,
            description,
            attributes,
            examples,
        } = action.describe();
        let id = format!("{}:{}", service.id, A::NAME);
        let mut input = schema::of_input::<A::Input>();
        add_common_inputs(&mut input, service);
        let examples = examples
            .into_iter()
            .map(|example| StepExample {
                description: example.description.into(),
                example: step(&id, title, &example.input),
            })
            .collect();
        Descriptor {
            name: A::NAME.into(),
            title: title.into(),
            description: description.into(),
            plugin_id: service.id.into(),
            attributes,
            examples,
            schema: Schemas {
                input,
                output: schema::of_output::<A::Output>(),
            },
            supports_dry_run: true,
            id,
        }
    }
}

/// The inputs that every action takes are read by Sidestage before the action runs, and stand in its
/// schema beside its own.
fn add_common_inputs(schema: &mut Value, service: Service) {
    let Service {
        name, url_input, ..
    } = service;
    let common = json!({
        "connection": {
            "type": "string",
            "minLength": 1,
            "description": format!("The connection to {name}, by its name in Sidestage's configuration. Default: the only one."),
        },
        "organization": {
            "type": "string",
            "minLength": 1,
            "description": "The organization (tenant) that this is done for, by its name in Sidestage's configuration.",
        },
        "onFailure": {
            "type": "string",
            "enum": ["keep", "undo"],
            "description": "What becomes of what this step has made, if it fails or is cancelled: `keep` it, so that running the step again continues from there, or `undo` it, the newest first. What was there before is never touched. Default: keep.",
        },
        (url_input): {
            "type": "string",
            "format": "uri",
            "description": format!("The URL of a configured connection to {name}, instead of its name. Any other URL is refused."),
        },
        (service.token_input): {
            "type": "string",
            "minLength": 1,
            "writeOnly": true,
            "description": "A token to use instead of the connection's own, where the connection allows it. Give it as a secret.",
        },
    });
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    if let Value::Object(common) = common {
        properties.extend(common);
    }
}

fn step(id: &str, title: &str, input: &Value) -> String {
    let name = id.split(':').next_back().unwrap_or(id);
    let steps = json!({"steps": [{"id": name, "name": title, "action": id, "input": input}]});
    serde_saphyr::to_string(&steps).unwrap_or_else(|_| steps.to_string())
}

/// An action without its types: what a registry holds.
#[async_trait]
pub trait AnyAction<C>: Send + Sync {
    /// How the doors show it.
    fn descriptor(&self, service: Service) -> Descriptor;

    /// The inputs of its examples.
    fn examples(&self) -> Vec<Example>;

    /// Runs it with an input that its schema has accepted.
    async fn run_json(&self, ctx: &Context, client: &C, input: Value) -> Result<Value>;
}

#[async_trait]
impl<A: Action> AnyAction<A::Client> for A {
    fn descriptor(&self, service: Service) -> Descriptor {
        Descriptor::new(self, service)
    }

    fn examples(&self) -> Vec<Example> {
        self.describe().examples
    }

    async fn run_json(&self, ctx: &Context, client: &A::Client, input: Value) -> Result<Value> {
        let input: A::Input = serde_json::from_value(input).map_err(|error| {
            // The schema accepted it, so type and schema disagree; serde's text may quote the value.
            Error::invalid(
                "",
                "The input does not fit this action's types, although its schema accepts it.",
            )
            .because(error)
        })?;
        let result = self.run(ctx, client, input).await;
        let output = result.map_err(|error| match ctx.on_failure() {
            OnFailure::Keep => error.with_what_remains(&ctx.made()),
            OnFailure::Undo => error,
        })?;
        serde_json::to_value(output).map_err(Error::internal)
    }
}

/// An action bound to its connections, ready to be asked: what the doors work with.
pub trait Runnable: Send + Sync {
    /// How the doors show it.
    fn descriptor(&self) -> &Descriptor;

    /// Checks an input and binds it to a connection. Nothing is called.
    ///
    /// # Errors
    /// What is wrong with the input, or with the connection that it names.
    fn prepare(&self, input: Value) -> Result<Prepared>;

    /// The work that takes back what a run of this action made through that connection, the newest first.
    /// It is a run like any other: it goes through [`Context::ensure`] and can be a dry run. Its output is
    /// [`UndoOutput`] as JSON.
    ///
    /// # Errors
    /// There is no such connection any more.
    fn prepare_undo(&self, connection: &str, made: Vec<Made>) -> Result<Prepared>;
}

/// The work of a prepared run.
pub type Work =
    Box<dyn FnOnce(Context) -> Pin<Box<dyn Future<Output = Result<Value>> + Send>> + Send>;

/// A checked input, bound to its connection: a run that may start once it is allowed.
pub struct Prepared {
    /// The connection's name.
    pub connection: String,
    /// The organization that the input names.
    pub organization: Option<String>,
    /// The input without its secrets: may be stored, compared and shown.
    pub input: Value,
    /// What becomes of what the run made, if it fails.
    pub on_failure: OnFailure,
    /// Secrets of this run, to be scrubbed from all it says.
    pub secrets: Vec<SecretString>,
    /// The work itself.
    pub work: Work,
}
