//! What speaks against a contact that a visitor types.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::risk::source::{self, utf8};
use crate::risk::{Finding, List, ListKind, ListState, MailDomains, Points, Renewed, Risk, Source, Unreadable, files};
use crate::words::{Address, Contact, Country};

/// What speaks against contacts, as the config has it.
#[derive(Debug, Default)]
pub struct ContactRisk {
    /// Lists of disposable addresses and numbers.
    pub lists: Vec<ContactList>,
    /// What tells whether domains take mail; none: nobody is asked.
    pub mail: Option<Arc<MailDomains>>,
    /// What each finding is worth.
    pub points: Points,
    /// Whether it is known which country an address is in.
    pub knows_countries: bool,
}

/// A list of contacts and where it comes from.
#[derive(Debug)]
pub struct ContactList {
    list: ArcSwap<List>,
    source: Source,
}

/// What must be found out of a contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContactFacts {
    /// Whether it is a number on the internet.
    pub is_voip: bool,
    /// Whether it is a number of a fixed line.
    pub is_fixed_line: bool,
    /// Whether it is sure that nobody takes mail for its domain.
    pub takes_no_mail: bool,
    /// How many others proved it lately.
    pub others: u32,
    /// The guard against pumping that has paused numbers like it: `country`, `range` or `sequence`.
    pub paused: Option<&'static str>,
    /// The country of its number, and the other one that the visitor is in.
    pub abroad: Option<(Country, Country)>,
}

// === impl ContactRisk ===

impl ContactRisk {
    /// Whether anything could speak against a contact.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let found = [
            Finding::VoipNumber,
            Finding::FixedLineNumber,
            Finding::NumberRange,
            Finding::NoMailExchanger,
            Finding::ContactReused,
        ];
        !self.lists.is_empty() || self.compares() || found.into_iter().any(|finding| self.points.counts(finding))
    }

    /// Whether the country of a number is compared with that of the visitor.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.knows_countries && self.points.counts(Finding::PhoneCountry)
    }

    /// Adds that the visitor is in another country than the number is of.
    pub fn abroad(&self, number: Country, visitor: Country, risk: &mut Risk) {
        risk.found_as(Finding::PhoneCountry, &self.points, || format!("{number}, from {visitor}"));
    }

    /// Whether it is sure that nobody takes mail for the domain of an e-mail address. Asks DNS, for a second at most.
    pub async fn takes_no_mail(&self, contact: &Contact) -> bool {
        match (&self.mail, contact.address()) {
            (Some(mail), Address::Email(address)) if self.points.counts(Finding::NoMailExchanger) => {
                mail.takes_none(address.domain()).await
            }
            _ => false,
        }
    }

    /// What speaks against `contact`.
    #[must_use]
    pub fn of(&self, contact: &Contact, facts: ContactFacts) -> Risk {
        let mut risk = Risk::default();
        for list in self.lists.iter().map(|list| list.list.load()).filter(|list| list.has(contact)) {
            risk.listed(list.name(), list.points());
        }
        let ContactFacts { is_voip, is_fixed_line, takes_no_mail, others, paused, abroad } = facts;
        for (is_so, finding) in [
            (is_voip, Finding::VoipNumber),
            (is_fixed_line, Finding::FixedLineNumber),
            (takes_no_mail, Finding::NoMailExchanger),
            (others > 0, Finding::ContactReused),
        ] {
            if is_so {
                risk.found(finding, &self.points);
            }
        }
        if let Some(guard) = paused {
            risk.found_as(Finding::NumberRange, &self.points, || guard.to_owned());
        }
        if let Some((number, visitor)) = abroad {
            self.abroad(number, visitor, &mut risk);
        }
        risk
    }

    /// Reads lists again that have changed. What cannot be used is left as it was, and told once.
    pub fn renew(&self) -> Vec<Renewed> {
        let changed = self.lists.iter().filter(|list| list.source.has_changed());
        changed.map(|list| Renewed { from: list.source.origin(), result: list.renew() }).collect()
    }

    /// How its lists stand.
    pub fn list_states(&self) -> impl Iterator<Item = ListState> {
        self.lists.iter().map(ContactList::state)
    }

    /// Where its lists come from.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.lists.iter().map(|list| &list.source)
    }

    /// Goes on with what another config knows of the same addresses. Gives whether there is something to be read again.
    pub(super) fn take_over(&mut self, old: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&mut self.mail, &old.mail)
            && mine.is_same(theirs)
        {
            *mine = Arc::clone(theirs);
        }
        source::take_over(self.lists.iter_mut().map(|list| &mut list.source), &old.sources().collect::<Vec<_>>())
    }
}

// === impl ContactList ===

impl ContactList {
    /// Reads a list.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(name: &str, kind: ListKind, points: u8, source: Source) -> Result<Self, Unreadable> {
        let list = match read(name, kind, points, &source)? {
            Some(list) => list,
            // Nothing is on a list that was never had: a gateway starts without a network, too.
            None => List::parse(name, kind, points, "")?,
        };
        Ok(Self { list: ArcSwap::from_pointee(list), source })
    }

    fn renew(&self) -> Result<(), Unreadable> {
        let now = self.list.load_full();
        let read = read(now.name(), now.kind(), now.points(), &self.source)?;
        drop(now);
        if let Some(list) = read {
            files::swap(&self.list, list);
        }
        Ok(())
    }

    fn state(&self) -> ListState {
        let list = self.list.load();
        let (name, from, updated) = (Arc::clone(list.name()), self.source.origin(), self.source.updated());
        ListState { name, from, entries: list.len(), updated }
    }
}

/// The list; `None` of an address that has never had one, or whose kept version is of no use any more.
fn read(name: &str, kind: ListKind, points: u8, source: &Source) -> Result<Option<List>, Unreadable> {
    let Some(text) = source.read()? else { return Ok(None) };
    let list = utf8(&text).and_then(|text| Ok(List::parse(name, kind, points, text)?));
    match (list, source.as_remote()) {
        (Err(_), Some(remote)) => {
            remote.forget();
            Ok(None)
        }
        (list, _) => list.map(Some),
    }
}

#[cfg(test)]
mod tests;
