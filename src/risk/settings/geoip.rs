//! The config's `risk.geoip`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Placed, Surroundings};
use crate::risk::{DatabaseFile, Field};

/// Databases in MaxMind's format: of MaxMind, DB-IP, IPinfo or iptoasn. Read again when they change.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeoipSettings {
    /// A database of countries.
    pub country: Option<Placed<String>>,
    /// A database of autonomous systems.
    pub asn: Option<Placed<String>>,
    /// A database of cities, which has countries, too.
    pub city: Option<Placed<String>>,
    /// A database of hosting networks, VPNs, proxies and exits of Tor.
    pub anonymous: Option<Placed<String>>,
}

// === impl GeoipSettings ===

impl GeoipSettings {
    /// The databases, those that say more first.
    pub(super) fn open(&self, around: &Surroundings<'_>) -> Result<Vec<DatabaseFile>, Fault> {
        let all: [(_, _, &[Field]); 4] = [
            ("city", &self.city, &[Field::Country, Field::Latitude]),
            ("country", &self.country, &[Field::Country]),
            ("asn", &self.asn, &[Field::System]),
            ("anonymous", &self.anonymous, &[Field::Hosting, Field::Anonymous, Field::Vpn, Field::Proxy, Field::Tor]),
        ];
        let mut opened = Vec::new();
        for (name, written, wanted) in all {
            let Some(written) = written else { continue };
            let database = DatabaseFile::open(around.path(written.value.as_ref()))
                .map_err(|error| written.fault(format!("`{}`: {error}", written.value)))?;
            let fields: Vec<Field> = database.load().fields().collect();
            if !wanted.iter().any(|field| fields.contains(field)) {
                let says: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
                let wrong =
                    format!("`{}` does not say that: it says of an address its {}", written.value, says.join(", "));
                return Err(written.fault(wrong));
            }
            opened.push(database.named(name));
        }
        Ok(opened)
    }
}
