//! What speaks against who is known to send a request: that they come from elsewhere, or with a browser that is new.

use std::time::Duration;

use crate::risk::{Finding, Points, Risk, travel};
use crate::words::{Country, Spot};

/// What speaks against subjects, as the config has it.
#[derive(Debug, Default)]
pub struct SubjectRisk {
    /// What each finding is worth.
    pub points: Points,
    /// How long a browser is remembered; zero is not at all.
    pub remember: Duration,
    /// Whether it is known in which country an address is, or where about.
    pub knows_places: bool,
    /// Whether it is known of which autonomous system an address is.
    pub knows_systems: bool,
}

/// What must be found out of a subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SubjectFacts {
    /// Where the newest of their proofs was made.
    pub proved_at: Option<Spot>,
    /// Where they were last, and how long ago.
    pub last: Option<Trip>,
    /// Whether they answered no code with this browser.
    pub is_new_device: bool,
}

/// A place where somebody was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trip {
    /// The place.
    pub from: Spot,
    /// How long ago.
    pub took: Duration,
}

// === impl SubjectRisk ===

impl SubjectRisk {
    /// Whether browsers are remembered.
    #[must_use]
    pub fn remembers_devices(&self) -> bool {
        self.points.counts(Finding::NewDevice) && !self.remember.is_zero()
    }

    /// Whether it is looked at where a subject was last.
    #[must_use]
    pub fn follows_places(&self) -> bool {
        self.points.counts(Finding::ImpossibleTravel) && self.knows_places
    }

    /// The most that can be found of a subject.
    #[must_use]
    pub fn most(&self) -> u8 {
        let points = |finding, is_on: bool| if is_on { self.points.of(finding) } else { 0 };
        let travel = points(Finding::ImpossibleTravel, self.knows_places);
        let abroad = travel.max(points(Finding::CountryChanged, self.knows_places));
        let network = points(Finding::AsnChanged, self.knows_systems);
        let device = points(Finding::NewDevice, self.remembers_devices());
        abroad.saturating_add(network).saturating_add(device).min(Risk::MOST)
    }

    /// Adds what speaks against a subject, at an address of which `risk` has the whereabouts. Of one that is trusted, or
    /// whose visitor may be anywhere, no place counts.
    pub fn judge(&self, facts: SubjectFacts, risk: &mut Risk) {
        if facts.is_new_device {
            risk.found(Finding::NewDevice, &self.points);
        }
        if risk.trusted_by.is_some() || risk.at.is_veiled() {
            return;
        }
        let here = risk.at.spot();
        if let Some(trip) = facts.last.filter(|trip| !travel::is_possible(&trip.from, &here, trip.took)) {
            risk.found_as(Finding::ImpossibleTravel, &self.points, || told(&trip, &here));
        }
        let Some(then) = facts.proved_at else { return };
        match (then.country, here.country) {
            (Some(then), Some(here)) if then != here => {
                risk.found_as(Finding::CountryChanged, &self.points, || format!("{then} to {here}"));
            }
            _ => {
                if let (Some(then), Some(here)) = (then.system, here.system)
                    && then != here
                {
                    risk.found_as(Finding::AsnChanged, &self.points, || format!("AS{then} to AS{here}"));
                }
            }
        }
    }
}

/// `GB to US, 5570 km in 12 min`
fn told(trip: &Trip, here: &Spot) -> String {
    let country = |country: Option<Country>| country.map_or_else(|| "?".to_owned(), |country| country.to_string());
    let apart = travel::apart(&trip.from, here).unwrap_or_default();
    let minutes = trip.took.as_secs() / 60;
    format!("{} to {}, {apart:.0} km in {minutes} min", country(trip.from.country), country(here.country))
}

#[cfg(test)]
mod tests;
