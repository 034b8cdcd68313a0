//! `coder:create-workspace`

use std::{collections::BTreeMap, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sidestage_action::{
    Action, Attributes, Code, Context, Description, Difference, Effect, Error, Example, FieldError,
    Result, schema,
};
use sidestage_upstream::StatusCode;
use uuid::Uuid;

use super::{
    builds::{Cancel, Start},
    client::{
        Build, Client, CreateError, CreateWorkspace as Body, Deployment, JobStatus, Template,
        Transition, User, Version, Workspace,
    },
    follow::Follow,
    parameters::{self, Parameters},
};

/// How long a step takes at most where the input does not say.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long clearing up after a cancelled run may take.
const CLEANUP: Duration = Duration::from_secs(30);

/// From here on Coder tells about the git logins of the owner; before it told about those of the token's user.
const EXTERNAL_AUTH_OF_OWNER: Version = Version(2, 36);

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
enum WaitFor {
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
    workspace_id: String,
    /// Its page in Coder.
    #[schemars(extend("examples" = ["https://coder.example.com/@ada/dev"]))]
    workspace_url: String,
    /// Its name, as Coder writes it.
    #[schemars(extend("examples" = ["dev"]))]
    workspace_name: String,
    /// Its owner's name in Coder.
    #[schemars(extend("examples" = ["ada"]))]
    owner_name: String,
    /// How it is, in Coder's words. After waiting for `ready`: `ready`, or `start_error` or `start_timeout` where a
    /// start script failed or takes too long; otherwise `pending`, `starting`, `running`.
    #[schemars(extend("examples" = ["ready"]))]
    status: String,
    /// Whether this run made it. False: it was there and is what was asked for.
    #[schemars(extend("examples" = [true]))]
    created: bool,
    /// What can be opened in it.
    #[schemars(extend("examples" = [[{"name": "VS Code", "url": "https://coder.example.com/@ada/dev.main/apps/code/"}]]))]
    apps: Vec<AppLink>,
}

/// An application in a workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AppLink {
    /// What it is called.
    #[schemars(extend("examples" = ["VS Code"]))]
    name: String,
    /// Where it is.
    #[schemars(extend("examples" = ["https://coder.example.com/@ada/dev.main/apps/code/"]))]
    url: String,
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
struct Checked {
    user: String,
    template: String,
    coder_organization: Option<String>,
    workspace_name: String,
    parameters: BTreeMap<String, Json>,
    preset: Option<String>,
    ttl: Option<Duration>,
    autostart: Option<String>,
    wait_for: WaitFor,
    timeout: Duration,
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
        if input.user.contains(':') || input.user.contains('/') {
            let sentence = "user is not a user name of Coder. Where it comes from Backstage, give the name \
                            (user.entity.metadata.name) or the e-mail address, not the entity ref.";
            return Err(Error::invalid("user", sentence));
        }
        check_name(&input.workspace_name)?;
        let ttl = input.ttl.map(|text| duration("ttl", &text)).transpose()?;
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        if ttl.is_some_and(|ttl| ttl < Duration::from_secs(60) || ttl > month) {
            return Err(Error::invalid(
                "ttl",
                "ttl must be from 1m to 720h, which is 30 days: Coder takes no other.",
            ));
        }
        let timeout = input
            .timeout
            .map(|text| duration("timeout", &text))
            .transpose()?;
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
fn check_name(name: &str) -> Result<()> {
    let fits = name.len() <= 32
        && name
            .split('-')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric()));
    if !fits {
        let sentence = "Coder refuses this workspaceName: it must be 1 to 32 characters, letters (a-z, A-Z) and digits, \
                        with single dashes between them.";
        return Err(Error::invalid("workspaceName", sentence));
    }
    if matches!(name, "new" | "create") {
        return Err(Error::invalid(
            "workspaceName",
            "Coder keeps the names new and create for itself; choose another workspaceName.",
        ));
    }
    Ok(())
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

/// The workspace that is asked for, with everything that it names looked up.
struct Wanted<'a> {
    client: &'a Client,
    deployment: Deployment,
    owner: User,
    template: Template,
    parameters: Parameters,
    name: String,
    ttl: Option<Duration>,
    autostart: Option<String>,
    wait_for: WaitFor,
}

