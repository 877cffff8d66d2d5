//! The settings of a Vonage account.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Placed, SecretText, Surroundings};
use crate::delivery::VonageSpec;
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::vonage::{self, Application, SignatureMode};
use crate::delivery::token::Signer;
use crate::words::Channel;

provider_settings! {
    /// Vonage. Text messages take `api_key` and `api_secret`, calls take `application_id` and `private_key`; the Messages
    /// API takes either.
    VonageSettings {
        /// Which API carries text messages. Default sms.
        api: Option<VonageApi>,
        /// The key of the account.
        api_key: Option<Placed<Credential>>,
        /// The secret of the account.
        api_secret: Option<Placed<Credential>>,
        /// The signature secret of the account, by which receipts are signed. Without it there are none.
        signature_secret: Option<Placed<Credential>>,
        /// How the SMS API signs: a setting of the account. Default sha256.
        signature: Option<Placed<VonageSignature>>,
        /// Whether requests to the SMS API are signed too, so that `api_secret` is not needed. Default false.
        sign_requests: Option<Placed<bool>>,
        /// The application that makes calls.
        application_id: Option<Placed<Credential>>,
        /// Its private key: PEM, or `file:` and where it is.
        private_key: Option<Placed<Credential>>,
        /// The sender: a number, or a name of at most 11 letters and digits. Calls come from a number only: without one,
        /// from any of the application's.
        from: Placed<String>,
    }
}

/// An API that carries text messages.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VonageApi {
    /// The SMS API.
    #[default]
    Sms,
    /// The Messages API.
    Messages,
}

/// How the SMS API signs.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VonageSignature {
    /// An MD5 hash over parameters and secret.
    Md5Hash,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    #[default]
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

// === impl VonageSettings ===

impl VonageSettings {
    pub(super) fn spec(&self, name: &Placed<String>, around: &Surroundings<'_>) -> Result<VonageSpec, Fault> {
        if let (Some(secret), None) = (&self.api_secret, &self.api_key) {
            return Err(secret.fault("`api_key` is missing beside `api_secret`"));
        }
        if let (Some(signature), None) = (&self.signature, &self.signature_secret) {
            return Err(signature.fault("`signature_secret` is missing: without it, nothing is signed"));
        }
        let sign_requests = self.sign_requests.as_ref().filter(|written| written.value);
        if let Some(written) = sign_requests {
            if self.api_key.is_none() || self.signature_secret.is_none() {
                return Err(written.fault("signed requests need `api_key` and `signature_secret`"));
            }
            if matches!(self.api, Some(VonageApi::Messages)) {
                return Err(written.fault("only the SMS API takes signed requests: leave `api: messages` out, or this"));
            }
        }
        let reveal = |written: &Option<Placed<Credential>>| -> Result<Option<SecretText>, Fault> {
            written.as_ref().map(|written| written.reveal(around)).transpose()
        };
        let text = |secret: SecretText| secret.reveal().trim().to_owned();
        let mode = self.signature.as_ref().map(|signature| signature.value).unwrap_or_default().mode();
        let spec = VonageSpec {
            api: match self.api.unwrap_or_default() {
                VonageApi::Sms => vonage::Api::Sms,
                VonageApi::Messages => vonage::Api::Messages,
            },
            api_key: reveal(&self.api_key)?.map(text),
            api_secret: reveal(&self.api_secret)?,
            application: self.application(around)?,
            signature: reveal(&self.signature_secret)?.map(|secret| (mode, secret)),
            sign_requests: sign_requests.is_some(),
            from: self.from.parse(|text| text.parse())?,
        };
        match (spec.lacks(Channel::Sms), spec.lacks(Channel::Voice)) {
            (Some(sms), Some(voice)) => {
                Err(name.fault(format!("it can carry nothing: text messages need {sms}, calls need {voice}")))
            }
            _ => Ok(spec),
        }
    }

    fn application(&self, around: &Surroundings<'_>) -> Result<Option<Application>, Fault> {
        match (&self.application_id, &self.private_key) {
            (None, None) => Ok(None),
            (Some(id), None) => Err(id.fault("`private_key` is missing beside `application_id`")),
            (None, Some(key)) => Err(key.fault("`application_id` is missing beside `private_key`")),
            (Some(id), Some(written)) => {
                let pem = written.reveal(around)?;
                let key = Signer::parse(pem.reveal()).map_err(|bad| written.fault(bad.to_string()))?;
                Ok(Some(Application { id: id.reveal(around)?.reveal().trim().to_owned(), key }))
            }
        }
    }
}

// === impl VonageSignature ===

impl VonageSignature {
    const fn mode(self) -> SignatureMode {
        match self {
            Self::Md5Hash => SignatureMode::Md5Hash,
            Self::Md5 => SignatureMode::Md5,
            Self::Sha1 => SignatureMode::Sha1,
            Self::Sha256 => SignatureMode::Sha256,
            Self::Sha512 => SignatureMode::Sha512,
        }
    }
}
