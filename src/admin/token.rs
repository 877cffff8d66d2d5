//! The secret by which an operator is known.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The secret by which an operator is known to the admin listener: at least 16 visible ASCII characters.
#[derive(Clone)]
pub struct AdminToken(Arc<Zeroizing<String>>);

/// Why a text is no admin token. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Fewer than 16 characters.
    #[error("the admin token is too short: at least {} characters; `otpgate keygen` makes a good one", AdminToken::MIN)]
    Short,
    /// White space, a control character or a letter outside ASCII: it could not stand in a header.
    #[error("the admin token may hold letters, digits and signs of ASCII only, and no space or line end")]
    Character,
}

// === impl AdminToken ===

impl AdminToken {
    /// The shortest token, in characters.
    pub const MIN: usize = 16;

    /// Takes `text` as it stands.
    ///
    /// # Errors
    /// When it is shorter than 16 characters or could not stand in an `Authorization` header.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(BadToken::Character)
        } else if text.len() < Self::MIN {
            Err(BadToken::Short)
        } else {
            Ok(Self(Arc::new(Zeroizing::new(text.to_owned()))))
        }
    }

    /// Whether `given` is the token, compared in constant time: how long it takes tells at most the length.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    /// The token in full, for an `Authorization` header only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// In constant time, as [`AdminToken::is`].
impl PartialEq for AdminToken {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl Eq for AdminToken {}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

#[cfg(test)]
mod tests;
