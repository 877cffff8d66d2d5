use std::time::{Duration, UNIX_EPOCH};

use ipnet::IpNet;
use mmdb_writer::{IpVersion, RecordSize, Value as Written, Writer};
use proptest::prelude::*;

use super::*;

const BUILT: u64 = 1_790_000_000;

fn write(kind: &str, size: RecordSize, version: IpVersion, entries: &[(&str, Written)]) -> Vec<u8> {
    let built = UNIX_EPOCH + Duration::from_secs(BUILT);
    let mut writer = Writer::builder(kind).record_size(size).ip_version(version).build_epoch(built).build();
    for (network, value) in entries {
        writer.insert_value(network.parse::<IpNet>().unwrap(), value.clone()).unwrap();
    }
    writer.to_bytes().unwrap()
}

fn map<const N: usize>(entries: [(&str, Written); N]) -> Written {
    Written::map(entries)
}

fn told(database: &Database, ip: &str) -> Whereabouts {
    let mut known = Whereabouts::default();
    database.tell(ip.parse().unwrap(), &mut known);
    known
}

/// Every schema that is published, in every size of record.
fn schemas() -> Vec<(&'static str, Written, Whereabouts)> {
    let my = Some("MY".parse().unwrap());
    let kl = Some(Position { latitude: 3.139, longitude: 101.6869 });
    let country = |code: &str| map([("iso_code", code.into()), ("geoname_id", 1_733_045_u32.into())]);
    let place = || map([("latitude", Written::Double(3.139)), ("longitude", Written::Double(101.6869))]);
    let known = Whereabouts::default();
    vec![
        (
            "GeoLite2-Country",
            map([("country", country("MY")), ("registered_country", country("SG"))]),
            Whereabouts { country: my, ..known },
        ),
        (
            "GeoIP2-City",
            map([
                ("city", map([("names", map([("en", "Kuala Lumpur".into())]))])),
                ("country", country("MY")),
                ("location", place()),
                ("traits", map([("is_anycast", Written::Bool(true))])),
            ]),
            Whereabouts { country: my, position: kl, ..known },
        ),
        (
            "GeoLite2-ASN",
            map([
                ("autonomous_system_number", 64_496_u32.into()),
                ("autonomous_system_organization", "Example".into()),
            ]),
            Whereabouts { system: Some(64_496), ..known },
        ),
        (
            "GeoIP2-Anonymous-IP",
            map([("is_anonymous", Written::Bool(true)), ("is_hosting_provider", Written::Bool(true))]),
            Whereabouts { is_hosting: true, is_anonymiser: true, ..known },
        ),
        (
            "GeoIP2-Enterprise",
            map([
                ("country", country("MY")),
                (
                    "traits",
                    map([("autonomous_system_number", 64_496_u32.into()), ("is_tor_exit_node", Written::Bool(true))]),
                ),
            ]),
            Whereabouts { country: my, system: Some(64_496), is_anonymiser: true, ..known },
        ),
        (
            "DBIP-City-Lite",
            map([
                ("country", map([("iso_code", "MY".into()), ("is_in_european_union", Written::Bool(false))])),
                ("location", map([("latitude", Written::Float(3.5)), ("longitude", Written::Float(101.5))])),
            ]),
            Whereabouts { country: my, position: Some(Position { latitude: 3.5, longitude: 101.5 }), ..known },
        ),
        ("iptoasn-country", map([("country_code", "MY".into())]), Whereabouts { country: my, ..known }),
        (
            "ipinfo lite",
            map([
                ("asn", "AS64496".into()),
                ("as_name", "Example".into()),
                ("country", "Malaysia".into()),
                ("country_code", "MY".into()),
            ]),
            Whereabouts { country: my, system: Some(64_496), ..known },
        ),
        (
            "ipinfo standard_location",
            map([("country", "MY".into()), ("lat", "3.139".into()), ("lng", "101.6869".into())]),
            Whereabouts { country: my, position: kl, ..known },
        ),
        (
            "ipinfo standard_privacy",
            map([("hosting", "true".into()), ("vpn", "true".into()), ("proxy", "".into())]),
            Whereabouts { is_hosting: true, is_anonymiser: true, ..known },
        ),
    ]
}

