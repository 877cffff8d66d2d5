//! The settings of a MessageBird account.

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::MessageBirdSpec;
use crate::delivery::settings::common::provider_settings;

provider_settings! {
    /// MessageBird, the classic API.
    MessageBirdSettings {
        /// The access key of the account.
        access_key: Placed<Credential>,
        /// The signing key of the account, by which receipts are signed. Without it there are none.
        signing_key: Option<Placed<Credential>>,
        /// The sender: a number, or a name of at most 11 letters and digits. Calls come from a number only.
        from: Placed<String>,
    }
}

// === impl MessageBirdSettings ===

impl MessageBirdSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<MessageBirdSpec, Fault> {
        Ok(MessageBirdSpec {
            access_key: self.access_key.reveal(around)?,
            signing_key: self.signing_key.as_ref().map(|key| key.reveal(around)).transpose()?,
            from: self.from.parse(|text| text.parse())?,
        })
    }
}
