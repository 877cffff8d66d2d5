//! What is needed to speak to Plivo.

use crate::config::SecretText;
use crate::delivery::sender::Origin;
use crate::words::Channel;

/// An account at Plivo. `Debug` hides its secret, and nothing displays it.
#[derive(Debug, Clone)]
pub struct PlivoSpec {
    /// The account or sub-account: 20 letters and digits, `MA…` or `SA…`.
    pub(in crate::delivery) auth_id: String,
    /// Its password, and what Plivo signs its requests with.
    pub(in crate::delivery) auth_token: SecretText,
    /// Who messages come from.
    pub(in crate::delivery) origin: Origin,
    /// Whether receipts of text messages are also believed with a signature of the second version, which covers neither
    /// the query nor the body.
    pub(in crate::delivery) signature_v2: bool,
}

impl PlivoSpec {
    /// Whether it can carry messages on `channel`. A call needs a number.
    #[must_use]
    pub fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Hosted => false,
            Channel::Sms => true,
            Channel::Voice => self.origin.caller().is_some(),
        }
    }
}
