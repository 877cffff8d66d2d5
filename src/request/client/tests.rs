use http::HeaderName;
use proptest::prelude::*;

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(name.parse::<HeaderName>().unwrap(), http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn trusted() -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
}

fn seen(peer: &str, lines: &[(&str, &str)]) -> ClientAddress {
    client_address(peer.parse().unwrap(), &headers(lines), &trusted())
}

/// The client of a request from the trusted peer 10.0.0.1.
fn behind(lines: &[(&str, &str)]) -> String {
    seen("10.0.0.1", lines).ip.to_string()
}

const XFF: &str = "X-Forwarded-For";

#[test]
fn h06_h11_an_untrusted_peer_is_the_client_whatever_it_says() {
    let lines = [(XFF, "10.0.0.1"), ("Forwarded", "for=10.0.0.2;proto=https"), ("X-Forwarded-Proto", "https")];
    let client = seen("198.51.100.7", &lines);
    assert_eq!(client.ip.to_string(), "198.51.100.7");
    assert_eq!(client.scheme, None);
    assert!(!client.uncertain);
}

#[test]
fn h07_the_rightmost_untrusted_hop_is_the_client() {
    assert_eq!(behind(&[(XFF, "203.0.113.9")]), "203.0.113.9");
    assert_eq!(behind(&[(XFF, "1.1.1.1, 203.0.113.9")]), "203.0.113.9");
    assert_eq!(behind(&[(XFF, "1.1.1.1, 203.0.113.9, 10.0.0.7,10.0.0.8")]), "203.0.113.9");
    let many = format!("1.1.1.1, 203.0.113.9{}", ", 10.0.0.7".repeat(50));
    assert_eq!(behind(&[(XFF, &many)]), "203.0.113.9");
    assert_eq!(behind(&[(XFF, "10.0.0.9, 10.0.0.8")]), "10.0.0.9", "all are trusted");
    assert_eq!(behind(&[(XFF, "203.0.113.9, ,")]), "203.0.113.9", "empty entries do not count");
    assert_eq!(behind(&[]), "10.0.0.1");
    assert!(!seen("10.0.0.1", &[]).uncertain);
}

#[test]
fn h07_ports_brackets_and_quotes_are_understood() {
    for (entry, ip) in [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("\"[2001:db8::9]:4711\"", "2001:db8::9"),
        ("\"203.0.113.9\"", "203.0.113.9"),
    ] {
        assert_eq!(behind(&[(XFF, entry)]), ip, "{entry}");
        assert_eq!(behind(&[("Forwarded", &format!("for={entry}"))]), ip, "{entry}");
    }
}

#[test]
fn h07_h09_the_walk_stops_at_what_is_no_address() {
    for garbage in [
        "unknown",
        "_hidden",
        "garbage",
        "203.0.113",
        "010.0.0.1",
        "3232235777",
        "0x7f.0.0.1",
        "fe80::1%eth0",
        "[fe80::1%25eth0]:80",
        "203.0.113.9:",
        "203.0.113.9:x",
        "203.0.113.9:123456",
        "[203.0.113.9]",
        "[::1",
        "\"203.0.113.9",
        "203.0.113.9 203.0.113.8",
        "caf\u{e9}",
    ] {
        let client = seen("10.0.0.1", &[(XFF, &format!("1.1.1.1, {garbage}, 10.0.0.8"))]);
        assert_eq!(client.ip.to_string(), "10.0.0.8", "{garbage}");
        assert!(client.uncertain, "{garbage}");
        let client = seen("10.0.0.1", &[(XFF, garbage)]);
        assert_eq!(client.ip.to_string(), "10.0.0.1", "{garbage}");
        assert!(client.uncertain, "{garbage}");
    }
    let client = seen("10.0.0.1", &[(XFF, "unknown, 203.0.113.9")]);
    assert_eq!(client.ip.to_string(), "203.0.113.9");
    assert!(!client.uncertain, "what stands left of the client means nothing");
}

#[test]
fn h08_several_lines_are_one_list() {
    let lines = [(XFF, "1.1.1.1"), (XFF, "203.0.113.9"), (XFF, "10.0.0.8")];
    assert_eq!(behind(&lines), "203.0.113.9");
    let lines = [("Forwarded", "for=203.0.113.9"), ("Forwarded", "for=10.0.0.8")];
    assert_eq!(behind(&lines), "203.0.113.9");
}

#[test]
fn h08_headers_that_contradict_each_other_are_both_ignored() {
    let lines = [(XFF, "203.0.113.9"), ("Forwarded", "for=203.0.113.8;proto=https"), ("X-Forwarded-Proto", "https")];
    let client = seen("10.0.0.1", &lines);
    assert_eq!(client.ip.to_string(), "10.0.0.1");
    assert_eq!(client.scheme, None);
    assert!(client.uncertain, "the peer's network must not be taken for the client's");
    let lines = [(XFF, "203.0.113.9"), ("Forwarded", "for=203.0.113.9")];
    assert_eq!(behind(&lines), "203.0.113.9", "they agree");
}

