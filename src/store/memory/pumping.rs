//! The guard against pumping: which contacts of a group were tried, and which of them came back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::expiring::Expiring;
use crate::store::{Guard, Paused, SendAsk};
use crate::words::{KeyedHash, Timestamp};

/// The groups of a site, by name.
#[derive(Debug)]
pub(super) struct Pumping {
    groups: Expiring<String, Group>,
    paused: Expiring<String, ()>,
}

/// What stops a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub guard: &'static str,
    pub retry_after: Duration,
    /// Whether the pause begins now.
    pub begins: bool,
}

/// Where a send counts as a try of its contact.
#[derive(Debug)]
pub(super) struct Tried {
    contact: KeyedHash,
    at: Timestamp,
    window: Duration,
    /// The groups, and whether it was this send that set the mark.
    groups: Vec<(String, bool)>,
}

#[derive(Debug, Default)]
struct Group {
    /// By their first try within the window.
    tried: Marks,
    /// Those that came back, by the same moment.
    verified: Marks,
}

/// Contacts, the newest that there is room for, in the order of their moments.
#[derive(Debug, Default)]
struct Marks {
    in_order: VecDeque<(Timestamp, KeyedHash)>,
    moments: HashMap<KeyedHash, Timestamp>,
}

/// Groups that are kept. Those that would end first give way, which are never the large ones that somebody pumps.
const GROUPS: usize = 100_000;

/// Contacts of a group.
const CONTACTS: usize = 10_000;

// === impl Pumping ===

impl Pumping {
    pub(super) fn new() -> Self {
        Self { groups: Expiring::new(GROUPS), paused: Expiring::new(GROUPS) }
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.groups.sweep(now);
        self.paused.sweep(now);
    }

    /// What stops a message to the contact of `ask`. Of several pauses the one that holds longest is told; a new one begins
    /// only where none holds.
    pub(super) fn stop(&mut self, ask: &SendAsk<'_>, now: Timestamp) -> Option<Stop> {
        let rules = &ask.limits.pumping;
        let known = |group: &String| self.groups.get(group, now);
        // Behind a number that came back is a person.
        let has_come_back =
            |group: &String| known(group).is_some_and(|known| known.has_come_back(ask.contact, rules.window, now));
        let guards = ask.watching().iter().map(|guard| (guard, guard.group()));
        let guards: Vec<_> = guards.filter(|(_, group)| !has_come_back(group)).collect();
        let mut longest = None::<Stop>;
        for (guard, group) in &guards {
            let end = self.paused.get(group, now).and_then(|()| self.paused.end(group));
            let Some(retry_after) = end.and_then(|end| end.since(now)) else { continue };
            if longest.is_none_or(|longest| retry_after > longest.retry_after) {
                longest = Some(Stop { guard: guard.name, retry_after, begins: false });
            }
        }
        if longest.is_some() {
            return longest;
        }
        let (guard, group) = guards.into_iter().find(|(guard, group)| {
            known(group).is_some_and(|known| known.has_collapsed(guard, ask.contact, rules.window, now))
        })?;
        let retry_after = rules.pause.max(Duration::from_millis(1));
        self.paused.insert(group, (), now.after(retry_after));
        Some(Stop { guard: guard.name, retry_after, begins: true })
    }