#[test]
fn every_published_schema_is_read_in_every_size_of_record() {
    for (kind, value, expected) in schemas() {
        for size in [RecordSize::Bits24, RecordSize::Bits28, RecordSize::Bits32] {
            for (version, ips) in [
                (IpVersion::V4, &["203.0.113.7", "::ffff:203.0.113.7"][..]),
                (IpVersion::V6, &["203.0.113.7", "::ffff:203.0.113.7", "2001:db8::7"][..]),
            ] {
                let mut entries = vec![("203.0.113.0/24", value.clone())];
                if version == IpVersion::V6 {
                    entries.push(("2001:db8::/32", value.clone()));
                }
                let database = Database::parse(write(kind, size, version, &entries)).unwrap();
                assert_eq!(database.built(), Timestamp::from_millis(BUILT * 1000));
                assert!(database.flat.is_some(), "a small one is laid out");
                for ip in ips {
                    assert_eq!(told(&database, ip), expected, "{kind} {size:?} {ip}");
                }
                for ip in ["198.51.100.1", "2001:db9::1", "10.0.0.1"] {
                    assert_eq!(told(&database, ip), Whereabouts::default(), "{kind} {size:?} {ip}");
                }
            }
        }
    }
}

/// What people read beside the codes, by every name that it has; nothing of it can move a terminal's cursor.
#[test]
fn places_and_networks_have_names() {
    let my = || ("country_code", Written::from("MY"));
    let city = map([("names", map([("de", "Irgendwo".into()), ("en", "Kuala Lumpur".into())]))]);
    let traits = map([("autonomous_system_organization", "Exa\u{1b}mple\n".into())]);
    let (kl, example) = (Some("Kuala Lumpur".to_owned()), Some("Example".to_owned()));
    for (value, city, organisation) in [
        (map([my(), ("city", city), ("autonomous_system_organization", "Example".into())]), &kl, &example),
        (map([my(), ("city", "Kuala Lumpur".into()), ("as_name", "Example".into())]), &kl, &example),
        (map([my(), ("traits", traits)]), &None, &example),
        (map([my(), ("city", 7_u32.into()), ("as_name", "\u{7}".into())]), &None, &None),
    ] {
        let bytes = write("x", RecordSize::Bits24, IpVersion::V4, &[("203.0.113.0/24", value)]);
        let mut named = Named::default();
        Database::parse(bytes).unwrap().name("203.0.113.7".parse().unwrap(), &mut named);
        assert_eq!((&named.city, &named.organisation), (city, organisation));
    }
}

/// What one database does not say another may; the first that says something is believed.
#[test]
fn databases_add_up() {
    let of = |kind: &str, value: Written| {
        Database::parse(write(kind, RecordSize::Bits28, IpVersion::V6, &[("203.0.113.0/24", value)])).unwrap()
    };
    let country = of("a", map([("country_code", "MY".into())]));
    let both = of("b", map([("country_code", "SG".into()), ("asn", 64_496_u32.into())]));
    let mut known = Whereabouts::default();
    country.tell("203.0.113.1".parse().unwrap(), &mut known);
    both.tell("203.0.113.1".parse().unwrap(), &mut known);
    assert_eq!(known, Whereabouts { country: "MY".parse().ok(), system: Some(64_496), ..Whereabouts::default() });
}

/// F02: a database that says nothing that is known here is told, instead of making every address a stranger.
#[test]
fn f02_a_database_without_a_known_field_is_refused() {
    let bytes = write("Names", RecordSize::Bits24, IpVersion::V4, &[("203.0.113.0/24", map([("name", "x".into())]))]);
    assert_eq!(Database::parse(bytes).unwrap_err(), BadDatabase::Unknown("Names".to_owned()));
    let odd = map([("country", "Malaysia".into()), ("lat", "north".into()), ("asn", "none".into())]);
    let bytes = write("Odd", RecordSize::Bits24, IpVersion::V4, &[("203.0.113.0/24", odd)]);
    assert!(matches!(Database::parse(bytes), Err(BadDatabase::Unknown(_))));
    for bytes in [Vec::new(), b"GeoIP".to_vec(), vec![0; 4096]] {
        assert!(matches!(Database::parse(bytes), Err(BadDatabase::Damaged(_))));
    }
}

