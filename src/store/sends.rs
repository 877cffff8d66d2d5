//! Asking to send a code, and what the store makes of it.

use std::time::Duration;

use crate::store::{Destination, Guard, Limits, Lock, SiteKey};
use crate::words::{ChallengeId, KeyedHash};

/// A request to send a code.
#[derive(Debug, Clone)]
pub struct SendAsk<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The browser that asks.
    pub browser: KeyedHash,
    /// The challenge.
    pub challenge: ChallengeId,
    /// Its subject: must be the one it was opened for.
    pub subject: KeyedHash,
    /// The contact.
    pub contact: KeyedHash,
    /// The client address.
    pub ip: KeyedHash,
    /// The client's network.
    pub network: KeyedHash,
    /// The country calling code of a phone number.
    pub country: Option<&'a str>,
    /// The groups of a phone number that the guard against pumping looks at; none for other contacts.
    pub guards: &'a [Guard],
    /// Whether the visitor typed the contact: then [`crate::store::TypedLimits`] apply too.
    pub typed: bool,
    /// Where it is to go.
    pub destination: Destination,
    /// Becomes the challenge's code if none was sent yet: its hash and its sealed text.
    pub code: (KeyedHash, &'a [u8]),
    /// How long the code lives from its first send, within the time of its challenge.
    pub code_ttl: Duration,
    /// How many resends there are, and the waits before them.
    pub resend: &'a Resend,
    /// The limits.
    pub limits: &'a Limits,
}

/// How a code may be resent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Sends after the first.
    pub max: u32,
    /// The wait before the first resend, the second, …; the last one holds for all that follow.
    pub wait: Vec<Duration>,
}

/// What became of [`crate::store::Store::permit_send`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// Send it.
    Send {
        /// The number of this send, from 1; names it for [`crate::store::Store::give_back`].
        send: u32,
        /// The sealed code.
        sealed: Vec<u8>,
        /// Resends that are left.
        sends_left: u32,
        /// How long until the next.
        resend_in: Duration,
        /// How long the code still lives.
        expires_in: Duration,
        /// The guard against pumping that would have stopped it, if it did not only observe.
        suspicious: Option<&'static str>,
    },
    /// The guard against pumping stops messages to a group of numbers.
    Paused {
        /// Which: [`Guard::name`].
        guard: &'static str,
        /// How long.
        retry_after: Duration,
        /// Whether the pause begins now.
        begins: bool,
    },
    /// Too early for a resend, of which at least one is left.
    Wait {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The challenge has no resend left, until it expires.
    Exhausted {
        /// How long its code still lives.
        retry_after: Duration,
    },
    /// A limit of `limits.sends` or `limits.typed` is reached; of several, the one that holds longest is told.
    TooMany {
        /// Which: `per_subject`, `per_contact`, `per_ip`, `per_network`, `per_country`, `typed.per_ip` or
        /// `typed.per_network`.
        limit: &'static str,
        /// How long until one more fits.
        retry_after: Duration,
    },
    /// The challenge or its subject is locked.
    Locked(Lock),
    /// The code's time is over.
    Expired,
    /// The challenge is passed.
    Passed,
    /// No such challenge of this browser and subject.
    Missing,
}

// === impl Resend ===

impl Resend {
    /// The wait after the `sends`-th send (from 1).
    #[must_use]
    pub fn wait_after(&self, sends: u32) -> Duration {
        let place = usize::try_from(sends.saturating_sub(1)).unwrap_or(usize::MAX);
        self.wait.get(place).or_else(|| self.wait.last()).copied().unwrap_or_default()
    }
}
