//! The ways a code can travel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way a code can travel to a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// An e-mail.
    Email,
    /// A text message.
    Sms,
    /// A voice call that reads the code out.
    Voice,
    /// A page of a provider's own, which sends a code of its own and tells us that it came back.
    Hosted,
}

/// A set of channels, in the order in which they were named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelSet(Vec<Channel>);

// === impl Channel ===

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Voice, Self::Hosted];

    /// The name used in the config, the JSON interface and the headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Hosted => "hosted",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == text).ok_or(())
    }
}

// === impl ChannelSet ===

impl ChannelSet {
    /// Whether `channel` is in the set.
    #[must_use]
    pub fn contains(&self, channel: Channel) -> bool {
        self.0.contains(&channel)
    }

    /// The channels in the order in which they were named.
    pub fn iter(&self) -> impl Iterator<Item = Channel> + '_ {
        self.0.iter().copied()
    }

    /// Whether no channel is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Channel> for ChannelSet {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        let mut set = Vec::new();
        for channel in channels {
            if !set.contains(&channel) {
                set.push(channel);
            }
        }
        Self(set)
    }
}
