//! The config's `risk`.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, NotYet, Period, Place, Placed, Surroundings};
use crate::risk::finding::worth;
use crate::risk::{
    AddressList, AddressRisk, ContactRisk, DatabaseFile, Field, List, ListFile, ListKind, Means, Points,
    PointsSettings, Scoring, SubjectRisk,
};
use crate::words::Country;

/// What makes the score of a request: the address that it comes from, and the contact that a visitor types into a form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskSettings {
    /// Databases that say where an address is.
    #[serde(default)]
    pub geoip: GeoipSettings,
    /// Lists of what is known to be bad, or good.
    #[serde(default)]
    pub lists: Many<ListSettings>,
    /// What a finding is worth.
    #[serde(default)]
    pub points: PointsSettings,
    /// The countries where visitors are expected. Default: any.
    #[serde(default)]
    pub expect_countries: Many<Placed<Country>>,
    /// Browsers with which a code was answered.
    #[serde(default)]
    pub devices: DevicesSettings,
}

/// Browsers with which a code was answered: one that the subject never used is `new_device`. It is never a proof.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicesSettings {
    /// How long a browser is remembered after a code, by a sealed cookie; up to a year. `0s` sets no such cookie.
    /// Default 180d.
    pub remember: Option<Placed<Period>>,
}

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

/// A list of what is known to be bad, or good.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ListSettings {
    /// Its name in logs.
    pub name: Placed<String>,
    /// What it is of.
    pub kind: ListKindSettings,
    /// Its file: one entry a line, `#` begins a comment.
    pub source: Placed<String>,
    /// What being on it is worth, 0 to 100. Not with `action`.
    pub points: Option<Placed<u8>>,
    /// For networks and autonomous systems, instead of points: `deny` is the highest score, `allow` makes every finding about
    /// the address count for nothing.
    pub action: Option<Placed<ActionSettings>>,
    #[schemars(skip)]
    pub refresh: Option<NotYet>,
}

/// What being on a list does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionSettings {
    /// No finding about the address counts.
    Allow,
    /// The highest score.
    Deny,
}

/// What a list is of.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListKindSettings {
    /// Networks and addresses: plain, FireHOL netset, Spamhaus DROP as text or JSON, Tor's exit list, CSV.
    Network,
    /// Autonomous systems: `AS64496`.
    Asn,
    /// Domains of e-mail addresses, such as disposable ones, each with everything below it.
    EmailDomain,
    /// Phone numbers in E.164, such as disposable ones.
    Phone,
}

// === impl RiskSettings ===

impl RiskSettings {
    /// What makes a score. Files are read.
    ///
    /// # Errors
    /// When a database or a list cannot be used, or points are no points.
    pub fn scoring(&self, around: &Surroundings<'_>) -> Result<Scoring, Fault> {
        let points = self.points.points()?;
        let lists = self.lists.iter().filter_map(|list| list.of_contacts(around).transpose());
        let lists = lists.collect::<Result<_, _>>()?;
        let address = self.address_risk(points, around)?;
        let knows_countries = address.knows(Field::Country);
        let contact = ContactRisk { lists, points, knows_countries };
        let subject = SubjectRisk {
            points,
            remember: self.devices.remember(),
            knows_places: knows_countries || address.knows(Field::Latitude),
            knows_systems: address.knows(Field::System),
        };
        Ok(Scoring { points, address, subject, contact })
    }

    fn address_risk(&self, points: Points, around: &Surroundings<'_>) -> Result<AddressRisk, Fault> {
        let databases = self.geoip.open(around)?;
        let says = |field| databases.iter().any(|database| database.load().fields().any(|known| known == field));
        if let Some(country) = self.expect_countries.first().filter(|_| !says(Field::Country)) {
            return Err(country.fault("nothing says which country an address is in: add `geoip: {country: …}`"));
        }
        let mut lists: Vec<(&ListSettings, ListFile)> = Vec::new();
        for list in self.lists.iter() {
            if matches!(list.kind, ListKindSettings::Asn) && !says(Field::System) {
                return Err(list
                    .name
                    .fault("nothing says which autonomous system an address is in: add `geoip: {asn: …}`"));
            }
            if let Some(file) = list.of_addresses(around)? {
                lists.push((list, file));
            }
        }
        let (settings, files): (Vec<&ListSettings>, Vec<ListFile>) = lists.into_iter().unzip();
        let expected = self.expect_countries.iter().map(|country| country.value).collect();
        AddressRisk::new(databases, files, expected, points).map_err(|(at, error)| match settings.get(at) {
            Some(list) => list.source.fault(format!("`{}`: {error}", list.source.value)),
            None => Fault::new(format!("`risk.lists`: {error}")),
        })
    }

