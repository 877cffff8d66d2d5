//! Sending one message: provider by provider, paid for, noted in the store before anybody gets it.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::choice::Ask;
use crate::delivery::{Attempt, Carrier, Delivery, Failure, Message, Parcel, Said, SendError, Taken, sentences};
use crate::seal::{Purpose, Random};
use crate::store::{Charge, Charged, Measure, Measured, MoneyBudget, NewMessage, SiteKey, Spent, TakenMessage, What};
use crate::words::{Amount, ChallengeId, Country, KeyedHash, MessageId};

/// A message to send, and whose it is.
#[derive(Debug)]
pub struct Order<'a> {
    /// The message.
    pub message: &'a Message,
    /// The site.
    pub site: &'a SiteKey,
    /// The challenge.
    pub challenge: ChallengeId,
    /// The number of the send.
    pub send: u32,
    /// What the site may spend.
    pub budget: &'a MoneyBudget,
    /// The provider that carried the message before: another one is preferred.
    pub avoid: Option<&'a str>,
}

/// A message that a provider took.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The provider, by its name in the config.
    pub provider: String,
    /// Its name.
    pub message: MessageId,
    /// What other providers failed at before it.
    pub failed: Vec<Attempt>,
    /// What the site has spent by now, if this cost anything.
    pub spent: Option<Spent>,
}

/// How long receipts can come: vendors repeat them for a day, and telephones that are switched off are given up after two.
const RECEIPTS: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long what a call says can be fetched is bound to its code; this bounds the address.
pub(super) const WORDS: &str = "words";

impl Delivery {
    /// Sends a message by the first provider that takes it, in the order in which they are chosen. After an attempt of
    /// which nobody knows whether it went out, just one more provider is tried.
    ///
    /// # Errors
    /// When no provider surely took it. [`SendError::surely_not_sent`] says whether it may have gone out all the same.
    pub async fn send(&self, order: &Order<'_>) -> Result<Delivered, SendError> {
        let channel = order.message.to.channel();
        let mut failed: Vec<Attempt> = Vec::new();
        let Some(said) = sentences::say(order.message) else {
            return Err(SendError::new(channel, failed));
        };
        let chosen = self.chooser.choose(&Ask { to: &order.message.to, avoid: order.avoid });
        let mut exhausted = None;
        for carrier in &chosen.carriers {
            let maybe_sent = failed.iter().any(|attempt| !attempt.failure.surely_not_sent());
            let price = self.price(carrier, chosen.country).times(said.parts().into());
            let spent = match self.charge(order, price).await {
                Ok(Charged::Yes(spent)) => (price > Amount::ZERO).then_some(spent),
                Ok(Charged::Exhausted { budget, retry_after }) => {
                    exhausted = Some((budget, retry_after));
                    continue;
                }
                Err(failure) => {
                    failed.push(Attempt { provider: Arc::clone(&carrier.name), failure });
                    break;
                }
            };
            let id = MessageId::from_random(self.tools.random.bytes());
            let outcome = self.attempt(order, carrier, &said, id, chosen.country, price).await;
            self.count(carrier, order, chosen.country, &outcome).await;
            match outcome {
                Ok(_) => return Ok(Delivered { provider: carrier.name.to_string(), message: id, failed, spent }),
                Err(failure) => {
                    tracing::warn!(provider = &*carrier.name, %channel, %failure, "a provider did not take a message");
                    if failure.surely_not_sent() {
                        self.correct(order.site, price, Amount::ZERO).await;
                    }
                    let is_final = !failure.remedy().fails_over;
                    failed.push(Attempt { provider: Arc::clone(&carrier.name), failure });
                    if is_final {
                        break;
                    }
                }
            }
            if maybe_sent {
                break;
            }
        }
        Err(SendError::new(channel, failed).out_of_money(exhausted))
    }

