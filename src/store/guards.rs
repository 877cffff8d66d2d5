//! The guard against pumping: somebody who earns on text messages makes a site send many to numbers of theirs, and no code
//! ever comes back. So the numbers that were tried are held against those that came back.

use std::time::Duration;

use crate::store::{SendAsk, SiteKey};
use crate::words::KeyedHash;

/// How the guard judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PumpingRules {
    /// Whether it stops messages or only tells.
    pub mode: PumpingMode,
    /// The time that is looked at.
    pub window: Duration,
    /// Numbers that are tried too recently to have come back are left out.
    pub grace: Duration,
    /// Fewer numbers say nothing.
    pub at_least: u32,
    /// The share of numbers that come back, in percent: below it a prefix is paused.
    pub verified_below: u32,
    /// Numbers of one run of a hundred (they differ in the last two digits) that may be tried without one that comes back.
    pub sequence: u32,
    /// How long a prefix is paused.
    pub pause: Duration,
}

/// What the guard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PumpingMode {
    /// It stops messages.
    Block,
    /// It only tells.
    Observe,
    /// Nothing.
    Off,
}

/// One group of numbers that the guard looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// What it is: `country`, `range` (the last four digits left out) or `sequence` (the last two).
    pub name: &'static str,
    /// The group's name within its site: a prefix of digits.
    pub prefix: String,
    /// Numbers tried within the grace are left out.
    pub grace: Duration,
    /// Fewer numbers say nothing.
    pub at_least: u32,
    /// The share of numbers that come back, in percent: below it the group is paused.
    pub verified_below: u32,
}

/// A question after a pause of the groups of a contact. Nothing is noted.
#[derive(Debug, Clone, Copy)]
pub struct Paused<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// The contact.
    pub contact: KeyedHash,
    /// Its groups.
    pub guards: &'a [Guard],
    /// The time that is looked at: a contact that came back within it is a person's.
    pub window: Duration,
}

// === impl PumpingRules ===

impl PumpingRules {
    /// The groups of a number in E.164, whose country calling code is `calling_code`.
    #[must_use]
    pub fn guards(&self, number: &str, calling_code: &str) -> Vec<Guard> {
        if self.mode == PumpingMode::Off {
            return Vec::new();
        }
        let digits = number.trim_start_matches('+');
        let without = |last: usize| digits.get(..digits.len().saturating_sub(last)).unwrap_or(digits).to_owned();
        let guard = |name, prefix| Guard {
            name,
            prefix,
            grace: self.grace,
            at_least: self.at_least,
            verified_below: self.verified_below,
        };
        vec![
            guard("country", calling_code.to_owned()),
            guard("range", without(4)),
            Guard {
                grace: Duration::ZERO,
                at_least: self.sequence,
                // Any number that came back clears the run.
                verified_below: 1,
                ..guard("sequence", without(2))
            },
        ]
    }
}

impl SendAsk<'_> {
    /// The groups that are looked at.
    pub(super) fn watching(&self) -> &[Guard] {
        if self.limits.pumping.mode == PumpingMode::Off { &[] } else { self.guards }
    }
}

impl Guard {
    /// The group's name among all guards of its site.
    pub(super) fn group(&self) -> String {
        format!("{}:{}", self.name, self.prefix)
    }
}

impl Default for PumpingRules {
    fn default() -> Self {
        Self {
            mode: PumpingMode::Block,
            window: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(2 * 60),
            at_least: 20,
            verified_below: 10,
            sequence: 5,
            pause: Duration::from_secs(60 * 60),
        }
    }
}
