//! What gateways have seen of an address, of what is around it, and of a subject: limits, and what is held against whom.
//!
//! Counting is the store's, since gateways share it. Here is what counts as too much, and the table of what is held against
//! somebody at present: in memory, so that a request is looked up without waiting for anybody.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use crate::request::{ClientAddress, network_of};
use crate::risk::{Finding, Points, Risk, Whereabouts};
use crate::store::{Sign, Window};
use crate::words::{Country, KeyedHash, Timestamp};

/// What counts as too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// Messages that were asked for.
    pub sends: Widths,
    /// Wrong codes.
    pub failures: Widths,
    /// Different subjects.
    pub subjects: Widths,
    /// Different networks of one subject.
    pub networks: Window,
    /// Requests of one address to routes with a policy, as one gateway sees them.
    pub requests: Window,
}

/// How many are too many, of an address and of what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    /// Of one address: a /64 of IPv6.
    pub address: Window,
    /// Of one network: a /24, or a /48 of IPv6.
    pub network: Window,
    /// Of one autonomous system.
    pub system: Window,
    /// Of one country.
    pub country: Window,
}

/// When an address is banned for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bans {
    /// Wrong codes from one address.
    pub failures: Option<Window>,
    /// Different subjects with a wrong code from one address.
    pub subjects: Option<Window>,
    /// Different paused numbers that one address asked for messages to.
    pub pumping: Option<Window>,
    /// How long a ban holds.
    pub lasts: Duration,
    /// Whether whoever has a good grant passes all the same.
    pub spare_grants: bool,
}

/// Of whom something is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whom {
    /// An address of IPv4, or the first of a /64 of IPv6.
    Address(IpAddr),
    /// The first address of a /24, or of a /48 of IPv6.
    Network(IpAddr),
    /// An autonomous system.
    System(u32),
    /// A country.
    Country(Country),
    /// A subject.
    Subject(KeyedHash),
}

/// Something that is held against somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What.
    pub sign: Sign,
    /// How many were counted.
    pub count: u32,
    /// Within how long a time.
    pub span: Duration,
    /// Until when it is held.
    pub until: Timestamp,
}

/// What is held against anybody on one site.
#[derive(Debug, Default)]
pub struct Held {
    by_whom: HashMap<Whom, Vec<Mark>>,
    has_subjects: bool,
}

/// A ban of the address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban(Mark);

// === impl Behaviour, Bans: the defaults ===

const fn window(count: u32, span_secs: u64) -> Window {
    Window { count, span: Duration::from_secs(span_secs) }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Default for Behaviour {
    /// Wide enough for an office of a hundred people behind one address.
    fn default() -> Self {
        let widths = |address, network, system, country| Widths {
            address: window(address, 10 * MINUTE),
            network: window(network, 10 * MINUTE),
            system: window(system, 10 * MINUTE),
            country: window(country, 10 * MINUTE),
        };
        Self {
            sends: widths(50, 150, 1000, 5000),
            failures: widths(25, 75, 500, 2500),
            subjects: widths(50, 150, 1000, 5000),
            networks: window(8, HOUR),
            requests: window(300, MINUTE),
        }
    }
}

impl Default for Bans {
    /// Somebody without accounts of their own cannot reach them: `limits.typed` sends 10 codes an hour to what an address types,
    /// which takes 50 wrong ones, and a subject is locked after 10. So locking an office or a carrier out takes the passwords of
    /// ten people behind that very address, and whoever has proved who they are goes on.
    fn default() -> Self {
        Self {
            failures: Some(window(100, 10 * MINUTE)),
            subjects: Some(window(100, HOUR)),
            pumping: Some(window(10, HOUR)),
            lasts: Duration::from_secs(30 * MINUTE),
            spare_grants: true,
        }
    }
}

impl Bans {
    /// None at all.
    #[must_use]
    pub fn off() -> Self {
        Self { failures: None, subjects: None, pumping: None, ..Self::default() }
    }

    /// Whether there can be any.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.failures.is_some() || self.subjects.is_some() || self.pumping.is_some()
    }
}

// === impl Whom ===