impl<'a> Wanted<'a> {
    async fn resolve(ctx: &Context, client: &'a Client, input: Checked) -> Result<Self> {
        let deployment = ctx.race(client.deployment()).await?;
        let owner = ctx.race(find_owner(client, &input.user)).await?;
        let template = ctx
            .race(find_template(
                client,
                &input.template,
                input.coder_organization.as_deref(),
                &owner,
            ))
            .await?;
        let preset = input.preset.as_deref();
        let parameters =
            Parameters::resolve(ctx, client, &template, &owner, &input.parameters, preset).await?;
        Ok(Wanted {
            client,
            deployment,
            owner,
            template,
            parameters,
            name: input.workspace_name,
            ttl: input.ttl,
            autostart: input.autostart,
            wait_for: input.wait_for,
        })
    }

    async fn provide(&self, ctx: &Context) -> Result<Output> {
        if !self.is_there(ctx).await? {
            self.check_for_create(ctx).await?;
        }
        let ensured = ctx.ensure(self).await?;
        let created = ensured.created();
        let workspace = ensured.object;
        self.say(ctx, &workspace, created);
        if workspace.id.is_nil() {
            return Ok(self.output(workspace, self.preview_status(), true, Vec::new()));
        }
        // What a cancelled run would leave behind.
        let mut under_way = UnderWay {
            made: created,
            build: workspace.latest_build.clone(),
        };
        let result = self.bring_up(ctx, workspace, &mut under_way).await;
        let (workspace, status) = match result {
            Err(error) if matches!(error.code(), Code::Cancelled | Code::DeadlineExceeded) => {
                return Err(self.clear_up(ctx, under_way, error).await);
            }
            result => result?,
        };
        let apps = self.apps(ctx, &workspace).await?;
        Ok(self.output(workspace, status, created, apps))
    }

    /// Whether there is such a workspace already, once one that is being deleted is gone.
    async fn is_there(&self, ctx: &Context) -> Result<bool> {
        let existing = ctx
            .race(self.client.workspace(&self.owner.username, &self.name))
            .await?;
        let Some(Workspace {
            owner_name,
            name,
            latest_build: build,
            ..
        }) = existing
        else {
            return Ok(false);
        };
        if build.transition != Transition::Delete {
            return Ok(true);
        }
        let key = self.key();
        let status = if build.job.status.is_final() {
            build.job.status
        } else if ctx.is_dry_run() {
            ctx.info(format!(
                "dry run: a workspace {key} is being deleted; the step would wait until it is gone"
            ));
            return Ok(false);
        } else {
            ctx.info(format!(
                "a workspace {key} is being deleted; waiting until it is gone"
            ));
            self.follow(ctx).until_ended(build.id).await?.job.status
        };
        if status == JobStatus::Succeeded {
            return Ok(false);
        }
        let page = self
            .deployment
            .dashboard
            .build(&owner_name, &name, build.build_number);
        Err(Error::conflict(format!(
            "A workspace {key} exists, and Coder could not delete it. Delete it in Coder, or choose another \
             workspaceName. See {page}"
        )))
    }

    /// What only a new workspace needs.
    async fn check_for_create(&self, ctx: &Context) -> Result<()> {
        let Template {
            name,
            deprecated,
            deprecation_message,
            active_version_id,
            ..
        } = &self.template;
        if *deprecated {
            let why = match deprecation_message.trim().trim_end_matches('.') {
                "" => String::new(),
                why => format!(": {why}"),
            };
            return Err(Error::invalid(
                "template",
                format!("The template {name} is deprecated{why}. Choose another one."),
            ));
        }
        self.parameters.check_for_create(&self.template)?;
        // Where the version is not known it is a build of the developers', which is newer than any release.
        if self
            .deployment
            .version
            .is_none_or(|version| version >= EXTERNAL_AUTH_OF_OWNER)
        {
            let logins = ctx
                .race(self.client.external_auth(*active_version_id, self.owner.id))
                .await?;
            let missing: Vec<String> = logins
                .iter()
                .filter(|login| !login.authenticated && !login.optional)
                .map(|login| {
                    let name = if login.display_name.is_empty() {
                        &login.id
                    } else {
                        &login.display_name
                    };
                    format!("{name} at {}", login.authenticate_url)
                })
                .collect();
            if !missing.is_empty() {
                return Err(self.not_linked(&missing.join(", ")));
            }
        }
        Ok(())
    }

    fn not_linked(&self, logins: &str) -> Error {
        let (owner, template) = (&self.owner.username, &self.template.name);
        Error::new(
            Code::UpstreamRejected,
            format!(
                "The template {template} needs a git login that {owner} has not linked to Coder. {owner} has to link \
                 {logins} and then to run the step again."
            ),
        )
    }

