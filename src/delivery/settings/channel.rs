//! The keys of a channel: who carries its messages, and how one of them is chosen.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::config::{Fault, Many, Named, Placed, Share, did_you_mean, unknown};
use crate::delivery::settings::ProviderSettings;
use crate::delivery::{BestRules, ChannelSpec, CountrySpec, ProviderSpec, Strategy, number};
use crate::words::{Channel, Country};

/// The providers of a channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// Their names, in the order in which `priority` tries them.
    pub providers: Many<Placed<String>>,
    /// How one is chosen. Default: priority.
    pub strategy: Option<StrategySettings>,
    /// How `best` chooses.
    pub best: Option<Placed<BestSettings>>,
    /// Where messages go, and what is different for a country.
    pub countries: Option<Placed<CountriesSettings>>,
}

/// How a provider is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StrategySettings {
    /// In the order in which they are named.
    Priority,
    /// The cheapest first: by `prices`, or by what receipts tell.
    Cheapest,
    /// The one whose codes come back most often, measured.
    Best,
}

/// How `best` chooses.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BestSettings {
    /// A provider of which surely a smaller share of codes comes back is used only when no other takes a message. Default 0.
    pub floor: Option<Placed<Share>>,
    /// The share of messages that go to another provider above the floor, so that all stay measured, up to 50%. Default 1%.
    pub explore: Option<Placed<Share>>,
}

/// Where messages go, and what is different for a country: `{allow: [MY, SG], MY: {providers: [b, a]}}`.
#[derive(Debug, Default)]
pub struct CountriesSettings {
    /// The only countries to which messages go.
    pub allow: Many<Placed<Country>>,
    /// Countries to which none go.
    pub deny: Many<Placed<Country>>,
    /// What is different for a country.
    pub own: Vec<(Placed<Country>, CountrySettings)>,
}

/// What is different for a country.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountrySettings {
    /// Other providers, in another order.
    #[serde(default)]
    pub providers: Many<Placed<String>>,
    /// Another way to choose.
    pub strategy: Option<StrategySettings>,
}

/// The names of the keys of `countries` that are no country.
const ALLOW: &str = "allow";
const DENY: &str = "deny";

// === impl ChannelSettings ===

impl ChannelSettings {
    /// What these keys mean.
    pub(super) fn spec(
        &self,
        channel: Channel,
        providers: &[ProviderSpec],
        named: &Named<ProviderSettings>,
    ) -> Result<ChannelSpec, Fault> {
        let find = |names: &[Placed<String>]| find(channel, names, providers, named);
        let rules = self.rules()?;
        let strategy = |settings| match settings {
            StrategySettings::Priority => Strategy::Priority,
            StrategySettings::Cheapest => Strategy::Cheapest,
            StrategySettings::Best => Strategy::Best(rules),
        };
        let mut spec = ChannelSpec::new(channel, find(&self.providers)?);
        spec.strategy = self.strategy.map(strategy).unwrap_or_default();
        let Some(written) = &self.countries else { return Ok(spec) };
        if channel == Channel::Email {
            return Err(written.fault("an e-mail goes to no country: leave `countries` out"));
        }
        let CountriesSettings { allow, deny, own } = &written.value;
        spec.allow = allow.iter().map(real).collect::<Result<_, _>>()?;
        spec.deny = deny.iter().map(real).collect::<Result<_, _>>()?;
        for (country, own) in own {
            let known = real(country)?;
            if spec.countries.iter().any(|(other, _)| *other == known) {
                return Err(country.fault(format!("the country {known} stands here twice")));
            }
            if spec.deny.contains(&known) || !(spec.allow.is_empty() || spec.allow.contains(&known)) {
                return Err(country.fault(format!("no message goes to {known}: `allow` or `deny` does not let it")));
            }
            let others = if own.providers.is_empty() { None } else { Some(find(&own.providers)?) };
            spec.countries.push((known, CountrySpec { providers: others, strategy: own.strategy.map(strategy) }));
        }
        Ok(spec)
    }

    /// The names of every provider that is used.
    pub fn used(&self) -> impl Iterator<Item = &Placed<String>> {
        self.providers.iter().chain(self.own().flat_map(|(_, own)| own.providers.iter()))
    }

