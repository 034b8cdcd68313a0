//! Twenty's GraphQL API, as far as the actions need it (github.com/twentyhq/twenty, packages/twenty-server), for 1.x and
//! 2.x: all of it has HTTP status 200, and [`refusals::judge`] says what that means.
//!
//! GraphQL, since its filters are JSON and its refusals have codes; REST's filters are a language without an escape, its
//! `DELETE` destroys for good, and its way to restore differs from release to release. Variables are whole inputs and
//! filters only: 1.x checks their types, and the type of an id has changed.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};
use sidestage_action::{Error, Result};
use sidestage_upstream::{Request, StatusCode, Upstream};
use uuid::Uuid;

use super::{Twenty, refusals};
use crate::{
    provider::{ClientSettings, Provider},
    upstream_error::explain,
};

/// The most companies that are listed: what a form can show.
const LISTED: usize = 400;

/// The most that Twenty gives at once (`QUERY_MAX_RECORDS`).
const PAGE: usize = 200;

/// Calls Twenty.
#[derive(Clone)]
pub(crate) struct Client {
    upstream: Upstream,
    settings: ClientSettings,
}

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Person,
    Company,
}

impl Kind {
    /// In sentences, and in the path of a page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Company => "company",
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Kind::Person => "Person",
            Kind::Company => "Company",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::Person => "people",
            Kind::Company => "companies",
        }
    }

    /// The fields that are asked for.
    fn fields(self) -> &'static str {
        match self {
            Kind::Person => {
                "id deletedAt name { firstName lastName } emails { primaryEmail } \
                 phones { primaryPhoneNumber primaryPhoneCallingCode additionalPhones } jobTitle \
                 linkedinLink { primaryLinkUrl primaryLinkLabel secondaryLinks } companyId"
            }
            Kind::Company => {
                "id deletedAt name domainName { primaryLinkUrl } linkedinLink { primaryLinkUrl }"
            }
        }
    }
}

/// A record of one kind.
pub(super) trait Record: DeserializeOwned {
    const KIND: Kind;
}

impl Client {
    pub(super) fn new(upstream: Upstream, settings: ClientSettings) -> Self {
        Client { upstream, settings }
    }

    /// Where people see the workspace, without a slash at the end. Twenty is asked where nobody has said it: it is not
    /// always the address of the API. Where Twenty does not tell, it is taken for that.
    pub(super) async fn site(&self) -> Result<String> {
        let base = self.upstream.base_url();
        let told = match &self.settings.public_url {
            Some(url) => Some(url.to_string()),
            None => self.workspace_url().await?,
        };
        let url = told.unwrap_or_else(|| base.to_string());
        Ok(url.trim_end_matches('/').to_owned())
    }

