//! Whose an application's session is: a bounded cache in memory, so that the hot path asks no store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use crate::words::{BadSubject, KeyedHash, Subject};

/// The cache of one site. What is in it was read from the store; every change on any gateway removes its entry.
#[derive(Debug)]
pub struct Sessions {
    known: Cache<KeyedHash, Known>,
    distrusted: Cache<KeyedHash, ()>,
    epoch: AtomicU64,
}

/// Whose a session is, and how the store has it: for a store that lost its memory.
#[derive(Debug, Clone)]
struct Known {
    subject: Subject,
    sealed: Arc<[u8]>,
}

/// Whose a session is, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This subject's.
    Subject(Subject),
    /// This subject's still, for the moment: the application has changed the cookie. It is not kept in memory.
    Former(Subject),
    /// Nobody's: a sign-in in it could be read in two ways.
    Nobody,
}

/// A moment in the life of a cache, by which a late answer of the store is told from a fresh one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

/// The most sessions that are remembered in memory.
const MOST: u64 = 100_000;

/// The most sessions that are distrusted since the store could not be told.
const MOST_DISTRUSTED: u64 = 10_000;

/// What stands before a subject whose session's cookie was changed: no subject begins with it.
const FORMER: char = '\n';

// === impl Owner ===

impl Owner {
    /// As the store has it, under a seal.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Subject(subject) => subject.as_str().to_owned(),
            Self::Former(subject) => format!("{FORMER}{}", subject.as_str()),
            Self::Nobody => String::new(),
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// When it names nobody who can be a subject.
    pub fn parse(text: &str) -> Result<Self, BadSubject> {
        match text.strip_prefix(FORMER) {
            None if text.is_empty() => Ok(Self::Nobody),
            None => Subject::parse(text).map(Self::Subject),
            Some(text) => Subject::parse(text).map(Self::Former),
        }
    }
}

// === impl Sessions ===

impl Default for Sessions {
    fn default() -> Self {
        Self { known: Cache::new(MOST), distrusted: Cache::new(MOST_DISTRUSTED), epoch: AtomicU64::new(0) }
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
        if self.epoch() != asked || self.is_distrusted(session) {
            return;
        }
        self.known.insert(session, Known { subject, sealed: sealed.into() });
        if self.epoch() != asked {
            self.known.invalidate(&session);
        }
    }

    /// Forgets one session: it was bound anew, or logged out.
    pub fn forget(&self, session: KeyedHash) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate(&session);
        self.distrusted.invalidate(&session);
    }

    /// Takes a session for nobody's whatever the store has: it could not be told of a change. Until it can.
    pub fn distrust(&self, session: KeyedHash) {
        self.forget(session);
        self.distrusted.insert(session, ());
    }

    /// Whether a session is nobody's, whatever the store says.
    #[must_use]
    pub fn is_distrusted(&self, session: KeyedHash) -> bool {
        self.distrusted.contains_key(&session)
    }

    /// Forgets every session: changes may have been missed.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}
