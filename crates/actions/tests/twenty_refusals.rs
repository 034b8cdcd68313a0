//! Every way in which Twenty refuses, and the sentence that a person reads for it. Codes and words are Twenty's own; all of
//! them come with HTTP status 200.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sidestage_sandbox::twenty::{EXPIRED_KEY, READER_KEY, REVOKED_KEY, Release};
use support::Stage;

const CREATE_PERSON: &str = "twenty:create-person";

fn refusal(code: &str, sub_code: &str, message: &str) -> Value {
    let mut extensions = json!({ "code": code });
    if !sub_code.is_empty() {
        extensions["subCode"] = sub_code.into();
    }
    json!({ "data": { "result": null }, "errors": [{ "message": message, "extensions": extensions }] })
}

fn input() -> Value {
    json!({ "name": "Katherine Johnson", "email": "katherine@example.com" })
}

/// Refusals of a call whose document holds this, one a line.
async fn table(
    action: &str,
    input: &Value,
    document: &'static str,
    refusals: &[(&str, &str, &str)],
) -> String {
    let mut lines = Vec::new();
    for (code, sub_code, message) in refusals {
        let stage = Stage::new().await;
        let answer = refusal(code, sub_code, message);
        stage.wire.answer("POST", document, 200, answer);
        let said = support::said(&stage.run(action, input.clone()).await);
        lines.push(format!("{code} {sub_code} {message}\n    {said}"));
    }
    lines.join("\n")
}

