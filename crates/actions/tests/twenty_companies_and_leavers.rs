//! `twenty:create-company`, `twenty:delete-person`, taking back, and choices for forms.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sidestage_action::{Made, testing::context};
use support::{Ended, Stage};

const CREATE_PERSON: &str = "twenty:create-person";
const CREATE_COMPANY: &str = "twenty:create-company";
const DELETE: &str = "twenty:delete-person";

const ADA: &str = "20202020-0000-4000-8000-000000000101";

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, action: &str, input: Value) -> String {
    let before = stage.writes().len();
    let ended = stage.run(action, input).await;
    assert_eq!(stage.writes().len(), before, "{:?}", ended.result);
    stage.mask(&support::said(&ended))
}

fn record(stage: &Stage, plural: &str, id: &Value) -> Value {
    let state = stage.state("twenty");
    let mut records = state[plural].as_array().unwrap().iter();
    let found = records.find(|record| record["id"] == *id);
    found.cloned().unwrap_or_default()
}

// ---- companies -----------------------------------------------------------------------------------

#[tokio::test]
async fn a_company_by_its_domain() {
    let stage = Stage::new().await;
    let umbrella = json!({ "name": "Umbrella", "domain": "umbrella.example", "linkedinUrl": "https://linkedin.com/company/umbrella" });
    let ended = stage.run(CREATE_COMPANY, umbrella.clone()).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"info: made the company Umbrella: http://sandbox/twenty/object/company/<id>");
    assert_eq!(ended.output()["created"], true);
    for domain in [
        "Umbrella.example",
        "https://umbrella.example/",
        "http://umbrella.example",
    ] {
        let mut again = umbrella.clone();
        again["domain"] = json!(domain);
        assert_eq!(
            stage.run(CREATE_COMPANY, again).await.output()["created"],
            false,
            "{domain}"
        );
    }
    let other = json!({ "name": "Acme Inc", "domain": "acme.com", "linkedinUrl": "https://linkedin.com/company/acme" });
    insta::assert_snapshot!(refused(&stage, CREATE_COMPANY, other).await, @"conflict [] The company acme.com exists and differs: name is Acme, asked for Acme Inc; linkedinUrl is none, asked for https://linkedin.com/company/acme. Change the company in Twenty, or ask for what is there.");
    insta::assert_snapshot!(refused(&stage, CREATE_COMPANY, json!({ "name": "Initech", "domain": "initech.com" })).await, @"conflict [] The company initech.com is deleted in Twenty. Set restore to use that record, or destroy it in Twenty.");
    insta::assert_snapshot!(refused(&stage, CREATE_COMPANY, json!({ "name": " ", "domain": "acme.com" })).await, @"invalid_input [/name] name is blank: give the company's name.");
    let back = json!({ "name": "Initech", "domain": "initech.com", "restore": true });
    let ended = stage.run(CREATE_COMPANY, back).await;
    assert_eq!(
        (&ended.output()["created"], &ended.output()["restored"]),
        (&json!(false), &json!(true))
    );
}

#[tokio::test]
async fn a_company_that_only_has_a_name() {
    let stage = Stage::new().await;
    let hooli = json!({ "name": "Hooli" });
    let first = stage.run(CREATE_COMPANY, hooli.clone()).await;
    assert_eq!(first.output()["created"], true);
    let second = stage.run(CREATE_COMPANY, hooli).await;
    assert_eq!(second.output()["created"], false);
    assert_eq!(first.output()["companyId"], second.output()["companyId"]);
    insta::assert_snapshot!(refused(&stage, CREATE_COMPANY, json!({ "name": "ACME" })).await, @"conflict [] Twenty has a company ACME already (<id>), and names are not unique there. Give domain, or set allowNamesake to make another one of this name.");
    let another = json!({ "name": "Acme", "allowNamesake": true });
    assert_eq!(
        stage.run(CREATE_COMPANY, another).await.output()["created"],
        true
    );
}

#[tokio::test]
async fn a_domain_that_two_companies_have() {
    let stage = Stage::new().await;
    let mutation = json!({
        "query": "mutation C($data: CompanyCreateInput!) { createCompany(data: $data) { id } }",
        "variables": { "data": { "name": "Acme", "domainName": { "primaryLinkUrl": "acme.com" } } },
    });
    let made = stage
        .somebody_else("twenty")
        .post("/graphql", &[])
        .json(&mutation)
        .send()
        .await;
    made.unwrap();
    insta::assert_snapshot!(refused(&stage, CREATE_COMPANY, json!({ "name": "Acme", "domain": "acme.com" })).await, @"conflict [] Twenty has more than one company with the domain acme.com. Give companyId: it stands in the address of the company's page.");
}

