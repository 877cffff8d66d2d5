//! What the gateway has seen: counted in the store where a code is sent or answered and where somebody is first met, and held
//! against requests out of memory.
//!
//! Nobody waits for a count but whoever typed a wrong code. A count that the store cannot take while too many wait is lost; that
//! of a wrong code is tried again.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::{Event, Kind};
use crate::risk::{Ban, Finding, Risk, Whom, Widths};
use crate::stepup::flags::{open, scope, seal};
use crate::stepup::operate::Operated;
use crate::stepup::{Gateway, Shared, Site, Visit};
use crate::store::{Raised, Scope, Sign, SiteKey, StoreError, Tally, Window};
use crate::words::{ChallengeId, KeyedHash, Subject};

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned {
    /// The first host of its site.
    pub site: String,
    /// The address; the first of a /64 of IPv6. `None` for one that another key ring sealed.
    pub address: Option<IpAddr>,
    /// For what: `failures`, `subjects` or `pumping`.
    pub reason: &'static str,
    /// How many were counted.
    pub count: u32,
    /// Within how long a time.
    pub span: Duration,
    /// How long it holds yet.
    pub left: Duration,
}

/// Room for counts that wait for the store.
#[derive(Debug)]
pub(super) struct Counting(Arc<Semaphore>);

/// How many counts may wait.
const ROOM: usize = 256;
/// How long a wrong code waits that could not be counted, before each of the next tries.
const AGAIN: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20)];

/// Somebody of whom something is counted.
struct Party {
    whom: Whom,
    hash: KeyedHash,
    sealed: Vec<u8>,
}

/// What counts of one event.
struct Count {
    site: SiteKey,
    client: IpAddr,
    tallies: Vec<Tally>,
}

// === impl Counting ===

impl Default for Counting {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Counting {
    fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

// === impl Gateway: what is held against a request ===

impl Gateway {
    /// Adds what was seen of where a request comes from; gives its ban. Nothing is held against an address that is trusted, nor
    /// against a proxy's own: of an uncertain one nothing else is known.
    pub(super) fn behaviour(&self, site: &Site, visit: &Visit, risk: &mut Risk) -> Option<Ban> {
        let client = &visit.request.client;
        if client.uncertain || risk.trusted_by.is_some() || self.trusted_proxies().contains(client.ip) {
            return None;
        }
        let (scoring, now) = (&self.scoring, self.shared.clock.now());
        let held = site.flags.load();
        if let Some(behaviour) = &scoring.behaviour {
            let Window { count: most, span } = behaviour.requests;
            let made = self.shared.rates.count(&Whom::address(client.ip), span, now);
            if made > most {
                risk.found_as(Finding::RequestRate, &scoring.points, || {
                    format!("{made} requests within {}", humantime::format_duration(span))
                });
            }
            if !held.is_empty() {
                held.judge(client, now, &scoring.points, risk);
            }
        }
        if scoring.bans.is_on() && !held.is_empty() { held.ban(client, now) } else { None }
    }

    /// The most that was seen of any subject, in points.
    pub(super) fn seen_of_subjects(&self, site: &Site) -> u8 {
        let may_count = self.scoring.behaviour.is_some() && site.flags.load().has_subjects();
        if may_count { self.scoring.points.of(Finding::SubjectRoams) } else { 0 }
    }

    /// Adds what was seen of the subject of a request.
    pub(super) fn behaviour_of(&self, site: &Site, subject: KeyedHash, risk: &mut Risk) {
        let held = site.flags.load();
        if held.has_subjects() && self.scoring.behaviour.is_some() {
            held.judge_subject(subject, self.shared.clock.now(), &self.scoring.points, risk);
        }
    }
}

// === impl Gateway: what is counted ===

impl Gateway {
    /// A message goes out for a subject.
    pub(super) fn count_send(&self, site: &Site, visit: &Visit, subject: KeyedHash) {
        let mut count = self.counting(site, visit);
        if let Some(behaviour) = &self.scoring.behaviour {
            let parties = self.parties(site, visit);
            let each = KeyedHash::new(self.shared.random.bytes());
            count.all(&parties, Sign::Sends, &behaviour.sends, each);
            count.all(&parties, Sign::Subjects, &behaviour.subjects, subject);
        }
        self.count_later(count);
    }