/// London to Paris, Kuala Lumpur to Singapore, New York to Tokyo, and over the date line, within one per cent.
#[test]
fn distances_are_those_of_the_atlas() {
    let at = |latitude, longitude| Position { latitude, longitude };
    for (from, to, kilometres) in [
        (at(51.5074, -0.1278), at(48.8566, 2.3522), 343.6),
        (at(3.139, 101.6869), at(1.3521, 103.8198), 309.3),
        (at(40.7128, -74.006), at(35.6762, 139.6503), 10_850.0),
        (at(-17.7134, 178.065), at(-13.8333, -171.7667), 1_165.0),
        (at(0.0, 0.0), at(0.0, 180.0), 20_015.1),
        (at(10.0, 10.0), at(10.0, 10.0), 0.0),
    ] {
        let distance = from.distance(to);
        assert!((distance - kilometres).abs() <= kilometres * 0.01 + 0.001, "{from:?} {to:?}: {distance}");
    }
}

/// What the tree says, laid out or not.
fn walked(database: &Database, ip: std::net::Ipv4Addr) -> Whereabouts {
    database.reader.lookup(ip.into()).map(|found| database.read(&found)).unwrap_or_default()
}

proptest! {
    /// Laid out in a row, a database says of each address what its tree does: at the edges of its networks, and anywhere.
    #[test]
    fn what_is_laid_out_is_the_tree(
        networks in prop::collection::vec((any::<u32>(), 0_u8..=32, 0_u32..4), 0..40),
        narrow in any::<bool>(),
        anywhere in prop::collection::vec(any::<u32>(), 20),
        version in prop::sample::select(&[IpVersion::V4, IpVersion::V6]),
    ) {
        let mut writer = Writer::builder("x").ip_version(version).build();
        let mut edges = vec![0, u32::MAX];
        // Somewhere it must know a system, else it is refused.
        let some = (0x0a00_0000, 8, 1);
        for (address, length, system) in networks.into_iter().chain([some]) {
            // Many in one place: they touch, and hold each other.
            let address = if narrow && length > 8 { address % 4096 + 0x0102_0000 } else { address };
            let network = ipnet::Ipv4Net::new(address.into(), length).unwrap();
            let value = if system == 0 { map([("other", 1_u32.into())]) } else { map([("asn", system.into())]) };
            let _ = writer.insert_value(IpNet::from(network), value);
            let (first, last) = (u32::from(network.network()), u32::from(network.broadcast()));
            edges.extend([first.wrapping_sub(1), first, last, last.wrapping_add(1)]);
        }
        let database = Database::parse(writer.to_bytes().unwrap()).unwrap();
        // One network that is all of IPv4 is not laid out.
        prop_assume!(database.flat.is_some());
        let flat = database.flat.as_ref().unwrap();
        for ip in edges.into_iter().chain(anywhere).map(std::net::Ipv4Addr::from) {
            prop_assert_eq!(flat.at(ip).copied(), Some(walked(&database, ip)), "{}", ip);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// F02: a damaged file is refused, or still answers; it never ends the process.
    #[test]
    fn f02_damage_does_no_harm(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let (_, value, _) = schemas().swap_remove(1);
        let whole = write("City", RecordSize::Bits28, IpVersion::V6, &[("203.0.113.0/24", value)]);
        let mut changed = whole.clone();
        *at.get_mut(&mut changed) = byte;
        let mut short = whole;
        short.truncate(cut.index(short.len()));
        for bytes in [changed, short] {
            if let Ok(database) = Database::parse(bytes) {
                for ip in ["203.0.113.7", "2001:db8::7", "0.0.0.0"] {
                    told(&database, ip);
                }
                if let Some(flat) = &database.flat {
                    let ip = "203.0.113.7".parse().unwrap();
                    assert_eq!(flat.at(ip).copied(), Some(walked(&database, ip)));
                }
            }
        }
    }
}
