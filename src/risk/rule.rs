//! Rules of the operator's own: what they look for, what that is worth, and what people are told of it.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Named, Placed};
use crate::request::{CanonicalRequest, Glob};
use crate::risk::finding::worth;
use crate::risk::wild::{Wild, folded};
use crate::risk::{Name, Risk};
use crate::words::Country;

/// A rule: conditions, all of which must hold, and what it is worth then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// What is looked for; all of it must hold.
    pub when: Placed<WhenSettings>,
    /// What it is worth, 1 to 100.
    pub points: Placed<u8>,
    /// What people are told of it: a few words, in logs, metrics and to the application.
    pub reason: Placed<String>,
}

/// What a rule looks for; all of it must hold, and of each list one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhenSettings {
    /// Countries of the address.
    #[serde(default)]
    pub country: Many<Placed<Country>>,
    /// Autonomous systems of the address: `AS64496`, or its number.
    #[serde(default)]
    pub asn: Many<Placed<String>>,
    /// Headers and what they hold: `*` stands for anything, case means nothing.
    #[serde(default)]
    pub header: Named<Many<Placed<String>>>,
    /// Headers that are not there.
    #[serde(default)]
    pub no_header: Many<Placed<String>>,
    /// Globs over the path, without regard to case.
    #[serde(default)]
    pub path: Many<Placed<String>>,
}

/// A rule, compiled.
#[derive(Debug)]
pub struct Rule {
    countries: Vec<Country>,
    /// Sorted.
    systems: Vec<u32>,
    paths: Vec<Glob>,
    headers: Vec<(HeaderName, Vec<Wild>)>,
    missing: Vec<HeaderName>,
    points: u8,
    reason: Arc<str>,
}

/// The longest reason, in characters: it goes into log lines and labels.
const REASON: usize = 80;

// === impl Rule ===

impl Rule {
    /// What it says of a request, whose whereabouts `risk` has. Nothing that is about an address counts for one that is
    /// trusted.
    pub(super) fn judge(&self, request: &CanonicalRequest, headers: &HeaderMap, risk: &mut Risk) {
        if risk.trusted_by.is_some() && self.is_about_address() {
            return;
        }
        // The cheapest first.
        let at = risk.at;
        let holds = (self.countries.is_empty() || at.country.is_some_and(|country| self.countries.contains(&country)))
            && (self.systems.is_empty() || at.system.is_some_and(|system| self.systems.binary_search(&system).is_ok()))
            && self.missing.iter().all(|name| !headers.contains_key(name))
            && (self.paths.is_empty() || self.paths.iter().any(|glob| glob.matches(request.path.folded())))
            && self.headers.iter().all(|(name, wanted)| {
                let any = |value: &[u8]| wanted.iter().any(|pattern| pattern.matches(value));
                headers.get_all(name).iter().any(|value| folded(value.as_bytes(), any))
            });
        if holds {
            risk.add(Name::Rule(Arc::clone(&self.reason)), self.points, String::new);
        }
    }

    /// Whether it looks for headers that are not there, of which a log says nothing.
    #[must_use]
    pub const fn misses_headers(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Whether it asks where an address is.
    #[must_use]
    pub fn is_about_address(&self) -> bool {
        !self.countries.is_empty() || !self.systems.is_empty()
    }
}

// === impl RuleSettings ===

impl RuleSettings {
    /// The rule.
    ///
    /// # Errors
    /// When it looks for nothing, or for what cannot be.
    pub fn rule(&self) -> Result<Rule, Fault> {
        let when = &self.when.value;
        let points = worth(Some(&self.points), 0)?;
        if points == 0 {
            return Err(self.points.fault("a rule that is worth nothing says nothing: expected 1 to 100"));
        }
        let reason = self.reason.value.trim();
        let is_plain = !reason.is_empty() && reason.chars().count() <= REASON && !reason.chars().any(char::is_control);
        if !is_plain || reason.contains([',', ';']) {
            let wrong = format!("expected a few words, without commas and semicolons, {REASON} characters at most");
            return Err(self.reason.fault(wrong));
        }
        let mut systems = when.asn.iter().map(system).collect::<Result<Vec<_>, _>>()?;
        systems.sort_unstable();
        let header = |(name, patterns): (&Placed<String>, &Many<Placed<String>>)| {
            Ok((header_name(name)?, patterns.iter().map(|pattern| Wild::new(&pattern.value)).collect()))
        };
        let rule = Rule {
            countries: when.country.iter().map(|country| country.value).collect(),
            systems,
            paths: when
                .path
                .iter()
                .map(|glob| glob.parse(|text| Glob::parse(text)).map(|glob| glob.folded()))
                .collect::<Result<_, _>>()?,
            headers: when.header.iter().map(header).collect::<Result<_, _>>()?,
            missing: when.no_header.iter().map(header_name).collect::<Result<_, _>>()?,
            points,
            reason: reason.into(),
        };
        if rule.looks_for_nothing() {
            return Err(self
                .when
                .fault("what does it look for? add `country`, `asn`, `header`, `no_header` or `path`"));
        }
        Ok(rule)
    }
}

impl Rule {
    const fn looks_for_nothing(&self) -> bool {
        self.countries.is_empty()
            && self.systems.is_empty()
            && self.paths.is_empty()
            && self.headers.is_empty()
            && self.missing.is_empty()
    }
}

fn system(written: &Placed<String>) -> Result<u32, Fault> {
    let text = written.value.trim();
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    match digits.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(written.fault("expected an autonomous system, such as AS64496")),
    }
}

fn header_name(written: &Placed<String>) -> Result<HeaderName, Fault> {
    written.parse(|name| {
        HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| "expected the name of a header, such as `User-Agent`")
    })
}

#[cfg(test)]
mod tests;
