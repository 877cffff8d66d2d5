//! Sending one message: provider by provider, paid for, noted in the store before anybody gets it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use crate::audit::ProviderMetrics;
use crate::delivery::breaker::{Change, Leave};
use crate::delivery::choice::Try;
use crate::delivery::page::PageOrder;
use crate::delivery::{Attempt, Carrier, Delivery, Failure, Message, Parcel, Said, SendError, Taken};
use crate::seal::Purpose;
use crate::store::{Charge, Charged, Measured, MoneyBudget, NewMessage, SiteKey, Spent, TakenMessage, What};
use crate::words::{Address, Amount, ChallengeId, Channel, Country, KeyedHash, MessageId, Price};

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
/// Where providers fetch what calls say, below `/.otpgate/`.
const WORDS: &str = "words";

/// The longest rest after which the only provider that is left is asked once more.
const SOON: Duration = Duration::from_secs(2);
/// How many messages may wait for busy providers, in all.
pub(super) const QUEUE: usize = 4096;

/// What a provider is asked to do.
enum Cargo {
    /// To carry a message that says this.
    Message(Said),
    /// To open a page of its own for the message's address, which it reaches by this channel, and to send the browser
    /// back there.
    Page { by: Channel, back: String },
}

/// What became of a message at one provider.
enum Tried {
    Taken {
        message: MessageId,
        spent: Option<Spent>,
    },
    Failed(Failure),
    /// Not even tried: its breaker is open.
    Passed,
    /// Not tried: it costs more than is left of this budget, until so long.
    TooDear(&'static str, Duration),
}

impl Delivery {
    /// Sends a message by the first provider that takes it, in the order in which they are chosen. After an attempt of
    /// which nobody knows whether it went out, just one more provider is tried.
    ///
    /// # Errors
    /// When no provider surely took it. [`SendError::surely_not_sent`] says whether it may have gone out all the same.
    pub async fn send(&self, order: &Order<'_>) -> Result<Delivered, SendError> {
        match self.templates.say(order.message) {
            Some(said) => self.hand_over(order, Cargo::Message(said)).await,
            None => Err(SendError::new(order.message.to.channel(), Vec::new())),
        }
    }

    /// Opens a page of a provider's own for the message's address, as a message is sent; `back` is where the browser comes
    /// back to. The page is kept with the message in the store, sealed ([`Delivery::page`]).
    ///
    /// # Errors
    /// As [`Delivery::send`]. Whatever happened, the visitor has no page then.
    pub async fn open_page(&self, order: &Order<'_>, back: String) -> Result<Delivered, SendError> {
        let by = match order.message.to.address() {
            Address::Email(_) => Channel::Email,
            Address::Phone(number) if self.facts(number).kind.takes(Channel::Sms) => Channel::Sms,
            Address::Phone(_) => Channel::Voice,
        };
        self.hand_over(order, Cargo::Page { by, back }).await
    }

    async fn hand_over(&self, order: &Order<'_>, cargo: Cargo) -> Result<Delivered, SendError> {
        let channel = order.message.to.channel();
        let mut failed: Vec<Attempt> = Vec::new();
        let chosen = match self.choose(&order.message.to, order.avoid, cargo.parts()) {
            Ok(chosen) => chosen,
            Err(why) => return Err(SendError::new(channel, failed).not_taken(why)),
        };
        let mut exhausted = None;
        for (place, choice) in chosen.tries.iter().enumerate() {
            let maybe_sent = failed.iter().any(|attempt| !attempt.failure.surely_not_sent());
            let is_last = place + 1 == chosen.tries.len();
            let is_only = is_last && failed.is_empty();
            let failure = match self.offer(order, &cargo, choice, chosen.country, is_last, is_only).await {
                Tried::Taken { message, spent } => {
                    let provider = choice.carrier.name.to_string();
                    return Ok(Delivered { provider, message, failed, spent });
                }
                Tried::Passed => continue,
                Tried::TooDear(budget, retry_after) => {
                    exhausted = Some((budget, retry_after));
                    continue;
                }
                Tried::Failed(failure) => failure,
            };
            tracing::warn!(provider = &*choice.carrier.name, %channel, %failure, "a provider did not take a message");
            let goes_on = match failure {
                // It was not asked at all: that is no attempt.
                Failure::Busy => true,
                Failure::Store => false,
                _ => failure.remedy().fails_over && !maybe_sent,
            };
            failed.push(Attempt { provider: Arc::clone(&choice.carrier.name), failure });
            if !goes_on {
                break;
            }
        }
        Err(SendError::new(channel, failed).out_of_money(exhausted))
    }

