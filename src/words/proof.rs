//! Proofs: what a right code shows.

use serde::{Deserialize, Serialize};

use crate::words::{Channel, KeyedHash, Spot, Timestamp};

/// "This subject answered a code on this channel, at this contact, from the directory or typed, at this time."
///
/// The subject stands in the grant that carries the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The channel the code went out on last.
    pub channel: Channel,
    /// The other channels the same code went out on. Nobody knows on which of them it was read, so a policy must
    /// accept all of them (C08).
    pub others: Vec<Channel>,
    /// Keyed hash of the contact.
    pub contact: KeyedHash,
    /// Who vouched for the contact.
    pub origin: Origin,
    /// When the right code came in.
    pub at: Timestamp,
    /// Keyed hash of the application's session cookie at that time, where there was one.
    pub app_session: Option<KeyedHash>,
    /// Keyed hash of the client's network at that time.
    pub network: KeyedHash,
    /// Where the client was then.
    pub spot: Spot,
}

/// Who vouched for a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The directory, or the operator's list of allowed addresses.
    Directory,
    /// Nobody: the visitor typed it. Never satisfies a policy that wants a directory's.
    Typed,
}

// === impl Proof ===

impl Proof {
    /// Every channel on which the code may have been read.
    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        std::iter::once(self.channel).chain(self.others.iter().copied())
    }
}
