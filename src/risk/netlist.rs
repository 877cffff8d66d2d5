//! Lists of networks as they are published: which lines mean what.
//!
//! | what | a line |
//! |---|---|
//! | plain, FireHOL netset | `203.0.113.0/24`, `203.0.113.7`, `203.0.113.1-203.0.113.9`; `#` and `;` begin a comment |
//! | Spamhaus DROP, text | `203.0.113.0/24 ; SBL123` |
//! | Spamhaus DROP, JSON lines | `{"cidr": "203.0.113.0/24", …}`; with `asn` instead, an autonomous system |
//! | Tor's exit list | `ExitAddress 203.0.113.7 2026-11-01 12:00:00`; its other lines are left out |
//! | CSV | the network is the first column; a first line of names is left out |
//! | autonomous systems | `AS64496`, `64496` in a list of that kind |
//!
//! A list that names everybody, or a private network, is none: whoever can put a line into it would lock everybody out (F03).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde::Deserialize;

use crate::request::unmapped;
use crate::risk::pace::Pace;

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetlist {
    /// A line that cannot be read: a list that is half understood protects half.
    #[error("line {0} is no network or address, such as 203.0.113.0/24")]
    Line(usize),
    /// A line that is no autonomous system.
    #[error("line {0} is no autonomous system, such as AS64496")]
    System(usize),
    /// A network that is too large to be meant.
    #[error("line {line}: {network} is too large to be meant")]
    TooLarge {
        /// The line, from 1.
        line: usize,
        /// The network.
        network: IpNetwork,
    },
    /// A network that is nobody's in particular.
    #[error("line {line}: {network} is private: everybody's own network, and none that a public list can mean")]
    Private {
        /// The line, from 1.
        line: usize,
        /// The network.
        network: IpNetwork,
    },
    /// Nothing is in it.
    #[error("there is nothing in it")]
    Empty,
}

/// What a list is for, as far as it changes what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Who is on it is suspect.
    Suspect,
    /// Who is on it is trusted: a private network may be.
    Trusted,
}

/// The shortest prefix that is believed: no registry gives anybody more than an IPv4 /8, or more than an IPv6 /16 (IANA's
/// registries of address space).
const SHORTEST: (u8, u8) = (8, 16);

/// Networks that everybody has for themselves: RFC 6890 and RFC 6598.
static PRIVATE: LazyLock<Vec<IpNetwork>> = LazyLock::new(|| {
    let all = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    ];
    all.into_iter().filter_map(|network| network.parse().ok()).collect()
});

/// What a JSON line of Spamhaus says, as far as it is used. <https://www.spamhaus.org/drop/drop_v4.json>
#[derive(Deserialize)]
struct JsonLine {
    cidr: Option<String>,
    asn: Option<u32>,
}

/// Reads a list of networks.
///
/// # Errors
/// When a line cannot be read, or means more than such a list can; when nothing is in it.
pub fn networks(text: &str, meaning: Meaning) -> Result<Vec<IpNetwork>, BadNetlist> {
    networks_at(text, meaning, &Pace::fast())
}

/// The same at a pace.
pub(super) fn networks_at(text: &str, meaning: Meaning, pace: &Pace) -> Result<Vec<IpNetwork>, BadNetlist> {
    let mut found = Vec::new();
    for (line, entry) in entries(text, |first| ranges(first).is_some()) {
        pace.step();
        let Some(entry) = entry.map_err(BadNetlist::Line)? else { continue };
        let read = ranges(&entry).ok_or(BadNetlist::Line(line))?;
        for network in read.into_iter().map(unmapped) {
            sound(line, network, meaning)?;
            found.push(network);
        }
    }
    if found.is_empty() { Err(BadNetlist::Empty) } else { Ok(found) }
}

/// Reads a list of autonomous systems.
///
/// # Errors
/// When a line cannot be read, or nothing is in it.
pub fn systems(text: &str) -> Result<Vec<u32>, BadNetlist> {
    let mut found = Vec::new();
    for (line, entry) in entries(text, |first| system(first).is_some()) {
        let Some(entry) = entry.map_err(BadNetlist::System)? else { continue };
        found.push(system(&entry).ok_or(BadNetlist::System(line))?);
    }
    if found.is_empty() { Err(BadNetlist::Empty) } else { Ok(found) }
}