    /// A message was asked for, to a number that is paused.
    pub(super) fn count_paused(&self, site: &Site, visit: &Visit, contact: KeyedHash) {
        let mut count = self.counting(site, visit);
        if let (Some(limit), Some(address)) = (self.scoring.bans.pumping, self.parties(site, visit).first()) {
            count.one(address, Sign::BanPumping, limit, self.scoring.bans.lasts, contact);
        }
        self.count_later(count);
    }

    /// A wrong code came in for a challenge, which leaves so many tries; however often the same try is told, it is one. Waits
    /// for the store: a ban must not come late because the store is slow.
    pub(super) async fn count_failure(&self, site: &Site, visit: &Visit, subject: KeyedHash, of: (ChallengeId, u32)) {
        let mut count = self.counting(site, visit);
        let (parties, bans) = (self.parties(site, visit), &self.scoring.bans);
        let each = self.keys.hash("failure", &[of.0.as_bytes(), &of.1.to_be_bytes()]);
        if let Some(behaviour) = &self.scoring.behaviour {
            count.all(&parties, Sign::Failures, &behaviour.failures, each);
            count.all(&parties, Sign::Subjects, &behaviour.subjects, subject);
        }
        if let Some(address) = parties.first() {
            for (limit, sign, member) in
                [(bans.failures, Sign::BanFailures, each), (bans.subjects, Sign::BanSubjects, subject)]
            {
                if let Some(limit) = limit {
                    count.one(address, sign, limit, bans.lasts, member);
                }
            }
        }
        if let Err(error) = self.shared.count(&count).await {
            tracing::warn!(%error, "a wrong code could not be counted against its address; trying again");
            self.count_again(count);
        }
    }

    /// A subject is met on a session or at a challenge for the first time, or proved a contact.
    pub(super) fn count_subject(&self, site: &Site, visit: &Visit, subject: &Subject) {
        let mut count = self.counting(site, visit);
        if let Some(behaviour) = &self.scoring.behaviour {
            let (parties, subject) = (self.parties(site, visit), self.subject_hash(site, subject));
            count.all(&parties, Sign::Subjects, &behaviour.subjects, subject);
            if !parties.is_empty() {
                let roamer = Party { whom: Whom::Subject(subject), hash: subject, sealed: Vec::new() };
                let limit = behaviour.networks;
                count.one(&roamer, Sign::Networks, limit, limit.span, self.network_hash(&visit.request));
            }
        }
        self.count_later(count);
    }

    fn counting(&self, site: &Site, visit: &Visit) -> Count {
        Count { site: site.spec.key.clone(), client: visit.request.client.ip, tallies: Vec::new() }
    }

    /// The client and what is around it, the narrowest first; nobody for an address that nothing is held against.
    fn parties(&self, site: &Site, visit: &Visit) -> Vec<Party> {
        let client = &visit.request.client;
        let at = self.scoring.address.whereabouts(client);
        if client.uncertain || self.trusted_proxies().contains(client.ip) || self.scoring.address.trusts(client, at) {
            return Vec::new();
        }
        let party = |whom: Whom| {
            let hash = self.hash_of(&whom);
            Party { whom, hash, sealed: seal(&self.keys, &site.spec.key, &whom, hash, &*self.shared.random) }
        };
        Whom::all(client, at).map(party).collect()
    }

    fn hash_of(&self, whom: &Whom) -> KeyedHash {
        match whom {
            Whom::Address(ip) => self.hash_of_ip(*ip),
            Whom::Network(ip) => self.hash_of_network(*ip),
            Whom::System(number) => self.keys.hash("system", &[&number.to_be_bytes()]),
            Whom::Country(country) => self.keys.hash("country", &[country.as_str().as_bytes()]),
            Whom::Subject(hash) => *hash,
        }
    }

    /// Counts beside the road, if there is room.
    fn count_later(&self, count: Count) {
        let Some(room) = self.shared.counting.room().filter(|_| !count.tallies.is_empty()) else { return };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if let Err(error) = shared.count(&count).await {
                tracing::debug!(%error, "what was seen could not be counted");
            }
            drop(room);
        });
    }

    fn count_again(&self, count: Count) {
        let Some(room) = self.shared.counting.room() else { return };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            for pause in AGAIN {
                tokio::time::sleep(pause).await;
                if shared.count(&count).await.is_ok() {
                    break;
                }
            }
            drop(room);
        });
    }
}

