//! What every gateway must hear of: revocations, sessions, locks.

use std::time::Duration;

use crate::store::{Flag, Lock, Scope, SiteKey};
use crate::words::{DeviceId, GrantId, KeyedHash, Timestamp};

/// What no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Every proof of this subject up to this moment.
    Subject {
        /// The site.
        site: SiteKey,
        /// The subject.
        subject: KeyedHash,
        /// Proofs at or before it are void.
        until: Timestamp,
    },
    /// This one grant: its browser logged out.
    Grant {
        /// The site.
        site: SiteKey,
        /// The grant.
        grant: GrantId,
    },
    /// Every copy of this device's cookie: one of them was stolen.
    Device {
        /// The site.
        site: SiteKey,
        /// The device.
        device: DeviceId,
    },
}

/// Where a reader of [`crate::store::Store::changes`] stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

/// What [`crate::store::Store::changes`] brought.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// In the order in which they happened.
    pub changes: Vec<Change>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Changes were missed, or the store lost its memory: the gateway publishes the revocations that it holds again.
    pub lost: bool,
    /// The store lost its memory since `cursor` (a flush, a fail-over to an empty replica), and `changes` are all since
    /// then: what the gateway still holds is better than nothing, and restored. Otherwise, when changes were missed, the
    /// store knows better, and what was cached is forgotten.
    pub emptied: bool,
}

/// Something that a gateway held while the store lost its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// Whose an application's session is.
    Session {
        /// The session.
        session: KeyedHash,
        /// Its sealed subject.
        sealed: &'a [u8],
        /// How long it is kept.
        ttl: Duration,
    },
    /// A lock.
    Lock {
        /// The subject.
        subject: KeyedHash,
        /// How long it lasts. [`Lock::Challenge`] is no subject's and restores nothing.
        lock: Lock,
    },
}

/// Something that every gateway must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A revocation, kept for this long.
    Revoked(Revocation, Duration),
    /// Whose this application session is has changed.
    Session {
        /// The site.
        site: SiteKey,
        /// The keyed hash of the session cookie.
        session: KeyedHash,
    },
    /// A flag was put up or holds for longer: for this long.
    Flagged(Flag, Duration),
    /// Every flag of somebody was taken down.
    Lifted {
        /// The site.
        site: SiteKey,
        /// Of what.
        scope: Scope,
        /// Of whom.
        whom: KeyedHash,
    },
    /// Where this subject was last has changed.
    Moved {
        /// The site.
        site: SiteKey,
        /// The subject.
        subject: KeyedHash,
    },
    /// An operator unlocked this subject.
    Unlocked {
        /// The site.
        site: SiteKey,
        /// The subject.
        subject: KeyedHash,
    },
}
