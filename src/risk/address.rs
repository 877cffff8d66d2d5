//! What speaks against the address that a request comes from: where it is, and which lists it is on.
//!
//! All of it is in memory, and files that change are read again beside the road: readers never wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use crate::request::ClientAddress;
use crate::risk::pace::Pace;
use crate::risk::{
    Blocklists, DatabaseFile, Field, Finding, ListFile, Named, OnLists, Points, PrefixTable, Risk, Unreadable,
    Whereabouts, files,
};
use crate::words::Country;

/// What speaks against addresses.
#[derive(Debug, Default)]
pub struct AddressRisk {
    /// Where addresses are: each says what those before it do not.
    pub databases: Vec<DatabaseFile>,
    pub(super) files: Vec<ListFile>,
    pub(super) lists: ArcSwap<Listed>,
    /// Held while files are read again.
    pub(super) renewing: Mutex<()>,
    /// Lists in DNS.
    pub dns: Blocklists,
    /// Where visitors are expected; empty is anywhere.
    pub expected: Vec<Country>,
    /// What each finding is worth.
    pub points: Points,
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
        points: Points,
    ) -> Result<Self, (usize, Unreadable)> {
        let lists = ArcSwap::from_pointee(files::table(&files)?);
        Ok(Self { databases, files, lists, renewing: Mutex::default(), dns: Blocklists::default(), expected, points })
    }

    /// Whether anything is looked at.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.databases.is_empty() || !self.lists.load().lists.is_empty() || !self.dns.is_empty()
    }

    /// Whether a database has `field`.
    #[must_use]
    pub fn tells(&self, field: Field) -> bool {
        files::tell(&self.databases, field)
    }

    /// Where a client is. Of one that is uncertain nothing is known.
    #[must_use]
    pub fn whereabouts(&self, client: &ClientAddress) -> Whereabouts {
        let mut known = Whereabouts::default();
        if !client.uncertain {
            for database in &self.databases {
                database.load().tell(client.ip, &mut known);
            }
        }
        known
    }

    /// What the place and the network of a client are called.
    #[must_use]
    pub fn named(&self, client: &ClientAddress) -> Named {
        let mut named = Named::default();
        if !client.uncertain {
            self.databases.iter().for_each(|database| database.load().name(client.ip, &mut named));
        }
        named
    }

    /// Adds what speaks against the address of a client, whose whereabouts `risk` has. Whoever can make it uncertain, by a
    /// header that contradicts the proxy's, must win nothing by it (I5).
    pub(super) fn judge(&self, client: &ClientAddress, risk: &mut Risk) {
        if client.uncertain {
            if self.is_on() {
                risk.found(Finding::AddressUncertain, &self.points);
            }
            return;
        }
        let (ip, at) = (client.ip, risk.at);
        let listed = self.lists.load();
        let on = listed.on(ip, at.system);
        let lists = || on.numbers().filter_map(|number| listed.lists.get(number));
        risk.trusted_by = Self::trusted(lists());
        if risk.trusted_by.is_some() {
            return;
        }
        for list in lists() {
            let points = match list.means {
                Means::Points(points) => points,
                Means::Deny => Risk::MOST,
                Means::Allow => 0,
            };
            risk.listed(&list.name, points);
        }
        self.dns.judge(ip, risk);
        if let Some(country) = at.country.filter(|&country| self.is_unexpected(country)) {
            risk.found_as(Finding::CountryUnexpected, &self.points, || country.to_string());
        }
        if at.is_hosting {
            risk.found(Finding::HostingNetwork, &self.points);
        }
        if at.is_anonymiser {
            risk.found(Finding::Anonymiser, &self.points);
        }
    }

    /// Whether a client, who is `at` there, is on a list of trusted addresses.
    #[must_use]
    pub fn trusts(&self, client: &ClientAddress, at: Whereabouts) -> bool {
        let listed = self.lists.load();
        let on = listed.on(client.ip, at.system);
        !client.uncertain && Self::trusted(on.numbers().filter_map(|number| listed.lists.get(number))).is_some()
    }

    fn trusted<'l>(mut lists: impl Iterator<Item = &'l AddressList>) -> Option<Arc<str>> {
        lists.find(|list| list.means == Means::Allow).map(|list| Arc::clone(&list.name))
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
        Self::at(lists, &Pace::fast())
    }

    /// The same at a pace.
    pub(super) fn at<'l>(
        lists: impl IntoIterator<Item = (AddressList, &'l [ipnetwork::IpNetwork], &'l [u32])>,
        pace: &Pace,
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
        Ok(Self { lists: known, prefixes: PrefixTable::at(all, pace), systems })
    }

    /// What a list holds, by its number.
    pub(super) fn held(&self, number: u8, pace: &Pace) -> (Vec<ipnetwork::IpNetwork>, Vec<u32>) {
        let on_it = |on: &OnLists| on.numbers().any(|list| list == usize::from(number));
        let systems = self.systems.iter().filter(|(_, on)| on_it(on)).map(|(&system, _)| system);
        (self.prefixes.networks_at(number, pace), systems.collect())
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
