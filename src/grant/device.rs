//! The device cookie: with which browser a subject answered codes before. It is never a proof.
//!
//! Each browser has a family of its own, and with each challenge the cookie of the family moves on by one generation, in the
//! store. Of two copies one falls behind, and is found out (C14).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookie::{Reader, channel_bit, context};
use crate::request::Scheme;
use crate::seal::{KeyRing, Purpose, Random};
use crate::store::SiteKey;
use crate::words::{Channel, DeviceId, KeyedHash, Proof, Timestamp};

/// A browser, and who answered a code with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its family: every copy of the cookie has the same.
    pub id: DeviceId,
    /// How often it moved on.
    pub generation: u32,
    /// Whose it is, the one who answered a code last first.
    pub owners: Vec<Owned>,
}

/// That a subject answered a code with a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// The subject.
    pub subject: KeyedHash,
    /// The directory's own name for whom it is, where it has one: revocations go by it, too.
    pub account: Option<KeyedHash>,
    /// The channels that the code went out on.
    pub channels: Vec<Channel>,
    /// The contact that it went to.
    pub contact: KeyedHash,
    /// When it was answered.
    pub at: Timestamp,
}

const VERSION: u8 = 1;

// === impl Device ===

impl Device {
    /// The most subjects of one browser; who answered a code last stays. Keeps the cookie below 1 KB.
    pub const MOST: usize = 5;

    /// The device as it is after a subject answered a code.
    #[must_use]
    pub fn with(mut self, owned: Owned) -> Self {
        self.owners.retain(|known| known.subject != owned.subject);
        self.owners.insert(0, owned);
        self.owners.truncate(Self::MOST);
        self
    }

    /// What is known of a subject.
    #[must_use]
    pub fn of(&self, subject: KeyedHash) -> Option<&Owned> {
        self.owners.iter().find(|known| known.subject == subject)
    }

    /// The cookie's value: sealed for this site and this scheme (C07, C13).
    #[must_use]
    pub fn seal(&self, keys: &KeyRing, site: &SiteKey, scheme: Scheme, random: &dyn Random) -> String {
        URL_SAFE_NO_PAD.encode(keys.seal(Purpose::Device, &context(site, scheme), &self.encode(), random))
    }

    /// The device in a cookie's value; `None` for anything that this gateway did not seal for this site and scheme.
    #[must_use]
    pub fn open(keys: &KeyRing, site: &SiteKey, scheme: Scheme, value: &str) -> Option<Self> {
        if value.len() > 2048 {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        Self::decode(&keys.open(Purpose::Device, &context(site, scheme), &sealed)?)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(21 + self.owners.len() * 58);
        out.push(VERSION);
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        for owned in &self.owners {
            out.extend_from_slice(owned.subject.as_bytes());
            out.push(u8::from(owned.account.is_some()));
            out.extend_from_slice(owned.account.unwrap_or(KeyedHash::new([0; 16])).as_bytes());
            out.push(owned.channels.iter().fold(0, |bits, &channel| bits | channel_bit(channel)));
            out.extend_from_slice(owned.contact.as_bytes());
            out.extend_from_slice(&owned.at.as_millis().to_le_bytes());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.take::<1>()? != [VERSION] {
            return None;
        }
        let id = DeviceId::from_random(reader.take()?);
        let generation = u32::from_le_bytes(reader.take()?);
        let mut owners = Vec::new();
        while !reader.0.is_empty() {
            let subject = KeyedHash::new(reader.take()?);
            let [has_account] = reader.take()?;
            let account = KeyedHash::new(reader.take()?);
            let [bits] = reader.take()?;
            owners.push(Owned {
                subject,
                account: (has_account == 1).then_some(account),
                channels: Channel::ALL.into_iter().filter(|&channel| channel_bit(channel) & bits != 0).collect(),
                contact: KeyedHash::new(reader.take()?),
                at: Timestamp::from_millis(u64::from_le_bytes(reader.take()?)),
            });
        }
        (owners.len() <= Self::MOST).then_some(Self { id, generation, owners })
    }
}

// === impl Owned ===

impl Owned {
    /// What a proof says of the browser that it was made with.
    #[must_use]
    pub fn by(proof: &Proof, subject: KeyedHash, account: Option<KeyedHash>) -> Self {
        let channels = std::iter::once(proof.channel).chain(proof.others.iter().copied()).collect();
        Self { subject, account, channels, contact: proof.contact, at: proof.at }
    }

    /// Whether it still counts where these channels are taken: answered within `remember`, and after `void_until`.
    #[must_use]
    pub fn counts(
        &self,
        accepts: impl Fn(Channel) -> bool,
        remember: Duration,
        void_until: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let is_recent = now.since(self.at).is_none_or(|age| age <= remember);
        let is_accepted = !self.channels.is_empty() && self.channels.iter().copied().all(accepts);
        is_recent && is_accepted && void_until.is_none_or(|until| self.at > until)
    }
}

#[cfg(test)]
mod tests;
