//! `twenty:create-person`, sentence by sentence.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sidestage_action::Code;
use support::{Ended, Stage};

const ACTION: &str = "twenty:create-person";

/// Ids of the sandbox's seed.
const ACME: &str = "20202020-0000-4000-8000-000000000001";
const INITECH: &str = "20202020-0000-4000-8000-000000000004";

/// The input of these tests, with more or other fields; null takes one away.
fn input(more: Value) -> Value {
    let mut input = json!({ "name": "Katherine Johnson", "email": "katherine@example.com" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    let fields = input.as_object_mut().unwrap();
    fields.retain(|_, value| !value.is_null());
    input
}

async fn run(stage: &Stage, more: Value) -> Ended {
    stage.run(ACTION, input(more)).await
}

/// The refusal of an input, and that it came before anything was changed.
async fn refused(stage: &Stage, more: Value) -> String {
    let before = stage.writes().len();
    let ended = run(stage, more).await;
    assert_eq!(stage.writes().len(), before, "{:?}", ended.result);
    stage.mask(&support::said(&ended))
}

/// Everybody who has this e-mail address, as Twenty has them.
fn people(stage: &Stage, email: &str) -> Vec<Value> {
    let state = stage.state("twenty");
    let people = state["people"].as_array().unwrap().iter();
    let has_it = |person: &&Value| person["emails"]["primaryEmail"] == email;
    people.filter(has_it).cloned().collect()
}

fn companies(stage: &Stage, name: &str) -> Vec<Value> {
    let state = stage.state("twenty");
    let companies = state["companies"].as_array().unwrap().iter();
    let has_it = |company: &&Value| company["name"] == name;
    companies.filter(has_it).cloned().collect()
}

#[tokio::test]
async fn a_person_and_their_company() {
    let stage = Stage::new().await;
    let more = json!({
        "phone": "06 12 34 56 78",
        "phoneCountry": "fr",
        "jobTitle": "Mathematician",
        "linkedinUrl": "https://www.LinkedIn.com/in/katherine/",
        "companyName": "Umbrella",
        "companyDomain": "https://Umbrella.example/",
        "createCompany": true,
    });
    let ended = run(&stage, more.clone()).await;
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: the first name is Katherine, the last name Johnson; give firstName and lastName where that is wrong
    info: made the company Umbrella: http://sandbox/twenty/object/company/<id>
    info: made the person Katherine Johnson: http://sandbox/twenty/object/person/<id>
    ");
    insta::assert_snapshot!(stage.mask(&ended.output().to_string()), @r#"{"personId":"<id>","personUrl":"http://sandbox/twenty/object/person/<id>","companyId":"<id>","companyUrl":"http://sandbox/twenty/object/company/<id>","created":true,"restored":false}"#);
    let [person] = &people(&stage, "katherine@example.com")[..] else {
        panic!("not one")
    };
    assert_eq!(ended.output()["personId"], person["id"]);
    assert_eq!(
        person["name"],
        json!({ "firstName": "Katherine", "lastName": "Johnson" })
    );
    assert_eq!(person["phones"]["primaryPhoneNumber"], "612345678");
    assert_eq!(person["phones"]["primaryPhoneCallingCode"], "+33");
    assert_eq!(person["phones"]["primaryPhoneCountryCode"], "FR");
    assert_eq!(person["jobTitle"], "Mathematician");
    assert_eq!(
        person["linkedinLink"]["primaryLinkUrl"],
        "https://www.linkedin.com/in/katherine"
    );
    let [company] = &companies(&stage, "Umbrella")[..] else {
        panic!("not one")
    };
    assert_eq!(
        company["domainName"]["primaryLinkUrl"],
        "https://umbrella.example"
    );
    assert_eq!(person["companyId"], company["id"]);

    let written = stage.writes();
    let again = run(&stage, more).await;
    assert_eq!(again.output()["created"], false);
    insta::assert_snapshot!(stage.mask(&again.log()), @"
    info: the first name is Katherine, the last name Johnson; give firstName and lastName where that is wrong
    info: the person Katherine Johnson is there: http://sandbox/twenty/object/person/<id>
    ");
    assert_eq!(stage.writes(), written);
}

#[tokio::test]
async fn the_inputs_of_the_first_plan() {
    let stage = Stage::new().await;
    let ended = run(
        &stage,
        json!({ "phone": "+33612345678", "companyId": ACME }),
    )
    .await;
    assert_eq!(ended.output()["companyId"], ACME);
    // What a form leaves empty it gives as an empty text.
    let blank =
        json!({ "email": "mary@example.com", "phone": "", "companyId": " ", "jobTitle": "" });
    let ended = run(&stage, blank).await;
    assert_eq!(ended.output()["created"], true);
    assert_eq!(ended.output().get("companyId"), None);
    let writes = stage.writes();
    let sent = &writes.last().unwrap().body["variables"]["data"];
    let fields: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["name", "emails"],
        "nothing is sent of what is not given"
    );
}

#[tokio::test]
async fn names() {
    let stage = Stage::new().await;
    for (given, first, last) in [
        (
            json!({ "name": "  Jane   van  Dyk " }),
            json!("Jane"),
            json!("van Dyk"),
        ),
        (json!({ "name": "Plato" }), json!("Plato"), json!("")),
        (
            json!({ "name": null, "lastName": "Curie" }),
            json!(""),
            json!("Curie"),
        ),
        (
            json!({ "name": null, "firstName": "Jean Luc", "lastName": "Picard" }),
            json!("Jean Luc"),
            json!("Picard"),
        ),
    ] {
        let stage = Stage::new().await;
        run(&stage, given).await.output();
        let name = &people(&stage, "katherine@example.com")[0]["name"];
        assert_eq!(*name, json!({ "firstName": first, "lastName": last }));
    }
    insta::assert_snapshot!(refused(&stage, json!({ "lastName": "Johnson" })).await, @"invalid_input [/name] name is the whole name: give it, or firstName and lastName, not both.");
    insta::assert_snapshot!(refused(&stage, json!({ "name": null })).await, @"invalid_input [/name] Who is it? Give name, or firstName and lastName.");
    insta::assert_snapshot!(refused(&stage, json!({ "name": " " })).await, @"invalid_input [/name] Who is it? Give name, or firstName and lastName.");
}

#[tokio::test]
async fn what_is_wrong_without_looking() {
    let stage = Stage::new().await;
    for email in [
        "katherine",
        "k@localhost",
        "Katherine <k@example.com>",
        "k@exa mple.com",
        "@example.com",
        "k@10.0.0.1",
    ] {
        let said = refused(&stage, json!({ "email": email })).await;
        assert!(
            said.starts_with("invalid_input [/email] email is not an e-mail address"),
            "{email}: {said}"
        );
    }
    for (phone, country) in [
        ("06 12 34 56 78", None),
        ("nonsense", None),
        ("+999999", None),
        ("1", Some("FR")),
    ] {
        let said = refused(&stage, json!({ "phone": phone, "phoneCountry": country })).await;
        assert!(
            said.starts_with("invalid_input [/phone] phone is not"),
            "{phone}: {said}"
        );
    }
    insta::assert_snapshot!(refused(&stage, json!({ "phone": "06 12 34 56 78" })).await, @"invalid_input [/phone] phone is not a number that can be dialled from anywhere. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.");
    insta::assert_snapshot!(refused(&stage, json!({ "phone": "1", "phoneCountry": "FR" })).await, @"invalid_input [/phone] phone is not a phone number of the country FR.");
    insta::assert_snapshot!(refused(&stage, json!({ "phone": "1", "phoneCountry": "France" })).await, @"invalid_input [/phoneCountry] phoneCountry is not a country: give its two letters, such as FR.");
    insta::assert_snapshot!(refused(&stage, json!({ "linkedinUrl": "katherine" })).await, @"invalid_input [/linkedinUrl] linkedinUrl is not the address of a page: give it whole, with https://.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyId": "acme" })).await, @"invalid_input [/companyId] companyId is not an id of Twenty's: it stands in the address of the record's page.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyDomain": "Acme Inc" })).await, @"invalid_input [/companyDomain] companyDomain is not a domain: give it alone, such as acme.com.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyId": ACME, "companyName": "Acme" })).await, @"invalid_input [/companyId] companyId says which company it is: give it, or companyName and companyDomain, not both.");
    assert_eq!(stage.wire.calls(), []);
}