// ---- leaving -------------------------------------------------------------------------------------

#[tokio::test]
async fn who_leaves_can_be_restored() {
    let stage = Stage::new().await;
    for (input, deleted) in [
        (json!({ "email": "ADA@acme.com" }), true),
        (json!({ "personId": ADA, "email": "" }), false),
        (json!({ "personId": ADA, "email": "ada@acme.com" }), false),
    ] {
        let ended = stage.run(DELETE, input.clone()).await;
        assert_eq!(
            *ended.output(),
            json!({ "found": true, "personId": ADA, "deleted": deleted }),
            "{input}"
        );
    }
    assert!(record(&stage, "people", &json!(ADA))["deletedAt"].is_string());
    let back = json!({ "name": "Ada Lovelace", "email": "ada@acme.com", "restore": true });
    assert_eq!(
        stage.run(CREATE_PERSON, back).await.output()["restored"],
        true
    );
}

#[tokio::test]
async fn whom_nobody_can_delete() {
    let stage = Stage::new().await;
    insta::assert_snapshot!(refused(&stage, DELETE, json!({})).await, @"invalid_input [/email] Which person? Give email, personId, or both.");
    insta::assert_snapshot!(refused(&stage, DELETE, json!({ "email": "ada" })).await, @"invalid_input [/email] email is not an e-mail address: give the address alone, without a name.");
    insta::assert_snapshot!(refused(&stage, DELETE, json!({ "personId": "ada" })).await, @"invalid_input [/personId] personId is not an id of Twenty's: it stands in the address of the record's page.");
    insta::assert_snapshot!(refused(&stage, DELETE, json!({ "personId": ADA, "email": "grace@example.com" })).await, @"conflict [] In Twenty grace@example.com is the e-mail address of Grace Hopper (<id>), not of the person <id>. Check both, or give the right one alone.");
    insta::assert_snapshot!(refused(&stage, DELETE, json!({ "personId": ADA, "email": "nobody@example.com" })).await, @"conflict [] In Twenty nobody@example.com is the e-mail address of nobody, not of the person <id>. Check both, or give the right one alone.");
}

#[tokio::test]
async fn who_is_not_there_is_no_failure() {
    let stage = Stage::new().await;
    let nobody = "20202020-0000-4000-8000-000000000999";
    for input in [
        json!({ "email": "nobody@example.com" }),
        json!({ "personId": nobody }),
        json!({ "personId": nobody, "email": "nobody@example.com" }),
    ] {
        let ended = stage.run(DELETE, input).await;
        assert_eq!(
            *ended.output(),
            json!({ "found": false, "personId": "", "deleted": false })
        );
        assert!(ended.log().contains("nothing to delete"), "{}", ended.log());
    }
    assert_eq!(stage.writes(), []);
}

// ---- taking back ---------------------------------------------------------------------------------

async fn undo(stage: &Stage, action: &str, ended: Ended) -> String {
    ended.output();
    let undone = stage.undo(action, ended.made, false).await;
    undone.output();
    stage.mask(&undone.log())
}