    /// The signals whose points stand in the config, and where.
    #[must_use]
    pub fn places(&self) -> Vec<(String, Place)> {
        let points = self.points.places().map(|(name, place)| (name.to_owned(), place));
        let lists = self.lists.iter().map(|list| (list.name.value.trim().to_owned(), list.name.place));
        points.chain(lists).collect()
    }
}

impl DevicesSettings {
    /// How long a browser is remembered; zero is not at all.
    #[must_use]
    pub fn remember(&self) -> Duration {
        /// Half a year: browsers keep no cookie for longer than 400 days (RFC 6265bis, section 5.5).
        const USUAL: Duration = Duration::from_secs(180 * 24 * 60 * 60);
        self.remember.map_or(USUAL, |written| written.value.0)
    }
}

impl GeoipSettings {
    /// The databases, those that say more first.
    fn open(&self, around: &Surroundings<'_>) -> Result<Vec<DatabaseFile>, Fault> {
        let all: [(_, &[Field]); 4] = [
            (&self.city, &[Field::Country, Field::Latitude]),
            (&self.country, &[Field::Country]),
            (&self.asn, &[Field::System]),
            (&self.anonymous, &[Field::Hosting, Field::Anonymous, Field::Vpn, Field::Proxy, Field::Tor]),
        ];
        let mut opened = Vec::new();
        for (written, wanted) in all {
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
            opened.push(database);
        }
        Ok(opened)
    }
}

impl ListSettings {
    /// The list, if it is one of contacts.
    fn of_contacts(&self, around: &Surroundings<'_>) -> Result<Option<List>, Fault> {
        let kind = match self.kind {
            ListKindSettings::EmailDomain => ListKind::EmailDomain,
            ListKindSettings::Phone => ListKind::Phone,
            ListKindSettings::Network | ListKindSettings::Asn => return Ok(None),
        };
        if let Some(action) = &self.action {
            return Err(action.fault("an action is for lists of networks: give `points`"));
        }
        let name = self.name()?;
        let Some(points) = &self.points else { return Err(self.name.fault("what is being on it worth? add `points`")) };
        let text = std::fs::read_to_string(self.file(around)?)
            .map_err(|error| self.source.fault(format!("the file `{}` cannot be read: {error}", self.source.value)))?;
        let list = List::parse(name, kind, worth(Some(points), 0)?, &text)
            .map_err(|bad| self.source.fault(format!("`{}`: {bad}", self.source.value)))?;
        Ok(Some(list))
    }

    /// The list and its file, if it is one of addresses.
    fn of_addresses(&self, around: &Surroundings<'_>) -> Result<Option<ListFile>, Fault> {
        let of: fn(AddressList, PathBuf) -> ListFile = match self.kind {
            ListKindSettings::Network => ListFile::of_addresses,
            ListKindSettings::Asn => ListFile::of_systems,
            ListKindSettings::EmailDomain | ListKindSettings::Phone => return Ok(None),
        };
        let means = match (&self.points, &self.action) {
            (Some(points), None) => Means::Points(worth(Some(points), 0)?),
            (None, Some(action)) => match action.value {
                ActionSettings::Allow => Means::Allow,
                ActionSettings::Deny => Means::Deny,
            },
            (Some(_), Some(action)) => return Err(action.fault("give `points` or an `action`, not both")),
            (None, None) => {
                return Err(self.name.fault("what does being on it do? add `points`, or `action: allow` or `deny`"));
            }
        };
        Ok(Some(of(AddressList { name: self.name()?.into(), means }, self.file(around)?)))
    }

    fn name(&self) -> Result<&str, Fault> {
        match self.name.value.trim() {
            "" => Err(self.name.fault("a list needs a name")),
            name => Ok(name),
        }
    }

    fn file(&self, around: &Surroundings<'_>) -> Result<PathBuf, Fault> {
        if self.source.value.contains("://") {
            return Err(self.source.fault("lists from addresses are not available yet: name a file"));
        }
        Ok(around.path(self.source.value.as_ref()))
    }
}
