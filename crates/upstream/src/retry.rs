//! When a call is repeated, and after how long.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode, header};

use crate::error::Error;

/// The longest wait that a service may ask for and get. If it asks for more, the call ends with the
/// error at once, and [`Error::retry_after`] says what was asked for.
pub const WAIT_AT_MOST: Duration = Duration::from_secs(60);

/// Told to an observer before a call waits to be repeated. Its `Display` is one sentence for a log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retry {
    /// The connection's name.
    pub connection: Arc<str>,
    /// How long the call waits.
    pub wait: Duration,
    /// How many times the call has been tried so far.
    pub attempts: u32,
    reason: String,
    asked: bool,
}

impl Retry {
    pub(crate) fn new(error: &Error, wait: Duration) -> Retry {
        let asked = error.retry_after().is_some_and(|asked| !asked.is_zero());
        let reason = match error {
            Error::NotSent { .. } => "cannot be reached".into(),
            Error::Lost { .. } => "gave no whole answer".into(),
            _ => match error.status() {
                Some(StatusCode::TOO_MANY_REQUESTS) if asked => "rate limit".into(),
                Some(StatusCode::TOO_MANY_REQUESTS) => "limits the rate of calls".into(),
                Some(status) if asked => status.to_string(),
                Some(status) => format!("answered {status}"),
                None => "failed".into(),
            },
        };
        let call = error.call();
        Retry {
            connection: call.connection.clone(),
            wait,
            attempts: call.attempts,
            reason,
            asked,
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retry {
            connection, reason, ..
        } = self;
        let wait = seconds(self.wait);
        if self.asked {
            write!(f, "{connection} asks to wait {wait} ({reason})")
        } else {
            write!(f, "{connection} {reason}; trying again in {wait}")
        }
    }
}

/// How long to wait before the call is repeated, or `None` if it must not be. `delays` is advanced only
/// if the call may be repeated.
pub(crate) fn wait(error: &Error, delays: &mut impl Iterator<Item = Duration>) -> Option<Duration> {
    if !error.is_transient() || error.may_have_changed() {
        return None;
    }
    let asked = error.retry_after().unwrap_or_default();
    if asked > WAIT_AT_MOST {
        return None;
    }
    Some(delays.next()?.max(asked))
}

/// What the service asks to wait: `Retry-After` in seconds or as a date, and after a 429 also
/// `X-RateLimit-Reset` (seconds from now, or seconds since 1970). A date is read against the service's own
/// clock, if it tells it.
pub(crate) fn retry_after(
    status: StatusCode,
    headers: &HeaderMap,
    now: SystemTime,
) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let now = text(header::DATE.as_str())
        .and_then(|date| httpdate::parse_http_date(date).ok())
        .unwrap_or(now);
    let until = |then: SystemTime| then.duration_since(now).unwrap_or_default();
    let asked = text(header::RETRY_AFTER.as_str()).and_then(|value| {
        let seconds = value.parse().ok().map(Duration::from_secs);
        seconds.or_else(|| httpdate::parse_http_date(value).ok().map(until))
    });
    asked.or_else(|| {
        if status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let reset: u64 = text("x-ratelimit-reset")?.parse().ok()?;
        // Nobody asks to wait thirty years: beyond that it is a point in time.
        if reset < 1_000_000_000 {
            return Some(Duration::from_secs(reset));
        }
        SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(reset))
            .map(until)
    })
}

/// A duration as a person reads it.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let tenths = (seconds * 10.0).ceil() / 10.0;
    if seconds >= 10.0 || tenths.fract() == 0.0 {
        format!("{} s", seconds.ceil())
    } else {
        format!("{tenths:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        retry_after(StatusCode::from_u16(status).unwrap(), &headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        assert_eq!(asked(429, &[]), None);
        assert_eq!(asked(429, &[("retry-after", "12")]), Some(12));
        assert_eq!(asked(503, &[("retry-after", " 12 ")]), Some(12));
        assert_eq!(
            asked(503, &[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]),
            Some(30)
        );
        assert_eq!(
            asked(503, &[("retry-after", "Sunday, 06-Nov-94 08:50:07 GMT")]),
            Some(30)
        );
        assert_eq!(
            asked(503, &[("retry-after", "Sun Nov  6 08:50:07 1994")]),
            Some(30)
        );
        assert_eq!(
            asked(503, &[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]),
            Some(0),
            "past"
        );
        assert_eq!(asked(503, &[("retry-after", "soon")]), None);
        assert_eq!(asked(503, &[("retry-after", "-3")]), None);
    }

    #[test]
    fn a_date_is_read_against_the_clock_of_the_service() {
        let skewed = [
            ("retry-after", "Sun, 06 Nov 2044 09:00:10 GMT"),
            ("date", "Sun, 06 Nov 2044 09:00:00 GMT"),
        ];
        assert_eq!(asked(503, &skewed), Some(10));
    }

    #[test]
    fn the_reset_of_a_rate_limit_counts_only_where_one_was_hit() {
        assert_eq!(
            asked(429, &[("x-ratelimit-reset", "7")]),
            Some(7),
            "seconds from now"
        );
        assert_eq!(
            asked(
                429,
                &[
                    ("date", "Sun, 22 Nov 2026 00:00:00 GMT"),
                    ("x-ratelimit-reset", "1795305615")
                ]
            ),
            Some(15)
        );
        assert_eq!(
            asked(429, &[("retry-after", "3"), ("x-ratelimit-reset", "7")]),
            Some(3)
        );
        assert_eq!(asked(503, &[("x-ratelimit-reset", "7")]), None);
    }

    #[test]
    fn durations_read_well() {
        let all = [1, 99, 100, 340, 1000, 1001, 9_950, 12_000, 12_001, 60_000];
        let all = all.map(|ms| seconds(Duration::from_millis(ms))).join(", ");
        insta::assert_snapshot!(all, @"0.1 s, 0.1 s, 0.1 s, 0.4 s, 1 s, 1.1 s, 10 s, 12 s, 13 s, 60 s");
    }
}
