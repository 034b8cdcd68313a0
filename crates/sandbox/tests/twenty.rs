//! The sandbox Twenty does what Twenty does: soft deletion, what it keeps unique, what it makes of what it is given.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};
use sidestage_sandbox::{
    Fault, FaultRule, Options, Running, Sandbox,
    twenty::{ADMIN_KEY, READER_KEY},
};

struct Twenty {
    running: Running,
    http: reqwest::Client,
}

impl Twenty {
    async fn new() -> Self {
        Twenty {
            running: Sandbox::spawn(Options::default()).await,
            http: reqwest::Client::new(),
        }
    }

    async fn post(&self, path: &str, key: &str, query: &str, variables: Value) -> Value {
        let request = self
            .http
            .post(format!("{}twenty/{path}", self.running.url))
            .bearer_auth(key)
            .json(&json!({ "query": query, "variables": variables }));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        self.post("graphql", ADMIN_KEY, query, variables).await
    }

    async fn create(&self, data: Value) -> Value {
        let query = "mutation Create($data: PersonCreateInput!) { createPerson(data: $data) {
            id deletedAt name { firstName lastName } emails { primaryEmail } companyId company { name }
            phones { primaryPhoneNumber primaryPhoneCallingCode primaryPhoneCountryCode } createdBy { source name }
        } }";
        self.ask(query, json!({ "data": data })).await
    }

    async fn emails(&self, filter: Value) -> Vec<String> {
        let query = "query Find($filter: PersonFilterInput) { people(filter: $filter) { edges { node { emails { primaryEmail } } } } }";
        let found = self.ask(query, json!({ "filter": filter })).await;
        let edges = found["data"]["people"]["edges"].as_array();
        let edges = edges.unwrap_or_else(|| panic!("{found}")).iter();
        edges
            .filter_map(|edge| {
                edge["node"]["emails"]["primaryEmail"]
                    .as_str()
                    .map(str::to_owned)
            })
            .collect()
    }
}

/// `code subCode: message` of the first error.
fn refusal(answer: &Value) -> String {
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let extensions = &error["extensions"];
    format!(
        "{} {}: {}",
        text(&extensions["code"]),
        text(&extensions["subCode"]),
        text(&error["message"])
    )
}

