//! The config's `risk`.

mod behaviour;
mod dns;
mod geoip;
mod lists;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Period, Place, Placed, Surroundings};
use crate::risk::files::tell;
use crate::risk::{
    AddressRisk, Blocklists, ContactRisk, Dns, Field, Finding, ListFile, MailDomains, Points, PointsSettings, Rule,
    RuleSettings, Scoring, SubjectRisk,
};
use crate::words::Country;

pub use behaviour::{BansSettings, BehaviourSettings, Ceiling, WidthsSettings};
pub use dns::DnsListSettings;
pub use geoip::GeoipSettings;
pub use lists::{ActionSettings, ListKindSettings, ListSettings};

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
    /// Block lists of addresses in DNS.
    #[serde(default)]
    pub dns_lists: Many<DnsListSettings>,
    /// The name servers that are asked for DNS lists and for the mail exchangers of typed addresses, such as 127.0.0.1 or
    /// 127.0.0.1:53. Default: those of the system.
    #[serde(default)]
    pub nameserver: Many<Placed<String>>,
    /// The folder in which the last good version of each list from an address is kept, so that a start without a network knows
    /// it. Nobody else may write there. Default: /var/cache/otpgate.
    pub cache: Option<Placed<String>>,
    /// What a finding is worth.
    #[serde(default)]
    pub points: PointsSettings,
    /// Rules of your own.
    #[serde(default)]
    pub rules: Many<RuleSettings>,
    /// What the gateway itself has seen.
    #[serde(default)]
    pub behaviour: BehaviourSettings,
    /// Which addresses the gateway itself bans for a while.
    #[serde(default)]
    pub bans: BansSettings,
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

/// Where lists are kept that were fetched: the place of what can be fetched again (Filesystem Hierarchy Standard 3.0, section
/// 5.5), which systemd makes by `CacheDirectory=otpgate`.
const CACHE: &str = "/var/cache/otpgate";

// === impl RiskSettings ===

impl RiskSettings {
    /// What makes a score. Files are read.
    ///
    /// # Errors
    /// When a database or a list cannot be used, or points are no points.
    pub fn scoring(&self, around: &Surroundings<'_>) -> Result<Scoring, Fault> {
        let points = self.points.points()?;
        let cache = self.cache(around)?;
        let lists = self.lists.iter().filter_map(|list| list.of_contacts(&cache, around).transpose());
        let lists = lists.collect::<Result<_, _>>()?;
        let dns = Arc::new(self.dns()?);
        let mut address = self.address_risk(points, &cache, around)?;
        let knows_countries = address.tells(Field::Country);
        let mail = Some(Arc::new(MailDomains::new(Arc::clone(&dns))));
        let contact = ContactRisk { lists, mail, points, knows_countries };
        let subject = SubjectRisk {
            points,
            remember: self.devices.remember(),
            knows_places: knows_countries || address.tells(Field::Latitude),
            knows_systems: address.tells(Field::System),
        };
        address.dns = self.blocklists(dns)?;
        let rules = self.rules(&address)?;
        let (behaviour, bans) = (self.behaviour.behaviour()?, self.bans.bans()?);
        Ok(Scoring { points, address, subject, contact, behaviour, bans, rules })
    }

    fn rules(&self, address: &AddressRisk) -> Result<Vec<Rule>, Fault> {
        let mut rules = Vec::new();
        for (at, written) in self.rules.iter().enumerate() {
            let when = &written.when.value;
            if let Some(country) = when.country.first().filter(|_| !address.tells(Field::Country)) {
                return Err(country.fault("nothing says which country an address is in: add `geoip: {country: …}`"));
            }
            if let Some(system) = when.asn.first().filter(|_| !address.tells(Field::System)) {
                return Err(
                    system.fault("nothing says which autonomous system an address is in: add `geoip: {asn: …}`")
                );
            }
            // A reason is what a rule is known by.
            let name = written.reason.value.trim();
            let is_known = self.lists.iter().any(|list| list.name.value.trim() == name)
                || self.dns_lists.iter().any(|list| list.name.value.trim() == name)
                || self.rules.iter().take(at).any(|rule| rule.reason.value.trim() == name)
                || Finding::ALL.iter().any(|finding| finding.as_str() == name);
            if is_known {
                return Err(written.reason.fault(format!("`{name}` is the name of something else already")));
            }
            rules.push(written.rule()?);
        }
        Ok(rules)
    }

    fn address_risk(&self, points: Points, cache: &Path, around: &Surroundings<'_>) -> Result<AddressRisk, Fault> {
        let databases = self.geoip.open(around)?;
        let says = |field| tell(&databases, field);
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
            if let Some(file) = list.of_addresses(cache, around)? {
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

    fn dns(&self) -> Result<Dns, Fault> {
        self.nameserver.iter().map(dns::name_server).collect::<Result<_, _>>().map(Dns::new)
    }

    fn blocklists(&self, dns: Arc<Dns>) -> Result<Blocklists, Fault> {
        let mut lists = Vec::new();
        for written in self.dns_lists.iter() {
            if lists.len() == Blocklists::MOST {
                return Err(written.name.fault(format!("more than {} DNS lists", Blocklists::MOST)));
            }
            lists.push(written.list()?);
        }
        Ok(Blocklists::new(lists, dns))
    }

    fn cache(&self, around: &Surroundings<'_>) -> Result<PathBuf, Fault> {
        match &self.cache {
            None => Ok(CACHE.into()),
            Some(cache) if cache.value.trim().is_empty() => Err(cache.fault("expected a folder")),
            Some(cache) => Ok(around.path(cache.value.trim().as_ref())),
        }
    }

    /// The signals whose points stand in the config, and where.
    #[must_use]
    pub fn places(&self) -> Vec<(String, Place)> {
        let points = self.points.places().map(|(name, place)| (name.to_owned(), place));
        let lists = self.lists.iter().map(|list| (list.name.value.trim().to_owned(), list.name.place));
        let dns_lists = self.dns_lists.iter().map(|list| (list.name.value.trim().to_owned(), list.name.place));
        let rules = self.rules.iter().map(|rule| (rule.reason.value.trim().to_owned(), rule.reason.place));
        points.chain(lists).chain(dns_lists).chain(rules).collect()
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
