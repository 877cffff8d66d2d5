//! Where an address is, by databases in MaxMind's format (<https://maxmind.github.io/MaxMind-DB/>).
//!
//! Publishers name the same things differently: MaxMind nests them, DB-IP and iptoasn write them flat, IPinfo writes numbers as
//! text. So each thing has the paths by which it is known ([`FIELDS`]), and a database is asked at load which of them it has.
//! Files are read into memory whole: one that is replaced in place is no danger to what runs.

mod flat;
mod named;

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use maxminddb::{LookupResult, PathElement, Reader, WithinOptions};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::risk::pace::Pace;
use crate::words::{About, Country, Spot, Timestamp};

use flat::Flat;
pub use named::Named;

/// A database in memory.
pub struct Database {
    reader: Reader<Vec<u8>>,
    /// The path of each field that it has, in the order of [`Field`].
    paths: [Option<&'static [PathElement<'static>]>; FIELDS.len()],
    built: Timestamp,
    /// What it says of IPv4 addresses, if it is no large one.
    flat: Option<Flat>,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Whereabouts {
    /// The country.
    pub country: Option<Country>,
    /// The number of the autonomous system that announces it (RFC 4271).
    pub system: Option<u32>,
    /// Where it is about.
    pub position: Option<Position>,
    /// How far off that may be, in kilometres, where a database says so.
    pub within: Option<u16>,
    /// Whether machines are rented out there.
    pub is_hosting: bool,
    /// Whether it hides who uses it: a VPN, a proxy, an exit of Tor.
    pub is_anonymiser: bool,
}

/// A place on earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// North of the equator, -90 to 90.
    pub latitude: f64,
    /// East of Greenwich, -180 to 180.
    pub longitude: f64,
}

/// What a database can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// [`Whereabouts::country`].
    Country,
    /// [`Whereabouts::system`].
    System,
    /// The latitude of [`Whereabouts::position`].
    Latitude,
    /// The longitude of [`Whereabouts::position`].
    Longitude,
    /// [`Whereabouts::within`].
    Within,
    /// [`Whereabouts::is_hosting`].
    Hosting,
    /// [`Whereabouts::is_anonymiser`]: any of several.
    Anonymous,
    /// A VPN.
    Vpn,
    /// An open proxy.
    Proxy,
    /// An exit of Tor.
    Tor,
}

/// Why a database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDatabase {
    /// It is damaged, or no database at all.
    #[error("it is no database in MaxMind's format, or damaged: {0}")]
    Damaged(String),
    /// Nothing in it is known here.
    #[error("it says nothing about addresses that is known here; its type is `{0}`")]
    Unknown(String),
}

use PathElement::Key;

