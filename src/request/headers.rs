//! Header hygiene: what a client may not tell the upstream, and an upstream not the client.
//!
//! Applications of the CGI family read `X-Remote-User`, `X_Remote_User` and `x.remote.user` as one variable, so names are
//! compared in lower case with `_` and `.` read as `-` (H02). What is removed here is added again by the
//! gateway, with values of its own, where the upstream is to have it (I5).

use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName};

use super::networks::Networks;

#[cfg(test)]
mod tests;

/// The gateway's own headers, which no configuration can leave to a client.
const OWN: &str = "x-otpgate-*";

/// Names that begin with `x`, by which an upstream may trust a proxy. A `*` at the end stands for anything.
const FORGED_X: &[&str] = &[
    OWN,
    // Where the client is and what it asked for.
    "x-forwarded",
    "x-forwarded-*",
    "x-forward-*",
    "x-real-*",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-proxyuser-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-originating-ip",
    "x-original-*",
    "x-originally-forwarded-*",
    "x-rewrite-*",
    "x-host",
    "x-envoy-external-address",
    "x-envoy-original-*",
    // Another method than the one that was judged (P17).
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    // Who the client is.
    "x-remote-user*",
    "x-remote-group*",
    "x-remote-email",
    "x-remote-name",
    "x-auth-request-*",
    "x-otp-user*",
    "x-authenticated-*",
    "x-webauth-*",
    "x-authentik-*",
    "x-pomerium-*",
    "x-vouch-*",
    "x-goog-authenticated-user-*",
    "x-ms-client-principal*",
    "x-ssl-client-*",
];

/// The same for names that begin otherwise.
const FORGED: &[&str] = &[
    "forwarded",
    "cf-connecting-ip*",
    "client-ip",
    "fastly-client-ip",
    "true-client-ip",
    "remote-addr",
    "remote-user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "ssl-client-*",
    // CGI turns it into `HTTP_PROXY`, through which programs then connect (CVE-2016-5385).
    "proxy",
];

/// The identity headers that a configuration names, beside those that everybody knows.
#[derive(Debug, Clone, Default)]
pub struct IdentityHeaders {
    owned: Vec<(HeaderName, Networks)>,
    stripped: Vec<HeaderName>,
}

impl IdentityHeaders {
    /// None but the well-known ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// A header that an identity source reads: the peers in `from` set it themselves, from all others it is removed.
    /// A header that is named again is believed from both sets of peers.
    pub fn owned_by(mut self, name: HeaderName, from: Networks) -> Self {
        self.owned.push((name, from));
        self
    }

    /// A header that is always removed.
    pub fn stripped(mut self, name: HeaderName) -> Self {
        self.stripped.push(name);
        self
    }

    /// Whether a request header must not reach the upstream, nor be read by the gateway.
    ///
    /// `peer` is the peer of the connection, never an address out of a header. An owned header survives in
    /// its own spelling only: a proxy that overwrites `X-Remote-User` may have let the client's `X_Remote_User` pass.
    pub fn is_forged(&self, name: &str, peer: IpAddr) -> bool {
        if is_same(name, OWN) {
            return true;
        }
        let is_vouched_for =
            self.owned.iter().any(|(owned, from)| owned.as_str().eq_ignore_ascii_case(name) && from.contains(peer));
        if is_vouched_for {
            return false;
        }
        is_well_known(name)
            || self
                .owned
                .iter()
                .map(|(owned, _)| owned)
                .chain(&self.stripped)
                .any(|configured| is_same(name, configured.as_str()))
    }

    /// The names of all forged headers of a request, for the adapter to remove.
    pub fn forged<'h>(&'h self, headers: &'h HeaderMap, peer: IpAddr) -> impl Iterator<Item = &'h HeaderName> {
        headers.keys().filter(move |name| self.is_forged(name.as_str(), peer))
    }
}

/// Whether a response header is the gateway's to set: an upstream that sends one would be taken for it (H24).
///
/// `Set-Cookie` lines are looked at by [`set_cookies_for_client`](super::cookies::set_cookies_for_client).
pub fn is_forged_in_response(name: &str) -> bool {
    is_same(name, OWN)
}

fn is_well_known(name: &str) -> bool {
    let patterns = match name.as_bytes().first() {
        Some(b'x' | b'X') => FORGED_X,
        // Most headers of a browser begin otherwise, and are through with this.
        Some(b'c' | b'C' | b'f' | b'F' | b'p' | b'P' | b'r' | b'R' | b's' | b'S' | b't' | b'T') => FORGED,
        _ => return false,
    };
    patterns.iter().any(|pattern| is_same(name, pattern))
}

/// Compares a name with a pattern, both read in lower case with `_` and `.` as `-`.
fn is_same(name: &str, pattern: &str) -> bool {
    let name = name.as_bytes();
    let (start, fits) = match pattern.strip_suffix('*') {
        Some(start) => (start, name.len() >= start.len()),
        None => (pattern, name.len() == pattern.len()),
    };
    fits && start.bytes().zip(name).all(|(expected, &byte)| plain(byte) == plain(expected))
}

fn plain(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        byte => byte.to_ascii_lowercase(),
    }
}
