//! Any provider that takes a request over HTTP, as an operator describes it.

mod template;

use std::fmt;

use http::{HeaderName, Method};
use ring::hmac;
use serde_json::Value;

pub(in crate::delivery) use template::{Escape, Template, Values};

use crate::config::SecretText;
use crate::words::{Channel, FailureClass, Progress};

/// A provider that takes a request over HTTP. `Debug` shows none of its templates: they may hold secrets.
#[derive(Clone)]
pub struct HttpSpec {
    /// The channels that it carries.
    pub(in crate::delivery) channels: Vec<Channel>,
    pub(in crate::delivery) method: Method,
    /// Scheme and host, perhaps with a user name and a password.
    pub(in crate::delivery) origin: SecretText,
    /// What follows the host in the address.
    pub(in crate::delivery) target: Template,
    pub(in crate::delivery) headers: Vec<(HeaderName, Template)>,
    /// The body and its media type.
    pub(in crate::delivery) body: Option<(String, Template)>,
    /// The sender, as templates call it.
    pub(in crate::delivery) from: Option<String>,
    /// Where an answer names the message.
    pub(in crate::delivery) id: Option<Pointer>,
    /// The statuses that mean "accepted"; empty for every 2xx.
    pub(in crate::delivery) accepted: Vec<u16>,
    /// What an answer says that means a failure, whatever its status. The first one that fits holds.
    pub(in crate::delivery) errors: Vec<ErrorRule>,
    /// Statuses with which the provider asks to try again, besides 429 and 5xx.
    pub(in crate::delivery) retry: Vec<u16>,
    pub(in crate::delivery) receipts: Option<HttpReceipts>,
}

/// What an answer or a receipt says that means a failure.
#[derive(Debug, Clone)]
pub(in crate::delivery) struct ErrorRule {
    /// The status of the answer; any when none is given.
    pub status: Option<u16>,
    /// Where it says so, and what.
    pub says: Option<(Pointer, Vec<String>)>,
    /// What it means.
    pub class: FailureClass,
}

/// How an operator's provider reports of messages.
#[derive(Debug, Clone)]
pub(in crate::delivery) struct HttpReceipts {
    pub signature: Signature,
    /// Where a receipt has the provider's name of the message.
    pub id: Option<Pointer>,
    /// Where a receipt has our name of the message.
    pub reference: Option<Pointer>,
    /// Where it says how far the message came.
    pub status: Pointer,
    /// What the words there mean. Others mean nothing.
    pub states: Vec<(String, Progress)>,
    /// Why a message failed; a failure that fits none is unknown.
    pub errors: Vec<ErrorRule>,
    pub price: Option<Pointer>,
    pub parts: Option<Pointer>,
}

/// How a receipt shows whose it is.
#[derive(Clone)]
pub(in crate::delivery) enum Signature {
    /// As https://www.standardwebhooks.com has it.
    StandardWebhooks(hmac::Key),
    /// A secret that only the provider was told.
    Token {
        /// The secret.
        secret: SecretText,
        /// Where it stands.
        place: TokenPlace,
    },
}

/// Where a receipt has its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::delivery) enum TokenPlace {
    /// In a parameter of its address.
    Query(String),
    /// In a header.
    Header(HeaderName),
}

/// A place in a JSON text (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::delivery) struct Pointer(String);

// === impl HttpSpec ===

impl HttpSpec {
    /// What templates can be filled with.
    pub(in crate::delivery) const NAMES: &'static [&'static str] = &[
        "channel",
        "to",
        "digits",
        "text",
        "subject",
        "html",
        "code",
        "id",
        "receipts",
        "from",
        "ttl_seconds",
        "language",
        "site",
        "host",
    ];

    /// Whether it carries messages on `channel`.
    #[must_use]
    pub fn serves(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

impl fmt::Debug for HttpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSpec")
            .field("channels", &self.channels)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

// === impl ErrorRule ===

impl ErrorRule {
    /// Whether an answer of this status, or a receipt, that says this is meant.
    pub(in crate::delivery) fn fits(&self, status: Option<u16>, said: &Value) -> bool {
        let by_status = self.status.is_none_or(|wanted| Some(wanted) == status);
        by_status
            && self
                .says
                .as_ref()
                .is_none_or(|(pointer, words)| pointer.text(said).is_some_and(|text| words.contains(&text)))
    }
}

// === impl Pointer ===

impl Pointer {
    /// Reads `/a/0/b`; the empty text is the whole.
    ///
    /// # Errors
    /// When it is none.
    pub(in crate::delivery) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.starts_with('/') {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected a JSON pointer, such as /messages/0/id")
        }
    }

    /// The single value that stands there, as a text.
    pub(in crate::delivery) fn text(&self, of: &Value) -> Option<String> {
        match of.pointer(&self.0)? {
            Value::String(text) => Some(text.trim().to_owned()),
            number @ Value::Number(_) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

// === impl Signature ===

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardWebhooks(_) => f.write_str("StandardWebhooks(…)"),
            Self::Token { place, .. } => write!(f, "Token({place:?})"),
        }
    }
}
