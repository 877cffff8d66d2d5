//! What is held against addresses and subjects: learned from the store's feed, opened with the key ring, asked on the hot path
//! without a lock.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::risk::{Held, Mark, Whom};
use crate::seal::{KeyRing, Purpose};
use crate::store::{Flag, Scope, Sign, SiteKey};
use crate::words::{KeyedHash, Timestamp};

/// The flags of every site.
#[derive(Debug, Default)]
pub(super) struct Flags(Mutex<Known>);

/// The flags of one site.
#[derive(Debug, Default)]
pub(super) struct SiteFlags(ArcSwap<Held>);

#[derive(Debug, Default)]
struct Known {
    keys: Option<Arc<KeyRing>>,
    flags: HashMap<Key, Entry>,
    sites: HashMap<SiteKey, Arc<SiteFlags>>,
    /// When the first of them ends.
    next_end: Option<Timestamp>,
}

#[derive(Debug)]
struct Entry {
    flag: Flag,
    /// `None` when the key ring does not open it.
    whom: Option<Whom>,
    until: Timestamp,
}

type Key = (SiteKey, Scope, KeyedHash, Sign);

/// The most flags that are held: twice what a store keeps. Beyond it no more are taken in.
const MOST: usize = 40_000;

// === impl Flags ===

impl Flags {
    /// The flags of `site`, to be asked without a lock from then on.
    pub(super) fn site(&self, site: &SiteKey) -> Arc<SiteFlags> {
        Arc::clone(self.known().sites.entry(site.clone()).or_default())
    }

    /// Opens flags with these keys from now on, also those that are held.
    pub(super) fn open_with(&self, keys: &Arc<KeyRing>, now: Timestamp) {
        let mut known = self.known();
        known.keys = Some(Arc::clone(keys));
        for entry in known.flags.values_mut() {
            entry.whom = open(keys, &entry.flag);
        }
        let sites = known.flags.keys().map(|(site, ..)| site.clone()).collect();
        known.rebuild(&sites, now);
    }

    /// Takes in flags, each with what is left of its time.
    pub(super) fn add(&self, flags: impl IntoIterator<Item = (Flag, Duration)>, now: Timestamp) {
        let mut known = self.known();
        let sites = known.take_in(flags, now);
        known.rebuild(&sites, now);
    }

    /// The store knows better: these are all.
    pub(super) fn replace(&self, flags: impl IntoIterator<Item = (Flag, Duration)>, now: Timestamp) {
        let mut known = self.known();
        let mut sites: HashSet<SiteKey> = known.flags.drain().map(|((site, ..), _)| site).collect();
        sites.extend(known.take_in(flags, now));
        known.rebuild(&sites, now);
    }

    /// Forgets what is held against somebody.
    pub(super) fn lift(&self, site: &SiteKey, scope: Scope, whom: KeyedHash, now: Timestamp) {
        let mut known = self.known();
        known.flags.retain(|(of, kind, who, _), _| (of, *kind, *who) != (site, scope, whom));
        known.rebuild(&HashSet::from([site.clone()]), now);
    }

    /// Forgets what is over; gives how many bans are in force.
    pub(super) fn prune(&self, now: Timestamp) -> usize {
        let mut known = self.known();
        if known.next_end.is_some_and(|end| end <= now) {
            let over = known.flags.iter().filter(|(_, entry)| entry.until <= now);
            let sites = over.map(|((site, ..), _)| site.clone()).collect();
            known.rebuild(&sites, now);
        }
        known.flags.keys().filter(|(.., sign)| sign.is_ban()).count()
    }