#[tokio::test]
async fn a_person_is_kept_as_twenty_keeps_it() {
    let twenty = Twenty::new().await;
    let made = twenty
        .create(json!({
            "name": { "firstName": "Jane", "lastName": "van Dyk" },
            "emails": { "primaryEmail": "Jane@Example.com" },
            "phones": { "primaryPhoneNumber": "+33 6 12 34 56 78" },
            "companyId": "20202020-0000-4000-8000-000000000001",
        }))
        .await;
    let mut person = made["data"]["createPerson"].clone();
    assert!(person["id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    person["id"] = json!("<id>");
    assert_eq!(
        person,
        json!({
            "id": "<id>",
            "deletedAt": null,
            "name": { "firstName": "Jane", "lastName": "van Dyk" },
            "emails": { "primaryEmail": "jane@example.com" },
            "companyId": "20202020-0000-4000-8000-000000000001",
            "company": { "name": "Acme" },
            "phones": { "primaryPhoneNumber": "612345678", "primaryPhoneCallingCode": "+33", "primaryPhoneCountryCode": "FR" },
            "createdBy": { "source": "API", "name": "Sidestage" },
        })
    );
}

#[tokio::test]
async fn who_is_deleted_is_hidden_and_keeps_the_address() {
    let twenty = Twenty::new().await;
    let by_email = |email: &str| json!({ "emails": { "primaryEmail": { "eq": email } } });
    let either =
        json!({ "or": [{ "deletedAt": { "is": "NULL" } }, { "deletedAt": { "is": "NOT_NULL" } }] });
    let linus = by_email("linus@example.com");
    assert!(twenty.emails(linus.clone()).await.is_empty());
    let all = json!({ "and": [linus, either] });
    assert_eq!(twenty.emails(all).await, ["linus@example.com"]);
    let taken = twenty
        .create(json!({ "emails": { "primaryEmail": "linus@example.com" } }))
        .await;
    assert_eq!(
        refusal(&taken),
        "BAD_USER_INPUT -: A duplicate entry was detected"
    );

    let id = json!({ "id": "20202020-0000-4000-8000-000000000103" });
    let twice = "mutation M($id: UUID!) { one: restorePerson(id: $id) { deletedAt } other: restorePerson(id: $id) { id } }";
    let restored = twenty.ask(twice, id.clone()).await;
    assert_eq!(
        restored["data"],
        json!({ "one": { "deletedAt": null }, "other": null })
    );
    assert_eq!(
        refusal(&restored),
        "NOT_FOUND RECORD_NOT_FOUND: Record not found"
    );
    assert_eq!(
        twenty.emails(by_email("linus@example.com")).await,
        ["linus@example.com"]
    );
    let deleted = twenty
        .ask(
            "mutation M($id: UUID!) { deletePerson(id: $id) { deletedAt } }",
            id.clone(),
        )
        .await;
    assert!(deleted["data"]["deletePerson"]["deletedAt"].is_string());
    twenty
        .ask(
            "mutation M($id: UUID!) { destroyPerson(id: $id) { id } }",
            id,
        )
        .await;
    let made = twenty
        .create(json!({ "emails": { "primaryEmail": "linus@example.com" } }))
        .await;
    assert!(made["data"]["createPerson"]["id"].is_string(), "{made}");
}

#[tokio::test]
async fn values_that_twenty_does_not_take() {
    let twenty = Twenty::new().await;
    let phone = |number: &str, more: Value| {
        let mut phones = json!({ "primaryPhoneNumber": number });
        phones
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "phones": phones })
    };
    let cases = [
        (
            json!({ "id": "0198f2a0-0000-7000-8000-000000000001" }),
            "BAD_USER_INPUT INVALID_ARGS_DATA",
        ),
        (
            json!({ "companyId": "" }),
            "BAD_USER_INPUT INVALID_ARGS_DATA",
        ),
        (
            json!({ "city": "Paris" }),
            "BAD_USER_INPUT INVALID_ARGS_DATA",
        ),
        (
            phone("06 12 34 56 78", json!({})),
            "BAD_USER_INPUT INVALID_PHONE_NUMBER",
        ),
        (
            phone("+33612345678", json!({ "primaryPhoneCountryCode": "XX" })),
            "BAD_USER_INPUT INVALID_PHONE_COUNTRY_CODE",
        ),
        (
            phone("612345678", json!({ "primaryPhoneCallingCode": "+999" })),
            "BAD_USER_INPUT INVALID_PHONE_CALLING_CODE",
        ),
        (
            phone("+33612345678", json!({ "primaryPhoneCountryCode": "DE" })),
            "BAD_USER_INPUT CONFLICTING_PHONE_COUNTRY_CODE",
        ),
        (
            phone("+33612345678", json!({ "primaryPhoneCallingCode": "+49" })),
            "BAD_USER_INPUT CONFLICTING_PHONE_CALLING_CODE",
        ),
    ];
    for (data, expected) in cases {
        let answer = twenty.create(data.clone()).await;
        assert_eq!(answer["data"]["createPerson"], Value::Null, "{data}");
        let said = refusal(&answer);
        assert!(said.starts_with(expected), "{data}: {said}");
    }
    let national = phone("06 12 34 56 78", json!({ "primaryPhoneCountryCode": "FR" }));
    let made = twenty.create(national).await;
    assert_eq!(
        made["data"]["createPerson"]["phones"]["primaryPhoneNumber"],
        "612345678"
    );
}

