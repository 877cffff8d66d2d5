//! Which contacts an account has, and since when: what a cool-down after a change goes by.

use std::time::Duration;

use crate::store::{SiteKey, Window};
use crate::words::{ChallengeId, KeyedHash};

/// What a directory says of an account's contacts now.
#[derive(Debug, Clone)]
pub struct Sighting<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// Whose contacts they are.
    pub account: KeyedHash,
    /// The contacts, each once, with their sealed texts; no more than [`Sighting::MOST_LISTED`] are looked at.
    pub listed: &'a [(KeyedHash, Vec<u8>)],
    /// How long a contact is fresh.
    pub cooldown: Duration,
    /// How long a contact is remembered after it was last listed.
    pub keep: Duration,
    /// A name for the notices of this sighting, under which they are counted.
    pub notice: ChallengeId,
    /// How many messages one contact may get: notices count among them.
    pub per_contact: &'a [Window],
    /// Whether an operator vouches for what is listed: then it is what the account always had, and all else is forgotten.
    pub is_vouched: bool,
}

/// What is remembered of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its contacts: those that are listed, and those that were.
    pub contacts: Vec<SeenContact>,
    /// Whether they are others than at the sighting before, never at the first; of what an operator vouches for, whether
    /// anything was fresh or remembered besides.
    pub changed: bool,
}

/// A contact that is or was an account's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenContact {
    /// The contact.
    pub contact: KeyedHash,
    /// Its sealed text, as it came.
    pub sealed: Vec<u8>,
    /// How long ago it was first seen.
    pub since: Duration,
    /// Whether it was there when the account was first seen.
    pub from_start: bool,
    /// How long ago it was first missed; `None` while it is listed.
    pub gone: Option<Duration>,
    /// Whether it came with this sighting.
    pub is_new: bool,
    /// Whether whoever asked is to send it a notice of a change: told once, to one gateway.
    pub notify: bool,
}

// === impl Sighting ===

impl Sighting<'_> {
    /// The most contacts of an account that are looked at.
    pub const MOST_LISTED: usize = 32;
    /// The most contacts of an account that are remembered when they are listed no longer.
    pub const MOST_GONE: usize = 16;

    /// The count of messages to a contact, as a send counts against it.
    pub(super) fn counted(contact: KeyedHash) -> String {
        format!("per_contact:{contact}")
    }
}

// === impl SeenContact ===

impl SeenContact {
    /// Whether it was an account's contact for so long, to the last, that it is older than a change.
    #[must_use]
    pub fn is_settled(&self, cooldown: Duration) -> bool {
        self.from_start || self.since.saturating_sub(self.gone.unwrap_or_default()) >= cooldown
    }
}
