//! What a database of countries or systems says of IPv4 addresses, laid out in a row: a tree is gone through bit by bit, each of
//! them somewhere else in memory, and waiting for that was most of what a score took.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::Ipv4Addr;

use ipnetwork::{IpNetwork, Ipv4Network};
use maxminddb::WithinOptions;

use super::{Database, Whereabouts};
use crate::risk::pace::Pace;
use crate::risk::prefix::{index, range_of};

/// Ranges of IPv4 addresses, each from its start to the one before the next, and what is known of them.
pub(super) struct Flat {
    starts: Vec<u32>,
    /// Of each range, the place of what is known of it.
    records: Vec<u32>,
    known: Vec<Whereabouts>,
    /// By the first 16 bits of an address: how many ranges begin before them.
    index: Vec<u32>,
}

/// The most networks that are laid out. Databases of countries and systems have half as many; those of cities have millions, and
/// would take as much memory again.
const MOST: usize = 1_000_000;
/// The place of what is known of nothing.
const NOTHING: u32 = 0;

// === impl Flat ===

impl Flat {
    /// The same as `database` says; `None` for one that is too large, or damaged: its tree is gone through then.
    pub(super) fn of(database: &Database, pace: &Pace) -> Option<Self> {
        let mut flat =
            Self { starts: vec![0], records: vec![NOTHING], known: vec![Whereabouts::default()], index: Vec::new() };
        let mut places = HashMap::new();
        // A tree has one leaf more than nodes: more is one that leads back into itself.
        let most = usize::try_from(database.reader.metadata().node_count).unwrap_or(MOST).saturating_add(1).min(MOST);
        let all = IpNetwork::V4(Ipv4Network::new(Ipv4Addr::UNSPECIFIED, 0).ok()?);
        let mut next = 0_u64;
        for (count, found) in database.reader.within(all, WithinOptions::default()).ok()?.enumerate() {
            pace.step();
            let found = found.ok()?;
            let IpNetwork::V4(network) = found.network().ok()? else { return None };
            let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
            if count == most || u64::from(first) < next {
                return None;
            }
            flat.gap(next, u64::from(first));
            let record = match places.entry(found.offset()?) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(place) => {
                    let record = u32::try_from(flat.known.len()).ok()?;
                    flat.known.push(database.read(&found));
                    *place.insert(record)
                }
            };
            flat.range(first, record);
            next = u64::from(last) + 1;
        }
        flat.gap(next, 1 << 32);
        flat.index = index(&flat.starts, pace);
        Some(flat)
    }

    /// What is known of an address.
    pub(super) fn at(&self, ip: Ipv4Addr) -> Option<&Whereabouts> {
        let range = range_of(&self.starts, &self.index, u32::from(ip))?;
        self.known.get(*self.records.get(range)? as usize)
    }

    /// Nothing is known from one address to another.
    fn gap(&mut self, from: u64, to: u64) {
        if let (true, Ok(from)) = (from < to, u32::try_from(from)) {
            self.range(from, NOTHING);
        }
    }

    fn range(&mut self, start: u32, record: u32) {
        if self.records.last() == Some(&record) {
            return;
        }
        if self.starts.last() == Some(&start) {
            self.records.pop();
        } else {
            self.starts.push(start);
        }
        self.records.push(record);
    }
}