    /// One attempt: noted, carried, noted again.
    async fn attempt(
        &self,
        order: &Order<'_>,
        carrier: &Carrier,
        said: &Said,
        id: MessageId,
        country: Option<Country>,
        charged: Amount,
    ) -> Result<Taken, Failure> {
        let Order { message, site, challenge, send, .. } = *order;
        let channel = message.to.channel();
        let provider = &*carrier.name;
        let receipts = self.public_url.as_ref().map(|url| format!("{url}/.otpgate/receipts/{provider}?m={id}"));
        let fetched = carrier.provider.fetches_words(channel);
        let answer = self.public_url.as_ref().filter(|_| fetched).map(|url| {
            let token = self.tools.keys.form_token(&words_of(id));
            format!("{url}/.otpgate/{WORDS}/{provider}?m={id}&t={token}")
        });
        let parcel = Parcel { message, said, id, receipts: receipts.as_deref(), answer: answer.as_deref() };
        let words = if fetched {
            let random: &dyn Random = &*self.tools.random;
            self.tools.keys.seal(Purpose::Words, id.as_bytes(), carrier.provider.words(&parcel).as_bytes(), random)
        } else {
            Vec::new()
        };
        let new = NewMessage {
            id,
            site,
            challenge,
            reference: message.reference,
            send,
            provider,
            channel,
            country,
            charged,
            words: &words,
            ttl: RECEIPTS,
        };
        self.tools.store.track(&new).await.map_err(|_| Failure::Store)?;
        let taken = carrier.provider.carry(&parcel).await?;
        let theirs = taken.theirs.as_deref().map(|theirs| self.name_of(provider, theirs));
        let noted = TakenMessage { id, site, challenge, send, provider, theirs, progress: taken.progress };
        // The code is out: what cannot be noted now costs a receipt, not the visitor's code.
        if let Err(error) = self.tools.store.taken(&noted).await {
            tracing::warn!(%error, provider, "a message went out, and the store could not note who took it");
        }
        if let Some(price) = taken.price.filter(|price| price.currency.is_none_or(|known| known == self.currency)) {
            self.correct(site, charged, price.amount).await;
        }
        Ok(taken)
    }

    /// The hash under which the store knows a provider's own name for a message.
    #[must_use]
    pub fn name_of(&self, provider: &str, theirs: &str) -> KeyedHash {
        self.tools.keys.hash("message", &[provider.as_bytes(), theirs.as_bytes()])
    }

    /// Whether `token` is the one in the address of what the call `id` says.
    #[must_use]
    pub fn is_words_token(&self, id: MessageId, token: &str) -> bool {
        self.tools.keys.is_form_token(&words_of(id), token)
    }

    pub(super) fn price(&self, carrier: &Carrier, country: Option<Country>) -> Amount {
        let common = &carrier.common;
        let of_country = country.and_then(|country| common.prices.iter().find(|(known, _)| *known == country));
        of_country.map(|(_, price)| *price).or(common.price).unwrap_or_default()
    }

    async fn charge(&self, order: &Order<'_>, amount: Amount) -> Result<Charged, Failure> {
        if amount == Amount::ZERO {
            return Ok(Charged::Yes(Spent::default()));
        }
        let charge = Charge { site: order.site, amount, budget: order.budget };
        self.tools.store.charge(&charge).await.map_err(|_| Failure::Store)
    }

    async fn correct(&self, site: &SiteKey, from: Amount, to: Amount) {
        if from != to
            && let Err(error) = self.tools.store.correct(site, from, to).await
        {
            tracing::warn!(%error, "what a message cost could not be put right");
        }
    }

    /// Counts what became of an attempt, for everybody.
    async fn count(
        &self,
        carrier: &Carrier,
        order: &Order<'_>,
        country: Option<Country>,
        outcome: &Result<Taken, Failure>,
    ) {
        let of = Measured { provider: carrier.name.to_string(), channel: order.message.to.channel(), country };
        let measure = |what| Measure { of: of.clone(), what, add: 1, at: None };
        let measures = match outcome {
            Ok(_) => [What::Sent, What::Accepted].map(measure),
            Err(_) => [What::Sent, What::Failed].map(measure),
        };
        if let Err(error) = self.tools.store.measure(&measures).await {
            tracing::warn!(%error, "what became of a message could not be counted");
        }
    }
}

/// What the token in the address of a call's words stands for.
fn words_of(id: MessageId) -> Vec<u8> {
    [&b"words:"[..], id.as_bytes()].concat()
}