    fn say(&self, ctx: &Context, workspace: &Workspace, created: bool) {
        if workspace.id.is_nil() {
            return;
        }
        let page = self
            .deployment
            .dashboard
            .workspace(&workspace.owner_name, &workspace.name);
        if created {
            ctx.info(format!("created the workspace {}: {page}", self.key()));
            return;
        }
        ctx.info(format!(
            "the workspace {} is there and has the same template and parameters: {page}",
            self.key()
        ));
        // A person may set these in Coder; they do not make another workspace of it.
        let found = workspace
            .ttl_ms
            .map(|ms| Duration::from_millis(ms.unsigned_abs()));
        if self.ttl.is_some() && found != self.ttl {
            ctx.warn("its ttl in Coder is not the one that is asked for; it is left as it is");
        }
        if self.autostart.is_some() && workspace.autostart_schedule != self.autostart {
            ctx.warn(
                "its autostart in Coder is not the one that is asked for; it is left as it is",
            );
        }
    }

    /// Sees to it that the workspace runs, as far as the input waits for it. Returns it with its status.
    async fn bring_up(
        &self,
        ctx: &Context,
        workspace: Workspace,
        under_way: &mut UnderWay,
    ) -> Result<(Workspace, String)> {
        let follow = self.follow(ctx);
        let mut workspace = workspace;
        loop {
            let build = &workspace.latest_build;
            let is_dormant = workspace.dormant_at.is_some();
            match (build.transition, &build.job.status) {
                (
                    Transition::Start,
                    JobStatus::Pending | JobStatus::Running | JobStatus::Unknown,
                ) => break,
                (Transition::Start, JobStatus::Succeeded) if !is_dormant => break,
                (Transition::Delete, _) => {
                    return Err(Error::conflict(format!(
                        "The workspace {} is being deleted. Run the step again once it is gone.",
                        self.key()
                    )));
                }
                (_, status) if status.is_final() => {
                    if is_dormant {
                        ctx.info("it is dormant; starting it");
                    } else if build.transition == Transition::Stop {
                        ctx.info("it is stopped; starting it");
                    } else {
                        ctx.info(format!(
                            "its build {} has ended as {status}; building it again",
                            build.build_number
                        ));
                    }
                    // A template that has been mended since is why a failed build may succeed now.
                    let has_failed =
                        build.transition == Transition::Start && *status != JobStatus::Succeeded;
                    let version = Some(self.template.active_version_id).filter(|active| {
                        has_failed && build.template_version_id.is_some_and(|had| had != *active)
                    });
                    let start = Start {
                        client: self.client,
                        workspace: &workspace,
                        version,
                    };
                    let started = ctx.ensure(&start).await?;
                    *under_way = UnderWay {
                        made: started.created(),
                        build: started.object.clone(),
                    };
                    workspace.latest_build = started.object;
                    break;
                }
                _ => {
                    if ctx.is_dry_run() {
                        ctx.info("dry run: it would be started once its present build has ended");
                        return Ok((workspace, self.preview_status()));
                    }
                    let what = if build.transition == Transition::Stop {
                        "it is being stopped"
                    } else {
                        "its build is being cancelled"
                    };
                    ctx.info(format!("{what}; waiting until that has ended"));
                    let build = build.id;
                    follow.until_ended(build).await?;
                    workspace = follow.reload().await?;
                }
            }
        }
        if ctx.is_dry_run() {
            return Ok((workspace, self.preview_status()));
        }
        let build = workspace.latest_build.id;
        // The log of a build that had ended long before is not this step's.
        let is_under_way = !workspace.latest_build.job.status.is_final();
        if is_under_way && self.wait_for != WaitFor::Created {
            follow.until_built(build).await?;
            workspace = follow.reload().await?;
        }
        if self.wait_for == WaitFor::Ready {
            return follow.until_ready(build, is_under_way).await;
        }
        let status = workspace.latest_build.status.clone();
        Ok((workspace, status))
    }