#[tokio::test]
async fn a_form_that_leaves_the_company_open_makes_none() {
    let stage = Stage::new().await;
    let input = json!({ "email": "open@example.com", "createCompany": true });
    let ended = run(&stage, input).await;
    assert_eq!(ended.output()["created"], true);
    assert!(ended.output()["companyId"].is_null(), "{}", ended.output());
}

#[tokio::test]
async fn an_address_is_the_same_in_every_way_to_write_it() {
    let stage = Stage::new().await;
    run(&stage, json!({ "email": "jane@bücher.example" }))
        .await
        .output();
    assert_eq!(people(&stage, "jane@xn--bcher-kva.example").len(), 1);
    for email in [
        "Jane@BÜCHER.example",
        "jane@xn--bcher-kva.example",
        " jane@bücher.example. ",
    ] {
        let again = run(&stage, json!({ "email": email })).await;
        assert_eq!(again.output()["created"], false, "{email}");
    }
}

#[tokio::test]
async fn who_is_there_is_used_if_twenty_has_what_is_given() {
    let stage = Stage::new().await;
    let ada = json!({
        "name": "ada lovelace", "email": "ADA@acme.com", "phone": "020 7946 0958", "phoneCountry": "GB",
        "companyDomain": "acme.com",
    });
    let ended = run(&stage, ada.clone()).await;
    assert_eq!(ended.output()["created"], false);
    let mut other = ada.clone();
    for (name, value) in [
        ("name", json!("Ada King")),
        ("phone", json!("+33612345678")),
        ("jobTitle", json!("Countess")),
        ("linkedinUrl", json!("https://linkedin.com/in/ada")),
        ("companyDomain", json!("umbrella.example")),
        ("companyName", json!("Umbrella")),
        ("createCompany", json!(true)),
    ] {
        other[name] = value;
    }
    insta::assert_snapshot!(refused(&stage, other.clone()).await, @"conflict [] The person ada@acme.com exists and differs: name is Ada Lovelace, asked for Ada King; phone is +442079460958, asked for +33612345678; jobTitle is Analyst, asked for Countess; linkedinUrl is none, asked for https://linkedin.com/in/ada; company is <id>, asked for Umbrella. Set updateExisting to change the person in Twenty, or leave out what differs to use them as they are.");
    assert_eq!(companies(&stage, "Umbrella"), Vec::<Value>::new());

    // With leave to change.
    other["updateExisting"] = json!(true);
    let ended = run(&stage, other.clone()).await;
    ended.output();
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: the first name is Ada, the last name King; give firstName and lastName where that is wrong
    info: made the company Umbrella: http://sandbox/twenty/object/company/<id>
    info: the person Ada King is there: http://sandbox/twenty/object/person/<id>
    info: changed name, phone, jobTitle, linkedinUrl, company of the person Ada King
    ");
    let [ada] = &people(&stage, "ada@acme.com")[..] else {
        panic!("not one")
    };
    assert_eq!(ada["name"]["lastName"], "King");
    assert_eq!(ada["jobTitle"], "Countess");
    assert_eq!(ada["companyId"], companies(&stage, "Umbrella")[0]["id"]);
    // What nobody asked for is as it was.
    assert_eq!(
        ada["emails"]["additionalEmails"],
        json!(["ada@home.example"])
    );
    assert_eq!(ada["phones"]["additionalPhones"][0]["number"], "2079460959");
    let written = stage.writes();
    run(&stage, other).await.output();
    assert_eq!(stage.writes(), written);
}

