//! Identifiers: random ones, keyed hashes, and the reference that a visitor reads out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Why a text is no identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this gateway")]
pub struct BadId;

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 128 bits from the operating system's random source (C19), written as 22 characters of base64url.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier made of these random bytes.
            #[must_use]
            pub const fn from_random(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Parses the 22 characters.
            ///
            /// # Errors
            /// When `text` is anything else; only the one canonical spelling is taken (C04).
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let mut bytes = [0; 16];
                match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
                    Ok(16) => Ok(Self(bytes)),
                    _ => Err(BadId),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 22];
                let length = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).unwrap_or(0);
                f.write_str(std::str::from_utf8(&text[..length]).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

random_id! {
    /// Names one challenge. It is no secret: an address alone never completes a challenge.
    ChallengeId
}
random_id! {
    /// Names one message that is handed to a provider. It stands in the address of its receipts; whether a receipt is
    /// true, its signature says.
    MessageId
}
random_id! {
    /// Names one mark: that somebody is to be told of a contact that was proved. Whoever is told it twice knows it by that.
    MarkId
}
random_id! {
    /// Names one parked request in the store.
    ParkedId
}
random_id! {
    /// Names one grant, so that a logout can end it.
    GrantId
}
random_id! {
    /// Names a device: the browser that a code was answered with, and every copy of its cookie.
    DeviceId
}
random_id! {
    /// Names a browser. A secret of that browser: it lives in its cookie, the store knows only its keyed hash.
    BrowserId
}
random_id! {
    /// Lets a browser resume its parked request, once. A secret of that browser; the store knows only its keyed hash.
    ResumeToken
}

/// HMAC-SHA-256 cut to 128 bits: how subjects, contacts, addresses and secrets appear in the store and in a grant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyedHash([u8; 16]);

/// The short code that a visitor reads out and a support agent looks up: eight characters of Crockford's base 32 in
/// two groups, such as `K7QF-2M9X` (40 random bits; no secret).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reference([u8; 5]);

// === impl KeyedHash ===

impl KeyedHash {
    /// The hash of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Parses the 32 hexadecimal digits of its `Display`.
    ///
    /// # Errors
    /// When `text` is anything else.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(BadId);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).map_err(|_| BadId)
    }
}

impl fmt::Display for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedHash({self})")
    }
}

// === impl Reference ===

/// Crockford's alphabet: no I, L, O or U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Reference {
    /// The reference made of these random bytes.
    #[must_use]
    pub const fn from_random(bytes: [u8; 5]) -> Self {
        Self(bytes)
    }

    /// Parses what a visitor read out: any case, with or without the hyphen, `O` for 0, `I` and `L` for 1.
    ///
    /// # Errors
    /// When it is not eight such characters.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let mut number = 0_u64;
        let mut count = 0;
        for character in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let upper = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let digit = CROCKFORD.iter().position(|&c| char::from(c) == upper).ok_or(BadId)?;
            number = (number << 5) | digit as u64;
            count += 1;
            if count > 8 {
                return Err(BadId);
            }
        }
        let [_, _, _, bytes @ ..] = number.to_be_bytes();
        if count == 8 { Ok(Self(bytes)) } else { Err(BadId) }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e] = self.0;
        let number = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        for position in 0..8 {
            if position == 4 {
                f.write_str("-")?;
            }
            let digit = (number >> (35 - 5 * position)) & 31;
            write!(f, "{}", char::from(CROCKFORD[digit as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({self})")
    }
}

#[cfg(test)]
mod tests;