/// The paths by which each field is known: GeoIP2 and GeoLite2, then DB-IP, iptoasn and IPinfo.
const FIELDS: [(Field, &[&[PathElement<'static>]]); 10] = [
    (Field::Country, &[&[Key("country"), Key("iso_code")], &[Key("country_code")], &[Key("country")]]),
    (
        Field::System,
        &[&[Key("autonomous_system_number")], &[Key("traits"), Key("autonomous_system_number")], &[Key("asn")]],
    ),
    (Field::Latitude, &[&[Key("location"), Key("latitude")], &[Key("latitude")], &[Key("lat")]]),
    (Field::Longitude, &[&[Key("location"), Key("longitude")], &[Key("longitude")], &[Key("lng")], &[Key("lon")]]),
    (Field::Within, &[&[Key("location"), Key("accuracy_radius")], &[Key("accuracy_radius")], &[Key("radius")]]),
    (Field::Hosting, &[&[Key("is_hosting_provider")], &[Key("traits"), Key("is_hosting_provider")], &[Key("hosting")]]),
    (Field::Anonymous, &[&[Key("is_anonymous")], &[Key("traits"), Key("is_anonymous")]]),
    (Field::Vpn, &[&[Key("is_anonymous_vpn")], &[Key("traits"), Key("is_anonymous_vpn")], &[Key("vpn")]]),
    (Field::Proxy, &[&[Key("is_public_proxy")], &[Key("traits"), Key("is_public_proxy")], &[Key("proxy")]]),
    (Field::Tor, &[&[Key("is_tor_exit_node")], &[Key("traits"), Key("is_tor_exit_node")], &[Key("tor")]]),
];

/// How many networks, and how many different records of them, are looked at to learn which fields a database has. Some
/// publishers leave out what is not so, such as that an address is an exit of Tor.
const SAMPLE: (usize, usize) = (100_000, 2_000);

// === impl Database ===

impl Database {
    /// Reads a database, and finds out what it can say.
    ///
    /// # Errors
    /// When it is cut off or damaged where it is looked at, or says nothing that is known here. What is damaged elsewhere says
    /// nothing of the addresses that it is about.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BadDatabase> {
        Self::parse_at(bytes, &Pace::fast())
    }

    /// The same at a pace.
    pub(super) fn parse_at(bytes: Vec<u8>, pace: &Pace) -> Result<Self, BadDatabase> {
        let damaged = |error: maxminddb::MaxMindDbError| BadDatabase::Damaged(error.to_string());
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        let built = Timestamp::from_millis(reader.metadata().build_epoch.saturating_mul(1000));
        let mut database = Self { reader, paths: [None; FIELDS.len()], built, flat: None };
        database.paths = database.learn().map_err(damaged)?;
        if database.paths.iter().all(Option::is_none) {
            return Err(BadDatabase::Unknown(database.kind().to_owned()));
        }
        database.flat = Flat::of(&database, pace);
        Ok(database)
    }

    /// The first path of each field at which some network has something that can be meant.
    fn learn(&self) -> Result<[Option<&'static [PathElement<'static>]>; FIELDS.len()], maxminddb::MaxMindDbError> {
        let mut known = [None; FIELDS.len()];
        let mut records = HashSet::new();
        for found in self.reader.networks(WithinOptions::default())?.take(SAMPLE.0) {
            let found = found?;
            if !found.offset().is_some_and(|offset| records.insert(offset)) {
                continue;
            }
            if records.len() > SAMPLE.1 {
                break;
            }
            for (known, (field, paths)) in known.iter_mut().zip(&FIELDS) {
                let better = paths.iter().take(known.unwrap_or(paths.len()));
                let at = better.enumerate().find_map(|(at, path)| {
                    let value = found.decode_path::<Value<'_>>(path).ok().flatten()?;
                    field.takes(value).then_some(at)
                });
                *known = at.or(*known);
            }
        }
        let path = |(known, (_, paths)): (Option<usize>, &(Field, &'static [&'static [PathElement<'static>]]))| {
            known.and_then(|at| paths.get(at).copied())
        };
        let mut paths = [None; FIELDS.len()];
        for (place, pair) in paths.iter_mut().zip(known.into_iter().zip(&FIELDS)) {
            *place = path(pair);
        }
        Ok(paths)
    }

    /// Its type, as its publisher calls it.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was built.
    #[must_use]
    pub const fn built(&self) -> Timestamp {
        self.built
    }

    /// What it can say.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        FIELDS.iter().zip(&self.paths).filter(|(_, path)| path.is_some()).map(|((field, _), _)| *field)
    }

    /// Adds what it says of `ip` to what is known already.
    pub fn tell(&self, ip: IpAddr, known: &mut Whereabouts) {
        let ip = ip.to_canonical();
        match (&self.flat, ip) {
            (Some(flat), IpAddr::V4(ip)) => flat.at(ip).into_iter().for_each(|said| known.add(said)),
            _ => {
                if let Ok(found) = self.reader.lookup(ip) {
                    known.add(&self.read(&found));
                }
            }
        }
    }

    /// What it says of the addresses that were found.
    fn read(&self, found: &LookupResult<'_, Vec<u8>>) -> Whereabouts {
        let mut said = Whereabouts::default();
        if !found.has_data() {
            return said;
        }
        let (mut latitude, mut longitude, mut within) = (None, None, None);
        for ((field, _), path) in FIELDS.iter().zip(&self.paths) {
            let Some(path) = path else { continue };
            let Some(value) = found.decode_path::<Value<'_>>(path).ok().flatten() else { continue };
            match field {
                Field::Country => said.country = value.country(),
                Field::System => said.system = value.system(),
                Field::Latitude => latitude = value.degrees(90.0),
                Field::Longitude => longitude = value.degrees(180.0),
                Field::Within => within = value.kilometres(),
                Field::Hosting => said.is_hosting = value.flag() == Some(true),
                Field::Anonymous | Field::Vpn | Field::Proxy | Field::Tor => {
                    said.is_anonymiser |= value.flag() == Some(true);
                }
            }
        }
        if let (Some(latitude), Some(longitude)) = (latitude, longitude) {
            said.position = Some(Position { latitude, longitude });
            said.within = within;
        }
        said
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({}, {:?})", self.kind(), self.fields().collect::<Vec<_>>())
    }
}

// === impl Whereabouts ===

impl Whereabouts {
    /// Adds what another database says; the first that says something is believed.
    fn add(&mut self, said: &Self) {
        self.country = self.country.or(said.country);
        self.system = self.system.or(said.system);
        if self.position.is_none() {
            (self.position, self.within) = (said.position, said.within);
        }
        self.is_hosting |= said.is_hosting;
        self.is_anonymiser |= said.is_anonymiser;
    }

    /// As much of it as is kept.
    #[must_use]
    pub fn spot(&self) -> Spot {
        /// Where no database says how far off it is: half of all cities that DB-IP and IPinfo name are within it.
        const WITHIN: u16 = 50;
        #[expect(clippy::cast_possible_truncation, reason = "at most 1800 tenths of a degree")]
        let tenths = |degrees: f64| (degrees * 10.0).round() as i16;
        let about = self.position.map(|at| About {
            north: tenths(at.latitude),
            east: tenths(at.longitude),
            within: self.within.unwrap_or(WITHIN),
        });
        Spot { country: self.country, system: self.system, about }
    }

    /// Whether its visitor may be anywhere else: machines that are rented out, and all that hides who uses it.
    #[must_use]
    pub const fn is_veiled(&self) -> bool {
        self.is_anonymiser || self.is_hosting
    }
}

// === impl Field ===

impl Field {
    /// Whether a value can be meant as this.
    fn takes(self, value: Value<'_>) -> bool {
        match self {
            Self::Country => value.country().is_some(),
            Self::System => value.system().is_some(),
            Self::Latitude => value.degrees(90.0).is_some(),
            Self::Longitude => value.degrees(180.0).is_some(),
            Self::Within => value.kilometres().is_some(),
            Self::Hosting | Self::Anonymous | Self::Vpn | Self::Proxy | Self::Tor => value.flag().is_some(),
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::System => "ASN",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
            Self::Within => "accuracy",
            Self::Hosting => "hosting",
            Self::Anonymous => "anonymous",
            Self::Vpn => "VPN",
            Self::Proxy => "proxy",
            Self::Tor => "Tor",
        }
    }
}

// === impl Position ===

impl Position {
    /// How far it is to `other`, in kilometres, over a round earth: within 0.5 % (the haversine formula).
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        /// The mean radius of the earth in kilometres (IUGG).
        const RADIUS: f64 = 6371.0088;
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let across = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let chord = half(self.latitude, other.latitude) + across * half(self.longitude, other.longitude);
        2.0 * RADIUS * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// A value of a database, as its publisher chose to write it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'d> {
    Text(&'d str),
    Whole(u64),
    Number(f64),
    Flag(bool),
    /// A map, a list, bytes.
    Other,
}

impl Value<'_> {
    fn country(self) -> Option<Country> {
        if let Self::Text(text) = self { text.parse().ok() } else { None }
    }

    fn system(self) -> Option<u32> {
        match self {
            Self::Whole(number) => u32::try_from(number).ok(),
            Self::Text(text) => text.trim_start_matches("AS").parse().ok(),
            _ => None,
        }
        .filter(|&number| number > 0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a whole number of degrees is small")]
    fn degrees(self, most: f64) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Whole(number) => Some(number as f64),
            Self::Text(text) => text.parse().ok(),
            Self::Flag(_) | Self::Other => None,
        }
        .filter(|degrees: &f64| degrees.abs() <= most)
    }

    fn kilometres(self) -> Option<u16> {
        match self {
            Self::Whole(number) => u16::try_from(number).ok(),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Text("true") => Some(true),
            // IPinfo leaves out what is not so.
            Self::Text("false" | "") => Some(false),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "a negative whole number is a number of degrees, if anything")]
    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests;
