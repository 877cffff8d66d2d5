//! Who a message comes from, at providers that also choose a sender out of a pool.

use crate::words::PhoneNumber;

/// Who a message comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A telephone number: the only one that can also call.
    Number(PhoneNumber),
    /// A short code, or a name of letters and digits.
    Name(String),
    /// A pool of senders at the provider, by its name there.
    Pool(String),
}

/// Not a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number such as +14155550100, a short code, or a name of at most 11 letters, digits and blanks")]
pub struct BadSender;

/// The longest name that a telephone shows as a sender, in characters (3GPP TS 23.040, 9.1.2.5).
const LONGEST: usize = 11;

// === impl Sender ===

impl Sender {
    /// The number or the name that is written in `text`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, BadSender> {
        let text = text.trim();
        if text.starts_with('+') {
            return PhoneNumber::parse(text).map(Self::Number).map_err(|_| BadSender);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(BadSender)
        }
    }

    /// Whether calls can come from it.
    #[must_use]
    pub const fn calls(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}
