//! Whose an application's session is: a bounded cache in memory, so that the hot path asks no store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::words::{KeyedHash, Subject};

/// The cache of one site. What is in it was read from the store; every change on any gateway removes its entry.
#[derive(Debug)]
pub struct Sessions {
    known: Cache<KeyedHash, Known>,
    epoch: AtomicU64,
}

/// Whose a session is, and how the store has it: for a store that lost its memory.
#[derive(Debug, Clone)]
struct Known {
    subject: Subject,
    sealed: Arc<[u8]>,
}

/// A moment in the life of a cache, by which a late answer of the store is told from a fresh one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

/// The most sessions that are remembered in memory.
const MOST: u64 = 100_000;

// === impl Sessions ===

impl Default for Sessions {
    fn default() -> Self {
        Self { known: Cache::new(MOST), epoch: AtomicU64::new(0) }
    }
}

impl Sessions {
    /// The subject of `session`, if it is remembered.
    #[must_use]
    pub fn get(&self, session: KeyedHash) -> Option<Subject> {
        self.known.get(&session).map(|known| known.subject)
    }

    /// Every session that is remembered now, as the store has it.
    #[must_use]
    pub fn all(&self) -> Vec<(KeyedHash, Arc<[u8]>)> {
        self.known.iter().map(|(session, known)| (*session, known.sealed)).collect()
    }

    /// Whether `session` is remembered still.
    #[must_use]
    pub fn remembers(&self, session: KeyedHash) -> bool {
        self.known.contains_key(&session)
    }

    /// The present epoch, to be taken before the store is asked.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    /// Remembers what the store said, unless anything changed since `asked`: an answer that was on its way during a
    /// login must not bring the old subject back.
    pub fn remember(&self, session: KeyedHash, subject: Subject, sealed: Vec<u8>, asked: Epoch) {
        self.known.insert(session, Known { subject, sealed: sealed.into() });
        if self.epoch() != asked {
            self.known.invalidate(&session);
        }
    }

    /// Forgets one session: it was bound anew, or logged out.
    pub fn forget(&self, session: KeyedHash) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate(&session);
    }

    /// Forgets every session: changes may have been missed.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}