    async fn workspace_url(&self) -> Result<Option<String>> {
        let query = "{ result: currentWorkspace { workspaceUrls { customUrl subdomainUrl } } }";
        let request = self.request("/metadata", query, &Value::Null).reading();
        let answer = request.send().await;
        match answer.and_then(|answer| answer.json::<Answer<Workspace>>()) {
            Ok(answer) => {
                let urls = answer.data.result.workspace_urls;
                Ok(urls.custom_url.or(urls.subdomain_url))
            }
            // That this is not told is no reason to do nothing; what else is wrong the next call says.
            Err(error) if is_not_told(&error) => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// The record with this id, deleted or not.
    pub(super) async fn by_id<R: Record>(&self, id: Uuid) -> Result<Option<R>> {
        let filter = json!({ "id": { "eq": id } });
        Ok(self.find(deleted_too(filter), 1).await?.into_iter().next())
    }

    /// The person with this e-mail address, in small letters; deleted or not.
    pub(super) async fn person_by_email(&self, email: &str) -> Result<Option<Person>> {
        let filter = json!({ "emails": { "primaryEmail": { "eq": email } } });
        Ok(self.find(deleted_too(filter), 1).await?.into_iter().next())
    }

    /// Some of the people who have this name and are not deleted.
    pub(super) async fn people_named(&self, first: &str, last: &str) -> Result<Vec<Person>> {
        // A name that is missing is null here, and empty text there.
        let part = |name: &str, text: &str| match text {
            "" => json!({ "or": [
                { "name": { name: { "is": "NULL" } } },
                { "name": { name: { "eq": "" } } },
            ] }),
            text => json!({ "name": { name: { "ilike": text } } }),
        };
        let filter = json!({ "and": [part("firstName", first), part("lastName", last)] });
        self.find(filter, 20).await
    }

    /// The companies whose domain is written in one of these ways, deleted or not.
    pub(super) async fn companies_with_domain(&self, ways: &[String]) -> Result<Vec<Company>> {
        let filter = json!({ "domainName": { "primaryLinkUrl": { "in": ways } } });
        self.find(deleted_too(filter), 10).await
    }

    /// Some of the companies that have about this name and are not deleted: the caller compares.
    pub(super) async fn companies_named(&self, name: &str) -> Result<Vec<Company>> {
        self.find(json!({ "name": { "ilike": name } }), 20).await
    }

    /// Some of the people of this company who are not deleted.
    pub(super) async fn people_of(&self, company: Uuid) -> Result<Vec<Person>> {
        self.find(json!({ "companyId": { "eq": company } }), 20)
            .await
    }

    /// The companies that are not deleted, in the order of their names, up to what a form can show.
    pub(super) async fn companies(&self) -> Result<Vec<Company>> {
        let mut all: Vec<Company> = Vec::new();
        let mut after = None;
        loop {
            let query = format!(
                "query Companies($filter: CompanyFilterInput{}) {{ result: companies(filter: $filter, first: {PAGE}, \
                 orderBy: [{{ name: AscNullsLast }}]{}) {{ edges {{ node {{ {} }} }} pageInfo {{ hasNextPage endCursor }} }} }}",
                if after.is_some() {
                    ", $after: String"
                } else {
                    ""
                },
                if after.is_some() {
                    ", after: $after"
                } else {
                    ""
                },
                Kind::Company.fields(),
            );
            let page: Connection<Company> = self
                .read(&query, &json!({ "filter": {}, "after": after }))
                .await?;
            all.extend(page.edges.into_iter().map(|edge| edge.node));
            after = page.page_info.end_cursor;
            if !page.page_info.has_next_page || after.is_none() || all.len() >= LISTED {
                return Ok(all);
            }
        }
    }

    async fn find<R: Record>(&self, filter: Value, most: usize) -> Result<Vec<R>> {
        let (plural, kind, fields) = (R::KIND.plural(), R::KIND.type_name(), R::KIND.fields());
        let query = format!(
            "query Find($filter: {kind}FilterInput) {{ result: {plural}(filter: $filter, first: {most}) \
             {{ edges {{ node {{ {fields} }} }} }} }}"
        );
        let found: Connection<R> = self.read(&query, &json!({ "filter": filter })).await?;
        Ok(found.edges.into_iter().map(|edge| edge.node).collect())
    }

    /// Makes a record.
    pub(super) async fn create<R: Record>(&self, data: &Value) -> Result<R, Refused> {
        let (kind, fields) = (R::KIND.type_name(), R::KIND.fields());
        let query = format!(
            "mutation Create($data: {kind}CreateInput!) {{ result: create{kind}(data: $data) {{ {fields} }} }}"
        );
        self.change(&query, &json!({ "data": data })).await
    }

    /// Changes a record to what is given, and leaves the rest.
    pub(super) async fn update<R: Record>(&self, id: Uuid, data: &Value) -> Result<R, Refused> {
        let (kind, fields) = (R::KIND.type_name(), R::KIND.fields());
        let query = format!(
            "mutation Update($data: {kind}UpdateInput!) {{ result: update{kind}(id: \"{id}\", data: $data) {{ {fields} }} }}"
        );
        self.change(&query, &json!({ "data": data })).await
    }

    /// Deletes a record so that it can be restored.
    pub(super) async fn delete(&self, kind: Kind, id: Uuid) -> Result<(), Refused> {
        self.set_deleted("delete", kind, id).await
    }

    /// Takes a deletion back.
    pub(super) async fn restore(&self, kind: Kind, id: Uuid) -> Result<(), Refused> {
        self.set_deleted("restore", kind, id).await
    }

    async fn set_deleted(&self, verb: &str, kind: Kind, id: Uuid) -> Result<(), Refused> {
        let kind = kind.type_name();
        let query = format!("mutation {{ result: {verb}{kind}(id: \"{id}\") {{ id }} }}");
        self.change::<Value>(&query, &Value::Null).await.map(drop)
    }

    fn request(&self, path: &str, query: &str, variables: &Value) -> Request {
        let body = json!({ "query": query, "variables": variables });
        let request = self.upstream.post(path, &[]);
        request.json(&body).judged_by(refusals::judge)
    }

    async fn read<T: DeserializeOwned>(&self, query: &str, variables: &Value) -> Result<T> {
        let request = self.request("/graphql", query, variables).reading();
        let answer = request.send().await;
        let answer = answer.and_then(|answer| answer.json::<Answer<T>>());
        let answer = answer.map_err(|error| self.explain(error))?;
        Ok(answer.data.result)
    }

    async fn change<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: &Value,
    ) -> Result<T, Refused> {
        let answer = self.request("/graphql", query, variables).send().await;
        let answer = answer.and_then(|answer| answer.json::<Answer<T>>());
        let answer = answer.map_err(|error| Refused {
            why: refusals::Why::of(&error),
            error: self.explain(error),
        })?;
        Ok(answer.data.result)
    }

    fn explain(&self, error: sidestage_upstream::Error) -> Error {
        let of_the_key = refusals::of_every_call(&error);
        let error = explain(Twenty::SERVICE, refusals::said, error);
        match of_the_key {
            Some((code, sentence)) => Error::new(code, sentence).because(error),
            None => error,
        }
    }
}

/// Whether Twenty is well and does not answer this question: the key may not ask, or the release does not know it.
fn is_not_told(error: &sidestage_upstream::Error) -> bool {
    use sidestage_upstream::Error as Upstream;
    let about_the_caller = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
    match error {
        Upstream::Refused { status, .. } => !about_the_caller.contains(status),
        Upstream::Malformed { .. } => true,
        _ => false,
    }
}

/// A filter that mentions `deletedAt` sees deleted records, too.
fn deleted_too(filter: Value) -> Value {
    let either = [
        json!({ "deletedAt": { "is": "NULL" } }),
        json!({ "deletedAt": { "is": "NOT_NULL" } }),
    ];
    json!({ "and": [filter, { "or": either }] })
}

/// A refused change: what Twenty says about it, and what it means unless somebody knows better.
pub(super) struct Refused {
    pub(super) why: refusals::Why,
    pub(super) error: Error,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    result: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workspace {
    workspace_urls: WorkspaceUrls,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceUrls {
    custom_url: Option<String>,
    subdomain_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
struct Connection<T> {
    edges: Vec<Edge<T>>,
    #[serde(default)]
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Edge<T> {
    node: T,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// A person, as Twenty shows them. What is not known is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) deleted_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) name: FullName,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) emails: Emails,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) phones: Phones,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) job_title: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) linkedin_link: Link,
    pub(super) company_id: Option<Uuid>,
}

impl Record for Person {
    const KIND: Kind = Kind::Person;
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FullName {
    #[serde(deserialize_with = "nullable")]
    pub(super) first_name: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) last_name: String,
}

impl FullName {
    pub(super) fn whole(&self) -> String {
        format!("{} {}", self.first_name.trim(), self.last_name.trim())
            .trim()
            .to_owned()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Emails {
    #[serde(deserialize_with = "nullable")]
    pub(super) primary_email: String,
}

/// Twenty takes a number apart when it stores it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Phones {
    #[serde(deserialize_with = "nullable")]
    pub(super) primary_phone_number: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) primary_phone_calling_code: String,
    pub(super) additional_phones: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Link {
    #[serde(deserialize_with = "nullable")]
    pub(super) primary_link_url: String,
    pub(super) primary_link_label: Value,
    pub(super) secondary_links: Value,
}

/// A company, as Twenty shows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Company {
    pub(super) id: Uuid,
    pub(super) deleted_at: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) domain_name: Link,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) linkedin_link: Link,
}

impl Record for Company {
    const KIND: Kind = Kind::Company;
}

/// A field that may be `null`.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
