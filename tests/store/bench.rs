//! A store, a site of one's own, and short ways to say what a visitor does.

use std::sync::Arc;
use std::time::Duration;

use otpgate::seal::{Random, SystemRandom};
use otpgate::store::{
    Answer, Answered, Budget, Challenge, Destination, FailureLimits, Found, Guard, Limits, NewChallenge, Opened,
    Parking, Permit, PumpingMode, PumpingRules, Resend, SendAsk, SendLimits, SentTo, SiteKey, Store, StoreError,
    TypedLimits, Window,
};
use otpgate::words::{
    ChallengeId, Channel, Clock as _, GrantId, KeyedHash, ParkedId, Reference, SystemClock, TestClock, Timestamp,
};

/// The shortest time that the cases tell apart. Redis' cases wait it out.
pub const TICK: Duration = Duration::from_secs(1);

/// A time that no case waits out.
pub const LONG: Duration = Duration::from_secs(3600);

/// A store and a site in it.
#[derive(Clone)]
pub struct Bench {
    pub store: Arc<dyn Store>,
    pub site: SiteKey,
    /// The store's clock, when it can be moved.
    pub clock: Option<Arc<TestClock>>,
}

/// Somebody with a browser.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    pub browser: KeyedHash,
    pub subject: KeyedHash,
    pub ip: KeyedHash,
}

/// What a challenge is opened with.
pub struct Opening<'a> {
    pub likeness: KeyedHash,
    pub sealed: &'a [u8],
    pub parked: Parking<'a>,
    pub tries: u32,
    pub ttl: Duration,
    pub budget: Budget,
}

/// How a code is asked for.
#[derive(Clone)]
pub struct Sending {
    pub contact: KeyedHash,
    pub network: KeyedHash,
    pub country: Option<&'static str>,
    pub guards: Vec<Guard>,
    pub typed: bool,
    pub to: Destination,
    pub code: KeyedHash,
    pub sealed: &'static [u8],
    pub code_ttl: Duration,
    pub resend: Resend,
    pub limits: Limits,
}

/// What comes with a code.
#[derive(Clone)]
pub struct Answering {
    pub confirm: Option<(KeyedHash, Duration)>,
    pub resume: Option<(KeyedHash, Duration)>,
    pub new_browser: KeyedHash,
    pub limits: FailureLimits,
}

pub fn random<const N: usize>() -> [u8; N] {
    let random: &dyn Random = &SystemRandom::new();
    random.bytes()
}

pub fn hash() -> KeyedHash {
    KeyedHash::new(random())
}

/// The hash of a code, by its digits.
pub const fn code(number: u8) -> KeyedHash {
    KeyedHash::new([number; 16])
}

/// The code that [`Sending::new`] sends, and one that it does not.
pub const RIGHT: KeyedHash = code(1);
pub const WRONG: KeyedHash = code(2);

pub const EMAIL: Destination = Destination { channel: Channel::Email, contact: 0 };
pub const SMS: Destination = Destination { channel: Channel::Sms, contact: 1 };

pub const fn window(count: u32, ticks: u32) -> Window {
    Window { count, span: Duration::from_secs(TICK.as_secs() * ticks as u64) }
}

/// No limit at all.
pub fn no_limits() -> Limits {
    Limits {
        sends: SendLimits {
            per_subject: vec![],
            per_contact: vec![],
            per_ip: vec![],
            per_network: vec![],
            per_country: vec![],
        },
        typed: TypedLimits { per_ip: vec![], per_network: vec![] },
        failures: no_failures(),
        pumping: PumpingRules { mode: PumpingMode::Off, ..PumpingRules::default() },
        money: otpgate::store::MoneyBudget::default(),
    }
}

/// Where a challenge's code went.
pub fn places(sent: &[SentTo]) -> Vec<Destination> {
    sent.iter().map(|sent| sent.to).collect()
}

pub fn no_failures() -> FailureLimits {
    FailureLimits { per_subject: vec![], consecutive: 1000, per_ip: vec![] }
}

pub const ROOMY: Budget = Budget { per_subject: 1 << 30, total: 1 << 30, per_browser: 1000 };

// === impl Visitor, Opening, Sending, Answering: what nobody minds ===

impl Visitor {
    pub fn new() -> Self {
        Self { browser: hash(), subject: hash(), ip: hash() }
    }

    /// The same person with another browser at another address.
    pub fn elsewhere(self) -> Self {
        Self { browser: hash(), ip: hash(), ..self }
    }

    /// The same browser under another name.
    pub const fn named(self, browser: KeyedHash) -> Self {
        Self { browser, ..self }
    }
}

impl Opening<'_> {
    pub fn new() -> Self {
        Self { likeness: hash(), sealed: b"particulars", parked: Parking::None, tries: 5, ttl: LONG, budget: ROOMY }
    }
}

impl Sending {
    pub fn new() -> Self {
        Self {
            contact: hash(),
            network: hash(),
            country: None,
            guards: Vec::new(),
            typed: false,
            to: EMAIL,
            code: RIGHT,
            sealed: b"sealed code",
            code_ttl: LONG / 2,
            resend: Resend { max: 1000, wait: vec![Duration::ZERO] },
            limits: no_limits(),
        }
    }
}

impl Answering {
    pub fn new() -> Self {
        Self { confirm: None, resume: None, new_browser: hash(), limits: no_failures() }
    }
}

// === impl Bench ===

