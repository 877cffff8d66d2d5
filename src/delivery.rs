//! How a code reaches a contact: channels, messages and providers.
//!
//! May use: `words`, `seal`, `config`, `audit`, `request`, `store`. A [`Message`] is what is to be said, and to whom;
//! what it says is in `sentences` and `templates`. Which providers are tried, and in which order, is in `choice`, by
//! what `number`, `quality` and `breaker` know. A provider carries it:
//! one file each in `providers`; what follows from a failure is the one table in `remedy`. [`Delivery::send`] puts them
//! together; what providers report later comes in by [`Delivery::read`]. Start there.

mod breaker;
mod choice;
mod email;
mod failure;
mod learned;
mod message;
mod number;
mod outbox;
mod page;
mod parcel;
mod providers;
mod quality;
mod receipt;
mod remedy;
mod segments;
mod send;
mod sender;
mod sentences;
pub mod settings;
mod sms;
mod spec;
mod speech;
mod templates;
mod token;
mod tongue;
mod web;

use std::fmt;
use std::sync::Arc;

pub use choice::NotTaken;
pub use failure::{Attempt, Failure, Reply, SendError};
pub use message::{Aim, Message, SiteName};
pub use number::{NumberFacts, PhoneKind};
pub use outbox::{Kept, Outbox};
pub use page::{Page, PageReport};
pub use quality::{Standing, Tally};
pub use receipt::{BadCallback, Callback, Heard, Receipt, Whose};
pub use remedy::{Remedy, Told};
pub use send::{Delivered, Order};
pub use sms::LongSms;
pub use spec::{
    BadDelivery, BadSmtp, BestRules, BirdSpec, ChannelSpec, Common, CountrySpec, DeliverySpec, GetOtpSpec, HttpSpec,
    MessageBirdSpec, PlivoSpec, ProviderKind, ProviderSpec, SmtpSpec, Strategy, TwilioSpec, VonageSpec,
};
pub use templates::{BadTemplate, Templates};
pub use tongue::LANGUAGES;

pub(in crate::delivery) use parcel::{Parcel, Said, Taken};

use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::delivery::breaker::Breaker;
use crate::delivery::choice::{Ask, Chooser, Chosen};
use crate::delivery::providers::{Bench, Provider};
use crate::delivery::quality::{Measuring, Quality};
use crate::delivery::web::Web;
use crate::seal::{KeyRing, Random, SystemRandom};
use crate::store::memory::MemoryStore;
use crate::store::{Store, StoreError};
use crate::words::{Amount, Channel, Clock, Contact, Currency, PhoneNumber, SystemClock};

