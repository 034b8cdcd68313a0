//! Git over HTTP (routers/web/repo/githttp.go): who may pull and push is decided here, the rest is left to the machine's
//! own git. A repository comes into being on disk when somebody first needs it there.

use std::{
    io,
    path::{Path as FilePath, PathBuf},
    process::Stdio,
};

use axum::{
    body::{Body, Bytes},
    extract::{Path, RawQuery, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    Gitea,
    router::{Signed, who},
    state::{Access, Owner, Repository},
};

type Named = Path<(String, String)>;

/// Refuses a push of somebody who may only read. Gitea finds out as late, since everybody may propose a change.
const PRE_RECEIVE: &str = r#"#!/bin/sh
[ "$SIDESTAGE_MAY_WRITE" = true ] && exit 0
echo 'Gitea: User permission denied for writing.' >&2
exit 1
"#;

pub(super) async fn info_refs(
    Shared(gitea): Shared<Gitea>,
    Path(named): Named,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let service = query.strip_prefix("service=").unwrap_or_default();
    let pushes = match service {
        "git-upload-pack" => false,
        "git-receive-pack" => true,
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    let request = Request {
        method: "GET",
        path: "info/refs",
        query: &query,
        body: Bytes::new(),
    };
    serve(&gitea, &named, pushes, &headers, request).await
}

pub(super) async fn upload_pack(
    Shared(gitea): Shared<Gitea>,
    Path(named): Named,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        method: "POST",
        path: "git-upload-pack",
        query: "",
        body,
    };
    serve(&gitea, &named, false, &headers, request).await
}

pub(super) async fn receive_pack(
    Shared(gitea): Shared<Gitea>,
    Path(named): Named,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request {
        method: "POST",
        path: "git-receive-pack",
        query: "",
        body,
    };
    serve(&gitea, &named, true, &headers, request).await
}

/// A request as `git http-backend` takes it.
struct Request<'a> {
    method: &'static str,
    /// Below the repository's.
    path: &'static str,
    query: &'a str,
    body: Bytes,
}

async fn serve(
    gitea: &Gitea,
    (owner, name): &(String, String),
    pushes: bool,
    headers: &HeaderMap,
    request: Request<'_>,
) -> Response {
    let name = name.strip_suffix(".git").unwrap_or(name);
    let (repository, access, signed) = match permit(gitea, owner, name, pushes, headers) {
        Ok(permitted) => permitted,
        Err(refused) => return refused,
    };
    let received = request.path == "git-receive-pack";
    let answer = match backend(
        gitea,
        &repository,
        access,
        signed.as_ref(),
        headers,
        request,
    )
    .await
    {
        Ok(answer) => answer,
        Err(error) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, format!("git: {error}\n")).into_response();
        }
    };
    if received && let Err(error) = take_note(gitea, &repository).await {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("git: {error}\n")).into_response();
    }
    answer
}

