//! Money that a site spends.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::spending::{PERIODS, Period, clamped};
use crate::store::{Charge, Charged, Spent};
use crate::words::{Amount, Timestamp};

/// What was spent in each step of each of the [`PERIODS`], in millionths. Less than nothing where more was put right than
/// charged.
#[derive(Debug, Default)]
pub(super) struct Spending([BTreeMap<u64, i64>; PERIODS.len()]);

// === impl Spending ===

impl Spending {
    pub(super) fn charge(&mut self, charge: &Charge<'_>, now: Timestamp) -> Charged {
        self.forget(now);
        let amount = clamped(charge.amount);
        let budgets = [charge.budget.per_hour, charge.budget.per_day];
        let mut longest = (Duration::ZERO, "");
        for ((period, steps), budget) in PERIODS.iter().zip(&self.0).zip(budgets) {
            let Some(budget) = budget.map(clamped) else { continue };
            let wait = fits_in(period, steps, amount, budget, now);
            if wait > longest.0 {
                longest = (wait, period.budget);
            }
        }
        let (retry_after, budget) = longest;
        if retry_after > Duration::ZERO {
            return Charged::Exhausted { budget, retry_after };
        }
        self.add(amount, now);
        Charged::Yes(self.sums())
    }

    /// Adds a difference, but takes no more away than all that counts.
    pub(super) fn correct(&mut self, from: Amount, to: Amount, now: Timestamp) {
        self.forget(now);
        self.add(clamped(to) - clamped(from), now);
    }

    pub(super) fn spent(&mut self, now: Timestamp) -> Spent {
        self.forget(now);
        self.sums()
    }

    fn add(&mut self, difference: i64, now: Timestamp) {
        for (period, steps) in PERIODS.iter().zip(&mut self.0) {
            let difference = difference.max(-sum(steps.values()));
            if difference != 0 {
                let step = steps.entry(period.number(now)).or_default();
                *step = step.saturating_add(difference);
            }
        }
    }

    fn sums(&self) -> Spent {
        let [hour, day] = &self.0;
        let amount = |steps: &BTreeMap<u64, i64>| {
            Amount::from_millionths(u64::try_from(sum(steps.values())).unwrap_or_default())
        };
        Spent { hour: amount(hour), day: amount(day) }
    }

    /// Forgets what no period reaches any more.
    fn forget(&mut self, now: Timestamp) {
        for (period, steps) in PERIODS.iter().zip(&mut self.0) {
            *steps = steps.split_off(&period.oldest(now));
        }
    }
}

/// The sum of steps, oldest first. What is put right takes from what was charged before it, and nothing from what is
/// charged after: else a charge that leaves its period before its correction does would leave room for twice as much.
fn sum<'a>(steps: impl Iterator<Item = &'a i64>) -> i64 {
    steps.fold(0, |sum: i64, step| sum.saturating_add(*step).max(0))
}

/// How long until `amount` fits into a budget; zero is now.
fn fits_in(period: &Period, steps: &BTreeMap<u64, i64>, amount: i64, budget: i64, now: Timestamp) -> Duration {
    let fits = |spent: i64| amount <= (budget - spent).max(0);
    if fits(sum(steps.values())) {
        return Duration::ZERO;
    }
    if amount > budget {
        return period.span();
    }
    let mut wait = Duration::ZERO;
    for number in steps.keys() {
        wait = period.leaves(*number).since(now).unwrap_or_default();
        if fits(sum(steps.range(number + 1..).map(|(_, step)| step))) {
            break;
        }
    }
    wait
}
