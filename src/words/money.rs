//! Money: what messages cost.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

/// An amount of money in millionths of a unit of its currency, up to about 9 billion units. Prices of messages have up to
/// five decimal places at every provider, so sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Amount(u64);

/// A currency: three letters of ISO 4217, such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// A price as a provider or the config tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub amount: Amount,
    /// Of what; `None` when the provider does not say.
    pub currency: Option<Currency>,
}

/// Why a text is no amount or currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMoney {
    /// Not an amount.
    #[error("not an amount of money: write a number such as 0.0083, not negative and below a billion")]
    Amount,
    /// Not a currency.
    #[error("not a currency: write its three letters, such as USD (ISO 4217)")]
    Currency,
}

// === impl Amount ===

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Millionths in a unit.
    pub const UNIT: u64 = 1_000_000;

    /// An amount of this many millionths.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// The millionths.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// `self` this many times, at most the largest amount.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl FromStr for Amount {
    type Err = BadMoney;

    /// Decimal digits with at most one point; what is beyond millionths is rounded up, so that no sum is told too low.
    fn from_str(text: &str) -> Result<Self, BadMoney> {
        let text = text.trim();
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && part.is_empty()) || whole.len() > 9 || !digits(whole) || !digits(part) {
            return Err(BadMoney::Amount);
        }
        let units: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| BadMoney::Amount)? };
        let padded: String = part.chars().chain(std::iter::repeat('0')).take(6).collect();
        let mut millionths: u64 = padded.parse().map_err(|_| BadMoney::Amount)?;
        if part.chars().skip(6).any(|digit| digit != '0') {
            millionths += 1;
        }
        Ok(Self(units * Self::UNIT + millionths))
    }
}

impl fmt::Display for Amount {
    /// With at least two decimal places, and no more than are needed: `0.0083`, `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % Self::UNIT);
        let short = part.trim_end_matches('0');
        write!(f, "{}.{:0<2}", self.0 / Self::UNIT, short)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, |sum, amount| Self(sum.0.saturating_add(amount.0)))
    }
}

// === impl Currency ===

impl Currency {
    /// US dollars.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl FromStr for Currency {
    type Err = BadMoney;

    fn from_str(text: &str) -> Result<Self, BadMoney> {
        match *text.trim().as_bytes() {
            [a, b, c] if [a, b, c].iter().all(u8::is_ascii_alphabetic) => {
                Ok(Self([a, b, c].map(|l| l.to_ascii_uppercase())))
            }
            _ => Err(BadMoney::Currency),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
