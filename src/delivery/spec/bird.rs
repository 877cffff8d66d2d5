//! A channel of a Bird workspace.

use std::fmt;

use crate::config::SecretText;
use crate::words::Channel;

/// A channel of a Bird workspace. `Debug` hides what is secret.
#[derive(Clone)]
pub struct BirdSpec {
    pub(in crate::delivery) access_key: SecretText,
    pub(in crate::delivery) signing_key: Option<SecretText>,
    /// The workspace, as it stands in addresses.
    pub(in crate::delivery) workspace: String,
    /// The channel, as it stands in addresses.
    pub(in crate::delivery) channel: String,
}

// === impl BirdSpec ===

impl BirdSpec {
    /// Whether it carries messages on `channel`.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        matches!(channel, Channel::Sms)
    }
}

impl fmt::Debug for BirdSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BirdSpec")
            .field("workspace", &self.workspace)
            .field("channel", &self.channel)
            .field("signing_key", &self.signing_key)
            .finish_non_exhaustive()
    }
}
