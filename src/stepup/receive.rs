//! What providers send: receipts, which move messages on, and requests for what a call says.

use std::time::Duration;

use crate::audit::{Event, Kind, ReceiptOutcome};
use crate::delivery::{BadCallback, Callback, Receipt, Remedy, Whose};
use crate::seal::Purpose;
use crate::stepup::Gateway;
use crate::store::{Report, Reported, Repriced, TrackedMessage, Which};
use crate::words::{MessageId, Progress};

/// Why a request of a provider comes to nothing. Never carries anything of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unheard {
    /// There is no such provider, or nothing at this address (any more).
    #[error("there is nothing at this address")]
    Nothing,
    /// It is not signed as it should be, too old, or came before.
    #[error("the request is not believed")]
    NotBelieved,
    /// It is signed and cannot be read.
    #[error("the request cannot be read")]
    Malformed,
    /// The store does not answer: the provider is to send it again.
    #[error("the store does not answer")]
    Unavailable,
}

/// How long it is remembered what providers use once only: longer than any of them takes to sign too long ago.
const NONCES: Duration = Duration::from_secs(24 * 60 * 60);

impl Gateway {
    /// A provider reports of messages. Each of them moves on as far as it is news, whatever the order in which receipts
    /// come; what has no news in it, and what nobody knows, is taken all the same, so that it is not sent again.
    ///
    /// # Errors
    /// When the request is not the provider's, or nothing can be noted just now.
    pub async fn receive(&self, provider: &str, callback: &Callback<'_>) -> Result<(), Unheard> {
        if let Some(read) = self.delivery.read_page(provider, callback) {
            return self.receive_page(provider, read).await;
        }
        let heard = self.delivery.read(provider, callback).map_err(|bad| self.unheard(provider, bad))?;
        let metrics = &self.shared.audit.metrics;
        let mut replayed = false;
        for (place, receipt) in heard.receipts.iter().enumerate() {
            // One request may bring several receipts, and when the store goes away between two, it comes again.
            let nonce = heard.nonce.as_deref().map(|nonce| {
                let parts = [provider.as_bytes(), nonce.as_bytes(), &place.to_le_bytes()];
                (self.keys.hash("nonce", &parts), NONCES)
            });
            let report = Report { nonce, ..self.report_of(provider, receipt) };
            let outcome = match self.shared.store.report(&report).await {
                Ok(Reported::Unknown) => ReceiptOutcome::Unknown,
                Ok(Reported::Replayed) => {
                    replayed = true;
                    ReceiptOutcome::Replayed
                }
                Ok(Reported::Stands(message, repriced)) => {
                    self.repriced(&message, repriced).await;
                    ReceiptOutcome::Accepted
                }
                Ok(Reported::Moved(message, _, repriced)) => {
                    self.repriced(&message, repriced).await;
                    self.moved(&message, receipt).await;
                    ReceiptOutcome::Accepted
                }
                Err(error) => {
                    tracing::error!(%error, provider, "a receipt could not be noted");
                    metrics.received(provider, ReceiptOutcome::Unavailable);
                    return Err(Unheard::Unavailable);
                }
            };
            metrics.received(provider, outcome);
        }
        if heard.receipts.is_empty() {
            metrics.received(provider, ReceiptOutcome::Accepted);
        }
        if replayed { Err(Unheard::NotBelieved) } else { Ok(()) }
    }

    /// A provider fetches what the call `id` says: once, by the address that it was told, and signed.
    ///
    /// # Errors
    /// When the address is wrong or was used, the request is not the provider's, or the store does not answer.
    pub async fn words(
        &self,
        provider: &str,
        id: MessageId,
        token: &str,
        callback: &Callback<'_>,
    ) -> Result<Vec<u8>, Unheard> {
        if !self.delivery.is_words_token(id, token) {
            return Err(Unheard::Nothing);
        }
        self.delivery.asks_for_words(provider, callback).map_err(|bad| self.unheard(provider, bad))?;
        let sealed = self.shared.store.take_words(id).await.map_err(|error| {
            tracing::error!(%error, provider, "what a call says could not be fetched");
            Unheard::Unavailable
        })?;
        sealed.and_then(|sealed| self.keys.open(Purpose::Words, id.as_bytes(), &sealed)).ok_or(Unheard::Nothing)
    }

    fn report_of<'a>(&self, provider: &'a str, receipt: &Receipt) -> Report<'a> {
        let which = match &receipt.whose {
            Whose::Ours(id) => Which::Ours(*id),
            Whose::Theirs(name) => Which::Theirs(self.delivery.name_of(provider, name)),
        };
        let price = self.delivery.comparable(receipt.price);
        Report { which, provider, progress: receipt.progress, price, nonce: None }
    }

    pub(super) fn unheard(&self, provider: &str, bad: BadCallback) -> Unheard {
        let (outcome, unheard) = match bad {
            // Nobody outside can make a new time series.
            BadCallback::NoReceipts => return Unheard::Nothing,
            BadCallback::Forged(_) => (ReceiptOutcome::Forged, Unheard::NotBelieved),
            BadCallback::Stale => (ReceiptOutcome::Stale, Unheard::NotBelieved),
            BadCallback::Malformed(_) => (ReceiptOutcome::Malformed, Unheard::Malformed),
        };
        self.shared.audit.metrics.received(provider, outcome);
        tracing::warn!(provider, why = %bad, "a request in a provider's name was turned away");
        unheard
    }

    /// A message arrived, or did not: counted for its provider, beside the moment when it was sent, and told under its
    /// reference. What cannot be counted costs a figure, not the receipt.
    pub(super) async fn moved(&self, message: &TrackedMessage, receipt: &Receipt) {
        let event = |kind| {
            let event = Event::new(kind, message.reference).site(message.site.as_str()).channel(message.channel);
            let event = event.reason(&message.provider);
            match receipt.parts {
                Some(parts) if parts > 1 => event.reason(format_args!("{parts} parts")),
                _ => event,
            }
        };
        match message.progress {
            Progress::Delivered => {
                self.delivery.arrived(message).await;
                self.note(event(Kind::Delivered)).await;
            }
            Progress::Failed(class) => {
                if Remedy::of(class).alerts {
                    tracing::warn!(provider = message.provider, %class, "a message did not arrive, and will not until an operator does something");
                }
                self.delivery.did_not_arrive(message).await;
                self.note(event(Kind::NotDelivered).reason(class)).await;
            }
            Progress::Handed | Progress::Accepted | Progress::Sent => {}
        }
    }

    async fn repriced(&self, message: &TrackedMessage, repriced: Option<Repriced>) {
        if let Some(repriced) = repriced {
            self.delivery.cost(message, repriced).await;
        }
    }
}