impl Bench {
    pub fn new(site: &str, store: Arc<dyn Store>, clock: Option<Arc<TestClock>>) -> Self {
        Self { store, site: SiteKey::new(site), clock }
    }

    /// Lets time pass.
    pub async fn wait(&self, time: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(time),
            None => tokio::time::sleep(time).await,
        }
    }

    /// The present, by the store's clock: a Redis of this machine has the machine's.
    pub fn moment(&self) -> Timestamp {
        self.clock.as_ref().map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// Whether the store's clock stands still, so that times are exact.
    pub const fn is_exact(&self) -> bool {
        self.clock.is_some()
    }

    /// Whether `time` is `expected`; where time passes, or a little less: for a machine that is busy, a hundredth of a time
    /// that nobody waits out.
    pub fn is(&self, time: Duration, expected: Duration) -> bool {
        let slack = if self.is_exact() { Duration::ZERO } else { (TICK * 8 / 10).max(expected / 100) };
        time <= expected && time >= expected.saturating_sub(slack)
    }

    pub async fn try_open(&self, visitor: Visitor, opening: &Opening<'_>) -> (ChallengeId, Opened) {
        let id = ChallengeId::from_random(random());
        (id, self.open_as(id, visitor, opening).await)
    }

    pub async fn open_as(&self, id: ChallengeId, visitor: Visitor, opening: &Opening<'_>) -> Opened {
        let id_bytes = id.as_bytes();
        let reference = [id_bytes[0], id_bytes[1], id_bytes[2], id_bytes[3], id_bytes[4]];
        let new = NewChallenge {
            site: &self.site,
            id,
            browser: visitor.browser,
            subject: visitor.subject,
            likeness: opening.likeness,
            sealed: opening.sealed,
            parked: opening.parked,
            reference: Reference::from_random(reference),
            tries: opening.tries,
            ttl: opening.ttl,
            budget: opening.budget,
        };
        self.store.open(&new).await.unwrap()
    }

    /// Opens a challenge that must be new.
    pub async fn open(&self, visitor: Visitor, opening: &Opening<'_>) -> ChallengeId {
        let (id, opened) = self.try_open(visitor, opening).await;
        assert_eq!(opened, Opened::New);
        id
    }

    pub async fn find(&self, visitor: Visitor, id: Option<ChallengeId>) -> Found {
        self.store.find(&self.site, visitor.browser, id).await.unwrap()
    }

    /// The challenge, which must be there.
    pub async fn challenge(&self, visitor: Visitor, id: ChallengeId) -> Challenge {
        match self.find(visitor, Some(id)).await {
            Found::One(challenge) => *challenge,
            other => panic!("{other:?}"),
        }
    }

    pub async fn try_send(&self, visitor: Visitor, id: ChallengeId, sending: &Sending) -> Result<Permit, StoreError> {
        let ask = SendAsk {
            site: &self.site,
            browser: visitor.browser,
            challenge: id,
            subject: visitor.subject,
            contact: sending.contact,
            ip: visitor.ip,
            network: sending.network,
            country: sending.country,
            guards: &sending.guards,
            typed: sending.typed,
            destination: sending.to,
            code: (sending.code, sending.sealed),
            code_ttl: sending.code_ttl,
            resend: &sending.resend,
            limits: &sending.limits,
        };
        self.store.permit_send(&ask).await
    }

    pub async fn send(&self, visitor: Visitor, id: ChallengeId, sending: &Sending) -> Permit {
        self.try_send(visitor, id, sending).await.unwrap()
    }

    /// Sends, which must be permitted; gives the number of the send.
    pub async fn sent(&self, visitor: Visitor, id: ChallengeId, sending: &Sending) -> u32 {
        match self.send(visitor, id, sending).await {
            Permit::Send { send, .. } => send,
            other => panic!("{other:?}"),
        }
    }

    /// A challenge whose code was sent.
    pub async fn sent_to(&self, visitor: Visitor, opening: &Opening<'_>) -> ChallengeId {
        let id = self.open(visitor, opening).await;
        self.sent(visitor, id, &Sending::new()).await;
        id
    }

    pub async fn answer_with(
        &self,
        visitor: Visitor,
        id: ChallengeId,
        code: KeyedHash,
        answering: &Answering,
    ) -> Answered {
        let answer = Answer {
            site: &self.site,
            browser: visitor.browser,
            challenge: id,
            subject: visitor.subject,
            code,
            ip: visitor.ip,
            new_browser: answering.new_browser,
            confirm: answering.confirm,
            resume: answering.resume,
            limits: &answering.limits,
        };
        self.store.answer(&answer).await.unwrap()
    }

    pub async fn answer(&self, visitor: Visitor, id: ChallengeId, code: KeyedHash, limits: &FailureLimits) -> Answered {
        self.answer_with(visitor, id, code, &Answering { limits: limits.clone(), ..Answering::new() }).await
    }

    /// Passes a challenge; gives the browser under its new name.
    pub async fn pass(&self, visitor: Visitor, id: ChallengeId, answering: &Answering) -> Visitor {
        let answered = self.answer_with(visitor, id, RIGHT, answering).await;
        assert!(matches!(answered, Answered::Passed { .. }), "{answered:?}");
        visitor.named(answering.new_browser)
    }
}

pub fn parked_id() -> ParkedId {
    ParkedId::from_random(random())
}

pub fn grant_id() -> GrantId {
    GrantId::from_random(random())
}
