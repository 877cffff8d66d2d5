//! What is needed to speak to Twilio.

use crate::config::SecretText;
use crate::delivery::spec::Sender;
use crate::words::Channel;

/// An account at Twilio. `Debug` hides its secrets, and nothing displays them.
#[derive(Debug, Clone)]
pub struct TwilioSpec {
    /// The account: `AC` and 32 hexadecimal digits.
    pub account: String,
    /// The user name of requests: the account, or the name of an API key.
    pub user: String,
    /// Their password.
    pub password: SecretText,
    /// What Twilio signs its own requests with; without it none is believed, so that none is asked for.
    pub auth_token: Option<SecretText>,
    /// The secret of the shared key with which Twilio signs instead, if the account has one.
    pub webhook_secret: Option<SecretText>,
    /// Who messages come from.
    pub sender: Sender,
}

impl TwilioSpec {
    /// Whether it can carry messages on `channel`. A call needs a number, and a token by which Twilio's request for the
    /// code is known.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Hosted => false,
            Channel::Sms => true,
            Channel::Voice => self.sender.calls() && self.auth_token.is_some(),
        }
    }
}