    /// Cancels the build of a run that is over, and says what is left.
    async fn clear_up(&self, ctx: &Context, under_way: UnderWay, over: Error) -> Error {
        let ctx = &ctx.cleanup(CLEANUP);
        let number = under_way.build.build_number;
        let key = self.key();
        let what = match self.end(ctx, &under_way).await {
            Ok(Ended::Canceled) => format!("Its build {number} of {key} was cancelled in Coder."),
            Ok(Ended::Canceling) => format!("Coder is cancelling its build {number} of {key}."),
            Ok(Ended::Before) => format!("Build {number} of {key} had already ended."),
            Ok(Ended::NotOurs) => {
                format!("Build {number} of {key} was begun by somebody else and goes on.")
            }
            Err(error) => {
                let why = error.message().trim_end_matches('.');
                format!("Build {number} of {key} goes on, since it could not be cancelled ({why}).")
            }
        };
        let page = self
            .deployment
            .dashboard
            .workspace(&self.owner.username, &self.name);
        let left = format!(
            "The workspace {key} remains: run the step again to continue, or delete it in Coder at {page}"
        );
        let how = match over.code() {
            Code::Cancelled => "The run was cancelled.",
            _ => "The run's time is up.",
        };
        Error::new(over.code(), format!("{how} {what} {left}")).because(over)
    }

    async fn end(&self, ctx: &Context, under_way: &UnderWay) -> Result<Ended> {
        let UnderWay { made, build } = under_way;
        let now = ctx.race(self.client.build(build.id)).await?;
        if now.job.status.is_final() {
            return Ok(Ended::Before);
        }
        // A run that continues one which was cut finds a build that the same credential has begun.
        let is_ours = *made || now.initiator_id == Some(ctx.race(self.client.me()).await?);
        if !is_ours {
            return Ok(Ended::NotOurs);
        }
        let key = format!("{}/builds/{}", self.key(), build.build_number);
        ctx.ensure(&Cancel {
            client: self.client,
            build: build.id,
            key,
        })
        .await?;
        match self.follow(ctx).until_ended(build.id).await {
            Ok(ended) if ended.job.status == JobStatus::Canceled => Ok(Ended::Canceled),
            Ok(_) => Ok(Ended::Before),
            Err(_) => Ok(Ended::Canceling),
        }
    }

    fn follow<'b>(&'b self, ctx: &'b Context) -> Follow<'b> {
        Follow {
            ctx,
            client: self.client,
            dashboard: &self.deployment.dashboard,
            owner: &self.owner.username,
            name: &self.name,
        }
    }

    /// What can be opened in the workspace, as Coder's own page shows it.
    async fn apps(&self, ctx: &Context, workspace: &Workspace) -> Result<Vec<AppLink>> {
        let dashboard = &self.deployment.dashboard;
        let mut wildcard: Option<String> = None;
        let mut links = Vec::new();
        for agent in workspace.latest_build.agents() {
            for app in agent.apps.iter().filter(|app| !app.hidden) {
                let url = if app.external {
                    app.url.clone()
                } else if !app.subdomain {
                    dashboard.app(workspace, agent, app)
                } else {
                    if wildcard.is_none() {
                        wildcard = Some(ctx.race(self.client.app_host()).await?);
                    }
                    match wildcard.as_deref() {
                        Some(host) if !host.is_empty() => dashboard.subdomain_app(host, app),
                        // Without such a host Coder does not serve the app.
                        _ => continue,
                    }
                };
                let name = if app.display_name.is_empty() {
                    &app.slug
                } else {
                    &app.display_name
                };
                links.push(AppLink {
                    name: name.clone(),
                    url,
                });
            }
        }
        Ok(links)
    }

    fn output(
        &self,
        workspace: Workspace,
        status: String,
        created: bool,
        apps: Vec<AppLink>,
    ) -> Output {
        Output {
            workspace_id: workspace.id.to_string(),
            workspace_url: self
                .deployment
                .dashboard
                .workspace(&workspace.owner_name, &workspace.name),
            workspace_name: workspace.name,
            owner_name: workspace.owner_name,
            status,
            created,
            apps,
        }
    }

    /// The status that a run with this input ends with.
    fn preview_status(&self) -> String {
        match self.wait_for {
            WaitFor::Created => "pending",
            WaitFor::Running => "running",
            WaitFor::Ready => "ready",
        }
        .into()
    }

