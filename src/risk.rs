//! How likely it is that a request means no good: signals, each with its points, and the score that is their sum.
//!
//! May use: `words`, `config`. Pure: what must be asked is asked by the conductor and handed in. So far there are the signals
//! of a contact that a visitor types ([`ContactRisk`]); those of addresses and devices come later. Start at [`Risk`].

mod contact;
mod list;
mod netlist;
mod prefix;
pub mod settings;

pub use contact::{ContactFacts, ContactRisk};
pub use list::{BadList, List, ListKind};
pub use netlist::{BadNetlist, Meaning, networks, systems};
pub use prefix::{OnLists, PrefixTable};

use std::sync::Arc;

/// What speaks against a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Risk {
    signals: Vec<Signal>,
}

/// One finding about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Its name in logs: that of a list, or of a key under `risk.points`.
    pub name: Arc<str>,
    /// Its points, 0 to 100.
    pub points: u8,
}

// === impl Risk ===

impl Risk {
    /// The highest score.
    pub const MOST: u8 = 100;

    /// The signals, in the order in which they were found.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The sum of all points, 100 at most.
    #[must_use]
    pub fn score(&self) -> u8 {
        self.signals.iter().fold(0, |sum: u8, signal| sum.saturating_add(signal.points)).min(Self::MOST)
    }

    fn add(&mut self, name: &Arc<str>, points: u8) {
        // What is worth nothing is no finding.
        if points > 0 {
            self.signals.push(Signal { name: Arc::clone(name), points });
        }
    }
}
