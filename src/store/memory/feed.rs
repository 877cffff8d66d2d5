//! Revocations and the change feed.

use std::collections::VecDeque;
use std::time::Duration;

use super::expiring::Expiring;
use crate::store::tallies::{MOST_FLAGS, is_fresh};
use crate::store::{Change, Changes, Cursor, Flag, Raised, Revocation, Scope, Sign, SiteKey, StoreError};
use crate::words::{DeviceId, GrantId, KeyedHash, Timestamp};

/// Revocations that are kept, and the last changes.
#[derive(Debug)]
pub(super) struct Feed {
    kept: Expiring<RevocationKey, ()>,
    flags: Expiring<FlagKey, Flag>,
    last: VecDeque<Published>,
    /// The number of the last change.
    number: u64,
}

#[derive(Debug)]
enum Published {
    /// Until when it is kept.
    Revoked(Revocation, Timestamp),
    Session(SiteKey, KeyedHash),
    Unlocked(SiteKey, KeyedHash),
    /// Until when it holds.
    Flagged(Flag, Timestamp),
    Lifted(SiteKey, Scope, KeyedHash),
    Moved(SiteKey, KeyedHash),
}

/// A flag without what else is known of it.
type FlagKey = (String, Scope, KeyedHash, Sign);

/// A revocation as a key that can be sorted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum RevocationKey {
    Subject(String, KeyedHash, Timestamp),
    Grant(String, GrantId),
    Device(String, DeviceId),
}

/// Revocations that are kept. One must never give way to another, so beyond it revoking fails.
const MOST: usize = 1_000_000;

/// Changes that a reader may be behind.
const LAST: usize = 10_000;

// === impl Feed ===

impl Feed {
    pub(super) fn new() -> Self {
        Self { kept: Expiring::new(MOST), flags: Expiring::new(MOST_FLAGS), last: VecDeque::new(), number: 0 }
    }

    pub(super) fn revoke(&mut self, revocation: &Revocation, ttl: Duration, now: Timestamp) -> Result<(), StoreError> {
        self.kept.sweep(now);
        let (key, end) = (RevocationKey::from(revocation), now.after(ttl));
        if self.kept.get(&key, now).is_some() {
            self.kept.keep(&key, end);
        } else if self.kept.is_full() {
            return Err(StoreError::Wrong("it holds a million revocations: use Redis for so many visitors".to_owned()));
        } else {
            self.kept.insert(key, (), end);
        }
        self.publish(Published::Revoked(revocation.clone(), end));
        Ok(())
    }

    pub(super) fn session_changed(&mut self, site: &SiteKey, session: KeyedHash) {
        self.publish(Published::Session(site.clone(), session));
    }

    pub(super) fn unlocked(&mut self, site: &SiteKey, subject: KeyedHash) {
        self.publish(Published::Unlocked(site.clone(), subject));
    }

    /// Puts up a flag, unless it holds for long enough already.
    pub(super) fn raise(&mut self, flag: Flag, ttl: Duration, now: Timestamp) -> Option<Raised> {
        self.flags.sweep(now);
        let key = (flag.site.to_string(), flag.scope, flag.whom, flag.sign);
        let known = self.flags.end(&key).and_then(|end| end.since(now));
        if known.is_some_and(|left| is_fresh(left, ttl)) {
            return None;
        }
        let ttl = known.map_or(ttl, |left| left.max(ttl));
        self.flags.insert(key, flag.clone(), now.after(ttl));
        self.publish(Published::Flagged(flag.clone(), now.after(ttl)));
        Some(Raised { flag, ttl, is_new: known.is_none() })
    }

    pub(super) fn flags(&self, now: Timestamp) -> Vec<(Flag, Duration)> {
        let left = |end: Timestamp| end.since(now).unwrap_or_default();
        self.flags.iter(now).map(|(_, flag, end)| (flag.clone(), left(end))).collect()
    }

    /// Takes down every flag of somebody: whether a ban held.
    pub(super) fn lower(&mut self, site: &SiteKey, scope: Scope, whom: KeyedHash, now: Timestamp) -> bool {
        self.flags.sweep(now);
        let mut was_banned = false;
        for sign in Sign::ALL {
            was_banned |= self.flags.remove(&(site.to_string(), scope, whom, sign)).is_some() && sign.is_ban();
        }
        self.publish(Published::Lifted(site.clone(), scope, whom));
        was_banned
    }

    pub(super) fn moved(&mut self, site: &SiteKey, subject: KeyedHash) {
        self.publish(Published::Moved(site.clone(), subject));
    }

    fn publish(&mut self, published: Published) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(published);
        self.number += 1;
    }

    pub(super) fn revocations(&self, now: Timestamp) -> Vec<(Revocation, Duration)> {
        let left = |end: Timestamp| end.since(now).unwrap_or_default();
        self.kept.iter(now).map(|(key, (), end)| (Revocation::from(key), left(end))).collect()
    }

    /// What changed since `cursor`, without waiting.
    pub(super) fn since(&self, cursor: &Cursor, now: Timestamp) -> Changes {
        let here = Cursor(self.number.to_string());
        if *cursor == Cursor::default() {
            return Changes { cursor: here, ..Changes::default() };
        }
        let behind = cursor.0.parse().ok().and_then(|seen: u64| self.number.checked_sub(seen));
        let behind = behind.and_then(|behind| usize::try_from(behind).ok());
        let first = behind.and_then(|behind| self.last.len().checked_sub(behind));
        let Some(first) = first else {
            return Changes { cursor: here, lost: true, ..Changes::default() };
        };
        let changes = self.last.iter().skip(first).map(|published| match published {
            Published::Revoked(revocation, end) => {
                Change::Revoked(revocation.clone(), end.since(now).unwrap_or_default())
            }
            Published::Flagged(flag, end) => Change::Flagged(flag.clone(), end.since(now).unwrap_or_default()),
            Published::Lifted(site, scope, whom) => Change::Lifted { site: site.clone(), scope: *scope, whom: *whom },
            Published::Session(site, session) => Change::Session { site: site.clone(), session: *session },
            Published::Moved(site, subject) => Change::Moved { site: site.clone(), subject: *subject },
            Published::Unlocked(site, subject) => Change::Unlocked { site: site.clone(), subject: *subject },
        });
        Changes { changes: changes.collect(), cursor: here, ..Changes::default() }
    }
}

// === impl RevocationKey ===

impl From<&Revocation> for RevocationKey {
    fn from(revocation: &Revocation) -> Self {
        match revocation {
            Revocation::Subject { site, subject, until } => Self::Subject(site.to_string(), *subject, *until),
            Revocation::Grant { site, grant } => Self::Grant(site.to_string(), *grant),
            Revocation::Device { site, device } => Self::Device(site.to_string(), *device),
        }
    }
}

impl From<&RevocationKey> for Revocation {
    fn from(key: &RevocationKey) -> Self {
        match key {
            RevocationKey::Subject(site, subject, until) => {
                Self::Subject { site: SiteKey::new(site), subject: *subject, until: *until }
            }
            RevocationKey::Grant(site, grant) => Self::Grant { site: SiteKey::new(site), grant: *grant },
            RevocationKey::Device(site, device) => Self::Device { site: SiteKey::new(site), device: *device },
        }
    }
}
