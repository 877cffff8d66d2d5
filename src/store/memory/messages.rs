//! Messages: what is known of them, by what names receipts call them, and the nonces that receipts used.

use super::expiring::Expiring;
use crate::store::{NewMessage, Report, Reported, Repriced, SiteKey, TakenMessage, TrackedMessage, Which};
use crate::words::{Amount, ChallengeId, Channel, Country, KeyedHash, MessageId, Progress, Reference, Timestamp};

/// The messages of all sites.
#[derive(Debug)]
pub(super) struct Messages {
    kept: Expiring<MessageId, KeptMessage>,
    /// By the name that the provider gave it.
    theirs: Expiring<KeyedHash, MessageId>,
    nonces: Expiring<KeyedHash, ()>,
}

#[derive(Debug)]
struct KeptMessage {
    site: SiteKey,
    challenge: ChallengeId,
    send: u32,
    reference: Reference,
    provider: String,
    channel: Channel,
    country: Option<Country>,
    charged: Amount,
    /// Whether a receipt told its price.
    is_priced: bool,
    at: Timestamp,
    progress: Progress,
    words: Vec<u8>,
}

/// Messages, and nonces, that are kept. Those that would end first give way: a receipt of such a message comes from
/// nowhere, and such a receipt again moves nothing that it moved before.
const MOST: usize = 200_000;

// === impl Messages ===

impl Messages {
    pub(super) fn new() -> Self {
        Self { kept: Expiring::new(MOST), theirs: Expiring::new(MOST), nonces: Expiring::new(MOST) }
    }

    /// Frees what is gone.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.kept.sweep(now);
        self.theirs.sweep(now);
        self.nonces.sweep(now);
    }

    pub(super) fn track(&mut self, new: &NewMessage<'_>, now: Timestamp) {
        let message = KeptMessage {
            site: new.site.clone(),
            challenge: new.challenge,
            send: new.send,
            reference: new.reference,
            provider: new.provider.to_owned(),
            channel: new.channel,
            country: new.country,
            charged: new.charged,
            is_priced: false,
            at: now,
            progress: Progress::Handed,
            words: new.words.to_vec(),
        };
        self.kept.insert(new.id, message, now.after(new.ttl));
    }

    /// Moves a message on that a provider took; gives how far it came, and what changed about its price.
    pub(super) fn taken(&mut self, taken: &TakenMessage<'_>, now: Timestamp) -> (Progress, Option<Repriced>) {
        let Some(message) = self.kept.get_mut(&taken.id, now) else { return (taken.progress, None) };
        if message.progress.moves_to(taken.progress) {
            message.progress = taken.progress;
        }
        let (progress, repriced) = (message.progress, message.reprice(taken.price));
        if let (Some(theirs), Some(end)) = (taken.theirs, self.kept.end(&taken.id)) {
            self.theirs.insert(theirs, taken.id, end);
        }
        (progress, repriced)
    }

    pub(super) fn message(&self, id: MessageId, now: Timestamp) -> Option<TrackedMessage> {
        self.kept.get(&id, now).map(|message| message.tracked(id, now))
    }

    pub(super) fn keep_words(&mut self, id: MessageId, words: &[u8], now: Timestamp) {
        if let Some(message) = self.kept.get_mut(&id, now) {
            message.words = words.to_vec();
        }
    }

    pub(super) fn words(&self, id: MessageId, now: Timestamp) -> Option<Vec<u8>> {
        self.kept.get(&id, now).map(|message| message.words.clone()).filter(|words| !words.is_empty())
    }

    pub(super) fn take_words(&mut self, id: MessageId, now: Timestamp) -> Option<Vec<u8>> {
        let words = std::mem::take(&mut self.kept.get_mut(&id, now)?.words);
        Some(words).filter(|words| !words.is_empty())
    }

    pub(super) fn report(&mut self, report: &Report<'_>, now: Timestamp) -> Reported {
        let id = match report.which {
            Which::Ours(id) => Some(id),
            Which::Theirs(name) => self.theirs.get(&name, now).copied(),
        };
        let Some(id) = id else { return Reported::Unknown };
        let known = self.kept.get_mut(&id, now).filter(|message| message.provider == report.provider);
        let Some(message) = known else { return Reported::Unknown };
        if let Some((nonce, ttl)) = report.nonce {
            if self.nonces.get(&nonce, now).is_some() {
                return Reported::Replayed;
            }
            self.nonces.insert(nonce, (), now.after(ttl));
        }
        let repriced = message.reprice(report.price);
        let before = message.progress;
        if before.moves_to(report.progress) {
            message.progress = report.progress;
            return Reported::Moved(Box::new(message.tracked(id, now)), before, repriced);
        }
        Reported::Stands(Box::new(message.tracked(id, now)), repriced)
    }
}

// === impl KeptMessage ===

impl KeptMessage {
    /// Notes what it cost, when that is told for the first time.
    fn reprice(&mut self, price: Option<Amount>) -> Option<Repriced> {
        let to = price.filter(|_| !self.is_priced)?;
        self.is_priced = true;
        Some(Repriced { from: std::mem::replace(&mut self.charged, to), to })
    }

    fn tracked(&self, id: MessageId, now: Timestamp) -> TrackedMessage {
        TrackedMessage {
            id,
            site: self.site.clone(),
            challenge: self.challenge,
            send: self.send,
            reference: self.reference,
            provider: self.provider.clone(),
            channel: self.channel,
            country: self.country,
            charged: self.charged,
            at: self.at,
            progress: self.progress,
            age: now.since(self.at).unwrap_or_default(),
        }
    }
}
