//! The settings of an account at Twilio.

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::sender::{Origin, Sender};
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::TwilioSpec;

provider_settings! {
    /// An account at Twilio: text messages and calls.
    TwilioSettings {
        /// The account: `AC` and 32 hexadecimal digits.
        account_sid: Placed<Credential>,
        /// Its token. Twilio signs receipts with it, so that without it none is believed, and no calls are made.
        auth_token: Option<Placed<Credential>>,
        /// The name of an API key to send with, `SK…`, instead of the token. Default: the token.
        api_key: Option<Placed<Credential>>,
        /// The secret of that API key.
        api_secret: Option<Placed<Credential>>,
        /// The sender: a number such as `+14155550100`, which is needed for calls; a short code; or a name.
        from: Option<Placed<String>>,
        /// The messaging service that chooses the sender, `MG…`, instead of `from`.
        messaging_service: Option<Placed<String>>,
        /// The secret of the shared key that signs requests, for accounts that have one. Default: `auth_token` signs.
        webhook_secret: Option<Placed<Credential>>,
    }
}

// === impl TwilioSettings ===

impl TwilioSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<TwilioSpec, Fault> {
        let account = self.account_sid.reveal(around)?.reveal().trim().to_owned();
        if !is_sid(&account, "AC") {
            return Err(self.account_sid.fault("expected an account SID: AC and 32 hexadecimal digits"));
        }
        let reveal = |written: &Option<Placed<Credential>>| written.as_ref().map(|it| it.reveal(around)).transpose();
        let auth_token = reveal(&self.auth_token)?;
        let (user, password) = match (&self.api_key, &self.api_secret) {
            (Some(key), Some(secret)) => (key.reveal(around)?.reveal().trim().to_owned(), secret.reveal(around)?),
            (Some(alone), None) => return Err(alone.fault("`api_key` needs its `api_secret`")),
            (None, Some(alone)) => return Err(alone.fault("`api_secret` needs its `api_key`")),
            (None, None) => match &auth_token {
                Some(token) => (account.clone(), token.clone()),
                None => return Err(self.account_sid.fault("`auth_token` is missing: Twilio takes nothing without it")),
            },
        };
        let origin = match (&self.from, &self.messaging_service) {
            (Some(from), None) => Origin::Sender(from.parse(|text| text.parse::<Sender>())?),
            (None, Some(service)) if is_sid(service.value.trim(), "MG") => {
                Origin::Pool(service.value.trim().to_owned())
            }
            (None, Some(service)) => {
                return Err(service.fault("expected the SID of a messaging service: MG and 32 hexadecimal digits"));
            }
            (Some(_), Some(service)) => {
                return Err(service.fault("`from` and `messaging_service` exclude each other: leave one out"));
            }
            (None, None) => {
                return Err(self.account_sid.fault("the sender is missing: add `from` or `messaging_service`"));
            }
        };
        let webhook_secret = reveal(&self.webhook_secret)?;
        Ok(TwilioSpec { account, user, password, auth_token, webhook_secret, origin })
    }
}

fn is_sid(text: &str, kind: &str) -> bool {
    let digits = text.strip_prefix(kind).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
