//! What Twenty's refusals mean to a person, by their codes.
//!
//! Twenty answers 200 whatever came of a call (graphql-errors.util.ts has the codes). A duplicate has no code of its own
//! and other words in each release, so it is not told by them: after a create that was refused without a reason it is
//! looked whether the record is there.

use std::time::Duration;

use serde_json::Value;
use sidestage_action::{Code, Error, FieldError};
use sidestage_upstream::{Body, Error as Upstream, StatusCode, WAIT_AT_MOST};

use super::client::Refused;

/// What the API says came of a call that has HTTP status 200.
pub(super) fn judge(answer: &Value) -> Option<(StatusCode, Option<Duration>)> {
    let error = answer["errors"].as_array()?.first()?;
    // One field was asked for. If it is there, it was done, and something about the answer was not well.
    let done = answer["data"]
        .as_object()
        .is_some_and(|data| !data.is_empty() && data.values().all(|value| !value.is_null()));
    if done {
        return None;
    }
    let extensions = &error["extensions"];
    let wait = extensions["retryAfterMs"]
        .as_u64()
        .map(Duration::from_millis);
    // The newer limiter has a code that is not known here; only it says how long to wait.
    if extensions["subCode"] == "LIMIT_REACHED" || wait.is_some() {
        let wait = wait.or_else(|| window(error["message"].as_str()?));
        return Some((StatusCode::TOO_MANY_REQUESTS, wait));
    }
    let status = match extensions["code"].as_str().unwrap_or_default() {
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "FORBIDDEN" => StatusCode::FORBIDDEN,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "METHOD_NOT_ALLOWED" => StatusCode::METHOD_NOT_ALLOWED,
        "CONFLICT" => StatusCode::CONFLICT,
        "TIMEOUT" => StatusCode::GATEWAY_TIMEOUT,
        "BAD_USER_INPUT"
        | "GRAPHQL_PARSE_FAILED"
        | "GRAPHQL_VALIDATION_FAILED"
        | "METADATA_VALIDATION_FAILED" => StatusCode::BAD_REQUEST,
        // Nobody knows then whether anything was done.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Some((status, None))
}

/// The older limiter says how long its window is, and nothing else: "Limit reached (100 tokens per 60000 ms)". The window
/// is filled again all the time, so nobody waits longer than Sidestage waits for anything.
fn window(message: &str) -> Option<Duration> {
    let (_, behind) = message.split_once(" tokens per ")?;
    let (ms, _) = behind.split_once(" ms")?;
    Some(Duration::from_millis(ms.parse().ok()?).min(WAIT_AT_MOST))
}

/// The first error's own words.
pub(super) fn said(body: &Body) -> Option<String> {
    let message = body.json()?["errors"][0]["message"].as_str()?.trim();
    (!message.is_empty()).then(|| message.to_owned())
}

/// What Twenty says about a refusal.
#[derive(Debug, Default)]
pub(super) struct Why {
    code: String,
    sub_code: String,
    message: String,
}

impl Why {
    pub(super) fn of(error: &Upstream) -> Self {
        let Some(error) = error.json().map(|body| &body["errors"][0]) else {
            return Why::default();
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Why {
            code: text(&error["extensions"]["code"]),
            sub_code: text(&error["extensions"]["subCode"]),
            message: text(&error["message"]),
        }
    }

    /// The input that the words are about.
    fn field(&self) -> Option<&'static str> {
        const FIELDS: [(&str, &str); 7] = [
            ("emails", "email"),
            ("phones", "phone"),
            ("jobTitle", "jobTitle"),
            ("linkedinLink", "linkedinUrl"),
            ("companyId", "companyId"),
            ("domainName", "domain"),
            ("name", "name"),
        ];
        let mut quoted = self.message.split(['"', '.']).skip(1);
        quoted
            .find_map(|word| FIELDS.iter().find(|(theirs, _)| word == *theirs))
            .map(|(_, ours)| *ours)
    }
}

/// What a refused change of `what` ("the person Jane Doe") means. One that is not known here is explained as every other
/// failed call.
pub(super) fn explain(what: &str, refused: Refused) -> Error {
    let Refused { why, error } = refused;
    let Some((code, field, sentence)) = meaning(what, &why) else {
        return error;
    };
    let fields = field.map(|field| FieldError {
        field: format!("/{field}"),
        detail: why.message.clone(),
    });
    Error::new(code, sentence)
        .with_fields(fields.into_iter().collect())
        .because(error)
}

fn meaning(what: &str, why: &Why) -> Option<(Code, Option<&'static str>, String)> {
    let message = crate::upstream_error::line(why.message.trim_end_matches('.'));
    let (code, sub_code) = (&*why.code, &*why.sub_code);
    let meaning = match (code, sub_code) {
        ("BAD_USER_INPUT", sub_code) if sub_code.contains("PHONE") => (
            Code::InvalidInput,
            Some("phone"),
            format!(
                "Twenty refuses the phone of {what}: {message}. Give it with its country, such as +33 6 12 34 56 78, or \
                 give phoneCountry."
            ),
        ),
        ("BAD_USER_INPUT", "INVALID_ARGS_DATA") | ("GRAPHQL_VALIDATION_FAILED", _) => (
            Code::InvalidInput,
            why.field(),
            match why.message.contains("doesn't have any") || why.message.contains("is not defined")
            {
                true => format!(
                    "This workspace of Twenty has no field for a part of {what}: {message}. Leave that input out, or have \
                     the field added in Twenty."
                ),
                false => format!("Twenty refuses {what}: {message}."),
            },
        ),
        ("BAD_USER_INPUT", "") if why.message.contains("violates foreign key") => (
            Code::NotFound,
            Some("companyId"),
            format!("Twenty does not save {what}, since the company is no longer there."),
        ),
        // Somebody has it who is not shown, or not shown yet: reads may come from a replica.
        ("BAD_USER_INPUT", "") => (
            Code::Conflict,
            None,
            format!(
                "Twenty refuses {what}: {message}. It shows no record that could be in the way; there may be one that the \
                 role of the connection's API key does not let it see. If there is none, run the step again in a moment."
            ),
        ),
        // The record was there a moment ago.
        ("NOT_FOUND", _) => (
            Code::Conflict,
            None,
            format!(
                "Twenty does not have {what} any more: somebody else has just changed it. Run the step again."
            ),
        ),
        _ => return None,
    };
    Some(meaning)
}

/// Refusals that are not about what was asked for, but about who asks.
pub(super) fn of_every_call(error: &Upstream) -> Option<(Code, String)> {
    let why = Why::of(error);
    let message = crate::upstream_error::line(why.message.trim_end_matches('.'));
    let meaning = match (&*why.code, &*why.sub_code) {
        ("FORBIDDEN", "PERMISSION_DENIED") => (
            Code::Forbidden,
            "Twenty does not allow this to the API key of this connection: its role must be able to see and edit the records \
             of People and Companies, and their fields (Settings, Roles)."
                .into(),
        ),
        ("FORBIDDEN", "FORBIDDEN_EXCEPTION") => (
            Code::UpstreamRejected,
            format!(
                "Twenty does not accept the API key of this connection any more: {message}. It needs a new one (Settings, \
                 APIs & Webhooks)."
            ),
        ),
        ("GRAPHQL_VALIDATION_FAILED", _)
            if ["\"Query\"", "\"Mutation\""]
                .iter()
                .any(|of| why.message.contains(of)) =>
        {
            (
                Code::UpstreamRejected,
                format!(
                    "Twenty shows this connection no people and no companies: {message}. Most likely the connection has no \
                     API key (Settings, APIs & Webhooks)."
                ),
            )
        }
        _ => return None,
    };
    Some(meaning)
}
