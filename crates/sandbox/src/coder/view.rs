//! What Coder holds, as its API shows it (codersdk).

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::state::{
    Build, BuildBehaviour, Job, Organization, Parameter, State, Template, User, Workspace,
};

pub(super) fn user(user: &User) -> Value {
    let roles = if user.is_owner {
        json!([{ "name": "owner", "display_name": "Owner" }])
    } else {
        json!([])
    };
    json!({
        "id": user.id,
        "username": user.username,
        "name": "",
        "email": user.email,
        "avatar_url": "",
        "created_at": epoch(),
        "updated_at": epoch(),
        "last_seen_at": epoch(),
        "status": user.status,
        "login_type": user.login_type,
        "organization_ids": user.organizations,
        "roles": roles,
    })
}

pub(super) fn organization(organization: &Organization) -> Value {
    json!({
        "id": organization.id,
        "name": organization.name,
        "display_name": organization.name,
        "description": "",
        "icon": "",
        "created_at": epoch(),
        "updated_at": epoch(),
        "is_default": organization.is_default,
    })
}

pub(super) fn template(state: &State, template: &Template) -> Value {
    let organization = state.organization(template.organization);
    json!({
        "id": template.id,
        "name": template.name,
        "display_name": template.display_name,
        "description": "",
        "icon": "",
        "organization_id": template.organization,
        "organization_name": organization,
        "organization_display_name": organization,
        "active_version_id": template.version,
        "active_user_count": -1,
        "created_at": epoch(),
        "updated_at": epoch(),
        "provisioner": "terraform",
        "deprecated": template.deprecated.is_some(),
        "deprecation_message": template.deprecated.unwrap_or_default(),
        "require_active_version": false,
        "use_classic_parameter_flow": false,
        "allow_user_cancel_workspace_jobs": true,
        "build_time_stats": { "start": { "P50": null, "P95": null }, "stop": { "P50": null, "P95": null }, "delete": { "P50": null, "P95": null } },
    })
}

pub(super) fn parameter(parameter: &Parameter) -> Value {
    let options: Vec<Value> = parameter
        .options
        .iter()
        .map(|option| json!({ "name": option, "value": option, "description": "", "icon": "" }))
        .collect();
    json!({
        "name": parameter.name,
        "display_name": "",
        "description": "",
        "description_plaintext": "",
        "type": parameter.kind,
        "form_type": "input",
        "mutable": parameter.mutable,
        "ephemeral": parameter.ephemeral,
        "required": parameter.default.is_none(),
        "default_value": parameter.default.unwrap_or_default(),
        "icon": "",
        "options": options,
        "validation_regex": parameter.regex.unwrap_or_default(),
        "validation_min": parameter.range.map(|range| range.0),
        "validation_max": parameter.range.map(|range| range.1),
        "validation_error": "",
    })
}

/// A parameter as the dynamic flow evaluates it (codersdk/parameters.go).
pub(super) fn evaluated(parameter: &Parameter, value: Option<&str>) -> Value {
    let given = value.or(parameter.default);
    let complaint = match given {
        None => Some("Required parameter not provided; parameter value is null".to_owned()),
        Some(value) => parameter.complaint(value),
    };
    let diagnostics: Vec<Value> = complaint
        .into_iter()
        .map(|text| {
            let (summary, detail) = text.split_once("; ").unwrap_or((text.as_str(), ""));
            json!({ "severity": "error", "summary": summary, "detail": detail, "extra": { "code": "" } })
        })
        .collect();
    let text =
        |text: Option<&str>| json!({ "value": text.unwrap_or_default(), "valid": text.is_some() });
    json!({
        "name": parameter.name,
        "display_name": "",
        "description": "",
        "type": parameter.kind,
        "form_type": "input",
        "styling": {},
        "mutable": parameter.mutable,
        "ephemeral": parameter.ephemeral,
        "required": parameter.default.is_none(),
        "default_value": text(parameter.default),
        "icon": "",
        "options": [],
        "validations": [],
        "order": 0,
        "value": text(given),
        "diagnostics": diagnostics,
    })
}

pub(super) fn workspace(state: &State, workspace: &Workspace, now: Instant) -> Value {
    let template = state.template_by_id(workspace.template);
    let latest = workspace.latest();
    let version = template.map(|template| template.version);
    json!({
        "id": workspace.id,
        "name": workspace.name,
        "created_at": workspace.created_at,
        "updated_at": workspace.created_at,
        "owner_id": workspace.owner,
        "owner_name": state.username(workspace.owner),
        "owner_avatar_url": "",
        "organization_id": workspace.organization,
        "organization_name": state.organization(workspace.organization),
        "template_id": workspace.template,
        "template_name": template.map(|template| template.name).unwrap_or_default(),
        "template_display_name": template.map(|template| template.display_name).unwrap_or_default(),
        "template_icon": "",
        "template_allow_user_cancel_workspace_jobs": true,
        "template_active_version_id": version,
        "template_require_active_version": false,
        "template_use_classic_parameter_flow": false,
        "latest_build": build(state, workspace, latest, now),
        "outdated": version != Some(latest.version),
        "autostart_schedule": workspace.autostart,
        "ttl_ms": workspace.ttl_ms,
        "last_used_at": workspace.created_at,
        "deleting_at": null,
        "dormant_at": workspace.dormant.then_some(workspace.created_at),
        "health": { "healthy": true, "failing_agents": [] },
        "automatic_updates": workspace.automatic_updates,
        "allow_renames": false,
        "favorite": false,
        "next_start_at": null,
        "is_prebuild": false,
    })
}

