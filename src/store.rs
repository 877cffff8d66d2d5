//! What must be remembered, as semantic operations.
//!
//! May use: `words`, `seal`, `config`, `audit`. Each operation of [`Store`] is atomic, so that no race can win twice (I3, I4,
//! I8): two implementations, [`memory`] for one process and [`redis`] for several, pass one conformance suite
//! (`tests/store`). Subjects, contacts, addresses and secrets arrive as keyed hashes, particulars and codes sealed:
//! nothing here can read them.
//!
//! Time is the store's own: Redis' clock for the gateways that share one, the clock passed in for the memory store, so
//! gateways need not agree on the time. Answers carry durations from now rather than moments.

mod counted;
mod guards;
mod limits;
mod measures;
pub mod memory;
mod messages;
pub mod redis;
pub mod settings;
mod spending;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use guards::{Guard, PumpingMode, PumpingRules};
pub use limits::{FailureLimits, Limits, SendLimits, TypedLimits, Window};
pub use measures::{Bucket, Grain, Measure, Measured, What};
pub use messages::{NewMessage, Report, Reported, Repriced, SentTo, TakenMessage, TrackedMessage, Which};
pub use spending::{Charge, Charged, MoneyBudget, Spent};

use crate::words::{Amount, ChallengeId, Channel, GrantId, KeyedHash, MessageId, ParkedId, Reference, Timestamp};

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

/// A challenge to open.
#[derive(Debug, Clone)]
pub struct NewChallenge<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// Its name-to-be, from a random source.
    pub id: ChallengeId,
    /// The browser.
    pub browser: KeyedHash,
    /// The subject.
    pub subject: KeyedHash,
    /// Two requests with the same likeness would ask for the very same challenge: it is opened once.
    pub likeness: KeyedHash,
    /// What the challenge is about, sealed.
    pub sealed: &'a [u8],
    /// The request to park with it.
    pub parked: Parking<'a>,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Wrong codes that lock it.
    pub tries: u32,
    /// How long it and its parked request are kept, sent or not (`park.ttl`).
    pub ttl: Duration,
    /// What may be kept.
    pub budget: Budget,
}

/// The parked request of a new challenge.
#[derive(Debug, Clone, Copy)]
pub enum Parking<'a> {
    /// None: a plain page to go back to, or an API client.
    None,
    /// This one, sealed.
    New(ParkedId, &'a [u8]),
    /// One that an earlier challenge of the same browser and subject parked. It is kept for a full `ttl` again.
    Adopt(ParkedId),
    /// One that was parked on the same browser before anybody said who it is: it becomes the new subject's, so that an
    /// address can be typed, and typed again after a slip. When it is gone, the challenge is opened without it.
    Inherit(ParkedId),
}

/// What may be kept of challenges and parked requests. A challenge counts as [`Budget::CHALLENGE`] bytes plus its
/// sealed texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes for one subject.
    pub per_subject: u64,
    /// Bytes for the site.
    pub total: u64,
    /// Live challenges of one browser; the oldest gives way.
    pub per_browser: u32,
}

/// What became of [`Store::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// The challenge is open.
    New,
    /// The browser already has this live one of the same likeness; nothing was changed or parked.
    Same(ChallengeId),
    /// The budget is used up, or the request to adopt is gone.
    Full,
}

/// What [`Store::find`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// None of this browser's.
    None,
    /// This one.
    One(Box<Challenge>),
    /// No id was given and several are live.
    Several,
}

/// A challenge as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its name.
    pub id: ChallengeId,
    /// The subject it was opened for.
    pub subject: KeyedHash,
    /// What it is about, sealed.
    pub sealed: Vec<u8>,
    /// Its parked request, while that is kept.
    pub parked: Option<ParkedId>,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Where it stands.
    pub state: State,
    /// Wrong codes that it still takes.
    pub tries_left: u32,
    /// Its sends, oldest first.
    pub sent: Vec<SentTo>,
    /// How long its code still lives; before the first send, and once it is passed, zero.
    pub expires_in: Duration,
    /// How long until the code may be sent again; zero is now.
    pub resend_in: Duration,
}

/// Where a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No code was sent.
    Open,
    /// A code was sent.
    Sent,
    /// A right code came in.
    Passed,
    /// Its tries are used up, or its subject is locked.
    Locked(Lock),
    /// Its code's time is over.
    Expired,
}

/// How long nothing can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// This challenge takes no more tries; a new one may be opened now.
    Challenge,
    /// The subject (or the client address) is locked for this long.
    For(Duration),
    /// The subject is locked until an operator unlocks it.
    UntilUnlocked,
}

/// A contact of a challenge, by its place among the contacts of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// The channel.
    pub channel: Channel,
    /// Its index among the challenge's contacts.
    pub contact: u16,
}

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
    /// Whether the visitor typed the contact: then [`TypedLimits`] apply too.
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

/// What became of [`Store::permit_send`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// Send it.
    Send {
        /// The number of this send, from 1; names it for [`Store::give_back`].
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

/// What became of [`Store::answer`].
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

/// What no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Every proof of this subject up to this moment.
    Subject {
        /// The site.
        site: SiteKey,
        /// The subject.
        subject: KeyedHash,
        /// Proofs at or before it are void.
        until: Timestamp,
    },
    /// This one grant: its browser logged out.
    Grant {
        /// The site.
        site: SiteKey,
        /// The grant.
        grant: GrantId,
    },
}

/// Where a reader of [`Store::changes`] stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(pub(crate) String);

/// What [`Store::changes`] brought.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// In the order in which they happened.
    pub changes: Vec<Change>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Changes were missed, or the store lost its memory: the gateway publishes the revocations that it holds again.
    pub lost: bool,
    /// The store lost its memory since `cursor` (a flush, a fail-over to an empty replica), and `changes` are all since
    /// then: what the gateway still holds is better than nothing, and restored. Otherwise, when changes were missed, the
    /// store knows better, and what was cached is forgotten.
    pub emptied: bool,
}

/// Something that a gateway held while the store lost its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// Whose an application's session is.
    Session {
        /// The session.
        session: KeyedHash,
        /// Its sealed subject.
        sealed: &'a [u8],
        /// How long it is kept.
        ttl: Duration,
    },
    /// A lock.
    Lock {
        /// The subject.
        subject: KeyedHash,
        /// How long it lasts. [`Lock::Challenge`] is no subject's and restores nothing.
        lock: Lock,
    },
}

/// Something that every gateway must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A revocation, kept for this long.
    Revoked(Revocation, Duration),
    /// Whose this application session is has changed.
    Session {
        /// The site.
        site: SiteKey,
        /// The keyed hash of the session cookie.
        session: KeyedHash,
    },
    /// An operator unlocked this subject.
    Unlocked {
        /// The site.
        site: SiteKey,
        /// The subject.
        subject: KeyedHash,
    },
}

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

// === impl Budget ===

impl Budget {
    /// What a challenge counts for besides its sealed texts, in bytes.
    pub const CHALLENGE: u64 = 1024;
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

// === impl Lock ===

impl Lock {
    /// How long a client should wait, in whole seconds and at least one.
    #[must_use]
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Challenge => 1,
            Self::For(time) => time.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX),
            Self::UntilUnlocked => 24 * 60 * 60,
        }
    }
}