#[tokio::test]
async fn who_is_deleted_comes_back_only_when_that_is_asked_for() {
    let stage = Stage::new().await;
    let linus = json!({ "name": "Linus Torvalds", "email": "linus@example.com" });
    insta::assert_snapshot!(refused(&stage, linus.clone()).await, @"conflict [] The person linus@example.com is deleted in Twenty. A deleted person keeps their e-mail address. Set restore to use that record, or destroy it in Twenty.");
    let mut back = linus;
    back["restore"] = json!(true);
    let dry = stage.dry_run(ACTION, input(back.clone())).await;
    assert_eq!(dry.output()["restored"], true);
    let ended = run(&stage, back.clone()).await;
    assert_eq!(
        (&ended.output()["created"], &ended.output()["restored"]),
        (&json!(false), &json!(true))
    );
    insta::assert_snapshot!(stage.mask(&ended.log()), @"
    info: the first name is Linus, the last name Torvalds; give firstName and lastName where that is wrong
    info: the person Linus Torvalds is there: http://sandbox/twenty/object/person/<id>
    info: restored the person Linus Torvalds
    ");
    assert_eq!(
        people(&stage, "linus@example.com")[0]["deletedAt"],
        Value::Null
    );
    assert_eq!(run(&stage, back).await.output()["restored"], false);
}

#[tokio::test]
async fn without_an_address_the_same_input_finds_its_person() {
    let stage = Stage::new().await;
    let nobody_else = json!({ "email": null, "phone": "+33612345678" });
    let first = run(&stage, nobody_else.clone()).await;
    assert_eq!(first.output()["created"], true);
    let second = run(&stage, nobody_else).await;
    assert_eq!(second.output()["created"], false);
    assert_eq!(first.output()["personId"], second.output()["personId"]);
    // Whether another one is she, nobody can say.
    insta::assert_snapshot!(refused(&stage, json!({ "email": null })).await, @"conflict [] Twenty has a person Katherine Johnson already (<id>), and without an e-mail address nobody can say whether it is the same one. Give email, or set allowNamesake to make another person of this name.");
    insta::assert_snapshot!(refused(&stage, json!({ "email": null, "name": "mary jackson" })).await, @"conflict [] Twenty has a person mary jackson already (<id>), and without an e-mail address nobody can say whether it is the same one. Give email, or set allowNamesake to make another person of this name.");
    let another = json!({ "email": null, "name": "Mary Jackson", "allowNamesake": true });
    let made = run(&stage, another.clone()).await;
    assert_eq!(made.output()["created"], true);
    let again = run(&stage, json!({ "email": null, "name": "Mary Jackson" })).await;
    assert_eq!(
        again.output()["created"],
        false,
        "her own record is not in her way"
    );
    assert_eq!(
        run(&stage, another).await.output()["personId"],
        made.output()["personId"]
    );
}

#[tokio::test]
async fn the_company() {
    let stage = Stage::new().await;
    let of = async |more: Value| run(&stage, more).await.output()["companyId"].clone();
    for company in ["ACME", "acme.com", "https://acme.com/", ACME] {
        let input = json!({ "email": format!("{}@example.com", uuid::Uuid::new_v4()), "companyName": company });
        assert_eq!(of(input).await, ACME, "{company}");
    }
    let other = json!({ "email": "b@example.com", "companyDomain": "www.acme.com", "companyName": "acme", "createCompany": true });
    assert_ne!(of(other).await, ACME, "another domain is another company");
    assert_eq!(of(json!({ "email": "c@example.com", "companyDomain": "Acme.com", "companyName": "Something" })).await, ACME);
    insta::assert_snapshot!(refused(&stage, json!({ "companyName": "Acmee" })).await, @"not_found [/companyName] Twenty has no company Acmee, or the role of the connection's API key may not see it. Did you mean acme? Set createCompany to make it.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyDomain": "umbrella.example" })).await, @"not_found [/companyDomain] Twenty has no company umbrella.example, or the role of the connection's API key may not see it. Set createCompany to make it.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyName": "Globex", "createCompany": true })).await, @"conflict [] Twenty has more than one company with the name Globex. Give companyId: it stands in the address of the company's page.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyDomain": "initech.com", "createCompany": true })).await, @"conflict [] The company initech.com is deleted in Twenty. Restore it in Twenty, or by twenty:create-company with restore; or name another company.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyId": INITECH })).await, @"conflict [] The company Initech is deleted in Twenty. Restore it in Twenty, or name another company.");
    insta::assert_snapshot!(refused(&stage, json!({ "companyId": "20202020-0000-4000-8000-000000000999" })).await.replace("20202020-0000-4000-8000-000000000999", "<id>"), @"not_found [/companyId] Twenty has no company with the id <id>, or the role of the connection's API key may not see it.");
    // By its name alone it is found again.
    let named = json!({ "email": "d@example.com", "companyName": "Hooli", "createCompany": true });
    let made = of(named.clone()).await;
    assert_eq!(of(named).await, made);
    assert_eq!(companies(&stage, "Hooli").len(), 1);
}

