//! A MessageBird account.

use std::fmt;

use crate::config::SecretText;
use crate::delivery::sender::Sender;
use crate::words::Channel;

/// A MessageBird account. `Debug` hides what is secret.
#[derive(Clone)]
pub struct MessageBirdSpec {
    pub(in crate::delivery) access_key: SecretText,
    pub(in crate::delivery) signing_key: Option<SecretText>,
    pub(in crate::delivery) from: Sender,
}

// === impl MessageBirdSpec ===

impl MessageBirdSpec {
    /// Whether it carries messages on `channel`.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        matches!(channel, Channel::Sms | Channel::Voice)
    }
}

impl fmt::Debug for MessageBirdSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageBirdSpec")
            .field("signing_key", &self.signing_key)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
