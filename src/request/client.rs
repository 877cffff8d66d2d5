//! Where a request comes from: the client behind the proxies that are trusted, and behind no other.
//!
//! Only a trusted peer's `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` (RFC 7239) are looked at. Each proxy adds
//! its own peer at the right end, so the trail is walked from the right: the first address that is no trusted
//! proxy is the client. What stands left of it came from the client and means nothing (I5).

use std::net::IpAddr;

use http::HeaderMap;
use http::header::FORWARDED;

use super::host::Scheme;
use super::networks::TrustedProxies;
use crate::words::Country;

#[cfg(test)]
mod tests;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";

/// What is known of the client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The address, an IPv4 address never in its IPv6 spelling.
    pub ip: IpAddr,
    /// The scheme that the client used, if a trusted peer told.
    pub scheme: Option<Scheme>,
    /// The trail broke off, or its headers contradict each other: `ip` is the nearest address that is certain, that of a
    /// trusted proxy. A rule that lets a network through must not count it as the client's.
    pub uncertain: bool,
    /// Where the address is, where that is known and a route asks for it. Never known of one that is uncertain.
    pub country: Option<Country>,
}

/// Finds the client of a request that `peer` sent.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> ClientAddress {
    let peer = peer.to_canonical();
    let alone = ClientAddress { ip: peer, scheme: None, uncertain: false, country: None };
    if !trusted.contains(peer) {
        return alone;
    }
    let forwarded = Forwarded::read(headers);
    let by_list = walk(alone, trusted, x_forwarded_for(headers).map(Hop::at));
    let by_forwarded = forwarded.walk(alone, trusted);
    let told = x_forwarded_proto(headers);
    let client = match (by_list, by_forwarded) {
        (None, None) => alone,
        (Some(client), None) | (None, Some(client)) => client,
        (Some(list), Some(other)) if list.ip == other.ip => {
            ClientAddress { uncertain: list.uncertain || other.uncertain, ..list }
        }
        (Some(_), Some(_)) => {
            return ClientAddress { uncertain: true, ..alone };
        }
    };
    let scheme = by_forwarded.map_or_else(|| forwarded.last_scheme(), |client| client.scheme);
    ClientAddress { scheme: agreed(told, scheme), ..client }
}

/// One entry of a trail. An address of `None` is one that could not be read.
#[derive(Clone, Copy)]
struct Hop {
    ip: Option<IpAddr>,
    scheme: Option<Scheme>,
}

impl Hop {
    fn at(ip: Option<IpAddr>) -> Self {
        Self { ip, scheme: None }
    }
}

/// Walks a trail from its right end, which the peer wrote. `None` when there is none.
fn walk(peer: ClientAddress, trusted: &TrustedProxies, hops: impl Iterator<Item = Hop>) -> Option<ClientAddress> {
    let mut reached = None;
    for hop in hops {
        let Some(ip) = hop.ip else {
            return Some(ClientAddress { uncertain: true, ..reached.unwrap_or(peer) });
        };
        reached = Some(ClientAddress { ip, scheme: hop.scheme, uncertain: false, country: None });
        if !trusted.contains(ip) {
            break;
        }
    }
    reached
}

/// Two headers that name different schemes cancel each other out.
fn agreed(one: Option<Scheme>, other: Option<Scheme>) -> Option<Scheme> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

/// The entries of all `X-Forwarded-For` lines, which are one list, from the right.
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    entries_from_the_right(headers, X_FORWARDED_FOR).map(|entry| std::str::from_utf8(entry).ok().and_then(address))
}

/// The rightmost entry: the trusted peer itself wrote it, whatever a client sent before it.
fn x_forwarded_proto(headers: &HeaderMap) -> Option<Scheme> {
    let entry = entries_from_the_right(headers, X_FORWARDED_PROTO).next()?;
    scheme_named(std::str::from_utf8(entry).ok()?)
}

fn entries_from_the_right<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}

/// Some proxies name the scheme of a WebSocket.
fn scheme_named(text: &str) -> Option<Scheme> {
    match text {
        text if text.eq_ignore_ascii_case("wss") => Some(Scheme::Https),
        text if text.eq_ignore_ascii_case("ws") => Some(Scheme::Http),
        text => Scheme::parse(text),
    }
}

/// The elements of all `Forwarded` lines, in order (RFC 7239, section 4).
#[derive(Default)]
struct Forwarded {
    hops: Vec<Hop>,
    /// Some element says `for`; else the header says nothing of addresses.
    names_somebody: bool,
}

impl Forwarded {
    fn read(headers: &HeaderMap) -> Self {
        let mut all = Self::default();
        for line in headers.get_all(FORWARDED) {
            // What is no text reads as one element that nobody understands.
            let line = std::str::from_utf8(line.as_bytes()).unwrap_or("?");
            for element in Pieces::of(line, b',').filter(|element| !element.is_empty()) {
                let (hop, says_for) = element_of_forwarded(element);
                all.hops.push(hop);
                all.names_somebody |= says_for;
            }
        }
        all
    }

    fn walk(&self, peer: ClientAddress, trusted: &TrustedProxies) -> Option<ClientAddress> {
        let hops = self.hops.iter().rev().copied();
        walk(peer, trusted, hops).filter(|_| self.names_somebody)
    }

    fn last_scheme(&self) -> Option<Scheme> {
        self.hops.last().and_then(|hop| hop.scheme)
    }
}

/// Reads `for=192.0.2.1;proto=https;by=…`. A parameter that comes twice makes the element unreadable.
fn element_of_forwarded(element: &str) -> (Hop, bool) {
    let mut node = None;
    let mut proto = None;
    for pair in Pieces::of(element, b';').filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            return (Hop::at(None), true);
        };
        let slot = match name {
            name if name.eq_ignore_ascii_case("for") => &mut node,
            name if name.eq_ignore_ascii_case("proto") => &mut proto,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return (Hop::at(None), true);
        }
    }
    let hop = Hop { ip: node.and_then(address), scheme: proto.and_then(unquoted).and_then(scheme_named) };
    (hop, node.is_some())
}

/// Splits at a separator outside quoted strings, and trims the pieces.
struct Pieces<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Pieces<'a> {
    fn of(text: &'a str, separator: u8) -> Self {
        Self { rest: Some(text), separator }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let mut quoted = false;
        let mut escaped = false;
        let end = rest.bytes().position(|byte| match byte {
            _ if escaped => {
                escaped = false;
                false
            }
            b'\\' if quoted => {
                escaped = true;
                false
            }
            b'"' => {
                quoted = !quoted;
                false
            }
            byte => !quoted && byte == self.separator,
        });
        let piece = match end.and_then(|end| rest.split_at_checked(end)) {
            Some((piece, after)) => {
                self.rest = after.get(1..);
                piece
            }
            None => {
                self.rest = None;
                rest
            }
        };
        Some(piece.trim_matches([' ', '\t']))
    }
}

/// Reads an address with or without port, brackets and quotes. `None` for `unknown`, hidden names (`_x`), zone ids, and
/// numbers in octal or as one integer, which programs read differently.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = unquoted(entry)?;
    let ip: IpAddr = if let Some(rest) = entry.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        IpAddr::V6(ip.parse().ok()?)
    } else if let Ok(ip) = entry.parse() {
        ip
    } else {
        let (ip, _) = entry.split_once(':').filter(|(_, port)| is_port(port))?;
        IpAddr::V4(ip.parse().ok()?)
    };
    Some(ip.to_canonical())
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unquoted(text: &str) -> Option<&str> {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains('"')),
        None => Some(text),
    }
}
