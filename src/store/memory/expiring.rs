//! A map whose entries have an end, and that never holds more than it may.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::words::Timestamp;

/// A map whose entries are gone from their end on. [`Expiring::sweep`] frees what is gone.
#[derive(Debug)]
pub(super) struct Expiring<K, V> {
    entries: HashMap<K, (V, Timestamp)>,
    by_end: BTreeSet<(Timestamp, K)>,
    most: usize,
}

// === impl Expiring ===

impl<K: Clone + Eq + Hash + Ord, V> Expiring<K, V> {
    /// An empty map that holds `most` entries.
    pub(super) fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), by_end: BTreeSet::new(), most }
    }

    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: Timestamp) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).filter(|(_, end)| *end > now).map(|(value, _)| value)
    }

    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q, now: Timestamp) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key).filter(|(_, end)| *end > now).map(|(value, _)| value)
    }

    /// The end of an entry.
    pub(super) fn end<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Timestamp>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(_, end)| *end)
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.most
    }

    /// Puts an entry in. When the map is full, the entry that would end first gives way.
    pub(super) fn insert(&mut self, key: K, value: V, end: Timestamp) {
        self.remove(&key);
        if self.is_full()
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.entries.remove(&first);
        }
        self.by_end.insert((end, key.clone()));
        self.entries.insert(key, (value, end));
    }

    /// Lets an entry live until `end` at least.
    pub(super) fn keep<Q: Eq + Hash + ?Sized>(&mut self, key: &Q, end: Timestamp)
    where
        K: Borrow<Q>,
    {
        let Some((key, _)) = self.entries.get_key_value(key) else { return };
        let key = key.clone();
        let Some((_, known)) = self.entries.get_mut(key.borrow()) else { return };
        if *known < end {
            self.by_end.remove(&(*known, key.clone()));
            *known = end;
            self.by_end.insert((end, key));
        }
    }

    pub(super) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (key, (value, end)) = self.entries.remove_entry(key)?;
        self.by_end.remove(&(end, key));
        Some(value)
    }

    /// Frees the entries that are gone by `now`, and gives them.
    pub(super) fn sweep(&mut self, now: Timestamp) -> Vec<V> {
        let mut gone = Vec::new();
        while self.by_end.first().is_some_and(|(end, _)| *end <= now)
            && let Some((_, key)) = self.by_end.pop_first()
        {
            gone.extend(self.entries.remove(&key).map(|(value, _)| value));
        }
        gone
    }

    /// The entries that are not gone, each with its end.
    pub(super) fn iter(&self, now: Timestamp) -> impl Iterator<Item = (&K, &V, Timestamp)> {
        let present = self.entries.iter().filter(move |(_, (_, end))| *end > now);
        present.map(|(key, (value, end))| (key, value, *end))
    }
}
