//! How many requests a caller may make.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sidestage_action::{Code, Error, Principal, Result};
use tokio::time::Instant;

/// How much of a minute's requests may come at once.
const BURST: Duration = Duration::from_secs(10);

/// Callers beyond this number make room for those that were quiet long enough to have all their requests again.
const MOST: usize = 10_000;

/// A bound for each caller: a steady rate, of which [`BURST`] may come at once (GCRA).
pub(crate) struct RateLimit {
    /// What one request costs.
    cost: Option<Duration>,
    /// When each caller will have all their requests again.
    even_at: Mutex<HashMap<Principal, Instant>>,
}

impl RateLimit {
    /// None: no bound.
    pub(crate) fn new(per_minute: Option<NonZeroU32>) -> Self {
        RateLimit {
            cost: per_minute.map(|per_minute| Duration::from_secs(60) / per_minute.get()),
            even_at: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Code::RateLimited`], with when to come back.
    pub(crate) fn count(&self, caller: &Principal) -> Result<()> {
        let Some(cost) = self.cost else {
            return Ok(());
        };
        let now = Instant::now();
        let mut even_at = self.even_at.lock().unwrap_or_else(PoisonError::into_inner);
        if even_at.len() >= MOST {
            even_at.retain(|_, at| *at > now);
        }
        let at = even_at.get(caller).copied().unwrap_or(now).max(now) + cost;
        let ahead = at - now;
        let most = BURST.max(cost);
        if ahead > most {
            let message = "You make more requests than server.requestsPerMinute allows. Come back after the time that \
                           Retry-After says.";
            return Err(Error::new(Code::RateLimited, message).retry_after(Some(ahead - most)));
        }
        even_at.insert(caller.clone(), at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Principal {
        Principal::Key { name: name.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_rate_of_their_own() {
        let limit = RateLimit::new(NonZeroU32::new(60));
        for n in 0..10 {
            assert!(limit.count(&of("ci")).is_ok(), "{n}");
        }
        let refused = limit.count(&of("ci")).unwrap_err();
        assert_eq!(refused.wait(), Some(Duration::from_secs(1)));
        assert!(limit.count(&of("other")).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(limit.count(&of("ci")).is_ok());
        assert!(limit.count(&of("ci")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_one_a_minute_lets_one_through() {
        let limit = RateLimit::new(NonZeroU32::new(1));
        assert!(limit.count(&of("ci")).is_ok());
        assert!(limit.count(&of("ci")).is_err());
    }
}
