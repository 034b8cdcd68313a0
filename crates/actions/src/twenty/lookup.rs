//! From the names that a template gives to what Twenty has.

use sidestage_action::{Error, FieldError, Result, schema};
use uuid::Uuid;

use super::{
    bin::in_the_bin,
    client::{Client, Company, Kind, Person},
    values,
};

fn missing(field: &str, sentence: String, detail: &str) -> Error {
    Error::not_found(sentence).with_fields(vec![FieldError {
        field: format!("/{field}"),
        detail: detail.into(),
    }])
}

pub(super) fn id(field: &str, text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| {
        Error::invalid(
            field,
            format!(
                "{field} is not an id of Twenty's: it stands in the address of the record's page."
            ),
        )
    })
}

/// The company with this id; `field` is the input that gives it.
pub(super) async fn company_by_id(client: &Client, field: &str, text: &str) -> Result<Company> {
    let found: Option<Company> = client.by_id(id(field, text)?).await?;
    match found {
        Some(company) if company.deleted_at.is_some() => Err(in_the_bin(
            Kind::Company,
            &company.name,
            "Restore it in Twenty, or name another company.",
        )),
        Some(company) => Ok(company),
        None => Err(missing(
            field,
            format!(
                "Twenty has no company with the id {text}, or the role of the connection's API key may not see it."
            ),
            "is no company of Twenty",
        )),
    }
}

/// The company with this domain, in whichever way it is written. One that is deleted only if no other has it.
pub(super) async fn by_domain(client: &Client, domain: &str) -> Result<Option<Company>> {
    let mut found = client
        .companies_with_domain(&values::ways_to_write(domain))
        .await?;
    let live = found
        .iter()
        .filter(|company| company.deleted_at.is_none())
        .count();
    if live > 1 {
        return Err(ambiguous("domain", domain));
    }
    found.sort_by_key(|company| company.deleted_at.is_some());
    Ok(found.into_iter().next())
}

/// The only company of this name.
pub(super) async fn by_name(client: &Client, name: &str) -> Result<Option<Company>> {
    let mut found = named(client, name).await?;
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(ambiguous("name", name)),
    }
}

/// The companies of this name, whatever its capitals.
pub(super) async fn named(client: &Client, name: &str) -> Result<Vec<Company>> {
    let mut found = client.companies_named(&values::words(name)).await?;
    found.retain(|company| values::alike(&company.name, name));
    Ok(found)
}

fn ambiguous(what: &str, value: &str) -> Error {
    Error::conflict(format!(
        "Twenty has more than one company with the {what} {value}. Give companyId: it stands in the address of the company's \
         page."
    ))
}

/// That there is no such company, and none is to be made.
pub(super) async fn no_company(client: &Client, field: &str, wanted: &str) -> Error {
    // Only a hint: that it cannot be given is no reason to say less.
    let companies = client.companies().await.unwrap_or_default();
    let names = companies.iter().map(|company| &*company.name);
    let hint = match schema::nearest(wanted, names) {
        Some(near) => format!(" Did you mean {near}?"),
        None => String::new(),
    };
    missing(
        field,
        format!(
            "Twenty has no company {wanted}, or the role of the connection's API key may not see it.{hint} Set createCompany to \
             make it."
        ),
        "is no company of Twenty",
    )
}

/// The person that an id and an e-mail address name, deleted or not: as far as they are given, both must be theirs.
pub(super) async fn person(
    client: &Client,
    person_id: Option<&str>,
    email: Option<&str>,
) -> Result<Option<Person>> {
    let email = email.map(values::email).transpose()?;
    let person_id = person_id.map(|text| id("personId", text)).transpose()?;
    let by_email = match &email {
        Some(email) => client.person_by_email(email).await?,
        None => None,
    };
    let Some(person_id) = person_id else {
        return Ok(by_email);
    };
    let by_id: Option<Person> = client.by_id(person_id).await?;
    let Some(email) = email else {
        return Ok(by_id);
    };
    let other = match (&by_email, &by_id) {
        (Some(one), Some(other)) if one.id == other.id => return Ok(by_email),
        (None, None) => return Ok(None),
        (Some(one), _) => format!("the e-mail address of {} ({})", one.name.whole(), one.id),
        (None, Some(_)) => "the e-mail address of nobody".into(),
    };
    Err(Error::conflict(format!(
        "In Twenty {email} is {other}, not of the person {person_id}. Check both, or give the right one alone."
    )))
}
