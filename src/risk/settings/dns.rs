//! The config's `risk.dns_lists` and `risk.nameserver`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnetwork::{IpNetwork, Ipv4Network};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Network, Placed};
use crate::risk::finding::worth;
use crate::risk::{Blocklist, Zone};

/// A block list of addresses in DNS (RFC 5782). It is asked beside the road and never waited for: what it says counts from the
/// next request of the same address on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsListSettings {
    /// Its name in logs.
    pub name: Placed<String>,
    /// Its zone, such as zen.spamhaus.org.
    pub zone: Placed<String>,
    /// What being on it is worth, 0 to 100.
    pub points: Placed<u8>,
    /// The answers that count, as addresses or networks within 127.0.0.0/8; others are no listing. Default: every answer in
    /// 127.0.0.0/8, but 127.0.0.1 and 127.255.255.0/24, by which lists say that they do not tell.
    #[serde(default)]
    pub answers: Many<Placed<Network>>,
}

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;
/// The longest zone: before it stand 64 characters of an IPv6 address, and a name has 253.
const LONGEST: usize = 253 - 64;

// === impl DnsListSettings ===

impl DnsListSettings {
    pub(super) fn list(&self) -> Result<Blocklist, Fault> {
        let name = match self.name.value.trim() {
            "" => return Err(self.name.fault("a list needs a name")),
            name => name.into(),
        };
        let answers = self.answers.iter().map(answer).collect::<Result<_, _>>()?;
        let zone = Zone { name, domain: self.domain()?, answers };
        Ok(Blocklist { points: worth(Some(&self.points), 0)?, zone })
    }

    fn domain(&self) -> Result<String, Fault> {
        let domain = self.zone.value.trim().trim_matches('.').to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let is_domain = domain.len() <= LONGEST && domain.contains('.') && domain.split('.').all(is_label);
        if is_domain { Ok(domain) } else { Err(self.zone.fault("expected a zone of DNS, such as zen.spamhaus.org")) }
    }
}

fn answer(written: &Placed<Network>) -> Result<Ipv4Network, Fault> {
    match written.value.0 {
        IpNetwork::V4(network)
            if network.prefix() >= 8 && network.network().octets()[0] == Ipv4Addr::LOCALHOST.octets()[0] =>
        {
            Ok(network)
        }
        _ => Err(written.fault("a DNS list answers within 127.0.0.0/8, such as 127.0.0.2")),
    }
}

/// A name server: an address, with a port or without.
pub(super) fn name_server(written: &Placed<String>) -> Result<SocketAddr, Fault> {
    let text = written.value.trim();
    let alone = text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
    let server = alone.or_else(|| text.parse().ok()).filter(|server| server.port() > 0);
    server.ok_or_else(|| written.fault("expected the address of a name server, such as 127.0.0.1 or 127.0.0.1:53"))
}