#[tokio::test]
async fn what_was_made_goes_into_the_bin() {
    let stage = Stage::new().await;
    let input = json!({
        "name": "Katherine Johnson", "email": "katherine@example.com", "companyName": "Umbrella",
        "companyDomain": "umbrella.example", "createCompany": true,
    });
    let ended = stage.run(CREATE_PERSON, input.clone()).await;
    let output = ended.output().clone();
    insta::assert_snapshot!(undo(&stage, CREATE_PERSON, ended).await, @"
    warn: person katherine@example.com stays: The person katherine@example.com is deleted in Twenty, where it can be restored. Until somebody destroys the record there, nobody else can have its e-mail address; twenty:create-person with restore uses it again.
    warn: company umbrella.example stays: The company umbrella.example is deleted in Twenty, where it can be restored. Until somebody destroys the record there, no other can have its domain; twenty:create-company with restore uses it again.
    ");
    for (plural, id) in [("people", "personId"), ("companies", "companyId")] {
        assert!(
            record(&stage, plural, &output[id])["deletedAt"].is_string(),
            "{plural}"
        );
    }
}

#[tokio::test]
async fn a_company_that_has_people_stays() {
    let stage = Stage::new().await;
    let ended = stage
        .run(
            CREATE_COMPANY,
            json!({ "name": "Umbrella", "domain": "umbrella.example" }),
        )
        .await;
    let person = json!({ "name": "Katherine Johnson", "email": "katherine@example.com", "companyDomain": "umbrella.example" });
    stage.run(CREATE_PERSON, person).await.output();
    insta::assert_snapshot!(undo(&stage, CREATE_COMPANY, ended).await, @"warn: company umbrella.example stays: The company umbrella.example has people in Twenty, so it is left as it is. Delete it there when it is no longer needed.");
}

#[tokio::test]
async fn what_was_restored_or_deleted_is_as_it_was() {
    let stage = Stage::new().await;
    let back = json!({ "name": "Linus Torvalds", "email": "linus@example.com", "restore": true, "jobTitle": "Engineer", "updateExisting": true });
    let ended = stage.run(CREATE_PERSON, back).await;
    let id = ended.output()["personId"].clone();
    insta::assert_snapshot!(undo(&stage, CREATE_PERSON, ended).await, @"
    warn: change of person linus@example.com stays: It is not kept what linus@example.com was in Twenty before. The history on the person's page there has it.
    info: undone: restoration of person linus@example.com
    ");
    assert!(record(&stage, "people", &id)["deletedAt"].is_string());

    let ended = stage.run(DELETE, json!({ "personId": ADA })).await;
    insta::assert_snapshot!(undo(&stage, DELETE, ended).await, @"info: undone: deletion of person ada@acme.com");
    assert!(record(&stage, "people", &json!(ADA))["deletedAt"].is_null());

    let ended = stage
        .run(
            CREATE_COMPANY,
            json!({ "name": "Initech", "domain": "initech.com", "restore": true }),
        )
        .await;
    insta::assert_snapshot!(undo(&stage, CREATE_COMPANY, ended).await, @"info: undone: restoration of company initech.com");
}

#[tokio::test]
async fn what_is_gone_for_good_or_not_known() {
    let stage = Stage::new().await;
    let made = |kind: &str, id: &str| Made {
        kind: kind.into(),
        key: "ada@acme.com".into(),
        id: id.into(),
    };
    let nobody = "20202020-0000-4000-8000-000000000999";
    let undone = stage
        .undo(
            DELETE,
            vec![
                made("deletion of person", nobody),
                made("note", nobody),
                made("person", "7"),
            ],
            false,
        )
        .await;
    insta::assert_snapshot!(stage.mask(&undone.log()).replace(nobody, "<id>"), @"
    warn: person ada@acme.com stays: 7 is not an id of Twenty's. Somebody has to take the person back there.
    warn: note ada@acme.com stays: Sidestage does not know how to take back a note in Twenty. Somebody has to do it there.
    warn: deletion of person ada@acme.com stays: The person ada@acme.com was destroyed in Twenty, so it cannot be restored.
    ");
    assert_eq!(stage.writes(), []);
}

// ---- choices -------------------------------------------------------------------------------------

#[tokio::test]
async fn companies_to_choose_from() {
    let stage = Stage::new().await;
    let (_, _, ctx) = context(false);
    let choices = stage
        .registry
        .options(&ctx, "twenty", "companies", BTreeMap::new())
        .await
        .unwrap();
    let lines = choices
        .iter()
        .map(|choice| format!("{}: {}", choice.value, choice.label));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
    20202020-0000-4000-8000-000000000001: Acme (acme.com)
    20202020-0000-4000-8000-000000000002: Globex
    20202020-0000-4000-8000-000000000003: Globex
    ");
    assert_eq!(stage.writes(), []);
}

#[tokio::test]
async fn more_companies_than_one_page_has() {
    let stage = Stage::new().await;
    let all: Vec<Value> = (0..230)
        .map(|n| json!({ "name": format!("Company {n:03}") }))
        .collect();
    let mutation = json!({
        "query": "mutation C($data: [CompanyCreateInput!]!) { createCompanies(data: $data) { id } }",
        "variables": { "data": all },
    });
    stage
        .somebody_else("twenty")
        .post("/graphql", &[])
        .json(&mutation)
        .send()
        .await
        .unwrap();
    let (_, _, ctx) = context(false);
    let choices = stage
        .registry
        .options(&ctx, "twenty", "companies", BTreeMap::new())
        .await
        .unwrap();
    assert_eq!(choices.len(), 233);
    assert_eq!(choices[232].label, "Globex");
}
