//! The config's `verified` of a site: who is told of each contact that was proved.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::http::certificates;
use super::within;
use crate::config::{Credential, Fault, Period, Placed, Surroundings, is_this_machine};
use crate::directory::{Webhook, WebhookSpec};

/// Who is told of each contact that a visitor proved, of those that a directory knew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifiedSettings {
    /// Gets a POST for each, signed as Standard Webhooks says; https, or http to this machine.
    pub webhook: Placed<Credential>,
    /// What signs: `whsec_` and base64 of 24 bytes or more, or any other text of 24 characters or more.
    pub secret: Placed<Credential>,
    /// How long it may take, connection and all: 100ms to 30s. Default 5s.
    pub timeout: Option<Placed<Period>>,
    /// The certificates that may vouch for its own, PEM. Default: those of the system.
    pub ca: Option<Placed<PathBuf>>,
}

const TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest key, in bytes: that of Standard Webhooks.
const KEY: usize = 24;

// === impl VerifiedSettings ===

impl VerifiedSettings {
    /// Makes the webhook. Connects to nobody.
    ///
    /// # Errors
    /// When its address is none that contacts may go to, or its secret is too weak.
    pub fn load(&self, around: &Surroundings<'_>) -> Result<Webhook, Fault> {
        let spec = WebhookSpec {
            url: self.url(around)?,
            key: self.key(around)?,
            timeout: within(self.timeout, TIMEOUT)?,
            ca: self.ca.as_ref().map(|ca| certificates(ca, around)).transpose()?.unwrap_or_default(),
        };
        Webhook::new(spec).map_err(|_| self.webhook.fault("the certificates of the system cannot be read: write `ca`"))
    }

    fn url(&self, around: &Surroundings<'_>) -> Result<Url, Fault> {
        let written = self.webhook.reveal(around)?;
        let url = Url::parse(written.reveal().trim())
            .map_err(|_| self.webhook.fault("expected an address such as https://crm.internal/otpgate"))?;
        let host = url.host_str().unwrap_or_default();
        if !(url.scheme() == "https" || url.scheme() == "http" && is_this_machine(host)) {
            return Err(self.webhook.fault("contacts would be read on the way: write https://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(self.webhook.fault("expected an address without a user name and without `#`"));
        }
        Ok(url)
    }

    fn key(&self, around: &Surroundings<'_>) -> Result<hmac::Key, Fault> {
        let written = self.secret.reveal(around)?;
        let text = written.reveal().trim();
        let decoded;
        let bytes = match text.strip_prefix("whsec_") {
            Some(encoded) => {
                decoded =
                    STANDARD.decode(encoded).map_err(|_| self.secret.fault("what follows `whsec_` is no base64"))?;
                &*decoded
            }
            None => text.as_bytes(),
        };
        if bytes.len() < KEY {
            let wrong = "too short, whoever guesses it forges marks: expected `whsec_` and base64 of 24 random bytes or \
                         more, or another secret of 24 characters or more";
            return Err(self.secret.fault(wrong));
        }
        Ok(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}