/// Each line's number and its entry: none in a comment; an error is a line that cannot be read.
fn entries<'t>(
    text: &'t str,
    is_entry: impl Fn(&str) -> bool + 't,
) -> impl Iterator<Item = (usize, Result<Option<Cow<'t, str>>, usize>)> + 't {
    let mut is_first = true;
    text.trim_start_matches('\u{feff}').lines().enumerate().map(move |(index, line)| {
        let number = index + 1;
        let line = line.trim();
        if line.starts_with('{') {
            return (number, json(line).map(|entry| entry.map(Cow::Owned)).ok_or(number));
        }
        let line = line.split(['#', ';']).next().unwrap_or_default().trim();
        let mut words = line.split_whitespace();
        let entry = match words.next() {
            None => return (number, Ok(None)),
            Some("ExitNode" | "Published" | "LastStatus") => return (number, Ok(None)),
            Some("ExitAddress") => Cow::Borrowed(words.next().unwrap_or_default()),
            // `a - b` is a range, too.
            Some(_) if line.contains('-') && !line.contains(',') => Cow::Owned(line.replace(char::is_whitespace, "")),
            Some(_) => {
                let column = line.split([',', '\t']).next().unwrap_or_default().trim();
                Cow::Borrowed(column.trim_matches('"').trim())
            }
        };
        let is_heading = is_first && line.contains(',') && !is_entry(&entry);
        is_first = false;
        (number, Ok((!is_heading).then_some(entry)))
    })
}

/// The entry of a JSON line: none in the line that says when the list was made.
fn json(line: &str) -> Option<Option<String>> {
    let read: JsonLine = serde_json::from_str(line).ok()?;
    Some(read.cidr.or_else(|| read.asn.map(|asn| format!("AS{asn}"))))
}

fn ranges(entry: &str) -> Option<Vec<IpNetwork>> {
    if let Ok(network) = entry.parse() {
        return Some(vec![network]);
    }
    let (first, last) = entry.split_once('-')?;
    between(first.parse().ok()?, last.parse().ok()?)
}

/// The fewest networks that are all addresses from `first` to `last`; `None` when the two are of different kinds, or in the
/// wrong order.
pub(super) fn between(first: IpAddr, last: IpAddr) -> Option<Vec<IpNetwork>> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let of = |ip: u128, length: u8| Ipv4Network::new(u32::try_from(ip).ok()?.into(), length).ok();
            cover(u32::from(first).into(), u32::from(last).into(), 32, &|ip, length| of(ip, length).map(Into::into))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let of = |ip: u128, length: u8| Ipv6Network::new(ip.into(), length).ok().map(Into::into);
            cover(first.into(), last.into(), 128, &of)
        }
        _ => None,
    }
}

/// The fewest networks that are all addresses from `first` to `last`, in a space of `width` bits.
fn cover(
    first: u128,
    last: u128,
    width: u32,
    network: &dyn Fn(u128, u8) -> Option<IpNetwork>,
) -> Option<Vec<IpNetwork>> {
    let (mut from, mut networks) = (first, Vec::new());
    if first > last {
        return None;
    }
    loop {
        // The largest block that begins here, and the largest that does not go too far.
        let aligned = from.trailing_zeros().min(width);
        let left = (last - from).checked_add(1).map_or(width, |count| 127 - count.leading_zeros());
        let bits = aligned.min(left).min(width);
        networks.push(network(from, u8::try_from(width - bits).ok()?)?);
        let size = 1_u128.checked_shl(bits).unwrap_or(0);
        match from.checked_add(size).filter(|&next| size > 0 && next <= last) {
            Some(next) => from = next,
            None => return Some(networks),
        }
    }
}

fn system(entry: &str) -> Option<u32> {
    let digits = entry.strip_prefix("AS").or_else(|| entry.strip_prefix("as")).unwrap_or(entry);
    digits.parse().ok().filter(|&number| number > 0)
}

fn sound(line: usize, network: IpNetwork, meaning: Meaning) -> Result<(), BadNetlist> {
    let shortest = if network.is_ipv4() { SHORTEST.0 } else { SHORTEST.1 };
    let (within, around) = private(network);
    match meaning {
        Meaning::Suspect if within || around => Err(BadNetlist::Private { line, network }),
        _ if network.prefix() < shortest && !within => Err(BadNetlist::TooLarge { line, network }),
        _ => Ok(()),
    }
}

/// Whether a network lies within one of those that everybody has, and whether one of those lies within it.
fn private(network: IpNetwork) -> (bool, bool) {
    PRIVATE.iter().filter(|private| private.is_ipv4() == network.is_ipv4()).fold(
        (false, false),
        |(within, around), private| {
            let in_it = private.contains(network.network()) && private.prefix() <= network.prefix();
            (within || in_it, around || network.contains(private.network()))
        },
    )
}

#[cfg(test)]
mod tests;
