//! Everything that makes a score, as one config has it.

use std::sync::Arc;

use http::HeaderMap;

use crate::audit::RiskMetrics;
use crate::request::{CanonicalRequest, RequestKind};
use crate::risk::{
    AddressRisk, Bans, Behaviour, ContactRisk, DatabaseFile, DatabaseState, Finding, ListState, Points, Remote,
    Renewed, Risk, Rule, SubjectRisk, robot,
};

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
    /// Rules of the operator's own.
    pub rules: Vec<Rule>,
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
        self.address.is_on() || !self.rules.is_empty()
    }

    /// What speaks against a request, whoever sends it.
    #[must_use]
    pub fn of(&self, request: &CanonicalRequest, headers: &HeaderMap) -> Risk {
        let mut risk = Risk { at: self.address.whereabouts(&request.client), ..Risk::default() };
        self.address.judge(&request.client, &mut risk);
        self.rules.iter().for_each(|rule| rule.judge(request, headers, &mut risk));
        // These are no findings about the address: they count whatever list it is on.
        // Clients of an API are programs, and may say so.
        if let (RequestKind::Navigation, Some(how)) = (request.kind, robot::robot(headers)) {
            risk.found_as(Finding::Robot, &self.points, || how.to_owned());
        }
        if let Some(what) = robot::hints(request, headers) {
            risk.found_as(Finding::ClientHints, &self.points, || what.to_owned());
        }
        risk
    }

    /// Reads again what has changed, of files and of lists that were fetched. What cannot be used is left as it was, and told
    /// once. Takes a while: call it where nobody waits.
    pub fn renew(&self) -> Vec<Renewed> {
        let mut renewed = self.address.renew();
        renewed.extend(self.contact.renew());
        renewed
    }

    /// The lists that are to be fetched from addresses.
    pub fn remotes(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.address.sources().chain(self.contact.sources()).filter_map(|source| source.as_remote())
    }

    /// Goes on with what an old config knows of the same addresses, so that nothing is fetched again because of a reload. Gives
    /// whether there is something to be read ([`Scoring::renew`]) before this takes its place.
    #[must_use]
    pub fn take_over(&mut self, old: &Self) -> bool {
        let addresses = self.address.take_over(&old.address);
        self.contact.take_over(&old.contact) || addresses
    }

    /// Begins to ask what is asked beside the road. Within the runtime.
    pub fn start(&self, metrics: &RiskMetrics) {
        self.address.dns.start(metrics);
    }

    /// How its lists stand.
    pub fn lists(&self) -> impl Iterator<Item = ListState> {
        self.address.list_states().chain(self.contact.list_states())
    }

    /// How its databases stand.
    pub fn databases(&self) -> impl Iterator<Item = DatabaseState> {
        self.address.databases.iter().map(DatabaseFile::state)
    }
}

#[cfg(test)]
mod tests;
