//! The config's `definitions` and the `routes` of a site.

use std::fmt;

use ipnetwork::IpNetwork;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::config::{Fault, Many, Named, Network, Place, Placed, unknown};
use crate::gate::settings::{Policies, host_pattern, reach};
use crate::gate::{BadRoute, Criteria, QueryCriterion, Route, Routes};
use crate::request::{Glob, Networks};
use crate::words::{Country, Policy};

/// What routes refer to by name.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    /// Networks by name.
    #[serde(default)]
    pub networks: Named<Many<Network>>,
}

/// A route: criteria, all of which must hold, and the policy that applies then. The first match wins.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteSettings {
    /// Host names of the site, for a route that is not for all of them.
    #[serde(default)]
    pub host: Many<Placed<String>>,
    /// Globs over the path: `*` within a segment, `**` over any number of them; `/admin/**` is `/admin` and all below.
    #[serde(default)]
    pub path: Many<Placed<String>>,
    /// Regular expressions over the whole path.
    #[serde(default)]
    pub path_regex: Many<Placed<String>>,
    /// Methods.
    #[serde(default)]
    pub methods: Many<Placed<String>>,
    /// Query parameters and the values asked of them.
    #[serde(default)]
    pub query: QuerySettings,
    /// Networks of the client: names out of `definitions.networks`, or networks themselves.
    #[serde(default)]
    pub networks: Many<Placed<String>>,
    /// Countries of the client, by `risk.geoip`. One that is not known never satisfies `bypass`, and always another policy.
    #[serde(default)]
    pub countries: Many<Placed<Country>>,
    /// The policy: `bypass`, `deny`, `otp`, or one of `policies`.
    pub policy: Placed<String>,
}

/// Query parameters: `{page: [billing, refund]}`, or just their names, with any value.
#[derive(Debug, Default)]
pub struct QuerySettings(Vec<(Placed<String>, Vec<String>)>);

/// A route, and where it comes from.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it stands.
    pub place: Place,
    /// Its criteria, in a line for people.
    pub criteria: String,
    /// Its compiled form.
    pub route: Route,
    /// Its networks, which the compiled form keeps to itself.
    pub(super) networks: Vec<IpNetwork>,
}

/// The routes of a site, and where they come from.
#[derive(Debug)]
pub struct Rules {
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The same, compiled.
    pub routes: Routes,
}

// === impl Rules ===

impl Rules {
    /// Compiles the routes of a site.
    ///
    /// # Errors
    /// When one is wrong, or one before it covers it wholly.
    pub fn new(
        settings: &[Placed<RouteSettings>],
        default: Policy,
        policies: &Policies,
        definitions: &Definitions,
    ) -> Result<Self, Fault> {
        let rules: Vec<Rule> =
            settings.iter().map(|route| Rule::new(route, policies, definitions)).collect::<Result<_, _>>()?;
        let compiled = Routes::new(rules.iter().map(|rule| rule.route.clone()).collect(), default);
        let routes = compiled.map_err(|bad| fault_of(&bad, settings))?;
        reach::check(&rules)?;
        Ok(Self { rules, routes })
    }
}

/// The fault of the expression, or of the route, that `bad` means.
fn fault_of(bad: &BadRoute, settings: &[Placed<RouteSettings>]) -> Fault {
    let fault = Fault::new(bad.to_string());
    let expressions = settings.iter().flat_map(|route| route.value.path_regex.iter());
    let guilty = match bad {
        BadRoute::Regex { pattern, .. } => expressions.into_iter().find(|regex| regex.value == *pattern),
        BadRoute::TooMany => None,
    };
    let place = guilty.map(|regex| regex.place).or_else(|| settings.first().map(|route| route.place));
    match place {
        Some(place) => fault.at(place),
        None => fault,
    }
}

// === impl Rule ===

impl Rule {
    fn new(settings: &Placed<RouteSettings>, policies: &Policies, definitions: &Definitions) -> Result<Self, Fault> {
        let route = &settings.value;
        let networks = route.networks(definitions)?;
        let criteria = route.to_string();
        if criteria.is_empty() {
            // P25: a forgotten criterion must not protect, or open, everything.
            return Err(settings.fault("a route without criteria: write `path: /**` if it is to match everything"));
        }
        let compiled = Route {
            paths: route.path.iter().map(|glob| glob.parse(|text| Glob::parse(text))).collect::<Result<_, _>>()?,
            path_regex: route.path_regex.iter().map(|regex| regex.value.clone()).collect(),
            criteria: Criteria {
                hosts: route.host.iter().map(host_pattern).collect::<Result<_, _>>()?,
                methods: route.methods.iter().map(method).collect::<Result<_, _>>()?,
                query: route.query.criteria(),
                networks: if networks.is_empty() { None } else { Some(Networks::new(networks.iter().copied())) },
                countries: route.countries.iter().map(|country| country.value).collect(),
            },
            policy: policies.find(&route.policy)?,
        };
        Ok(Self { place: settings.place, criteria, route: compiled, networks })
    }
}

