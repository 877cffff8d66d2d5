//! Contacts: addresses that a code can go to, valid by construction.

use std::fmt;
use std::sync::Arc;

use crate::words::{Channel, Country, dialled};

/// An address a code can go to, with its channel.
///
/// `Debug` and `Display` show the masked form only: a full contact appears in no output (I9).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Contact {
    channel: Channel,
    address: Address,
    label: Option<Arc<str>>,
}

/// The address of a [`Contact`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// For e-mail.
    Email(EmailAddress),
    /// For SMS and voice.
    Phone(PhoneNumber),
}

/// An e-mail address of the plain form `local@domain`, at most 254 bytes (RFC 5321, 4.5.3.1.3).
///
/// One `@`, no quoted local part, no comments, no control characters or white space, so that nothing of it can add a
/// header or a second recipient to a message (D05).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(Arc<str>);

/// A phone number in E.164: `+`, then 7 to 15 digits, the first not zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(Arc<str>);

/// Why a text is no contact. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadContact {
    /// Not `local@domain`.
    #[error("not an e-mail address: write it as name@example.com, without quotes, comments or spaces")]
    Email,
    /// Not E.164.
    #[error("not a phone number in E.164: write + and the country code, digits only, such as +60123456789")]
    Phone,
}

// === impl Contact ===

impl Contact {
    /// The contact that `text` is on `channel`. On a provider's page it is an e-mail address or a phone number.
    ///
    /// # Errors
    /// When `text` is no address of that channel's kind.
    pub fn parse(channel: Channel, text: &str) -> Result<Self, BadContact> {
        Self::parse_in(channel, text, None)
    }

    /// The same, with telephone numbers as they are written in `country`: without a country code, or with the prefix that
    /// is dialled for abroad there.
    ///
    /// # Errors
    /// When `text` is no address of that channel's kind.
    pub fn parse_in(channel: Channel, text: &str, country: Option<Country>) -> Result<Self, BadContact> {
        let address = match channel {
            Channel::Email => Address::Email(EmailAddress::parse(text)?),
            Channel::Hosted if text.contains('@') => Address::Email(EmailAddress::parse(text)?),
            Channel::Sms | Channel::Voice | Channel::Hosted => Address::Phone(PhoneNumber::parse_in(text, country)?),
        };
        Ok(Self { channel, address, label: None })
    }

    /// The same contact with an operator's label, such as `work`.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same address on another channel; `None` when that one wants an address of another kind.
    #[must_use]
    pub fn on(&self, channel: Channel) -> Option<Self> {
        let other = Self::parse(channel, self.reveal()).ok()?;
        Some(Self { label: self.label.clone(), ..other })
    }

    /// Whether both are the same address on the same channel, whatever they are labelled.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.channel == other.channel && self.address == other.address
    }

    /// The channel.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The operator's label, shown beside the masked address.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The address in full, for sending and hashing only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match &self.address {
            Address::Email(address) => &address.0,
            Address::Phone(number) => &number.0,
        }
    }

    /// The address as it may be shown: `a***@e***.com`, `+** *** **34`. The same length for every contact of a
    /// channel, so that it tells nothing by its length (O24).
    #[must_use]
    pub fn masked(&self) -> String {
        match &self.address {
            Address::Email(address) => address.masked(),
            Address::Phone(number) => number.masked(),
        }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contact({} {})", self.channel, self.masked())
    }
}

// === impl EmailAddress ===

impl EmailAddress {
    /// Parses `local@domain`; surrounding white space is trimmed.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, BadContact> {
        let text = text.trim();
        let (local, domain) = text.split_once('@').ok_or(BadContact::Email)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain_ok = domain.split('.').all(is_label) && !domain.is_empty();
        if local_ok && domain_ok && text.len() <= 254 { Ok(Self(text.into())) } else { Err(BadContact::Email) }
    }

    /// The address in full.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The part behind the `@`, as written.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }

    fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or(("", ""));
        let first = |text: &str| text.chars().next().unwrap_or('*');
        let top = domain.rsplit('.').next().unwrap_or("");
        format!("{}***@{}***.{top}", first(local), first(domain))
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

// === impl PhoneNumber ===

impl PhoneNumber {
    /// Parses E.164; spaces, hyphens, dots and brackets between the digits are dropped.
    ///
    /// # Errors
    /// When it is not of that form.
    pub fn parse(text: &str) -> Result<Self, BadContact> {
        let rest = text.trim().strip_prefix('+').ok_or(BadContact::Phone)?;
        let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let valid =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if valid { Ok(Self(format!("+{digits}").into())) } else { Err(BadContact::Phone) }
    }

    /// Parses E.164 if it begins with `+`, else a number as it is dialled in `country`: with or without the prefix of
    /// long-distance calls, or with the prefix for abroad. Such a one must be in a range of its country's plan, since
    /// nothing else tells it from an extension or a customer number.
    ///
    /// # Errors
    /// When it is no such number. Extensions are refused.
    pub fn parse_in(text: &str, country: Option<Country>) -> Result<Self, BadContact> {
        match country {
            Some(country) if !text.trim().starts_with('+') => {
                Self::parse(&dialled::e164(text.trim(), country).ok_or(BadContact::Phone)?)
            }
            _ => Self::parse(text),
        }
    }

    /// The number in full, with its `+`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The country calling code (ITU-T E.164 assignments): one digit for zones 1 and 7, two for the codes listed
    /// there, three for every other.
    #[must_use]
    pub fn calling_code(&self) -> &str {
        const TWO: &[&str] = &[
            "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
            "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
            "86", "90", "91", "92", "93", "94", "95", "98",
        ];
        let digits = self.0.get(1..).unwrap_or("");
        let length = match digits.as_bytes() {
            [b'1' | b'7', ..] => 1,
            _ if TWO.iter().any(|code| digits.starts_with(code)) => 2,
            _ => 3,
        };
        digits.get(..length).unwrap_or(digits)
    }

    fn masked(&self) -> String {
        let tail = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or("");
        format!("+** *** **{tail}")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests;
