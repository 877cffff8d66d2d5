//! What is needed to speak to Twilio.

use crate::config::SecretText;
use crate::delivery::sender::Origin;
use crate::words::Channel;

/// An account at Twilio. `Debug` hides its secrets, and nothing displays them.
#[derive(Debug, Clone)]
pub struct TwilioSpec {
    /// The account: `AC` and 32 hexadecimal digits.
    pub(in crate::delivery) account: String,
    /// The user name of requests: the account, or the name of an API key.
    pub(in crate::delivery) user: String,
    /// Their password.
    pub(in crate::delivery) password: SecretText,
    /// What Twilio signs its own requests with; without it none is believed, so that none is asked for.
    pub(in crate::delivery) auth_token: Option<SecretText>,
    /// The secret of the shared key with which Twilio signs instead, if the account has one.
    pub(in crate::delivery) webhook_secret: Option<SecretText>,
    /// Who messages come from.
    pub(in crate::delivery) origin: Origin,
}

impl TwilioSpec {
    /// Whether it can carry messages on `channel`. A call needs a number, and a token by which Twilio's request for the
    /// code is known.
    #[must_use]
    pub fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Hosted => false,
            Channel::Sms => true,
            Channel::Voice => self.origin.caller().is_some() && self.auth_token.is_some(),
        }
    }
}
