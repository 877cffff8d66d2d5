//! Databases out of the public table of iptoasn.com: which autonomous system announces an address, and from which country.
//!
//! The table is in the public domain (PDDL 1.0) and needs no account. A line is the first address, the last, the system's
//! number, its country and its name, with tabulators between; number 0 is no system. <https://iptoasn.com>

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use mmdb_writer::{Value, Writer};

use crate::words::{Country, Timestamp};

/// Two databases in MaxMind's format.
#[derive(Debug)]
pub struct Iptoasn {
    /// Countries: `country.iso_code`.
    pub country: Vec<u8>,
    /// Autonomous systems: `autonomous_system_number` and `autonomous_system_organization`.
    pub asn: Vec<u8>,
    /// How many ranges have a country or a system.
    pub ranges: usize,
    /// How many countries there are.
    pub countries: usize,
    /// How many systems.
    pub systems: usize,
}

/// Why no databases can be made of a table.
#[derive(Debug, thiserror::Error)]
pub enum BadTable {
    /// It cannot be read to its end.
    #[error("it broke off: {0}")]
    Io(#[from] io::Error),
    /// A line is none of such a table.
    #[error(
        "line {0} is not of this table: first address, last address, number, country and name, with tabulators between"
    )]
    Line(usize),
    /// It is too short.
    #[error("it has {0} ranges only: the whole table has several hundred thousand")]
    Short(usize),
    /// The database cannot be made.
    #[error("no database can be made of it: {0}")]
    Database(#[from] mmdb_writer::Error),
}

/// Fewer ranges than this are no table but a piece of one.
const FEWEST: usize = 1_000;
/// The longest name of a system that is kept, in bytes.
const LONGEST: usize = 200;

// === impl Iptoasn ===

impl Iptoasn {
    /// Makes databases out of a table, built at `built`.
    ///
    /// # Errors
    /// When it breaks off, or is no such table.
    pub fn read(table: impl BufRead, built: Timestamp) -> Result<Self, BadTable> {
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(built.as_secs());
        let new =
            |kind: &str, about: &str| Writer::builder(kind).description(&[("en", about)]).build_epoch(epoch).build();
        let mut country = new("otpgate iptoasn country", "countries, from iptoasn.com (PDDL 1.0)");
        let mut asn = new("otpgate iptoasn ASN", "autonomous systems, from iptoasn.com (PDDL 1.0)");
        let (mut ranges, mut countries, mut systems) = (0, HashSet::new(), HashSet::new());
        for (index, line) in table.lines().enumerate() {
            let line = line?;
            if line.is_empty() {
                continue;
            }
            let row = Row::parse(&line).ok_or(BadTable::Line(index + 1))?;
            if let Some(code) = row.country {
                let value = Value::map([("country", Value::map([("iso_code", code.as_str())]))]);
                country.insert_range(row.first, row.last, &value)?;
                countries.insert(code);
            }
            if let Some(number) = row.system {
                let name = ("autonomous_system_organization", Value::from(row.name));
                let value = Value::map([("autonomous_system_number", Value::from(number)), name]);
                asn.insert_range(row.first, row.last, &value)?;
                systems.insert(number);
            }
            ranges += usize::from(row.country.is_some() || row.system.is_some());
        }
        if ranges < FEWEST {
            return Err(BadTable::Short(ranges));
        }
        let (country, asn) = (country.to_bytes()?, asn.to_bytes()?);
        Ok(Self { country, asn, ranges, countries: countries.len(), systems: systems.len() })
    }
}

/// A line of the table.
struct Row<'l> {
    first: IpAddr,
    last: IpAddr,
    system: Option<u32>,
    country: Option<Country>,
    name: &'l str,
}

impl<'l> Row<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut columns = line.split('\t');
        let (first, last) = (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?);
        let number: u32 = columns.next()?.parse().ok()?;
        let (country, name) = (columns.next()?, columns.next().unwrap_or_default());
        let is_range = matches!((first, last), (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)));
        let mut name = name.trim();
        while name.len() > LONGEST {
            name = &name[..name.char_indices().next_back()?.0];
        }
        (is_range && first <= last).then_some(Self {
            first,
            last,
            system: (number > 0).then_some(number),
            // `None` and `Unknown` are no country.
            country: country.parse().ok(),
            name,
        })
    }
}
