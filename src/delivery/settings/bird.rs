//! The settings of a Bird channel.

use crate::config::{Credential, Fault, Placed, Surroundings};
use crate::delivery::BirdSpec;
use crate::delivery::settings::common::provider_settings;

provider_settings! {
    /// Bird, the Channels API.
    BirdSettings {
        /// The access key of the workspace.
        access_key: Placed<Credential>,
        /// The workspace: its identifier.
        workspace: Placed<Credential>,
        /// The channel that sends text messages: its identifier. Who the sender is, is set there.
        channel: Placed<Credential>,
        /// The signing key of the webhook, by which receipts are signed. Without it there are none.
        signing_key: Option<Placed<Credential>>,
    }
}

// === impl BirdSettings ===

impl BirdSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<BirdSpec, Fault> {
        let in_address = |written: &Placed<Credential>| {
            let text = written.reveal(around)?;
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            match text.reveal().trim() {
                id if id.bytes().all(is_plain) => Ok(id.to_owned()),
                _ => Err(written.fault("expected an identifier: letters, digits and hyphens, as Bird shows it")),
            }
        };
        Ok(BirdSpec {
            access_key: self.access_key.reveal(around)?,
            signing_key: self.signing_key.as_ref().map(|key| key.reveal(around)).transpose()?,
            workspace: in_address(&self.workspace)?,
            channel: in_address(&self.channel)?,
        })
    }
}
