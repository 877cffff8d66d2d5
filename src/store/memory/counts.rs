//! What counts in sliding windows, exactly: the moment of every event that a window still reaches.

use std::time::Duration;

use super::expiring::Expiring;
use crate::store::Window;
use crate::words::{ChallengeId, Timestamp};

/// One counted event: a send or a wrong code of a challenge, by its number.
type Event = (ChallengeId, u32);

/// The counts of a site, by name.
#[derive(Debug)]
pub(super) struct Counts(Expiring<String, Vec<(Timestamp, Event)>>);

/// Counts that a site may have; see `Site::check_room`.
const MOST: usize = 1_000_000;

// === impl Counts ===

impl Counts {
    pub(super) fn new() -> Self {
        Self(Expiring::new(MOST))
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// How long until one more fits into each of the windows; zero is now.
    pub(super) fn full_for(&self, name: &str, windows: &[Window], now: Timestamp) -> Duration {
        let events = self.0.get(name, now).map_or(&[][..], Vec::as_slice);
        let wait = |window: &Window| {
            let count = usize::try_from(window.count).unwrap_or(usize::MAX);
            // The event that has to leave the window before one more fits.
            let (at, _) = events.len().checked_sub(count).and_then(|place| events.get(place))?;
            at.after(window.span).since(now)
        };
        windows.iter().filter_map(wait).max().unwrap_or_default()
    }

    /// Counts an event now, and forgets what no window reaches.
    pub(super) fn count(&mut self, name: &str, windows: &[Window], event: Event, now: Timestamp) {
        let Some(longest) = windows.iter().map(|window| window.span).max() else { return };
        let end = now.after(longest);
        if let Some(events) = self.0.get_mut(name, now) {
            events.retain(|(at, _)| at.after(longest) > now);
            events.push((now, event));
            self.0.keep(name, end);
        } else {
            self.0.insert(name.to_owned(), vec![(now, event)], end);
        }
    }

    /// Counts an event no longer.
    pub(super) fn uncount(&mut self, name: &str, event: Event, now: Timestamp) {
        if let Some(events) = self.0.get_mut(name, now) {
            events.retain(|(_, counted)| *counted != event);
        }
    }

    /// Forgets a count.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.sweep(now);
    }
}
