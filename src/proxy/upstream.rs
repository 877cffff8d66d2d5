//! A site's upstream: its servers, and how they are spoken to.

use std::time::Duration;

/// A site's upstream, valid by construction, with nothing connected yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// `host:port` of each server, at least one.
    pub servers: Vec<String>,
    /// TLS to the servers; `None` is plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// Which server a request goes to.
    pub balance: Balance,
    /// Whether servers are probed; without, a dead server is found by its refused connections alone.
    pub health_check: Option<HealthCheck>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the upstream may be silent.
    pub read_timeout: Duration,
    /// The `Host` that the upstream gets; `None` passes the client's.
    pub host_header: Option<String>,
}

/// TLS to an upstream. The name is never empty: an empty one would turn verification off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The name for SNI and for verification.
    pub sni: String,
    /// Whether the certificate is verified.
    pub verify: bool,
}

/// Which server a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The same one for the same client address, as far as servers stay the same.
    ClientAddress,
}

/// How servers are probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// A path that answers 200 when the server is well; `None` only connects.
    pub path: Option<String>,
    /// How often.
    pub interval: Duration,
}
