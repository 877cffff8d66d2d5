//! The locks that this gateway has met, to be told again to a store that lost its memory (C18).

use std::time::Duration;

use moka::sync::Cache;

use crate::stepup::{Gateway, Site};
use crate::store::{Lock, SiteKey};
use crate::words::{KeyedHash, Timestamp};

/// The locks that were met. Bounded: the ones that are met least give way.
#[derive(Debug)]
pub(super) struct Locks(Cache<(SiteKey, KeyedHash), Until>);

/// Until when a subject is locked.
#[derive(Debug, Clone, Copy)]
enum Until {
    Moment(Timestamp),
    Unlocked,
}

/// The most locks that are held, and for how long after they were last met.
const MOST: u64 = 10_000;
const HELD: Duration = Duration::from_secs(31 * 24 * 60 * 60);

// === impl Locks ===

impl Default for Locks {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(HELD).build())
    }
}

impl Locks {
    fn hold(&self, site: &SiteKey, subject: KeyedHash, lock: Lock, now: Timestamp) {
        let until = match lock {
            Lock::Challenge => return,
            Lock::For(time) => Until::Moment(now.after(time)),
            Lock::UntilUnlocked => Until::Unlocked,
        };
        self.0.insert((site.clone(), subject), until);
    }

    /// Forgets the lock of a subject: an operator unlocked it.
    pub(super) fn forget(&self, site: &SiteKey, subject: KeyedHash) {
        self.0.invalidate(&(site.clone(), subject));
    }

    /// Every lock that is held, with what is left of its time.
    pub(super) fn all(&self, now: Timestamp) -> Vec<(SiteKey, KeyedHash, Lock)> {
        let left = |until| match until {
            Until::Moment(end) => end.since(now).map(Lock::For),
            Until::Unlocked => Some(Lock::UntilUnlocked),
        };
        self.0
            .iter()
            .filter_map(|(key, until)| {
                let (site, subject) = &*key;
                Some((site.clone(), *subject, left(until)?))
            })
            .collect()
    }
}

// === impl Gateway ===

impl Gateway {
    /// Holds the lock of a subject that was just met. The lock of a client address looks the same from here, so the
    /// store is asked; a store that does not answer now has not lost its memory yet.
    pub(super) async fn hold_lock(&self, site: &Site, subject: KeyedHash, met: Lock) {
        if met != Lock::Challenge
            && let Ok(Some(lock)) = self.shared.store.lock(&site.spec.key, subject).await
        {
            self.shared.locks.hold(&site.spec.key, subject, lock, self.shared.clock.now());
        }
    }
}
