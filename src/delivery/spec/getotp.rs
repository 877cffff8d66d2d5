//! GetOTP, and how to speak to it.

use std::fmt;

use crate::config::SecretText;
use crate::words::Channel;

/// GetOTP. `Debug` shows no key.
#[derive(Clone)]
pub struct GetOtpSpec {
    /// What it needs to carry our codes.
    pub(in crate::delivery) codes: GetOtpCodes,
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

// === impl GetOtpSpec ===

impl GetOtpSpec {
    /// Whether it carries messages on `channel`.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms | Channel::Voice => true,
            Channel::Email => false,
        }
    }
}

impl fmt::Debug for GetOtpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOtpSpec").field("sender", &self.codes.sender).finish_non_exhaustive()
    }
}
