//! The settings of an account at Plivo.

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::sender::{Origin, Sender};
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::PlivoSpec;

provider_settings! {
    /// An account at Plivo: text messages and calls.
    PlivoSettings {
        /// The account or sub-account: `MA` or `SA` and 18 letters and digits.
        auth_id: Placed<Credential>,
        /// Its token, with which Plivo also signs receipts.
        auth_token: Placed<Credential>,
        /// The sender: a number such as `+14155550100`, which is needed for calls; a short code; or a name.
        from: Option<Placed<String>>,
        /// The powerpack that chooses the sender, by its UUID, instead of `from`.
        powerpack: Option<Placed<String>>,
        /// Whether receipts of text messages with a signature of version 2 are believed, which covers neither the query
        /// nor the body. Default false.
        signature_v2: Option<Placed<bool>>,
    }
}

// === impl PlivoSettings ===

impl PlivoSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<PlivoSpec, Fault> {
        let auth_id = self.auth_id.reveal(around)?.reveal().trim().to_owned();
        let is_id = auth_id.len() == 20 && auth_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id || !(auth_id.starts_with("MA") || auth_id.starts_with("SA")) {
            return Err(self.auth_id.fault("expected an auth ID: MA or SA and 18 letters and digits"));
        }
        let origin = match (&self.from, &self.powerpack) {
            (Some(from), None) => Origin::Sender(from.parse(|text| text.parse::<Sender>())?),
            (None, Some(powerpack)) if is_uuid(powerpack.value.trim()) => {
                Origin::Pool(powerpack.value.trim().to_owned())
            }
            (None, Some(powerpack)) => return Err(powerpack.fault("expected the UUID of a powerpack")),
            (Some(_), Some(powerpack)) => {
                return Err(powerpack.fault("`from` and `powerpack` exclude each other: leave one out"));
            }
            (None, None) => return Err(self.auth_id.fault("the sender is missing: add `from` or `powerpack`")),
        };
        let auth_token = self.auth_token.reveal(around)?;
        let signature_v2 = self.signature_v2.is_some_and(|accepted| accepted.value);
        Ok(PlivoSpec { auth_id, auth_token, origin, signature_v2 })
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
