//! What places and networks are called, for people: nothing is decided by it, so nothing looks for it on the road.

use std::net::IpAddr;

use maxminddb::PathElement::{self, Key};

use super::{Database, Value};

/// What a database calls the place and the network of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// The city.
    pub city: Option<String>,
    /// Whose the autonomous system is.
    pub organisation: Option<String>,
}

/// GeoIP2, GeoLite2 and DB-IP, then IPinfo.
const CITY: [&[PathElement<'static>]; 2] = [&[Key("city"), Key("names"), Key("en")], &[Key("city")]];
/// GeoIP2, GeoLite2, DB-IP and iptoasn, then IPinfo.
const ORGANISATION: [&[PathElement<'static>]; 3] = [
    &[Key("autonomous_system_organization")],
    &[Key("traits"), Key("autonomous_system_organization")],
    &[Key("as_name")],
];

impl Database {
    /// Adds what it calls the place and the network of `ip`.
    pub fn name(&self, ip: IpAddr, known: &mut Named) {
        let Ok(found) = self.reader.lookup(ip.to_canonical()) else { return };
        let first = |paths: &[&[PathElement<'static>]]| {
            paths.iter().find_map(|path| match found.decode_path::<Value<'_>>(path).ok().flatten()? {
                Value::Text(text) => Some(plain(text)).filter(|text| !text.is_empty()),
                _ => None,
            })
        };
        known.city = known.city.take().or_else(|| first(&CITY));
        known.organisation = known.organisation.take().or_else(|| first(&ORGANISATION));
    }
}

/// As much of a text as fits a line, without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}
