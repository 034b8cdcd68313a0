//! The sandbox's Twenty held against what is known of the real one: its schema, its REST description (for what people and
//! companies consist of), and its refusals, word by word.
//!
//! They are no part of this repository: where `../shared/specs/twenty` is absent, this is skipped, loudly.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::{collections::BTreeMap, path::PathBuf};

use graphql_parser::schema::{Definition, Type, TypeDefinition, parse_schema};
use serde_json::{Value, json};
use sidestage_sandbox::{
    Fault, FaultRule, Options, Running, Sandbox,
    twenty::{ADMIN_KEY, EXPIRED_KEY, READER_KEY, REVOKED_KEY, Release, Settings},
};

fn spec(file: &str) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs/twenty");
    let text = std::fs::read_to_string(folder.join(file)).ok();
    if text.is_none() {
        eprintln!(
            "SKIPPED: {} is not there, so the sandbox was not held against it",
            folder.join(file).display()
        );
    }
    text
}

async fn ask(running: &Running, key: Option<&str>, query: &str, variables: Value) -> Value {
    let url = format!("{}twenty/graphql", running.url);
    let request = reqwest::Client::new()
        .post(url)
        .json(&json!({ "query": query, "variables": variables }));
    let request = match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    let response = request.send().await.unwrap();
    assert_eq!(
        response.status(),
        200,
        "Twenty answers 200 whatever comes of it"
    );
    response.json().await.unwrap()
}

/// The fields of the schema's types, and of what type each is.
fn types(sdl: &str) -> BTreeMap<String, Vec<(String, String)>> {
    fn name(of: &Type<'_, String>) -> String {
        match of {
            Type::NamedType(name) => name.clone(),
            Type::ListType(inner) | Type::NonNullType(inner) => name(inner),
        }
    }
    let document = parse_schema::<String>(sdl).unwrap();
    let types = document.definitions.iter().filter_map(|definition| {
        let Definition::TypeDefinition(definition) = definition else {
            return None;
        };
        match definition {
            TypeDefinition::Object(of) => {
                let fields = of.fields.iter();
                let fields = fields.map(|field| (field.name.clone(), name(&field.field_type)));
                Some((of.name.clone(), fields.collect()))
            }
            TypeDefinition::InputObject(of) => {
                let fields = of.fields.iter();
                let fields = fields.map(|field| (field.name.clone(), name(&field.value_type)));
                Some((of.name.clone(), fields.collect()))
            }
            _ => None,
        }
    });
    types.collect()
}

