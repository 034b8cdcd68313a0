//! `twenty:create-person`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{
    Action, Attributes, Context, Description, Effect, Error, Example, Outcome, Result,
};

use super::{
    bin::{Of, Restoration},
    client::{Client, Company, FullName, Kind, Person},
    company::NewCompany,
    lookup,
    person::{NewPerson, PersonChange, Wanted, WantedCompany},
    phone,
    values::{self, given},
};

pub(super) struct CreatePerson;

/// Who the person is. A blank text is as if it were left out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The whole name; what stands before its first space becomes the first name. Either this, or `firstName`, `lastName`, or
    /// both of them.
    #[schemars(extend("examples" = ["Katherine Johnson"]))]
    name: Option<String>,
    /// The first name.
    #[schemars(extend("examples" = ["Katherine"]))]
    first_name: Option<String>,
    /// The last name.
    #[schemars(extend("examples" = ["Johnson"]))]
    last_name: Option<String>,
    /// The e-mail address, which Twenty keeps unique: a person who has it already is used. Without it the person is known by
    /// an id that follows from name, phone and company.
    #[schemars(extend("examples" = ["katherine@example.com"]))]
    email: Option<String>,
    /// The phone number, with its country (`+33 6 12 34 56 78`) or with `phoneCountry`.
    #[schemars(extend("examples" = ["+33 6 12 34 56 78"]))]
    phone: Option<String>,
    /// The country of a phone number that is written without it, by its two letters.
    #[schemars(extend("examples" = ["FR"]))]
    phone_country: Option<String>,
    /// What the person does in the company.
    #[schemars(extend("examples" = ["Mathematician"]))]
    job_title: Option<String>,
    /// The person's page at LinkedIn.
    #[schemars(extend("examples" = ["https://www.linkedin.com/in/katherine"]))]
    linkedin_url: Option<String>,
    /// The id of the person's company. Either this, or `companyName`, `companyDomain`, or both of them.
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000001"]))]
    company_id: Option<String>,
    /// The person's company, by its name, its domain or its id. It must be the only one of its name, unless `companyDomain`
    /// says which it is.
    #[schemars(extend("examples" = ["Acme"]))]
    company_name: Option<String>,
    /// The domain of the person's company.
    #[schemars(extend("examples" = ["acme.com"]))]
    company_domain: Option<String>,
    /// Whether a company that does not exist is made. Otherwise it is refused before anything is made.
    #[serde(default)]
    create_company: bool,
    /// Whether a deleted person is restored. Otherwise they are refused: they keep their e-mail address.
    #[serde(default)]
    restore: bool,
    /// Whether a person who is there is changed to what is given here. Otherwise a difference is a conflict.
    #[serde(default)]
    update_existing: bool,
    /// Whether a person without an e-mail address may be made although there is somebody of the same name.
    #[serde(default)]
    allow_namesake: bool,
}

/// The person, as Twenty has them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// The person's id in Twenty.
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000101"]))]
    person_id: String,
    /// The person's page in Twenty.
    #[schemars(extend("examples" = ["https://crm.example.com/object/person/20202020-0000-4000-8000-000000000101"]))]
    person_url: String,
    /// The id of the person's company, where the input names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000001"]))]
    company_id: Option<String>,
    /// The page of that company.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://crm.example.com/object/company/20202020-0000-4000-8000-000000000001"]))]
    company_url: Option<String>,
    /// Whether this run made the person. False: they were there.
    #[schemars(extend("examples" = [true]))]
    created: bool,
    /// Whether this run restored the person: they were deleted.
    #[schemars(extend("examples" = [false]))]
    restored: bool,
}

