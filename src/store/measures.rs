//! What is counted of providers, in buckets of time: what one gateway learns, all of them know.

use std::time::Duration;

use crate::words::{Channel, Country, Timestamp};

/// Something to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Of whom.
    pub of: Measured,
    /// What.
    pub what: What,
    /// How much is added.
    pub add: u64,
    /// To the bucket of which moment, by the store's clock: that of the message, so that what comes later stands beside the
    /// message that it belongs to. `None` is now.
    pub at: Option<Timestamp>,
}

/// Of whom something is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measured {
    /// The provider, by its name in the config.
    pub provider: String,
    /// The channel.
    pub channel: Channel,
    /// The country of a phone number.
    pub country: Option<Country>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Messages handed over.
    Sent,
    /// Of these, taken by the provider.
    Accepted,
    /// Of these, delivered by its receipts.
    Delivered,
    /// Of those handed over, failed: at once or by a receipt.
    Failed,
    /// Of those handed over, those whose code came back.
    Verified,
    /// The sum of the times to the receipt of a delivery, in milliseconds.
    ReceiptMillis,
    /// The sum of the times until the code came back, in milliseconds.
    VerifyMillis,
    /// Messages of which the provider told the price.
    Priced,
    /// The sum of these prices, in millionths.
    Price,
}

/// The length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grain {
    /// Five minutes, kept for an hour and a bucket.
    Fine,
    /// Six hours, kept for seven days and a bucket.
    Coarse,
}

/// The counts of one bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// How long ago it began. The newest one is not over yet.
    pub age: Duration,
    /// The counts, in the order of [`What::ALL`].
    pub counts: Vec<(Measured, [u64; What::ALL.len()])>,
}

// === impl What ===

impl What {
    /// Everything that is counted.
    pub const ALL: [Self; 9] = [
        Self::Sent,
        Self::Accepted,
        Self::Delivered,
        Self::Failed,
        Self::Verified,
        Self::ReceiptMillis,
        Self::VerifyMillis,
        Self::Priced,
        Self::Price,
    ];

    /// Its place in [`Bucket::counts`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

// === impl Grain ===

impl Grain {
    /// How long a bucket is.
    #[must_use]
    pub const fn span(self) -> Duration {
        match self {
            Self::Fine => Duration::from_secs(5 * 60),
            Self::Coarse => Duration::from_secs(6 * 60 * 60),
        }
    }

    /// How many buckets are kept: the whole window and the bucket that is not over.
    #[must_use]
    pub const fn buckets(self) -> u32 {
        match self {
            Self::Fine => 13,
            Self::Coarse => 29,
        }
    }
}

impl Grain {
    /// The number of the bucket of a moment.
    pub(super) fn number(self, at: Timestamp) -> u64 {
        at.as_secs() / self.span().as_secs()
    }

    /// The number of the oldest bucket that is kept.
    pub(super) fn oldest(self, now: Timestamp) -> u64 {
        (self.number(now) + 1).saturating_sub(u64::from(self.buckets()))
    }

    /// How long ago a bucket began.
    pub(super) fn age(self, number: u64, now: Timestamp) -> Duration {
        let began = Timestamp::from_millis(number * self.span().as_secs() * 1000);
        now.since(began).unwrap_or_default()
    }
}