    /// The guard that has paused a group of the contact of `ask`, unless that came back.
    pub(super) fn paused(&self, ask: &Paused<'_>, now: Timestamp) -> Option<&'static str> {
        let holds = |guard: &&Guard| {
            let group = guard.group();
            let known = self.groups.get(&group, now);
            let has_come_back = known.is_some_and(|known| known.has_come_back(ask.contact, ask.window, now));
            self.paused.get(&group, now).is_some() && !has_come_back
        };
        ask.guards.iter().find(holds).map(|guard| guard.name)
    }

    /// Notes that the contact of `ask` is tried.
    pub(super) fn tried(&mut self, ask: &SendAsk<'_>, now: Timestamp) -> Tried {
        let (contact, window) = (ask.contact, ask.limits.pumping.window);
        let mark = |guard: &Guard| {
            let name = guard.group();
            let is_new = self.on(&name, window, now, |group| group.tried.mark(contact, now));
            (name, is_new)
        };
        Tried { contact, at: now, window, groups: ask.watching().iter().map(mark).collect() }
    }

    /// Notes that the code came back that was sent so.
    pub(super) fn verified(&mut self, tried: &Tried, now: Timestamp) {
        for (name, _) in &tried.groups {
            self.on(name, tried.window, now, |group| {
                // A mark that was taken away, or made room for others, is set again.
                if tried.at.after(tried.window) > now {
                    group.tried.mark(tried.contact, tried.at);
                }
                if let Some(&moment) = group.tried.moments.get(&tried.contact) {
                    group.verified.mark(tried.contact, moment);
                }
            });
        }
    }

    /// Takes the marks away that a send set, unless the contact came back meanwhile.
    pub(super) fn untried(&mut self, tried: &Tried, now: Timestamp) {
        for (name, _) in tried.groups.iter().filter(|(_, is_set)| *is_set) {
            self.on(name, tried.window, now, |group| {
                if !group.has_come_back(tried.contact, tried.window, now) {
                    group.tried.unmark(tried.contact);
                }
            });
        }
    }

    /// Takes a step on a group, without what is out of the window, and keeps it for another one.
    fn on<T>(&mut self, name: &str, window: Duration, now: Timestamp, step: impl FnOnce(&mut Group) -> T) -> T {
        let ending = now.after(window);
        let ending = self.groups.end(name).map_or(ending, |known| known.max(ending));
        let mut group = self.groups.remove(name).unwrap_or_default();
        group.tried.prune(window, now);
        group.verified.prune(window, now);
        let outcome = step(&mut group);
        self.groups.insert(name.to_owned(), group, ending);
        outcome
    }
}

// === impl Group ===

impl Group {
    /// Whether a contact came back within the window.
    fn has_come_back(&self, contact: KeyedHash, window: Duration, now: Timestamp) -> bool {
        self.verified.moments.get(&contact).is_some_and(|moment| moment.after(window) > now)
    }

    /// Whether too few of the others that were tried came back.
    fn has_collapsed(&self, guard: &Guard, own: KeyedHash, window: Duration, now: Timestamp) -> bool {
        let counts = |moment: Timestamp| moment.after(window) > now && moment.after(guard.grace) <= now;
        let Some(first) = self.tried.first(window, now) else { return false };
        let own = self.tried.moments.get(&own).is_some_and(|&moment| counts(moment));
        let tried = self.tried.count(first, guard.grace, now) - usize::from(own);
        let verified = self.verified.count(first, guard.grace, now);
        let [tried, verified] = [tried, verified].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        tried >= u64::from(guard.at_least) && verified * 100 < u64::from(guard.verified_below) * tried
    }
}

// === impl Marks ===

impl Marks {
    /// Marks a contact, unless it is; true when it was not.
    fn mark(&mut self, contact: KeyedHash, moment: Timestamp) -> bool {
        if self.moments.contains_key(&contact) {
            return false;
        }
        self.moments.insert(contact, moment);
        let place = self.in_order.partition_point(|(known, _)| *known <= moment);
        self.in_order.insert(place, (moment, contact));
        if self.in_order.len() > CONTACTS {
            self.forget_first();
        }
        true
    }

    fn unmark(&mut self, contact: KeyedHash) {
        if self.moments.remove(&contact).is_some() {
            self.in_order.retain(|(_, known)| *known != contact);
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, contact)) = self.in_order.pop_front() {
            self.moments.remove(&contact);
        }
    }

    /// Forgets what is out of the window.
    fn prune(&mut self, window: Duration, now: Timestamp) {
        while self.in_order.front().is_some_and(|(moment, _)| moment.after(window) <= now) {
            self.forget_first();
        }
    }

    /// The oldest moment within the window.
    fn first(&self, window: Duration, now: Timestamp) -> Option<Timestamp> {
        let place = self.in_order.partition_point(|(moment, _)| moment.after(window) <= now);
        self.in_order.get(place).map(|(moment, _)| *moment)
    }

    /// The contacts from `first` on that are older than the grace.
    fn count(&self, first: Timestamp, grace: Duration, now: Timestamp) -> usize {
        let till = self.in_order.partition_point(|(moment, _)| moment.after(grace) <= now);
        till.saturating_sub(self.in_order.partition_point(|(moment, _)| *moment < first))
    }
}

#[cfg(test)]
mod tests;
