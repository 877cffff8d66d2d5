use super::*;

fn networks(list: &[&str]) -> Networks {
    Networks::new(list.iter().map(|network| network.parse().unwrap()))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn h09_an_ipv4_address_within_ipv6_is_the_ipv4_address() {
    let office = networks(&["10.0.0.0/8"]);
    assert!(office.contains(ip("10.1.2.3")));
    assert!(office.contains(ip("::ffff:10.0.0.1")));
    assert!(office.contains(ip("0:0:0:0:0:ffff:0a00:0001")));
    assert!(!office.contains(ip("11.0.0.1")));
    assert!(!office.contains(ip("64:ff9b::a00:1")), "NAT64");
    assert!(!office.contains(ip("::10.0.0.1")), "IPv4-compatible");
    let mapped = networks(&["::ffff:10.0.0.0/104"]);
    assert!(mapped.contains(ip("10.9.9.9")));
    assert!(mapped.contains(ip("::ffff:10.9.9.9")));
    assert!(!mapped.contains(ip("11.0.0.1")));
    let v6 = networks(&["2001:db8::/32"]);
    assert!(v6.contains(ip("2001:db8::1")));
    assert!(!v6.contains(ip("10.0.0.1")));
    assert!(!networks(&[]).contains(ip("127.0.0.1")));
}

#[test]
fn limits_are_shared_by_a_24_or_a_48() {
    let of = |text| network_of(ip(text)).to_string();
    assert_eq!(of("203.0.113.77"), "203.0.113.0/24");
    assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0/24");
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1::/48");
}
