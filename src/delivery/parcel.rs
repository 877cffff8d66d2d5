//! What a provider gets, and what it gives back.

use crate::delivery::Message;
use crate::delivery::sentences::{EmailText, SmsText, Speech};
use crate::words::{MessageId, Price, Progress};

/// What a provider gets: one attempt to carry one message.
pub(super) struct Parcel<'a> {
    /// The message.
    pub message: &'a Message,
    /// What it says on its channel.
    pub said: &'a Said,
    /// Its name, for references that a provider gives back in receipts.
    pub id: MessageId,
    /// Where receipts are to be sent: an absolute address with `?m=<id>`, at most about 100 characters. `None` without a
    /// `public_url`.
    pub receipts: Option<&'a str>,
    /// Where a call's words can be fetched, once: an absolute, signed address. Only for providers that ask for it
    /// ([`super::providers::Provider::fetches_words`]), and only with a `public_url`.
    pub answer: Option<&'a str>,
}

/// What a message says, as its channel says it.
pub(super) enum Said {
    /// An e-mail.
    Email(EmailText),
    /// A text message.
    Sms(SmsText),
    /// A call.
    Voice(Speech),
}

/// A provider took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// The provider's own name for the message: some receipts bring no other.
    pub theirs: Option<String>,
    /// How far it came; [`Progress::Accepted`] for most.
    pub progress: Progress,
    /// What it costs, for all its parts, when the provider says so at once.
    pub price: Option<Price>,
}

// === impl Said ===

impl Said {
    /// How many parts a provider bills: of a text message its segments, else one.
    pub(super) const fn parts(&self) -> u8 {
        match self {
            Self::Sms(text) => text.parts,
            Self::Email(_) | Self::Voice(_) => 1,
        }
    }
}

// === impl Taken ===

impl Taken {
    /// Taken, under this name of the provider's.
    pub(super) const fn accepted(theirs: Option<String>) -> Self {
        Self { theirs, progress: Progress::Accepted, price: None }
    }
}
