//! The canonical request, read in two steps.
//!
//! [`Door::enter`] finds out who asks which host; with the host the caller looks up the site, and with the site's
//! [`PathRules`] [`Door::path`] reads the rest. How a site wants its paths read is so never guessed.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method};

use super::client::{ClientAddress, client_address};
use super::host::{Authority, Scheme};
use super::kind::RequestKind;
use super::networks::TrustedProxies;
use super::path::{CanonicalPath, PathRules};
use super::query::Query;
use super::refused::Refused;

#[cfg(test)]
mod tests;

/// The longest method that is served, in bytes.
const MAX_METHOD_BYTES: usize = 32;

/// A request as the listener got it.
#[derive(Debug, Clone, Copy)]
pub struct RawRequest<'a> {
    /// The method, in the case that the client used.
    pub method: &'a Method,
    /// The request target as it came: path and query, or an absolute URL. Over HTTP/1 best out of
    /// [`target_on_the_wire`], since a `#` is still in it.
    pub target: &'a [u8],
    /// The headers as they came, before any are removed.
    pub headers: &'a HeaderMap,
    /// HTTP/2's `:authority`.
    pub authority: Option<&'a str>,
    /// The peer of the connection (or what a trusted PROXY header says of it).
    pub peer: IpAddr,
    /// Whether the listener speaks TLS.
    pub tls: bool,
}

/// The request target within the head of an HTTP/1 request, `#` and all. Servers cut it off before anybody can see it.
///
/// `None` when `head` does not begin with a request line.
pub fn target_on_the_wire(head: &[u8]) -> Option<&[u8]> {
    let start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let line = head.get(start..)?.split(|&byte| byte == b'\n').next()?;
    let mut words = line.trim_ascii_end().split(|&byte| byte == b' ');
    let (_method, target, version) = (words.next()?, words.next()?, words.next()?);
    (words.next().is_none() && version.starts_with(b"HTTP/")).then_some(target)
}

/// Whether the head of an HTTP/1 request names both a length and a transfer coding. Servers drop the length before
/// anybody can see it, and whoever sends both hopes that somebody else does not (S01; RFC 9112, section 6.1).
pub fn has_two_framings(head: &[u8]) -> bool {
    let names = |wanted: &[u8]| {
        head.split(|&byte| byte == b'\n')
            .filter_map(|line| line.split(|&byte| byte == b':').next())
            .any(|name| name.eq_ignore_ascii_case(wanted))
    };
    names(b"transfer-encoding") && names(b"content-length")
}

/// A request whose sender and host are known, and whose path waits for the rules of the site.
#[derive(Debug, Clone)]
pub struct Door<'a> {
    /// Who asks.
    pub client: ClientAddress,
    /// The peer of the connection, an IPv4 address never in its IPv6 spelling.
    pub peer: IpAddr,
    /// The scheme that the client used.
    pub scheme: Scheme,
    /// Whom the client asks; by its host the site is looked up.
    pub authority: Authority,
    /// The method, upper case.
    pub method: Method,
    /// How a challenge would be put.
    pub kind: RequestKind,
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl<'a> Door<'a> {
    /// Reads everything but the path.
    ///
    /// # Errors
    /// [`Refused`], with a status and a sentence to answer with.
    pub fn enter(raw: RawRequest<'a>, trusted: &TrustedProxies) -> Result<Self, Refused> {
        let method = served(raw.method)?.clone();
        let client = client_address(raw.peer, raw.headers, trusted);
        let listener = if raw.tls { Scheme::Https } else { Scheme::Http };
        let scheme = client.scheme.unwrap_or(listener);
        let authority = authority_of(&raw, scheme)?;
        let (path, query) = path_and_query(raw.target, scheme, &authority)?;
        Ok(Self {
            client,
            peer: raw.peer.to_canonical(),
            scheme,
            authority,
            method,
            kind: RequestKind::of(raw.headers),
            path,
            query,
        })
    }

    /// Reads path and query as the site wants them read.
    ///
    /// # Errors
    /// [`Refused`] for a path or query that could be read in two ways.
    pub fn path(self, rules: PathRules) -> Result<CanonicalRequest, Refused> {
        let path = CanonicalPath::parse(self.path, rules)?;
        let query = Query::parse(self.query)?;
        Ok(CanonicalRequest {
            client: self.client,
            peer: self.peer,
            scheme: self.scheme,
            authority: self.authority,
            method: self.method,
            kind: self.kind,
            path,
            query,
        })
    }
}