#[tokio::test]
async fn a_limit_is_waited_for() {
    let limit = |message: &str, extensions: Value| {
        let mut error = json!({ "message": message, "extensions": extensions });
        error["extensions"]["code"] = "BAD_USER_INPUT".into();
        error["extensions"]["subCode"] = "LIMIT_REACHED".into();
        json!({ "errors": [error] })
    };
    let older = |window: u32| {
        let message = format!("Limit reached (100 tokens per {window} ms)");
        limit(&message, json!({}))
    };
    let newer = limit("Too many requests.", json!({ "retryAfterMs": 2_000 }));
    let patient = |config: &mut sidestage_actions::ConnectionConfig| config.retries = Some(2);
    for (limited, wait) in [
        (older(2_000), "2 s"),
        (newer, "2 s"),
        (older(60_000), "60 s"),
    ] {
        let stage = Stage::with(std::time::Duration::ZERO, patient).await;
        stage
            .wire
            .answer_times(1, "POST", "createPerson", 200, limited);
        let running = stage.start(ACTION, input(json!({})), false);
        running
            .says(&format!("twenty asks to wait {wait} (rate limit)"))
            .await;
        if wait == "60 s" {
            // Nobody waits for that here.
            break;
        }
        assert_eq!(running.end().await.output()["created"], true);
        assert_eq!(people(&stage, "katherine@example.com").len(), 1);
    }
}