/// How codes reach people: the providers of every channel.
#[derive(Debug)]
pub struct Delivery {
    carriers: Vec<Arc<Carrier>>,
    chooser: Chooser,
    quality: Quality,
    /// Places for messages that wait for busy providers.
    queue: Semaphore,
    templates: Arc<Templates>,
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
    /// One for each channel, in the order of [`Channel::ALL`].
    breakers: [Breaker; Channel::ALL.len()],
    /// Room for messages on their way.
    room: Semaphore,
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
            carriers.push(Arc::new(Carrier::new(name, common, providers::set_up(provider, &bench)?)));
        }
        let mut delivery = Self::of(carriers, &spec.channels, tools)?;
        (delivery.public_url, delivery.currency, delivery.templates) = (spec.public_url, spec.currency, spec.templates);
        Ok(delivery)
    }

    fn of(carriers: Vec<Arc<Carrier>>, channels: &[ChannelSpec], tools: Tools) -> Result<Self, BadDelivery> {
        let chooser = Chooser::new(channels, &carriers)?;
        let countries = chooser.countries();
        if !countries.is_empty() {
            // Beside the road: it takes some milliseconds for each country.
            std::thread::spawn(move || number::warm_up(&countries));
        }
        tools.audit.metrics.providers.forget();
        for spec in channels {
            for carrier in carriers.iter().filter(|carrier| carrier.provider.serves(spec.channel)) {
                tools.audit.metrics.providers.breaker(spec.channel, &carrier.name, false);
            }
        }
        let Tools { store, clock, audit, .. } = tools.clone();
        let names = carriers.iter().map(|carrier| Arc::clone(&carrier.name)).collect();
        let quality = Quality::new(Measuring { store, clock, audit }, names);
        let queue = Semaphore::new(send::QUEUE);
        let templates = Arc::default();
        Ok(Self { carriers, chooser, quality, queue, templates, public_url: None, currency: Currency::USD, tools })
    }

    /// Whether any provider carries messages on `channel`.
    #[must_use]
    pub fn can(&self, channel: Channel) -> bool {
        self.chooser.serves(channel)
    }

    /// Whether every provider that would be tried for a message to `contact` takes money for it.
    #[must_use]
    pub fn costs(&self, contact: &Contact) -> bool {
        self.choose(contact, None, 1).is_ok_and(|chosen| chosen.tries.iter().all(|choice| choice.cost > Amount::ZERO))
    }

    /// Whether the provider `name` reports what becomes of its messages, and has an address to report to.
    #[must_use]
    pub fn reports(&self, name: &str) -> bool {
        self.public_url.is_some() && self.carrier(name).is_ok_and(|carrier| carrier.provider.reports())
    }

    /// What a phone number tells.
    #[must_use]
    pub fn facts(&self, number: &PhoneNumber) -> NumberFacts {
        self.chooser.facts(number)
    }

    /// Whether messages are sent to `contact` at all: to its country, to a line of its kind, by any provider.
    ///
    /// # Errors
    /// When none would be.
    pub fn takes(&self, contact: &Contact) -> Result<(), NotTaken> {
        self.chooser.takes(contact)
    }

    /// The providers that would be tried for a message to `contact` now, in order. `avoid` carried it before.
    ///
    /// # Errors
    /// When none is sent at all.
    pub fn would_try(&self, contact: &Contact, avoid: Option<&str>) -> Result<Vec<Arc<str>>, NotTaken> {
        let chosen = self.choose(contact, avoid, 1)?;
        Ok(chosen.tries.into_iter().map(|choice| Arc::clone(&choice.carrier.name)).collect())
    }

    /// How good providers are, as far as that is known: by provider, channel and country.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.quality.standings()
    }

    /// Learns how good providers are. Done by itself while messages go out; at the start it spares the first messages a
    /// choice that knows nothing.
    ///
    /// # Errors
    /// When the store does not answer: what was known stays.
    pub async fn learn(&self) -> Result<(), StoreError> {
        self.quality.ask().await
    }

    /// Learns how good providers are and what was spent, in the background, unless that was done just now: for whoever is
    /// about to show it.
    pub fn freshen(&self) {
        self.quality.freshen();
    }

    /// How many messages wait because their provider is busy.
    #[must_use]
    pub fn waiting(&self) -> usize {
        send::QUEUE - self.queue.available_permits()
    }

    fn choose(&self, to: &Contact, avoid: Option<&str>, parts: u8) -> Result<Chosen, NotTaken> {
        let known = self.quality.known();
        let random = &*self.tools.random;
        self.chooser.choose(&Ask { to, avoid, parts, now: self.tools.clock.now(), known: &known, random })
    }

    /// Where providers send their requests: `public_url`.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
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

impl Carrier {
    fn new(name: Arc<str>, common: Common, provider: Box<dyn Provider>) -> Self {
        let room = Semaphore::new(common.max_in_flight);
        Self { name, common, provider, breakers: Default::default(), room }
    }

    fn breaker(&self, channel: Channel) -> &Breaker {
        // Channels stand in the order of their list.
        &self.breakers[channel as usize]
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.provider)
    }
}

#[cfg(test)]
mod tests;