pub(super) fn build(state: &State, workspace: &Workspace, build: &Build, now: Instant) -> Value {
    let provisioners = i32::from(build.behaviour != BuildBehaviour::NoProvisioner);
    json!({
        "id": build.id,
        "created_at": build.created_at,
        "updated_at": build.created_at,
        "workspace_id": workspace.id,
        "workspace_name": workspace.name,
        "workspace_owner_id": workspace.owner,
        "workspace_owner_name": state.username(workspace.owner),
        "workspace_owner_avatar_url": "",
        "template_version_id": build.version,
        "template_version_name": "v1",
        "template_version_preset_id": build.preset,
        "build_number": build.number,
        "transition": build.transition,
        "initiator_id": build.initiator,
        "initiator_name": state.username(build.initiator),
        "job": job(state, workspace, build, now),
        "reason": "initiator",
        "resources": resources(build, now),
        "deadline": null,
        "max_deadline": null,
        "status": build.status(now),
        "daily_cost": 0,
        "matched_provisioners": { "count": provisioners, "available": provisioners, "most_recently_seen": null },
    })
}

fn job(state: &State, workspace: &Workspace, build: &Build, now: Instant) -> Value {
    let job = build.job(now);
    let mut view = json!({
        "id": build.job,
        "created_at": build.created_at,
        "status": job.as_str(),
        "file_id": build.version,
        "tags": { "owner": "", "scope": "organization" },
        "queue_position": i32::from(job == Job::Pending),
        "queue_size": i32::from(job == Job::Pending),
        "organization_id": workspace.organization,
        "initiator_id": build.initiator,
        "input": { "workspace_build_id": build.id },
        "type": "workspace_build",
        "metadata": {
            "template_version_name": "v1",
            "template_id": workspace.template,
            "template_name": state.template_by_id(workspace.template).map(|template| template.name).unwrap_or_default(),
            "template_display_name": "",
            "template_icon": "",
            "workspace_id": workspace.id,
            "workspace_name": workspace.name,
        },
        "logs_overflowed": false,
    });
    if job != Job::Pending {
        view["started_at"] = json!(build.created_at);
    }
    if !job.is_active() {
        view["completed_at"] = json!(build.created_at);
    }
    match (&build.behaviour, job) {
        (BuildBehaviour::Fail { error }, Job::Failed) => view["error"] = json!(error),
        (BuildBehaviour::Quota, Job::Failed) => {
            view["error"] = json!("insufficient quota");
            view["error_code"] = json!("INSUFFICIENT_QUOTA");
        }
        _ => {}
    }
    view
}

fn resources(build: &Build, now: Instant) -> Value {
    if build.job(now) != Job::Succeeded || build.transition != "start" {
        return json!([]);
    }
    let agents = if build.has_agent {
        vec![agent(build, now)]
    } else {
        Vec::new()
    };
    json!([{
        "id": build.job,
        "created_at": build.created_at,
        "job_id": build.job,
        "workspace_transition": build.transition,
        "type": "docker_container",
        "name": "workspace",
        "hide": false,
        "icon": "",
        "agents": agents,
        "metadata": [],
        "daily_cost": 0,
    }])
}

fn agent(build: &Build, now: Instant) -> Value {
    let (status, lifecycle) = build.agent(now);
    json!({
        "id": build.agent,
        "parent_id": null,
        "created_at": build.created_at,
        "updated_at": build.created_at,
        "status": status,
        "lifecycle_state": lifecycle,
        "name": "main",
        "resource_id": build.job,
        "architecture": "amd64",
        "operating_system": "linux",
        "environment_variables": {},
        "logs_length": 0,
        "logs_overflowed": false,
        "version": "v2.36.0",
        "api_version": "2.7",
        "apps": [{
            "id": build.agent,
            "slug": "code-server",
            "display_name": "code-server",
            "external": false,
            "url": "http://localhost:13337",
            "icon": "",
            "subdomain": false,
            "sharing_level": "owner",
            "healthcheck": { "url": "", "interval": 0, "threshold": 0 },
            "health": "disabled",
            "hidden": false,
            "open_in": "slim-window",
            "statuses": [],
        }],
        "connection_timeout_seconds": 120,
        "troubleshooting_url": "",
        "subsystems": [],
        "health": { "healthy": lifecycle == "ready" },
        "display_apps": [],
        "log_sources": [],
        "scripts": [],
        "startup_script_behavior": "non-blocking",
        "directory": "",
        "expanded_directory": "",
        "instance_id": "",
    })
}

/// When everything of the seed was made.
pub(super) fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

impl State {
    pub(super) fn organization(&self, id: Uuid) -> &'static str {
        self.organizations
            .iter()
            .find(|organization| organization.id == id)
            .map(|found| found.name)
            .unwrap_or_default()
    }

    pub(super) fn username(&self, id: Uuid) -> &str {
        self.users
            .iter()
            .find(|user| user.id == id)
            .map(|found| found.username.as_str())
            .unwrap_or_default()
    }

    pub(super) fn template_by_id(&self, id: Uuid) -> Option<&Template> {
        self.templates.iter().find(|template| template.id == id)
    }
}
