//! What is remembered of a message from the moment before a provider gets it until the last receipt can come.

use std::time::Duration;

use crate::store::{Destination, SiteKey};
use crate::words::{Amount, ChallengeId, Channel, Country, KeyedHash, MessageId, Progress, Reference, Timestamp};

/// A message about to be handed to a provider. A send that fails over is several messages.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Its name, from a random source.
    pub id: MessageId,
    /// The site.
    pub site: &'a SiteKey,
    /// The challenge whose code it carries.
    pub challenge: ChallengeId,
    /// The challenge's reference: what becomes of the message is looked up under it.
    pub reference: Reference,
    /// The number of the send, as [`crate::store::Permit::Send`] told it.
    pub send: u32,
    /// The provider, by its name in the config.
    pub provider: &'a str,
    /// The channel.
    pub channel: Channel,
    /// The country of a phone number.
    pub country: Option<Country>,
    /// What was charged for it.
    pub charged: Amount,
    /// What a call says, sealed, for a provider that fetches it later; empty for every other.
    pub words: &'a [u8],
    /// How long receipts can come.
    pub ttl: Duration,
}

/// A message as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedMessage {
    /// Its name.
    pub id: MessageId,
    /// The site.
    pub site: SiteKey,
    /// The challenge whose code it carries.
    pub challenge: ChallengeId,
    /// The challenge's reference.
    pub reference: Reference,
    /// The number of the send.
    pub send: u32,
    /// The provider, by its name in the config.
    pub provider: String,
    /// The channel.
    pub channel: Channel,
    /// The country of a phone number.
    pub country: Option<Country>,
    /// What was charged for it.
    pub charged: Amount,
    /// When it was handed over, by the store's clock.
    pub at: Timestamp,
    /// How far it came.
    pub progress: Progress,
    /// How long ago it was handed over.
    pub age: Duration,
}

/// A provider took a message.
#[derive(Debug, Clone)]
pub struct TakenMessage<'a> {
    /// The message, which [`crate::store::Store::track`] made known.
    pub id: MessageId,
    /// The site.
    pub site: &'a SiteKey,
    /// The challenge.
    pub challenge: ChallengeId,
    /// The number of the send.
    pub send: u32,
    /// The provider, by its name in the config.
    pub provider: &'a str,
    /// The provider's own name for the message, hashed with the provider's name: some receipts bring no other.
    pub theirs: Option<KeyedHash>,
    /// How far it came already; at least [`Progress::Accepted`].
    pub progress: Progress,
    /// What it cost, when the provider says so at once and in the currency of the budget.
    pub price: Option<Amount>,
}

/// By what name a receipt calls a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Ours.
    Ours(MessageId),
    /// The provider's, hashed with the provider's name.
    Theirs(KeyedHash),
}

/// What a receipt says, once its signature is checked.
#[derive(Debug, Clone)]
pub struct Report<'a> {
    /// The message.
    pub which: Which,
    /// The provider that says so. A message of another one is as good as unknown.
    pub provider: &'a str,
    /// How far the message came.
    pub progress: Progress,
    /// What it cost, when the provider says so in the currency of the budget.
    pub price: Option<Amount>,
    /// What a provider uses once only, hashed, and how long it is remembered: the same again is a replay.
    pub nonce: Option<(KeyedHash, Duration)>,
}

/// What became of [`crate::store::Store::report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reported {
    /// No such message of this provider.
    Unknown,
    /// The nonce came before; nothing was changed.
    Replayed,
    /// Nothing that was not known, or something older than what is known: nothing moved. A price is noted all the same.
    Stands(Box<TrackedMessage>, Option<Repriced>),
    /// The message moved on; it stands as this says, and came from there.
    Moved(Box<TrackedMessage>, Progress, Option<Repriced>),
}

/// A price that a provider told for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repriced {
    /// What was charged until now.
    pub from: Amount,
    /// What it cost. It stands in [`TrackedMessage::charged`] from now on.
    pub to: Amount,
}

/// A send of a challenge, and what is known of the last message that carried it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentTo {
    /// The number of the send.
    pub send: u32,
    /// Where it went.
    pub to: Destination,
    /// The provider that took it, by its name in the config, and the message.
    pub carried: Option<(String, MessageId)>,
    /// How far it came.
    pub progress: Progress,
}