    fn own(&self) -> impl Iterator<Item = &(Placed<Country>, CountrySettings)> {
        self.countries.iter().flat_map(|countries| &countries.value.own)
    }

    fn rules(&self) -> Result<BestRules, Fault> {
        let Some(written) = &self.best else { return Ok(BestRules::default()) };
        let mut strategies = self.own().map(|(_, own)| own.strategy).chain([self.strategy]);
        if !strategies.any(|strategy| strategy == Some(StrategySettings::Best)) {
            return Err(written.fault("`best` says how `strategy: best` chooses, and nothing chooses so"));
        }
        let BestSettings { floor, explore } = written.value;
        let mut rules = BestRules::default();
        if let Some(floor) = floor {
            rules.floor = floor.value.0;
        }
        if let Some(explore) = explore {
            if explore.value.0 > 0.5 {
                return Err(explore.fault("expected at most 50%: the rest is for the best one"));
            }
            rules.explore = explore.value.0;
        }
        Ok(rules)
    }
}

/// The providers of these names, which must serve the channel.
fn find(
    channel: Channel,
    names: &[Placed<String>],
    providers: &[ProviderSpec],
    named: &Named<ProviderSettings>,
) -> Result<Vec<Arc<str>>, Fault> {
    let mut found: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for name in names {
        let Some(provider) = providers.iter().find(|provider| *provider.name == *name.value) else {
            return Err(name.fault(unknown("provider", &name.value, named.names())));
        };
        if let Some(lacking) = provider.kind.lacks(channel) {
            return Err(name.fault(format!("`{}` cannot carry {channel}: it needs {lacking}", name.value)));
        }
        if !provider.kind.serves(channel) {
            return Err(name.fault(format!("`{}` cannot carry {channel}", name.value)));
        }
        if found.contains(&provider.name) {
            return Err(name.fault(format!("`{}` stands here twice", name.value)));
        }
        found.push(Arc::clone(&provider.name));
    }
    Ok(found)
}

/// The country, if any telephone number is of it: a rule for `UK` would never hold.
pub(super) fn real(country: &Placed<Country>) -> Result<Country, Fault> {
    let known = country.value;
    if number::has_numbers(known) {
        return Ok(known);
    }
    // What people write for what ISO 3166 calls otherwise.
    let meant = match known.as_str() {
        "UK" | "EN" => ": write GB",
        "EL" => ": write GR",
        _ => "",
    };
    Err(country.fault(format!("no telephone number is of a country {known}{meant}")))
}

// === impl CountriesSettings ===

impl<'de> Deserialize<'de> for CountriesSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Countries)
    }
}

/// A key of `countries`.
enum Key {
    Allow,
    Deny,
    Of(Country),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            ALLOW => Ok(Self::Allow),
            DENY => Ok(Self::Deny),
            other => other.parse().map(Self::Of).map_err(|_| {
                let hint = did_you_mean(other, [ALLOW, DENY]);
                let hint = if hint.is_empty() { ": expected `allow`, `deny` or a country such as MY" } else { &hint };
                de::Error::custom(format!("unknown key `{other}`{hint}"))
            }),
        }
    }
}

struct Countries;

impl<'de> Visitor<'de> for Countries {
    type Value = CountriesSettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`allow`, `deny` and countries such as MY with their settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut settings = CountriesSettings::default();
        while let Some(Placed { value: key, place }) = map.next_key::<Placed<Key>>()? {
            match key {
                Key::Allow => settings.allow = map.next_value()?,
                Key::Deny => settings.deny = map.next_value()?,
                Key::Of(value) => settings.own.push((Placed { value, place }, map.next_value()?)),
            }
        }
        Ok(settings)
    }
}

impl JsonSchema for CountriesSettings {
    fn schema_name() -> Cow<'static, str> {
        "CountriesSettings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let list = generator.subschema_for::<Many<Country>>();
        let own = generator.subschema_for::<CountrySettings>();
        json_schema!({
            "description": "Where messages go, and what is different for a country.",
            "type": "object",
            "properties": {
                "allow": {"description": "The only countries to which messages go.", "allOf": [list]},
                "deny": {"description": "Countries to which none go.", "allOf": [list]},
            },
            "patternProperties": {"^[A-Za-z]{2}$": own},
            "additionalProperties": false,
        })
    }
}
