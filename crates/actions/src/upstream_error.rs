//! What a failed call means to a person: the one mapping from what came of a call to a class and a sentence.

use sidestage_action::{Code, Error, Service};
use sidestage_upstream::{Body, Error as Upstream, StatusCode};

/// What a service says in the body of a refusal, in one line, if it is in the service's own form.
pub(crate) type Said = fn(&Body) -> Option<String>;

/// The most of a service's own words that is quoted.
const QUOTE: usize = 400;

/// Maps a failed call. `said` reads the service's own form of an error.
pub(crate) fn explain(service: Service, said: Said, error: Upstream) -> Error {
    let who = format!("{} (connection {})", service.name, error.call().connection);
    let own = error.body().and_then(said).map(|said| line(&said));
    let is_own = own.is_some();
    let quote = match own.or_else(|| error.body().and_then(Body::excerpt)) {
        Some(said) => format!(": {}", said.trim_end_matches('.')),
        None if error.body().is_some_and(Body::is_html) => {
            ", with a web page that may come from a proxy before it".into()
        }
        None => String::new(),
    };
    // Where a change may have been made, `ensure` says what comes next.
    let again = if error.may_have_changed() {
        ""
    } else {
        " Run the step again later."
    };
    let (code, sentence) = match &error {
        Upstream::Refused { status, .. } => refused(*status, is_own, &who, &quote),
        Upstream::Unwell { status, .. } => (
            Code::UpstreamUnavailable,
            format!("{who} is not well ({}){quote}.{again}", status.as_u16()),
        ),
        Upstream::NotSent { cause, .. } => (
            Code::UpstreamUnavailable,
            format!("{who} cannot be reached: {cause}.{again}"),
        ),
        Upstream::Lost { cause, .. } => (
            Code::UpstreamUnavailable,
            format!("{who} gave no whole answer: {cause}.{again}"),
        ),
        Upstream::Malformed { cause, .. } => (
            Code::UpstreamRejected,
            format!(
                "{who} gave an answer that is not understood: {cause}{} Check the connection's URL in Sidestage's \
                 configuration.",
                if cause.ends_with('?') { "" } else { "." }
            ),
        ),
        Upstream::Invalid { cause, .. } => (
            Code::InvalidInput,
            format!("{who} cannot be asked for this: {cause}."),
        ),
    };
    let (wait, may_have_changed) = (error.retry_after(), error.may_have_changed());
    Error::new(code, sentence)
        .retry_after(wait)
        .maybe_changed(may_have_changed)
        .because(error)
}

fn refused(status: StatusCode, is_own: bool, who: &str, quote: &str) -> (Code, String) {
    let number = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED => (
            Code::UpstreamRejected,
            format!(
                "{who} does not accept the token that it is called with{quote}. The token has to be renewed."
            ),
        ),
        StatusCode::FORBIDDEN => (
            Code::Forbidden,
            format!("{who} does not allow this{quote}."),
        ),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            (Code::NotFound, format!("{who} does not have this{quote}."))
        }
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            (Code::Conflict, format!("{who} refuses this{quote}."))
        }
        StatusCode::TOO_MANY_REQUESTS => (
            Code::RateLimited,
            format!("{who} gets too many requests{quote}. Run the step again later."),
        ),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => (
            Code::UpstreamUnavailable,
            format!("{who} is not ready for this ({number}){quote}. Run the step again later."),
        ),
        // In the service's own form it is about what was asked for; otherwise something stands before it.
        _ if is_own => (
            Code::InvalidInput,
            format!("{who} refuses this ({number}){quote}."),
        ),
        _ => (
            Code::UpstreamRejected,
            format!("{who} refuses the call ({number}){quote}."),
        ),
    }
}

/// One line of bounded length.
pub(crate) fn line(text: &str) -> String {
    let mut line = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if let Some((end, _)) = line.char_indices().nth(QUOTE) {
        line.truncate(end);
        line.push('…');
    }
    line
}
