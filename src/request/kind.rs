//! What kind of request it is, which decides how a challenge is put, and whether the site's own pages sent it.

use http::header::{ACCEPT, AUTHORIZATION, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderValue};

use super::host::{Authority, Origin, Scheme};

#[cfg(test)]
mod tests;

const SEC_FETCH_DEST: &str = "sec-fetch-dest";
const SEC_FETCH_MODE: &str = "sec-fetch-mode";
const SEC_FETCH_SITE: &str = "sec-fetch-site";
const X_REQUESTED_WITH: &str = "x-requested-with";

/// How a challenge is put to the sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// A browser that will show the answer as a page: sent to the portal.
    Navigation,
    /// A program that can read a JSON problem.
    ApiClient,
    /// A browser that fetches a part of a page, frames included: a plain 401.
    SubResource,
    /// A request to change the protocol, as for a WebSocket: a plain 401.
    Upgrade,
}

impl RequestKind {
    /// Tells the kind from the headers. Nothing is let through by it: a client that lies gets another form of refusal.
    pub fn of(headers: &HeaderMap) -> Self {
        if asks_for_upgrade(headers) {
            return Self::Upgrade;
        }
        if let Some(dest) = headers.get(SEC_FETCH_DEST) {
            let mode = headers.get(SEC_FETCH_MODE);
            return match dest.as_bytes() {
                b"document" if mode.is_some_and(|mode| mode == "navigate") => Self::Navigation,
                b"empty" => Self::ApiClient,
                _ => Self::SubResource,
            };
        }
        let accepted = Accepted::by(headers);
        if headers.contains_key(X_REQUESTED_WITH) || has_bearer_token(headers) || (accepted.json && !accepted.html) {
            return Self::ApiClient;
        }
        if accepted.html { Self::Navigation } else { Self::ApiClient }
    }
}

/// `h2c` does not count: clients offer it with any request, and are content with an answer over HTTP/1.
fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    entries(headers, UPGRADE.as_str()).any(|protocol| !protocol.eq_ignore_ascii_case(b"h2c"))
}

fn has_bearer_token(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        let scheme = value.as_bytes().split(|&byte| byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    })
}

/// What the `Accept` lines name; `*/*` names nothing.
#[derive(Default)]
struct Accepted {
    html: bool,
    json: bool,
}

impl Accepted {
    fn by(headers: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        for range in entries(headers, ACCEPT.as_str()) {
            let mut parts = range.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
            let media_type = parts.next().unwrap_or_default();
            if parts.any(is_zero_quality) {
                continue;
            }
            let is = |name: &[u8]| media_type.eq_ignore_ascii_case(name);
            accepted.html |= is(b"text/html") || is(b"application/xhtml+xml");
            accepted.json |= is(b"application/json") || media_type.ends_with(b"+json");
        }
        accepted
    }
}

/// `q=0`, `q=0.0` …: not acceptable (RFC 9110, section 12.4.2).
fn is_zero_quality(parameter: &[u8]) -> bool {
    match parameter {
        [b'q' | b'Q', b'=', b'0', rest @ ..] => rest.iter().all(|byte| matches!(byte, b'.' | b'0')),
        _ => false,
    }
}

/// Whether a browser fetches the page before anybody asked to see it. Such a request must cause no message.
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .iter()
        .flat_map(|name| headers.get_all(*name))
        .flat_map(|value| value.as_bytes().split(|byte| matches!(byte, b';' | b',' | b' ')))
        .any(|word| {
            [&b"prefetch"[..], b"prerender", b"preview"].iter().any(|purpose| word.eq_ignore_ascii_case(purpose))
        })
}

/// Whether a request was sent by the site's own pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnOrigin {
    /// By a page of the same scheme, host and port, or by the visitor's own hand.
    Own,
    /// By another origin, or one that hides.
    Foreign,
    /// No header tells: an old browser, or no browser.
    Unknown,
}

/// Reads `Sec-Fetch-Site` and `Origin`, which scripts cannot set. One that speaks against the request decides.
///
/// `Origin: null` is foreign, with one exception: pages with `Referrer-Policy: no-referrer` send it even to
/// themselves, and then `Sec-Fetch-Site: same-origin` vouches for them.
pub fn own_origin(headers: &HeaderMap, scheme: Scheme, authority: &Authority) -> OwnOrigin {
    let site = only(headers, SEC_FETCH_SITE).map(|site| match site.map(HeaderValue::as_bytes) {
        Some(b"same-origin") => Site::SameOrigin,
        Some(b"none") => Site::NoneAtAll,
        _ => Site::Other,
    });
    let origin = only(headers, ORIGIN.as_str()).map(|origin| match origin.map(HeaderValue::as_bytes) {
        Some(b"null") => Named::Null,
        Some(raw) if Origin::parse(raw).is_some_and(|origin| origin.is(scheme, authority)) => Named::Own,
        _ => Named::Other,
    });
    match (site, origin) {
        (None, None) => OwnOrigin::Unknown,
        (Some(Site::Other), _) | (_, Some(Named::Other)) => OwnOrigin::Foreign,
        (Some(Site::SameOrigin), _) | (_, Some(Named::Own)) => OwnOrigin::Own,
        (_, Some(Named::Null)) => OwnOrigin::Foreign,
        (Some(Site::NoneAtAll), None) => OwnOrigin::Own,
    }
}

/// What `Sec-Fetch-Site` says.
enum Site {
    SameOrigin,
    /// Typed, bookmarked: no page sent it.
    NoneAtAll,
    Other,
}

/// What `Origin` names.
enum Named {
    Own,
    Null,
    Other,
}

/// The value of a header that should come once: `None` when it is not there, `Some(None)` when it comes twice.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<Option<&'h HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(values.next().is_none().then_some(first))
}

/// The entries of a comma-separated list over all lines.
fn entries<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}
