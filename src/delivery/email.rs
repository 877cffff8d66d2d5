//! A message as an e-mail: headers, a text part and an HTML part.
//!
//! Every header is built from a type that holds one line, so that no name or address adds a header or a recipient (D05).

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::delivery::{Failure, Parcel, Said};
use crate::seal::{Random, SystemRandom};
use crate::words::Address;

/// An e-mail ready for the wire.
pub(super) struct Email {
    /// The envelope's recipient.
    pub to: lettre::Address,
    /// Headers and parts, all of it ASCII.
    pub bytes: Vec<u8>,
}

impl Email {
    /// The e-mail of a message from this sender.
    pub(super) fn compose(parcel: &Parcel<'_>, from: &Mailbox) -> Result<Self, Failure> {
        let (message, Said::Email(said)) = (parcel.message, parcel.said) else {
            return Err(Failure::Unsendable("it is no e-mail"));
        };
        let Address::Email(address) = message.to.address() else {
            return Err(Failure::Unsendable("its recipient is no e-mail address"));
        };
        let to: lettre::Address = address
            .reveal()
            .parse()
            .map_err(|_| Failure::Unsendable("its recipient is not written as mail wants it"))?;
        let random: [u8; 8] = <dyn Random>::bytes(&SystemRandom::new());
        let id = format!("<{}.{:016x}@{}>", message.reference, u64::from_be_bytes(random), from.email.domain());
        let email = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(said.subject.clone())
            .message_id(Some(id))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Content-Language"), said.language.to_owned()))
            .multipart(MultiPart::alternative_plain_html(said.text.clone(), said.html.clone()))
            .map_err(|_| Failure::Unsendable("its headers do not fit together"))?;
        Ok(Self { to, bytes: email.formatted() })
    }
}

#[cfg(test)]
mod tests;
