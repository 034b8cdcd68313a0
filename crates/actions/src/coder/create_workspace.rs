//! `coder:create-workspace`: what it takes and gives. What it does is in `workspace.rs`.

use std::{collections::BTreeMap, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Result};

use super::{client::Client, users::check_user, workspace::Wanted};

/// How long a step takes at most where the input does not say.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

pub(super) struct CreateWorkspace;

/// What the workspace should be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// Whose workspace it is: the user's name in Coder, its id, or its e-mail address.
    #[schemars(length(min = 1), extend("examples" = ["ada"]))]
    user: String,
    /// The template that the workspace is made from, by its name or id.
    #[schemars(length(min = 1), extend("examples" = ["node"]))]
    template: Option<String>,
    /// The same as `template`.
    #[schemars(length(min = 1))]
    template_id: Option<String>,
    /// The organization in Coder that has the template. Needed only where more than one has a template of this name.
    #[schemars(length(min = 1))]
    coder_organization: Option<String>,
    /// The workspace's name: letters, digits and single dashes between them, at most 32 characters.
    #[schemars(length(min = 1), extend("examples" = ["dev"]))]
    workspace_name: String,
    /// Values of the template's parameters, by name.
    #[serde(default)]
    #[schemars(schema_with = "parameter_values", extend("examples" = [{"cpu": 4}]))]
    parameters: BTreeMap<String, Json>,
    /// A preset of the template, by its name or id.
    #[schemars(length(min = 1))]
    preset: Option<String>,
    /// How long after its start a new workspace stops by itself, such as `8h` or `90m`. Default: as the template says.
    #[schemars(length(min = 1), extend("examples" = ["8h"]))]
    ttl: Option<String>,
    /// When a new workspace starts by itself, in cron's form, such as `CRON_TZ=Europe/Berlin 30 8 * * 1-5`.
    #[schemars(length(min = 1))]
    autostart: Option<String>,
    /// What the step waits for: until the workspace is `created`, until its build has finished and its resources are
    /// `running`, or until it is `ready` to connect to.
    #[serde(default)]
    wait_for: WaitFor,
    /// How long the step may take, such as `20m`. Default: 30m.
    #[schemars(length(min = 1), extend("examples" = ["20m"]))]
    timeout: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum WaitFor {
    Created,
    Running,
    #[default]
    Ready,
}

fn parameter_values(_: &mut SchemaGenerator) -> Schema {
    let scalar = json!(["string", "number", "boolean"]);
    json_schema!({
        "type": "object",
        "additionalProperties": { "type": ["string", "number", "boolean", "array"], "items": { "type": scalar } },
    })
}

/// The workspace, as Coder has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Its id in Coder.
    #[schemars(extend("examples" = ["8a0cfd4e-6a3c-4f0b-9a52-2f1f3a1c9b7d"]))]
    pub(super) workspace_id: String,
    /// Its page in Coder.
    #[schemars(extend("examples" = ["https://coder.example.com/@ada/dev"]))]
    pub(super) workspace_url: String,
    /// Its name, as Coder writes it.
    #[schemars(extend("examples" = ["dev"]))]
    pub(super) workspace_name: String,
    /// Its owner's name in Coder.
    #[schemars(extend("examples" = ["ada"]))]
    pub(super) owner_name: String,
    /// How it is, in Coder's words. After waiting for `ready`: `ready`, or `start_error` or `start_timeout` where a
    /// start script failed or takes too long; otherwise `pending`, `starting`, `running`.
    #[schemars(extend("examples" = ["ready"]))]
    pub(super) status: String,
    /// Whether this run made it. False: it was there and is what was asked for.
    #[schemars(extend("examples" = [true]))]
    pub(super) created: bool,
    /// What can be opened in it.
    #[schemars(extend("examples" = [[{"name": "VS Code", "url": "https://coder.example.com/@ada/dev.main/apps/code/"}]]))]
    pub(super) apps: Vec<AppLink>,
}

/// An application in a workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppLink {
    /// What it is called.
    #[schemars(extend("examples" = ["VS Code"]))]
    pub(super) name: String,
    /// Where it is.
    #[schemars(extend("examples" = ["https://coder.example.com/@ada/dev.main/apps/code/"]))]
    pub(super) url: String,
}

