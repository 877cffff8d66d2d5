//! Block lists in DNS (RFC 5782): an address is on one when its reversed name exists in the list's zone.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hickory_resolver::proto::rr::{Name, RecordType};
use ipnetwork::Ipv4Network;
use moka::Expiry;
use moka::sync::Cache;
use tokio::sync::{Semaphore, mpsc};

use crate::audit::{DnsAnswer, RiskMetrics};
use crate::risk::dns::{Dns, Said, addresses, is_public};
use crate::risk::{OnLists, Risk};

/// Block lists, and what is known of addresses by them.
#[derive(Debug, Default)]
pub struct Blocklists {
    lists: Vec<Blocklist>,
    asker: Arc<Asker>,
}

/// A block list.
#[derive(Debug, Clone)]
pub struct Blocklist {
    /// What it is worth to be on it, 0 to 100.
    pub points: u8,
    /// The list.
    pub zone: Zone,
}

/// A zone of DNS that is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Its name in logs.
    pub name: Arc<str>,
    /// Its name in DNS.
    pub domain: String,
    /// The answers that count; none: every one in 127.0.0.0/8 that can mean a listing.
    pub answers: Vec<Ipv4Network>,
}

/// Asks beside the road. It ends with this value.
#[derive(Debug, Default)]
struct Asker {
    knowledge: Arc<Knowledge>,
    /// Where addresses go that are to be asked for; not there until it is started.
    queue: OnceLock<mpsc::Sender<IpAddr>>,
}

#[derive(Debug)]
struct Knowledge {
    dns: Arc<Dns>,
    zones: Vec<Zone>,
    known: Cache<Subnet, Known>,
    /// The zones that are believed, for IPv4 and for IPv6.
    believed: [AtomicU64; 2],
}

/// What is asked for: an address, or of IPv6 the network of one customer, who could take another address for each request
/// (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subnet {
    V4(Ipv4Addr),
    V6(u64),
}

#[derive(Debug, Clone, Copy)]
struct Known {
    on: OnLists,
    lives: Duration,
}

/// How an answer of a zone is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Listed,
    Clean,
    /// The list says that it will not tell: a public resolver, too many questions, a slip in the zone's name.
    /// <https://www.spamhaus.org/faqs/dnsbl-usage/>
    Barred,
    Silent,
}

/// How a zone stands the test of RFC 5782, section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Sound,
    ListsEverybody,
    ListsNobody,
    Barred,
    Silent,
}

/// How many addresses are remembered: ten megabytes.
const REMEMBERED: u64 = 100_000;
/// How many may wait to be asked for; those beyond are asked for when they come again.
const WAITING: usize = 1024;
/// How many are asked for at once.
const AT_ONCE: usize = 32;
/// How long an answer counts at least and at most. The lists' own minute would be thousands of questions a day for one visitor,
/// where some allow 100,000 to everybody together.
const LIVES: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3600));
/// How long it counts that a list did not answer.
const SILENCE: Duration = Duration::from_secs(60);
/// How long an address may be waiting for its answer.
const ASKED: Duration = Duration::from_secs(15);
/// How often lists are tested, those that are believed and those that are not.
const TESTS: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(300));
/// Codes by which Spamhaus, and who does it the same way, say anything but a listing.
const CODES: [u8; 3] = [127, 255, 255];

// === impl Blocklists ===

impl Blocklists {
    /// The most lists that there can be.
    pub const MOST: usize = 64;

    /// These lists, of which no more than [`Blocklists::MOST`] count. Asks nobody until it is started.
    #[must_use]
    pub fn new(mut lists: Vec<Blocklist>, dns: Arc<Dns>) -> Self {
        lists.truncate(Self::MOST);
        let zones = lists.iter().map(|list| list.zone.clone()).collect();
        let knowledge = Arc::new(Knowledge::new(zones, dns));
        Self { lists, asker: Arc::new(Asker { knowledge, queue: OnceLock::new() }) }
    }

