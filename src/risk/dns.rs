//! Asking DNS: block lists of addresses, and whether a domain takes mail.
//!
//! A request never waits for a block list: what is known of its address is in memory ([`Blocklists`]), and what is not is asked
//! beside the road. Whether a domain takes mail ([`MailDomains`]) is asked while a challenge is made, within a short time.

mod blocklists;
mod mail;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};

pub use blocklists::{Blocklist, Blocklists, Zone};
pub use mail::MailDomains;

/// The name servers that are asked.
#[derive(Debug, Default)]
pub struct Dns {
    /// None: those of the system.
    servers: Vec<SocketAddr>,
    /// Made when it is first needed, within the runtime; `None` when it cannot be.
    resolver: OnceLock<Option<TokioResolver>>,
}

/// What DNS says of a name.
#[derive(Debug)]
enum Said {
    /// These records, for so long.
    Records(Vec<RData>, Duration),
    /// The name has none of this kind, for so long where that is known.
    NoRecords(Option<Duration>),
    /// There is no such name.
    NoName(Option<Duration>),
}

/// DNS says nothing: a failure, or nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Silent;

/// How long one name server is waited for. A question is repeated once.
const PATIENCE: Duration = Duration::from_secs(2);

// === impl Dns ===

impl Dns {
    /// These name servers; none: those of the system. Asks nobody.
    #[must_use]
    pub const fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, resolver: OnceLock::new() }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.servers == other.servers
    }

    async fn ask(&self, name: Name, kind: RecordType) -> Result<Said, Silent> {
        let resolver = self.resolver.get_or_init(|| self.resolver()).as_ref().ok_or(Silent)?;
        match resolver.lookup(name, kind).await {
            Ok(found) => {
                let left = found.valid_until().saturating_duration_since(Instant::now());
                let records = found.answers().iter().map(|record| record.data.clone());
                Ok(Said::Records(records.filter(|data| data.record_type() == kind).collect(), left))
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(nothing))) => {
                let ttl = nothing.negative_ttl.map(|seconds| Duration::from_secs(seconds.into()));
                match nothing.response_code {
                    ResponseCode::NXDomain => Ok(Said::NoName(ttl)),
                    _ => Ok(Said::NoRecords(ttl)),
                }
            }
            Err(error) => {
                tracing::debug!(%error, "DNS does not answer");
                Err(Silent)
            }
        }
    }

    fn resolver(&self) -> Option<TokioResolver> {
        let builder = if self.servers.is_empty() {
            Resolver::builder_tokio()
        } else {
            let servers = self.servers.iter().map(|&server| name_server(server)).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            Ok(Resolver::builder_with_config(config, TokioRuntimeProvider::default()))
        };
        let built = builder.and_then(|mut builder| {
            let options = builder.options_mut();
            (options.timeout, options.attempts) = (PATIENCE, 1);
            options.use_hosts_file = ResolveHosts::Never;
            // What is known is remembered by who asks, within bounds of its own.
            options.cache_size = 0;
            builder.build()
        });
        built.inspect_err(|error| tracing::warn!(%error, "DNS cannot be asked: see `risk.nameserver`")).ok()
    }
}

fn name_server(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

/// The addresses of records.
fn addresses(records: &[RData]) -> impl Iterator<Item = Ipv4Addr> {
    records.iter().filter_map(|record| if let RData::A(address) = record { Some(address.0) } else { None })
}

/// Whether an address is one that the world knows by: others are on no public list, and are nobody's business.
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared || first == 0 || first >= 224)
        }
        // 2000::/3 is all that is given out (RFC 4291, section 2.4, and IANA's registry).
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    }
}
