//! Which lists an address is on: a table of networks, IPv4 and IPv6, a million and more, held in memory.
//!
//! Networks overlap, addresses do not: where a network of any list begins or ends, a range begins, and each range says which
//! lists it is on. Ranges lie sorted in one piece of memory; an IPv4 address finds its part of them by its first 16 bits. An
//! IPv4 network takes at most two ranges, 24 bytes.

use std::net::IpAddr;
use std::ops::Range;

use ipnetwork::IpNetwork;

use crate::request::unmapped;
use crate::risk::netlist::between;
use crate::risk::pace::Pace;

/// A table of networks.
#[derive(Debug, Clone, Default)]
pub struct PrefixTable {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// By the first 16 bits of an IPv4 address: how many ranges begin before them.
    index: Vec<u32>,
}

/// The lists that an address is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OnLists(u64);

/// Sorted ranges: each from its start to the one before the next.
#[derive(Debug, Clone, Default)]
struct Ranges<A> {
    starts: Vec<A>,
    on: Vec<OnLists>,
}

/// An address as a number.
trait Number: Copy + Ord + Default {
    /// How many buckets there are; the highest number is in the last.
    const BUCKETS: usize;

    /// The bucket of a number: none is in a lower one than a smaller number.
    fn bucket(self) -> usize;

    /// The next one; `None` after the last.
    fn next(self) -> Option<Self>;

    /// The one before; the first stays.
    fn before(self) -> Self;
}

/// Edges, by the first bits of where they are: small parts are sorted in small pieces of work.
struct Edges<A>(Vec<Vec<Edge<A>>>);

/// Where a network of a list begins, or has just ended.
struct Edge<A> {
    at: A,
    list: u8,
    begins: bool,
}

impl Number for u32 {
    const BUCKETS: usize = 1 << 10;

    fn bucket(self) -> usize {
        (self >> 22) as usize
    }

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn before(self) -> Self {
        self.saturating_sub(1)
    }
}

impl Number for u128 {
    /// Every address that is given out begins with the same three bits.
    const BUCKETS: usize = 1 << 14;

    fn bucket(self) -> usize {
        usize::try_from(self >> 114).unwrap_or_default()
    }

    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn before(self) -> Self {
        self.saturating_sub(1)
    }
}

// === impl PrefixTable ===

impl PrefixTable {
    /// The most lists that one table can hold.
    pub const MOST_LISTS: usize = 64;

    /// The table of networks, each with the number of its list, from 0. Those of lists that the table cannot hold are left out:
    /// numbers are below [`PrefixTable::MOST_LISTS`].
    pub fn new(networks: impl IntoIterator<Item = (u8, IpNetwork)>) -> Self {
        Self::at(networks, &Pace::fast())
    }

    /// The same at a pace.
    pub(super) fn at(networks: impl IntoIterator<Item = (u8, IpNetwork)>, pace: &Pace) -> Self {
        let (mut v4, mut v6) = (Edges::new(), Edges::new());
        for (list, network) in networks.into_iter().filter(|(list, _)| usize::from(*list) < Self::MOST_LISTS) {
            pace.step();
            match unmapped(network) {
                IpNetwork::V4(network) => {
                    v4.add(list, u32::from(network.network()), u32::from(network.broadcast()));
                }
                IpNetwork::V6(network) => {
                    v6.add(list, u128::from(network.network()), u128::from(network.broadcast()));
                }
            }
        }
        let (v4, v6) = (Ranges::new(v4, pace), Ranges::new(v6, pace));
        let index = index(&v4.starts, pace);
        Self { v4, v6, index }
    }

    /// The lists that `ip` is on. An IPv4 address and its spelling within IPv6 are one.
    #[must_use]
    pub fn lists_of(&self, ip: IpAddr) -> OnLists {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4.on(range_of(&self.v4.starts, &self.index, u32::from(ip))),
            IpAddr::V6(ip) => self.v6.on(last_before(&self.v6.starts, 0..self.v6.starts.len(), u128::from(ip))),
        }
    }

    /// Networks that are all addresses on a list, and no others: for the next table, where the list itself is not at hand.
    #[must_use]
    pub fn networks_of(&self, list: u8) -> Vec<IpNetwork> {
        self.networks_at(list, &Pace::fast())
    }

    /// The same at a pace.
    pub(super) fn networks_at(&self, list: u8, pace: &Pace) -> Vec<IpNetwork> {
        let v4 = self
            .v4
            .on_list(list, u32::MAX)
            .map(|(first, last)| (IpAddr::from(first.to_be_bytes()), IpAddr::from(last.to_be_bytes())));
        let v6 = self
            .v6
            .on_list(list, u128::MAX)
            .map(|(first, last)| (IpAddr::from(first.to_be_bytes()), IpAddr::from(last.to_be_bytes())));
        v4.chain(v6).inspect(|_| pace.step()).filter_map(|(first, last)| between(first, last)).flatten().collect()
    }

    /// The bytes that its ranges take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = size_of::<OnLists>();
        self.v4.starts.len() * (size_of::<u32>() + of)
            + self.v6.starts.len() * (size_of::<u128>() + of)
            + self.index.len() * size_of::<u32>()
    }
}