#[tokio::test]
async fn where_the_pages_are() {
    let url = async |stage: &Stage| {
        run(stage, json!({})).await.output()["personUrl"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let stage = Stage::new().await;
    stage
        .sandbox()
        .twenty()
        .configure(|settings| settings.custom_url = Some("https://crm.example.com".into()));
    assert!(
        url(&stage)
            .await
            .starts_with("https://crm.example.com/object/person/")
    );
    // A key that may not ask is no reason to fail: the API's address is the best guess.
    let stage = Stage::new().await;
    stage
        .sandbox()
        .twenty()
        .configure(|settings| settings.tells_urls = false);
    let guess = url(&stage).await;
    assert!(
        guess.contains("127.0.0.1") && guess.contains("/twenty/object/person/"),
        "{guess}"
    );
    // What the configuration says is not asked for.
    let public = |config: &mut sidestage_actions::ConnectionConfig| {
        config.public_url = Some("https://people.example.com/".parse().unwrap());
    };
    let stage = Stage::with(std::time::Duration::ZERO, public).await;
    assert!(
        url(&stage)
            .await
            .starts_with("https://people.example.com/object/person/")
    );
    assert_eq!(stage.wire.calls_of("POST", "/metadata"), []);
}

#[tokio::test]
async fn an_answer_that_came_although_a_part_of_it_was_not_well_counts() {
    let stage = Stage::new().await;
    stage.wire.change("POST", "createPerson", |answer| {
        answer["errors"] = json!([{ "message": "avatar is not well", "extensions": { "code": "INTERNAL_SERVER_ERROR" } }]);
    });
    assert_eq!(run(&stage, json!({})).await.output()["created"], true);
}

#[tokio::test]
async fn somebody_else_is_faster() {
    let stage = Stage::new().await;
    let nobody = json!({ "data": { "result": { "edges": [] } } });
    let made = run(&stage, json!({})).await;
    made.output();
    // The look comes from a copy that lags behind: the create is refused, and the next look finds them.
    stage
        .wire
        .answer_times(1, "POST", "result: people", 200, nobody.clone());
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.output()["created"], false);
    assert_eq!(ended.output()["personId"], made.output()["personId"]);
    stage.wire.answer("POST", "result: people", 200, nobody);
    let ended = run(&stage, json!({})).await;
    assert_eq!(ended.error().code(), Code::Conflict);
    insta::assert_snapshot!(support::said(&ended), @"conflict [] Twenty refuses the person Katherine Johnson: A duplicate entry was detected. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.");
}
