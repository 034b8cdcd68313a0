//! What Gitea shows (services/convert).

use serde_json::{Value, json};

use super::{
    git::Commit,
    state::{Access, Organization, Owner, Repository, State, Team, User},
};

/// An account. Only site administrators and the person see how it signs in, and whether it may.
pub(super) fn user(user: &User, to: Option<&User>, url: &str) -> Value {
    let sees_all = to.is_some_and(|to| to.is_admin || to.id == user.id);
    let email = match to {
        Some(_) => user.email.clone(),
        None => format!("{}@noreply.localhost", user.login.to_lowercase()),
    };
    let mut view = json!({
        "id": user.id,
        "login": user.login,
        "login_name": "",
        "source_id": 0,
        "full_name": user.full_name,
        "email": email,
        "avatar_url": format!("{url}/avatars/{}", user.id),
        "html_url": format!("{url}/{}", user.login),
        "language": "",
        "is_admin": false,
        "last_login": "0001-01-01T00:00:00Z",
        "created": user.created,
        "restricted": user.restricted,
        "active": false,
        "prohibit_login": false,
        "location": "",
        "website": "",
        "description": "",
        "visibility": user.visibility,
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
        "username": user.login,
    });
    if sees_all {
        view["login_name"] = json!(user.login_name);
        view["source_id"] = json!(user.source_id);
        view["is_admin"] = json!(user.is_admin);
        view["last_login"] = json!(user.last_login);
        view["active"] = json!(user.active);
        view["prohibit_login"] = json!(user.prohibit_login);
    }
    view
}

/// Nothing in it tells an organization from an account.
pub(super) fn organization_as_user(organization: &Organization, url: &str) -> Value {
    let stand_in = User {
        full_name: organization.full_name.clone(),
        email: String::new(),
        visibility: organization.visibility.into(),
        ..User::new(organization.id, &organization.name)
    };
    user(&stand_in, Some(&stand_in), url)
}

pub(super) fn organization(organization: &Organization, url: &str) -> Value {
    json!({
        "id": organization.id,
        "name": organization.name,
        "full_name": organization.full_name,
        "email": "",
        "avatar_url": format!("{url}/avatars/{}", organization.id),
        "description": "",
        "website": "",
        "location": "",
        "visibility": organization.visibility,
        "repo_admin_change_team_access": false,
        "username": organization.name,
    })
}

/// In a list a team does not say whose it is.
pub(super) fn team(team: &Team, of: Option<&Organization>, url: &str) -> Value {
    json!({
        "id": team.id,
        "name": team.name,
        "description": team.description,
        "organization": of.map(|of| organization(of, url)),
        "includes_all_repositories": true,
        "permission": team.permission,
        "units": ["repo.code", "repo.issues", "repo.pulls"],
        "units_map": {
            "repo.code": team.permission,
            "repo.issues": team.permission,
            "repo.pulls": team.permission,
        },
        "can_create_org_repo": team.can_create_org_repo,
        "visibility": team.visibility,
    })
}

pub(super) fn repository(
    state: &State,
    repository: &Repository,
    access: Access,
    to: Option<&User>,
    url: &str,
) -> Value {
    let owner = state.owner_of(repository);
    let name = owner.as_ref().map(Owner::name).unwrap_or_default();
    let full_name = format!("{name}/{}", repository.name);
    let api = format!("{url}/api/v1/repos/{full_name}");
    json!({
        "id": repository.id,
        "owner": match &owner {
            Some(Owner::User(of)) => user(of, to, url),
            Some(Owner::Organization(of)) => organization_as_user(of, url),
            None => Value::Null,
        },
        "name": repository.name,
        "full_name": full_name,
        "description": repository.description,
        "empty": repository.branches.is_empty(),
        "private": repository.private,
        "fork": false,
        "template": repository.template,
        "mirror": false,
        "size": 0,
        "language": "",
        "languages_url": format!("{api}/languages"),
        "html_url": format!("{url}/{full_name}"),
        "url": api,
        "link": "",
        "ssh_url": format!("git@localhost:{full_name}.git"),
        "clone_url": format!("{url}/{full_name}.git"),
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "branch_count": repository.branches.len(),
        "open_issues_count": 0,
        "open_pr_counter": 0,
        "release_counter": 0,
        "default_branch": repository.default_branch,
        "archived": repository.archived,
        "created_at": repository.created,
        "updated_at": repository.updated,
        "archived_at": "1970-01-01T00:00:00Z",
        "permissions": {
            "admin": access == Access::Owner,
            "push": access >= Access::Write,
            "pull": access >= Access::Read,
        },
        "has_code": true,
        "has_issues": true,
        "has_wiki": true,
        "has_pull_requests": true,
        "internal": false,
        "object_format_name": "sha1",
        "topics": [],
        "licenses": [],
    })
}

pub(super) fn commit(commit: &Commit, repository: &str) -> Value {
    let url = format!("{repository}/git/commits/{}", commit.sha);
    let who = json!({ "name": commit.author, "email": commit.email, "date": commit.date });
    json!({
        "url": url,
        "sha": commit.sha,
        "created": commit.date,
        "html_url": "",
        "commit": {
            "url": url,
            "author": who,
            "committer": who,
            "message": commit.message,
        },
        "author": null,
        "committer": null,
        "parents": [],
    })
}

/// Everything there is, by names.
pub(super) fn state(state: &State) -> Value {
    let name = |id: &u64| {
        let mut users = state.users.iter();
        users.find(|user| user.id == *id).map(|user| &*user.login)
    };
    let users = state.users.iter().map(|user| {
        json!({
            "id": user.id,
            "username": user.login,
            "email": user.email,
            "fullName": user.full_name,
            "sourceId": user.source_id,
            "loginName": user.login_name,
            "mustChangePassword": user.must_change_password,
            "admin": user.is_admin,
            "active": user.active,
            "prohibitLogin": user.prohibit_login,
            "restricted": user.restricted,
            "visibility": user.visibility,
        })
    });
    let organizations = state.organizations.iter().map(|organization| {
        let teams = organization.teams.iter().map(|team| {
            json!({
                "id": team.id,
                "name": team.name,
                "members": team.members.iter().filter_map(name).collect::<Vec<_>>(),
            })
        });
        json!({
            "id": organization.id,
            "name": organization.name,
            "teams": teams.collect::<Vec<_>>(),
        })
    });
    let repositories = state.repositories.iter().map(|repository| {
        let owner = state.owner_of(repository);
        json!({
            "id": repository.id,
            "owner": owner.as_ref().map(Owner::name),
            "name": repository.name,
            "description": repository.description,
            "private": repository.private,
            "defaultBranch": repository.default_branch,
            "branches": repository.branches,
        })
    });
    let mails = state
        .mails
        .iter()
        .map(|mail| json!({ "to": mail.to, "what": mail.what }));
    json!({
        "users": users.collect::<Vec<_>>(),
        "organizations": organizations.collect::<Vec<_>>(),
        "repositories": repositories.collect::<Vec<_>>(),
        "mails": mails.collect::<Vec<_>>(),
    })
}
