//! Money that messages cost, against a budget.

use std::time::Duration;

use crate::store::SiteKey;
use crate::words::{Amount, Timestamp};

/// What a site may spend. Windows slide: an hour in steps of a minute, a day in steps of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MoneyBudget {
    /// Within any hour.
    pub per_hour: Option<Amount>,
    /// Within any day.
    pub per_day: Option<Amount>,
}

/// A message to pay for.
#[derive(Debug, Clone, Copy)]
pub struct Charge<'a> {
    /// The site.
    pub site: &'a SiteKey,
    /// What it costs.
    pub amount: Amount,
    /// The budget.
    pub budget: &'a MoneyBudget,
}

/// What became of [`crate::store::Store::charge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// It was charged.
    Yes(Spent),
    /// It is more than what is left; nothing was charged.
    Exhausted {
        /// `per_hour` or `per_day`: the one that holds longer.
        budget: &'static str,
        /// How long until it may fit.
        retry_after: Duration,
    },
}

/// What a site spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Within the last hour.
    pub hour: Amount,
    /// Within the last day.
    pub day: Amount,
}

/// A time for which there is a budget: it slides in steps, and a step counts until all of it is older than the time.
#[derive(Debug)]
pub(super) struct Period {
    /// The name of its budget.
    pub budget: &'static str,
    /// The length of a step, in milliseconds.
    pub step: u64,
    /// How many steps it has.
    pub steps: u64,
}

/// The hour and the day.
pub(super) const PERIODS: [Period; 2] = [
    Period { budget: "per_hour", step: 60 * 1000, steps: 60 },
    Period { budget: "per_day", step: 60 * 60 * 1000, steps: 24 },
];

/// The millionths of an amount, as both stores count them: Redis' scripts count in doubles, exactly up to 2^53.
pub(super) fn clamped(amount: Amount) -> i64 {
    i64::try_from(amount.millionths()).unwrap_or(i64::MAX).min(1 << 53)
}

// === impl Period ===

impl Period {
    /// The step of a moment.
    pub(super) const fn number(&self, at: Timestamp) -> u64 {
        at.as_millis() / self.step
    }

    /// The oldest step that still counts.
    pub(super) const fn oldest(&self, now: Timestamp) -> u64 {
        self.number(now).saturating_sub(self.steps)
    }

    /// When a step counts no more.
    pub(super) const fn leaves(&self, number: u64) -> Timestamp {
        Timestamp::from_millis((number + 1 + self.steps) * self.step)
    }

    /// How long it is.
    pub(super) const fn span(&self) -> Duration {
        Duration::from_millis(self.steps * self.step)
    }
}
