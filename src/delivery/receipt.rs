//! Receipts: what a provider reports of a message, in a request of its own.

use http::{HeaderMap, Method};

use crate::words::{MessageId, Price, Progress, Timestamp};

/// A request of a provider to the gateway, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Callback<'a> {
    /// The method.
    pub method: &'a Method,
    /// The address as the provider was told it: `public_url`, and path and query as they came. Never made from a Host
    /// header.
    pub url: &'a str,
    /// The query, as it came, without its `?`.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, as it came.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

/// What a provider said, its signature checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// What it said of messages. Empty for a request that says nothing that matters.
    pub receipts: Vec<Receipt>,
    /// What the provider uses once only: the same again is a replay.
    pub nonce: Option<String>,
}

/// What a provider reports of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub whose: Whose,
    /// How far it came.
    pub progress: Progress,
    /// What it cost, for all its parts.
    pub price: Option<Price>,
    /// In how many parts it went.
    pub parts: Option<u8>,
}

/// By what name a receipt calls a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Ours.
    Ours(MessageId),
    /// The provider's.
    Theirs(String),
}

/// Why a request of a provider is not believed, or of no use. Never carries anything of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCallback {
    /// There is no such provider, or it sends no receipts, or the config gives it no key to sign them with.
    #[error("no such provider sends receipts here")]
    NoReceipts,
    /// The signature is missing or wrong: 403.
    #[error("the receipt is not signed as it should be: {0}")]
    Forged(&'static str),
    /// It was signed too long ago, or in the future: 403.
    #[error("the receipt is too old")]
    Stale,
    /// Signed, but not to be read: 400.
    #[error("the receipt cannot be read: {0}")]
    Malformed(&'static str),
}

// === impl Callback ===

impl Callback<'_> {
    /// The first value of a query parameter, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The pairs of a form in the body, decoded, in their order.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body).into_owned().collect()
    }

    /// The one value of a header; `None` when it is missing, there twice, or no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() { None } else { Some(value) }
    }

    /// The message that the address names (`?m=…`).
    #[must_use]
    pub fn ours(&self) -> Option<Whose> {
        self.parameter("m").and_then(|text| MessageId::parse(&text).ok()).map(Whose::Ours)
    }
}