impl Count {
    /// Counts `member` for every party.
    fn all(&mut self, parties: &[Party], sign: Sign, limits: &Widths, member: KeyedHash) {
        for party in parties {
            let limit = match party.whom {
                Whom::Address(_) | Whom::Subject(_) => limits.address,
                Whom::Network(_) => limits.network,
                Whom::System(_) => limits.system,
                Whom::Country(_) => limits.country,
            };
            self.one(party, sign, limit, limit.span, member);
        }
    }

    fn one(&mut self, party: &Party, sign: Sign, limit: Window, flag_for: Duration, member: KeyedHash) {
        let (scope, whom, sealed) = (scope(&party.whom), party.hash, party.sealed.clone());
        self.tallies.push(Tally { sign, scope, whom, member, limit, flag_for, sealed });
    }
}

impl Shared {
    /// Counts, and holds and tells what became too much.
    async fn count(&self, count: &Count) -> Result<(), StoreError> {
        if count.tallies.is_empty() {
            return Ok(());
        }
        let raised = self.store.tally(&count.site, &count.tallies).await?;
        self.flags.add(raised.iter().map(|raised| (raised.flag.clone(), raised.ttl)), self.clock.now());
        for Raised { flag, ttl, .. } in raised.iter().filter(|raised| raised.is_new && raised.flag.sign.is_ban()) {
            let reason = reason(flag.sign);
            self.audit.metrics.banned(reason);
            let times = [flag.span, *ttl].map(|time| humantime::format_duration(time).to_string());
            let [span, lasts] = times;
            tracing::warn!(site = %flag.site, reason, count = flag.count, %span, %lasts, "an address is banned for a while");
            let why = format!("{reason}: {} within {span}, for {lasts}", flag.count);
            let event = Event::new(Kind::Banned, self.reference()).site(flag.site.as_str());
            self.note(event.client(count.client).reason(why)).await;
        }
        self.tell_bans();
        Ok(())
    }

    /// Goes on with the flags that `old` holds, in another store.
    pub async fn take_over(&self, old: &Self) {
        let now = self.clock.now();
        let flags = old.flags.all(now);
        let told: Vec<_> = flags.iter().map(|(flag, left)| (flag, *left)).collect();
        for some in told.chunks(100) {
            if let Err(error) = self.store.raise(some).await {
                tracing::warn!(%error, "bans could not be told to the new store; they hold here");
                break;
            }
        }
        self.flags.add(flags, now);
    }

    /// Forgets what is over, and says how many bans are in force.
    pub(super) fn tell_bans(&self) {
        self.audit.metrics.bans_in_force(self.flags.prune(self.clock.now()));
    }
}

/// Why an address is banned, in a word.
const fn reason(sign: Sign) -> &'static str {
    match sign {
        Sign::BanSubjects => "subjects",
        Sign::BanPumping => "pumping",
        _ => "failures",
    }
}

// === impl Gateway: what an operator does ===

impl Gateway {
    /// Every ban in force, by address and site.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn bans(&self) -> Result<Vec<Banned>, StoreError> {
        let flags = self.shared.store.flags().await?;
        let mut bans: Vec<Banned> = flags
            .iter()
            .filter(|(flag, _)| flag.sign.is_ban())
            .map(|(flag, left)| Banned {
                site: flag.site.to_string(),
                address: match open(&self.keys, flag) {
                    Some(Whom::Address(ip)) => Some(ip),
                    _ => None,
                },
                reason: reason(flag.sign),
                count: flag.count,
                span: flag.span,
                left: *left,
            })
            .collect();
        bans.sort_by(|one, other| {
            (&one.site, one.address, one.reason).cmp(&(&other.site, other.address, other.reason))
        });
        Ok(bans)
    }

    /// Ends the bans of an address, and forgets its wrong codes: on the site with `host`, or on every site.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lift_ban(&self, host: Option<&str>, address: IpAddr) -> Result<Vec<Operated>, StoreError> {
        let mut done = Vec::new();
        let hash = self.hash_of_ip(address);
        for site in self.sites_at(host) {
            let key = &site.spec.key;
            let changed = self.shared.store.lift(key, Scope::Address, hash).await?;
            self.shared.flags.lift(key, Scope::Address, hash, self.shared.clock.now());
            let reference = self.shared.reference();
            self.shared.note(Event::new(Kind::Unbanned, reference).site(key.as_str()).client(address)).await;
            done.push(Operated { site: key.to_string(), changed, reference });
        }
        self.shared.tell_bans();
        Ok(done)
    }
}