/// What is judged, and forwarded as it was judged (I6).
#[derive(Debug, Clone)]
pub struct CanonicalRequest {
    /// Who asks.
    pub client: ClientAddress,
    /// The peer of the connection, an IPv4 address never in its IPv6 spelling.
    pub peer: IpAddr,
    /// The scheme that the client used.
    pub scheme: Scheme,
    /// Whom the client asks. Shown, it is the `Host` to forward.
    pub authority: Authority,
    /// The method, upper case.
    pub method: Method,
    /// How a challenge would be put.
    pub kind: RequestKind,
    /// The path.
    pub path: CanonicalPath,
    /// The query.
    pub query: Query,
}

impl CanonicalRequest {
    /// Both steps at once, where the rules are known beforehand.
    ///
    /// # Errors
    /// As [`Door::enter`] and [`Door::path`].
    pub fn new(raw: RawRequest<'_>, trusted: &TrustedProxies, rules: PathRules) -> Result<Self, Refused> {
        Door::enter(raw, trusted)?.path(rules)
    }

    /// The request target to forward: the cleaned path, and the query byte for byte.
    pub fn target(&self) -> Cow<'_, [u8]> {
        let path = self.path.wire().as_bytes();
        match self.query.raw() {
            None => Cow::Borrowed(path),
            Some(query) => Cow::Owned([path, b"?", query].concat()),
        }
    }
}

/// Lets through methods that rules can name: upper-case tokens.
fn served(method: &Method) -> Result<&Method, Refused> {
    let name = method.as_str();
    let is_upper_case_token = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !is_upper_case_token || name.len() > MAX_METHOD_BYTES {
        return Err(Refused::Method);
    }
    match name {
        "CONNECT" | "TRACE" | "TRACK" => Err(Refused::MethodNotAllowed),
        _ => Ok(method),
    }
}

/// The one host that the request names, in `Host`, in `:authority`, or alike in both.
fn authority_of(raw: &RawRequest<'_>, scheme: Scheme) -> Result<Authority, Refused> {
    let mut hosts = raw.headers.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Refused::HostRepeated);
    }
    let host = host.map(HeaderValue::as_bytes).map(Authority::parse);
    let pseudo = raw.authority.map(str::as_bytes).map(Authority::parse);
    match (host.transpose()?, pseudo.transpose()?) {
        (None, None) => Err(Refused::HostMissing),
        (Some(only), None) | (None, Some(only)) => Ok(only),
        (Some(host), Some(pseudo)) if host.is_same(&pseudo, scheme) => Ok(host),
        (Some(_), Some(_)) => Err(Refused::HostsDiffer),
    }
}

/// Takes a request target apart. A URL is served when it names the very host that was asked (RFC 9112, section 3.2.2).
fn path_and_query<'a>(
    target: &'a [u8],
    scheme: Scheme,
    authority: &Authority,
) -> Result<(&'a [u8], Option<&'a [u8]>), Refused> {
    let local = if target.starts_with(b"/") { target } else { behind_authority(target, scheme, authority)? };
    let mut halves = local.splitn(2, |&byte| byte == b'?');
    match halves.next() {
        // `http://host` and `http://host?query` ask for the root.
        None | Some(b"") => Ok((b"/", halves.next())),
        Some(path) => Ok((path, halves.next())),
    }
}

/// What follows scheme and authority of an absolute URL.
fn behind_authority<'a>(target: &'a [u8], scheme: Scheme, authority: &Authority) -> Result<&'a [u8], Refused> {
    let start = scheme.as_str().len();
    let (named, rest) = target.split_at_checked(start).ok_or(Refused::Target)?;
    let rest = rest.strip_prefix(b"://").ok_or(Refused::Target)?;
    if !named.eq_ignore_ascii_case(scheme.as_str().as_bytes()) {
        return Err(Refused::Target);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (named, local) = rest.split_at(end);
    if !Authority::parse(named)?.is_same(authority, scheme) {
        return Err(Refused::HostsDiffer);
    }
    Ok(local)
}
