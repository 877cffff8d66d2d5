//! What `strategy: best` is worth: three providers whose rates nobody is told, and which drift, in five countries.
//!
//! `cargo run --release --example best`
//!
//! 100,000 codes go out in four days of simulated time, through a real `Delivery` with a memory store, which learns as it
//! does in a gateway: from the codes that come back, some seconds or minutes later. The same visitors are then served by an
//! oracle that knows every rate at every moment, by each provider alone, and by `strategy: priority`. Draws `docs/best.svg`.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

mod plot;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::f64::consts::TAU;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otpgate::audit::Audit;
use otpgate::delivery::{
    Aim, BestRules, ChannelSpec, Common, Delivery, DeliverySpec, Message, Order, Outbox, ProviderKind, ProviderSpec,
    SiteName, Strategy, Tools,
};
use otpgate::seal::{Code, Random};
use otpgate::store::memory::MemoryStore;
use otpgate::store::{MoneyBudget, SiteKey};
use otpgate::words::{ChallengeId, Channel, Contact, MessageId, Reference, TestClock, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// The providers.
const PROVIDERS: [&str; 3] = ["a", "b", "c"];
/// The countries: a number of each, and its share of the messages in percent.
const COUNTRIES: [(&str, &str, u32); 5] = [
    ("Malaysia", "+60123456789", 35),
    ("Singapore", "+6581234567", 25),
    ("Japan", "+819012345678", 18),
    ("Brazil", "+5511961234567", 13),
    ("Poland", "+48512345678", 9),
];
/// How many codes go out.
const SENDS: usize = 100_000;
/// In how many hours.
const HOURS: f64 = 96.0;
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The most that may be lost against the oracle.
const LOSS: f64 = 0.03;

/// What nobody is told: how a provider does in a country.
struct Hidden {
    /// The share of codes that come back, on average.
    middle: f64,
    /// How far it goes up and down.
    swing: f64,
    /// How long one swing takes, in hours.
    period: f64,
    /// Where in the swing it begins, 0 to 1.
    phase: f64,
    /// When it all but breaks down, in hours: from, until.
    outage: Option<(f64, f64)>,
}

/// A visitor who wants a code.
struct Visitor {
    /// When, in hours.
    at: f64,
    country: usize,
    /// The code comes back when the provider's rate is above it.
    luck: f64,
    /// After how long it would come back.
    after: Duration,
}

/// Who serves the visitors.
enum Policy {
    Chosen(Strategy),
    Only(usize),
    Oracle,
}

/// What became of it.
pub struct Outcome {
    /// Codes that came back.
    verified: usize,
    /// Hour by hour, country by country: how many messages each provider got.
    traffic: Vec<[[u32; 3]; 5]>,
    /// Hour by hour: codes that came back.
    hourly: Vec<u32>,
}

/// Random numbers that are the same every time.
struct Repeats(Mutex<StdRng>);

impl Random for Repeats {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(bytes);
    }
}

// === impl Hidden ===

impl Hidden {
    fn rate(&self, hour: f64) -> f64 {
        if self.outage.is_some_and(|(from, until)| (from..until).contains(&hour)) {
            return 0.08;
        }
        (self.middle + self.swing * (TAU * (hour / self.period + self.phase)).sin()).clamp(0.02, 0.97)
    }
}

/// Rates as they may be: each provider better somewhere and for some time, and three outages.
fn hidden(random: &mut StdRng) -> Vec<Vec<Hidden>> {
    let mut all: Vec<Vec<Hidden>> = Vec::new();
    for _ in COUNTRIES {
        let mut here = Vec::new();
        for _ in PROVIDERS {
            here.push(Hidden {
                middle: random.random_range(0.55..0.85),
                swing: random.random_range(0.03..0.18),
                period: random.random_range(24.0..60.0),
                phase: random.random(),
                outage: None,
            });
        }
        all.push(here);
    }
    for (country, from, until) in [(0, 20.0, 28.0), (1, 50.0, 60.0), (3, 70.0, 82.0)] {
        // Whoever is best at that moment.
        let best =
            (0..PROVIDERS.len()).max_by(|a, b| all[country][*a].rate(from).total_cmp(&all[country][*b].rate(from)));
        all[country][best.unwrap()].outage = Some((from, until));
    }
    all
}

fn visitors(random: &mut StdRng) -> Vec<Visitor> {
    let mut visitors: Vec<Visitor> = (0..SENDS)
        .map(|_| {
            let mut ticket = random.random_range(0..100);
            let country = COUNTRIES.iter().position(|(_, _, share)| {
                let is_here = ticket < *share;
                ticket = ticket.saturating_sub(*share);
                is_here
            });
            Visitor {
                at: random.random_range(0.0..HOURS),
                country: country.unwrap(),
                luck: random.random(),
                after: Duration::from_secs(random.random_range(8..150)),
            }
        })
        .collect();
    visitors.sort_by(|a, b| a.at.total_cmp(&b.at));
    visitors
}

fn moment(hour: f64) -> Timestamp {
    START.after(Duration::from_secs_f64(hour * 3600.0))
}

