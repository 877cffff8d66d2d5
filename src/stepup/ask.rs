//! Asking a visitor whom no other source names for an e-mail address.
//!
//! An address that is not allowed is answered like one that is: the same page, the same counting, the same time; only
//! nothing is sent, and no code is right (I7, O25).

use crate::challenge::Asked;
use crate::identity::{Ask, Source};
use crate::stepup::challenge::{Opening, Park};
use crate::stepup::steps::{Mine, NotMine};
use crate::stepup::{Arrival, Gateway, Outage, Sending, Site, Visit};
use crate::store::Opened;
use crate::words::{BadContact, ChallengeId, Channel, Contact, EmailAddress};

impl Gateway {
    /// A visitor types an address on the page of a challenge of nobody. What follows is a challenge of that address,
    /// which takes the parked request along; its code is sent at once.
    ///
    /// # Errors
    /// The outer one when the store does not answer, the inner one when `typed` is no e-mail address.
    pub async fn ask(
        &self,
        site: &Site,
        visit: &Visit,
        id: Option<ChallengeId>,
        typed: &str,
    ) -> Result<Result<Sending, BadContact>, Outage> {
        let Mine { challenge, particulars, browser, .. } = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(Ok(Sending::Not(arrival))),
            Err(NotMine::Outage(outage)) => return Err(outage),
        };
        if particulars.asked != Asked::Nobody {
            return Ok(Ok(Sending::Not(Arrival::Standing(Box::new(self.standing_of(challenge, &particulars))))));
        }
        let address = match EmailAddress::parse(typed) {
            Ok(address) => address,
            Err(bad) => return Ok(Err(bad)),
        };
        let allowed = site.spec.sources.iter().any(|source| matches!(source, Source::Ask(ask) if ask.allows(&address)));
        let (Ok(subject), Ok(contact)) = (Ask::subject(&address), Contact::parse(Channel::Email, address.reveal()))
        else {
            return Ok(Err(BadContact::Email));
        };
        let opening = Opening {
            id: self.shared.challenge_id(),
            browser,
            parking: particulars.parked.map_or(Park::None, Park::Inherit),
            likeness: self.keys.hash("typed", &[challenge.id.as_bytes(), subject.as_str().as_bytes()]),
            reference: challenge.reference,
            particulars: particulars.for_typed(&subject, allowed, &contact),
        };
        let id = match self.open(site, &opening).await? {
            Opened::New => opening.id,
            Opened::Same(id) => id,
            Opened::Full => return Ok(Ok(Sending::Crowded(opening.reference))),
        };
        self.send(site, visit, Some(id), None, false).await.map(Ok)
    }
}
