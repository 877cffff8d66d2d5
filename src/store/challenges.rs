//! A challenge as the store has it: opened, parked with its request, found again.

use std::time::Duration;

use crate::store::{SentTo, SiteKey};
use crate::words::{ChallengeId, Channel, KeyedHash, ParkedId, Reference};

/// A challenge to open.
#[derive(Debug, Clone)]
pub struct NewChallenge<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// Its name-to-be, from a random source.
    pub id: ChallengeId,
    /// The browser.
    pub browser: KeyedHash,
    /// The subject.
    pub subject: KeyedHash,
    /// Two requests with the same likeness would ask for the very same challenge: it is opened once.
    pub likeness: KeyedHash,
    /// What the challenge is about, sealed.
    pub sealed: &'a [u8],
    /// The request to park with it.
    pub parked: Parking<'a>,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Wrong codes that lock it.
    pub tries: u32,
    /// How long it and its parked request are kept, sent or not (`park.ttl`).
    pub ttl: Duration,
    /// What may be kept.
    pub budget: Budget,
}

/// The parked request of a new challenge.
#[derive(Debug, Clone, Copy)]
pub enum Parking<'a> {
    /// None: a plain page to go back to, or an API client.
    None,
    /// This one, sealed.
    New(ParkedId, &'a [u8]),
    /// One that an earlier challenge of the same browser and subject parked. It is kept for a full `ttl` again.
    Adopt(ParkedId),
    /// One that was parked on the same browser before anybody said who it is: it becomes the new subject's, so that an
    /// address can be typed, and typed again after a slip. When it is gone, the challenge is opened without it.
    Inherit(ParkedId),
}

/// What may be kept of challenges and parked requests. A challenge counts as [`Budget::CHALLENGE`] bytes plus its
/// sealed texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes for one subject.
    pub per_subject: u64,
    /// Bytes for the site.
    pub total: u64,
    /// Live challenges of one browser; the oldest gives way.
    pub per_browser: u32,
}

/// What became of [`crate::store::Store::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The challenge is open.
    New,
    /// The browser already has this live one of the same likeness; nothing was changed or parked.
    Same(ChallengeId),
    /// The budget is used up, or the request to adopt is gone.
    Full,
}

/// What [`crate::store::Store::find`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// None of this browser's.
    None,
    /// This one.
    One(Box<Challenge>),
    /// No id was given and several are live.
    Several,
}

/// A challenge as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its name.
    pub id: ChallengeId,
    /// The subject it was opened for.
    pub subject: KeyedHash,
    /// What it is about, sealed.
    pub sealed: Vec<u8>,
    /// Its parked request, while that is kept.
    pub parked: Option<ParkedId>,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Where it stands.
    pub state: State,
    /// Wrong codes that it still takes.
    pub tries_left: u32,
    /// Its sends, oldest first.
    pub sent: Vec<SentTo>,
    /// How long its code still lives; before the first send, and once it is passed, zero.
    pub expires_in: Duration,
    /// How long until the code may be sent again; zero is now.
    pub resend_in: Duration,
}

/// Where a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No code was sent.
    Open,
    /// A code was sent.
    Sent,
    /// A right code came in.
    Passed,
    /// Its tries are used up, or its subject is locked.
    Locked(Lock),
    /// Its code's time is over.
    Expired,
}

/// How long nothing can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// This challenge takes no more tries; a new one may be opened now.
    Challenge,
    /// The subject (or the client address) is locked for this long.
    For(Duration),
    /// The subject is locked until an operator unlocks it.
    UntilUnlocked,
}

/// A contact of a challenge, by its place among the contacts of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// The channel.
    pub channel: Channel,
    /// Its index among the challenge's contacts.
    pub contact: u16,
}

// === impl Budget ===

impl Budget {
    /// What a challenge counts for besides its sealed texts, in bytes.
    pub const CHALLENGE: u64 = 1024;
}

// === impl Lock ===

impl Lock {
    /// How long a client should wait, in whole seconds and at least one.
    #[must_use]
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Challenge => 1,
            Self::For(time) => time.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX),
            Self::UntilUnlocked => 24 * 60 * 60,
        }
    }
}
