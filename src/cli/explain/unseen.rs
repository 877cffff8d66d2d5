//! What has a say in a score and is not known where there is no visitor: cookies, the store, DNS and forms.

use crate::risk::Finding;
use crate::server::Plan;

/// What is not known here, in a few words each. Of users whom a log names it is known where they come from: `follows`.
pub(super) fn unseen(plan: &Plan, has_form: bool, follows: bool) -> Vec<String> {
    let scoring = &plan.scoring;
    let (subject, contact) = (&scoring.subject, &scoring.contact);
    let counts = |finding| scoring.points.counts(finding);
    let mut unseen = Vec::new();
    let findings: Vec<&str> = [
        (Finding::CountryChanged, !follows && subject.knows_places && counts(Finding::CountryChanged)),
        (Finding::AsnChanged, !follows && subject.knows_systems && counts(Finding::AsnChanged)),
        (Finding::ImpossibleTravel, !follows && subject.follows_places()),
        (Finding::NewDevice, subject.remembers_devices()),
        (Finding::PhoneCountry, contact.compares()),
    ]
    .into_iter()
    .filter_map(|(finding, is_on)| is_on.then_some(finding.as_str()))
    .collect();
    if !findings.is_empty() {
        unseen.push(format!("what cookies and the store tell of the visitor: {}", findings.join(", ")));
    }
    if !scoring.address.dns.is_empty() {
        let names: Vec<&str> = scoring.address.dns.iter().map(|list| &*list.zone.name).collect();
        unseen.push(format!("the DNS lists that the address is on: {}", names.join(", ")));
    }
    if has_form && contact.is_on() {
        unseen.push("what speaks against the contact in the form".to_owned());
    }
    if scoring.behaviour.is_some() || scoring.bans.is_on() {
        unseen.push("what gateways have seen of the address and the subject".to_owned());
    }
    unseen
}