    /// The lists.
    pub fn iter(&self) -> impl Iterator<Item = &Blocklist> {
        self.lists.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Adds the lists that an address is known to be on. What is not known is asked beside the road, for the next time.
    pub(in crate::risk) fn judge(&self, ip: IpAddr, risk: &mut Risk) {
        if self.lists.is_empty() || !is_public(ip) {
            return;
        }
        for list in self.asker.listed(ip).numbers().filter_map(|number| self.lists.get(number)) {
            risk.listed(&list.zone.name, list.points);
        }
    }

    /// Goes on with what another config knows by the same lists.
    pub(in crate::risk) fn take_over(&mut self, old: &Self) {
        if self.asker.knowledge.is_same(&old.asker.knowledge) {
            self.asker = Arc::clone(&old.asker);
        }
    }

    /// Begins to ask, within the runtime.
    pub(in crate::risk) fn start(&self, metrics: &RiskMetrics) {
        if self.lists.is_empty() || self.asker.queue.get().is_some() {
            return;
        }
        let (sender, queue) = mpsc::channel(WAITING);
        if self.asker.queue.set(sender).is_ok() {
            let knowledge = &self.asker.knowledge;
            tokio::spawn(test(Arc::downgrade(knowledge), metrics.clone()));
            tokio::spawn(work(Arc::clone(knowledge), queue, metrics.clone()));
        }
    }
}

// === impl Asker ===

impl Asker {
    fn listed(&self, ip: IpAddr) -> OnLists {
        let knowledge = &self.knowledge;
        let believed = knowledge.believed(ip);
        if believed.is_empty() {
            return believed;
        }
        let subnet = Subnet::of(ip);
        if let Some(known) = knowledge.known.get(&subnet) {
            return known.on.both(believed);
        }
        if let Some(queue) = self.queue.get() {
            let asked = Known { on: OnLists::default(), lives: ASKED };
            // One question at a time: only who puts it there asks.
            if knowledge.known.entry(subnet).or_insert(asked).is_fresh() && queue.try_send(ip).is_err() {
                knowledge.known.invalidate(&subnet);
            }
        }
        OnLists::default()
    }
}

/// Asks for each address that comes, so many at once, until the sender is gone.
async fn work(knowledge: Arc<Knowledge>, mut queue: mpsc::Receiver<IpAddr>, metrics: RiskMetrics) {
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(ip) = queue.recv().await {
        let Ok(permit) = Arc::clone(&at_once).acquire_owned().await else { return };
        let (knowledge, metrics) = (Arc::clone(&knowledge), metrics.clone());
        tokio::spawn(async move {
            knowledge.learn(ip, &metrics).await;
            drop(permit);
        });
    }
}

/// Tests the lists again and again, until nobody needs them.
async fn test(knowledge: Weak<Knowledge>, metrics: RiskMetrics) {
    let mut before: Vec<Option<Standing>> = Vec::new();
    loop {
        let Some(held) = knowledge.upgrade() else { return };
        before.resize(held.zones.len(), None);
        for (number, before) in before.iter_mut().enumerate() {
            held.test(number, before, &metrics).await;
        }
        let all = before.iter().all(|standing| *standing == Some(Standing::Sound));
        drop(held);
        tokio::time::sleep(if all { TESTS.0 } else { TESTS.1 }).await;
    }
}

// === impl Knowledge ===

impl Default for Knowledge {
    fn default() -> Self {
        Self::new(Vec::new(), Arc::default())
    }
}

impl Knowledge {
    fn new(zones: Vec<Zone>, dns: Arc<Dns>) -> Self {
        let known = Cache::builder().max_capacity(REMEMBERED).expire_after(Lives).build();
        Self { dns, zones, known, believed: Default::default() }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.zones == other.zones && self.dns.is_same(&other.dns)
    }

    fn believed(&self, ip: IpAddr) -> OnLists {
        let [v4, v6] = &self.believed;
        OnLists::of_bits(if ip.to_canonical().is_ipv4() { v4 } else { v6 }.load(Ordering::Relaxed))
    }

