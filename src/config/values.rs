//! Values with a spelling of their own: durations, sizes, shares, networks, addresses to listen on.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use ipnetwork::IpNetwork;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

/// A duration, written `30s`, `5m`, `12h`, `1d` or `0s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

/// A number of bytes, written `64KiB` or `1MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A share of something, from 0 to 1, written `0.25` or `25%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

/// A network, written `10.0.0.0/8`, `2001:db8::/32` or as a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub IpNetwork);

/// An address to listen on, written `0.0.0.0:8443` or `[::]:8443`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// The longest duration: more than a year is a slip of the pen, and moments in the store must not overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

// === impl Period ===

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text.trim())
            .map_err(|_| "expected a duration: a number and its unit, such as `30s`, `5m` or `12h`".to_owned())?;
        if duration > LONGEST { Err("expected a duration of a year at most".to_owned()) } else { Ok(Self(duration)) }
    }
}

// === impl Size ===

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = text.trim().parse::<ByteSize>();
        size.map(|size| Self(size.as_u64())).map_err(|_| "expected a size, such as `64KiB` or `1MiB`".to_owned())
    }
}

// === impl Share ===

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent.trim_end(), 100.0));
        // Digits and a point alone: no sign, no exponent, no `inf`.
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let share = number.parse::<f64>().ok().filter(|_| is_plain).map(|number| number / whole);
        let share = share.filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| "expected a share from 0 to 1, such as `0.25` or `25%`".to_owned())
    }
}

// === impl Network ===

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let network: IpNetwork = match text.split_once('/') {
            None => text.parse::<IpAddr>().map(IpNetwork::from).ok(),
            Some((_, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Some(_) => None,
        }
        .ok_or_else(|| format!("`{text}` is no network: write `10.0.0.0/8`, `2001:db8::/32` or a single address"))?;
        let start = network.network();
        if start == network.ip() {
            return Ok(Self(network));
        }
        let prefix = network.prefix();
        Err(format!(
            "`{text}` has bits behind its prefix: write `{start}/{prefix}`, or `{}` for that host",
            network.ip()
        ))
    }
}

// === impl Address ===

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim().parse().map(Self).map_err(|_| {
            "expected an IP address and a port, such as `127.0.0.1:8080`, `0.0.0.0:443` or `[::]:443`".to_owned()
        })
    }
}

macro_rules! read_from_text {
    ($($kind:ident $schema:tt)*) => {
        $(impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

read_from_text! {
    Period {"type": "string", "pattern": r"^\s*\d+\s*[a-zA-Z]+", "examples": ["30s", "5m", "12h"]}
    Size {"type": ["string", "integer"], "examples": ["64KiB", "1MiB"]}
    Share {"type": ["string", "number"], "examples": [0.25, "25%"]}
    Address {"type": "string", "examples": ["127.0.0.1:8080", "[::]:443"]}
    Network {"type": "string", "examples": ["10.0.0.0/8", "2001:db8::/32", "203.0.113.7"]}
}

/// Whether a host of an address is this machine: `localhost`, or a loopback address, in brackets or not. What goes there
/// crosses no network.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
