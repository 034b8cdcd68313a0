//! What is there at the start: a workspace with four API keys, companies and people.
//!
//! | people | |
//! |---|---|
//! | Ada Lovelace | of Acme, with a phone |
//! | Grace Hopper | |
//! | Linus Torvalds | deleted |
//! | Mary Jackson, twice | without an e-mail address |
//!
//! Companies: Acme (`https://acme.com`), Globex (no domain, and twice), and Initech (`https://initech.com`), which is
//! deleted.

use serde_json::{Map, Value, json};

use super::{
    objects::{OBJECTS, Object},
    state::{ApiKey, Bucket, KeyState, Release, Settings, State},
    values,
};

/// The workspace that the keys are of.
pub(super) const WORKSPACE: &str = "20202020-1c25-4d02-bf25-6aeccf7ea419";

/// The API key named Sidestage, whose role may read and write people and companies.
pub const ADMIN_KEY: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIyMDIwMjAyMC0xYzI1LTRkMDItYmYyNS02YWVjY2Y3ZWE0MTkiLCJ0eXBlIjoiQVBJX0tFWSIsIndvcmtzcGFjZUlkIjoiMjAyMDIwMjAtMWMyNS00ZDAyLWJmMjUtNmFlY2NmN2VhNDE5IiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiIyMDIwMjAyMC1mNDAxLTRkOGEtYTczMS02NGQwMDdjMjdiYWQifQ.sandbox-signature-of-sidestage";
/// An API key whose role may only read.
pub const READER_KEY: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIyMDIwMjAyMC0xYzI1LTRkMDItYmYyNS02YWVjY2Y3ZWE0MTkiLCJ0eXBlIjoiQVBJX0tFWSIsIndvcmtzcGFjZUlkIjoiMjAyMDIwMjAtMWMyNS00ZDAyLWJmMjUtNmFlY2NmN2VhNDE5IiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiIyMDIwMjAyMC1mNDAxLTRkOGEtYTczMS02NGQwMDdjMjdiYWUifQ.sandbox-signature-of-reader";
/// An API key that has expired.
pub const EXPIRED_KEY: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIyMDIwMjAyMC0xYzI1LTRkMDItYmYyNS02YWVjY2Y3ZWE0MTkiLCJ0eXBlIjoiQVBJX0tFWSIsIndvcmtzcGFjZUlkIjoiMjAyMDIwMjAtMWMyNS00ZDAyLWJmMjUtNmFlY2NmN2VhNDE5IiwiZXhwIjoxNzY3MjI1NjAwLCJqdGkiOiIyMDIwMjAyMC1mNDAxLTRkOGEtYTczMS02NGQwMDdjMjdiYWYifQ.sandbox-signature-of-expired";
/// An API key that was revoked.
pub const REVOKED_KEY: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIyMDIwMjAyMC0xYzI1LTRkMDItYmYyNS02YWVjY2Y3ZWE0MTkiLCJ0eXBlIjoiQVBJX0tFWSIsIndvcmtzcGFjZUlkIjoiMjAyMDIwMjAtMWMyNS00ZDAyLWJmMjUtNmFlY2NmN2VhNDE5IiwiZXhwIjo0MTAyNDQ0ODAwLCJqdGkiOiIyMDIwMjAyMC1mNDAxLTRkOGEtYTczMS02NGQwMDdjMjdiYjAifQ.sandbox-signature-of-revoked";

const LONG_AGO: &str = "2026-01-01T00:00:00.000Z";

pub(super) fn seed() -> State {
    let key = |name: &'static str, text: &'static str| ApiKey {
        name,
        text,
        state: KeyState::Good,
        may_write: true,
    };
    let keys = vec![
        key("Sidestage", ADMIN_KEY),
        ApiKey {
            may_write: false,
            ..key("Reader", READER_KEY)
        },
        ApiKey {
            state: KeyState::Expired,
            ..key("Old", EXPIRED_KEY)
        },
        ApiKey {
            state: KeyState::Revoked,
            ..key("Revoked", REVOKED_KEY)
        },
    ];
    let [person, company] = OBJECTS;
    let company_of = |n, name: &str, domain: Value| {
        record(
            company,
            n,
            &json!({ "name": name, "domainName": { "primaryLinkUrl": domain } }),
        )
    };
    let person_of = |n, first: &str, last: &str, more: Value| {
        let mut data = json!({ "name": { "firstName": first, "lastName": last } });
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        record(person, n, &data)
    };
    let email = |email: &str| json!({ "emails": { "primaryEmail": email } });
    let companies = vec![
        company_of(1, "Acme", json!("https://acme.com")),
        company_of(2, "Globex", Value::Null),
        company_of(3, "Globex", Value::Null),
        deleted(company_of(4, "Initech", json!("https://initech.com"))),
    ];
    let people = vec![
        person_of(
            101,
            "Ada",
            "Lovelace",
            json!({
                "emails": { "primaryEmail": "ada@acme.com", "additionalEmails": ["ada@home.example"] },
                "phones": {
                    "primaryPhoneNumber": "+442079460958",
                    "additionalPhones": [{ "number": "2079460959", "callingCode": "+44", "countryCode": "GB" }],
                },
                "jobTitle": "Analyst",
                "companyId": id(1),
            }),
        ),
        person_of(102, "Grace", "Hopper", email("grace@example.com")),
        deleted(person_of(
            103,
            "Linus",
            "Torvalds",
            email("linus@example.com"),
        )),
        person_of(104, "Mary", "Jackson", json!({})),
        person_of(105, "Mary", "Jackson", json!({ "companyId": id(1) })),
    ];
    State {
        settings: Settings {
            release: Release::V2_38,
            per_minute: None,
            custom_url: None,
            tells_urls: true,
        },
        keys,
        records: [(company.plural, companies), (person.plural, people)].into(),
        bucket: Bucket::default(),
    }
}

fn id(n: u32) -> String {
    format!("20202020-0000-4000-8000-{n:012}")
}

fn record(object: &Object, n: u32, data: &Value) -> Map<String, Value> {
    let mut record = values::empty(object);
    values::write(object, Release::V2_38, data, &mut record)
        .expect("the seed is one that Twenty takes");
    record.insert("id".into(), id(n).into());
    for at in ["createdAt", "updatedAt"] {
        record.insert(at.into(), LONG_AGO.into());
    }
    for by in ["createdBy", "updatedBy"] {
        let somebody = json!({
            "source": "MANUAL", "workspaceMemberId": null, "name": "Tim Apple", "context": {},
        });
        record.insert(by.into(), somebody);
    }
    record
}

fn deleted(mut record: Map<String, Value>) -> Map<String, Value> {
    record.insert("deletedAt".into(), LONG_AGO.into());
    record
}
