//! Whom a text message or a call is from.

use std::str::FromStr;

/// Whom a text message or a call is from, as networks take it (3GPP TS 23.040, 9.1.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    /// A number or a short code: its digits, without `+`.
    Number(String),
    /// A name: 1 to 11 letters, digits and blanks, at least one of them a letter. For text messages only.
    Name(String),
}

/// Whom a message is from, at providers that can also choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Always the same.
    Sender(Sender),
    /// One out of a pool at the provider, by the pool's name there.
    Pool(String),
}

/// Why a text is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number such as +60123456789, or a name of at most 11 letters and digits, such as `Shop`")]
pub(super) struct BadSender;

// === impl Sender ===

impl Sender {
    /// The number, or the name.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Number(text) | Self::Name(text) => text,
        }
    }

    /// The number from which calls can come: none for a name or a short code.
    pub(super) fn caller(&self) -> Option<&str> {
        match self {
            Self::Number(digits) if digits.len() >= 7 => Some(digits),
            Self::Number(_) | Self::Name(_) => None,
        }
    }
}

// === impl Origin ===

impl Origin {
    /// The number from which calls can come.
    pub(super) fn caller(&self) -> Option<&str> {
        match self {
            Self::Sender(sender) => sender.caller(),
            Self::Pool(_) => None,
        }
    }
}

impl FromStr for Sender {
    type Err = BadSender;

    fn from_str(text: &str) -> Result<Self, BadSender> {
        let text = text.trim();
        let digits = text.strip_prefix('+').unwrap_or(text);
        if (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Number(digits.to_owned()));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ';
        let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
        if has_letter && text.len() <= 11 && text.bytes().all(is_plain) {
            Ok(Self::Name(text.to_owned()))
        } else {
            Err(BadSender)
        }
    }
}

#[cfg(test)]
mod tests;