#[tokio::test]
async fn of_a_person() {
    let refusals = [
        ("BAD_USER_INPUT", "", "A duplicate entry was detected"),
        (
            "BAD_USER_INPUT",
            "",
            "Duplicate Emails with value katherine@example.com. Please set a unique one.",
        ),
        (
            "BAD_USER_INPUT",
            "",
            "duplicate key value violates unique constraint \"IDX_UNIQUE_2a32339058d0b6910b0834ddf81\"",
        ),
        ("BAD_USER_INPUT", "", "Record already exists"),
        (
            "BAD_USER_INPUT",
            "INVALID_ARGS_DATA",
            "Object person doesn't have any \"jobTitle\" field.",
        ),
        (
            "GRAPHQL_VALIDATION_FAILED",
            "",
            "Field \"linkedinLink\" is not defined by type \"PersonCreateInput\".",
        ),
        (
            "BAD_USER_INPUT",
            "INVALID_ARGS_DATA",
            "Invalid string value 'katherine@example.com' for email field \"emails.primaryEmail\"",
        ),
        (
            "BAD_USER_INPUT",
            "INVALID_ARGS_DATA",
            "Invalid UUID value 'acme' for field \"companyId\"",
        ),
        (
            "BAD_USER_INPUT",
            "INVALID_PHONE_NUMBER",
            "Provided phone number is invalid 0612",
        ),
        (
            "BAD_USER_INPUT",
            "INVALID_PHONE_COUNTRY_CODE",
            "Invalid country code XX",
        ),
        (
            "BAD_USER_INPUT",
            "INVALID_PHONE_CALLING_CODE",
            "Invalid calling code +999",
        ),
        (
            "BAD_USER_INPUT",
            "CONFLICTING_PHONE_COUNTRY_CODE",
            "Provided and inferred country code are conflicting",
        ),
        (
            "BAD_USER_INPUT",
            "CONFLICTING_PHONE_CALLING_CODE",
            "Provided and inferred calling code are conflicting",
        ),
        (
            "BAD_USER_INPUT",
            "CONFLICTING_PHONE_CALLING_CODE_AND_COUNTRY_CODE",
            "Provided country code and calling code are conflicting",
        ),
        (
            "BAD_USER_INPUT",
            "",
            "insert or update on table \"person\" violates foreign key constraint \"FK_0123456789abcdef\"",
        ),
        (
            "INTERNAL_SERVER_ERROR",
            "",
            "insert or update on table \"person\" violates foreign key constraint \"FK_0123456789abcdef\"",
        ),
        (
            "BAD_USER_INPUT",
            "UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT",
            "Multiple records found with the same unique field values.",
        ),
        ("INTERNAL_SERVER_ERROR", "", "Query read timeout"),
        ("TIMEOUT", "", "Query read timeout"),
        ("SOMETHING_NEW", "", "Words of a later release"),
    ];
    insta::assert_snapshot!(table(CREATE_PERSON, &input(), "createPerson", &refusals).await, @r#"
    BAD_USER_INPUT  A duplicate entry was detected
        conflict [] Twenty refuses the person Katherine Johnson: A duplicate entry was detected. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    BAD_USER_INPUT  Duplicate Emails with value katherine@example.com. Please set a unique one.
        conflict [] Twenty refuses the person Katherine Johnson: Duplicate Emails with value katherine@example.com. Please set a unique one. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    BAD_USER_INPUT  duplicate key value violates unique constraint "IDX_UNIQUE_2a32339058d0b6910b0834ddf81"
        conflict [] Twenty refuses the person Katherine Johnson: duplicate key value violates unique constraint "IDX_UNIQUE_2a32339058d0b6910b0834ddf81". It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    BAD_USER_INPUT  Record already exists
        conflict [] Twenty refuses the person Katherine Johnson: Record already exists. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    BAD_USER_INPUT INVALID_ARGS_DATA Object person doesn't have any "jobTitle" field.
        invalid_input [/jobTitle] This workspace of Twenty has no field for a part of the person Katherine Johnson: Object person doesn't have any "jobTitle" field. Leave that input out, or have the field added in Twenty.
    GRAPHQL_VALIDATION_FAILED  Field "linkedinLink" is not defined by type "PersonCreateInput".
        invalid_input [/linkedinUrl] This workspace of Twenty has no field for a part of the person Katherine Johnson: Field "linkedinLink" is not defined by type "PersonCreateInput". Leave that input out, or have the field added in Twenty.
    BAD_USER_INPUT INVALID_ARGS_DATA Invalid string value 'katherine@example.com' for email field "emails.primaryEmail"
        invalid_input [/email] Twenty refuses the person Katherine Johnson: Invalid string value 'katherine@example.com' for email field "emails.primaryEmail".
    BAD_USER_INPUT INVALID_ARGS_DATA Invalid UUID value 'acme' for field "companyId"
        invalid_input [/companyId] Twenty refuses the person Katherine Johnson: Invalid UUID value 'acme' for field "companyId".
    BAD_USER_INPUT INVALID_PHONE_NUMBER Provided phone number is invalid 0612
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Provided phone number is invalid 0612. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT INVALID_PHONE_COUNTRY_CODE Invalid country code XX
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Invalid country code XX. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT INVALID_PHONE_CALLING_CODE Invalid calling code +999
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Invalid calling code +999. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT CONFLICTING_PHONE_COUNTRY_CODE Provided and inferred country code are conflicting
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Provided and inferred country code are conflicting. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT CONFLICTING_PHONE_CALLING_CODE Provided and inferred calling code are conflicting
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Provided and inferred calling code are conflicting. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT CONFLICTING_PHONE_CALLING_CODE_AND_COUNTRY_CODE Provided country code and calling code are conflicting
        invalid_input [/phone] Twenty refuses the phone of the person Katherine Johnson: Provided country code and calling code are conflicting. Give it with its country, such as +33 6 12 34 56 78, or give phoneCountry.
    BAD_USER_INPUT  insert or update on table "person" violates foreign key constraint "FK_0123456789abcdef"
        not_found [/companyId] Twenty does not save the person Katherine Johnson, since the company is no longer there.
    INTERNAL_SERVER_ERROR  insert or update on table "person" violates foreign key constraint "FK_0123456789abcdef"
        outcome_unknown [] It is not known whether the person katherine@example.com was made: the answer was lost (Twenty (connection twenty) is not well (500): insert or update on table "person" violates foreign key constraint "FK_0123456789abcdef"). Check whether person katherine@example.com exists, then run this step again: it adopts what is there.
    BAD_USER_INPUT UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT Multiple records found with the same unique field values.
        invalid_input [] Twenty (connection twenty) refuses this (400): Multiple records found with the same unique field values.
    INTERNAL_SERVER_ERROR  Query read timeout
        outcome_unknown [] It is not known whether the person katherine@example.com was made: the answer was lost (Twenty (connection twenty) is not well (500): Query read timeout). Check whether person katherine@example.com exists, then run this step again: it adopts what is there.
    TIMEOUT  Query read timeout
        outcome_unknown [] It is not known whether the person katherine@example.com was made: the answer was lost (Twenty (connection twenty) is not well (504): Query read timeout). Check whether person katherine@example.com exists, then run this step again: it adopts what is there.
    SOMETHING_NEW  Words of a later release
        outcome_unknown [] It is not known whether the person katherine@example.com was made: the answer was lost (Twenty (connection twenty) is not well (500): Words of a later release). Check whether person katherine@example.com exists, then run this step again: it adopts what is there.
    "#);
}

#[tokio::test]
async fn of_every_call() {
    let refusals = [
        ("UNAUTHENTICATED", "UNAUTHENTICATED", "Token invalid."),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", "No payload"),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", "Token has expired."),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", "Workspace not found"),
        (
            "FORBIDDEN",
            "FORBIDDEN_EXCEPTION",
            "This API Key is revoked",
        ),
        (
            "FORBIDDEN",
            "PERMISSION_DENIED",
            "Entity performing the request does not have permission",
        ),
        (
            "FORBIDDEN",
            "",
            "API key 20202020-f401-4d8a-a731-64d007c27bad has no role assigned",
        ),
        (
            "GRAPHQL_VALIDATION_FAILED",
            "",
            "Cannot query field \"people\" on type \"Query\".",
        ),
        (
            "BAD_USER_INPUT",
            "LIMIT_REACHED",
            "Limit reached (100 tokens per 60000 ms)",
        ),
        ("GRAPHQL_PARSE_FAILED", "", "Syntax Error: Expected Name"),
        (
            "METHOD_NOT_ALLOWED",
            "",
            "GraphQL only supports GET and POST requests.",
        ),
        ("CONFLICT", "", "Words of Twenty"),
        ("METADATA_VALIDATION_FAILED", "", "Words of Twenty"),
        ("INTERNAL_SERVER_ERROR", "", "Query read timeout"),
    ];
    insta::assert_snapshot!(table(CREATE_PERSON, &input(), "result: people", &refusals).await, @r#"
    UNAUTHENTICATED UNAUTHENTICATED Token invalid.
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: Token invalid. The token has to be renewed.
    UNAUTHENTICATED UNAUTHENTICATED No payload
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: No payload. The token has to be renewed.
    UNAUTHENTICATED UNAUTHENTICATED Token has expired.
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: Token has expired. The token has to be renewed.
    UNAUTHENTICATED UNAUTHENTICATED Workspace not found
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: Workspace not found. The token has to be renewed.
    FORBIDDEN FORBIDDEN_EXCEPTION This API Key is revoked
        upstream_rejected [] Twenty does not accept the API key of this connection any more: This API Key is revoked. It needs a new one (Settings, APIs & Webhooks).
    FORBIDDEN PERMISSION_DENIED Entity performing the request does not have permission
        forbidden [] Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records of People and Companies, and their fields (Settings, Roles).
    FORBIDDEN  API key 20202020-f401-4d8a-a731-64d007c27bad has no role assigned
        forbidden [] Twenty (connection twenty) does not allow this: API key 20202020-f401-4d8a-a731-64d007c27bad has no role assigned.
    GRAPHQL_VALIDATION_FAILED  Cannot query field "people" on type "Query".
        upstream_rejected [] Twenty shows this connection no people and no companies: Cannot query field "people" on type "Query". Most likely the connection has no API key (Settings, APIs & Webhooks).
    BAD_USER_INPUT LIMIT_REACHED Limit reached (100 tokens per 60000 ms)
        rate_limited [] Twenty (connection twenty) gets too many requests: Limit reached (100 tokens per 60000 ms). Run the step again later.
    GRAPHQL_PARSE_FAILED  Syntax Error: Expected Name
        invalid_input [] Twenty (connection twenty) refuses this (400): Syntax Error: Expected Name.
    METHOD_NOT_ALLOWED  GraphQL only supports GET and POST requests.
        invalid_input [] Twenty (connection twenty) refuses this (405): GraphQL only supports GET and POST requests.
    CONFLICT  Words of Twenty
        conflict [] Twenty (connection twenty) refuses this: Words of Twenty.
    METADATA_VALIDATION_FAILED  Words of Twenty
        invalid_input [] Twenty (connection twenty) refuses this (400): Words of Twenty.
    INTERNAL_SERVER_ERROR  Query read timeout
        upstream_unavailable [] Twenty (connection twenty) is not well (500): Query read timeout. Run the step again later.
    "#);
}

#[tokio::test]
async fn of_a_company_a_deletion_and_a_restoration() {
    let company = json!({ "name": "Umbrella", "domain": "umbrella.example" });
    let refusals = [
        ("BAD_USER_INPUT", "", "A duplicate entry was detected"),
        (
            "BAD_USER_INPUT",
            "INVALID_ARGS_DATA",
            "Invalid string value 'x' for field \"domainName.primaryLinkUrl\"",
        ),
        (
            "FORBIDDEN",
            "PERMISSION_DENIED",
            "Entity performing the request does not have permission",
        ),
    ];
    insta::assert_snapshot!(table("twenty:create-company", &company, "createCompany", &refusals).await, @r#"
    BAD_USER_INPUT  A duplicate entry was detected
        conflict [] Twenty refuses the company Umbrella: A duplicate entry was detected. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    BAD_USER_INPUT INVALID_ARGS_DATA Invalid string value 'x' for field "domainName.primaryLinkUrl"
        invalid_input [/domain] Twenty refuses the company Umbrella: Invalid string value 'x' for field "domainName.primaryLinkUrl".
    FORBIDDEN PERMISSION_DENIED Entity performing the request does not have permission
        forbidden [] Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records of People and Companies, and their fields (Settings, Roles).
    "#);
    let grace = json!({ "email": "grace@example.com" });
    let refusals = [
        ("NOT_FOUND", "RECORD_NOT_FOUND", "Record not found"),
        (
            "FORBIDDEN",
            "PERMISSION_DENIED",
            "Entity performing the request does not have permission",
        ),
    ];
    insta::assert_snapshot!(table("twenty:delete-person", &grace, "deletePerson", &refusals).await, @"
    NOT_FOUND RECORD_NOT_FOUND Record not found
        conflict [] Twenty does not have the person grace@example.com any more: somebody else has just changed it. Run the step again.
    FORBIDDEN PERMISSION_DENIED Entity performing the request does not have permission
        forbidden [] Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records of People and Companies, and their fields (Settings, Roles).
    ");
    let linus = json!({ "name": "Linus Torvalds", "email": "linus@example.com", "restore": true });
    insta::assert_snapshot!(table(CREATE_PERSON, &linus, "restorePerson", &refusals[..1]).await, @"
    NOT_FOUND RECORD_NOT_FOUND Record not found
        conflict [] Twenty does not have the person linus@example.com any more: somebody else has just changed it. Run the step again.
    ");
}

/// The sandbox's own: whose key it is that the connection has.
#[tokio::test]
async fn of_a_key() {
    let mut lines = Vec::new();
    for (what, key) in [
        ("reader", READER_KEY),
        ("expired", EXPIRED_KEY),
        ("revoked", REVOKED_KEY),
        ("garbage", "garbage"),
    ] {
        let with_key =
            |config: &mut sidestage_actions::ConnectionConfig| config.token = Some(key.into());
        let stage = Stage::with(std::time::Duration::ZERO, with_key).await;
        lines.push(format!(
            "{what}\n    {}",
            support::said(&stage.run(CREATE_PERSON, input()).await)
        ));
    }
    let without = |config: &mut sidestage_actions::ConnectionConfig| config.token = None;
    let stage = Stage::with(std::time::Duration::ZERO, without).await;
    lines.push(format!(
        "none\n    {}",
        support::said(&stage.run(CREATE_PERSON, input()).await)
    ));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    reader
        forbidden [] Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records of People and Companies, and their fields (Settings, Roles).
    expired
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: Token has expired. The token has to be renewed.
    revoked
        upstream_rejected [] Twenty does not accept the API key of this connection any more: This API Key is revoked. It needs a new one (Settings, APIs & Webhooks).
    garbage
        upstream_rejected [] Twenty (connection twenty) does not accept the token that it is called with: No payload. The token has to be renewed.
    none
        upstream_rejected [] Twenty shows this connection no people and no companies: Cannot query field "people" on type "Query". Most likely the connection has no API key (Settings, APIs & Webhooks).
    "#);
}

/// A proxy, or a Yoga that answers 400, says the same.
#[tokio::test]
async fn of_another_status() {
    let stage = Stage::new().await;
    let answer = refusal(
        "GRAPHQL_VALIDATION_FAILED",
        "",
        "Field \"phones\" is not defined by type \"PersonCreateInput\".",
    );
    stage.wire.answer("POST", "createPerson", 400, answer);
    insta::assert_snapshot!(support::said(&stage.run(CREATE_PERSON, input()).await), @r#"invalid_input [/phone] This workspace of Twenty has no field for a part of the person Katherine Johnson: Field "phones" is not defined by type "PersonCreateInput". Leave that input out, or have the field added in Twenty."#);
    stage.wire.answer(
        "POST",
        "/graphql",
        404,
        json!({ "statusCode": 404, "message": "Cannot POST /graphql", "error": "Not Found" }),
    );
    insta::assert_snapshot!(support::said(&stage.run(CREATE_PERSON, input()).await), @"not_found [] Twenty (connection twenty) does not have this: Cannot POST /graphql.");
}

/// In each release a duplicate has other words, and is found all the same.
#[tokio::test]
async fn of_a_duplicate_in_every_release() {
    for release in [Release::V1, Release::V2, Release::V2_38] {
        let stage = Stage::new().await;
        stage
            .sandbox()
            .twenty()
            .configure(|settings| settings.release = release);
        let first = stage.run(CREATE_PERSON, input()).await;
        let nobody = json!({ "data": { "result": { "edges": [] } } });
        stage
            .wire
            .answer_times(1, "POST", "result: people", 200, nobody);
        let second = stage.run(CREATE_PERSON, input()).await;
        assert_eq!(
            second.output()["personId"],
            first.output()["personId"],
            "{release:?}"
        );
        assert_eq!(second.output()["created"], false, "{release:?}");
    }
}

#[tokio::test]
async fn of_a_change() {
    let grace = json!({
        "name": "Grace Hopper", "email": "grace@example.com", "jobTitle": "Admiral", "updateExisting": true,
    });
    let refusals = [
        ("NOT_FOUND", "RECORD_NOT_FOUND", "Record not found"),
        (
            "BAD_USER_INPUT",
            "INVALID_ARGS_DATA",
            "Object person doesn't have any \"jobTitle\" field.",
        ),
        ("BAD_USER_INPUT", "", "A duplicate entry was detected"),
        (
            "FORBIDDEN",
            "PERMISSION_DENIED",
            "Entity performing the request does not have permission",
        ),
        ("INTERNAL_SERVER_ERROR", "", "Query read timeout"),
    ];
    insta::assert_snapshot!(table(CREATE_PERSON, &grace, "updatePerson", &refusals).await, @r#"
    NOT_FOUND RECORD_NOT_FOUND Record not found
        conflict [] Twenty does not have the person Grace Hopper any more: somebody else has just changed it. Run the step again.
    BAD_USER_INPUT INVALID_ARGS_DATA Object person doesn't have any "jobTitle" field.
        invalid_input [/jobTitle] This workspace of Twenty has no field for a part of the person Grace Hopper: Object person doesn't have any "jobTitle" field. Leave that input out, or have the field added in Twenty.
    BAD_USER_INPUT  A duplicate entry was detected
        conflict [] Twenty refuses the person Grace Hopper: A duplicate entry was detected. It shows no record that could be in the way; there may be one that the role of the connection's API key does not let it see. If there is none, run the step again in a moment.
    FORBIDDEN PERMISSION_DENIED Entity performing the request does not have permission
        forbidden [] Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records of People and Companies, and their fields (Settings, Roles).
    INTERNAL_SERVER_ERROR  Query read timeout
        outcome_unknown [] It is not known whether the change of person grace@example.com was made: the answer was lost (Twenty (connection twenty) is not well (500): Query read timeout). Check whether change of person grace@example.com exists, then run this step again: it adopts what is there.
    "#);
}

/// The newer limiter's code is not known; only it says how long to wait.
#[tokio::test]
async fn of_the_newer_limiter() {
    let stage = Stage::new().await;
    let limited = json!({ "errors": [{ "message": "Too many requests.", "extensions": {
        "code": "SOMETHING_NEW", "retryAfterMs": 3000, "limit": 100, "remaining": 0, "windowSeconds": 60,
    } }] });
    stage.wire.answer("POST", "result: people", 200, limited);
    let ended = stage.run(CREATE_PERSON, input()).await;
    insta::assert_snapshot!(support::said(&ended), @"rate_limited [] Twenty (connection twenty) gets too many requests: Too many requests. Run the step again later.");
    assert_eq!(ended.error().wait(), Some(Duration::from_secs(3)));
}

/// The older one says its window, in words. One that is longer is filled in part after a minute.
#[tokio::test]
async fn of_the_older_limiter() {
    for (window, wait) in [(1_000, 1), (60_000, 60), (120_000, 60)] {
        let stage = Stage::new().await;
        let message = format!("Limit reached (100 tokens per {window} ms)");
        let limited = refusal("BAD_USER_INPUT", "LIMIT_REACHED", &message);
        stage.wire.answer("POST", "result: people", 200, limited);
        let ended = stage.run(CREATE_PERSON, input()).await;
        let wait = Some(Duration::from_secs(wait));
        assert_eq!(ended.error().wait(), wait, "{message}");
    }
}
