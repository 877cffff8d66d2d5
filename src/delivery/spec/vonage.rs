//! A Vonage account, and which of its APIs carry messages.

use std::fmt;

use crate::config::SecretText;
use crate::delivery::sender::Sender;
use crate::delivery::token::Signer;
use crate::words::Channel;

/// A Vonage account, and which of its APIs carry messages. `Debug` hides what is secret.
#[derive(Clone)]
pub struct VonageSpec {
    pub(in crate::delivery) api: Api,
    pub(in crate::delivery) api_key: Option<String>,
    pub(in crate::delivery) api_secret: Option<SecretText>,
    pub(in crate::delivery) application: Option<Application>,
    pub(in crate::delivery) signature: Option<(SignatureMode, SecretText)>,
    /// Whether requests to the SMS API are signed rather than sent with the secret.
    pub(in crate::delivery) sign_requests: bool,
    pub(in crate::delivery) from: Sender,
}

/// The API that carries text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum Api {
    /// The SMS API: `/sms/json`.
    Sms,
    /// The Messages API: `/v1/messages`.
    Messages,
}

/// An application of the account: its key signs tokens.
#[derive(Debug, Clone)]
pub(in crate::delivery) struct Application {
    pub id: String,
    pub key: Signer,
}

/// How parameters are signed: a setting of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::delivery) enum SignatureMode {
    /// MD5 over parameters and secret.
    Md5Hash,
    /// HMAC-MD5.
    Md5,
    /// HMAC-SHA-1.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

// === impl VonageSpec ===

impl VonageSpec {
    /// Whether it has what `channel` takes.
    #[must_use]
    pub const fn serves(&self, channel: Channel) -> bool {
        matches!(channel, Channel::Sms | Channel::Voice) && self.lacks(channel).is_none()
    }

    /// What is missing before it can carry messages on `channel`, if it ever can.
    pub(in crate::delivery) const fn lacks(&self, channel: Channel) -> Option<&'static str> {
        let has_account = self.api_key.is_some() && self.api_secret.is_some();
        let has_application = self.application.is_some();
        match (channel, self.api) {
            (Channel::Sms, Api::Sms) if !has_account && !self.sign_requests => Some("`api_key` and `api_secret`"),
            (Channel::Sms, Api::Messages) if !has_account && !has_application => {
                Some("`application_id` and `private_key`")
            }
            (Channel::Voice, _) if !has_application => Some("`application_id` and `private_key`"),
            _ => None,
        }
    }
}

impl fmt::Debug for VonageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VonageSpec")
            .field("api", &self.api)
            .field("api_key", &self.api_key)
            .field("application", &self.application.as_ref().map(|application| &application.id))
            .field("signature", &self.signature.as_ref().map(|(mode, _)| mode))
            .field("sign_requests", &self.sign_requests)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}
