//! How things are written to Redis, and read back.

use std::fmt::Write as _;
use std::time::Duration;

use redis::Value;

use super::flags::{parse_flagged, parse_lifted};
use crate::store::{Change, Destination, Lock, Revocation, SentTo, SiteKey, StoreError, Window};
use crate::words::{Amount, DeviceId, GrantId, KeyedHash, MessageId, Progress, Timestamp};

/// A script's answer, read from the front. Anything unexpected is [`StoreError::Wrong`].
pub(super) struct Reply(std::vec::IntoIter<Value>);

/// A script's numbers for locks that are no time.
const UNTIL_UNLOCKED: i64 = -1;
const CHALLENGE: i64 = -2;

pub(super) fn wrong(what: &str) -> StoreError {
    StoreError::Wrong(format!("{what} is not what this program wrote"))
}

/// Milliseconds, as scripts take them.
pub(super) fn millis(duration: Duration) -> u64 {
    // Scripts count in doubles: beyond 2^52 ms (140,000 years) they would lose exactness.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).min(1 << 52)
}

/// Windows, as scripts take them: `5,600000;10,86400000`.
pub(super) fn windows(windows: &[Window]) -> String {
    let mut text = String::new();
    for window in windows {
        let separator = if text.is_empty() { "" } else { ";" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{},{}", window.count, millis(window.span));
    }
    text
}

/// A place, as scripts take it: `email:0`.
pub(super) fn destination(destination: Destination) -> String {
    format!("{}:{}", destination.channel, destination.contact)
}

/// Reads [`destination`] back.
fn parse_destination(place: &str) -> Option<Destination> {
    let (channel, contact) = place.split_once(':')?;
    Some(Destination { channel: channel.parse().ok()?, contact: contact.parse().ok()? })
}

/// Places, as scripts give them: `email:0 sms:1`.
pub(super) fn destinations(text: &str) -> Result<Vec<Destination>, StoreError> {
    let places = text.split_terminator(' ').map(parse_destination);
    places.collect::<Option<_>>().ok_or_else(|| wrong("where a code went"))
}

/// A lock, as scripts give it; 0 is none.
pub(super) fn lock(number: i64) -> Result<Option<Lock>, StoreError> {
    match number {
        0 => Ok(None),
        UNTIL_UNLOCKED => Ok(Some(Lock::UntilUnlocked)),
        CHALLENGE => Ok(Some(Lock::Challenge)),
        time => {
            let time = u64::try_from(time).map_err(|_| wrong("a lock"))?;
            Ok(Some(Lock::For(Duration::from_millis(time))))
        }
    }
}

/// A revocation, as it is kept and published. The site stands last: nothing is known of its characters.
pub(super) fn revocation(revocation: &Revocation) -> String {
    match revocation {
        Revocation::Subject { site, subject, until } => format!("subject {subject} {} {site}", until.as_millis()),
        Revocation::Grant { site, grant } => format!("grant {grant} {site}"),
        Revocation::Device { site, device } => format!("device {device} {site}"),
    }
}

/// A session's change, as it is published.
pub(super) fn session(site: &SiteKey, session: KeyedHash) -> String {
    format!("session {session} {site}")
}

/// A subject's unlocking, as it is published.
pub(super) fn unlocked(site: &SiteKey, subject: KeyedHash) -> String {
    format!("unlocked {subject} {site}")
}

/// A subject's move, as it is published.
pub(super) fn moved(site: &SiteKey, subject: KeyedHash) -> String {
    format!("moved {subject} {site}")
}

/// A lock of a subject, as scripts take it; `None` for one that is no subject's.
pub(super) fn lasting(lock: Lock) -> Option<i64> {
    match lock {
        Lock::Challenge => None,
        Lock::For(time) => i64::try_from(millis(time)).ok(),
        Lock::UntilUnlocked => Some(UNTIL_UNLOCKED),
    }
}

/// Reads [`revocation`] back.
pub(super) fn parse_revocation(text: &str) -> Option<Revocation> {
    let (kind, rest) = text.split_once(' ')?;
    let (id, rest) = rest.split_once(' ')?;
    match kind {
        "subject" => {
            let (until, site) = rest.split_once(' ')?;
            Some(Revocation::Subject {
                site: SiteKey::new(site),
                subject: KeyedHash::parse(id).ok()?,
                until: Timestamp::from_millis(until.parse().ok()?),
            })
        }
        "device" => Some(Revocation::Device { site: SiteKey::new(rest), device: DeviceId::parse(id).ok()? }),
        "grant" => Some(Revocation::Grant { site: SiteKey::new(rest), grant: GrantId::parse(id).ok()? }),
        _ => None,
    }
}

/// Reads a published change back; a revocation and a flag have `left` of its time.
pub(super) fn parse_change(text: &str, left: Duration) -> Option<Change> {
    if let Some(rest) = text.strip_prefix("session ") {
        let (session, site) = rest.split_once(' ')?;
        return Some(Change::Session { site: SiteKey::new(site), session: KeyedHash::parse(session).ok()? });
    }
    if let Some(rest) = text.strip_prefix("moved ") {
        let (subject, site) = rest.split_once(' ')?;
        return Some(Change::Moved { site: SiteKey::new(site), subject: KeyedHash::parse(subject).ok()? });
    }
    if let Some(rest) = text.strip_prefix("unlocked ") {
        let (subject, site) = rest.split_once(' ')?;
        return Some(Change::Unlocked { site: SiteKey::new(site), subject: KeyedHash::parse(subject).ok()? });
    }
    if let Some(rest) = text.strip_prefix("flag ") {
        return parse_flagged(rest).map(|flag| Change::Flagged(flag, left));
    }
    if let Some(rest) = text.strip_prefix("lifted ") {
        return parse_lifted(rest);
    }
    parse_revocation(text).map(|revocation| Change::Revoked(revocation, left))
}

// === impl Reply ===

impl Reply {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(wrong("an answer")),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?).map_err(|_| wrong("an answer"))
    }

    /// A text that `parse` understands.
    pub(super) fn parsed<T, E>(&mut self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, StoreError> {
        parse(&self.text()?).map_err(|_| wrong("an identifier"))
    }

    pub(super) fn number(&mut self) -> Result<i64, StoreError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(wrong("a number")),
        }
    }

    pub(super) fn count(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.number()?).map_err(|_| wrong("a number"))
    }

    pub(super) fn time(&mut self) -> Result<Duration, StoreError> {
        let millis = u64::try_from(self.number()?).map_err(|_| wrong("a time"))?;
        Ok(Duration::from_millis(millis))
    }

    pub(super) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        let millis = u64::try_from(self.number()?).map_err(|_| wrong("a time"))?;
        Ok(Timestamp::from_millis(millis))
    }

    pub(super) fn amount(&mut self) -> Result<Amount, StoreError> {
        self.parsed(str::parse).map(Amount::from_millionths)
    }

    pub(super) fn progress(&mut self) -> Result<Progress, StoreError> {
        Progress::parse(&self.text()?).ok_or_else(|| wrong("how far a message came"))
    }

    /// A text that `parse` understands; `None` when it is empty.
    pub(super) fn optional<T, E>(&mut self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, StoreError> {
        self.parsed(|text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    /// An answer within this one.
    pub(super) fn within(&mut self) -> Result<Self, StoreError> {
        match self.0.next() {
            Some(Value::Array(values)) => Ok(Self::new(values)),
            _ => Err(wrong("an answer")),
        }
    }

    /// A send of a challenge.
    pub(super) fn sent_to(&mut self) -> Result<SentTo, StoreError> {
        let (send, place, provider) = (self.count()?, self.text()?, self.text()?);
        let message = self.optional(MessageId::parse)?;
        Ok(SentTo {
            send,
            to: parse_destination(&place).ok_or_else(|| wrong("where a code went"))?,
            carried: message.map(|message| (provider, message)),
            progress: self.progress()?,
        })
    }

    pub(super) fn destinations(&mut self) -> Result<Vec<Destination>, StoreError> {
        destinations(&self.text()?)
    }

    /// A lock, and not none.
    pub(super) fn lock(&mut self) -> Result<Lock, StoreError> {
        lock(self.number()?)?.ok_or_else(|| wrong("a lock"))
    }
}

#[cfg(test)]
mod tests;
