//! The settings of GetOTP.

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::GetOtpSpec;
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::getotp::GetOtpCodes;

provider_settings! {
    /// GetOTP (otp.dev): text messages and voice calls with our own codes, which have at most eight digits there.
    GetOtpSettings {
        /// The key of api.otp.dev (`X-OTP-Key`).
        api_key: Placed<Credential>,
        /// The sender: its identifier, or its name.
        sender: Placed<String>,
        /// The template that says the code: its identifier.
        template: Placed<String>,
    }
}

// === impl GetOtpSettings ===

impl GetOtpSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<GetOtpSpec, Fault> {
        let key = self.api_key.reveal(around)?;
        if http::HeaderValue::try_from(key.reveal()).is_err() {
            return Err(self.api_key.fault("expected a key that goes into a header: no line breaks"));
        }
        let text = |written: &Placed<String>| match written.value.trim() {
            "" => Err(written.fault("expected a text that is not empty")),
            text => Ok(text.to_owned()),
        };
        Ok(GetOtpSpec { codes: GetOtpCodes { key, sender: text(&self.sender)?, template: text(&self.template)? } })
    }
}
