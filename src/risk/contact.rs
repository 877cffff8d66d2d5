//! What speaks against a contact that a visitor types.

use crate::risk::{Finding, List, Points, Risk};
use crate::words::{Contact, Country};

/// What speaks against contacts, as the config has it.
#[derive(Debug, Default)]
pub struct ContactRisk {
    /// Lists of disposable addresses and numbers.
    pub lists: Vec<List>,
    /// What each finding is worth.
    pub points: Points,
    /// Whether it is known which country an address is in.
    pub knows_countries: bool,
}

/// What must be found out of a contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContactFacts {
    /// Whether it is a number on the internet.
    pub is_voip: bool,
    /// How many others proved it lately.
    pub others: u32,
    /// The country of its number, and the other one that the visitor is in.
    pub abroad: Option<(Country, Country)>,
}

// === impl ContactRisk ===

impl ContactRisk {
    /// Whether anything could speak against a contact.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let counts = |finding| self.points.counts(finding);
        !self.lists.is_empty() || counts(Finding::VoipNumber) || counts(Finding::ContactReused) || self.compares()
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

    /// What speaks against `contact`.
    #[must_use]
    pub fn of(&self, contact: &Contact, facts: ContactFacts) -> Risk {
        let mut risk = Risk::default();
        for list in self.lists.iter().filter(|list| list.has(contact)) {
            risk.listed(list.name(), list.points());
        }
        if facts.is_voip {
            risk.found(Finding::VoipNumber, &self.points);
        }
        if facts.others > 0 {
            risk.found(Finding::ContactReused, &self.points);
        }
        if let Some((number, visitor)) = facts.abroad {
            self.abroad(number, visitor, &mut risk);
        }
        risk
    }
}

#[cfg(test)]
mod tests;
