//! How a code reaches a contact: channels, messages and providers.
//!
//! May use: `words`, `seal`, `config`, `audit`, `request`, `store`. A [`Message`] is what is to be said, and to whom;
//! what it says is in `sentences`. Which providers are tried, and in which order, is in `choice`. A provider carries it:
//! one file each in `providers`; what follows from a failure is the one table in `remedy`. [`Delivery::send`] puts them
//! together; what providers report later comes in by [`Delivery::read`]. Start there.

mod choice;
mod email;
mod failure;
mod learned;
mod message;
mod outbox;
mod parcel;
mod providers;
mod receipt;
mod remedy;
mod segments;
mod send;
mod sentences;
pub mod settings;
mod spec;
mod speech;
mod tongue;
mod web;

use std::fmt;
use std::sync::Arc;

pub use failure::{Attempt, Failure, Reply, SendError};
pub use message::{Aim, Message, SiteName};
pub use outbox::{Kept, Outbox};
pub use receipt::{BadCallback, Callback, Heard, Receipt, Whose};
pub use remedy::{Remedy, Told};
pub use send::{Delivered, Order};
pub use spec::{
    BadDelivery, BadSmtp, BestRules, ChannelSpec, Common, CountrySpec, DeliverySpec, GetOtpSpec, HttpSpec,
    ProviderKind, ProviderSpec, SmtpSpec, Strategy,
};
pub use tongue::LANGUAGES;

pub(in crate::delivery) use parcel::{Parcel, Said, Taken};

use crate::audit::Audit;
use crate::delivery::choice::{Ask, Chooser};
use crate::delivery::providers::{Bench, Provider};
use crate::delivery::web::Web;
use crate::seal::{KeyRing, Random, SystemRandom};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::words::{Amount, Channel, Clock, Contact, Currency, SystemClock};

/// How codes reach people: the providers of every channel.
#[derive(Debug)]
pub struct Delivery {
    carriers: Vec<Arc<Carrier>>,
    chooser: Chooser,
    public_url: Option<String>,
    currency: Currency,
    tools: Tools,
}

/// What delivery works with. All of it outlives a reload.
#[derive(Clone)]
pub struct Tools {
    /// Where `outbox` providers keep messages.
    pub outbox: Arc<Outbox>,
    /// What is remembered of messages, providers and money.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub random: Arc<dyn Random>,
    /// The key ring.
    pub keys: Arc<KeyRing>,
    /// Events and metrics.
    pub audit: Arc<Audit>,
}

/// A provider with its name in the config.
pub(in crate::delivery) struct Carrier {
    name: Arc<str>,
    common: Common,
    provider: Box<dyn Provider>,
}

// === impl Delivery ===

impl Delivery {
    /// The delivery of one config. Connects nowhere.
    ///
    /// # Errors
    /// When a provider cannot be set up, such as for a CA file that cannot be read, or when a channel names a provider
    /// that does not exist or cannot serve it.
    pub fn new(spec: DeliverySpec, tools: Tools) -> Result<Self, BadDelivery> {
        let web = Web::new()?;
        let bench = Bench { outbox: &tools.outbox, web: &web, clock: &tools.clock, random: &tools.random };
        let mut carriers: Vec<Arc<Carrier>> = Vec::with_capacity(spec.providers.len());
        for provider in spec.providers {
            let (name, common) = (Arc::clone(&provider.name), provider.common.clone());
            carriers.push(Arc::new(Carrier { name, common, provider: providers::set_up(provider, &bench)? }));
        }
        let chooser = Chooser::new(&spec.channels, &carriers)?;
        Ok(Self { carriers, chooser, public_url: spec.public_url, currency: spec.currency, tools })
    }

    /// Whether any provider carries messages on `channel`.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        self.chooser.serves(channel)
    }

    /// Whether every provider that would be tried for a message to `contact` takes money for it.
    #[must_use]
    pub fn costs(&self, contact: &Contact) -> bool {
        let chosen = self.chooser.choose(&Ask { to: contact, avoid: None });
        !chosen.carriers.iter().any(|carrier| self.price(carrier, chosen.country) == Amount::ZERO)
    }

    /// Whether the provider `name` reports what becomes of its messages, and has an address to report to.
    #[must_use]
    pub fn reports(&self, name: &str) -> bool {
        self.public_url.is_some() && self.carrier(name).is_ok_and(|carrier| carrier.provider.reports())
    }

    /// Where providers send their requests: `public_url`.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// The currency of prices and budgets.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Reads a request in which the provider `name` reports of messages. Nothing is believed that is not signed as the
    /// vendor signs it; what was said is not yet noted anywhere.
    ///
    /// # Errors
    /// When there is no such provider, or the request is not its own.
    pub fn read(&self, name: &str, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        self.carrier(name)?.provider.read(callback)
    }

    /// Whether a request for what a call says comes from the provider `name`.
    ///
    /// # Errors
    /// When there is no such provider, or the request is not its own.
    pub fn asks_for_words(&self, name: &str, callback: &Callback<'_>) -> Result<(), BadCallback> {
        self.carrier(name)?.provider.asks_for_words(callback)
    }

    fn carrier(&self, name: &str) -> Result<&Arc<Carrier>, BadCallback> {
        self.carriers.iter().find(|carrier| *carrier.name == *name).ok_or(BadCallback::NoReceipts)
    }
}

// === impl Tools ===

impl Tools {
    /// Tools with a memory store, a clock and a key of their own: for a process that stands alone.
    #[must_use]
    pub fn alone(outbox: Arc<Outbox>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random = Arc::new(SystemRandom::new());
        Self {
            outbox,
            store: Arc::new(MemoryStore::new(Arc::clone(&clock))),
            audit: Arc::new(Audit::new(Arc::clone(&clock))),
            keys: Arc::new(KeyRing::fresh(&*random)),
            clock,
            random,
        }
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tools({:?})", self.store)
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