impl Whom {
    /// An address: an IPv6 client has a whole /64 to itself.
    #[must_use]
    pub fn address(ip: IpAddr) -> Self {
        Self::Address(match ip.to_canonical() {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }

    /// The network of an address.
    #[must_use]
    pub fn network(ip: IpAddr) -> Self {
        Self::Network(network_of(ip).ip())
    }

    /// A client and what is around it, the narrowest first.
    pub fn all(client: &ClientAddress, at: Whereabouts) -> impl Iterator<Item = Self> {
        let near = [Self::address(client.ip), Self::network(client.ip)];
        near.into_iter().chain(at.system.map(Self::System)).chain(at.country.map(Self::Country))
    }

    const fn named(&self) -> &'static str {
        match self {
            Self::Address(_) => "its address",
            Self::Network(_) => "its network",
            Self::System(_) => "its autonomous system",
            Self::Country(_) => "its country",
            Self::Subject(_) => "its subject",
        }
    }
}

// === impl Held ===

impl Held {
    /// What is held against whom.
    pub fn new(all: impl IntoIterator<Item = (Whom, Mark)>) -> Self {
        let mut held = Self::default();
        for (whom, mark) in all {
            held.has_subjects |= matches!(whom, Whom::Subject(_));
            held.by_whom.entry(whom).or_default().push(mark);
        }
        held
    }

    /// Whether nothing is held against anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_whom.is_empty()
    }

    /// Whether anything is held against any subject: mostly not, and then no subject need be hashed.
    #[must_use]
    pub const fn has_subjects(&self) -> bool {
        self.has_subjects
    }

    /// Adds what is held against a client, whose whereabouts `risk` has, and against what is around it: each sign once, for the
    /// narrowest that has it.
    pub fn judge(&self, client: &ClientAddress, now: Timestamp, points: &Points, risk: &mut Risk) {
        let mut found = [false; Sign::ALL.len()];
        for whom in Whom::all(client, risk.at) {
            for mark in self.marks(&whom, now).filter(|mark| !mark.sign.is_ban()) {
                if let Some(found) = found.get_mut(mark.sign as usize)
                    && !std::mem::replace(found, true)
                {
                    risk.found_as(mark.finding(), points, || mark.told_of(&whom));
                }
            }
        }
    }

    /// Adds what is held against a subject.
    pub fn judge_subject(&self, subject: KeyedHash, now: Timestamp, points: &Points, risk: &mut Risk) {
        let whom = Whom::Subject(subject);
        for mark in self.marks(&whom, now).filter(|mark| !mark.sign.is_ban()) {
            risk.found_as(mark.finding(), points, || mark.told_of(&whom));
        }
    }

    /// The ban of an address that holds longest.
    #[must_use]
    pub fn ban(&self, client: &ClientAddress, now: Timestamp) -> Option<Ban> {
        let bans = |mark: &&Mark| mark.sign.is_ban();
        self.marks(&Whom::address(client.ip), now).filter(bans).max_by_key(|mark| mark.until).copied().map(Ban)
    }

    fn marks<'h>(&'h self, whom: &Whom, now: Timestamp) -> impl Iterator<Item = &'h Mark> + use<'h> {
        let marks = self.by_whom.get(whom).map(Vec::as_slice).unwrap_or_default();
        marks.iter().filter(move |mark| mark.until > now)
    }
}

// === impl Mark ===

impl Mark {
    const fn finding(&self) -> Finding {
        match self.sign {
            Sign::Sends => Finding::ManySends,
            Sign::Failures => Finding::ManyFailures,
            Sign::Subjects => Finding::ManySubjects,
            Sign::Networks => Finding::SubjectRoams,
            Sign::BanFailures | Sign::BanSubjects | Sign::BanPumping => Finding::Banned,
        }
    }

    /// `25 wrong codes within 10m`
    #[must_use]
    pub fn told(&self) -> String {
        self.told_with("")
    }

    /// `25 wrong codes from its network within 10m`
    fn told_of(&self, whom: &Whom) -> String {
        match whom {
            // The name of the finding says of whom.
            Whom::Subject(_) => self.told(),
            whom => self.told_with(&format!(" from {}", whom.named())),
        }
    }

    fn told_with(&self, whom: &str) -> String {
        let what = match self.sign {
            Sign::Sends => "messages",
            Sign::Failures | Sign::BanFailures => "wrong codes",
            Sign::Subjects => "subjects",
            Sign::Networks => "networks",
            Sign::BanSubjects => "subjects with a wrong code",
            Sign::BanPumping => "paused numbers asked for",
        };
        format!("{} {what}{whom} within {}", self.count, humantime::format_duration(self.span))
    }
}

// === impl Ban ===

impl Ban {
    /// Counts it.
    pub fn count(self, points: &Points, risk: &mut Risk) {
        risk.found_as(Finding::Banned, points, || self.0.told());
    }
}

#[cfg(test)]
mod tests;
