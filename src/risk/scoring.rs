//! Everything that makes a score, as one config has it.

use http::HeaderMap;

use crate::request::CanonicalRequest;
use crate::risk::{AddressRisk, Bans, Behaviour, ContactRisk, Finding, Points, Risk, robot};

/// Everything that makes a score.
#[derive(Debug, Default)]
pub struct Scoring {
    /// What each finding is worth.
    pub points: Points,
    /// What speaks against addresses.
    pub address: AddressRisk,
    /// What speaks against contacts.
    pub contact: ContactRisk,
    /// What counts as too much of what gateways see; `None` is nothing.
    pub behaviour: Option<Behaviour>,
    /// When an address is banned for a while.
    pub bans: Bans,
}

// === impl Scoring ===

impl Scoring {
    /// Whether anything is looked at, whatever a request asks for.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.address.is_on()
    }

    /// What speaks against a request, whoever sends it.
    #[must_use]
    pub fn of(&self, request: &CanonicalRequest, headers: &HeaderMap) -> Risk {
        let mut risk = Risk { at: self.address.whereabouts(&request.client), ..Risk::default() };
        self.address.judge(&request.client, &mut risk);
        // These are no findings about the address: they count whatever list it is on.
        if let Some(how) = robot::robot(headers) {
            risk.found_as(Finding::Robot, &self.points, || how.to_owned());
        }
        if let Some(what) = robot::hints(request, headers) {
            risk.found_as(Finding::ClientHints, &self.points, || what.to_owned());
        }
        risk
    }
}