impl Action for CreatePerson {
    const NAME: &'static str = "create-person";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Create a person in Twenty",
            description: "Makes a person in [Twenty](https://twenty.com), of a company that is there or is made. A person who has \
                          the same e-mail address already is used, if what is given here is what Twenty has. Without an e-mail \
                          address nothing tells people of the same name apart: the record is made with an id that follows \
                          from name, phone and company, so that the same step finds it again, and somebody of that name who \
                          was not made so is a conflict.",
            attributes: Attributes::CREATES,
            examples: vec![
                Example {
                    description: "A person, and their company if there is none",
                    input: json!({
                        "name": "Katherine Johnson",
                        "email": "katherine@example.com",
                        "phone": "+33 6 12 34 56 78",
                        "companyName": "Umbrella",
                        "companyDomain": "umbrella.example",
                        "createCompany": true,
                    }),
                },
                Example {
                    description: "First and last name, a phone number as it is dialled at home, a company by its name",
                    input: json!({
                        "firstName": "Dorothy",
                        "lastName": "Vaughan",
                        "email": "dorothy@example.com",
                        "phone": "06 12 34 56 78",
                        "phoneCountry": "FR",
                        "jobTitle": "Mathematician",
                        "companyName": "Acme",
                    }),
                },
                Example {
                    description: "Somebody who was deleted comes back with another title",
                    input: json!({
                        "name": "Linus Torvalds",
                        "email": "linus@example.com",
                        "jobTitle": "Engineer",
                        "restore": true,
                        "updateExisting": true,
                    }),
                },
            ],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let mut wanted = check(ctx, &input)?;
        let place = CompanyInput::of(&input)?;
        let site = ctx.race(client.site()).await?;
        let company = place.find(ctx, client).await?;
        wanted.company = company.as_ref().map(WantedCompany::from);
        if company.is_none() && place.may_be_made() {
            // What speaks against the person is said before their company is made.
            wanted.company = place.planned(client).map(|planned| (&planned).into());
            ctx.existing(&new_person(client, &wanted, &input)).await?;
        }
        if !input.allow_namesake {
            check_namesakes(ctx, client, &wanted).await?;
        }
        if place.may_be_made() {
            let company = place.ensure(ctx, client, &site).await?;
            wanted.company = company.as_ref().map(WantedCompany::from);
        }
        let ensured = ctx.ensure(&new_person(client, &wanted, &input)).await?;
        let (person, outcome) = (ensured.object, ensured.outcome);
        let person_url = format!("{site}/object/person/{}", person.id);
        let name = wanted.name.whole();
        match outcome {
            Outcome::Created => ctx.info(format!("made the person {name}: {person_url}")),
            Outcome::Adopted => ctx.info(format!("the person {name} is there: {person_url}")),
            Outcome::Planned => {}
        }
        let restored = input.restore && restore(ctx, client, &wanted, &person).await?;
        if outcome == Outcome::Adopted && input.update_existing {
            update(ctx, client, &wanted, &person).await?;
        }
        let company_id = wanted.company.map(|company| company.id);
        Ok(Output {
            person_id: person.id.to_string(),
            person_url,
            company_id: company_id.map(|id| id.to_string()),
            company_url: company_id.map(|id| format!("{site}/object/company/{id}")),
            created: outcome != Outcome::Adopted,
            restored,
        })
    }
}

/// What needs no look at Twenty.
fn check(ctx: &Context, input: &Input) -> Result<Wanted> {
    let text = |input: &Option<String>| given(input.as_deref()).map(values::words);
    let name = match (
        text(&input.name),
        text(&input.first_name),
        text(&input.last_name),
    ) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            return Err(Error::invalid(
                "name",
                "name is the whole name: give it, or firstName and lastName, not both.",
            ));
        }
        (None, None, None) => {
            return Err(Error::invalid(
                "name",
                "Who is it? Give name, or firstName and lastName.",
            ));
        }
        (Some(whole), None, None) => {
            let (first_name, last_name) = values::split_name(&whole);
            if !last_name.is_empty() {
                ctx.info(format!(
                    "the first name is {first_name}, the last name {last_name}; give firstName and lastName where that is wrong"
                ));
            }
            FullName {
                first_name,
                last_name,
            }
        }
        (None, first, last) => FullName {
            first_name: first.unwrap_or_default(),
            last_name: last.unwrap_or_default(),
        },
    };
    let country = given(input.phone_country.as_deref());
    let phone = given(input.phone.as_deref());
    let linkedin = given(input.linkedin_url.as_deref());
    Ok(Wanted {
        name,
        email: given(input.email.as_deref())
            .map(values::email)
            .transpose()?,
        phone: phone
            .map(|phone| phone::normalize(phone, country))
            .transpose()?,
        job_title: text(&input.job_title),
        linkedin: linkedin
            .map(|url| values::link("linkedinUrl", url))
            .transpose()?,
        company: None,
    })
}

fn new_person<'a>(client: &'a Client, wanted: &'a Wanted, input: &Input) -> NewPerson<'a> {
    NewPerson {
        client,
        wanted,
        restore: input.restore,
        update: input.update_existing,
    }
}

/// Without an e-mail address somebody of the same name may be the one who is meant, or not.
async fn check_namesakes(ctx: &Context, client: &Client, wanted: &Wanted) -> Result<()> {
    let Some(own) = wanted.own_id() else {
        return Ok(());
    };
    let FullName {
        first_name,
        last_name,
    } = &wanted.name;
    let namesakes = ctx.race(client.people_named(first_name, last_name)).await?;
    let mut namesakes = namesakes
        .iter()
        .filter(|other| values::alike(&other.name.whole(), &wanted.name.whole()));
    if namesakes.clone().any(|other| other.id == own) {
        return Ok(());
    }
    match namesakes.next() {
        None => Ok(()),
        Some(other) => Err(Error::conflict(format!(
            "Twenty has a person {} already ({}), and without an e-mail address nobody can say whether it is the same one. Give \
             email, or set allowNamesake to make another person of this name.",
            wanted.name.whole(),
            other.id
        ))),
    }
}

