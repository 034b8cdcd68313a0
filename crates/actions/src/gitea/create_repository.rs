//! `gitea:create-repository`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Example, Outcome, Result};

use super::{client::Client, lookup, names, repository::NewRepository};

pub(super) struct CreateRepository;

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
    #[schemars(length(min = 1), extend("examples" = ["first-steps"]))]
    repository_name: String,
    /// What it is for, in a sentence.
    #[schemars(length(max = 2048), extend("examples" = ["Where Grace begins"]))]
    description: Option<String>,
    /// Whether only who has access sees it. A new one is private unless this is false; one that is there is used either way
    /// where this is left out.
    private: Option<bool>,
    /// Whether a new one begins with a commit that holds a README. Without it the repository is empty until somebody pushes.
    #[serde(default = "yes")]
    auto_init: bool,
    /// The default branch. Default: as the server says.
    #[schemars(length(min = 1, max = 100), extend("examples" = ["main"]))]
    default_branch: Option<String>,
}

fn yes() -> bool {
    true
}

/// The repository, as Gitea has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The repository's id in Gitea.
    #[schemars(extend("examples" = [108]))]
    repository_id: u64,
    /// The account or organization whose it is, as Gitea writes it.
    #[schemars(extend("examples" = ["grace"]))]
    owner: String,
    /// The repository's name, as Gitea writes it.
    #[schemars(extend("examples" = ["first-steps"]))]
    repository_name: String,
    /// Its page in Gitea.
    #[schemars(extend("examples" = ["https://gitea.example.com/grace/first-steps"]))]
    repository_url: String,
    /// What `git clone` takes, by HTTP.
    #[schemars(extend("examples" = ["https://gitea.example.com/grace/first-steps.git"]))]
    clone_url: String,
    /// What `git clone` takes, by SSH; empty where Gitea has none.
    #[schemars(extend("examples" = ["git@gitea.example.com:grace/first-steps.git"]))]
    ssh_url: String,
    /// The files of its default branch, as `catalog:register` takes them.
    #[schemars(extend("examples" = ["https://gitea.example.com/grace/first-steps/src/branch/main/"]))]
    repo_contents_url: String,
    /// Its default branch.
    #[schemars(extend("examples" = ["main"]))]
    default_branch: String,
    /// Whether only who has access sees it.
    #[schemars(extend("examples" = [true]))]
    private: bool,
    /// Whether this run made it. False: it was there.
    #[schemars(extend("examples" = [true]))]
    created: bool,
}

impl Action for CreateRepository {
    const NAME: &'static str = "create-repository";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a Gitea repository",
            description: "Makes a repository in [Gitea](https://about.gitea.com) that belongs to a person, which Backstage's \
                          `publish:gitea` cannot, or to an organization. One of that name that is already there is used. To \
                          fill it from a template, `publish:gitea` is the way, in an organization.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "Somebody's own repository, with a README",
                    input: json!({
                        "username": "grace",
                        "repositoryName": "first-steps",
                        "description": "Where Grace begins",
                    }),
                },
                Example {
                    description: "An empty one of an organization that everybody sees",
                    input: json!({
                        "giteaOrganization": "acme",
                        "repositoryName": "website",
                        "private": false,
                        "autoInit": false,
                        "defaultBranch": "trunk",
                    }),
                },
            ],
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
        let new = NewRepository {
            client,
            owner: &owner,
            name: &input.repository_name,
            description: input.description.as_deref(),
            private: input.private,
            auto_init: input.auto_init,
            default_branch: input.default_branch.as_deref(),
        };
        let ensured = ctx.ensure(&new).await?;
        let (found, outcome) = (ensured.object, ensured.outcome);
        let path = format!("{}/{}", owner.name(), found.name);
        let repository_url = client.url_for_people(&found.html_url, &path);
        match outcome {
            Outcome::Created => ctx.info(format!("made the repository {path}: {repository_url}")),
            Outcome::Adopted => ctx.info(format!("the repository {path} is there already")),
            Outcome::Planned => {}
        }
        Ok(Output {
            repository_id: found.id,
            clone_url: client.url_for_people(&found.clone_url, &format!("{path}.git")),
            ssh_url: found.ssh_url,
            repo_contents_url: format!("{repository_url}/src/branch/{}/", found.default_branch),
            repository_url,
            default_branch: found.default_branch,
            private: found.private,
            created: outcome != Outcome::Adopted,
            repository_name: found.name,
            owner: owner.name().into(),
        })
    }
}
