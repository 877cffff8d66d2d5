//! What speaks against a contact that a visitor types.

use crate::risk::{List, Risk};
use crate::words::Contact;

/// What speaks against contacts, as the config has it.
#[derive(Debug, Default)]
pub struct ContactRisk {
    /// Lists of disposable addresses and numbers.
    pub lists: Vec<List>,
    /// The points of a number on the internet, which anybody gets in a minute.
    pub voip_number: u8,
    /// The points of a contact that others proved lately.
    pub contact_reused: u8,
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
        !self.lists.is_empty() || self.voip_number > 0 || self.contact_reused > 0
    }

    /// What speaks against `contact`.
    #[must_use]
    pub fn of(&self, contact: &Contact, facts: ContactFacts) -> Risk {
        let mut risk = Risk::default();
        for list in self.lists.iter().filter(|list| list.has(contact)) {
            risk.add(list.name(), list.points());
        }
        if facts.is_voip {
            risk.add("voip_number", self.voip_number);
        }
        if facts.others > 0 {
            risk.add("contact_reused", self.contact_reused);
        }
        risk
    }
}

#[cfg(test)]
mod tests;
