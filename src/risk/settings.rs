//! The config's `risk`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, NotYet, Placed, Surroundings};
use crate::risk::{ContactRisk, List, ListKind, Risk};

/// What makes the score of a request. So far a score is made of the contact that a visitor types into a form.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RiskSettings {
    /// Lists of what is known to be bad.
    #[serde(default)]
    pub lists: Many<ListSettings>,
    /// What a finding is worth.
    #[serde(default)]
    pub points: PointsSettings,
    #[schemars(skip)]
    pub geoip: Option<NotYet>,
    #[schemars(skip)]
    pub expect_countries: Option<NotYet>,
}

/// A list of what is known to be bad.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ListSettings {
    /// Its name in logs.
    pub name: Placed<String>,
    /// What it is of.
    pub kind: ListKindSettings,
    /// Its file: one entry a line, `#` begins a comment; read again with the config.
    pub source: Placed<String>,
    /// What being on it is worth, 0 to 100.
    pub points: Placed<u8>,
    #[schemars(skip)]
    pub refresh: Option<NotYet>,
}

/// What a list is of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum ListKindSettings {
    /// Domains of e-mail addresses, such as disposable ones, each with everything below it.
    EmailDomain,
    /// Phone numbers in E.164, such as disposable ones.
    Phone,
    #[schemars(skip)]
    Network(NotYet),
}

/// What a finding is worth, 0 to 100 each.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PointsSettings {
    /// A number on the internet, by its range. Default 0.
    pub voip_number: Option<Placed<u8>>,
    /// A contact that others proved at the site within 30 days. Default 0.
    pub contact_reused: Option<Placed<u8>>,
    #[schemars(skip)]
    pub country_unexpected: Option<NotYet>,
    #[schemars(skip)]
    pub hosting_network: Option<NotYet>,
    #[schemars(skip)]
    pub country_changed: Option<NotYet>,
    #[schemars(skip)]
    pub impossible_travel: Option<NotYet>,
    #[schemars(skip)]
    pub new_device: Option<NotYet>,
}

// === impl RiskSettings ===

impl RiskSettings {
    /// What speaks against contacts. Files are read.
    ///
    /// # Errors
    /// When a list cannot be read, or points are no points.
    pub fn contact_risk(&self, around: &Surroundings<'_>) -> Result<ContactRisk, Fault> {
        Ok(ContactRisk {
            lists: self.lists.iter().map(|list| list.read(around)).collect::<Result<_, _>>()?,
            voip_number: points(self.points.voip_number.as_ref())?,
            contact_reused: points(self.points.contact_reused.as_ref())?,
        })
    }
}

impl ListSettings {
    fn read(&self, around: &Surroundings<'_>) -> Result<List, Fault> {
        let kind = match &self.kind {
            ListKindSettings::EmailDomain => ListKind::EmailDomain,
            ListKindSettings::Phone => ListKind::Phone,
            ListKindSettings::Network(never) => match *never {},
        };
        let name = self.name.value.trim();
        if name.is_empty() {
            return Err(self.name.fault("a list needs a name"));
        }
        let shown = &self.source.value;
        if shown.contains("://") {
            return Err(self.source.fault("lists from addresses are not available yet: name a file"));
        }
        let text = std::fs::read_to_string(around.path(shown.as_ref()))
            .map_err(|error| self.source.fault(format!("the file `{shown}` cannot be read: {error}")))?;
        List::parse(name, kind, points(Some(&self.points))?, &text)
            .map_err(|bad| self.source.fault(format!("`{shown}`: {bad}")))
    }
}

fn points(written: Option<&Placed<u8>>) -> Result<u8, Fault> {
    match written {
        Some(points) if points.value > Risk::MOST => Err(points.fault("expected points from 0 to 100")),
        points => Ok(points.map_or(0, |points| points.value)),
    }
}
