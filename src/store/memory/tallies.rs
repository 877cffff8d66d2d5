//! What was seen of addresses, networks and subjects: counts in windows.

use super::expiring::Expiring;
use crate::store::tallies::tally_name;
use crate::store::{Scope, Sign, Tally};
use crate::words::{KeyedHash, Timestamp};

/// The counts of a site, by name.
#[derive(Debug)]
pub(super) struct Tallies(Expiring<String, Vec<(Timestamp, KeyedHash)>>);

/// Counts that are kept. Those that would end first give way.
const MOST: usize = 100_000;

// === impl Tallies ===

impl Tallies {
    pub(super) fn new() -> Self {
        Self(Expiring::new(MOST))
    }

    /// Counts, and gives how many there are within the window.
    pub(super) fn count(&mut self, tally: &Tally, now: Timestamp) -> u32 {
        let (name, most) = (tally.name(), usize::try_from(tally.most()).unwrap_or(usize::MAX));
        let mut members = self.0.remove(&name).unwrap_or_default();
        members.retain(|(at, member)| at.after(tally.limit.span) > now && *member != tally.member);
        members.push((now, tally.member));
        // More than the limit tell no more.
        let surplus = members.len().saturating_sub(most);
        members.drain(..surplus);
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        self.0.insert(name, members, now.after(tally.limit.span));
        count
    }

    /// Forgets what is counted of somebody.
    pub(super) fn forget(&mut self, scope: Scope, whom: KeyedHash) {
        for sign in Sign::ALL {
            self.0.remove(&tally_name(sign, scope, whom));
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.sweep(now);
    }
}