    /// What Coder's refusal to make the workspace means.
    fn refused(&self, refused: CreateError) -> Error {
        let CreateError {
            status,
            said,
            archived,
            error,
        } = refused;
        let (key, template) = (self.key(), &self.template.name);
        let owner = &self.owner.username;
        if archived {
            let sentence = format!(
                "The active version of the template {template} is archived. A Coder administrator has to publish one."
            );
            return Error::new(Code::UpstreamRejected, sentence).because(error);
        }
        let fields: Vec<FieldError> = said
            .validations
            .iter()
            .map(|validation| FieldError {
                field: field_of(&validation.field),
                detail: validation.detail.clone(),
            })
            .collect();
        let login = said
            .validations
            .iter()
            .find(|validation| validation.field == "external_auth");
        match status {
            Some(StatusCode::FORBIDDEN) if let Some(login) = login => {
                self.not_linked(&format!("{}, in Coder under account settings, external authentication,", login.detail)).because(error)
            }
            Some(StatusCode::FORBIDDEN) => Error::forbidden(format!(
                "Coder does not let the credential of this connection create {key} from the template {template}: {}.",
                said.to_string().trim_end_matches('.')
            ))
            .because(error),
            Some(StatusCode::NOT_FOUND) => Error::not_found(format!(
                "Coder does not create {key}: {owner} is no member of the organization {} that has the template \
                 {template}, or the credential of this connection may not see it ({}).",
                self.template.organization_name,
                said.to_string().trim_end_matches('.')
            ))
            .because(error),
            Some(StatusCode::NOT_ACCEPTABLE) => Error::new(
                Code::UpstreamUnavailable,
                format!("Coder is still importing the version of the template {template}. Run the step again in a minute."),
            )
            .because(error),
            Some(StatusCode::BAD_REQUEST) if said.message.starts_with("Unable to validate parameter") => {
                let fields = match fields.is_empty() {
                    false => fields,
                    // The classic flow names the parameter in its message: Unable to validate parameter "x"
                    true => {
                        let name = said.message.split('"').nth(1).unwrap_or_default();
                        vec![FieldError { field: parameters::pointer(name), detail: said.detail.clone() }]
                    }
                };
                parameters::refused_values(&self.template, fields).because(error)
            }
            Some(StatusCode::BAD_REQUEST) if !said.message.is_empty() => {
                let sentence = format!("Coder refuses to create {key}: {}.", said.to_string().trim_end_matches('.'));
                Error::new(Code::InvalidInput, sentence).with_fields(fields).because(error)
            }
            _ => error,
        }
    }
}

/// The input that a field of Coder's request was made from.
fn field_of(field: &str) -> String {
    match field {
        "name" => "/workspaceName".into(),
        "template_id" | "template_version_id" => "/template".into(),
        "template_version_preset_id" => "/preset".into(),
        "ttl_ms" => "/ttl".into(),
        "schedule" => "/autostart".into(),
        parameter => parameters::pointer(parameter),
    }
}

/// The build that a run waits for.
struct UnderWay {
    /// Whether this run has begun it.
    made: bool,
    build: Build,
}

/// What became of a build that should end.
enum Ended {
    Canceled,
    Canceling,
    Before,
    NotOurs,
}

impl Effect for Wanted<'_> {
    type Object = Workspace;

    fn kind(&self) -> &'static str {
        "workspace"
    }

    fn key(&self) -> String {
        format!("{}/{}", self.owner.username, self.name)
    }

    async fn find(&self) -> Result<Option<Workspace>> {
        let found = self
            .client
            .workspace(&self.owner.username, &self.name)
            .await?;
        Ok(found.filter(|workspace| workspace.latest_build.transition != Transition::Delete))
    }

    async fn differences(&self, found: &Workspace) -> Result<Vec<Difference>> {
        let Template {
            id,
            name,
            organization_name,
            ..
        } = &self.template;
        if found.template_id != *id {
            let full = |organization: &str, name: &str| format!("{organization}/{name}");
            return Ok(vec![Difference {
                what: "template".into(),
                found: full(&found.organization_name, &found.template_name),
                asked: full(organization_name, name),
            }]);
        }
        let values = self.client.build_parameters(found.latest_build.id).await?;
        Ok(self.parameters.differences(&values))
    }

    fn remedy(&self) -> String {
        let page = self
            .deployment
            .dashboard
            .workspace(&self.owner.username, &self.name);
        format!(
            "Choose another workspaceName, or change or delete the workspace in Coder at {page}"
        )
    }

    async fn create(&self) -> Result<Workspace> {
        let body = Body {
            name: self.name.clone(),
            template_id: self.template.id,
            rich_parameter_values: self.parameters.values(),
            template_version_preset_id: self.parameters.preset(),
            ttl_ms: self.ttl.and_then(|ttl| ttl.as_millis().try_into().ok()),
            autostart_schedule: self.autostart.clone(),
        };
        self.client
            .create_workspace(self.owner.id, &body)
            .await
            .map_err(|refused| self.refused(refused))
    }

    fn preview(&self) -> Workspace {
        Workspace {
            id: Uuid::nil(),
            name: self.name.clone(),
            owner_name: self.owner.username.clone(),
            template_id: self.template.id,
            template_name: self.template.name.clone(),
            organization_name: self.template.organization_name.clone(),
            dormant_at: None,
            ttl_ms: None,
            autostart_schedule: None,
            latest_build: Build::preview(),
        }
    }

    fn id(&self, workspace: &Workspace) -> String {
        workspace.id.to_string()
    }
}

