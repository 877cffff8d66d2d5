//! The settings of GetOTP.

use crate::config::{Credential, Fault, Placed, SecretText, Surroundings};
use crate::delivery::GetOtpSpec;
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::getotp::{GetOtpAccount, GetOtpCodes};

provider_settings! {
    /// GetOTP (otp.dev). With `api_key`, `sender` and `template` it carries our codes, of at most eight digits, by sms
    /// and voice. With `account_key` and `account_token` it is for `hosted`: a page of its own.
    GetOtpSettings {
        /// The key of api.otp.dev (`X-OTP-Key`).
        api_key: Option<Placed<Credential>>,
        /// The sender of codes: its identifier, or its name.
        sender: Option<Placed<String>>,
        /// The template that says the code: its identifier.
        template: Option<Placed<String>>,
        /// The API key of otp.dev.
        account_key: Option<Placed<Credential>>,
        /// The API token of otp.dev.
        account_token: Option<Placed<Credential>>,
        /// Whether GetOTP is also asked what became of its page, besides being told. It does not say which address was
        /// proved, so whoever changes it on the page passes. Default false.
        poll: Option<Placed<bool>>,
    }
}

// === impl GetOtpSettings ===

impl GetOtpSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<GetOtpSpec, Fault> {
        let codes = match (&self.api_key, &self.sender, &self.template) {
            (Some(key), Some(sender), Some(template)) => {
                Some(GetOtpCodes { key: header(key, around)?, sender: text(sender)?, template: text(template)? })
            }
            (None, None, None) => None,
            (Some(key), ..) => return Err(key.fault("`sender` and `template` are needed with it")),
            (None, Some(one), _) | (None, None, Some(one)) => return Err(one.fault("`api_key` is needed with it")),
        };
        let page = match (&self.account_key, &self.account_token) {
            (Some(key), Some(token)) => {
                let polls = self.poll.is_some_and(|poll| poll.value);
                Some(GetOtpAccount { key: header(key, around)?, token: header(token, around)?, polls })
            }
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                return Err(one.fault("`account_key` and `account_token` belong together"));
            }
        };
        if let (None, Some(poll)) = (&page, &self.poll) {
            return Err(poll.fault("this is for its page: add `account_key` and `account_token`"));
        }
        if codes.is_none() && page.is_none() {
            let missing =
                "expected `api_key`, `sender` and `template`, or `account_key` and `account_token`, or all of them";
            return Err(Fault::new(missing));
        }
        Ok(GetOtpSpec { codes, page })
    }
}

/// A secret that goes into a header.
fn header(written: &Placed<Credential>, around: &Surroundings<'_>) -> Result<SecretText, Fault> {
    let secret = written.reveal(around)?;
    match http::HeaderValue::try_from(secret.reveal()) {
        Ok(_) => Ok(secret),
        Err(_) => Err(written.fault("expected a key that goes into a header: no line breaks")),
    }
}

fn text(written: &Placed<String>) -> Result<String, Fault> {
    match written.value.trim() {
        "" => Err(written.fault("expected a text that is not empty")),
        text => Ok(text.to_owned()),
    }
}
