//! What happened, for whom, why: the event record and the metrics.
//!
//! May use: `words`. Every verdict that is not plain forward and every step of a challenge becomes one [`Event`], handed
//! to [`Audit::record`]: it goes to the log (target `otpgate::audit`), into the counters, and into a short memory of
//! this process, so that a look-up by reference finds refusals that no store keeps. An event has no field that could
//! hold a code, a cookie, a query or a full contact (I9). Counters of the hot path are in [`Metrics`].
//! [`timeline`](mod@timeline) turns recorded lines back into a story for a support agent.

mod event;
mod kind;
mod metrics;
mod recent;
pub mod timeline;

use std::fmt;
use std::sync::Arc;

pub use event::{Event, Line, TARGET};
pub use kind::Kind;
pub use metrics::{
    DirectoryMetrics, DnsAnswer, Lookup, MarkOutcome, Metrics, ProviderMetrics, ReceiptOutcome, RiskMetrics,
    SendOutcome, SiteMetrics, UpstreamError, Verdict, VerifyOutcome,
};
pub use recent::Recent;

use crate::words::{Clock, Reference, Timestamp};

/// Where every room reports what happened.
pub struct Audit {
    /// The counters.
    pub metrics: Metrics,
    recent: Recent,
    clock: Arc<dyn Clock>,
}

/// `moment` as RFC 3339 in UTC with milliseconds; moments after the year 9999 are shown as its end.
#[must_use]
pub fn rfc3339(moment: Timestamp) -> String {
    const LAST: u64 = 253_402_300_799_999;
    let since_1970 = std::time::Duration::from_millis(moment.as_millis().min(LAST));
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + since_1970).to_string()
}

/// `text` for a log line or a terminal: control and invisible characters are written out (`\u{202e}`), and what goes
/// beyond `max` characters is cut off with `…` (F08).
#[must_use]
pub fn printable(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    for (position, character) in text.chars().enumerate() {
        if position == max {
            out.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    out
}

// === impl Audit ===

impl Audit {
    /// Events that a process remembers for look-ups; the oldest give way.
    pub const REMEMBERED: usize = 2_000;

    /// An audit that takes its time from `clock`. Its process started now.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { metrics: Metrics::new(clock.now()), recent: Recent::new(Self::REMEMBERED), clock }
    }

    /// Logs, counts and remembers `event`. Returns its line of masked JSON, for the store to keep.
    pub fn record(&self, event: Event) -> Arc<str> {
        self.metrics.happened(event.kind());
        let reference = event.reference();
        let line = event.at(self.clock.now());
        line.log();
        let json: Arc<str> = line.to_json().into();
        self.recent.push(reference, Arc::clone(&json));
        json
    }

    /// Everything known under `reference`: what the store kept and what this process remembers, each line once, oldest
    /// first.
    #[must_use]
    pub fn lookup(&self, reference: Reference, stored: Vec<String>) -> Vec<String> {
        let mut lines = stored;
        for line in self.recent.under(reference) {
            if !lines.iter().any(|known| **known == *line) {
                lines.push(line.to_string());
            }
        }
        lines.sort_by_cached_key(|line| Line::parse(line).map(|line| line.time).unwrap_or_default());
        lines
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

#[cfg(test)]
mod tests;
