//! A code that came in, and what a right one leaves: a confirmation to spend, a parked request to take.

use std::time::Duration;

use crate::store::{Destination, FailureLimits, Lock, SiteKey};
use crate::words::{ChallengeId, KeyedHash, MessageId, ParkedId, Timestamp};

/// A code that came in.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The browser that answers.
    pub browser: KeyedHash,
    /// The challenge.
    pub challenge: ChallengeId,
    /// The subject now: must be the one it was opened for.
    pub subject: KeyedHash,
    /// The hash of the code.
    pub code: KeyedHash,
    /// The client address.
    pub ip: KeyedHash,
    /// What the browser is called after success; its other challenges go with it (C01).
    pub new_browser: KeyedHash,
    /// Left on success for a policy that confirms each request: the binding, and how long it can be spent.
    pub confirm: Option<(KeyedHash, Duration)>,
    /// Left on success for a parked request: the hash of the token, and how long it can be used.
    pub resume: Option<(KeyedHash, Duration)>,
    /// The limits.
    pub limits: &'a FailureLimits,
}

/// What became of [`crate::store::Store::answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Right, within its time and tries, and for the first time.
    Passed {
        /// Where the code went, oldest first.
        sent: Vec<Destination>,
        /// When, by the store's clock.
        at: Timestamp,
        /// The message that carried the last send.
        message: Option<MessageId>,
        /// Whether the resume token was left: there was a parked request, and it was still kept.
        resumes: bool,
    },
    /// Wrong, and counted.
    Wrong {
        /// Wrong codes that the challenge still takes, at least one.
        tries_left: u32,
    },
    /// No try is taken: the answer for right and wrong codes alike, and for the wrong code that used up the last try.
    Locked(Lock),
    /// The code's time is over; nothing was counted.
    Expired,
    /// The challenge is passed; nothing was counted.
    Spent,
    /// No code was sent yet; nothing was counted.
    NotSent,
    /// No such challenge of this browser and subject; nothing was counted.
    Missing,
}

/// A spent confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Where the code went, oldest first.
    pub sent: Vec<Destination>,
    /// When the right code came in, by the store's clock.
    pub at: Timestamp,
}

/// What is behind a resume token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumable {
    /// Nothing: it never was, or its time is over.
    Unknown,
    /// It was used.
    Used,
    /// This parked request.
    Ready {
        /// Its name.
        parked: ParkedId,
        /// The subject it was parked for.
        subject: KeyedHash,
        /// The request, sealed.
        sealed: Vec<u8>,
    },
}
