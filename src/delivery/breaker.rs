//! The circuit breaker: a provider that is out of order is left alone for a while, so that no visitor waits for it.
//!
//! One for each provider and channel. It opens after [`FAILURES`] failures in a row that are the provider's fault
//! ([`Remedy::blames_provider`](super::Remedy)), and at once when its account or credentials are not in order or it asks
//! for a rest. It stays open for [`FIRST`], after each failed trial twice as long as before, up to [`LONGEST`]; or as long as
//! the provider asked. Then one message at a time is let through: the first that the provider answers closes it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::delivery::Failure;
use crate::words::{FailureClass, Timestamp};

/// A circuit breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Failures in a row.
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: Timestamp,
    until: Timestamp,
    /// For how long it opens next.
    next: Duration,
    /// Whether a message was let through to try it.
    trying: bool,
}

/// Leave to send one message. Without a word on what became of it, nothing is learned.
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

/// What a message changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened(Duration),
    Closed,
}

/// Failures in a row that open it.
const FAILURES: u32 = 5;
/// For how long it opens first.
const FIRST: Duration = Duration::from_secs(30);
/// The longest that it opens for.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// The longest rest that a provider can ask for.
const REST: Duration = Duration::from_secs(60 * 60);

// === impl Breaker ===

impl Breaker {
    /// When it opened, if it lets no message through now.
    pub(super) fn open_since(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.state().open?;
        (open.trying || now < open.until).then_some(open.since)
    }

    /// Leave to send a message. When it is open, only for the trial, or for whoever insists.
    pub(super) fn leave(&self, now: Timestamp, insists: bool) -> Option<Leave<'_>> {
        let mut state = self.state();
        let is_trial = match &mut state.open {
            None => false,
            Some(open) if !open.trying && now >= open.until => {
                open.trying = true;
                true
            }
            Some(_) if insists => false,
            Some(_) => return None,
        };
        Some(Leave { breaker: self, is_trial })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) -> Option<Change> {
        let mut state = self.state();
        state.failures = 0;
        state.open.take().map(|_| Change::Closed)
    }

    fn failed(&self, failure: &Failure, now: Timestamp, is_trial: bool) -> Option<Change> {
        let asked = match failure {
            Failure::Declined { retry_after, .. } => retry_after.filter(|time| !time.is_zero()),
            _ => None,
        };
        let asked = asked.map(|time| time.min(REST));
        let hopeless = matches!(
            failure.class(),
            FailureClass::InsufficientBalance | FailureClass::AuthConfig | FailureClass::SenderConfig
        );
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        let failures = state.failures;
        match &mut state.open {
            // It was on its way when the breaker opened, or was sent all the same: nothing new.
            Some(open) if !is_trial => {
                open.until = asked.map_or(open.until, |time| open.until.max(now.after(time)));
                None
            }
            Some(open) => {
                open.until = now.after(asked.unwrap_or(open.next));
                open.next = (open.next * 2).min(LONGEST);
                open.trying = false;
                None
            }
            None if failures >= FAILURES || asked.is_some() || hopeless => {
                let time = asked.unwrap_or(FIRST);
                // How long a provider asks for says nothing of how long it takes otherwise.
                let next = if asked.is_some() { FIRST } else { FIRST * 2 };
                state.open = Some(Open { since: now, until: now.after(time), next, trying: false });
                Some(Change::Opened(time))
            }
            None => None,
        }
    }
}

// === impl Leave ===

impl Leave<'_> {
    /// The provider answered, in whatever way: it is not out of order.
    pub(super) fn answered(self) -> Option<Change> {
        self.breaker.answered()
    }

    /// The provider is to blame that a message did not go out.
    pub(super) fn failed(self, failure: &Failure, now: Timestamp) -> Option<Change> {
        self.breaker.failed(failure, now, self.is_trial)
    }
}

impl Drop for Leave<'_> {
    /// A trial that was given up, such as by a visitor who left, leaves the next one to try.
    fn drop(&mut self) {
        if self.is_trial
            && let Some(open) = &mut self.breaker.state().open
        {
            open.trying = false;
        }
    }
}

#[cfg(test)]
mod tests;
