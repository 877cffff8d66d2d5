//! The config's `upstream` of a site.

use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Period, Placed};
use crate::proxy::{Balance, HealthCheck, UpstreamSpec, UpstreamTls};
use crate::request::Authority;

/// A site's upstream: its servers, and how they are spoken to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// `host:port` of each server.
    pub servers: Many<Placed<String>>,
    /// Whether the servers are spoken to over TLS. Default false.
    #[serde(default)]
    pub tls: bool,
    /// The name for SNI and verification. Default: the host name in `servers`.
    pub sni: Option<Placed<String>>,
    /// Whether the servers' certificates are verified. Default true.
    pub verify: Option<Placed<bool>>,
    /// Which server a request goes to. Default round_robin.
    #[serde(default)]
    pub balance: BalanceSettings,
    /// Probes of the servers. Default: none; a dead server is found by its refused connections.
    pub health_check: Option<HealthCheckSettings>,
    /// How long a connection may take. Default 5s.
    pub connect_timeout: Option<Placed<Period>>,
    /// How long the upstream may be silent. Default 60s.
    pub read_timeout: Option<Placed<Period>>,
    /// The `Host` that the upstream gets. Default: the client's.
    pub host_header: Option<Placed<String>>,
}

/// Which server a request goes to.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BalanceSettings {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The same one for the same client address.
    ClientAddress,
}

/// How servers are probed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckSettings {
    /// A path that answers 200 when the server is well. Default: only connects.
    pub path: Option<Placed<String>>,
    /// How often. Default 5s.
    pub interval: Option<Placed<Period>>,
}

// === impl UpstreamSettings ===

impl UpstreamSettings {
    /// The upstream that is meant.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn spec(&self) -> Result<UpstreamSpec, Fault> {
        let servers: Vec<Authority> = self.servers.iter().map(server).collect::<Result<_, _>>()?;
        Ok(UpstreamSpec {
            tls: self.tls(&servers)?,
            servers: servers.iter().map(Authority::to_string).collect(),
            balance: match self.balance {
                BalanceSettings::RoundRobin => Balance::RoundRobin,
                BalanceSettings::Random => Balance::Random,
                BalanceSettings::ClientAddress => Balance::ClientAddress,
            },
            health_check: self.health_check.as_ref().map(HealthCheckSettings::spec).transpose()?,
            connect_timeout: time(self.connect_timeout, Duration::from_secs(5))?,
            read_timeout: time(self.read_timeout, Duration::from_secs(60))?,
            host_header: self.host_header.as_ref().map(host_header).transpose()?,
        })
    }

    fn tls(&self, servers: &[Authority]) -> Result<Option<UpstreamTls>, Fault> {
        if !self.tls {
            return match (&self.sni, self.verify) {
                (Some(sni), _) => Err(sni.fault("`sni` needs `tls: true`")),
                (None, Some(verify)) => Err(verify.fault("`verify` needs `tls: true`")),
                (None, None) => Ok(None),
            };
        }
        let verify = self.verify.is_none_or(|verify| verify.value);
        if let Some(sni) = &self.sni {
            return match Authority::parse(sni.value.as_bytes()) {
                Ok(name) if name.port().is_none() && !is_address(name.host()) => {
                    Ok(Some(UpstreamTls { sni: name.host().to_owned(), verify }))
                }
                _ => Err(sni.fault("expected a host name, such as `app.example.com`")),
            };
        }
        // Without a name nothing could be verified.
        let mut name: Option<&str> = None;
        for (server, written) in servers.iter().zip(self.servers.iter()) {
            match name {
                _ if is_address(server.host()) => {
                    return Err(written.fault("TLS to an address needs `sni`, the name in the server's certificate"));
                }
                Some(known) if known != server.host() => {
                    return Err(
                        written.fault("the servers have different names: set `sni` to the one in all certificates")
                    );
                }
                _ => name = Some(server.host()),
            }
        }
        Ok(name.map(|name| UpstreamTls { sni: name.to_owned(), verify }))
    }
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}

fn server(written: &Placed<String>) -> Result<Authority, Fault> {
    if written.value.contains('/') {
        return Err(written.fault("write `host:port` without a scheme or path; `tls: true` beside it speaks TLS"));
    }
    match Authority::parse(written.value.as_bytes()) {
        Ok(server) if server.port().is_some() => Ok(server),
        Ok(_) => Err(written.fault(format!("the port is missing: write `{}:80` or another", written.value))),
        Err(error) => Err(written.fault(format!("expected `host:port`: {error}"))),
    }
}

fn host_header(written: &Placed<String>) -> Result<String, Fault> {
    written.parse(|text| Authority::parse(text.as_bytes())).map(|authority| authority.to_string())
}

fn time(written: Option<Placed<Period>>, default: Duration) -> Result<Duration, Fault> {
    match written {
        None => Ok(default),
        Some(time) if time.value.0.is_zero() => Err(time.fault("expected a time above zero")),
        Some(time) => Ok(time.value.0),
    }
}

// === impl HealthCheckSettings ===

impl HealthCheckSettings {
    fn spec(&self) -> Result<HealthCheck, Fault> {
        let path = |path: &Placed<String>| {
            let local = path.value.starts_with('/') && path.value.bytes().all(|byte| byte.is_ascii_graphic());
            if local { Ok(path.value.clone()) } else { Err(path.fault("expected a path, such as `/health`")) }
        };
        Ok(HealthCheck {
            path: self.path.as_ref().map(path).transpose()?,
            interval: time(self.interval, Duration::from_secs(5))?,
        })
    }
}
