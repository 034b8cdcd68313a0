//! How many event streams a caller may have open at once: each holds a connection for as long as its run takes.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sidestage_action::{Code, Error, Principal, Result};

/// A bound for each caller.
#[derive(Clone)]
pub(crate) struct Streams {
    most: NonZeroU32,
    open: Arc<Mutex<HashMap<Principal, u32>>>,
}

/// One open stream's place. Dropped, it is free again.
pub(crate) struct Place {
    streams: Streams,
    caller: Principal,
}

impl Streams {
    pub(crate) fn new(most: NonZeroU32) -> Self {
        Streams {
            most,
            open: Arc::default(),
        }
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// [`Code::RateLimited`] when the caller has them all.
    pub(crate) fn open(&self, caller: &Principal) -> Result<Place> {
        let mut open = self.lock();
        let theirs = open.entry(caller.clone()).or_default();
        if *theirs >= self.most.get() {
            let message = format!(
                "You have {} event streams open, which is what server.eventStreams allows. Close one, or wait for the end \
                 of a run.",
                self.most
            );
            return Err(
                Error::new(Code::RateLimited, message).retry_after(Some(Duration::from_secs(10)))
            );
        }
        *theirs += 1;
        Ok(Place {
            streams: self.clone(),
            caller: caller.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Principal, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(theirs) = open.get_mut(&self.caller) {
            *theirs -= 1;
            if *theirs == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_places_of_their_own_and_gives_them_back() {
        let streams = Streams::new(NonZeroU32::MIN);
        let caller = |name: &str| Principal::Key { name: name.into() };
        let place = streams.open(&caller("ci")).unwrap();
        let refused = streams.open(&caller("ci")).err().unwrap();
        assert_eq!(refused.wait(), Some(Duration::from_secs(10)));
        drop(streams.open(&caller("other")).unwrap());
        drop(place);
        assert_eq!(streams.lock().len(), 0, "nobody is remembered");
        streams.open(&caller("ci")).unwrap();
    }
}
