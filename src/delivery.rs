//! How a code reaches a contact: channels, messages and providers.
//!
//! May use: `words`, `seal`, `config`, `audit`, `request`. A [`Message`] is what is to be said, and to whom; what it
//! says is in `sentences`. A provider carries it: one file each in `providers`. [`Delivery::send`] tries the providers of
//! the message's channel in order. Start there.

mod email;
mod failure;
mod message;
mod outbox;
mod providers;
mod sentences;
pub mod settings;
mod spec;

use std::fmt;
use std::sync::Arc;

pub use failure::{Attempt, Failure, Reply, SendError};
pub use message::{Aim, Message, SiteName};
pub use outbox::{Kept, Outbox};
pub use spec::{BadSmtp, DeliverySpec, ProviderKind, ProviderSpec, SmtpSpec};

use crate::delivery::providers::Provider;
use crate::words::Channel;

/// How codes reach people: the providers of every channel.
#[derive(Debug)]
pub struct Delivery {
    channels: Vec<(Channel, Vec<Arc<Carrier>>)>,
}

/// A message that a provider took.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The provider, by its name in the config.
    pub provider: String,
    /// What other providers failed at before it.
    pub failed: Vec<Attempt>,
}

/// A provider with its name in the config.
struct Carrier {
    name: Arc<str>,
    provider: Box<dyn Provider>,
}

// === impl Delivery ===

impl Delivery {
    /// The delivery of one config. Connects nowhere. The outbox outlives a reload.
    ///
    /// # Errors
    /// When a provider cannot be set up, such as for a CA file that cannot be read, or when a channel names a provider
    /// that does not exist or cannot serve it.
    pub fn new(spec: DeliverySpec, outbox: Arc<Outbox>) -> Result<Self, BadSmtp> {
        let mut carriers = Vec::with_capacity(spec.providers.len());
        for provider in spec.providers {
            let name = Arc::clone(&provider.name);
            carriers.push(Arc::new(Carrier { name, provider: providers::set_up(provider, &outbox)? }));
        }
        let mut channels = Vec::with_capacity(spec.channels.len());
        for (channel, names) in spec.channels {
            let mut serving = Vec::with_capacity(names.len());
            for name in names {
                let carrier = carriers.iter().find(|carrier| carrier.name == name);
                let carrier = carrier.ok_or_else(|| BadSmtp::NoSuchProvider(channel, Arc::clone(&name)))?;
                if !carrier.provider.serves(channel) {
                    return Err(BadSmtp::CannotServe(channel, name));
                }
                serving.push(Arc::clone(carrier));
            }
            channels.push((channel, serving));
        }
        Ok(Self { channels })
    }

    /// Whether any provider carries messages on `channel`.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        !self.carriers(channel).is_empty()
    }

    /// Sends a message by the first provider of its channel that takes it; one other than `avoid` is preferred. After an
    /// attempt of which nobody knows whether it went out, just one more provider is tried.
    ///
    /// # Errors
    /// When no provider surely took it. [`SendError::surely_not_sent`] says whether it may have gone out all the same.
    pub async fn send(&self, message: &Message, avoid: Option<&str>) -> Result<Delivered, SendError> {
        let channel = message.to.channel();
        let mut carriers: Vec<_> = self.carriers(channel).iter().collect();
        carriers.sort_by_key(|carrier| Some(&*carrier.name) == avoid);
        let mut failed: Vec<Attempt> = Vec::new();
        for carrier in carriers {
            let maybe_sent = failed.iter().any(|attempt| !attempt.failure.surely_not_sent());
            match carrier.provider.carry(message).await {
                Ok(()) => return Ok(Delivered { provider: carrier.name.to_string(), failed }),
                Err(failure) => {
                    tracing::warn!(provider = &*carrier.name, %channel, %failure, "a provider did not take a message");
                    failed.push(Attempt { provider: Arc::clone(&carrier.name), failure });
                }
            }
            if maybe_sent {
                break;
            }
        }
        Err(SendError::new(channel, failed))
    }

    fn carriers(&self, channel: Channel) -> &[Arc<Carrier>] {
        self.channels.iter().find(|(known, _)| *known == channel).map_or(&[], |(_, carriers)| carriers)
    }
}

// === impl Carrier ===

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.provider)
    }
}

#[cfg(test)]
mod tests;