    /// Offers a message to one provider: when it has room, is not out of order and can be paid for.
    async fn offer(
        &self,
        order: &Order<'_>,
        cargo: &Cargo,
        choice: &Try,
        country: Option<Country>,
        is_last: bool,
        is_only: bool,
    ) -> Tried {
        let Try { carrier, cost } = choice;
        let channel = order.message.to.channel();
        let _room = match self.room(carrier, is_last).await {
            Ok(room) => room,
            Err(busy) => return Tried::Failed(busy),
        };
        let Some(leave) = carrier.breaker(channel).leave(self.tools.clock.now(), is_only) else { return Tried::Passed };
        let spent = match self.charge(order, *cost).await {
            Ok(Charged::Yes(spent)) => (*cost > Amount::ZERO).then_some(spent),
            Ok(Charged::Exhausted { budget, retry_after }) => {
                self.tools.audit.metrics.providers.out_of_money(order.site.as_str(), budget);
                return Tried::TooDear(budget, retry_after);
            }
            Err(failure) => return Tried::Failed(failure),
        };
        if let Some(Spent { hour, day }) = spent {
            self.quality.spends(order.site);
            self.tools.audit.metrics.providers.spent(order.site.as_str(), hour, day);
        }
        let mut once_more = is_last;
        let outcome = loop {
            let message = MessageId::from_random(self.tools.random.bytes());
            let outcome = self.attempt(order, carrier, cargo, message, country, *cost).await;
            self.count_attempt(carrier, order, country, &outcome).await;
            match outcome {
                Ok(_) => break Ok(message),
                Err(failure) => match rest(&failure) {
                    Some(rest) if once_more => {
                        once_more = false;
                        tokio::time::sleep(rest).await;
                    }
                    _ => break Err(failure),
                },
            }
        };
        self.learn_of(leave, carrier, channel, &outcome);
        match outcome {
            Ok(message) => Tried::Taken { message, spent },
            Err(failure) => {
                if failure.surely_not_sent() {
                    self.correct(order.site, *cost, Amount::ZERO).await;
                }
                Tried::Failed(failure)
            }
        }
    }

    /// Room for one more message at a provider. For the last one that is left a message waits, with not too many others.
    async fn room<'a>(&self, carrier: &'a Carrier, waits: bool) -> Result<SemaphorePermit<'a>, Failure> {
        if let Ok(room) = carrier.room.try_acquire() {
            return Ok(room);
        }
        let _place = self.queue.try_acquire().ok().filter(|_| waits).ok_or(Failure::Busy)?;
        let _waiting = Waiting::start(&self.tools.audit.metrics.providers);
        match timeout(carrier.common.timeout, carrier.room.acquire()).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Tells the breaker what became of a message.
    fn learn_of(&self, leave: Leave<'_>, carrier: &Carrier, channel: Channel, outcome: &Result<MessageId, Failure>) {
        let provider = &*carrier.name;
        let change = match outcome {
            // It was not the provider that said so.
            Err(Failure::Busy | Failure::Store | Failure::Unsendable(_)) => None,
            Err(failure) if failure.remedy().blames_provider => leave.failed(failure, self.tools.clock.now()),
            Ok(_) | Err(_) => leave.answered(),
        };
        match (change, outcome) {
            (Some(Change::Opened(time)), Err(failure)) if failure.remedy().alerts => tracing::error!(
                provider, %channel, %failure, ?time,
                "a provider is left alone: its account, credentials or sender are not in order"
            ),
            (Some(Change::Opened(time)), Err(failure)) => {
                tracing::warn!(provider, %channel, %failure, ?time, "a provider is left alone for a while");
            }
            (Some(_), _) => tracing::info!(provider, %channel, "a provider answers again"),
            (None, _) => return,
        }
        self.tools.audit.metrics.providers.breaker(channel, provider, matches!(change, Some(Change::Opened(_))));
    }

