//! Marks that wait: that somebody, such as a directory, is to be told of a contact that was proved.
//!
//! A queue for all gateways: whichever takes a mark tells, and says what became of it. One that ends meanwhile loses nothing,
//! since its lease runs out.

use std::time::Duration;

use crate::words::{KeyedHash, MarkId};

/// A mark about to be queued.
#[derive(Debug, Clone, Copy)]
pub struct NewMark<'a> {
    /// Its name, from a random source.
    pub id: MarkId,
    /// What is to be told, and to whom.
    pub sealed: &'a [u8],
    /// What is told of, and to whom, hashed, where only the newest counts: it takes the place of one that still waits, which
    /// would come later and say something older.
    pub of: Option<KeyedHash>,
}

/// Marks that a gateway took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TakenMarks {
    /// The marks, the one that was due longest first.
    pub marks: Vec<TakenMark>,
    /// How long until the next one that is queued is due; nothing when none is.
    pub next: Option<Duration>,
}

/// A mark that a gateway took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenMark {
    /// Its name.
    pub id: MarkId,
    /// What is to be told, and to whom.
    pub sealed: Vec<u8>,
    /// How often it was taken, this time included.
    pub tries: u32,
    /// How long ago it was queued.
    pub age: Duration,
}

// === impl TakenMark ===

impl TakenMark {
    /// How long the name of a mark that is done, or gave its place to a newer one, is remembered: for who queues it again, not knowing whether it was queued.
    pub(super) const REMEMBERED: Duration = Duration::from_secs(10 * 60);
}
