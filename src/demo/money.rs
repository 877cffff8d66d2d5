//! Amounts of money, exact to the cent.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

#[cfg(test)]
mod tests;

/// A number of euro cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cents(pub(super) u64);

/// Why a typed amount cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum AmountError {
    #[error("Write the amount as digits, such as 25 or 25.50.")]
    Malformed,
    #[error("The amount must be more than zero.")]
    Zero,
    #[error("The amount must be less than 10 million.")]
    TooLarge,
}

impl Cents {
    /// The first amount that is too large to send.
    const LIMIT: Self = Self(1_000_000_000);

    pub(super) fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl FromStr for Cents {
    type Err = AmountError;

    /// Reads `25`, `25.5` and `25.50`.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let text = text.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return Err(AmountError::Malformed);
        }
        // All digits: what does not parse is too long a number.
        let cents = format!("{whole}{fraction:0<2}").parse().map_err(|_| AmountError::TooLarge)?;
        match Self(cents) {
            Self(0) => Err(AmountError::Zero),
            amount if amount >= Self::LIMIT => Err(AmountError::TooLarge),
            amount => Ok(amount),
        }
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}
