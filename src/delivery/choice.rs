//! Which providers are tried for a message, and in which order.

use std::sync::Arc;

use crate::delivery::{BadDelivery, Carrier, ChannelSpec};
use crate::words::{Channel, Contact, Country};

/// Chooses providers.
#[derive(Debug)]
pub(super) struct Chooser {
    channels: Vec<(Channel, Vec<Arc<Carrier>>)>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub to: &'a Contact,
    /// The provider that carried the message before: another one is preferred.
    pub avoid: Option<&'a str>,
}

/// The providers to try, in order, and what is known of the number.
#[derive(Debug)]
pub(super) struct Chosen {
    pub carriers: Vec<Arc<Carrier>>,
    pub country: Option<Country>,
}

impl Chooser {
    pub(super) fn new(channels: &[ChannelSpec], carriers: &[Arc<Carrier>]) -> Result<Self, BadDelivery> {
        let mut compiled = Vec::with_capacity(channels.len());
        for spec in channels {
            let mut serving = Vec::with_capacity(spec.providers.len());
            for name in &spec.providers {
                let carrier = carriers.iter().find(|carrier| carrier.name == *name);
                let carrier = carrier.ok_or_else(|| BadDelivery::NoSuchProvider(spec.channel, Arc::clone(name)))?;
                if !carrier.provider.serves(spec.channel) {
                    return Err(BadDelivery::CannotServe(spec.channel, Arc::clone(name)));
                }
                serving.push(Arc::clone(carrier));
            }
            compiled.push((spec.channel, serving));
        }
        Ok(Self { channels: compiled })
    }

    pub(super) fn serves(&self, channel: Channel) -> bool {
        self.channels.iter().any(|(known, carriers)| *known == channel && !carriers.is_empty())
    }

    pub(super) fn choose(&self, ask: &Ask<'_>) -> Chosen {
        let channel = ask.to.channel();
        let carriers = self.channels.iter().find(|(known, _)| *known == channel);
        let mut carriers = carriers.map(|(_, carriers)| carriers.clone()).unwrap_or_default();
        carriers.sort_by_key(|carrier| Some(&*carrier.name) == ask.avoid);
        Chosen { carriers, country: None }
    }
}