/// A delivery whose providers take everything, and its clock.
fn delivery(strategy: Strategy, seed: u64) -> (Delivery, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(START));
    let tools = Tools {
        store: Arc::new(MemoryStore::new(clock.clone())),
        audit: Arc::new(Audit::new(clock.clone())),
        clock: clock.clone(),
        random: Arc::new(Repeats(Mutex::new(StdRng::seed_from_u64(seed)))),
        ..Tools::alone(Arc::new(Outbox::new(clock.clone())))
    };
    let provider =
        |name: &str| ProviderSpec { name: name.into(), kind: ProviderKind::Outbox, common: Common::default() };
    let mut channel = ChannelSpec::new(Channel::Sms, PROVIDERS.map(Arc::from));
    channel.strategy = strategy;
    let spec =
        DeliverySpec { providers: PROVIDERS.map(provider).into(), channels: vec![channel], ..DeliverySpec::default() };
    (Delivery::new(spec, tools).unwrap(), clock)
}

async fn serve(policy: Policy, visitors: &[Visitor], hidden: &[Vec<Hidden>], seed: u64) -> Outcome {
    let (site, budget) = (SiteKey::new("shop.example.com"), MoneyBudget::default());
    let chosen = match policy {
        Policy::Chosen(strategy) => Some(delivery(strategy, seed)),
        Policy::Only(_) | Policy::Oracle => None,
    };
    let messages: Vec<Message> = COUNTRIES.iter().map(|(_, number, _)| message(number)).collect();
    let hours = HOURS as usize;
    let mut outcome = Outcome { verified: 0, traffic: vec![[[0; 3]; 5]; hours], hourly: vec![0; hours] };
    let mut coming_back: BinaryHeap<Reverse<(Timestamp, [u8; 16])>> = BinaryHeap::new();
    for visitor in visitors {
        let (now, rates) = (moment(visitor.at), &hidden[visitor.country]);
        let rate = |provider: usize| rates[provider].rate(visitor.at);
        let mut carried = None;
        let provider = match (&policy, &chosen) {
            (_, Some((delivery, clock))) => {
                while let Some(Reverse((at, id))) = coming_back.pop_if_due(now) {
                    clock.set(at);
                    delivery.came_back(MessageId::from_random(id)).await.unwrap();
                }
                clock.set(now);
                let challenge = ChallengeId::from_random([9; 16]);
                let message = &messages[visitor.country];
                let order = Order { message, site: &site, challenge, send: 1, budget: &budget, avoid: None };
                let delivered = delivery.send(&order).await.unwrap();
                // What is learned in the background is learned now.
                tokio::task::yield_now().await;
                carried = Some(delivered.message);
                PROVIDERS.iter().position(|name| *name == delivered.provider).unwrap()
            }
            (Policy::Only(provider), _) => *provider,
            (_, None) => (0..PROVIDERS.len()).max_by(|a, b| rate(*a).total_cmp(&rate(*b))).unwrap(),
        };
        let hour = (visitor.at as usize).min(hours - 1);
        outcome.traffic[hour][visitor.country][provider] += 1;
        if visitor.luck < rate(provider) {
            outcome.verified += 1;
            outcome.hourly[hour] += 1;
            if let Some(id) = carried {
                coming_back.push(Reverse((now.after(visitor.after), *id.as_bytes())));
            }
        }
    }
    outcome
}

/// What is due, the earliest first.
trait Due {
    fn pop_if_due(&mut self, now: Timestamp) -> Option<Reverse<(Timestamp, [u8; 16])>>;
}

impl Due for BinaryHeap<Reverse<(Timestamp, [u8; 16])>> {
    fn pop_if_due(&mut self, now: Timestamp) -> Option<Reverse<(Timestamp, [u8; 16])>> {
        self.peek().is_some_and(|Reverse((at, _))| *at <= now).then(|| self.pop())?
    }
}

fn message(number: &str) -> Message {
    Message {
        to: Contact::parse(Channel::Sms, number).unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Another seed is another world: `best 2`.
    let seed = std::env::args().nth(1).map_or(1, |text| text.parse().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    let (hidden, visitors) = (hidden(&mut random), visitors(&mut random));
    let oracle = serve(Policy::Oracle, &visitors, &hidden, seed).await;
    let rules = BestRules { floor: 0.3, ..BestRules::default() };
    let best = serve(Policy::Chosen(Strategy::Best(rules)), &visitors, &hidden, seed).await;
    let priority = serve(Policy::Chosen(Strategy::Priority), &visitors, &hidden, seed).await;
    let loss = |outcome: &Outcome| 1.0 - outcome.verified as f64 / oracle.verified as f64;
    let show = |name: &str, outcome: &Outcome| {
        println!(
            "{name:<22} {:>6} codes came back   {:>5.2} % fewer than the oracle's",
            outcome.verified,
            loss(outcome) * 100.0
        );
    };
    println!("{SENDS} codes in {HOURS} hours to {} countries\n", COUNTRIES.len());
    show("oracle", &oracle);
    show("strategy: best", &best);
    show("strategy: priority", &priority);
    for (place, name) in PROVIDERS.iter().enumerate() {
        show(&format!("{name} alone"), &serve(Policy::Only(place), &visitors, &hidden, seed).await);
    }
    if seed == 1 {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/best.svg");
        std::fs::write(&file, plot::svg(&hidden, &best, &oracle)).unwrap();
        println!("\ndrawn: docs/best.svg");
    }
    assert!(loss(&best) < LOSS, "best lost {:.2} %", loss(&best) * 100.0);
}
