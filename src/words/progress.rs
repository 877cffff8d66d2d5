//! How far a message came, and why one did not arrive: in the words that all providers share.

use std::fmt;
use std::str::FromStr;

/// How far a message came. It only moves on: what comes later in this order replaces what comes earlier, never the other
/// way round, in whatever order receipts arrive. A message that a provider gave up and that arrived all the same has
/// arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// It was, or is about to be, handed to a provider; nobody knows more.
    #[default]
    Handed,
    /// The provider took it.
    Accepted,
    /// The provider passed it on to the network; or the telephone rings.
    Sent,
    /// It did not arrive.
    Failed(FailureClass),
    /// It arrived; or the call was answered.
    Delivered,
}

/// Why a message did not go out or did not arrive. Every provider's codes are one of these; codes that are not known are
/// [`FailureClass::Unknown`], since providers add and re-purpose codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// There is no such number or mailbox.
    InvalidNumber,
    /// A fixed line, which takes no text messages.
    Landline,
    /// Switched off, out of reach, busy, or nobody answered.
    UnreachableTemporarily,
    /// Out of reach for good.
    UnreachablePermanently,
    /// The provider's account may not send to this country.
    RegionBlocked,
    /// The recipient asked for no more messages.
    OptedOut,
    /// A network took it for spam.
    CarrierFiltered,
    /// The provider took it for fraud.
    FraudBlocked,
    /// Too many messages at a time.
    RateLimited,
    /// The provider is out of order, cannot be reached, or does not answer.
    ProviderDown,
    /// The account has no money left, or is suspended.
    InsufficientBalance,
    /// The provider does not take the credentials.
    AuthConfig,
    /// The sender is not one that the provider takes.
    SenderConfig,
    /// It came too late: the code was over.
    Expired,
    /// Anything else.
    Unknown,
}

// === impl Progress ===

impl Progress {
    /// Its place in the order.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Handed => 0,
            Self::Accepted => 1,
            Self::Sent => 2,
            Self::Failed(_) => 3,
            Self::Delivered => 4,
        }
    }

    /// Whether a receipt that says `next` moves a message on that came as far as `self`.
    #[must_use]
    pub const fn moves_to(self, next: Self) -> bool {
        next.rank() > self.rank()
    }

    /// The word: `handed`, `accepted`, `sent`, `failed` or `delivered`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed(_) => "failed",
            Self::Delivered => "delivered",
        }
    }

    /// The word, and of a failure its class behind a colon: `failed:landline`. [`Progress::parse`] reads it.
    #[must_use]
    pub fn to_text(self) -> String {
        match self {
            Self::Failed(class) => format!("failed:{class}"),
            other => other.as_str().to_owned(),
        }
    }

    /// Reads what [`Progress::to_text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "handed" => Self::Handed,
            "accepted" => Self::Accepted,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            other => Self::Failed(other.strip_prefix("failed:")?.parse().ok()?),
        })
    }
}

// === impl FailureClass ===

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 15] = [
        Self::InvalidNumber,
        Self::Landline,
        Self::UnreachableTemporarily,
        Self::UnreachablePermanently,
        Self::RegionBlocked,
        Self::OptedOut,
        Self::CarrierFiltered,
        Self::FraudBlocked,
        Self::RateLimited,
        Self::ProviderDown,
        Self::InsufficientBalance,
        Self::AuthConfig,
        Self::SenderConfig,
        Self::Expired,
        Self::Unknown,
    ];

    /// The word used in events, metrics and the JSON interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidNumber => "invalid_number",
            Self::Landline => "landline",
            Self::UnreachableTemporarily => "unreachable_temp",
            Self::UnreachablePermanently => "unreachable_perm",
            Self::RegionBlocked => "region_blocked",
            Self::OptedOut => "opted_out",
            Self::CarrierFiltered => "carrier_filtered",
            Self::FraudBlocked => "fraud_blocked",
            Self::RateLimited => "rate_limited",
            Self::ProviderDown => "provider_down",
            Self::InsufficientBalance => "insufficient_balance",
            Self::AuthConfig => "auth_config",
            Self::SenderConfig => "sender_config",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureClass {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|class| class.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests;
