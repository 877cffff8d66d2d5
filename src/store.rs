//! What must be remembered, as semantic operations.
//!
//! May use: `words`, `seal`, `config`, `audit`. Each operation of [`Store`] is atomic, so that no race can win twice (I3, I4,
//! I8): two implementations, [`memory`] for one process and [`redis`] for several, pass one conformance suite
//! (`tests/store`). Subjects, contacts, addresses and secrets arrive as keyed hashes, particulars and codes sealed:
//! nothing here can read them.
//!
//! Time is the store's own: Redis' clock for the gateways that share one, the clock passed in for the memory store, so
//! gateways need not agree on the time. Answers carry durations from now rather than moments.

mod answers;
mod challenges;
mod changes;
mod contacts;
mod counted;
mod devices;
mod guards;
mod limits;
mod marks;
mod measures;
pub mod memory;
mod messages;
mod provers;
pub mod redis;
mod sends;
pub mod settings;
mod spending;
mod tallies;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use answers::{Answer, Answered, Confirmed, Resumable};
pub use challenges::{Budget, Challenge, Destination, Found, Lock, NewChallenge, Opened, Parking, State};
pub use changes::{Change, Changes, Cursor, Held, Revocation};
pub use contacts::{Seen, SeenContact, Sighting};
pub use devices::{DeviceTurn, DeviceTurned, NewPlace};
pub use guards::{Guard, Paused, PumpingMode, PumpingRules};
pub use limits::{FailureLimits, Limits, SendLimits, TypedLimits, Window};
pub use marks::{NewMark, TakenMark, TakenMarks};
pub use measures::{Bucket, Grain, Measure, Measured, What};
pub use messages::{NewMessage, Report, Reported, Repriced, SentTo, TakenMessage, TrackedMessage, Which};
pub use provers::Provers;
pub use sends::{Permit, Resend, SendAsk};
pub use spending::{Charge, Charged, MoneyBudget, Spent};
pub use tallies::{Flag, Raised, Scope, Sign, Tally};

use crate::words::{Amount, ChallengeId, KeyedHash, MarkId, MessageId, Reference};

