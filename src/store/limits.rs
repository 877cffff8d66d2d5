//! Limits: sliding windows, counted exactly.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::store::{MoneyBudget, PumpingRules};

/// At most so many in so long a time, written `5/10m`: a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many, at least 1.
    pub count: u32,
    /// In how long a time, at least a second.
    pub span: Duration,
}

/// Every limit of the config's `limits`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// On messages.
    pub sends: SendLimits,
    /// On messages to addresses that a visitor typed.
    pub typed: TypedLimits,
    /// On wrong codes.
    pub failures: FailureLimits,
    /// The guard against pumping.
    pub pumping: PumpingRules,
    /// What messages may cost.
    pub money: MoneyBudget,
}

/// Limits on messages. Every window of a list holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendLimits {
    /// For one subject.
    pub per_subject: Vec<Window>,
    /// To one contact, whoever asks.
    pub per_contact: Vec<Window>,
    /// From one client address.
    pub per_ip: Vec<Window>,
    /// From one network: /24 of IPv4, /48 of IPv6.
    pub per_network: Vec<Window>,
    /// To one country, by the calling code of the phone number. An e-mail goes to no country.
    pub per_country: Vec<Window>,
}

/// Limits on messages to addresses that a visitor typed: nobody has vouched for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLimits {
    /// From one client address.
    pub per_ip: Vec<Window>,
    /// From one network.
    pub per_network: Vec<Window>,
}

/// Limits on wrong codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureLimits {
    /// By one subject: then it is locked until the window lets go.
    pub per_subject: Vec<Window>,
    /// In a row by one subject: then it is locked until an operator unlocks it (NIST SP 800-63B-4: at most 100).
    pub consecutive: u32,
    /// From one client address.
    pub per_ip: Vec<Window>,
}

const fn window(count: u32, span_secs: u64) -> Window {
    Window { count, span: Duration::from_secs(span_secs) }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

// === impl SendLimits, TypedLimits, FailureLimits: the defaults of the design ===

impl Default for SendLimits {
    fn default() -> Self {
        Self {
            per_subject: vec![window(5, 10 * MINUTE), window(10, DAY)],
            per_contact: vec![window(5, 10 * MINUTE), window(10, DAY)],
            per_ip: vec![window(200, HOUR)],
            per_network: vec![window(600, HOUR)],
            per_country: vec![window(1000, HOUR)],
        }
    }
}

impl Default for TypedLimits {
    fn default() -> Self {
        Self { per_ip: vec![window(10, HOUR)], per_network: vec![window(30, HOUR)] }
    }
}

impl Default for FailureLimits {
    fn default() -> Self {
        Self { per_subject: vec![window(10, HOUR), window(30, DAY)], consecutive: 100, per_ip: vec![window(300, HOUR)] }
    }
}

// === impl Window ===

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no limit: write a count and a time, such as `5/10m`");
        let (count, span) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().ok().filter(|&count| count >= 1).ok_or_else(wrong)?;
        let span = humantime::parse_duration(span.trim()).map_err(|_| wrong())?;
        if span < Duration::from_secs(1) || span > Duration::from_secs(31 * DAY) {
            return Err(format!("`{text}` is no limit: its time is between 1s and 31d"));
        }
        Ok(Self { count, span })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, humantime::format_duration(self.span))
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Window {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^\s*[1-9][0-9]*\s*/.+$", "examples": ["5/10m", "10/1d"]})
    }
}
