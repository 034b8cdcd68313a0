//! The workspace that is asked for: made sure of, brought up, and cleared up after.

use std::time::Duration;

use sidestage_action::{Code, Context, Difference, Effect, Error, Result};
use uuid::Uuid;

use super::{
    builds::{Begun, Start},
    client::{
        Build, Client, CreateWorkspace as Body, Deployment, JobStatus, Template, Transition, User,
        Version, Workspace,
    },
    create_workspace::{AppLink, Checked, Output, WaitFor},
    follow::Follow,
    lookup::{find_owner, find_template},
    parameters::Parameters,
    tenant,
    under_way::UnderWay,
};

/// From here on Coder tells about the git logins of the owner; before it told about those of the token's user.
const EXTERNAL_AUTH_OF_OWNER: Version = Version(2, 36);

/// The workspace that is asked for, with everything that it names looked up.
pub(super) struct Wanted<'a> {
    client: &'a Client,
    deployment: Deployment,
    pub(super) owner: User,
    pub(super) template: Template,
    parameters: Parameters,
    name: String,
    ttl: Option<Duration>,
    autostart: Option<String>,
    wait_for: WaitFor,
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
        let boundary = self.client.boundary();
        boundary.check("workspaceName", &found.organization_name)?;
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
            created_at: None,
            last_used_at: None,
            latest_build: Build::preview(),
        }
    }

    fn id(&self, workspace: &Workspace) -> String {
        workspace.id.to_string()
    }
}

impl<'a> Wanted<'a> {
    /// Looks up what an input names.
    pub(super) async fn resolve(ctx: &Context, client: &'a Client, input: Checked) -> Result<Self> {
        let deployment = ctx.race(client.deployment()).await?;
        let boundary = client.boundary();
        let organization = boundary.choose("coderOrganization", input.coder_organization)?;
        let owner = ctx.race(find_owner(client, &input.user)).await?;
        ctx.race(tenant::admit(client, &owner)).await?;
        let template = ctx
            .race(find_template(
                client,
                &input.template,
                organization.as_deref(),
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

    /// Makes sure that the workspace is there, and runs as far as the input waits for it.
    pub(super) async fn provide(&self, ctx: &Context) -> Result<Output> {
        let was_there = self.is_there(ctx).await?;
        if !was_there {
            self.check_for_create(ctx).await?;
        }
        let ensured = ctx.ensure(self).await?;
        let created = ensured.created();
        // An attempt that this one continues may have made it: then its build is taken as it is found.
        let made_now = created && !was_there;
        let workspace = ensured.object;
        self.say(ctx, &workspace, made_now);
        if workspace.id.is_nil() {
            return Ok(self.output(workspace, self.preview_status(), true, Vec::new()));
        }
        // What a cancelled run would leave behind.
        let mut under_way = UnderWay {
            made: self.has_begun(ctx, &workspace, created).await?,
            build: workspace.latest_build.clone(),
        };
        let result = self.bring_up(ctx, workspace, made_now, &mut under_way);
        let (workspace, status) = match result.await {
            Err(error) if matches!(error.code(), Code::Cancelled | Code::DeadlineExceeded) => {
                return Err(under_way.clear_up(&self.follow(ctx), error).await);
            }
            result => result?,
        };
        let apps = self.apps(ctx, &workspace).await?;
        Ok(self.output(workspace, status, created, apps))
    }

    /// Whether this run, or one that it continues, has begun the present build.
    async fn has_begun(&self, ctx: &Context, workspace: &Workspace, created: bool) -> Result<bool> {
        let Build {
            build_number,
            transition,
            ..
        } = workspace.latest_build;
        if created && build_number == 1 {
            // It came with the workspace.
            return Ok(true);
        }
        Ok(transition == Transition::Start && ctx.ensure(&Begun { workspace }).await?.created())
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
                .await
                .map_err(|error| match error.code() {
                    Code::Forbidden => self.not_allowed().because(error),
                    _ => error,
                })?;
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

    /// Coder tells about somebody's logins only to those who may create workspaces for them.
    fn not_allowed(&self) -> Error {
        Error::forbidden(format!(
            "The credential of this connection may not create workspaces in Coder for {}. It needs to belong to an \
             owner of the site or an administrator of the organization {}, or to {} alone.",
            self.owner.username, self.template.organization_name, self.owner.username
        ))
    }

    pub(super) fn not_linked(&self, logins: &str) -> Error {
        let (owner, template) = (&self.owner.username, &self.template.name);
        Error::new(
            Code::UpstreamRejected,
            format!(
                "The template {template} needs a git login that {owner} has not linked to Coder. {owner} has to link \
                 {logins} and then to run the step again."
            ),
        )
    }

    fn say(&self, ctx: &Context, workspace: &Workspace, made_now: bool) {
        if workspace.id.is_nil() {
            return;
        }
        let page = self
            .deployment
            .dashboard
            .workspace(&workspace.owner_name, &workspace.name);
        if made_now {
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
        made_now: bool,
        under_way: &mut UnderWay,
    ) -> Result<(Workspace, String)> {
        let follow = self.follow(ctx);
        let mut workspace = workspace;
        loop {
            let build = &workspace.latest_build;
            let is_dormant = workspace.dormant_at.is_some();
            match (build.transition, &build.job.status) {
                // However the first build of a new workspace has ended by now, it is the one to tell about.
                _ if made_now => break,
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
        // The log of a build that had ended before is not this step's.
        let is_under_way = under_way.made || !workspace.latest_build.job.status.is_final();
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
}