// === impl Edges ===

impl<A: Number> Edges<A> {
    fn new() -> Self {
        Self(std::iter::repeat_with(Vec::new).take(A::BUCKETS).collect())
    }

    /// A network, from its first address to its last.
    fn add(&mut self, list: u8, first: A, last: A) {
        self.push(Edge { at: first, list, begins: true });
        if let Some(at) = last.next() {
            self.push(Edge { at, list, begins: false });
        }
    }

    fn push(&mut self, edge: Edge<A>) {
        if let Some(bucket) = self.0.get_mut(edge.at.bucket()) {
            bucket.push(edge);
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// All of them, ascending.
    fn sorted(self, pace: &Pace) -> impl Iterator<Item = Edge<A>> {
        self.0.into_iter().flat_map(|mut bucket| {
            bucket.sort_unstable_by_key(|edge| edge.at);
            pace.large_step();
            bucket
        })
    }
}

/// How many ranges begin before each 16 bits; one more for the end.
pub(super) fn index(starts: &[u32], pace: &Pace) -> Vec<u32> {
    if starts.is_empty() {
        return Vec::new();
    }
    let mut index = Vec::with_capacity((1 << 16) + 1);
    let mut before = 0;
    for first in 0..=u16::MAX {
        pace.step();
        while starts.get(before).is_some_and(|start| start >> 16 < u32::from(first)) {
            before += 1;
        }
        index.push(u32::try_from(before).unwrap_or(u32::MAX));
    }
    index.push(u32::try_from(starts.len()).unwrap_or(u32::MAX));
    index
}

/// The range of an IPv4 address, by their starts and the [`index`] of these.
pub(super) fn range_of(starts: &[u32], index: &[u32], number: u32) -> Option<usize> {
    let first = (number >> 16) as usize;
    let (from, to) = (*index.get(first)? as usize, *index.get(first + 1)? as usize);
    last_before(starts, from..to, number)
}

/// The last range that begins at a number or before it: one of `among`, or the one before them.
fn last_before<A: Number>(starts: &[A], among: Range<usize>, number: A) -> Option<usize> {
    let from = among.start;
    (from + starts.get(among)?.partition_point(|&start| start <= number)).checked_sub(1)
}

// === impl Ranges ===

impl<A: Number> Ranges<A> {
    fn new(edges: Edges<A>, pace: &Pace) -> Self {
        if edges.is_empty() {
            return Self::default();
        }
        // Whatever lies before the first network is on no list.
        let (mut starts, mut on) = (vec![A::default()], vec![OnLists::default()]);
        // Networks of one list may overlap, too.
        let mut open = [0_u32; PrefixTable::MOST_LISTS];
        let (mut now, mut edges) = (OnLists::default(), edges.sorted(pace).peekable());
        while let Some(edge) = edges.next() {
            pace.step();
            let open = &mut open[usize::from(edge.list)];
            if edge.begins {
                *open += 1
            } else {
                *open = open.saturating_sub(1)
            }
            now = if *open > 0 { now.with(edge.list) } else { now.without(edge.list) };
            if edges.peek().is_some_and(|next| next.at == edge.at) || on.last() == Some(&now) {
                continue;
            }
            if starts.last() == Some(&edge.at) {
                on.pop();
            } else {
                starts.push(edge.at);
            }
            on.push(now);
        }
        starts.shrink_to_fit();
        on.shrink_to_fit();
        Self { starts, on }
    }

    /// The first and the last address of each range on a list; `end` is the last address of all.
    fn on_list(&self, list: u8, end: A) -> impl Iterator<Item = (A, A)> {
        let lasts = self.starts.iter().skip(1).map(|start| start.before()).chain(std::iter::once(end));
        let ranges = self.starts.iter().copied().zip(lasts).zip(&self.on);
        ranges.filter(move |(_, on)| on.has(list)).map(|(range, _)| range)
    }

    /// The lists of a range.
    fn on(&self, range: Option<usize>) -> OnLists {
        range.and_then(|at| self.on.get(at)).copied().unwrap_or_default()
    }
}

// === impl OnLists ===

impl OnLists {
    /// Whether it is on none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers of the lists, ascending.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        (0..PrefixTable::MOST_LISTS).filter(move |list| self.0 >> list & 1 == 1)
    }

    /// The same and those.
    #[must_use]
    pub const fn and(self, those: Self) -> Self {
        Self(self.0 | those.0)
    }

    /// The same and `list`, a number below [`PrefixTable::MOST_LISTS`].
    #[must_use]
    pub const fn with(self, list: u8) -> Self {
        Self(self.0 | 1 << list)
    }

    /// The lists of which these bits are set.
    pub(super) const fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Those that are in both.
    pub(super) const fn both(self, those: Self) -> Self {
        Self(self.0 & those.0)
    }

    const fn has(self, list: u8) -> bool {
        self.0 >> list & 1 == 1
    }

    const fn without(self, list: u8) -> Self {
        Self(self.0 & !(1 << list))
    }
}

#[cfg(test)]
mod tests;
