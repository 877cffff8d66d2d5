//! What gateways have seen of an address, its surroundings, or a subject: counted in windows, and flagged once it is too much.
//!
//! Every count is a set of members with the moments at which they were last met, so that events (each a member of its own)
//! and different subjects or networks are counted alike. A set holds no more than its limit.

use std::time::Duration;

use crate::store::{SiteKey, Window};
use crate::words::KeyedHash;

/// What a flag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sign {
    /// Many messages were asked for.
    Sends,
    /// Many wrong codes came in.
    Failures,
    /// Many different subjects were met.
    Subjects,
    /// A subject was met in many networks.
    Networks,
    /// Banned, for wrong codes.
    BanFailures,
    /// Banned, for wrong codes of many different subjects.
    BanSubjects,
    /// Banned, for asking for messages to numbers that are paused.
    BanPumping,
}

/// Of what something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// A client address: one of IPv4, or a /64 of IPv6.
    Address,
    /// A network: a /24 of IPv4, or a /48 of IPv6.
    Network,
    /// An autonomous system.
    System,
    /// A country.
    Country,
    /// A subject.
    Subject,
}

/// Something to count, and when it is too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// What the flag says once it is too much.
    pub sign: Sign,
    /// Of what it is counted.
    pub scope: Scope,
    /// Of whom.
    pub whom: KeyedHash,
    /// What is counted. The same member twice within the window is one.
    pub member: KeyedHash,
    /// How many within how long a time are too much. At most [`Tally::MOST`] are counted.
    pub limit: Window,
    /// How long the flag holds.
    pub flag_for: Duration,
    /// Of whom, sealed: for gateways, which look addresses up as they are.
    pub sealed: Vec<u8>,
}

/// Something that every gateway holds against somebody for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The site.
    pub site: SiteKey,
    /// What it says.
    pub sign: Sign,
    /// Of what.
    pub scope: Scope,
    /// Of whom.
    pub whom: KeyedHash,
    /// Of whom, sealed; a subject is known by its hash alone.
    pub sealed: Vec<u8>,
    /// How many were counted when it was put up.
    pub count: u32,
    /// Within how long a time.
    pub span: Duration,
}

/// A flag that was put up, or holds for longer now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The flag.
    pub flag: Flag,
    /// How long it holds.
    pub ttl: Duration,
    /// Whether it was put up: true for just one caller until its end.
    pub is_new: bool,
}

/// The most flags that are kept. Those that end first give way.
pub(crate) const MOST_FLAGS: usize = 20_000;

// === impl Sign ===

impl Sign {
    /// Everything that a flag can say.
    pub const ALL: [Self; 7] = [
        Self::Sends,
        Self::Failures,
        Self::Subjects,
        Self::Networks,
        Self::BanFailures,
        Self::BanSubjects,
        Self::BanPumping,
    ];

    /// Its word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sends => "sends",
            Self::Failures => "failures",
            Self::Subjects => "subjects",
            Self::Networks => "networks",
            Self::BanFailures => "ban_failures",
            Self::BanSubjects => "ban_subjects",
            Self::BanPumping => "ban_pumping",
        }
    }

    /// Whether it is a ban, and no mere signal.
    #[must_use]
    pub const fn is_ban(self) -> bool {
        matches!(self, Self::BanFailures | Self::BanSubjects | Self::BanPumping)
    }

    /// The sign of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.as_str() == word)
    }
}

// === impl Scope ===

impl Scope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Subject, Self::Address, Self::Network, Self::System, Self::Country];

    /// Its word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Network => "network",
            Self::System => "system",
            Self::Country => "country",
            Self::Subject => "subject",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

// === impl Tally ===

impl Tally {
    /// The most that is counted of one thing: a limit is no higher.
    pub const MOST: u32 = 10_000;

    /// Its limit, no higher than [`Tally::MOST`] and no lower than 1.
    pub(super) fn most(&self) -> u32 {
        self.limit.count.clamp(1, Self::MOST)
    }

    /// The count's name within its site.
    pub(super) fn name(&self) -> String {
        tally_name(self.sign, self.scope, self.whom)
    }

    /// The flag once `count` were counted, if that is too much.
    pub(super) fn flag(&self, site: &SiteKey, count: u32) -> Option<Flag> {
        (count >= self.most()).then(|| Flag {
            site: site.clone(),
            sign: self.sign,
            scope: self.scope,
            whom: self.whom,
            sealed: self.sealed.clone(),
            count,
            span: self.limit.span,
        })
    }
}

/// The name of a count within its site.
pub(super) fn tally_name(sign: Sign, scope: Scope, whom: KeyedHash) -> String {
    format!("{}:{}:{whom}", sign.as_str(), scope.as_str())
}

/// The wrong codes of an address that a ban's end forgets, too, under the name of [`super::counted`].
pub(super) fn failures_of(scope: Scope, whom: KeyedHash) -> Option<String> {
    (scope == Scope::Address).then(|| format!("failures.per_ip:{whom}"))
}

/// How much of a flag's time may be over before it is put up again: a flag is not told anew with every event.
pub(super) fn is_fresh(left: Duration, ttl: Duration) -> bool {
    left > ttl * 3 / 4
}
