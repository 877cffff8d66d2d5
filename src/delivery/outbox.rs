//! The outbox: a provider that sends nothing and keeps messages where the log and the admin page show them.
//!
//! It is for trying out and for tests. Whoever reads the log or the admin page reads every code, so it has no place where
//! real people sign in.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::audit::rfc3339;
use crate::delivery::{Parcel, Said};
use crate::words::{Channel, Clock, SystemClock};

/// The `tracing` target of what comes in.
const TARGET: &str = "otpgate::outbox";

/// The last messages of every `outbox` provider. Lives as long as the process.
pub struct Outbox {
    clock: Arc<dyn Clock>,
    /// The newest first.
    kept: Mutex<VecDeque<Kept>>,
}

/// A message in the outbox: all of it, since nothing else shows it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// When it came in: RFC 3339, UTC, milliseconds.
    pub time: String,
    /// The provider, by its name in the config.
    pub provider: String,
    /// The channel.
    pub channel: Channel,
    /// The address in full.
    pub to: String,
    /// The name of the site.
    pub site: String,
    /// The code; empty for a notice, which has none.
    pub code: String,
    /// What the visitor would read or hear; of an e-mail the subject, an empty line and the text part.
    pub text: String,
}

// === impl Outbox ===

impl Outbox {
    /// How many messages are kept; the oldest give way.
    pub const KEPT: usize = 200;

    /// An empty outbox that takes its time from `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// What came in, the newest first.
    #[must_use]
    pub fn recent(&self) -> Vec<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Keeps a message, and logs its code: this provider is where codes are meant to be seen, and the one exception to
    /// I9.
    pub(super) fn keep(&self, provider: &str, parcel: &Parcel<'_>) {
        let message = parcel.message;
        let channel = message.to.channel();
        let text = match parcel.said {
            Said::Email(email) => format!("{}\n\n{}", email.subject, email.text),
            Said::Sms(sms) => sms.text.clone(),
            Said::Voice(speech) => speech.to_string(),
        };
        let kept = Kept {
            time: rfc3339(self.clock.now()),
            provider: provider.to_owned(),
            channel,
            to: message.to.reveal().to_owned(),
            site: message.site.name().to_owned(),
            code: message.code.as_ref().map_or("", |code| code.reveal()).to_owned(),
            text,
        };
        tracing::info!(
            target: TARGET,
            provider,
            channel = channel.as_str(),
            to = message.to.masked(),
            code = kept.code,
            "a message came in; it goes nowhere"
        );
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front(kept);
        all.truncate(Self::KEPT);
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox")
    }
}

// === impl Kept ===

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} {})", self.time, self.channel)
    }
}

#[cfg(test)]
mod tests;
