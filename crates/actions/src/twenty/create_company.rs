//! `twenty:create-company`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{
    Action, Attributes, Context, Description, Effect, Error, Example, Outcome, Result,
};

use super::{
    bin::{Of, Restoration},
    client::{Client, Kind},
    company::{self, NewCompany},
    lookup,
    values::{self, given},
};

pub(super) struct CreateCompany;

/// What the company should be. A blank text is as if it were left out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The name that people see.
    #[schemars(length(min = 1), extend("examples" = ["Umbrella"]))]
    name: String,
    /// The company's domain, which Twenty keeps unique: a company that has it already is used.
    #[schemars(extend("examples" = ["umbrella.example"]))]
    domain: Option<String>,
    /// The company's page at LinkedIn.
    #[schemars(extend("examples" = ["https://www.linkedin.com/company/umbrella"]))]
    linkedin_url: Option<String>,
    /// Whether a deleted company is restored. Otherwise it is refused.
    #[serde(default)]
    restore: bool,
    /// Whether a company without a domain may be made although there is one of the same name.
    #[serde(default)]
    allow_namesake: bool,
}

/// The company, as Twenty has it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The company's id in Twenty.
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000001"]))]
    company_id: String,
    /// The company's page in Twenty.
    #[schemars(extend("examples" = ["https://crm.example.com/object/company/20202020-0000-4000-8000-000000000001"]))]
    company_url: String,
    /// Whether this run made the company. False: it was there.
    #[schemars(extend("examples" = [true]))]
    created: bool,
    /// Whether this run restored the company: it was deleted.
    #[schemars(extend("examples" = [false]))]
    restored: bool,
}

impl Action for CreateCompany {
    const NAME: &'static str = "create-company";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a company in Twenty",
            description: "Makes a company in [Twenty](https://twenty.com). One that has the same domain already is used. Without a \
                          domain nothing tells companies of the same name apart: the record is made with an id that follows \
                          from the name, so that the same step finds it again, and a company of that name which was not made \
                          so is a conflict.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "A company by its domain",
                    input: json!({"name": "Umbrella", "domain": "umbrella.example"}),
                },
                Example {
                    description: "One that was deleted is used again",
                    input: json!({"name": "Initech", "domain": "initech.com", "restore": true}),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let name = values::words(&input.name);
        if name.is_empty() {
            return Err(Error::invalid(
                "name",
                "name is blank: give the company's name.",
            ));
        }
        let domain = given(input.domain.as_deref());
        let domain = domain
            .map(|domain| values::domain("domain", domain))
            .transpose()?;
        let linkedin = given(input.linkedin_url.as_deref());
        let linkedin = linkedin
            .map(|url| values::link("linkedinUrl", url))
            .transpose()?;
        let site = ctx.race(client.site()).await?;
        let new = NewCompany {
            client,
            name: &name,
            domain: domain.as_deref(),
            linkedin: linkedin.as_deref(),
            restore: input.restore,
            named: false,
        };
        if let (Some(own), false) = (new.own_id(), input.allow_namesake) {
            // Its own record has the name, too.
            let others = ctx.race(lookup::named(client, &name)).await?;
            let is_there =
                others.iter().any(|other| other.id == own) || ctx.race(new.find()).await?.is_some();
            if let (Some(other), false) = (others.first(), is_there) {
                return Err(company::namesake(&name, other));
            }
        }
        let ensured = ctx.ensure(&new).await?;
        let (company, outcome) = (ensured.object, ensured.outcome);
        let company_url = format!("{site}/object/company/{}", company.id);
        match outcome {
            Outcome::Created => ctx.info(format!("made the company {name}: {company_url}")),
            Outcome::Adopted => ctx.info(format!("the company {name} is there")),
            Outcome::Planned => {}
        }
        let mut restored = false;
        // Asked again where an earlier attempt restored it: then that is this run's doing.
        if input.restore && !company.id.is_nil() {
            let key = new.key();
            let restoration = Restoration(Of {
                client,
                kind: Kind::Company,
                id: company.id,
                key: &key,
            });
            let ensured = ctx.ensure(&restoration).await?;
            restored = ensured.changes();
            if ensured.created() {
                ctx.info(format!("restored the company {name}: {company_url}"));
            }
        }
        Ok(Output {
            company_id: company.id.to_string(),
            company_url,
            created: outcome != Outcome::Adopted,
            restored,
        })
    }
}