fn method(text: &Placed<String>) -> Result<http::Method, Fault> {
    let name = text.value.to_ascii_uppercase();
    let token = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    match name.as_str() {
        "CONNECT" | "TRACE" | "TRACK" => Err(text.fault(format!("`{name}` is never served: it needs no route"))),
        _ => match http::Method::from_bytes(name.as_bytes()) {
            Ok(method) if token => Ok(method),
            _ => Err(text.fault("expected a method, such as `GET` or `POST`")),
        },
    }
}

// === impl RouteSettings ===

impl RouteSettings {
    fn networks(&self, definitions: &Definitions) -> Result<Vec<IpNetwork>, Fault> {
        let mut networks = Vec::new();
        for wanted in self.networks.iter() {
            match definitions.networks.get(&wanted.value) {
                Some(named) => networks.extend(named.iter().map(|network| network.0)),
                None if wanted.value.contains(['.', ':', '/']) => {
                    networks.push(wanted.parse(|text| text.parse::<Network>())?.0);
                }
                None => return Err(wanted.fault(unknown("network", &wanted.value, definitions.networks.names()))),
            }
        }
        Ok(networks)
    }
}

/// The criteria in a line for people: `path /transfer, methods POST`.
impl fmt::Display for RouteSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |values: &[Placed<String>]| values.iter().map(|v| v.value.as_str()).collect::<Vec<_>>().join(" | ");
        let query = self.query.to_string();
        let countries = self.countries.iter().map(|country| country.value.to_string()).collect::<Vec<_>>().join(" | ");
        let parts = [
            ("host", list(&self.host)),
            ("path", list(&self.path)),
            ("path_regex", list(&self.path_regex)),
            ("methods", list(&self.methods)),
            ("query", query),
            ("networks", list(&self.networks)),
            ("countries", countries),
        ];
        let parts: Vec<_> =
            parts.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| format!("{name} {text}")).collect();
        f.write_str(&parts.join(", "))
    }
}

// === impl QuerySettings ===

impl QuerySettings {
    fn criteria(&self) -> Vec<QueryCriterion> {
        let criterion = |(name, values): &(Placed<String>, Vec<String>)| QueryCriterion {
            name: name.value.clone(),
            values: values.clone(),
        };
        self.0.iter().map(criterion).collect()
    }
}

impl fmt::Display for QuerySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, values)) in self.0.iter().enumerate() {
            let and = if index > 0 { " & " } else { "" };
            match values.as_slice() {
                [] => write!(f, "{and}{}", name.value)?,
                values => write!(f, "{and}{}={}", name.value, values.join("|"))?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for QuerySettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QueryVisitor)
    }
}

struct QueryVisitor;

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = QuerySettings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names and values such as `{page: billing}`, or names alone")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<QuerySettings, E> {
        let name = Placed { value: name.to_owned(), place: Place::START };
        Ok(QuerySettings(vec![(name, Vec::new())]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<QuerySettings, A::Error> {
        let names = Vec::<Placed<String>>::deserialize(SeqAccessDeserializer::new(list))?;
        if names.is_empty() {
            return Err(de::Error::custom("the list is empty: leave the key out"));
        }
        Ok(QuerySettings(names.into_iter().map(|name| (name, Vec::new())).collect()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<QuerySettings, A::Error> {
        let entries = Named::<Many<String>>::deserialize(MapAccessDeserializer::new(map))?;
        if entries.iter().next().is_none() {
            return Err(de::Error::custom("no parameter is named: leave the key out"));
        }
        Ok(QuerySettings(entries.iter().map(|(name, values)| (name.clone(), values.to_vec())).collect()))
    }
}

impl JsonSchema for QuerySettings {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "QuerySettings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = generator.subschema_for::<Many<String>>();
        let values = generator.subschema_for::<Named<Many<String>>>();
        json_schema!({"anyOf": [names, values]})
    }
}
