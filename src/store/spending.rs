//! Money that messages cost, against a budget.

use std::time::Duration;

use crate::store::SiteKey;
use crate::words::Amount;

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
