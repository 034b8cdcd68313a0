//! `twenty:delete-person`

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sidestage_action::{Action, Attributes, Context, Description, Error, Example, Outcome, Result};

use super::{
    bin::{Deletion, Of},
    client::{Client, Kind},
    lookup,
    values::given,
};

pub(super) struct DeletePerson;

/// Who it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    /// The e-mail address. At least one of `email` and `personId` is needed; with both, they must be one person's.
    #[schemars(extend("examples" = ["grace@example.com"]))]
    email: Option<String>,
    /// The person's id in Twenty.
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000102"]))]
    person_id: Option<String>,
}

/// The person, as Twenty had them.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Whether there is such a person at all.
    #[schemars(extend("examples" = [true]))]
    found: bool,
    /// The person's id in Twenty; empty where there is none.
    #[schemars(extend("examples" = ["20202020-0000-4000-8000-000000000102"]))]
    person_id: String,
    /// Whether this run deleted the person. False: they were deleted already, or there is no such person.
    #[schemars(extend("examples" = [true]))]
    deleted: bool,
}

impl Action for DeletePerson {
    const NAME: &'static str = "delete-person";
    type Client = Client;
    type Input = Input;
    type Output = Output;

    fn describe(&self) -> Description {
        Description {
            title: "Delete a person in Twenty",
            description: "Deletes a person in [Twenty](https://twenty.com) so that they can be restored: they are hidden, nothing \
                          of them is lost, and their e-mail address stays taken. To destroy the record for good is for people \
                          to do, in Twenty. Where there is no such person, nothing is done, and the step says so.",
            attributes: Attributes::REMOVES,
            examples: vec![Example {
                description: "Somebody who leaves, by address",
                input: json!({"email": "grace@example.com"}),
            }],
        }
    }

    async fn run(&self, ctx: &Context, client: &Client, input: Input) -> Result<Output> {
        let (id, email) = (
            given(input.person_id.as_deref()),
            given(input.email.as_deref()),
        );
        let Some(wanted) = email.or(id) else {
            return Err(Error::invalid(
                "email",
                "Which person? Give email, personId, or both.",
            ));
        };
        let Some(person) = ctx.race(lookup::person(client, id, email)).await? else {
            ctx.warn(format!("Twenty has no person {wanted}: nothing to delete"));
            return Ok(Output {
                found: false,
                person_id: String::new(),
                deleted: false,
            });
        };
        let name = match &*person.emails.primary_email {
            "" => person.name.whole(),
            email => email.to_owned(),
        };
        let of = Of {
            client,
            kind: Kind::Person,
            id: person.id,
            key: &name,
        };
        let outcome = ctx.ensure(&Deletion(of)).await?.outcome;
        match outcome {
            Outcome::Created => ctx.info(format!("deleted the person {name}")),
            Outcome::Adopted => ctx.info(format!("the person {name} is deleted already")),
            Outcome::Planned => {}
        }
        Ok(Output {
            found: true,
            person_id: person.id.to_string(),
            deleted: outcome != Outcome::Adopted,
        })
    }
}
