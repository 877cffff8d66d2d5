//! GetOTP, and how to speak to it.

use std::fmt;

use crate::config::SecretText;
use crate::words::Channel;

/// GetOTP. `Debug` shows no key.
#[derive(Clone)]
pub struct GetOtpSpec {
    /// What it needs to carry our codes.
    pub(in crate::delivery) codes: Option<GetOtpCodes>,
    /// What it needs to have visitors prove an address on its page.
    pub(in crate::delivery) page: Option<GetOtpAccount>,
}

/// What GetOTP needs to carry codes of ours (api.otp.dev).
#[derive(Clone)]
pub(in crate::delivery) struct GetOtpCodes {
    /// The `X-OTP-Key`.
    pub key: SecretText,
    /// The sender: its identifier or its name.
    pub sender: String,
    /// The template: its identifier.
    pub template: String,
}

/// What GetOTP needs to open a page (otp.dev).
#[derive(Clone)]
pub(in crate::delivery) struct GetOtpAccount {
    /// The API key.
    pub key: SecretText,
    /// The API token.
    pub token: SecretText,
    /// Whether a page that is not reported is asked after.
    pub polls: bool,
}

// === impl GetOtpSpec ===

impl GetOtpSpec {
    /// What its settings lack before it can serve `channel`.
    pub(super) const fn lacks(&self, channel: Channel) -> Option<&'static str> {
        match channel {
            Channel::Sms | Channel::Voice if self.codes.is_none() => Some("`api_key`, `sender` and `template`"),
            Channel::Hosted if self.page.is_none() => Some("`account_key` and `account_token`"),
            Channel::Sms | Channel::Voice | Channel::Hosted | Channel::Email => None,
        }
    }

    /// Whether it carries messages on `channel`.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms | Channel::Voice => self.codes.is_some(),
            Channel::Hosted => self.page.is_some(),
            Channel::Email => false,
        }
    }
}

impl fmt::Debug for GetOtpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (codes, page) = (self.codes.is_some(), self.page.is_some());
        f.debug_struct("GetOtpSpec").field("codes", &codes).field("page", &page).finish_non_exhaustive()
    }
}