impl Action for CreateWorkspace {
    const NAME: &'static str = "create-workspace";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a Coder workspace",
            description: "Creates a workspace in [Coder](https://coder.com) for a user and waits until one can connect to \
                          it; Coder's build log is shown in the step's log. A workspace of that owner and name that is \
                          already there is used if it has the same template and parameters: it is started if it is \
                          stopped, and built again if its build failed.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "A workspace from a template, with its defaults",
                    input: json!({"user": "grace", "template": "node", "workspaceName": "dev"}),
                },
                Example {
                    description: "With parameters, without waiting until one can connect",
                    input: json!({
                        "user": "ada",
                        "template": "node",
                        "coderOrganization": "coder",
                        "workspaceName": "review",
                        "parameters": {"cpu": 4, "region": "eu"},
                        "ttl": "8h",
                        "waitFor": "running",
                    }),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let input = Checked::new(input)?;
        let ctx = &ctx.within(input.timeout);
        Wanted::resolve(ctx, client, input)
            .await?
            .provide(ctx)
            .await
    }
}

/// An input that Coder would not refuse for its form.
pub(super) struct Checked {
    pub(super) user: String,
    pub(super) template: String,
    pub(super) coder_organization: Option<String>,
    pub(super) workspace_name: String,
    pub(super) parameters: BTreeMap<String, Json>,
    pub(super) preset: Option<String>,
    pub(super) ttl: Option<Duration>,
    pub(super) autostart: Option<String>,
    pub(super) wait_for: WaitFor,
    pub(super) timeout: Duration,
}

impl Checked {
    fn new(input: Input) -> Result<Self> {
        let template = match (input.template, input.template_id) {
            (Some(template), Some(id)) if template != id => {
                return Err(Error::invalid(
                    "templateId",
                    "template and templateId name two templates; give one of both.",
                ));
            }
            (Some(template), _) | (None, Some(template)) => template,
            (None, None) => {
                return Err(Error::invalid(
                    "template",
                    "template is required: the name or id of a template in Coder.",
                ));
            }
        };
        check_user(&input.user)?;
        check_name("workspaceName", &input.workspace_name)?;
        let ttl = input.ttl.map(|text| duration("ttl", &text)).transpose()?;
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        if ttl.is_some_and(|ttl| ttl < Duration::from_secs(60) || ttl > month) {
            return Err(Error::invalid(
                "ttl",
                "ttl must be from 1m to 720h, which is 30 days: Coder takes no other.",
            ));
        }
        let timeout = timeout(input.timeout.as_deref())?;
        Ok(Checked {
            user: input.user,
            template,
            coder_organization: input.coder_organization,
            workspace_name: input.workspace_name,
            parameters: input.parameters,
            preset: input.preset,
            ttl,
            autostart: input.autostart,
            wait_for: input.wait_for,
            timeout: timeout.unwrap_or(TIMEOUT),
        })
    }
}

/// Coder's rule for names. Names in Backstage may be longer and may hold dots and underscores.
pub(super) fn check_name(field: &str, name: &str) -> Result<()> {
    let fits = name.len() <= 32
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    if !fits {
        let sentence = format!(
            "Coder refuses the {field} {name:?}: it must be 1 to 32 characters, letters (a-z, A-Z) and digits, \
             with single dashes between them."
        );
        return Err(Error::invalid(field, sentence));
    }
    if matches!(name, "new" | "create") {
        return Err(Error::invalid(
            field,
            format!("Coder keeps the names new and create for itself; choose another {field}."),
        ));
    }
    Ok(())
}

/// How long the step may take, if that is given.
pub(super) fn timeout(text: Option<&str>) -> Result<Option<Duration>> {
    let timeout = text.map(|text| duration("timeout", text)).transpose()?;
    if timeout.is_some_and(|timeout| timeout > Duration::from_secs(24 * 60 * 60)) {
        let sentence = "timeout must be at most 24h: no step waits for longer.";
        return Err(Error::invalid("timeout", sentence));
    }
    Ok(timeout)
}

fn duration(field: &str, text: &str) -> Result<Duration> {
    let parsed: Option<Duration> = text
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|span| span.try_into().ok());
    parsed
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            Error::invalid(
                field,
                format!("{field} is not a duration; write 8h, 90m or 1h 30m."),
            )
        })
}