    /// Every flag that is held, with what is left of its time, to put up again when the store lost them.
    pub(super) fn all(&self, now: Timestamp) -> Vec<(Flag, Duration)> {
        let left = |entry: &Entry| Some((entry.flag.clone(), entry.until.since(now).filter(|left| !left.is_zero())?));
        self.known().flags.values().filter_map(left).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Known ===

impl Known {
    /// Takes flags in; gives their sites.
    fn take_in(&mut self, flags: impl IntoIterator<Item = (Flag, Duration)>, now: Timestamp) -> HashSet<SiteKey> {
        let mut sites = HashSet::new();
        for (flag, left) in flags {
            let (site, until) = (flag.site.clone(), now.after(left));
            let key = (site.clone(), flag.scope, flag.whom, flag.sign);
            if self.flags.len() >= MOST && !self.flags.contains_key(&key) {
                continue;
            }
            let whom = match &self.keys {
                Some(keys) => open(keys, &flag),
                None => None,
            };
            self.flags.insert(key, Entry { flag, whom, until });
            sites.insert(site);
        }
        sites
    }

    /// Makes the tables of these sites anew, without what is over.
    fn rebuild(&mut self, sites: &HashSet<SiteKey>, now: Timestamp) {
        self.flags.retain(|_, entry| entry.until > now);
        self.next_end = self.flags.values().map(|entry| entry.until).min();
        let mut marks: HashMap<&SiteKey, Vec<(Whom, Mark)>> = HashMap::new();
        for ((site, ..), entry) in self.flags.iter().filter(|((site, ..), _)| sites.contains(site)) {
            let Some(whom) = entry.whom else { continue };
            let Flag { sign, count, span, .. } = entry.flag;
            marks.entry(site).or_default().push((whom, Mark { sign, count, span, until: entry.until }));
        }
        for site in sites {
            let held = Held::new(marks.remove(site).unwrap_or_default());
            self.sites.entry(site.clone()).or_default().0.store(Arc::new(held));
        }
    }
}

// === impl SiteFlags ===

impl SiteFlags {
    /// What is held against anybody on the site.
    pub(super) fn load(&self) -> arc_swap::Guard<Arc<Held>> {
        self.0.load()
    }
}

/// Seals of whom something is held.
pub(super) fn seal(
    keys: &KeyRing,
    site: &SiteKey,
    whom: &Whom,
    hash: KeyedHash,
    random: &dyn crate::seal::Random,
) -> Vec<u8> {
    let text = match whom {
        Whom::Address(ip) | Whom::Network(ip) => ip.to_string(),
        Whom::System(number) => number.to_string(),
        Whom::Country(country) => country.to_string(),
        // Its hash says it.
        Whom::Subject(_) => return Vec::new(),
    };
    keys.seal(Purpose::Flag, &context(site, scope(whom), hash), text.as_bytes(), random)
}

/// Of whom a flag is.
pub(super) fn open(keys: &KeyRing, flag: &Flag) -> Option<Whom> {
    if flag.scope == Scope::Subject {
        return Some(Whom::Subject(flag.whom));
    }
    let text = keys.open(Purpose::Flag, &context(&flag.site, flag.scope, flag.whom), &flag.sealed)?;
    let text = String::from_utf8(text).ok()?;
    let ip = || text.parse::<IpAddr>().ok();
    match flag.scope {
        Scope::Address => ip().map(Whom::Address),
        Scope::Network => ip().map(Whom::Network),
        Scope::System => text.parse().ok().map(Whom::System),
        Scope::Country => text.parse().ok().map(Whom::Country),
        Scope::Subject => None,
    }
}

/// Of what somebody is.
pub(super) const fn scope(whom: &Whom) -> Scope {
    match whom {
        Whom::Address(_) => Scope::Address,
        Whom::Network(_) => Scope::Network,
        Whom::System(_) => Scope::System,
        Whom::Country(_) => Scope::Country,
        Whom::Subject(_) => Scope::Subject,
    }
}

fn context(site: &SiteKey, scope: Scope, whom: KeyedHash) -> Vec<u8> {
    [scope.as_str().as_bytes(), b" ", whom.as_bytes(), site.as_str().as_bytes()].concat()
}
