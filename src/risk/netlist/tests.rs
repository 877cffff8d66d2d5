use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<String>, BadNetlist> {
    networks(text, Meaning::Suspect).map(|all| all.iter().map(ToString::to_string).collect())
}

#[test]
fn published_formats_are_read() {
    let table: &[(&str, &[&str])] = &[
        (
            "# a comment\n203.0.113.0/24\n\n198.51.100.7 # why\n2001:db8::/32\n",
            &["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32"],
        ),
        (
            "; Spamhaus DROP List 2026/11/01\n203.0.113.0/24 ; SBL123\r\n198.51.100.0/24 ; SBL4\r\n",
            &["203.0.113.0/24", "198.51.100.0/24"],
        ),
        (
            "{\"cidr\":\"203.0.113.0/24\",\"sblid\":\"SBL1\",\"rir\":\"apnic\"}\n\
             {\"type\":\"metadata\",\"timestamp\":1795000000,\"size\":1,\"records\":1}\n",
            &["203.0.113.0/24"],
        ),
        (
            "ExitNode 0011\nPublished 2026-11-01 00:00:00\nLastStatus 2026-11-01 01:00:00\n\
             ExitAddress 203.0.113.7 2026-11-01 01:02:03\n",
            &["203.0.113.7/32"],
        ),
        (
            "network,score,why\n203.0.113.0/24,90,scan\n\"198.51.100.7\",10,\"a, b\"\n",
            &["203.0.113.0/24", "198.51.100.7/32"],
        ),
        (
            "203.0.113.1-203.0.113.4\n198.51.100.0 - 198.51.100.255\n",
            &["203.0.113.1/32", "203.0.113.2/31", "203.0.113.4/32", "198.51.100.0/24"],
        ),
        ("\u{feff}::ffff:203.0.113.0/120\n", &["203.0.113.0/24"]),
    ];
    for (text, expected) in table {
        assert_eq!(read(text).unwrap(), *expected, "{text:?}");
    }
    assert_eq!(systems("AS64496\n64497 # two\n").unwrap(), [64496, 64497]);
    assert_eq!(systems("{\"asn\":64496,\"rir\":\"ripencc\"}\n{\"type\":\"metadata\"}\n").unwrap(), [64496]);
}

/// F03: a list that was emptied, cut off, or had everybody written into it, is not taken.
#[test]
fn f03_what_cannot_be_meant_is_refused() {
    for text in ["", "# nothing\n\n", "{\"type\":\"metadata\"}\n"] {
        assert_eq!(read(text), Err(BadNetlist::Empty), "{text:?}");
    }
    for (text, line) in [
        ("203.0.113.0/24\n<html>\n", 2),
        ("<!doctype html>\n", 1),
        ("203.0.113.0/33\n", 1),
        ("203.0.113.256\n", 1),
        ("example.com\n", 1),
        ("203.0.113.9-203.0.113.1\n", 1),
        ("203.0.113.1-2001:db8::1\n", 1),
        ("{\"cidr\": \"203.0.113.0/24\"\n", 1),
        ("1.2.3.0/24\nnetwork,score\n", 2),
    ] {
        assert_eq!(read(text), Err(BadNetlist::Line(line)), "{text:?}");
    }
    for text in ["0.0.0.0/0\n", "::/0\n", "1.0.0.0/7\n", "2000::/3\n", "1.1.1.1-200.0.0.0\n"] {
        assert!(
            matches!(read(text), Err(BadNetlist::TooLarge { line: 1, .. } | BadNetlist::Private { .. })),
            "{text:?}"
        );
    }
    for text in ["10.1.2.3\n", "192.168.0.0/16\n", "127.0.0.1\n", "fe80::1\n", "fd00::/8\n", "::1\n", "100.64.0.0/12\n"]
    {
        assert!(matches!(read(text), Err(BadNetlist::Private { line: 1, .. })), "{text:?}");
        assert!(networks(text, Meaning::Trusted).is_ok(), "{text:?}");
    }
    assert!(networks("0.0.0.0/0\n", Meaning::Trusted).is_err());
    assert_eq!(systems("AS0\n"), Err(BadNetlist::System(1)));
}

proptest! {
    /// A range is all of its addresses and no other.
    #[test]
    fn a_range_is_covered_exactly(first in any::<u32>(), length in 0..100_000_u32) {
        let last = first.saturating_add(length);
        let text = format!("{}-{}", std::net::Ipv4Addr::from(first), std::net::Ipv4Addr::from(last));
        let mut next = u64::from(first);
        for network in ranges(&text).unwrap() {
            let IpNetwork::V4(network) = network else { panic!("{network}") };
            prop_assert_eq!(u64::from(u32::from(network.network())), next);
            next = u64::from(u32::from(network.broadcast())) + 1;
        }
        prop_assert_eq!(next, u64::from(last) + 1);
    }

    /// Whatever comes, it is read or refused.
    #[test]
    fn no_text_ends_the_process(text in "\\PC{0,200}") {
        let _ = networks(&text, Meaning::Suspect);
        let _ = systems(&text);
    }
}
