//! What speaks against a contact that a visitor types.

use crate::risk::{Finding, List, Points, Risk};
use crate::words::Contact;

/// What speaks against contacts, as the config has it.
#[derive(Debug, Default)]
pub struct ContactRisk {
    /// Lists of disposable addresses and numbers.
    pub lists: Vec<List>,
    /// What each finding is worth.
    pub points: Points,
}

/// What must be found out of a contact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ContactFacts {
    /// Whether it is a number on the internet.
    pub is_voip: bool,
    /// How many others proved it lately.
    pub others: u32,
}

// === impl ContactRisk ===

impl ContactRisk {
    /// Whether anything could speak against a contact.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.lists.is_empty() || self.points.counts(Finding::VoipNumber) || self.points.counts(Finding::ContactReused)
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
        risk
    }
}

#[cfg(test)]
mod tests;
