//! The grant and its sealed form.
//!
//! The form is a fixed binary layout, version first, rather than JSON: it is read on every protected request.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::request::Scheme;
use crate::seal::{KeyRing, Purpose, Random};
use crate::store::SiteKey;
use crate::words::{Channel, GrantId, KeyedHash, Origin, Proof, Spot, Subject, Timestamp};

/// The most proofs a grant carries; the newest stay. Keeps the cookie below 1.5 KB (RFC 6265 asks browsers for 4 KB).
pub const MAX_PROOFS: usize = 8;

/// What a browser has proved, for one subject on one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name, kept while proofs are added, so that one logout ends every copy of it.
    pub id: GrantId,
    /// The subject.
    pub subject: Subject,
    /// Keyed hash of the directory's own name for whom the subject is, where it has one: revocations go by it, too.
    pub account: Option<KeyedHash>,
    /// The proofs, newest first.
    pub proofs: Vec<Proof>,
}

const VERSION: u8 = 3;
/// Says nothing of where a proof was made. It still opens: an update signs nobody out.
const WITHOUT_SPOT: u8 = 2;

// === impl Grant ===

impl Grant {
    /// The grant with one more proof: the newest of its channels and contact replaces the older one, and proofs older
    /// than `longest` are dropped.
    #[must_use]
    pub fn with(mut self, proof: Proof, longest: Duration) -> Self {
        let now = proof.at;
        self.proofs.retain(|old| {
            let replaced = old.channel == proof.channel && old.contact == proof.contact && old.origin == proof.origin;
            !replaced && now.since(old.at).is_none_or(|age| age <= longest)
        });
        self.proofs.insert(0, proof);
        self.proofs.truncate(MAX_PROOFS);
        self
    }

    /// The cookie's value: sealed for this site and this scheme (C07, C13).
    #[must_use]
    pub fn seal(&self, keys: &KeyRing, site: &SiteKey, scheme: Scheme, random: &dyn Random) -> String {
        URL_SAFE_NO_PAD.encode(keys.seal(Purpose::Grant, &context(site, scheme), &self.encode(), random))
    }

    /// The grant in a cookie's value; `None` for anything that this gateway did not seal for this site and scheme.
    #[must_use]
    pub fn open(keys: &KeyRing, site: &SiteKey, scheme: Scheme, value: &str) -> Option<Self> {
        // Sealing adds a third; a longer text is none of ours and is not worth decoding.
        if value.len() > 4096 {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        Self::decode(&keys.open(Purpose::Grant, &context(site, scheme), &sealed)?)
    }

    fn encode(&self) -> Vec<u8> {
        let subject = self.subject.as_str().as_bytes();
        let mut out = Vec::with_capacity(37 + subject.len() + self.proofs.len() * 72);
        out.push(VERSION);
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&u16::try_from(subject.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(subject);
        out.push(u8::from(self.account.is_some()));
        out.extend_from_slice(self.account.unwrap_or(KeyedHash::new([0; 16])).as_bytes());
        for proof in &self.proofs {
            out.push(channel_bit(proof.channel));
            out.push(proof.others.iter().fold(0, |bits, &other| bits | channel_bit(other)));
            out.push(u8::from(proof.origin == Origin::Typed) | u8::from(proof.app_session.is_some()) << 1);
            out.extend_from_slice(proof.contact.as_bytes());
            out.extend_from_slice(&proof.at.as_millis().to_le_bytes());
            out.extend_from_slice(proof.app_session.unwrap_or(KeyedHash::new([0; 16])).as_bytes());
            out.extend_from_slice(proof.network.as_bytes());
            out.extend_from_slice(&proof.spot.to_bytes());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let has_spots = match reader.take()? {
            [VERSION] => true,
            [WITHOUT_SPOT] => false,
            _ => return None,
        };
        let id = GrantId::from_random(reader.take()?);
        let length = u16::from_le_bytes(reader.take()?);
        let subject = Subject::parse(std::str::from_utf8(reader.slice(length.into())?).ok()?).ok()?;
        let [has_account] = reader.take()?;
        let account = KeyedHash::new(reader.take()?);
        let account = (has_account == 1).then_some(account);
        let mut proofs = Vec::new();
        while !reader.0.is_empty() {
            proofs.push(reader.proof(has_spots)?);
        }
        (proofs.len() <= MAX_PROOFS).then_some(Self { id, subject, account, proofs })
    }
}

pub(super) fn context(site: &SiteKey, scheme: Scheme) -> Vec<u8> {
    [scheme.as_str().as_bytes(), b"://", site.as_str().as_bytes()].concat()
}

pub(super) const fn channel_bit(channel: Channel) -> u8 {
    match channel {
        Channel::Email => 1,
        Channel::Sms => 2,
        Channel::Voice => 4,
        Channel::Hosted => 8,
    }
}

/// Reads a sealed layout from its front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn proof(&mut self, has_spot: bool) -> Option<Proof> {
        let [channel, others, flags] = self.take()?;
        let contact = KeyedHash::new(self.take()?);
        let at = Timestamp::from_millis(u64::from_le_bytes(self.take()?));
        let session = KeyedHash::new(self.take()?);
        let network = KeyedHash::new(self.take()?);
        let spot = if has_spot { Spot::from_bytes(self.take()?) } else { Spot::default() };
        Some(Proof {
            channel: Channel::ALL.into_iter().find(|&known| channel_bit(known) == channel)?,
            others: Channel::ALL.into_iter().filter(|&known| channel_bit(known) & others != 0).collect(),
            contact,
            origin: if flags & 1 == 0 { Origin::Directory } else { Origin::Typed },
            at,
            app_session: (flags & 2 != 0).then_some(session),
            network,
            spot,
        })
    }
}

#[cfg(test)]
mod tests;
