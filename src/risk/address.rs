//! What speaks against the address that a request comes from: where it is, and which lists it is on.
//!
//! All of it is in memory, and files that change are read again beside the road: readers never wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::request::ClientAddress;
use crate::risk::{DatabaseFile, ListFile, OnLists, PrefixTable, Risk, Unreadable, Whereabouts, files};
use crate::words::Country;

/// What speaks against addresses.
#[derive(Debug, Default)]
pub struct AddressRisk {
    /// Where addresses are: each says what those before it do not.
    pub databases: Vec<DatabaseFile>,
    pub(super) files: Vec<ListFile>,
    pub(super) lists: ArcSwap<Listed>,
    /// Where visitors are expected; empty is anywhere.
    pub expected: Vec<Country>,
    /// What each finding is worth.
    pub points: AddressPoints,
}

/// What findings about an address are worth, 0 to 100 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressPoints {
    /// In no expected country.
    pub country_unexpected: u8,
    /// In a network whose machines are rented out.
    pub hosting_network: u8,
    /// In one that hides who uses it.
    pub anonymiser: u8,
    /// Not known, since forwarded headers break off or contradict each other.
    pub address_uncertain: u8,
}

/// Lists of addresses and of autonomous systems, in one table.
#[derive(Debug, Default)]
pub struct Listed {
    lists: Vec<AddressList>,
    prefixes: PrefixTable,
    systems: HashMap<u32, OnLists>,
}

/// A list, without what is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressList {
    /// Its name in logs.
    pub name: Arc<str>,
    /// What being on it means.
    pub means: Means,
}

/// What being on a list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// This many points, 0 to 100.
    Points(u8),
    /// The highest score, which every policy refuses.
    Deny,
    /// No finding about the address counts.
    Allow,
}

impl Default for AddressPoints {
    /// None of them refuses anybody, nor do the first three together: where an address is said to be is often wrong. The last
    /// makes every policy ask for a code.
    fn default() -> Self {
        Self { country_unexpected: 25, hosting_network: 25, anonymiser: 30, address_uncertain: 85 }
    }
}

// === impl AddressRisk ===

impl AddressRisk {
    /// What speaks against addresses, by these databases and lists, which are read.
    ///
    /// # Errors
    /// When a list cannot be used: which, and why.
    pub fn new(
        databases: Vec<DatabaseFile>,
        files: Vec<ListFile>,
        expected: Vec<Country>,
        points: AddressPoints,
    ) -> Result<Self, (usize, Unreadable)> {
        let lists = ArcSwap::from_pointee(files::table(&files)?);
        Ok(Self { databases, files, lists, expected, points })
    }

    /// Whether anything is looked at.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.databases.is_empty() || !self.lists.load().lists.is_empty()
    }

    /// Where an address is.
    #[must_use]
    pub fn whereabouts(&self, ip: IpAddr) -> Whereabouts {
        let mut known = Whereabouts::default();
        for database in &self.databases {
            database.load().tell(ip, &mut known);
        }
        known
    }

    /// What speaks against the address of a client. Of one that is uncertain nothing is known: whoever can make it so, by a
    /// header that contradicts the proxy's, must win nothing by it (I5).
    #[must_use]
    pub fn of(&self, client: &ClientAddress) -> Risk {
        let mut risk = Risk::default();
        if client.uncertain {
            let worth = if self.is_on() { self.points.address_uncertain } else { 0 };
            risk.add("address_uncertain", worth);
            return risk;
        }
        let ip = client.ip;
        let at = self.whereabouts(ip);
        let listed = self.lists.load();
        let on = listed.on(ip, at.system);
        let lists = || on.numbers().filter_map(|number| listed.lists.get(number));
        if let Some(list) = lists().find(|list| list.means == Means::Allow) {
            risk.trusted_by = Some(Arc::clone(&list.name));
            return risk;
        }
        for list in lists() {
            let points = match list.means {
                Means::Points(points) => points,
                Means::Deny => Risk::MOST,
                Means::Allow => 0,
            };
            risk.add(&list.name, points);
        }
        let AddressPoints { country_unexpected, hosting_network, anonymiser, .. } = self.points;
        match at.country {
            Some(country) if self.is_unexpected(country) => {
                risk.add_as("country_unexpected", country_unexpected, || country.to_string());
            }
            _ => {}
        }
        if at.is_hosting {
            risk.add_as("hosting_network", hosting_network, String::new);
        }
        if at.is_anonymiser {
            risk.add_as("anonymiser", anonymiser, String::new);
        }
        risk
    }

    fn is_unexpected(&self, country: Country) -> bool {
        !self.expected.is_empty() && !self.expected.contains(&country)
    }
}

// === impl Listed ===

impl Listed {
    /// The table of lists, each with its networks and its autonomous systems.
    ///
    /// # Errors
    /// When there are more than [`PrefixTable::MOST_LISTS`].
    pub fn new<'l>(
        lists: impl IntoIterator<Item = (AddressList, &'l [ipnetwork::IpNetwork], &'l [u32])>,
    ) -> Result<Self, TooManyLists> {
        let (mut known, mut networks, mut systems) = (Vec::new(), Vec::new(), HashMap::<u32, OnLists>::new());
        for (number, (list, its_networks, its_systems)) in lists.into_iter().enumerate() {
            let number = u8::try_from(number).map_err(|_| TooManyLists)?;
            if usize::from(number) >= PrefixTable::MOST_LISTS {
                return Err(TooManyLists);
            }
            known.push(list);
            networks.push((number, its_networks));
            for &system in its_systems {
                let on = systems.entry(system).or_default();
                *on = on.with(number);
            }
        }
        let all = networks.into_iter().flat_map(|(number, all)| all.iter().map(move |&network| (number, network)));
        Ok(Self { lists: known, prefixes: PrefixTable::new(all), systems })
    }

    /// What a list holds, by its number.
    pub(super) fn held(&self, number: u8) -> (Vec<ipnetwork::IpNetwork>, Vec<u32>) {
        let on_it = |on: &OnLists| on.numbers().any(|list| list == usize::from(number));
        let systems = self.systems.iter().filter(|(_, on)| on_it(on)).map(|(&system, _)| system);
        (self.prefixes.networks_of(number), systems.collect())
    }

    fn on(&self, ip: IpAddr, system: Option<u32>) -> OnLists {
        let by_system = system.and_then(|system| self.systems.get(&system)).copied().unwrap_or_default();
        self.prefixes.lists_of(ip).and(by_system)
    }
}

/// There are more lists than can be looked at at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {} lists of networks: put some of them into one file", PrefixTable::MOST_LISTS)]
pub struct TooManyLists;
