//! How many requests a caller may make: whoever a token proves, or else an address.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sidestage_action::{Code, Error, Result};
use tokio::time::Instant;

/// How much of a minute's requests may come at once.
const BURST: Duration = Duration::from_secs(10);

/// How many callers are remembered.
const MOST: usize = 10_000;

/// A bound for each caller: a steady rate, of which [`BURST`] may come at once (GCRA).
pub(crate) struct RateLimit<Who> {
    /// What one request costs.
    cost: Option<Duration>,
    /// When each caller will have all their requests again.
    even_at: Mutex<HashMap<Who, Instant>>,
}

impl<Who: Clone + Eq + Hash> RateLimit<Who> {
    /// None: no bound.
    pub(crate) fn new(per_minute: Option<NonZeroU32>) -> Self {
        RateLimit {
            cost: per_minute.map(|per_minute| Duration::from_secs(60) / per_minute.get()),
            even_at: Mutex::default(),
        }
    }

    /// Counts a request. `too_many` is the sentence for who made too many.
    ///
    /// # Errors
    /// [`Code::RateLimited`], with when to come back.
    pub(crate) fn count(&self, caller: &Who, too_many: &str) -> Result<()> {
        let Some(cost) = self.cost else {
            return Ok(());
        };
        let now = Instant::now();
        let mut even_at = self.even_at.lock().unwrap_or_else(PoisonError::into_inner);
        if even_at.len() >= MOST && !even_at.contains_key(caller) {
            // Who was quiet long enough has all their requests again. Should that be few, all begin anew.
            even_at.retain(|_, at| *at > now);
            if even_at.len() > MOST / 2 {
                even_at.clear();
            }
        }
        let at = even_at.get(caller).copied().unwrap_or(now).max(now) + cost;
        let ahead = at - now;
        let most = BURST.max(cost);
        if ahead > most {
            let message = format!(
                "{too_many} than server.requestsPerMinute allows. Come back after the time that Retry-After says."
            );
            return Err(Error::new(Code::RateLimited, message).retry_after(Some(ahead - most)));
        }
        even_at.insert(caller.clone(), at);
        Ok(())
    }
}

/// Whom an address counts for: behind an IPv6 address there is a network of somebody's own (a /64), and an IPv4 one
/// may be written as IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count<Who: Clone + Eq + Hash>(limit: &RateLimit<Who>, who: Who) -> Result<()> {
        limit.count(&who, "You make more requests")
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_has_a_rate_of_their_own() {
        let limit = RateLimit::new(NonZeroU32::new(60));
        for n in 0..10 {
            assert!(count(&limit, "ci").is_ok(), "{n}");
        }
        let refused = count(&limit, "ci").unwrap_err();
        assert_eq!(refused.wait(), Some(Duration::from_secs(1)));
        assert!(count(&limit, "other").is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(count(&limit, "ci").is_ok());
        assert!(count(&limit, "ci").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_one_a_minute_lets_one_through() {
        let limit = RateLimit::new(NonZeroU32::new(1));
        assert!(count(&limit, "ci").is_ok());
        assert!(count(&limit, "ci").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_callers_are_remembered_than_there_is_room_for() {
        let limit = RateLimit::new(NonZeroU32::new(1));
        for caller in 0..3 * MOST {
            count(&limit, caller).unwrap();
            assert!(limit.even_at.lock().unwrap().len() <= MOST);
        }
        // The last ones are.
        assert!(count(&limit, 3 * MOST - 1).is_err());
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