/// Everything that can be asked of a type, relations aside.
fn selection(types: &BTreeMap<String, Vec<(String, String)>>, of: &str) -> String {
    let fields = types[of].iter().map(|(name, kind)| match &**kind {
        "Company" => format!("{name} {{ id name }}"),
        "PersonConnection" => format!("{name} {{ totalCount edges {{ node {{ id }} }} }}"),
        kind if types.contains_key(kind) => format!("{name} {{ {} }}", selection(types, kind)),
        _ => name.clone(),
    });
    fields.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_schema_is_the_one_that_twenty_has() {
    let Some(sdl) = spec("core-subset.graphql") else {
        return;
    };
    let types = types(&sdl);
    let running = Sandbox::spawn(Options::default()).await;
    let ask = async |query: String, variables: Value| {
        let answer = ask(&running, Some(ADMIN_KEY), &query, variables).await;
        assert_eq!(answer["errors"], Value::Null, "{query}: {answer}");
        answer["data"].clone()
    };
    for (plural, one) in [("people", "Person"), ("companies", "Company")] {
        let all = selection(&types, one);
        let page = selection(&types, "PageInfo");
        let query = format!(
            "{{ {plural}(first: 1) {{ totalCount pageInfo {{ {page} }} edges {{ cursor node {{ {all} }} }} }} }}"
        );
        let found = ask(query, Value::Null).await;
        assert_eq!(found[plural]["edges"].as_array().unwrap().len(), 1);
        // Each field of the inputs is taken, and what was written is what is shown.
        for (field, kind) in &types[&format!("{one}CreateInput")] {
            let value = match &**kind {
                "UUID" if field == "companyId" => json!("20202020-0000-4000-8000-000000000001"),
                "UUID" => json!(uuid::Uuid::new_v4().to_string()),
                "CompanyRelationInput" => {
                    json!({ "connect": { "where": { "domainName": { "primaryLinkUrl": "https://acme.com" } } } })
                }
                "String" => json!("text"),
                "Position" => json!("first"),
                kind => {
                    let parts = types[kind].iter().map(|(part, kind)| {
                        let value = match (&**part, &**kind) {
                            ("primaryEmail", _) => {
                                json!(format!("{}@example.com", uuid::Uuid::new_v4()))
                            }
                            ("primaryPhoneNumber", _) => json!("+33612345678"),
                            ("primaryPhoneCountryCode", _) => json!("FR"),
                            ("primaryPhoneCallingCode", _) => json!("+33"),
                            (_, "JSON") => json!([]),
                            _ => json!("text"),
                        };
                        (part.clone(), value)
                    });
                    Value::Object(parts.collect())
                }
            };
            let query = format!(
                "mutation Make($data: {one}CreateInput!) {{ create{one}(data: $data) {{ id }} }}"
            );
            ask(query, json!({ "data": { field: value } })).await;
        }
        for (field, _) in &types[&format!("{one}FilterInput")] {
            let filter = match &**field {
                "and" | "or" => json!([{ "id": { "is": "NOT_NULL" } }]),
                "not" => json!({ "id": { "is": "NULL" } }),
                "emails" => json!({ "primaryEmail": { "eq": "ada@acme.com" } }),
                "domainName" => json!({ "primaryLinkUrl": { "in": ["https://acme.com"] } }),
                "name" if one == "Person" => json!({ "firstName": { "ilike": "A%" } }),
                "companyId" => json!({ "is": "NOT_NULL" }),
                "deletedAt" => json!({ "is": "NULL" }),
                _ => json!({ "is": "NOT_NULL" }),
            };
            let query = format!(
                "query Find($filter: {one}FilterInput) {{ {plural}(filter: $filter) {{ totalCount }} }}"
            );
            let found = ask(query, json!({ "filter": { field: filter } })).await;
            assert_ne!(found[plural]["totalCount"], 0, "{field}");
        }
    }
    // Every operation is there, but for one that provisioning never needs.
    for (of, kind) in [("Query", "query"), ("Mutation", "mutation")] {
        for (operation, _) in &types[of] {
            let query = format!("{kind} {{ {operation} {{ id }} }}");
            let answer = as_admin(&running, &query).await;
            let unknown = answer["errors"][0]["message"]
                .as_str()
                .is_some_and(|message| message.ends_with(&format!("on type \"{of}\".")));
            assert_eq!(unknown, operation == "mergePeople", "{operation}: {answer}");
        }
    }
}

async fn as_admin(running: &Running, query: &str) -> Value {
    ask(running, Some(ADMIN_KEY), query, Value::Null).await
}

#[tokio::test]
async fn people_and_companies_consist_of_what_the_rest_description_says() {
    let Some(text) = spec("people-companies.openapi.yaml") else {
        return;
    };
    let description: Value = serde_saphyr::from_str(&text).unwrap();
    let running = Sandbox::spawn(Options::default()).await;
    running
        .sandbox()
        .twenty()
        .configure(|settings| settings.release = Release::V1);
    // Of money and addresses, and of what a company was before 2.x, provisioning writes nothing.
    let not_here = ["annualRecurringRevenue", "idealCustomerProfile"];
    for (plural, schema) in [("people", "Person"), ("companies", "Company")] {
        let described = description["components"]["schemas"][schema]["properties"].as_object();
        let fields = described.unwrap().iter();
        let fields = fields.filter(|(name, _)| !not_here.contains(&&***name));
        let selection = fields.map(|(name, field)| match field["properties"].as_object() {
            Some(parts) if name != "address" => {
                let parts: Vec<&str> = parts.keys().map(|part| &**part).collect();
                format!("{name} {{ {} }}", parts.join(" "))
            }
            _ => name.clone(),
        });
        let selection = selection.collect::<Vec<_>>().join(" ");
        let query = format!("{{ {plural} {{ edges {{ node {{ {selection} }} }} }} }}");
        let answer = as_admin(&running, &query).await;
        assert_eq!(answer["errors"], Value::Null, "{query}: {answer}");
    }
}

/// Puts the sandbox into the state in which Twenty says this, and asks.
async fn provoke(case: &str) -> Option<Value> {
    let running = Sandbox::spawn(Options::default()).await;
    let configure = |change: fn(&mut Settings)| running.sandbox().twenty().configure(change);
    let create = "mutation Create($data: PersonCreateInput!, $upsert: Boolean) { createPerson(data: $data, upsert: $upsert) { id } }";
    let made = async |key: Option<&str>, data: Value| {
        ask(&running, key, create, json!({ "data": data })).await
    };
    let admin = Some(ADMIN_KEY);
    let jane = json!({ "emails": { "primaryEmail": "jane@example.com" } });
    let answer = match case {
        "duplicate primaryEmail (also when the holder is soft-deleted)" => {
            made(
                admin,
                json!({ "emails": { "primaryEmail": "linus@example.com" } }),
            )
            .await
        }
        "duplicate, releases that look the holder up" => {
            configure(|settings| settings.release = Release::V2);
            made(
                admin,
                json!({ "emails": { "primaryEmail": "Grace@example.com" } }),
            )
            .await
        }
        "duplicate, 2025-11" => {
            configure(|settings| settings.release = Release::V1);
            made(admin, jane.clone()).await;
            made(admin, jane).await
        }
        "unknown field in data" => made(admin, json!({ "email": "jane@example.com" })).await,
        "unknown field in data, schema-validated releases" => {
            configure(|settings| settings.release = Release::V1);
            made(admin, json!({ "email": "jane@example.com" })).await
        }
        "invalid e-mail" => {
            made(
                admin,
                json!({ "emails": { "primaryEmail": "not-an-email" } }),
            )
            .await
        }
        "invalid phone" => made(admin, json!({ "phones": { "primaryPhoneNumber": "0612" } })).await,
        "companyId of a company that does not exist" => {
            made(
                admin,
                json!({ "companyId": "20202020-0000-4000-8000-000000000999" }),
            )
            .await
        }
        "company.connect finds nothing" => {
            let nowhere = json!({ "domainName": { "primaryLinkUrl": "https://nowhere.example" } });
            made(
                admin,
                json!({ "company": { "connect": { "where": nowhere } } }),
            )
            .await
        }
        "upsert matches two records" => {
            let id = "20202020-0000-4000-8000-000000000002";
            made(admin, json!({ "id": id })).await;
            made(admin, jane).await;
            let both = json!({ "id": id, "emails": { "primaryEmail": "jane@example.com" } });
            ask(
                &running,
                admin,
                create,
                json!({ "data": both, "upsert": true }),
            )
            .await
        }
        "person(filter) or updatePerson(id) without a match" => {
            let query = "{ person(filter: { emails: { primaryEmail: { eq: \"nobody@example.com\" } } }) { id } }";
            as_admin(&running, query).await
        }
        "role of the key may not write people" => made(Some(READER_KEY), jane).await,
        "garbage token" => made(Some("garbage"), jane).await,
        "wrong signature" => made(Some(&format!("{ADMIN_KEY}x")), jane).await,
        "expired key" => made(Some(EXPIRED_KEY), jane).await,
        "revoked key" => made(Some(REVOKED_KEY), jane).await,
        "no Authorization header at all" => made(None, jane).await,
        "rate limit" => {
            configure(|settings| settings.per_minute = Some(100));
            // It is filled again all the time.
            loop {
                let answer = made(admin, json!({})).await;
                if answer["errors"].is_array() {
                    break answer;
                }
            }
        }
        "database time-out" => {
            running.sandbox().faults().add(FaultRule {
                service: "twenty".into(),
                method: None,
                path: "/graphql/createPerson".into(),
                times: None,
                fault: Fault::Status {
                    status: 200,
                    body: None,
                    headers: BTreeMap::new(),
                    after: false,
                },
            });
            let mut answer = made(admin, jane).await;
            answer["data"] = json!({ "createPerson": null });
            answer
        }
        "core and workspace fields in one document" => {
            as_admin(&running, "{ people { totalCount } currentUser { id } }").await
        }
        _ => return None,
    };
    Some(answer)
}

#[tokio::test]
async fn refusals_are_those_of_twenty_word_by_word() {
    let Some(text) = spec("error-samples.json") else {
        return;
    };
    let samples: Value = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for sample in samples["graphql"].as_array().unwrap() {
        let case = sample["case"].as_str().unwrap();
        let Some(mut answer) = provoke(case).await else {
            wrong.push(format!("{case}: nobody provokes this"));
            continue;
        };
        if answer["errors"].is_null() {
            wrong.push(format!("{case}: no refusal but {answer}"));
            continue;
        }
        let mut body = sample["body"].clone();
        for both in [&mut body, &mut answer] {
            let extensions = &mut both["errors"][0]["extensions"];
            // Whose text was not checked; an id differs.
            if extensions["userFriendlyMessage"] == "..." {
                extensions["userFriendlyMessage"] = "<any>".into();
            }
            if extensions["conflictingRecordId"].is_string() {
                extensions["conflictingRecordId"] = "<id>".into();
            }
        }
        let unchecked = body["errors"][0]["extensions"]["userFriendlyMessage"] == "<any>";
        if unchecked || answer["errors"][0]["extensions"]["userFriendlyMessage"].is_null() {
            for both in [&mut body, &mut answer] {
                let extensions = both["errors"][0]["extensions"].as_object_mut().unwrap();
                extensions.shift_remove("userFriendlyMessage");
            }
        }
        if body != answer {
            wrong.push(format!("{case}\n  Twenty:  {body}\n  sandbox: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