/// Takes a person out of the bin, if that is where they are. Whether this run has done so.
async fn restore(ctx: &Context, client: &Client, wanted: &Wanted, person: &Person) -> Result<bool> {
    if person.id.is_nil() {
        return Ok(false);
    }
    let key = wanted.key();
    let restoration = Restoration(Of {
        client,
        kind: Kind::Person,
        id: person.id,
        key: &key,
    });
    let ensured = ctx.ensure(&restoration).await?;
    if ensured.created() {
        ctx.info(format!("restored the person {}", wanted.name.whole()));
    }
    Ok(ensured.changes())
}

async fn update(ctx: &Context, client: &Client, wanted: &Wanted, person: &Person) -> Result<()> {
    let change = PersonChange {
        client,
        wanted,
        person,
    };
    let changed = change.of(person).join(", ");
    if ctx.ensure(&change).await?.created() {
        ctx.info(format!(
            "changed {changed} of the person {}",
            wanted.name.whole()
        ));
    }
    Ok(())
}

/// How the input names a company.
enum CompanyInput {
    None,
    Id {
        id: String,
        /// The input that a refusal is about.
        field: &'static str,
    },
    Named {
        name: String,
        domain: Option<String>,
        field: &'static str,
        create: bool,
    },
}

impl CompanyInput {
    fn of(input: &Input) -> Result<Self> {
        let id = given(input.company_id.as_deref());
        let name = given(input.company_name.as_deref()).map(values::words);
        let domain = given(input.company_domain.as_deref());
        let domain = domain
            .map(|domain| values::domain("companyDomain", domain))
            .transpose()?;
        let create = input.create_company;
        match (id, name, domain) {
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(Error::invalid(
                "companyId",
                "companyId says which company it is: give it, or companyName and companyDomain, not both.",
            )),
            (Some(id), None, None) => {
                lookup::id("companyId", id)?;
                Ok(CompanyInput::Id {
                    id: id.into(),
                    field: "companyId",
                })
            }
            // A form may leave it open, whatever it says of making one.
            (None, None, None) => Ok(CompanyInput::None),
            (None, name, Some(domain)) => Ok(CompanyInput::Named {
                name: name.unwrap_or_else(|| domain.clone()),
                domain: Some(domain),
                field: "companyDomain",
                create,
            }),
            (None, Some(id), None) if lookup::id("companyName", &id).is_ok() => {
                Ok(CompanyInput::Id {
                    id,
                    field: "companyName",
                })
            }
            (None, Some(name), None) => Ok(CompanyInput::Named {
                domain: values::domain("companyName", &name).ok(),
                name,
                field: "companyName",
                create,
            }),
        }
    }

    /// Whether it is made if there is none.
    fn may_be_made(&self) -> bool {
        matches!(self, CompanyInput::Named { create: true, .. })
    }

    fn new_company<'a>(&'a self, client: &'a Client) -> Option<NewCompany<'a>> {
        let CompanyInput::Named { name, domain, .. } = self else {
            return None;
        };
        Some(NewCompany {
            client,
            name,
            domain: domain.as_deref(),
            linkedin: None,
            restore: false,
            named: true,
        })
    }

    /// The company that is there. None: the input names none, or one that is to be made.
    async fn find(&self, ctx: &Context, client: &Client) -> Result<Option<Company>> {
        if let CompanyInput::Id { id, field } = self {
            let found = ctx.race(lookup::company_by_id(client, field, id)).await?;
            return Ok(Some(found));
        }
        let Some(new) = self.new_company(client) else {
            return Ok(None);
        };
        match (ctx.existing(&new).await?, self) {
            (
                None,
                CompanyInput::Named {
                    field,
                    create: false,
                    ..
                },
            ) => {
                let key = new.key();
                let missing = async { Ok(lookup::no_company(client, field, &key).await) };
                Err(ctx.race(missing).await?)
            }
            (found, _) => Ok(found),
        }
    }

    fn planned(&self, client: &Client) -> Option<Company> {
        Some(self.new_company(client)?.preview())
    }

    async fn ensure(&self, ctx: &Context, client: &Client, site: &str) -> Result<Option<Company>> {
        let Some(new) = self.new_company(client) else {
            return Ok(None);
        };
        let ensured = ctx.ensure(&new).await?;
        if ensured.created() {
            let (name, id) = (&ensured.object.name, ensured.object.id);
            ctx.info(format!(
                "made the company {name}: {site}/object/company/{id}"
            ));
        }
        Ok(Some(ensured.object))
    }
}
