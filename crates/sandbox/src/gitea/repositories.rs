//! Repositories (routers/api/v1/repo/repo.go, commits.go, file.go), and the page that shows a branch.

use std::collections::HashMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Shared},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Gitea,
    error::{Error, Result},
    git,
    router::{Caller, page as page_of, who},
    rules::{self, at_most, object, required, text},
    state::{Access, Owner, Repository, State},
    view,
};

/// Templates of a README that it knows.
const READMES: [&str; 1] = ["Default"];

pub(super) async fn create_for_user(
    caller: Caller,
    Path(owner): Path<String>,
    body: Bytes,
) -> Result<Response> {
    caller.administers_site()?;
    let id = {
        let state = caller.gitea.state();
        state
            .owner(&owner)
            .ok_or_else(|| Error::no_user(&owner))?
            .id()
    };
    create(&caller, id, &body).await
}

pub(super) async fn create_in_organization(
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response> {
    caller.needs("organization")?;
    let id = {
        let state = caller.gitea.state();
        let organization = state.organization(&name).ok_or_else(Error::not_found)?;
        let me = caller.signed_in()?;
        let mut teams = organization.teams.iter();
        let may = teams.any(|team| team.can_create_org_repo && team.members.contains(&me.id));
        if !me.is_admin && !may {
            return Err(Error::forbidden(
                "User is not allowed to create repositories in this organization.",
            ));
        }
        organization.id
    };
    create(&caller, id, &body).await
}

async fn create(caller: &Caller, owner: u64, body: &[u8]) -> Result<Response> {
    let body = object(body)?;
    let (name, description) = (text(&body, "name"), text(&body, "description"));
    let branch = text(&body, "default_branch");
    required(&name, "Name")?;
    let letters = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.chars().all(letters) {
        return Err(Error::field("Name", "AlphaDashDot"));
    }
    at_most(&name, 100, "Name")?;
    at_most(&description, 2048, "Description")?;
    if !rules::is_ref_name(&branch) {
        return Err(Error::field("DefaultBranch", "GitRefName"));
    }
    at_most(&branch, 100, "DefaultBranch")?;
    let initialized = body["auto_init"] == true;
    let readme = text(&body, "readme");
    if initialized && !readme.is_empty() && !READMES.contains(&&*readme) {
        return Err(Error::bad(format!(
            "readme template does not exist, available templates: [{}]",
            READMES.join(" ")
        )));
    }
    rules::check_usable_repository(&name)?;

    let repository = {
        let mut state = caller.gitea.state();
        let taken = |of: &Repository| of.owner == owner && of.name.eq_ignore_ascii_case(&name);
        if state.repositories.iter().any(taken) {
            return Err(Error::new(
                StatusCode::CONFLICT,
                "The repository with the same name already exists.",
            ));
        }
        let default_branch = match &*branch {
            "" => state.settings.default_branch.to_owned(),
            _ => branch,
        };
        let repository = Repository {
            id: state.new_id(),
            owner,
            name,
            description,
            private: body["private"] == true,
            template: body["template"] == true,
            archived: false,
            branches: match initialized {
                true => vec![default_branch.clone()],
                false => Vec::new(),
            },
            default_branch,
            initialized,
            created: Timestamp::now(),
            updated: Timestamp::now(),
            folder: Repository::new_folder(),
        };
        state.repositories.push(repository.clone());
        repository
    };
    Ok((StatusCode::CREATED, Json(show(caller, &repository))).into_response())
}

fn show(caller: &Caller, repository: &Repository) -> Value {
    let state = caller.gitea.state();
    let access = state.access(repository, caller.user());
    view::repository(
        &state,
        repository,
        access,
        caller.user(),
        &caller.gitea.url(),
    )
}

/// The repository in the path, for who may look at it.
fn repository(caller: &Caller, owner: &str, name: &str) -> Result<(Repository, Access)> {
    caller.needs("repository")?;
    let state = caller.gitea.state();
    let found = state.repository(owner, name).ok_or_else(Error::not_found)?;
    match state.access(found, caller.user()) {
        Access::None => Err(Error::not_found()),
        access => Ok((found.clone(), access)),
    }
}

type Named = Path<(String, String)>;

pub(super) async fn read(caller: Caller, Path((owner, name)): Named) -> Result<Json<Value>> {
    let (repository, _) = repository(&caller, &owner, &name)?;
    Ok(Json(show(&caller, &repository)))
}

pub(super) async fn delete(caller: Caller, Path((owner, name)): Named) -> Result<StatusCode> {
    let (repository, access) = repository(&caller, &owner, &name)?;
    caller.signed_in()?;
    if access != Access::Owner {
        return Err(Error::forbidden("user should be the owner of the repo"));
    }
    let mut state = caller.gitea.state();
    state.repositories.retain(|of| of.id != repository.id);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn commits(
    caller: Caller,
    Path((owner, name)): Named,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response> {
    let (repository, _) = repository(&caller, &owner, &name)?;
    if repository.branches.is_empty() {
        return Err(Error::new(StatusCode::CONFLICT, "Git Repository is empty."));
    }
    let branch = query.get("sha").unwrap_or(&repository.default_branch);
    let log = git::log(&caller.gitea, &repository, branch).await;
    let log = log.map_err(|_| Error::not_found())?;
    let url = format!("{}/api/v1/repos/{owner}/{name}", caller.gitea.url());
    let commits = log.iter().map(|commit| view::commit(commit, &url));
    Ok(page_of(commits.collect(), &query, 50))
}

/// One file.
pub(super) async fn contents(
    caller: Caller,
    Path((owner, name, path)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>> {
    let (repository, _) = repository(&caller, &owner, &name)?;
    let branch = query.get("ref").unwrap_or(&repository.default_branch);
    let file = git::file(&caller.gitea, &repository, branch, &path).await;
    let (sha, bytes) = file.map_err(|_| Error::not_found())?;
    let url = caller.gitea.url();
    Ok(Json(json!({
        "name": path.rsplit('/').next(),
        "path": path,
        "sha": sha,
        "type": "file",
        "size": bytes.len(),
        "encoding": "base64",
        "content": STANDARD.encode(bytes),
        "target": null,
        "url": format!("{url}/api/v1/repos/{owner}/{name}/contents/{path}?ref={branch}"),
        "html_url": format!("{url}/{owner}/{name}/src/branch/{branch}/{path}"),
        "git_url": format!("{url}/api/v1/repos/{owner}/{name}/git/blobs/{sha}"),
        "download_url": format!("{url}/{owner}/{name}/raw/branch/{branch}/{path}"),
        "submodule_git_url": null,
    })))
}

/// What a person sees of a branch, or of a file in it. Of a private repository only who has signed in sees anything.
pub(super) async fn page(
    Shared(gitea): Shared<Gitea>,
    Path((owner, name, branch)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let missing = (
        StatusCode::NOT_FOUND,
        Html("<!DOCTYPE html><title>Page Not Found</title>"),
    );
    let state: &State = &gitea.state();
    let signed = who(&headers, state).unwrap_or_default();
    let visible = state.repository(&owner, &name).filter(|found| {
        let user = signed.as_ref().map(|signed| &signed.user);
        state.access(found, user) != Access::None
    });
    let has = |found: &Repository| {
        let mut branches = found.branches.iter();
        branches
            .any(|of| branch.trim_end_matches('/') == of || branch.starts_with(&format!("{of}/")))
    };
    match visible {
        Some(found) if has(found) => {
            let owner = state.owner_of(found);
            let owner = owner.as_ref().map(Owner::name).unwrap_or_default();
            Html(format!(
                "<!DOCTYPE html><title>{owner}/{} at {branch}</title>",
                found.name
            ))
            .into_response()
        }
        _ => missing.into_response(),
    }
}
