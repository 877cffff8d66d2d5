//! Cookies: reading one that must be unambiguous, hiding the gateway's own from the upstream, and setting them.
//!
//! Over https the gateway's cookies are called `__Host-otpgate_…`, which a browser takes only from this very host over
//! TLS; over plain http `otpgate_…`. Each is read over its own scheme only, and both are kept from the upstream.

use std::time::Duration;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use thiserror::Error;

use super::host::Scheme;

#[cfg(test)]
mod tests;

const PREFIX_HTTP: &str = "otpgate_";
const PREFIX_HTTPS: &str = "__Host-otpgate_";

/// The value of the cookie `name`, or `None` when there is none, or more than one: then nobody can tell which is meant,
/// and an attacker may have planted either (C03).
pub fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    find_by(headers, |candidate| candidate == name.as_bytes())
}

fn find_by(headers: &HeaderMap, is_it: impl Fn(&[u8]) -> bool) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b';'))
        .filter(|pair| is_it(name_of(pair)));
    let pair = found.next()?;
    if found.next().is_some() {
        return None;
    }
    let text = std::str::from_utf8(pair).ok()?;
    Some(text.split_once('=')?.1.trim_matches([' ', '\t']))
}

/// Every cookie of a request, its name and its value, as they came but for the white space around them.
pub fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).map(|pair| {
        let name = name_of(pair);
        let at = pair.iter().position(|&byte| byte == b'=');
        (name, at.and_then(|at| pair.get(at + 1..)).unwrap_or_default().trim_ascii())
    })
}

/// The name of a `name=value` pair. A pair without `=` is all name.
fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii()
}

/// Whether a cookie name is one of the gateway's, of either scheme and in any case.
fn is_own(name: &[u8]) -> bool {
    let starts_with =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    starts_with(PREFIX_HTTPS) || starts_with(PREFIX_HTTP)
}

/// What the upstream gets as `Cookie`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamCookies {
    /// What the client sent, which may be nothing: there is nothing to change.
    AsSent,
    /// This one line in place of all that the client sent.
    Line(HeaderValue),
    /// Nothing: all were the gateway's.
    None,
}

/// Takes the gateway's own cookies out, and joins the several lines of an HTTP/2 client to one (RFC 9113, section 8.2.3).
/// The others stay byte for byte and in order (C06).
pub fn for_upstream(headers: &HeaderMap) -> UpstreamCookies {
    let mut lines = headers.get_all(COOKIE).iter();
    let single = match (lines.next(), lines.next()) {
        (None, _) => return UpstreamCookies::AsSent,
        (Some(line), second) => second.is_none().then_some(line),
    };
    let holds_own = |line: &HeaderValue| line.as_bytes().split(|&byte| byte == b';').any(is_own_pair);
    if single.is_some_and(|line| !holds_own(line)) {
        return UpstreamCookies::AsSent;
    }
    let mut joined = Vec::new();
    for line in headers.get_all(COOKIE) {
        let kept = without_own(line.as_bytes());
        if !joined.is_empty() && !kept.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(&kept);
    }
    if joined.is_empty() {
        return UpstreamCookies::None;
    }
    HeaderValue::from_bytes(&joined).map_or(UpstreamCookies::None, UpstreamCookies::Line)
}

fn is_own_pair(pair: &[u8]) -> bool {
    is_own(name_of(pair))
}

fn without_own(line: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut removed_before = false;
    for (index, pair) in line.split(|&byte| byte == b';').enumerate() {
        if is_own_pair(pair) {
            removed_before = true;
            continue;
        }
        match (kept.is_empty(), removed_before) {
            // The space after the separator of a cookie that is gone.
            (true, true) => kept.extend_from_slice(pair.trim_ascii_start()),
            (true, false) if index == 0 => kept.extend_from_slice(pair),
            _ => {
                kept.push(b';');
                kept.extend_from_slice(pair);
            }
        }
    }
    kept
}

/// The `Set-Cookie` lines that may go on to the client when the upstream tried to set one of the gateway's cookies.
/// `None` when it did not, so that there is nothing to change (H24).
pub fn set_cookies_for_client(headers: &HeaderMap) -> Option<Vec<HeaderValue>> {
    let sets_own = |line: &&HeaderValue| {
        let pair = line.as_bytes().split(|&byte| byte == b';').next();
        // A cookie without a name, `=otpgate_x=1`, comes back as `otpgate_x=1`.
        let pair = pair.unwrap_or_default().trim_ascii();
        is_own_pair(pair.strip_prefix(b"=").unwrap_or(pair))
    };
    let lines = headers.get_all(SET_COOKIE);
    if !lines.iter().any(|line| sets_own(&line)) {
        return None;
    }
    Some(lines.iter().filter(|line| !sets_own(line)).cloned().collect())
}

/// A value that may not stand in a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a cookie value may hold visible ASCII only, without quotes, commas, semicolons and backslashes; encode it first"
)]
pub struct BadCookieValue;

/// One of the gateway's own cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCookie {
    short: &'static str,
}

impl OwnCookie {
    /// The cookie `__Host-otpgate_<short>`, over plain http `otpgate_<short>`.
    pub const fn named(short: &'static str) -> Self {
        Self { short }
    }

    /// Its full name over a scheme.
    pub fn full_name(self, scheme: Scheme) -> String {
        format!("{}{}", prefix(scheme), self.short)
    }

    /// Its value in a request over a scheme; `None` when it comes twice (C03).
    pub fn find(self, headers: &HeaderMap, scheme: Scheme) -> Option<&str> {
        find_by(headers, |name| name.strip_prefix(prefix(scheme).as_bytes()) == Some(self.short.as_bytes()))
    }

    /// The `Set-Cookie` value that sets it, for `max_age` in whole seconds or until the browser closes.
    ///
    /// # Errors
    /// [`BadCookieValue`] when `value` holds anything but the cookie octets of RFC 6265, section 4.1.1.
    pub fn set(self, scheme: Scheme, value: &str, max_age: Option<Duration>) -> Result<HeaderValue, BadCookieValue> {
        if !value.bytes().all(is_cookie_octet) {
            return Err(BadCookieValue);
        }
        let name = self.full_name(scheme);
        let mut line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax");
        if scheme == Scheme::Https {
            line.push_str("; Secure");
        }
        if let Some(max_age) = max_age {
            line.push_str(&format!("; Max-Age={}", max_age.as_secs()));
        }
        HeaderValue::try_from(line).map_err(|_| BadCookieValue)
    }

    /// The `Set-Cookie` value that makes the browser forget it.
    ///
    /// # Errors
    /// None for a name that is a valid token.
    pub fn clear(self, scheme: Scheme) -> Result<HeaderValue, BadCookieValue> {
        self.set(scheme, "", Some(Duration::ZERO))
    }
}

fn prefix(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => PREFIX_HTTP,
        Scheme::Https => PREFIX_HTTPS,
    }
}

fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}
