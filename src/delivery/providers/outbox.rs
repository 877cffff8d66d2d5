//! The provider that keeps messages in the outbox.

use std::sync::Arc;

use async_trait::async_trait;

use crate::delivery::providers::Provider;
use crate::delivery::{Failure, Outbox, Parcel, Taken};
use crate::words::Channel;

/// Keeps messages in the outbox under a provider's name.
#[derive(Debug)]
pub(super) struct ToOutbox {
    name: Arc<str>,
    outbox: Arc<Outbox>,
}

impl ToOutbox {
    pub(super) const fn new(name: Arc<str>, outbox: Arc<Outbox>) -> Self {
        Self { name, outbox }
    }
}

#[async_trait]
impl Provider for ToOutbox {
    fn serves(&self, channel: Channel) -> bool {
        channel != Channel::Hosted
    }

    fn reports(&self) -> bool {
        false
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        self.outbox.keep(&self.name, parcel);
        Ok(Taken::accepted(None))
    }
}
