//! Who carries messages: one file each, and one line in [`set_up`].

mod outbox;
mod smtp;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::delivery::{BadSmtp, Failure, Message, Outbox, ProviderKind, ProviderSpec};
use crate::words::Channel;

/// A service that carries messages.
#[async_trait]
pub(super) trait Provider: fmt::Debug + Send + Sync {
    /// Whether it carries messages on `channel`.
    fn serves(&self, channel: Channel) -> bool;

    /// Carries a message, in one attempt.
    async fn carry(&self, message: &Message) -> Result<(), Failure>;
}

/// The provider that a spec describes.
pub(super) fn set_up(spec: ProviderSpec, outbox: &Arc<Outbox>) -> Result<Box<dyn Provider>, BadSmtp> {
    Ok(match spec.kind {
        ProviderKind::Smtp(server) => Box::new(smtp::Smtp::new(server, spec.timeout)?),
        ProviderKind::Outbox => Box::new(outbox::ToOutbox::new(spec.name, Arc::clone(outbox))),
    })
}