    fn believe(&self, number: usize, family: usize, is_believed: bool) {
        let Some(believed) = self.believed.get(family) else { return };
        let bit = 1 << number;
        if is_believed {
            believed.fetch_or(bit, Ordering::Relaxed);
        } else {
            believed.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Asks every list that is believed for an address.
    async fn learn(&self, ip: IpAddr, metrics: &RiskMetrics) {
        let asked = self.believed(ip).numbers().filter_map(|number| Some((number, self.zones.get(number)?)));
        let answers = join_all(asked.map(async |(number, zone)| (number, zone, self.listing(zone, ip).await))).await;
        let (mut on, mut lives) = (OnLists::default(), LIVES.1);
        for (number, zone, (listing, ttl)) in answers {
            lives = lives.min(ttl);
            let answer = match listing {
                Listing::Listed => {
                    on = on.with(u8::try_from(number).unwrap_or_default());
                    DnsAnswer::Listed
                }
                Listing::Clean => DnsAnswer::Clean,
                Listing::Silent => DnsAnswer::Failed,
                Listing::Barred => {
                    for family in [0, 1] {
                        self.believe(number, family, false);
                    }
                    metrics.dns_list_believed(&zone.name, false);
                    tracing::warn!(
                        list = &*zone.name,
                        "a DNS list does not answer us any more: {}",
                        Standing::Barred.why()
                    );
                    DnsAnswer::Failed
                }
            };
            metrics.dns_answered(&zone.name, answer);
        }
        self.known.insert(Subnet::of(ip), Known { on, lives });
    }

    /// How a list answers for an address, and how long that counts.
    async fn listing(&self, zone: &Zone, ip: IpAddr) -> (Listing, Duration) {
        let within = |ttl: Duration| ttl.clamp(LIVES.0, LIVES.1);
        match self.ask(zone, ip).await {
            Ok(Said::Records(records, ttl)) => {
                let found: Vec<Ipv4Addr> = addresses(&records).collect();
                if found.iter().any(|answer| answer.octets().starts_with(&CODES)) {
                    (Listing::Barred, SILENCE)
                } else if found.iter().any(|&answer| zone.counts(answer)) {
                    (Listing::Listed, within(ttl))
                } else {
                    (Listing::Clean, within(ttl))
                }
            }
            Ok(Said::NoName(ttl) | Said::NoRecords(ttl)) => (Listing::Clean, within(ttl.unwrap_or_default())),
            Err(_) => (Listing::Silent, SILENCE),
        }
    }

    async fn ask(&self, zone: &Zone, ip: IpAddr) -> Result<Said, super::Silent> {
        let name = Name::from_ascii(format!("{}{}.", reversed(ip), zone.domain)).map_err(|_| super::Silent)?;
        self.dns.ask(name, RecordType::A).await
    }

    /// Tests one list, for both kinds of addresses, and tells when it stands otherwise than before.
    async fn test(&self, number: usize, before: &mut Option<Standing>, metrics: &RiskMetrics) {
        let Some(zone) = self.zones.get(number) else { return };
        let v4 = self.standing(zone, Ipv4Addr::new(127, 0, 0, 2).into(), Ipv4Addr::LOCALHOST.into()).await;
        let mapped = |ip: [u8; 4]| IpAddr::from(Ipv4Addr::from(ip).to_ipv6_mapped());
        let v6 = if v4 == Standing::Sound {
            self.standing(zone, mapped([127, 0, 0, 2]), mapped([127, 0, 0, 1])).await
        } else {
            v4
        };
        for (family, standing) in [(0, v4), (1, v6)] {
            // One that does not answer now is asked no more, and what it said before counts as long as it lives.
            if standing != Standing::Silent || before.is_none() {
                self.believe(number, family, standing == Standing::Sound);
            }
        }
        metrics.dns_list_believed(&zone.name, v4 == Standing::Sound);
        if before.replace(v4) != Some(v4) {
            let list = &*zone.name;
            match v4 {
                Standing::Sound if v6 == Standing::Sound => tracing::info!(list, "a DNS list is believed"),
                Standing::Sound => tracing::info!(list, "a DNS list is believed, for IPv4 alone"),
                bad => tracing::warn!(list, "a DNS list is not believed: {}", bad.why()),
            }
        }
    }

    async fn standing(&self, zone: &Zone, listed: IpAddr, never: IpAddr) -> Standing {
        let every = Zone { answers: Vec::new(), ..zone.clone() };
        match (self.listing(&every, listed).await.0, self.listing(&every, never).await.0) {
            (Listing::Silent, _) | (_, Listing::Silent) => Standing::Silent,
            (Listing::Barred, _) | (_, Listing::Barred) => Standing::Barred,
            (_, Listing::Listed) => Standing::ListsEverybody,
            (Listing::Clean, _) => Standing::ListsNobody,
            (Listing::Listed, Listing::Clean) => Standing::Sound,
        }
    }
}

// === impl Zone ===

impl Zone {
    /// Whether an answer means that an address is on the list. Outside 127.0.0.0/8 it is somebody's who answers for names that
    /// do not exist.
    fn counts(&self, answer: Ipv4Addr) -> bool {
        let can_mean = answer.is_loopback() && answer != Ipv4Addr::LOCALHOST;
        can_mean && (self.answers.is_empty() || self.answers.iter().any(|network| network.contains(answer)))
    }
}

// === impl Standing ===

impl Standing {
    const fn why(self) -> &'static str {
        match self {
            Self::Sound => "it stands the test",
            Self::ListsEverybody => "it lists 127.0.0.1, and so perhaps everybody (RFC 5782, section 5)",
            Self::ListsNobody => "it does not list 127.0.0.2, and so perhaps nobody (RFC 5782, section 5)",
            Self::Barred => {
                "it answers 127.255.255.x: too many questions, or by a public resolver; see its terms, and `risk.nameserver`"
            }
            Self::Silent => "it does not answer",
        }
    }
}

// === impl Subnet ===

impl Subnet {
    const fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6((a as u64) << 48 | (b as u64) << 32 | (c as u64) << 16 | d as u64)
            }
        }
    }
}

/// How long what is known of an address lives.
struct Lives;

impl Expiry<Subnet, Known> for Lives {
    fn expire_after_create(&self, _: &Subnet, known: &Known, _: Instant) -> Option<Duration> {
        Some(known.lives)
    }

    fn expire_after_update(&self, _: &Subnet, known: &Known, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(known.lives)
    }
}

/// An address as the beginning of a name, with a dot at its end (RFC 5782, sections 2.1 and 2.4): bytes of IPv4, half bytes of
/// IPv6, the last one first.
fn reversed(ip: IpAddr) -> String {
    let mut name = String::with_capacity(64);
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            // A `String` takes whatever is written.
            let _ = write!(name, "{d}.{c}.{b}.{a}.");
        }
        IpAddr::V6(ip) => nibbles(ip, &mut name),
    }
    name
}

fn nibbles(ip: Ipv6Addr, name: &mut String) {
    for byte in ip.octets().into_iter().rev() {
        let _ = write!(name, "{:x}.{:x}.", byte & 0xf, byte >> 4);
    }
}
