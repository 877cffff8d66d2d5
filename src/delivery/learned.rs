//! What is learned of a provider when a code comes back.

use crate::delivery::Delivery;
use crate::store::{Measure, Measured, StoreError, What};
use crate::words::MessageId;

impl Delivery {
    /// The code that the message `id` carried came back: this is what `best` goes by.
    ///
    /// # Errors
    /// When the store does not answer: the count is lost, nothing else.
    pub async fn came_back(&self, id: MessageId) -> Result<(), StoreError> {
        let Some(message) = self.tools.store.message(id).await? else { return Ok(()) };
        let of = Measured { provider: message.provider, channel: message.channel, country: message.country };
        let millis = u64::try_from(message.age.as_millis()).unwrap_or(u64::MAX);
        let measure = |what, add| Measure { of: of.clone(), what, add, at: Some(message.at) };
        self.tools.store.measure(&[measure(What::Verified, 1), measure(What::VerifyMillis, millis)]).await
    }
}