#[test]
fn h09_addresses_are_canonical() {
    assert_eq!(behind(&[(XFF, "::ffff:203.0.113.9")]), "203.0.113.9");
    assert_eq!(behind(&[(XFF, "203.0.113.9, ::ffff:10.0.0.8")]), "203.0.113.9");
    let peer = seen("::ffff:10.0.0.1", &[(XFF, "203.0.113.9")]);
    assert_eq!(peer.ip.to_string(), "203.0.113.9", "the peer's own spelling does not matter");
    assert_eq!(seen("::ffff:192.0.2.1", &[]).ip.to_string(), "192.0.2.1");
}

#[test]
fn h10_other_headers_are_never_believed() {
    for name in [
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-ProxyUser-Ip",
        "X-Forwarded",
        "X_Forwarded_For",
    ] {
        assert_eq!(behind(&[(name, "203.0.113.9")]), "10.0.0.1", "{name}");
    }
}

#[test]
fn forwarded_is_read_as_its_rfc_says() {
    for (value, ip) in [
        ("for=203.0.113.9;by=10.0.0.1;host=shop.example", "203.0.113.9"),
        ("FOR=203.0.113.9", "203.0.113.9"),
        ("for=1.1.1.1, for=203.0.113.9, for=10.0.0.8", "203.0.113.9"),
        ("by=\"a,b;for=1.1.1.1\";for=203.0.113.9", "203.0.113.9"),
        ("by=\"a\\\",for=1.1.1.1\";for=203.0.113.9", "203.0.113.9"),
        ("for=203.0.113.9;for=1.1.1.1", "10.0.0.1"),
        ("for=\"203.0.113.9", "10.0.0.1"),
        ("for=\", for=203.0.113.9", "10.0.0.1"),
        ("for=203.0.113.9, by=10.0.0.8", "10.0.0.1"),
        ("for", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
    ] {
        assert_eq!(behind(&[("Forwarded", value)]), ip, "{value}");
    }
}

#[test]
fn h11_the_scheme_is_the_trusted_peers() {
    let scheme = |lines: &[(&str, &str)]| seen("10.0.0.1", lines).scheme;
    let proto = "X-Forwarded-Proto";
    assert_eq!(scheme(&[(proto, "https")]), Some(Scheme::Https));
    assert_eq!(scheme(&[(proto, "HTTP")]), Some(Scheme::Http));
    assert_eq!(scheme(&[(proto, "wss")]), Some(Scheme::Https));
    assert_eq!(scheme(&[(proto, "https, http")]), Some(Scheme::Http), "the peer wrote the last");
    assert_eq!(scheme(&[(proto, "https"), (proto, "http")]), Some(Scheme::Http));
    assert_eq!(scheme(&[(proto, "gopher")]), None);
    assert_eq!(scheme(&[("Forwarded", "proto=https")]), Some(Scheme::Https));
    let chain = "for=203.0.113.9;proto=https, for=10.0.0.8;proto=http";
    assert_eq!(scheme(&[("Forwarded", chain)]), Some(Scheme::Https), "the client's own hop");
    assert_eq!(scheme(&[("Forwarded", "for=203.0.113.9;proto=https"), (proto, "http")]), None);
    assert_eq!(scheme(&[("X-Forwarded-Scheme", "https")]), None);
}

proptest! {
    #[test]
    fn i5_h06_the_headers_of_an_untrusted_peer_change_nothing(
        list in "[0-9a-f.:, \\[\\]\"]{0,40}",
        element in "(for|proto|by)=[0-9a-f.:,;=\\[\\]\"]{0,30}",
    ) {
        let lines = [(XFF, &*list), ("Forwarded", &*element), ("X-Forwarded-Proto", "https")];
        let client = seen("198.51.100.7", &lines);
        prop_assert_eq!(client, seen("198.51.100.7", &[]));
    }

    #[test]
    fn i5_what_a_client_writes_before_the_proxys_entry_changes_nothing(
        forged in "[0-9a-f.:, \\[\\]]{0,40}",
    ) {
        let value = format!("{forged}, 203.0.113.9");
        prop_assert_eq!(behind(&[(XFF, &value)]), "203.0.113.9");
    }

    #[test]
    fn arbitrary_values_never_panic(list: Vec<u8>, element: Vec<u8>) {
        let mut map = HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_bytes(&list) {
            map.append("x-forwarded-for", value);
        }
        if let Ok(value) = http::HeaderValue::from_bytes(&element) {
            map.append("forwarded", value);
        }
        client_address("10.0.0.1".parse().unwrap(), &map, &trusted());
    }
}
