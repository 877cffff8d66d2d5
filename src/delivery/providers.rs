//! Who carries messages: one file each, and one line in [`set_up`].

mod bird;
mod form;
mod getotp;
mod http;
mod markup;
mod messagebird;
mod outbox;
mod plivo;
mod smtp;
mod twilio;
mod vonage;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::delivery::page::{Page, PageOrder, PageReport};
use crate::delivery::web::Web;
use crate::delivery::{
    BadCallback, BadDelivery, Callback, Failure, Heard, Outbox, Parcel, ProviderKind, ProviderSpec, Taken,
};
use crate::seal::Random;
use crate::words::{Channel, Clock};

/// A service that carries messages.
#[async_trait]
pub(super) trait Provider: fmt::Debug + Send + Sync {
    /// Whether it carries messages on `channel`.
    fn serves(&self, channel: Channel) -> bool;

    /// Carries a message, in one attempt.
    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure>;

    /// Opens a page of the provider's own for one address. Only for providers of [`Channel::Hosted`].
    async fn open_page(&self, _order: &PageOrder<'_>) -> Result<Page, Failure> {
        Err(Failure::Unsendable("it has no page of its own"))
    }

    /// Reads a request in which the provider reports of such a page; `None` when it has none. What it says is believed
    /// only once its secret is compared.
    fn read_page(&self, _callback: &Callback<'_>) -> Option<Result<PageReport, BadCallback>> {
        None
    }

    /// Asks what became of such a page: whether the address was proved. `None` when nobody can tell.
    async fn ask_page(&self, _page: &Page) -> Option<bool> {
        None
    }

    /// Whether it reports what becomes of a message, to an address to which it can.
    fn reports(&self) -> bool {
        true
    }

    /// Reads a request in which the provider reports of messages, and believes nothing that is not signed as the vendor
    /// signs it.
    fn read(&self, _callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        Err(BadCallback::NoReceipts)
    }

    /// Whether it fetches what a call on `channel` says from [`Parcel::answer`] rather than taking it with the message.
    fn fetches_words(&self, _channel: Channel) -> bool {
        false
    }

    /// Whether a request for a call's words is the provider's. What it gets is [`Provider::words`].
    fn asks_for_words(&self, _callback: &Callback<'_>) -> Result<(), BadCallback> {
        Err(BadCallback::NoReceipts)
    }

    /// What a call says, in the provider's own markup: sealed into the store until it is fetched.
    fn words(&self, _parcel: &Parcel<'_>) -> String {
        String::new()
    }
}

/// What providers are made with.
pub(super) struct Bench<'a> {
    pub outbox: &'a Arc<Outbox>,
    pub web: &'a Web,
    /// The time, for tokens that run out.
    pub clock: &'a Arc<dyn Clock>,
    /// The random source, for identifiers that providers want.
    pub random: &'a Arc<dyn Random>,
}

/// The provider that a spec describes.
pub(super) fn set_up(spec: ProviderSpec, bench: &Bench<'_>) -> Result<Box<dyn Provider>, BadDelivery> {
    let ProviderSpec { name, kind, common } = spec;
    Ok(match kind {
        ProviderKind::Smtp(server) => Box::new(smtp::Smtp::new(server, common.timeout)?),
        ProviderKind::Vonage(spec) => Box::new(vonage::Vonage::new(*spec, &common, bench)),
        ProviderKind::MessageBird(spec) => Box::new(messagebird::MessageBird::new(spec, &common, bench)),
        ProviderKind::Bird(spec) => Box::new(bird::Bird::new(spec, &common, bench)),
        ProviderKind::GetOtp(spec) => Box::new(getotp::GetOtp::new(spec, common, bench.web.clone())),
        ProviderKind::Http(spec) => Box::new(http::Http::new(*spec, common, bench.web.clone())),
        ProviderKind::Twilio(account) => Box::new(twilio::Twilio::new(account, common, bench)),
        ProviderKind::Plivo(account) => Box::new(plivo::Plivo::new(account, common, bench)),
        ProviderKind::Outbox => Box::new(outbox::ToOutbox::new(name, Arc::clone(bench.outbox))),
    })
}