    /// One attempt: noted, carried, noted again.
    async fn attempt(
        &self,
        order: &Order<'_>,
        carrier: &Carrier,
        cargo: &Cargo,
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
        let (receipts, answer) = (receipts.as_deref(), answer.as_deref());
        let words = match cargo {
            Cargo::Message(said) if fetched => {
                let words = carrier.provider.words(&Parcel { message, said, id, receipts, answer });
                self.tools.keys.seal(Purpose::Words, id.as_bytes(), words.as_bytes(), &*self.tools.random)
            }
            Cargo::Message(_) | Cargo::Page { .. } => Vec::new(),
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
        let taken = match cargo {
            Cargo::Message(said) => carrier.provider.carry(&Parcel { message, said, id, receipts, answer }).await?,
            Cargo::Page { by, back } => {
                let page = carrier.provider.open_page(&PageOrder { message, id, by: *by, receipts, back }).await?;
                // Without what is kept of it the page is of no use, and nobody has seen it yet.
                let sealed = self.seal_page(id, &page);
                self.tools.store.keep_words(id, &sealed).await.map_err(|_| Failure::Store)?;
                Taken::accepted(Some(page.id))
            }
        };
        let theirs = taken.theirs.as_deref().map(|theirs| self.name_of(provider, theirs));
        let (progress, price) = (taken.progress, self.comparable(taken.price));
        let noted = TakenMessage { id, site, challenge, send, provider, theirs, progress, price };
        match self.tools.store.taken(&noted).await {
            Ok(Some(repriced)) => {
                let of = Measured { provider: provider.to_owned(), channel, country };
                self.priced(site, of, None, repriced).await;
            }
            Ok(None) => {}
            // The code is out: what cannot be noted now costs a receipt, not the visitor's code.
            Err(error) => {
                tracing::warn!(%error, provider, "a message went out, and the store could not note who took it");
            }
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

    async fn charge(&self, order: &Order<'_>, amount: Amount) -> Result<Charged, Failure> {
        if amount == Amount::ZERO {
            return Ok(Charged::Yes(Spent::default()));
        }
        let charge = Charge { site: order.site, amount, budget: order.budget };
        self.tools.store.charge(&charge).await.map_err(|_| Failure::Store)
    }

    /// Counts what became of an attempt, for everybody. A notice is none of it: no code comes back from it.
    async fn count_attempt(
        &self,
        carrier: &Carrier,
        order: &Order<'_>,
        country: Option<Country>,
        outcome: &Result<Taken, Failure>,
    ) {
        if order.message.code.is_none() {
            return;
        }
        let of = Measured { provider: carrier.name.to_string(), channel: order.message.to.channel(), country };
        match outcome {
            Ok(_) => self.count_for(of, None, [(What::Sent, 1), (What::Accepted, 1)]).await,
            // It never came so far.
            Err(Failure::Busy | Failure::Store | Failure::Unsendable(_)) => {}
            Err(failure) if failure.surely_not_sent() => {
                self.count_for(of, None, [(What::Sent, 1), (What::Failed, 1)]).await;
            }
            // It may arrive all the same.
            Err(_) => self.count_for(of, None, [(What::Sent, 1)]).await,
        }
    }

    /// A price, if it is in the currency of the budget.
    #[must_use]
    pub fn comparable(&self, price: Option<Price>) -> Option<Amount> {
        price.filter(|price| price.currency.is_none_or(|known| known == self.currency)).map(|price| price.amount)
    }
}

// === impl Cargo ===

impl Cargo {
    /// How many parts a provider bills.
    const fn parts(&self) -> u8 {
        match self {
            Self::Message(said) => said.parts(),
            Self::Page { .. } => 1,
        }
    }
}

/// How long to wait before the same provider is asked again, if that may help and no message can arrive twice.
fn rest(failure: &Failure) -> Option<Duration> {
    let Failure::Declined { retry_after: Some(rest), .. } = failure else { return None };
    (failure.remedy().retries && failure.surely_not_sent() && *rest <= SOON).then_some(*rest)
}

/// A message that waits, for as long as it does.
struct Waiting<'a>(&'a ProviderMetrics);

impl<'a> Waiting<'a> {
    fn start(metrics: &'a ProviderMetrics) -> Self {
        metrics.waiting(true);
        Self(metrics)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting(false);
    }
}

/// What the token in the address of a call's words stands for.
fn words_of(id: MessageId) -> Vec<u8> {
    [&b"words:"[..], id.as_bytes()].concat()
}
