//! What is learned of a provider from what becomes of its messages: counted for everybody, beside the moment when a message
//! was sent.

use crate::delivery::Delivery;
use crate::store::{Measure, Measured, Repriced, SiteKey, StoreError, TrackedMessage, What};
use crate::words::{Amount, MessageId, Timestamp};

impl Delivery {
    /// The code that the message `id` carried came back: this is what `best` goes by.
    ///
    /// # Errors
    /// When the store does not answer: the count is lost, nothing else.
    pub async fn came_back(&self, id: MessageId) -> Result<(), StoreError> {
        let Some(message) = self.tools.store.message(id).await? else { return Ok(()) };
        self.count(&message, [(What::Verified, 1), (What::VerifyMillis, millis(&message))]).await;
        Ok(())
    }

    /// A receipt says that a message arrived.
    pub async fn arrived(&self, message: &TrackedMessage) {
        self.count(message, [(What::Delivered, 1), (What::ReceiptMillis, millis(message))]).await;
    }

    /// A receipt says that a message did not arrive.
    pub async fn did_not_arrive(&self, message: &TrackedMessage) {
        self.count(message, [(What::Failed, 1)]).await;
    }

    /// A receipt says what a message cost.
    pub async fn cost(&self, message: &TrackedMessage, repriced: Repriced) {
        self.priced(&message.site, of(message), Some(message.at), repriced).await;
    }

    /// A provider told what a message cost: the site's budget is put right, and the price is learned.
    pub(super) async fn priced(&self, site: &SiteKey, of: Measured, at: Option<Timestamp>, repriced: Repriced) {
        let Repriced { from, to } = repriced;
        self.correct(site, from, to).await;
        self.count_for(of, at, [(What::Priced, 1), (What::Price, to.millionths())]).await;
    }

    /// Puts right what was charged.
    pub(super) async fn correct(&self, site: &SiteKey, from: Amount, to: Amount) {
        if from != to
            && let Err(error) = self.tools.store.correct(site, from, to).await
        {
            tracing::warn!(%error, "what a message cost could not be put right");
        }
    }

    async fn count<const N: usize>(&self, message: &TrackedMessage, what: [(What, u64); N]) {
        self.count_for(of(message), Some(message.at), what).await;
    }

    /// What cannot be counted costs a figure, nothing else.
    pub(super) async fn count_for<const N: usize>(&self, of: Measured, at: Option<Timestamp>, what: [(What, u64); N]) {
        let measures = what.map(|(what, add)| Measure { of: of.clone(), what, add, at });
        if let Err(error) = self.tools.store.measure(&measures).await {
            tracing::warn!(%error, "what became of a message could not be counted");
        }
    }
}

fn of(message: &TrackedMessage) -> Measured {
    Measured { provider: message.provider.clone(), channel: message.channel, country: message.country }
}

fn millis(message: &TrackedMessage) -> u64 {
    u64::try_from(message.age.as_millis()).unwrap_or(u64::MAX)
}
