//! What a visitor does on the portal: arrive, send, type a code.

use crate::audit::{Event, Kind};
use crate::challenge::{Asked, Particulars};
use crate::request::{RequestKind, is_prefetch};
use crate::seal::Purpose;
use crate::stepup::challenge::{Opening, Park};
use crate::stepup::identify::Unknown;
use crate::stepup::judge::about;
use crate::stepup::{Arrival, Choice, Gateway, Outage, Reached, Sending, Site, Standing, Visit};
use crate::store::{Challenge, Found, Lock, Opened, State, StoreError};
use crate::words::{BrowserId, ChallengeId, Channel, Contact, KeyedHash, SendWhen};

/// A challenge of this very visitor, opened.
pub(super) struct Mine {
    pub challenge: Challenge,
    pub particulars: Particulars,
    pub browser: BrowserId,
    /// The subject, hashed as it stands in the store.
    pub subject: KeyedHash,
}

/// What keeps a visitor from a challenge.
pub(super) enum NotMine {
    Arrival(Arrival),
    Outage(Outage),
}

impl From<StoreError> for NotMine {
    fn from(error: StoreError) -> Self {
        Self::Outage(error.into())
    }
}

impl Gateway {
    /// A visitor opens the page of a challenge. On the first arrival that is no prefetch the code goes out, if the
    /// policy says so and there is just one contact; never again on a reload (O21). A provider's page is opened only when
    /// the visitor asks for it.
    ///
    /// # Errors
    /// When the store does not answer, or what would tell who is asking.
    pub async fn arrive(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Arrival, Outage> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(arrival),
            Err(NotMine::Outage(outage)) => return Err(outage),
        };
        let first = mine.challenge.state == State::Open && mine.particulars.send == SendWhen::OnArrival;
        let reached = self.reached(&mine.particulars.contacts());
        if let [only] = &reached[..]
            && only.channel != Channel::Hosted
            && first
            && is_arrival(visit)
        {
            let choice = Choice { channel: only.channel, contact: only.contact };
            return Ok(match self.send_mine(site, visit, mine, Some(choice)).await? {
                Sending::Sent(standing) | Sending::Renewed(standing) => Arrival::Standing(standing),
                Sending::Undelivered(standing, class) => Arrival::Undelivered(standing, class),
                Sending::OutOfMoney(standing, wait) => Arrival::OutOfMoney(standing, wait),
                Sending::Paused(standing, wait) => Arrival::Paused(standing, wait),
                // The page was opened twice at once, and the other one sent it (X07).
                Sending::TooMany(standing, _) if standing.state == State::Sent => Arrival::Standing(standing),
                Sending::TooMany(standing, wait) => Arrival::TooMany(standing, wait),
                Sending::Locked(standing, _)
                | Sending::Expired(standing)
                | Sending::Passed(standing)
                | Sending::NoSuchContact(standing) => Arrival::Standing(standing),
                Sending::Crowded(_) => Arrival::Nothing,
                Sending::Not(arrival) => arrival,
            });
        }
        let Mine { challenge, particulars, .. } = mine;
        if reached.is_empty() && challenge.state == State::Open && particulars.asked != Asked::Nobody {
            let event = Event::new(Kind::NoContact, challenge.reference).policy(&particulars.policy);
            let event = if particulars.usable_at.is_some() { event.reason("contact_cooldown") } else { event };
            self.note(about(site, visit, event)).await;
        }
        Ok(Arrival::Standing(Box::new(self.standing_now(site, challenge, &particulars).await?)))
    }

    /// Where a challenge stands, for this very visitor. Sends nothing and counts nothing.
    ///
    /// # Errors
    /// When the store does not answer, or what would tell who is asking.
    pub async fn look(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Arrival, Outage> {
        match self.mine(site, visit, id).await {
            Ok(Mine { challenge, particulars, .. }) => {
                Ok(Arrival::Standing(Box::new(self.standing_now(site, challenge, &particulars).await?)))
            }
            Err(NotMine::Arrival(arrival)) => Ok(arrival),
            Err(NotMine::Outage(outage)) => Err(outage),
        }
    }

    /// A visitor asks for a code, or for it again. With `renew`, a challenge whose time or tries are over is replaced by
    /// a new one that takes the parked request along.
    ///
    /// # Errors
    /// When the store does not answer, or what would tell who is asking.
    pub async fn send(
        &self,
        site: &Site,
        visit: &Visit,
        id: Option<ChallengeId>,
        choice: Option<Choice>,
        renew: bool,
    ) -> Result<Sending, Outage> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(Sending::Not(arrival)),
            Err(NotMine::Outage(outage)) => return Err(outage),
        };
        let over = matches!(mine.challenge.state, State::Expired | State::Locked(Lock::Challenge));
        if !(renew && over) {
            return Ok(self.send_mine(site, visit, mine, choice).await?);
        }
        let opening = Opening {
            browser: mine.browser,
            parking: mine.challenge.parked.map_or(Park::None, Park::Adopt),
            likeness: self.keys.hash("renewal", &[mine.challenge.id.as_bytes()]),
            reference: mine.challenge.reference,
            particulars: mine.particulars,
            id: self.shared.challenge_id(),
        };
        let id = match self.open(site, &opening).await? {
            Opened::New => opening.id,
            Opened::Same(id) => id,
            Opened::Full => return Ok(Sending::Crowded(opening.reference)),
        };
        match self.mine(site, visit, Some(id)).await {
            Ok(mine) => Ok(match self.send_mine(site, visit, mine, choice).await? {
                Sending::Sent(standing) => Sending::Renewed(standing),
                other => other,
            }),
            Err(NotMine::Arrival(arrival)) => Ok(Sending::Not(arrival)),
            Err(NotMine::Outage(outage)) => Err(outage),
        }
    }

    /// Finds a challenge and makes sure that it is this visitor's: bound to the browser by the store, and to the subject
    /// that is signed in now.
    pub(super) async fn mine(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Mine, NotMine> {
        let Some(browser) = visit.browser() else { return Err(NotMine::Arrival(Arrival::Nothing)) };
        let challenge = match self.find(site, self.browser_hash(&browser), id).await? {
            Found::None => return Err(NotMine::Arrival(Arrival::Nothing)),
            Found::Several => return Err(NotMine::Arrival(Arrival::Several)),
            Found::One(challenge) => *challenge,
        };
        let Some(particulars) = self.particulars(&challenge) else {
            // Sealed under a secret that was dropped: it can never be passed.
            return Err(NotMine::Arrival(Arrival::Nothing));
        };
        if matches!(particulars.asked, Asked::Page | Asked::Api) {
            let grant = self.grant(site, visit);
            let now = match self.identify(site, visit, grant.as_ref()).await {
                Ok(who) => who.subject,
                Err(Unknown::Conflict) => return Err(NotMine::Arrival(Arrival::SomebodyElse)),
                Err(Unknown::Outage(outage)) => return Err(NotMine::Outage(outage)),
            };
            match (now, particulars.named()) {
                (None, None) => {}
                (None, Some(_)) => return Err(NotMine::Arrival(Arrival::NotSignedIn)),
                (Some(now), named) if Some(&now) != named.as_ref() => {
                    let event = Event::new(Kind::SubjectMismatch, challenge.reference).policy(&particulars.policy);
                    self.note(about(site, visit, self.naming(site, Some(&now), event))).await;
                    return Err(NotMine::Arrival(Arrival::SomebodyElse));
                }
                (Some(_), _) => {}
            }
        }
        let subject = challenge.subject;
        Ok(Mine { challenge, particulars, browser, subject })
    }

    /// The challenge of a browser in the store.
    pub(super) async fn find(
        &self,
        site: &Site,
        browser: KeyedHash,
        id: Option<ChallengeId>,
    ) -> Result<Found, StoreError> {
        self.shared.store.find(&site.spec.key, browser, id).await
    }

    fn particulars(&self, challenge: &Challenge) -> Option<Particulars> {
        let plain = self.keys.open(Purpose::Challenge, challenge.id.as_bytes(), &challenge.sealed)?;
        Particulars::decode(&plain)
    }

    /// A challenge as it may be told of; `None` when it cannot be opened.
    pub(super) fn standing(&self, challenge: Challenge) -> Option<Standing> {
        let particulars = self.particulars(&challenge)?;
        Some(self.standing_of(challenge, &particulars))
    }

    pub(super) fn standing_of(&self, challenge: Challenge, particulars: &Particulars) -> Standing {
        let reached = self.reached(&particulars.contacts());
        let sends = u32::try_from(challenge.sent.len()).unwrap_or(u32::MAX);
        let sent = challenge.sent.last();
        let last = sent.and_then(|sent| reached.iter().find(|reached| reached.is_at(sent.to)).cloned());
        let told = sent.filter(|_| !particulars.is_typed());
        let carried = told.and_then(|sent| sent.carried.as_ref());
        Standing {
            id: challenge.id,
            reference: challenge.reference,
            state: challenge.state,
            tries_left: challenge.tries_left,
            sends_left: (1 + self.rules.resend.max).saturating_sub(sends).min(self.rules.resend.max),
            expires_in: if challenge.state == State::Open { self.rules.ttl } else { challenge.expires_in },
            resend_in: challenge.resend_in,
            last,
            progress: told.map(|sent| sent.progress),
            reports: carried.is_some_and(|(provider, _)| self.delivery.reports(provider)),
            wanted: None,
            method: particulars.method.clone(),
            path: particulars.path().to_owned(),
            return_to: particulars.return_to.clone(),
            confirms: particulars.binding.is_some(),
            form: particulars.form.clone(),
            is_parked: challenge.parked.is_some(),
            is_earlier: particulars.is_earlier,
            usable_in: particulars.usable_at.and_then(|at| at.since(self.shared.clock.now())),
            asked: particulars.asked,
            page: None,
            reached,
        }
    }

    /// The contacts as they may be shown, numbered within their channels.
    pub(super) fn reached(&self, contacts: &[Contact]) -> Vec<Reached> {
        let mut counts = [0_u16; Channel::ALL.len()];
        contacts
            .iter()
            .map(|contact| {
                let count = match contact.channel() {
                    Channel::Email => &mut counts[0],
                    Channel::Sms => &mut counts[1],
                    Channel::Voice => &mut counts[2],
                    Channel::Hosted => &mut counts[3],
                };
                *count += 1;
                Reached {
                    channel: contact.channel(),
                    contact: *count - 1,
                    to: contact.masked(),
                    label: contact.label().map(str::to_owned),
                    costs: self.delivery.costs(contact),
                }
            })
            .collect()
    }

    /// Records an event, and keeps it in the store for a look-up by its reference.
    pub(super) async fn note(&self, event: Event) {
        self.shared.note(event).await;
    }
}

/// Whether a request is a person looking at the page: a GET that is no prefetch, no preview and no sub-resource.
fn is_arrival(visit: &Visit) -> bool {
    visit.request.method == http::Method::GET
        && visit.request.kind == RequestKind::Navigation
        && !is_prefetch(&visit.headers)
}
