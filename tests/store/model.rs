//! The two stores against each other: random sequences of operations, every answer the same.
//!
//! The world is small, so that operations meet: three browsers, two subjects, a handful of challenges. Time stands
//! still: every span is far longer than a run, and times are compared to the hundred seconds.

mod carried;

use std::sync::Arc;
use std::time::Duration;

use otpgate::store::memory::MemoryStore;
use otpgate::store::{
    Answered, Budget, Confirmed, FailureLimits, Found, Guard, Limits, Lock, Opened, Parking, Permit, PumpingMode,
    PumpingRules, Resend, SendLimits, State, Store, TypedLimits, Window,
};
use otpgate::words::{ChallengeId, Clock as _, KeyedHash, MessageId, ParkedId, SystemClock, TestClock, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::bench::{Answering, Bench, EMAIL, Opening, ROOMY, SMS, Sending, Visitor, code, hash, parked_id};
use crate::support::Redis;

/// Who does something: numbers of a browser, a subject and an address.
type Who = (usize, usize, usize);

#[derive(Debug, Clone)]
enum Step {
    Open { who: Who, likeness: u8, parking: Park, tries: u32, budget: usize },
    Find { who: Who, challenge: Option<Index> },
    Send { who: Who, challenge: Index, contact: u8, typed: bool, country: bool, limits: usize, resend: usize },
    GiveBack { challenge: Index, send: u32 },
    Answer { who: Who, challenge: Index, code: u8, confirm: Option<u8>, resume: Option<u8>, limits: usize },
    Spend(u8),
    Resumable(u8),
    Take(u8),
    Lock(usize),
    Unlock(usize, usize),
    Bind(u8, u8),
    Forget(u8),
    Session(u8),
    Carried(carried::Step),
}

#[derive(Debug, Clone)]
enum Park {
    None,
    New(usize),
    Adopt(Index),
}

/// An hour: no run takes so long.
const HOUR: Duration = Duration::from_secs(3600);

const BUDGETS: [Budget; 3] =
    [ROOMY, Budget { per_browser: 2, ..ROOMY }, Budget { per_subject: 5000, total: 8000, per_browser: 3 }];

fn failures(which: usize) -> FailureLimits {
    let window = |count| Window { count, span: HOUR };
    match which {
        0 => FailureLimits { per_subject: vec![], consecutive: 1000, per_ip: vec![] },
        1 => FailureLimits { per_subject: vec![window(3)], consecutive: 6, per_ip: vec![window(5)] },
        _ => FailureLimits { per_subject: vec![window(9)], consecutive: 2, per_ip: vec![] },
    }
}

fn limits(which: usize) -> Limits {
    // Each limit has a span of its own, so that no two hold equally long.
    let windows = |count, hours| {
        vec![Window { count, span: HOUR * hours }, Window { count: count + 1, span: HOUR * (hours + 24) }]
    };
    let none = crate::bench::no_limits();
    let pumping = PumpingRules {
        mode: if which == 0 { PumpingMode::Block } else { PumpingMode::Observe },
        window: HOUR * 24,
        pause: HOUR * 7,
        ..PumpingRules::default()
    };
    match which {
        0 => Limits { failures: failures(1), pumping, ..none },
        1 => Limits {
            sends: SendLimits { per_subject: windows(2, 1), per_contact: windows(3, 2), ..none.sends },
            typed: TypedLimits { per_ip: windows(1, 3), per_network: vec![] },
            failures: failures(2),
            pumping,
            money: otpgate::store::MoneyBudget::default(),
        },
        _ => Limits {
            sends: SendLimits {
                per_ip: windows(4, 4),
                per_network: windows(5, 5),
                per_country: windows(1, 6),
                ..none.sends
            },
            ..none
        },
    }
}

/// Groups so small that they collapse and recover.
fn guards(contact: u8, country: bool) -> Vec<Guard> {
    let guard = |name, prefix| Guard { name, prefix, grace: Duration::ZERO, at_least: 2, verified_below: 40 };
    let range = guard("range", format!("60{}", contact / 3));
    if country { vec![guard("country", "60".to_owned()), range] } else { vec![range] }
}

fn resend(which: usize) -> Resend {
    match which {
        0 => Resend { max: 9, wait: vec![] },
        1 => Resend { max: 2, wait: vec![Duration::ZERO] },
        _ => Resend { max: 3, wait: vec![Duration::ZERO, HOUR] },
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || (0..3_usize, 0..8_usize, 0..2_usize).prop_map(|(browser, subject, ip)| (browser, subject / 7, ip));
    let index = || any::<Index>();
    let park = prop_oneof![
        2 => Just(Park::None),
        2 => (0..3_usize).prop_map(|size| Park::New(size * 700)),
        2 => index().prop_map(Park::Adopt),
    ];
    let step = prop_oneof![
        5 => (who(), 0..4_u8, park, 1..4_u32, 0..BUDGETS.len())
            .prop_map(|(who, likeness, parking, tries, budget)| Step::Open { who, likeness, parking, tries, budget }),
        3 => (who(), proptest::option::of(index())).prop_map(|(who, challenge)| Step::Find { who, challenge }),
        6 => (who(), index(), 0..6_u8, any::<bool>(), any::<bool>(), 0..3_usize, 0..3_usize).prop_map(
            |(who, challenge, contact, typed, country, limits, resend)| {
                Step::Send { who, challenge, contact, typed, country, limits, resend }
            }
        ),
        1 => (index(), 1..5_u32).prop_map(|(challenge, send)| Step::GiveBack { challenge, send }),
        6 => (who(), index(), 1..4_u8, proptest::option::of(0..2_u8), proptest::option::of(0..3_u8), 0..3_usize)
            .prop_map(|(who, challenge, code, confirm, resume, limits)| {
                Step::Answer { who, challenge, code, confirm, resume, limits }
            }),
        1 => (0..2_u8).prop_map(Step::Spend),
        1 => (0..3_u8).prop_map(Step::Resumable),
        1 => (0..3_u8).prop_map(Step::Take),
        1 => (0..2_usize).prop_map(Step::Lock),
        1 => (0..2_usize, 0..3_usize).prop_map(|(subject, limits)| Step::Unlock(subject, limits)),
        1 => (0..2_u8, any::<u8>()).prop_map(|(session, sealed)| Step::Bind(session, sealed)),
        1 => (0..2_u8).prop_map(Step::Forget),
        1 => (0..2_u8).prop_map(Step::Session),
        12 => carried::steps(who()).prop_map(Step::Carried),
    ];
    vec(step, 1..80)
}

/// Who and what there is, the same for both stores.
struct World {
    browsers: Vec<KeyedHash>,
    challenges: Vec<(ChallengeId, Visitor)>,
    parked: Vec<ParkedId>,
    /// Each with its challenge and its send.
    messages: Vec<(MessageId, ChallengeId, u32)>,
}

/// The same name for the same number.
fn named(kind: u8, number: usize) -> KeyedHash {
    let mut bytes = [kind; 16];
    bytes[15] = u8::try_from(number).unwrap();
    KeyedHash::new(bytes)
}

fn about(time: Duration) -> Duration {
    Duration::from_secs((time.as_secs() + 50) / 100 * 100)
}

fn about_lock(lock: Lock) -> Lock {
    match lock {
        Lock::For(time) => Lock::For(about(time)),
        lock => lock,
    }
}

fn about_found(found: Found) -> Found {
    let Found::One(mut challenge) = found else { return found };
    challenge.expires_in = about(challenge.expires_in);
    challenge.resend_in = about(challenge.resend_in);
    if let State::Locked(lock) = challenge.state {
        challenge.state = State::Locked(about_lock(lock));
    }
    Found::One(challenge)
}

fn about_permit(permit: Permit) -> Permit {
    match permit {
        Permit::Send { send, sealed, sends_left, resend_in, expires_in, suspicious } => Permit::Send {
            send,
            sealed,
            sends_left,
            resend_in: about(resend_in),
            expires_in: about(expires_in),
            suspicious,
        },
        Permit::Wait { retry_after } => Permit::Wait { retry_after: about(retry_after) },
        Permit::Exhausted { retry_after } => Permit::Exhausted { retry_after: about(retry_after) },
        Permit::TooMany { limit, retry_after } => Permit::TooMany { limit, retry_after: about(retry_after) },
        Permit::Paused { guard, retry_after, begins } => {
            Permit::Paused { guard, retry_after: about(retry_after), begins }
        }
        Permit::Locked(lock) => Permit::Locked(about_lock(lock)),
        other => other,
    }
}

fn about_answered(answered: Answered) -> Answered {
    match answered {
        Answered::Passed { sent, message, resumes, .. } => {
            Answered::Passed { sent, at: Timestamp::default(), message, resumes }
        }
        Answered::Locked(lock) => Answered::Locked(about_lock(lock)),
        other => other,
    }
}

impl World {
    fn new() -> Self {
        Self {
            browsers: vec![hash(), hash(), hash()],
            challenges: Vec::new(),
            parked: Vec::new(),
            messages: Vec::new(),
        }
    }

    fn visitor(&self, (browser, subject, ip): Who) -> Visitor {
        Visitor { browser: self.browsers[browser], subject: named(1, subject), ip: named(2, ip) }
    }

    /// A challenge, and mostly whose it is: strangers are tried by the step's own number alone.
    fn challenge(&self, index: Index, who: Who) -> (ChallengeId, Visitor) {
        let asking = self.visitor(who);
        if self.challenges.is_empty() {
            return (ChallengeId::from_random([0; 16]), asking);
        }
        let (id, owner) = *index.get(&self.challenges);
        if index.index(10) == 9 { (id, asking) } else { (id, Visitor { ip: asking.ip, ..owner }) }
    }

    /// Takes a step in both stores.
    async fn step(&mut self, stores: [&Bench; 2], step: &Step) -> Result<(), TestCaseError> {
        let [one, other] = stores;
        match step {
            Step::Open { who, likeness, parking, tries, budget } => {
                let (visitor, body) = (self.visitor(*who), vec![7_u8; 2000]);
                let parked = match parking {
                    Park::None => Parking::None,
                    Park::New(size) => {
                        self.parked.push(parked_id());
                        Parking::New(self.parked[self.parked.len() - 1], &body[..*size])
                    }
                    Park::Adopt(_) if self.parked.is_empty() => Parking::None,
                    Park::Adopt(index) => Parking::Adopt(*index.get(&self.parked)),
                };
                let opening = Opening {
                    likeness: named(3, usize::from(*likeness)),
                    parked,
                    tries: *tries,
                    budget: BUDGETS[*budget],
                    ..Opening::new()
                };
                let (id, opened) = one.try_open(visitor, &opening).await;
                prop_assert_eq!(opened, other.open_as(id, visitor, &opening).await);
                if opened == Opened::New {
                    self.challenges.push((id, visitor));
                }
            }
            Step::Find { who, challenge } => {
                let id = challenge.map(|index| self.challenge(index, *who));
                let visitor = id.map_or_else(|| self.visitor(*who), |(_, visitor)| visitor);
                let id = id.map(|(id, _)| id);
                self.compare_find(stores, visitor, id).await?;
            }
            Step::Send { who, challenge, contact, typed, country, limits: which, resend: waits } => {
                let (id, visitor) = self.challenge(*challenge, *who);
                let sending = Sending {
                    contact: code(*contact),
                    network: named(4, who.2),
                    country: country.then_some("60"),
                    guards: guards(*contact, *country),
                    typed: *typed,
                    to: if *contact == 0 { EMAIL } else { SMS },
                    limits: limits(*which),
                    resend: resend(*waits),
                    ..Sending::new()
                };
                let permit = about_permit(one.send(visitor, id, &sending).await);
                prop_assert_eq!(permit, about_permit(other.send(visitor, id, &sending).await));
                self.compare_find(stores, visitor, Some(id)).await?;
            }
            Step::GiveBack { challenge, send } => {
                let (id, visitor) = self.challenge(*challenge, (0, 0, 0));
                for store in stores {
                    store.store.give_back(&store.site, id, *send).await.unwrap();
                }
                self.compare_find(stores, visitor, Some(id)).await?;
            }
            Step::Answer { who, challenge, code: number, confirm, resume, limits: which } => {
                let (id, visitor) = self.challenge(*challenge, *who);
                let answering = Answering {
                    confirm: confirm.map(|number| (named(5, usize::from(number)), HOUR)),
                    resume: resume.map(|number| (named(6, usize::from(number)), HOUR)),
                    limits: failures(*which),
                    ..Answering::new()
                };
                // Code 1 is right, and twice as likely as a wrong one.
                let given = code(if *number == 3 { 1 } else { *number });
                let answered = about_answered(one.answer_with(visitor, id, given, &answering).await);
                let of_other = about_answered(other.answer_with(visitor, id, given, &answering).await);
                prop_assert_eq!(&answered, &of_other);
                let visitor = if matches!(answered, Answered::Passed { .. }) {
                    self.rename(visitor.browser, answering.new_browser);
                    visitor.named(answering.new_browser)
                } else {
                    visitor
                };
                self.compare_find(stores, visitor, Some(id)).await?;
            }
            Step::Carried(step) => self.step_carried(stores, step).await?,
            step => self.step_beside(stores, step).await?,
        }
        Ok(())
    }

    /// The steps that name no challenge.
    async fn step_beside(&self, stores: [&Bench; 2], step: &Step) -> Result<(), TestCaseError> {
        let mut answers = Vec::new();
        for Bench { store, site, .. } in stores {
            answers.push(match *step {
                Step::Spend(number) => {
                    let spent = store.spend(site, named(5, usize::from(number))).await.unwrap();
                    format!("{:?}", spent.map(|spent| Confirmed { at: Timestamp::default(), ..spent }))
                }
                Step::Resumable(number) => {
                    format!("{:?}", store.resumable(site, named(6, usize::from(number))).await.unwrap())
                }
                Step::Take(number) => format!("{:?}", store.take(site, named(6, usize::from(number))).await.unwrap()),
                Step::Lock(subject) => {
                    format!("{:?}", store.lock(site, named(1, subject)).await.unwrap().map(about_lock))
                }
                Step::Unlock(subject, which) => {
                    format!("{:?}", store.unlock(site, named(1, subject), &failures(which)).await.unwrap())
                }
                Step::Bind(session, sealed) => {
                    let session = named(7, usize::from(session));
                    format!("{:?}", store.bind_session(site, session, &[sealed], HOUR).await)
                }
                Step::Forget(session) => {
                    format!("{:?}", store.forget_session(site, named(7, usize::from(session))).await)
                }
                Step::Session(session) => {
                    format!("{:?}", store.session(site, named(7, usize::from(session))).await.unwrap())
                }
                _ => String::new(),
            });
        }
        prop_assert_eq!(&answers[0], &answers[1]);
        Ok(())
    }

    async fn compare_find(
        &self,
        [one, other]: [&Bench; 2],
        visitor: Visitor,
        id: Option<ChallengeId>,
    ) -> Result<(), TestCaseError> {
        let found = about_found(one.find(visitor, id).await);
        prop_assert_eq!(found, about_found(other.find(visitor, id).await));
        Ok(())
    }

    fn rename(&mut self, old: KeyedHash, new: KeyedHash) {
        for browser in self.browsers.iter_mut().chain(self.challenges.iter_mut().map(|(_, owner)| &mut owner.browser)) {
            if *browser == old {
                *browser = new;
            }
        }
    }
}

#[test]
fn the_stores_agree() {
    let server = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Arc::new(TestClock::at(SystemClock.now()));
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::<TestClock>::clone(&clock)));
    let redis: Arc<dyn Store> = Arc::new(crate::redis::store_at(&server.url()));
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60);
    proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }, |(steps in steps())| {
        let site = hash().to_string();
        let stores = [&memory, &redis].map(|store| Bench::new(&site, Arc::clone(store), Some(Arc::clone(&clock))));
        runtime.block_on(async {
            let mut world = World::new();
            for step in &steps {
                world.step([&stores[0], &stores[1]], step).await?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    });
}
