//! `gitea:find-repository`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Code, Context, Description, Error, Example, Result};
use url::Url;

use super::{client::Client, lookup, names};

pub(super) struct FindRepository;

/// Which repository, and whose.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The account whose repository it is. Either this or `giteaOrganization` is needed.
    #[schemars(length(min = 1), extend("examples" = ["grace"]))]
    username: Option<String>,
    /// The organization whose repository it is, by the name in its URL.
    #[schemars(length(min = 1), extend("examples" = ["acme"]))]
    gitea_organization: Option<String>,
    /// The repository's name in URLs.
    #[schemars(length(min = 1), extend("examples" = ["handbook"]))]
    repository_name: String,
}

/// Where the repository is, or would be.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether there is such a repository.
    #[schemars(extend("examples" = [false]))]
    found: bool,
    /// Whether it is there and nobody has pushed to it yet.
    #[schemars(extend("examples" = [false]))]
    empty: bool,
    /// The account or organization whose it is, as Gitea writes it.
    #[schemars(extend("examples" = ["acme"]))]
    owner: String,
    /// The repository's name, as Gitea writes it.
    #[schemars(extend("examples" = ["handbook"]))]
    repository_name: String,
    /// Its page in Gitea.
    #[schemars(extend("examples" = ["https://gitea.example.com/acme/handbook"]))]
    repository_url: String,
    /// The same as `publish:gitea` takes it.
    #[schemars(extend("examples" = ["gitea.example.com?owner=acme&repo=handbook"]))]
    repo_url: String,
}

impl Action for FindRepository {
    const NAME: &'static str = "find-repository";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Find a Gitea repository",
            description: "Looks whether there is a repository in [Gitea](https://about.gitea.com), and changes nothing. \
                          Backstage's `publish:gitea` fails where there is one: with this before it, a template can be run \
                          again.",
            attributes: Attributes::READS,
            examples: vec![Example {
                description: "Before `publish:gitea`, whose repoUrl is this step's output repoUrl",
                input: json!({ "giteaOrganization": "acme", "repositoryName": "handbook" }),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        names::check_repository(&input.repository_name)?;
        lookup::administrator(ctx, client).await?;
        let owner = lookup::owner(
            ctx,
            client,
            input.username.as_deref(),
            input.gitea_organization.as_deref(),
        )
        .await?;
        let owner = owner.name();
        let found = ctx
            .race(client.repository(owner, &input.repository_name))
            .await?;
        let own_url = found.as_ref().map_or("", |found| &found.html_url);
        let name = found
            .as_ref()
            .map_or(&input.repository_name, |found| &found.name);
        let path = format!("{owner}/{name}");
        let repository_url = client.url_for_people(own_url, &path);
        ctx.info(match &found {
            None => format!("there is no repository {path} yet"),
            Some(found) if found.empty => format!("the repository {path} is there, and empty"),
            Some(_) => format!("the repository {path} is there"),
        });
        Ok(Output {
            repo_url: format!("{}?owner={owner}&repo={name}", host(&repository_url)?),
            found: found.is_some(),
            empty: found.as_ref().is_some_and(|found| found.empty),
            owner: owner.into(),
            repository_name: name.clone(),
            repository_url,
        })
    }
}

/// As Backstage's `integrations.gitea` names it: with its port, where that is not the scheme's own.
fn host(url: &str) -> Result<String> {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(|url| {
        let host = url.host_str()?;
        Some(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.into(),
        })
    });
    host.ok_or_else(|| Error::new(Code::UpstreamRejected, format!("Gitea says that its page is {url:?}, which is no URL. Set publicUrl of the connection.")))
}
