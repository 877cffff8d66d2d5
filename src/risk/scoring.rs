//! Everything that makes a score, as one config has it.

use http::HeaderMap;

use crate::request::CanonicalRequest;
use crate::risk::{AddressRisk, ContactRisk, Points, Risk, SubjectRisk};

/// Everything that makes a score.
#[derive(Debug, Default)]
pub struct Scoring {
    /// What each finding is worth.
    pub points: Points,
    /// What speaks against addresses.
    pub address: AddressRisk,
    /// What speaks against who is known to send a request.
    pub subject: SubjectRisk,
    /// What speaks against contacts.
    pub contact: ContactRisk,
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
    pub fn of(&self, request: &CanonicalRequest, _headers: &HeaderMap) -> Risk {
        let mut risk = Risk { at: self.address.whereabouts(&request.client), ..Risk::default() };
        self.address.judge(&request.client, &mut risk);
        risk
    }
}