/// What must be remembered.
///
/// # Errors
/// Every operation fails with [`StoreError`] when the store cannot be asked within a second. The caller then knows
/// nothing: it refuses what the answer would have opened (I2).
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Opens a challenge, and parks its request, unless the browser already has a live one of the same likeness and
    /// subject.
    async fn open(&self, new: &NewChallenge<'_>) -> Result<Opened, StoreError>;

    /// The challenge `id` of this browser, or its only live one when no id is given. "Live" is open or sent and not
    /// expired, whether or not its subject is locked; a named challenge is found in every state until the store forgets
    /// it.
    async fn find(&self, site: &SiteKey, browser: KeyedHash, id: Option<ChallengeId>) -> Result<Found, StoreError>;

    /// Asks to send the code of a challenge, counting the send against every limit. The first permitted send fixes the
    /// code and its expiry; a resend gets the same code.
    async fn permit_send(&self, ask: &SendAsk<'_>) -> Result<Permit, StoreError>;

    /// Gives a send back that surely reached nobody: its count, its resend and its wait. Unknown sends are no error.
    async fn give_back(&self, site: &SiteKey, challenge: ChallengeId, send: u32) -> Result<(), StoreError>;

    /// The sealed code of a challenge of this browser that is sent and still takes an answer.
    async fn sealed_code(
        &self,
        site: &SiteKey,
        browser: KeyedHash,
        challenge: ChallengeId,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Answers a challenge: compares, counts, locks, and on success gives its sends back, turns the browser's hash
    /// into the new one, and leaves what the browser may now do (a confirmation, a resume token).
    async fn answer(&self, answer: &Answer<'_>) -> Result<Answered, StoreError>;

    /// Spends a confirmation of one request: true for just one caller.
    async fn spend(&self, site: &SiteKey, binding: KeyedHash) -> Result<Option<Confirmed>, StoreError>;

    /// The parked request behind a resume token, without taking it.
    async fn resumable(&self, site: &SiteKey, token: KeyedHash) -> Result<Resumable, StoreError>;

    /// Takes the parked request behind a resume token: true for just one caller. The token is remembered as used until
    /// it would have expired.
    async fn take(&self, site: &SiteKey, token: KeyedHash) -> Result<bool, StoreError>;

    /// Remembers whose an application's session is, and tells every gateway.
    async fn bind_session(
        &self,
        site: &SiteKey,
        session: KeyedHash,
        sealed: &[u8],
        ttl: Duration,
    ) -> Result<(), StoreError>;

    /// Forgets whose an application's session is, and tells every gateway.
    async fn forget_session(&self, site: &SiteKey, session: KeyedHash) -> Result<(), StoreError>;

    /// The sealed subject of an application's session.
    async fn session(&self, site: &SiteKey, session: KeyedHash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Publishes a revocation to every gateway and keeps it for `ttl`.
    async fn revoke(&self, revocation: &Revocation, ttl: Duration) -> Result<(), StoreError>;

    /// Every revocation that is still kept, with what is left of its time.
    async fn revocations(&self) -> Result<Vec<(Revocation, Duration)>, StoreError>;

    /// What changed since `cursor`: returns as soon as something did, or with nothing after about a second.
    /// [`Cursor::default`] starts at the present.
    async fn changes(&self, cursor: Cursor) -> Result<Changes, StoreError>;

    /// How long the subject is locked. `None` when it is not.
    async fn lock(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Lock>, StoreError>;

    /// Unlocks a subject: forgets its failures, and tells every gateway. True when it was locked.
    async fn unlock(&self, site: &SiteKey, subject: KeyedHash, limits: &FailureLimits) -> Result<bool, StoreError>;

    /// Tells the store again what a gateway held while the store lost its memory. Whatever the store has learned since is
    /// newer and stays; nobody is told, since nothing changes for anybody.
    async fn restore(&self, site: &SiteKey, held: Held<'_>) -> Result<(), StoreError>;

    /// Adds an event (masked JSON, one line) to what is known under a reference; the last 100 are kept for `ttl`.
    async fn note(&self, reference: Reference, event: &str, ttl: Duration) -> Result<(), StoreError>;

    /// The events under a reference, oldest first.
    async fn noted(&self, reference: Reference) -> Result<Vec<String>, StoreError>;

    /// Remembers a message before a provider gets it.
    async fn track(&self, message: &NewMessage<'_>) -> Result<(), StoreError>;

    /// Notes that a provider took a message, and on its challenge which message carried the send. Gives what changed about
    /// its price, if that was told for the first time.
    async fn taken(&self, message: &TakenMessage<'_>) -> Result<Option<Repriced>, StoreError>;

    /// A message, as long as it is remembered.
    async fn message(&self, id: MessageId) -> Result<Option<TrackedMessage>, StoreError>;

    /// What a call says, sealed: for just one caller.
    async fn take_words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps this sealed text with a message, in the place of any that is kept: the page that a provider opened for it.
    /// Unknown messages are no error.
    async fn keep_words(&self, id: MessageId, words: &[u8]) -> Result<(), StoreError>;

    /// The sealed text that is kept with a message, which stays.
    async fn words(&self, id: MessageId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Moves a message on as a receipt says, never back, and its challenge's send with it.
    async fn report(&self, report: &Report<'_>) -> Result<Reported, StoreError>;

    /// Counts, in the buckets of both grains.
    async fn measure(&self, measures: &[Measure]) -> Result<(), StoreError>;

    /// The newest `buckets` buckets of a grain, the newest first; empty ones are left out.
    async fn measured(&self, grain: Grain, buckets: u32) -> Result<Vec<Bucket>, StoreError>;

    /// Pays for a message out of a site's budget, if there is enough left.
    async fn charge(&self, charge: &Charge<'_>) -> Result<Charged, StoreError>;

    /// Puts right what was charged: a message that did not go out costs nothing, and a receipt knows the price better.
    async fn correct(&self, site: &SiteKey, from: Amount, to: Amount) -> Result<(), StoreError>;

    /// What a site spent.
    async fn spent(&self, site: &SiteKey) -> Result<Spent, StoreError>;

    /// How many others proved a contact lately; notes first that the one who asks did, if that is so.
    async fn provers(&self, ask: &Provers<'_>) -> Result<u32, StoreError>;

    /// Takes down which contacts an account has now. Gives what is remembered of them, and tells one caller whom to send a
    /// notice of a change.
    async fn contacts_seen(&self, ask: &Sighting<'_>) -> Result<Seen, StoreError>;

    /// The name of a guard that has paused the groups of a contact, unless that contact came back.
    async fn paused(&self, ask: &Paused<'_>) -> Result<Option<&'static str>, StoreError>;

    /// Moves the cookie of a device on by a generation, or begins a device: of two copies one falls behind, and then both are
    /// [`DeviceTurned::Stolen`].
    async fn turn_device(&self, turn: &DeviceTurn<'_>) -> Result<DeviceTurned, StoreError>;

    /// Remembers where a subject is, in the place of where it was.
    async fn put_place(&self, place: &NewPlace<'_>) -> Result<(), StoreError>;

    /// Where a subject was last, sealed.
    async fn place(&self, site: &SiteKey, subject: KeyedHash) -> Result<Option<Vec<u8>>, StoreError>;

    /// Queues marks, due at once, each for `ttl` and unless `most` are queued already: gives how many found no room. One
    /// whose name is known, also as one that was done or gave its place a few minutes ago, is not queued again.
    async fn put_marks(&self, marks: &[NewMark<'_>], ttl: Duration, most: usize) -> Result<usize, StoreError>;

    /// Takes up to `most` marks that are due, the one that is due longest first. Each is this caller's alone for `lease`,
    /// and due again afterwards, unless the caller says before what became of it.
    async fn take_marks(&self, most: usize, lease: Duration) -> Result<TakenMarks, StoreError>;

    /// A mark that was taken is done, for good. Unknown marks are no error.
    async fn mark_done(&self, id: MarkId) -> Result<(), StoreError>;

    /// A mark that was taken is due again after `wait`. Changes nothing for one that was taken again since, which its `tries`
    /// tell, or that is gone.
    async fn mark_later(&self, id: MarkId, tries: u32, wait: Duration) -> Result<(), StoreError>;

    /// Counts in windows. What reaches its limit is flagged, and every gateway is told: gives the flags that were put up so, or
    /// hold for longer now. When telling fails the counts stay, so that the next one of them puts the flag up.
    async fn tally(&self, site: &SiteKey, tallies: &[Tally]) -> Result<Vec<Raised>, StoreError>;

    /// Puts up flags that a gateway holds, each for its time: a store that lost its memory is told again.
    async fn raise(&self, flags: &[(&Flag, Duration)]) -> Result<(), StoreError>;

    /// Every flag that holds, with what is left of its time.
    async fn flags(&self) -> Result<Vec<(Flag, Duration)>, StoreError>;

    /// Takes down every flag of somebody, forgets what is counted of them, and tells every gateway. Of an address the wrong
    /// codes that lock it are forgotten, too. True when a ban held.
    async fn lift(&self, site: &SiteKey, scope: Scope, whom: KeyedHash) -> Result<bool, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Why an operation has no answer. Never carries an address or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, or did not answer within a second.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The store answered, but with an error or with something that this program did not write.
    #[error("the store gave a wrong answer: {0}")]
    Wrong(String),
}

/// A site in the store: its first host name. The hash tag of its keys, so each operation is one script on one slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteKey(Arc<str>);

// === impl SiteKey ===

impl SiteKey {
    /// The key of the site whose first host is `host`.
    #[must_use]
    pub fn new(host: &str) -> Self {
        // Braces would end the hash tag early.
        Self(host.replace(['{', '}'], "_").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
