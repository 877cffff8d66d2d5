//! The config's `risk.behaviour` and `risk.bans`.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::config::{Fault, Period, Placed};
use crate::risk::{Bans, Behaviour, Widths};
use crate::store::{Tally, Window};

/// What counts as too much, of an address or what is around it. Each is worth its points until its time is over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BehaviourSettings {
    /// Whether anything is counted for signals. Default true.
    pub enabled: Option<bool>,
    /// Messages that were asked for. Default 50, 150, 1000 and 5000 in 10m.
    #[serde(default)]
    pub sends: WidthsSettings,
    /// Wrong codes. Default 25, 75, 500 and 2500 in 10m.
    #[serde(default)]
    pub failures: WidthsSettings,
    /// Different subjects. Default 50, 150, 1000 and 5000 in 10m.
    #[serde(default)]
    pub subjects: WidthsSettings,
    /// Different networks of one subject. Default 8/1h.
    pub networks: Option<Placed<Window>>,
    /// Requests of one address to routes with a policy, as each gateway counts them for itself, up to 50000 in 1h. Default
    /// 300/1m.
    pub requests: Option<Placed<Window>>,
}

/// How many are too many, up to 10000 each.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WidthsSettings {
    /// Of one address: a /64 of IPv6.
    pub per_address: Option<Placed<Window>>,
    /// Of one network: /24 of IPv4, /48 of IPv6.
    pub per_network: Option<Placed<Window>>,
    /// Of one autonomous system, which `geoip.asn` tells.
    pub per_system: Option<Placed<Window>>,
    /// Of one country, which `geoip.country` tells.
    pub per_country: Option<Placed<Window>>,
}

/// When an address is banned for a while, on every gateway. Never one on an allow list, and never a proxy's.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BansSettings {
    /// Whether any address is banned. Default true.
    pub enabled: Option<bool>,
    /// Wrong codes from one address, up to 10000. Default 100/10m.
    pub failures: Option<Placed<Ceiling>>,
    /// Different subjects with a wrong code from one address. Default 100/1h.
    pub subjects: Option<Placed<Ceiling>>,
    /// Different numbers that one address asked for messages to while they were paused by `limits.pumping`. Default 10/1h.
    pub pumping: Option<Placed<Ceiling>>,
    /// How long a ban holds, 1s to 31d. Default 30m.
    pub lasts: Option<Placed<Period>>,
    /// Whether whoever has a good grant passes all the same. Default true.
    pub spare_grants: Option<bool>,
}

/// A limit, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(Option<Window>);

/// The most requests that are counted of one address in one window.
const MOST_REQUESTS: u32 = 50_000;

// === impl BehaviourSettings ===

impl BehaviourSettings {
    /// What counts as too much; `None` when nothing does.
    ///
    /// # Errors
    /// When a limit is out of range.
    pub(super) fn behaviour(&self) -> Result<Option<Behaviour>, Fault> {
        let usual = Behaviour::default();
        let behaviour = Behaviour {
            sends: self.sends.widths(usual.sends)?,
            failures: self.failures.widths(usual.failures)?,
            subjects: self.subjects.widths(usual.subjects)?,
            networks: counted(self.networks.as_ref(), usual.networks)?,
            requests: match &self.requests {
                Some(written)
                    if written.value.count > MOST_REQUESTS || written.value.span > Duration::from_secs(60 * 60) =>
                {
                    return Err(written.fault("expected up to 50000 requests in up to 1h, such as `300/1m`"));
                }
                written => written.as_ref().map_or(usual.requests, |written| written.value),
            },
        };
        Ok(self.enabled.unwrap_or(true).then_some(behaviour))
    }
}

impl WidthsSettings {
    fn widths(&self, usual: Widths) -> Result<Widths, Fault> {
        Ok(Widths {
            address: counted(self.per_address.as_ref(), usual.address)?,
            network: counted(self.per_network.as_ref(), usual.network)?,
            system: counted(self.per_system.as_ref(), usual.system)?,
            country: counted(self.per_country.as_ref(), usual.country)?,
        })
    }
}

// === impl BansSettings ===

impl BansSettings {
    /// When an address is banned.
    ///
    /// # Errors
    /// When a limit or the time is out of range.
    pub(super) fn bans(&self) -> Result<Bans, Fault> {
        let usual = Bans::default();
        let ceiling = |written: &Option<Placed<Ceiling>>, usual: Option<Window>| match written {
            Some(written) => written.value.0.map(|window| within(written, window)).transpose(),
            None => Ok(usual),
        };
        let bans = Bans {
            failures: ceiling(&self.failures, usual.failures)?,
            subjects: ceiling(&self.subjects, usual.subjects)?,
            pumping: ceiling(&self.pumping, usual.pumping)?,
            lasts: match &self.lasts {
                Some(written) if !LASTS.contains(&written.value.0) => {
                    return Err(written.fault("expected a time from 1s to 31d"));
                }
                written => written.as_ref().map_or(usual.lasts, |written| written.value.0),
            },
            spare_grants: self.spare_grants.unwrap_or(usual.spare_grants),
        };
        Ok(if self.enabled.unwrap_or(true) { bans } else { Bans::off() })
    }
}

const LASTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(31 * 24 * 60 * 60);

fn counted(written: Option<&Placed<Window>>, usual: Window) -> Result<Window, Fault> {
    written.map_or(Ok(usual), |written| within(written, written.value))
}

fn within<T>(written: &Placed<T>, window: Window) -> Result<Window, Fault> {
    match window.count <= Tally::MOST {
        true => Ok(window),
        false => Err(written.fault(format!("expected a count up to {}", Tally::MOST))),
    }
}

// === impl Ceiling ===

impl<'de> Deserialize<'de> for Ceiling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "off" => Ok(Self(None)),
            text => text
                .parse()
                .map(|window| Self(Some(window)))
                .map_err(|error| de::Error::custom(format!("{error}, or `off`"))),
        }
    }
}

impl JsonSchema for Ceiling {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ceiling".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^\s*(off|[1-9][0-9]*\s*/.+)\s*$", "examples": ["100/10m", "off"]})
    }
}
