//! A short memory of this process: the last events, found by reference.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::words::Reference;

/// The last events of this process, at most so many; the oldest give way.
///
/// It answers look-ups of refusals, which no store keeps. An attacker who causes refusals can push others out of it;
/// the steps of a challenge are safe in the store.
pub struct Recent {
    most: usize,
    events: Mutex<VecDeque<(Reference, Arc<str>)>>,
}

// === impl Recent ===

impl Recent {
    /// A memory for at most `most` events.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, events: Mutex::default() }
    }

    /// Remembers an event's line.
    pub fn push(&self, reference: Reference, line: Arc<str>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        while events.len() >= self.most.max(1) {
            events.pop_front();
        }
        events.push_back((reference, line));
    }

    /// The lines under `reference`, oldest first.
    #[must_use]
    pub fn under(&self, reference: Reference) -> Vec<Arc<str>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|(known, _)| *known == reference).map(|(_, line)| Arc::clone(line)).collect()
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recent(at most {})", self.most)
    }
}