/// In Gitea's order: who is asked to sign in is not told whether there is such a repository.
fn permit(
    gitea: &Gitea,
    owner: &str,
    name: &str,
    pushes: bool,
    headers: &HeaderMap,
) -> Result<(Repository, Access, Option<Signed>), Response> {
    let plain = |status: StatusCode, text: &'static str| (status, text).into_response();
    let ask = || {
        let realm = [(header::WWW_AUTHENTICATE, r#"Basic realm="Gitea""#)];
        (StatusCode::UNAUTHORIZED, realm, "Unauthorized\n").into_response()
    };
    let state = gitea.state();
    let Some(owner_found) = state.owner(owner) else {
        return Err(plain(StatusCode::NOT_FOUND, "Not found.\n"));
    };
    let signed = who(headers, &state).map_err(|()| ask())?;
    let found = state.repository(owner, name);
    if found.is_some_and(|found| found.archived) && pushes {
        return Err(plain(
            StatusCode::FORBIDDEN,
            "This repo is archived. You can view files and clone it, but cannot push or open issues/pull-requests.",
        ));
    }
    let user = signed.as_ref().map(|signed| &signed.user);
    let access = found.map_or(Access::None, |found| state.access(found, user));
    let is_public = found.is_some_and(|found| !found.private);
    if pushes || !is_public {
        let user = user.ok_or_else(ask)?;
        if !user.active || user.prohibit_login {
            return Err(plain(StatusCode::FORBIDDEN, "Your account is disabled."));
        }
        if found.is_some() && access == Access::None {
            return Err(plain(StatusCode::NOT_FOUND, "Repository not found"));
        }
    }
    match (found, owner_found) {
        (Some(found), _) => Ok((found.clone(), access, signed.clone())),
        (None, _) if !pushes => Err(plain(StatusCode::NOT_FOUND, "Repository not found")),
        (None, Owner::Organization(_)) => Err(plain(
            StatusCode::FORBIDDEN,
            "Push to create is not enabled for organizations.",
        )),
        (None, Owner::User(_)) => Err(plain(
            StatusCode::FORBIDDEN,
            "Push to create is not enabled for users.",
        )),
    }
}

/// Hands a request to `git http-backend`, which speaks CGI.
async fn backend(
    gitea: &Gitea,
    repository: &Repository,
    access: Access,
    signed: Option<&Signed>,
    headers: &HeaderMap,
    request: Request<'_>,
) -> io::Result<Response> {
    let folder = folder_of(gitea, repository).await?;
    let root = gitea.folder()?;
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let given = |name: HeaderName| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut git = git(root);
    git.arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{name}/{}", request.path))
        .env("REQUEST_METHOD", request.method)
        .env("QUERY_STRING", request.query)
        .env("CONTENT_TYPE", given(header::CONTENT_TYPE))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", given(header::CONTENT_ENCODING))
        .env(
            "GIT_PROTOCOL",
            given(HeaderName::from_static("git-protocol")),
        )
        .env("SIDESTAGE_MAY_WRITE", (access >= Access::Write).to_string());
    if let Some(Signed { user, .. }) = signed {
        git.env("REMOTE_USER", &user.login);
    }
    let output = run(git, &request.body).await?;
    Ok(parse_cgi(output))
}

/// A CGI program says its status in a header.
fn parse_cgi(output: Vec<u8>) -> Response {
    let mut output = Bytes::from(output);
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let body = match end {
        Some(end) => output.split_off(end + 4),
        None => Bytes::new(),
    };
    let head = String::from_utf8_lossy(&output).into_owned();
    let mut response = Response::new(Body::from(body));
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if name.eq_ignore_ascii_case("status") {
            let status = value
                .split(' ')
                .next()
                .and_then(|status| status.parse().ok());
            *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What a push changed: the branches, and the default one of a repository that had none
/// (services/repository/push.go).
async fn take_note(gitea: &Gitea, repository: &Repository) -> io::Result<()> {
    let folder = folder_of(gitea, repository).await?;
    let mut list = git(&folder);
    list.args(["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]);
    let branches: Vec<String> = lines(run(list, &[]).await?);
    let default_branch = match branches.first() {
        Some(first) if !branches.contains(&repository.default_branch) => {
            let mut head = git(&folder);
            head.args(["symbolic-ref", "HEAD", &format!("refs/heads/{first}")]);
            run(head, &[]).await?;
            first.clone()
        }
        _ => repository.default_branch.clone(),
    };
    let mut state = gitea.state();
    if let Some(repository) = state.repository_mut(repository.id) {
        repository.default_branch = default_branch;
        repository.branches = branches;
        repository.updated = Timestamp::now();
    }
    Ok(())
}

/// A commit.
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) author: String,
    pub(super) email: String,
    /// ISO 8601.
    pub(super) date: String,
    pub(super) message: String,
}

/// The commits of a branch, the newest first.
pub(super) async fn log(
    gitea: &Gitea,
    repository: &Repository,
    branch: &str,
) -> io::Result<Vec<Commit>> {
    let folder = folder_of(gitea, repository).await?;
    let mut git = git(&folder);
    git.args([
        "log",
        "--format=%H%x00%an%x00%ae%x00%aI%x00%B%x01",
        "--end-of-options",
        branch,
    ]);
    let output = run(git, &[]).await?;
    let output = String::from_utf8_lossy(&output).into_owned();
    let commits = output.split('\u{1}').filter_map(|commit| {
        let mut fields = commit.trim_start().split('\0').map(str::to_owned);
        Some(Commit {
            sha: fields.next()?,
            author: fields.next()?,
            email: fields.next()?,
            date: fields.next()?,
            message: fields.next()?,
        })
    });
    Ok(commits.collect())
}

/// A file of a branch, and its hash.
pub(super) async fn file(
    gitea: &Gitea,
    repository: &Repository,
    branch: &str,
    path: &str,
) -> io::Result<(String, Vec<u8>)> {
    let folder = folder_of(gitea, repository).await?;
    let mut parse = git(&folder);
    parse.args([
        "rev-parse",
        "--verify",
        "--end-of-options",
        &format!("{branch}:{path}"),
    ]);
    let sha = lines(run(parse, &[]).await?).pop().unwrap_or_default();
    let mut read = git(&folder);
    read.args(["cat-file", "blob", &sha]);
    Ok((sha, run(read, &[]).await?))
}

/// Where git keeps a repository. Made when it is first asked for, and only then under its name, so that one half made is
/// never seen.
async fn folder_of(gitea: &Gitea, repository: &Repository) -> io::Result<PathBuf> {
    let root = gitea.folder()?;
    let folder = root.join(format!("{}.git", repository.folder));
    let _one_at_a_time = gitea.making().await;
    if folder.is_dir() {
        return Ok(folder);
    }
    let new = root.join(format!("{}.new", repository.folder));
    let mut init = git(root);
    init.args([
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch",
    ])
    .arg(&repository.default_branch)
    .arg(&new);
    run(init, &[]).await?;
    write_hook(&new.join("hooks"))?;
    if repository.initialized {
        let mut import = git(&new);
        import.args(["fast-import", "--quiet"]);
        run(import, first_commit(gitea, repository).as_bytes()).await?;
    }
    std::fs::rename(&new, &folder)?;
    Ok(folder)
}

fn write_hook(hooks: &FilePath) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::create_dir_all(hooks)?;
    let mut options = std::fs::OpenOptions::new();
    let hook = options.write(true).create(true).truncate(true).mode(0o755);
    io::Write::write_all(
        &mut hook.open(hooks.join("pre-receive"))?,
        PRE_RECEIVE.as_bytes(),
    )
}

/// What `auto_init` commits (services/repository/create.go), as `git fast-import` reads it.
fn first_commit(gitea: &Gitea, repository: &Repository) -> String {
    let Repository {
        name,
        description,
        default_branch,
        created,
        ..
    } = repository;
    let who = {
        let state = gitea.state();
        let owner = state.owner_of(repository);
        owner
            .as_ref()
            .map(|owner| owner.name().to_owned())
            .unwrap_or_default()
    };
    let readme = format!("# {name}\n\n{description}");
    let message = "Initial commit\n";
    format!(
        "commit refs/heads/{default_branch}\ncommitter {who} <{who}@noreply.localhost> {} +0000\ndata {}\n{message}M 100644 inline \
         README.md\ndata {}\n{readme}\n",
        created.as_second(),
        message.len(),
        readme.len(),
    )
}

/// The machine's git, without anybody's configuration.
fn git(folder: &FilePath) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    git
}

async fn run(mut git: Command, input: &[u8]) -> io::Result<Vec<u8>> {
    let mut child = git.spawn()?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // Git may have read enough before the end.
            let _ = stdin.write_all(input).await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )),
    }
}

fn lines(output: Vec<u8>) -> Vec<String> {
    let output = String::from_utf8_lossy(&output).into_owned();
    output.lines().map(str::to_owned).collect()
}
