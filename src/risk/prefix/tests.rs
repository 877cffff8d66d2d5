use std::net::{Ipv4Addr, Ipv6Addr};

use ipnetwork::{Ipv4Network, Ipv6Network};
use proptest::prelude::*;

use super::*;

/// Networks that touch, overlap and repeat: few addresses, all lengths, and the ends of the space.
fn v4() -> impl Strategy<Value = IpNetwork> {
    let near = prop_oneof![Just(0_u32), Just(u32::MAX), 0xcb00_7000..0xcb00_7400_u32, any::<u32>()];
    (near, 0..=32_u8).prop_map(|(ip, length)| Ipv4Network::new(Ipv4Addr::from(ip), length).unwrap().into())
}

fn v6() -> impl Strategy<Value = IpNetwork> {
    let near = prop_oneof![
        Just(0_u128),
        Just(u128::MAX),
        (0..64_u128).prop_map(|low| (0x2001_0db8_u128 << 96) | low),
        // IPv4 within IPv6.
        (0xcb00_7000..0xcb00_7400_u128).prop_map(|low| (0xffff_u128 << 32) | low),
        any::<u128>(),
    ];
    (near, 0..=128_u8).prop_map(|(ip, length)| Ipv6Network::new(Ipv6Addr::from(ip), length).unwrap().into())
}

fn lists_by_search(networks: &[(u8, IpNetwork)], ip: IpAddr) -> Vec<usize> {
    let ip = ip.to_canonical();
    let mut on: Vec<usize> = networks
        .iter()
        .filter(|(_, network)| unmapped(*network).contains(ip))
        .map(|(list, _)| usize::from(*list))
        .collect();
    on.sort_unstable();
    on.dedup();
    on
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The table says what a search through every network says: at the edges of each, beside them, and anywhere.
    #[test]
    fn the_table_agrees_with_a_plain_search(
        networks in proptest::collection::vec((0..64_u8, prop_oneof![v4(), v6()]), 0..40),
        anywhere in any::<u128>(),
        anywhere4 in any::<u32>(),
    ) {
        let table = PrefixTable::new(networks.iter().copied());
        let mut asked: Vec<IpAddr> = vec![Ipv6Addr::from(anywhere).into(), Ipv4Addr::from(anywhere4).into()];
        for (_, network) in &networks {
            match network {
                IpNetwork::V4(network) => {
                    let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
                    let near = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
                    asked.extend(near.map(|ip| IpAddr::from(Ipv4Addr::from(ip))));
                    asked.extend(near.map(|ip| IpAddr::from(Ipv4Addr::from(ip).to_ipv6_mapped())));
                }
                IpNetwork::V6(network) => {
                    let (first, last) = (u128::from(network.network()), u128::from(network.broadcast()));
                    let near = [first, last, first.wrapping_sub(1), last.wrapping_add(1)];
                    asked.extend(near.map(|ip| IpAddr::from(Ipv6Addr::from(ip))));
                }
            }
        }
        // A table that is made of what another one holds says the same.
        let lists = 0..u8::try_from(PrefixTable::MOST_LISTS).unwrap();
        let held = lists.flat_map(|list| table.networks_of(list).into_iter().map(move |network| (list, network)));
        let again = PrefixTable::new(held);
        for ip in asked {
            let on: Vec<usize> = table.lists_of(ip).numbers().collect();
            prop_assert_eq!(again.lists_of(ip), table.lists_of(ip), "{}", ip);
            prop_assert_eq!(on, lists_by_search(&networks, ip), "{}", ip);
        }
    }
}

#[test]
fn an_empty_table_lists_nobody() {
    let table = PrefixTable::new([]);
    assert!(table.lists_of("203.0.113.1".parse().unwrap()).is_empty());
    assert!(table.lists_of("2001:db8::1".parse().unwrap()).is_empty());
    assert_eq!(table.bytes(), 0);
}
