//! How likely it is that a request means no good: signals, each with its points, and the score that is their sum.
//!
//! May use: `words`, `seal`, `request`, `config`, `audit`, and of `store` what limits and flags are called. A score is made of what
//! is in memory: files and lists from addresses ([`Source`]) are read beside the road, what must be waited for is asked by the
//! conductor and handed in. There are the signals of the address that a request comes from ([`AddressRisk`]), of what gateways
//! have seen of it ([`Held`]), of who is known to send it ([`SubjectRisk`]), and of a contact that a visitor types
//! ([`ContactRisk`]). A new signal is a line in `finding.rs` and what finds it. Start at [`Scoring`].

mod address;
mod behaviour;
mod contact;
mod countries;
mod dns;
mod files;
mod finding;
mod geo;
mod iptoasn;
mod list;
mod netlist;
mod pace;
mod prefix;
mod rate;
mod remote;
mod robot;
mod rule;
mod scoring;
pub mod settings;
mod source;
mod subject;
mod travel;
mod wild;

pub use address::{AddressList, AddressRisk, Listed, Means, TooManyLists};
pub use behaviour::{Ban, Bans, Behaviour, Held, Mark, Whom, Widths};
pub use contact::{ContactFacts, ContactList, ContactRisk};
pub use dns::{Blocklist, Blocklists, Dns, MailDomains, Zone};
pub use files::{DatabaseFile, DatabaseState, ListFile, ListState, Renewed};
pub use finding::{Finding, Gist, Points, PointsSettings};
pub use geo::{BadDatabase, Database, Field, Named, Position, Whereabouts};
pub use iptoasn::{BadTable, Iptoasn};
pub use list::{BadList, List, ListKind};
pub use netlist::{BadNetlist, Meaning, networks, systems};
pub use prefix::{OnLists, PrefixTable};
pub use rate::Rates;
pub use remote::{Fetched, NotFetched, Remote, Web, WebLimits};
pub use rule::{Rule, RuleSettings, WhenSettings};
pub use scoring::Scoring;
pub use source::{Content, Source, Unreadable};
pub use subject::{SubjectFacts, SubjectRisk, Trip};
pub use travel::{apart, is_elsewhere, is_possible};

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// What speaks against a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Risk {
    signals: Vec<Signal>,
    /// Where it comes from; nothing is known of an uncertain address.
    pub at: Whereabouts,
    /// The list of trusted addresses that the client is on, for which no finding about its address counts.
    pub trusted_by: Option<Arc<str>>,
}

/// One finding about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its name in logs.
    pub name: Name,
    /// What exactly was found, such as the country; empty where the name says it all.
    pub detail: String,
    /// Its points, 0 to 100.
    pub points: u8,
}

/// The name of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// Of what is always looked at.
    Finding(Finding),
    /// A list.
    List(Arc<str>),
    /// A rule of the operator's own: its reason.
    Rule(Arc<str>),
}

// === impl Risk ===

impl Risk {
    /// The highest score.
    pub const MOST: u8 = 100;

    /// The signals, in the order in which they were found.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The sum of all points, 100 at most.
    #[must_use]
    pub fn score(&self) -> u8 {
        self.signals.iter().fold(0, |sum: u8, signal| sum.saturating_add(signal.points)).min(Self::MOST)
    }

    /// Adds what was found besides.
    pub fn extend(&mut self, more: Self) {
        for signal in more.signals {
            self.push(signal);
        }
    }

    /// Whether its address says where its visitor is: it is known, not on any list, and neither a trusted network nor one that
    /// hides who uses it.
    #[must_use]
    pub fn is_where_it_says(&self) -> bool {
        let is_listed = |signal: &Signal| matches!(signal.name, Name::List(_));
        self.trusted_by.is_none()
            && !self.at.is_veiled()
            && !self.at.spot().is_unknown()
            && !self.signals.iter().any(is_listed)
    }

    /// Adds a finding, if it is worth anything.
    pub fn found(&mut self, finding: Finding, points: &Points) {
        self.found_as(finding, points, String::new);
    }

    pub(crate) fn found_as(&mut self, finding: Finding, points: &Points, detail: impl FnOnce() -> String) {
        self.add(Name::Finding(finding), points.of(finding), detail);
    }

    fn listed(&mut self, list: &Arc<str>, points: u8) {
        self.add(Name::List(Arc::clone(list)), points, String::new);
    }

    fn add(&mut self, name: Name, points: u8, detail: impl FnOnce() -> String) {
        // What is worth nothing is no finding.
        if points > 0 {
            self.push(Signal { name, detail: detail(), points });
        }
    }

    fn push(&mut self, signal: Signal) {
        if let Some(gist) = signal.gist() {
            let is_alike = |known: &Signal| known.gist() == Some(gist);
            if self.signals.iter().any(|known| is_alike(known) && known.points >= signal.points) {
                return;
            }
            self.signals.retain(|known| !is_alike(known));
        }
        self.signals.push(signal);
    }
}

// === impl Signal ===

impl Signal {
    const fn gist(&self) -> Option<Gist> {
        match self.name {
            Name::Finding(finding) => finding.gist(),
            Name::List(_) | Name::Rule(_) => None,
        }
    }
}

impl fmt::Display for Signal {
    /// `country_unexpected (RU) 25`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.as_str() {
            "" => write!(f, "{} {}", &*self.name, self.points),
            detail => write!(f, "{} ({detail}) {}", &*self.name, self.points),
        }
    }
}

// === impl Name ===

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Finding(finding) => finding.as_str(),
            Self::List(name) | Self::Rule(name) => name,
        }
    }
}
