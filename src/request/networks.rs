//! Sets of networks, and the network of an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};

#[cfg(test)]
mod tests;

/// Bits of an IPv6 address before an IPv4 address that is mapped into it (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// A set of networks. An IPv4 address and its spelling within IPv6 (`::ffff:10.0.0.1`) are one address to it.
///
/// Other addresses that embed one of IPv4 (NAT64, `::10.0.0.1`) are IPv6 addresses like any other: a client could
/// choose them, so they never match a rule for IPv4.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks(Vec<IpNetwork>);

/// The peers whose forwarded headers are believed.
pub type TrustedProxies = Networks;

impl Networks {
    /// Takes the networks as they were configured.
    pub fn new(networks: impl IntoIterator<Item = IpNetwork>) -> Self {
        Self(networks.into_iter().map(unmapped).collect())
    }

    /// Whether an address lies in one of the networks.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(ip))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The network that shares the limits of an address: its /24 for IPv4, its /48 for IPv6.
pub fn network_of(ip: IpAddr) -> IpNetwork {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let network = Ipv4Addr::new(a, b, c, 0);
            IpNetwork::V4(Ipv4Network::new(network, 24).unwrap_or_else(|_| network.into()))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
            IpNetwork::V6(Ipv6Network::new(network, 48).unwrap_or_else(|_| network.into()))
        }
    }
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`, since addresses are compared in their IPv4 spelling.
#[must_use]
pub fn unmapped(network: IpNetwork) -> IpNetwork {
    let IpAddr::V4(ip) = network.ip().to_canonical() else {
        return network;
    };
    network
        .prefix()
        .checked_sub(MAPPED_PREFIX)
        .filter(|_| network.is_ipv6())
        .and_then(|prefix| Ipv4Network::new(ip, prefix).ok())
        .map_or(network, IpNetwork::V4)
}
