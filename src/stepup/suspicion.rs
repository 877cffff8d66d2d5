//! What speaks against who is known to send a request: from here, and with this browser.

use std::sync::Arc;

use crate::gate::Why;
use crate::risk::{Finding, Risk, SubjectFacts};
use crate::stepup::contacts::Known;
use crate::stepup::identify::Who;
use crate::stepup::judge::Case;
use crate::stepup::{Gateway, Ruling, Site};
use crate::words::{Address, Contact, Country, Policy, Proof, StepUp};

impl Gateway {
    /// Whether what can be found of a subject could change what becomes of a request whose score is below `challenge_at`: then
    /// it must be known whose it is before it passes for being low.
    pub(super) fn may_rise(&self, site: &Site, policy: &Policy, score: u8) -> bool {
        let Policy::StepUp(policy) = policy else { return false };
        let more = self.scoring.subject.most().saturating_add(self.seen_of_subjects(site));
        score.saturating_add(more) >= policy.challenge_at.min(policy.deny_at)
    }

    /// Adds what speaks against the subject of a request. False when not all could be found out: then the score is no
    /// reason to let anybody pass (I2).
    pub(super) async fn suspect(&self, case: &mut Case<'_>, policy: &StepUp, who: &Who, proofs: &[Proof]) -> bool {
        // Whoever holds the contact in a form was never here before.
        let Some(subject) = who.named() else { return true };
        let scoring = &self.scoring.subject;
        let (site, visit) = (case.site, case.visit);
        let hash = self.subject_hash(site, subject);
        self.behaviour_of(site, hash, &mut case.risk);
        let trip = match scoring.follows_places() {
            true => self.trip(site, hash, &case.risk).await,
            false => Ok(None),
        };
        let facts = SubjectFacts {
            proved_at: proofs.iter().max_by_key(|proof| proof.at).map(|proof| proof.spot),
            last: trip.as_ref().ok().copied().flatten(),
            is_new_device: scoring.remembers_devices() && self.owned(site, visit, policy, hash).is_none(),
        };
        scoring.judge(facts, &mut case.risk);
        if let Err(error) = &trip {
            tracing::warn!(%error, "it is not known where a subject was last");
        }
        trip.is_ok()
    }

    /// Adds what speaks against a request by what the directory says, which is asked when a challenge is put. An error is the
    /// refusal of one whose score reaches `deny_at` by that.
    pub(super) fn suspect_contacts(
        &self,
        case: &mut Case<'_>,
        policy: &Arc<StepUp>,
        who: &Who,
        known: &Known,
    ) -> Result<(), Box<Ruling>> {
        let Some(subject) = who.named().filter(|_| case.form.is_none()) else { return Ok(()) };
        if self.scoring.subject.remembers_devices()
            && let Some(owned) = self.owned(case.site, case.visit, policy, self.subject_hash(case.site, subject))
            && !known.contacts.iter().any(|contact| self.contact_hash(contact) == owned.contact)
        {
            // Whoever answered a code with this browser has a contact that is not the account's any more (C15).
            case.risk.found(Finding::NewDevice, &self.scoring.points);
        }
        let mut abroad = known.contacts.iter().filter_map(|contact| self.phone_abroad(contact, &case.risk)).peekable();
        if let Some(Some((number, visitor))) = abroad.peek().copied()
            && abroad.all(|number| number.is_some())
        {
            self.scoring.contact.abroad(number, visitor, &mut case.risk);
        }
        if case.risk.score() < policy.deny_at {
            return Ok(());
        }
        Err(Box::new(self.refuse(case, &Policy::StepUp(Arc::clone(policy)), Why::HighScore)))
    }

    /// Of a telephone number whose country is known: that, and the other country that the visitor is in, if it is another.
    /// `None` for what is no such number, or where nobody knows where the visitor is.
    pub(super) fn phone_abroad(&self, contact: &Contact, risk: &Risk) -> Option<Option<(Country, Country)>> {
        if !self.scoring.contact.compares() || risk.trusted_by.is_some() || risk.at.is_veiled() {
            return None;
        }
        let Address::Phone(number) = contact.address() else { return None };
        let (number, visitor) = (self.delivery.facts(number).country?, risk.at.country?);
        Some((number != visitor).then_some((number, visitor)))
    }
}