async fn find_owner(client: &Client, wanted: &str) -> Result<User> {
    let found = match wanted.contains('@') {
        true => client.user_by_email(wanted).await?,
        false => client.user(wanted).await?,
    };
    let owner = found.ok_or_else(|| {
        Error::not_found(format!(
            "Coder has no user {wanted}, or the credential of this connection may not see it. A person becomes a user \
             of Coder by signing in there once; names in Coder have letters, digits and dashes only."
        ))
        .with_fields(vec![FieldError { field: "/user".into(), detail: "is no user of Coder".into() }])
    })?;
    if owner.status == "suspended" {
        return Err(Error::forbidden(format!(
            "The user {} is suspended in Coder. A Coder administrator has to activate the account first.",
            owner.username
        )));
    }
    Ok(owner)
}

async fn find_template(
    client: &Client,
    wanted: &str,
    organization: Option<&str>,
    owner: &User,
) -> Result<Template> {
    let found = if let Ok(id) = wanted.parse::<Uuid>() {
        client.template(id).await?
    } else if let Some(organization) = organization {
        client.template_in(organization, wanted).await?
    } else if wanted
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-')
    {
        let mut found = client.templates(&format!("exact_name:{wanted}")).await?;
        if found.is_empty() {
            // Coder hides these unless it is asked for them.
            found = client
                .templates(&format!("exact_name:{wanted} deprecated:true"))
                .await?;
        }
        // Names are unique within an organization only.
        let is_owners = |template: &Template| {
            template
                .organization_id
                .is_some_and(|id| owner.organization_ids.contains(&id))
        };
        if found.iter().any(is_owners) {
            found.retain(is_owners);
        }
        if found.len() > 1 {
            let organizations: Vec<&str> = found
                .iter()
                .map(|template| &*template.organization_name)
                .collect();
            let sentence = format!(
                "More than one organization in Coder has a template {wanted} ({}); name one with coderOrganization.",
                organizations.join(", ")
            );
            return Err(Error::invalid("coderOrganization", sentence));
        }
        found.pop()
    } else {
        None
    };
    let Some(template) = found else {
        // Only a hint: that it cannot be given is no reason to say less.
        let all = client.templates("").await.unwrap_or_default();
        return Err(no_template(wanted, organization, &all));
    };
    if let Some(organization) = organization
        && wanted.parse::<Uuid>().is_ok()
        && organization.parse::<Uuid>().is_err()
        && organization != "default"
        && organization != template.organization_name
    {
        let sentence = format!(
            "The template {} belongs to the organization {} in Coder, not to {organization}.",
            template.name, template.organization_name
        );
        return Err(Error::invalid("coderOrganization", sentence));
    }
    Ok(template)
}

fn no_template(wanted: &str, organization: Option<&str>, all: &[Template]) -> Error {
    let by_title = all
        .iter()
        .find(|template| template.display_name.eq_ignore_ascii_case(wanted));
    let near = by_title
        .map(|template| &*template.name)
        .or_else(|| schema::nearest(wanted, all.iter().map(|template| &*template.name)));
    let hint = match near {
        Some(near) if near == wanted => {
            let owners = all
                .iter()
                .filter(|template| template.name == near)
                .map(|template| &*template.organization_name);
            format!(
                "The organization {} has one.",
                owners.collect::<Vec<_>>().join(", ")
            )
        }
        Some(near) => format!("Did you mean {near}?"),
        None if all.is_empty() => "Coder shows no template to it.".into(),
        None => format!(
            "It may see: {}.",
            all.iter()
                .map(|template| &*template.name)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    let place = organization
        .map(|organization| format!(" in the organization {organization}"))
        .unwrap_or_default();
    Error::not_found(format!(
        "Coder has no template {wanted}{place}, or the credential of this connection may not see it. {hint}"
    ))
    .with_fields(vec![FieldError { field: "/template".into(), detail: "is no template of Coder".into() }])
}