#[tokio::test]
async fn a_domain_is_taken_as_it_is_written() {
    let twenty = Twenty::new().await;
    let create = async |domain: &str| {
        let query = "mutation C($data: CompanyCreateInput!) { createCompany(data: $data) { domainName { primaryLinkUrl } } }";
        let data = json!({ "name": "Acme", "domainName": { "primaryLinkUrl": domain } });
        twenty.ask(query, json!({ "data": data })).await
    };
    assert_eq!(
        refusal(&create("HTTPS://Acme.com/").await),
        "BAD_USER_INPUT -: A duplicate entry was detected"
    );
    // Without a scheme it is another one.
    let other = create("acme.com").await;
    assert_eq!(
        other["data"]["createCompany"]["domainName"]["primaryLinkUrl"],
        "acme.com"
    );
}

#[tokio::test]
async fn pages_an_order_and_duplicates() {
    let twenty = Twenty::new().await;
    let query = "query Q($after: String) { companies(first: 2, after: $after, orderBy: [{ name: AscNullsLast }]) {
        totalCount edges { node { name } } pageInfo { hasNextPage endCursor } } }";
    let names = |page: &Value| {
        let edges = page["data"]["companies"]["edges"]
            .as_array()
            .unwrap()
            .iter();
        edges
            .map(|edge| edge["node"]["name"].clone())
            .collect::<Vec<_>>()
    };
    let first = twenty.ask(query, json!({})).await;
    assert_eq!(names(&first), ["Acme", "Globex"]);
    let info = &first["data"]["companies"]["pageInfo"];
    assert_eq!(info["hasNextPage"], true);
    let second = twenty
        .ask(query, json!({ "after": info["endCursor"] }))
        .await;
    assert_eq!(names(&second), ["Globex"]);
    assert_eq!(
        second["data"]["companies"]["pageInfo"]["hasNextPage"],
        false
    );
    let query =
        "query D($data: [PersonCreateInput]) { personDuplicates(data: $data) { totalCount } }";
    let data = json!([{ "name": { "firstName": "Mary", "lastName": "Jackson" } }]);
    let alike = twenty.ask(query, json!({ "data": data })).await;
    assert_eq!(alike["data"]["personDuplicates"][0]["totalCount"], 2);
}

#[tokio::test]
async fn faults_and_the_list_of_requests_know_the_operation() {
    let twenty = Twenty::new().await;
    let sandbox = twenty.running.sandbox().clone();
    sandbox.faults().add(FaultRule {
        service: "twenty".into(),
        method: None,
        path: "/graphql/createPerson".into(),
        times: Some(1),
        fault: Fault::RateLimit { retry_after: 3 },
    });
    assert!(
        twenty
            .emails(json!({}))
            .await
            .contains(&"ada@acme.com".to_owned())
    );
    let limited = twenty.create(json!({})).await;
    assert_eq!(
        refusal(&limited),
        "BAD_USER_INPUT LIMIT_REACHED: Limit reached (100 tokens per 3000 ms)"
    );
    let extensions = json!({ "code": "BAD_USER_INPUT", "subCode": "LIMIT_REACHED" });
    assert_eq!(limited["errors"][0]["extensions"], extensions);
    let requests = sandbox.requests().all();
    let seen: Vec<_> = requests
        .iter()
        .map(|request| (&*request.path, request.writes))
        .collect();
    assert_eq!(
        seen,
        [("/graphql/people", false), ("/graphql/createPerson", true)]
    );
}

#[tokio::test]
async fn a_reader_reads_and_a_key_learns_where_the_pages_are() {
    let twenty = Twenty::new().await;
    let query = "mutation M { createPerson(data: {}) { id } }";
    let refused = twenty.post("graphql", READER_KEY, query, Value::Null).await;
    assert!(refusal(&refused).starts_with("FORBIDDEN PERMISSION_DENIED"));
    let query = "{ currentWorkspace { workspaceUrls { customUrl subdomainUrl } } }";
    let urls = twenty
        .post("metadata", READER_KEY, query, Value::Null)
        .await;
    assert_eq!(
        urls["data"]["currentWorkspace"]["workspaceUrls"],
        json!({ "customUrl": null, "subdomainUrl": format!("{}twenty", twenty.running.url) })
    );
}
