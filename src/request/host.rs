//! Who is being asked: scheme, host and port, and whether an `Origin` names the same.

use std::fmt;
use std::net::Ipv6Addr;

use thiserror::Error;

#[cfg(test)]
mod tests;

/// The longest host name (RFC 1035, section 2.3.4, as text without the trailing dot).
const MAX_HOST_BYTES: usize = 253;
/// The longest label of a host name (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// The scheme by which the client reached the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

impl Scheme {
    /// Reads `http` or `https`, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("https") {
            Some(Self::Https)
        } else if text.eq_ignore_ascii_case("http") {
            Some(Self::Http)
        } else {
            None
        }
    }

    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme means when it names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a host is refused, always with 400. The sentences repeat nothing that the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadHost {
    /// Nothing before the port.
    #[error("the host is empty")]
    Empty,
    /// Not a name, an IPv4 address or a bracketed IPv6 address.
    #[error("the host is not a valid host name or address")]
    Name,
    /// Not a number from 1 to 65535 without leading zeros.
    #[error("the port after the host is not a number from 1 to 65535")]
    Port,
}

/// A host and, if the client named one, its port: the value of `Host` or `:authority`.
///
/// The host is in lower case and without a trailing dot, an IPv6 address in brackets and in its shortest spelling.
/// Shown, it is what to forward as `Host`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    ///
    /// # Errors
    /// [`BadHost`] for anything else: user names, spaces, slashes, letters outside ASCII, empty labels, bad ports.
    pub fn parse(raw: &[u8]) -> Result<Self, BadHost> {
        let text = std::str::from_utf8(raw).map_err(|_| BadHost::Name)?;
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, after) = rest.split_once(']').ok_or(BadHost::Name)?;
                let address: Ipv6Addr = address.parse().map_err(|_| BadHost::Name)?;
                let port = match after {
                    "" => None,
                    after => Some(after.strip_prefix(':').ok_or(BadHost::Name)?),
                };
                (format!("[{address}]"), port)
            }
            None => {
                let (name, port) = match text.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (text, None),
                };
                (host_name(name)?, port)
            }
        };
        let port = port.map(port_number).transpose()?;
        Ok(Self { host, port })
    }

    /// The host by which a site is looked up.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that the client named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port that the client named, else the default of the scheme.
    pub fn port_or_default(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or_else(|| scheme.default_port())
    }

    /// Whether both name the same host and port over `scheme`.
    pub fn is_same(&self, other: &Self, scheme: Scheme) -> bool {
        self.host == other.host && self.port_or_default(scheme) == other.port_or_default(scheme)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Lower-cases a host name and drops its trailing dot. A label may hold `_`, as names inside companies do; one that ends
/// in `-` is refused, and with it the `xn--` labels that stand for plain ASCII (RUSTSEC-2024-0421).
fn host_name(name: &str) -> Result<String, BadHost> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(BadHost::Empty);
    }
    let valid_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > MAX_HOST_BYTES || !name.split('.').all(valid_label) {
        return Err(BadHost::Name);
    }
    Ok(name.to_ascii_lowercase())
}

fn port_number(text: &str) -> Result<u16, BadHost> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || text.starts_with('0') {
        return Err(BadHost::Port);
    }
    text.parse().map_err(|_| BadHost::Port)
}

/// The value of an `Origin` header that names a web origin (RFC 6454, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// Reads `scheme://host[:port]`. `None` for `null`, other schemes and everything malformed: all of them are foreign.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok()?;
        let (scheme, authority) = text.split_once("://")?;
        Some(Self { scheme: Scheme::parse(scheme)?, authority: Authority::parse(authority.as_bytes()).ok()? })
    }

    /// Whether the origin is that of a request: the same scheme, host and port.
    pub fn is(&self, scheme: Scheme, authority: &Authority) -> bool {
        self.scheme == scheme && self.authority.is_same(authority, scheme)
    }
}
