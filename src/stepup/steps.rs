//! What a visitor does on the portal: arrive, send, type a code.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use crate::audit::{Event, Kind, Metrics, SendOutcome};
use crate::challenge::{Asked, Particulars};
use crate::delivery::{Delivered, SendError};
use crate::request::{RequestKind, is_prefetch};
use crate::seal::{Code, Purpose, Typed};
use crate::stepup::challenge::{Opening, Park};
use crate::stepup::identify::Unknown;
use crate::stepup::judge::about;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::{Challenge, Destination, Found, Lock, Opened, Permit, SendAsk, State, StoreError};
use crate::words::{BrowserId, ChallengeId, Channel, Contact, KeyedHash, Reference, SendWhen};

/// A challenge as a page or an API client may be told of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its name.
    pub id: ChallengeId,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// Where it stands.
    pub state: State,
    /// Wrong codes that it still takes.
    pub tries_left: u32,
    /// Resends that are left.
    pub sends_left: u32,
    /// How long the code lives, or would live if it were sent now.
    pub expires_in: Duration,
    /// How long until the code may be sent again.
    pub resend_in: Duration,
    /// Where codes can go.
    pub reached: Vec<Reached>,
    /// Where the code went last.
    pub last: Option<Reached>,
    /// The method of the interrupted request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Where the browser goes afterwards.
    pub return_to: String,
    /// Whether this confirms one request rather than opening a page.
    pub confirms: bool,
    /// Whether an interrupted form is kept with it.
    pub is_parked: bool,
    /// Who is challenged.
    pub asked: Asked,
}

/// A contact as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The channel.
    pub channel: Channel,
    /// Its place among the contacts of its channel.
    pub contact: u16,
    /// The masked address.
    pub to: String,
    /// The operator's label.
    pub label: Option<String>,
}

/// What a visitor finds on arriving at the page of a challenge.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// No such challenge of this browser.
    Nothing,
    /// No challenge was named, and several are open.
    Several,
    /// The subject it was opened for is not signed in (any more).
    NotSignedIn,
    /// Somebody else is signed in than the subject it was opened for.
    SomebodyElse,
    /// It stands so.
    Standing(Box<Standing>),
    /// The code could not be sent, just now.
    Undelivered(Box<Standing>),
    /// A limit keeps the code from being sent for this long.
    TooMany(Box<Standing>, Duration),
}

/// Where a visitor wants the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The channel.
    pub channel: Channel,
    /// The contact's place among the contacts of its channel.
    pub contact: u16,
}

/// What became of asking for a code.
#[derive(Debug, Clone)]
pub enum Sending {
    /// It went out, or (for an address that is not allowed) it looks so.
    Sent(Box<Standing>),
    /// It went out under a new challenge, since the old one's time or tries were over; the parked request went along.
    Renewed(Box<Standing>),
    /// Too early, or a limit is reached.
    TooMany(Box<Standing>, Duration),
    /// Nothing can be tried.
    Locked(Box<Standing>, Lock),
    /// The code's time is over.
    Expired(Box<Standing>),
    /// The challenge is passed.
    Passed(Box<Standing>),
    /// The challenge has no such contact (O26).
    NoSuchContact(Box<Standing>),
    /// No provider took it. It was not counted.
    Undelivered(Box<Standing>),
    /// Too much is waiting.
    Crowded(Reference),
    /// There is no such challenge for this visitor.
    Not(Arrival),
}

/// What became of a code that came in.
#[derive(Debug, Clone)]
pub enum Verified {
    /// Right.
    Passed {
        /// `Set-Cookie` values: the grant, the browser's new name, a resume token.
        cookies: Vec<HeaderValue>,
        /// A local target.
        return_to: String,
    },
    /// No code at all; nothing was counted (O02).
    Malformed(Box<Standing>, Typed),
    /// Wrong.
    Wrong(Box<Standing>, u32),
    /// Nothing can be tried; right and wrong look alike.
    Locked(Box<Standing>, Lock),
    /// The code's time is over.
    Expired(Box<Standing>),
    /// It was passed already.
    Spent(Box<Standing>),
    /// No code was sent yet.
    NotSent(Box<Standing>),
    /// There is no such challenge for this visitor.
    Not(Arrival),
}

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
    Store(StoreError),
}

impl From<StoreError> for NotMine {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Gateway {
    /// A visitor opens the page of a challenge. On the first arrival that is no prefetch the code goes out, if the
    /// policy says so and there is just one contact; never again on a reload (O21).
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn arrive(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Arrival, StoreError> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(arrival),
            Err(NotMine::Store(error)) => return Err(error),
        };
        let first = mine.challenge.state == State::Open && mine.particulars.send == SendWhen::OnArrival;
        let reached = reached(&mine.particulars.contacts());
        if let [only] = &reached[..]
            && first
            && is_arrival(visit)
        {
            let choice = Choice { channel: only.channel, contact: only.contact };
            return Ok(match self.send_mine(site, visit, mine, Some(choice)).await? {
                Sending::Sent(standing) | Sending::Renewed(standing) => Arrival::Standing(standing),
                Sending::Undelivered(standing) => Arrival::Undelivered(standing),
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
            self.note(about(site, visit, event)).await;
        }
        Ok(Arrival::Standing(Box::new(self.standing_of(challenge, &particulars))))
    }

    /// Where a challenge stands, for this very visitor. Sends nothing and counts nothing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look(&self, site: &Site, visit: &Visit, id: Option<ChallengeId>) -> Result<Arrival, StoreError> {
        match self.mine(site, visit, id).await {
            Ok(Mine { challenge, particulars, .. }) => {
                Ok(Arrival::Standing(Box::new(self.standing_of(challenge, &particulars))))
            }
            Err(NotMine::Arrival(arrival)) => Ok(arrival),
            Err(NotMine::Store(error)) => Err(error),
        }
    }

    /// A visitor asks for a code, or for it again. With `renew`, a challenge whose time or tries are over is replaced by
    /// a new one that takes the parked request along.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn send(
        &self,
        site: &Site,
        visit: &Visit,
        id: Option<ChallengeId>,
        choice: Option<Choice>,
        renew: bool,
    ) -> Result<Sending, StoreError> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(Sending::Not(arrival)),
            Err(NotMine::Store(error)) => return Err(error),
        };
        let over = matches!(mine.challenge.state, State::Expired | State::Locked(Lock::Challenge));
        if !(renew && over) {
            return self.send_mine(site, visit, mine, choice).await;
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
            Err(NotMine::Store(error)) => Err(error),
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
                Err(Unknown::Store(error)) => return Err(NotMine::Store(error)),
            };
            match now {
                None => return Err(NotMine::Arrival(Arrival::NotSignedIn)),
                Some(now) if Some(&now) != particulars.subject().as_ref() => {
                    let event = Event::new(Kind::SubjectMismatch, challenge.reference).policy(&particulars.policy);
                    self.note(about(site, visit, self.naming(site, Some(&now), event))).await;
                    return Err(NotMine::Arrival(Arrival::SomebodyElse));
                }
                Some(_) => {}
            }
        }
        let subject = challenge.subject;
        Ok(Mine { challenge, particulars, browser, subject })
    }

    async fn send_mine(
        &self,
        site: &Site,
        visit: &Visit,
        mine: Mine,
        choice: Option<Choice>,
    ) -> Result<Sending, StoreError> {
        let Mine { challenge, particulars, browser, subject } = mine;
        let contacts = particulars.contacts();
        let standing = || Box::new(self.standing_of(challenge.clone(), &particulars));
        let choice = choice.or_else(|| first_choice(&challenge, &contacts));
        let Some((contact, destination)) = choice.and_then(|choice| pick(&contacts, choice)) else {
            return Ok(Sending::NoSuchContact(standing()));
        };
        let random = &*self.shared.random;
        let code = self.rules.shape.draw(random);
        let id = challenge.id;
        let sealed = self.keys.seal(Purpose::Code, id.as_bytes(), code.reveal().as_bytes(), random);
        // Nobody has the code of a decoy, and its hash is of no code at all.
        let hash = if particulars.asked == Asked::Decoy {
            self.keys.hash("decoy", &[id.as_bytes(), &random.bytes::<16>()])
        } else {
            self.keys.hash_code(&id, &code)
        };
        let permit = self
            .shared
            .store
            .permit_send(&SendAsk {
                site: &site.spec.key,
                browser: self.browser_hash(&browser),
                challenge: id,
                subject,
                contact: self.contact_hash(&contact),
                ip: self.ip_hash(&visit.request),
                network: self.network_hash(&visit.request),
                country: calling_code(&contact),
                typed: particulars.is_typed(),
                destination,
                code: (hash, &sealed),
                code_ttl: self.rules.ttl,
                resend: &self.rules.resend,
                limits: &self.rules.limits,
            })
            .await?;
        let event = |kind| {
            let event = Event::new(kind, challenge.reference).policy(&particulars.policy).contact(&contact);
            about(site, visit, self.naming(site, particulars.subject().as_ref(), event))
        };
        let (send, sealed, sends_left, resend_in, expires_in) = match permit {
            Permit::Send { send, sealed, sends_left, resend_in, expires_in } => {
                (send, sealed, sends_left, resend_in, expires_in)
            }
            Permit::Wait { retry_after } | Permit::Exhausted { retry_after } => {
                // Another request of this browser may have sent it meanwhile, as on a double click.
                let now = match self.find(site, self.browser_hash(&browser), Some(id)).await? {
                    Found::One(now) => Box::new(self.standing_of(*now, &particulars)),
                    Found::None | Found::Several => standing(),
                };
                return Ok(Sending::TooMany(now, retry_after));
            }
            Permit::TooMany { limit, retry_after } => {
                self.note(event(Kind::TooManySends).reason(limit)).await;
                return Ok(Sending::TooMany(standing(), retry_after));
            }
            Permit::Locked(lock) => return Ok(Sending::Locked(standing(), lock)),
            Permit::Expired => return Ok(Sending::Expired(standing())),
            Permit::Passed => return Ok(Sending::Passed(standing())),
            Permit::Missing => return Ok(Sending::Not(Arrival::Nothing)),
        };
        let after = || {
            let mut standing = standing();
            standing.state = State::Sent;
            standing.last = reached(&contacts)
                .into_iter()
                .find(|reached| reached.channel == destination.channel && reached.contact == destination.contact);
            (standing.sends_left, standing.resend_in, standing.expires_in) = (sends_left, resend_in, expires_in);
            standing
        };
        if particulars.asked == Asked::Decoy {
            self.note(event(Kind::Sent).reason("not_allowed")).await;
            return Ok(Sending::Sent(after()));
        }
        let code = self.keys.open(Purpose::Code, id.as_bytes(), &sealed).and_then(|bytes| Code::unsealed(&bytes));
        let Some(code) = code else { return Ok(Sending::Expired(standing())) };
        let message = self.message(site, visit, &challenge, &particulars, contact.clone(), code, expires_in);
        if particulars.asked == Asked::Typed {
            // An allowed address must not take longer to answer than one that is not (O25).
            self.note(event(Kind::Sent)).await;
            let (delivery, key) = (Arc::clone(&self.delivery), site.spec.key.clone());
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                let outcome = delivery.send(&message, None).await;
                tally(&shared.audit.metrics, destination.channel, &outcome);
                if let Err(error) = outcome {
                    tracing::warn!(%error, "a code could not be sent");
                    if error.surely_not_sent() {
                        let _ = shared.store.give_back(&key, id, send).await;
                    }
                }
            });
            return Ok(Sending::Sent(after()));
        }
        let avoid = self.shared.carried.get(&id);
        let outcome = self.delivery.send(&message, avoid.as_deref()).await;
        tally(&self.shared.audit.metrics, destination.channel, &outcome);
        match outcome {
            Ok(delivered) => {
                self.shared.carried.insert(id, delivered.provider.as_str().into());
                self.note(event(Kind::Sent).reason(&delivered.provider)).await;
                Ok(Sending::Sent(after()))
            }
            Err(error) => {
                self.note(event(Kind::SendFailed).reason(&error)).await;
                self.undelivered(site, id, send, &error).await?;
                if error.surely_not_sent() { Ok(Sending::Undelivered(standing())) } else { Ok(Sending::Sent(after())) }
            }
        }
    }

    async fn undelivered(&self, site: &Site, id: ChallengeId, send: u32, error: &SendError) -> Result<(), StoreError> {
        tracing::warn!(%error, "a code could not be sent");
        if error.surely_not_sent() {
            self.shared.store.give_back(&site.spec.key, id, send).await?;
        }
        Ok(())
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
        let reached = reached(&particulars.contacts());
        let sends = u32::try_from(challenge.sent.len()).unwrap_or(u32::MAX);
        let last = challenge.sent.last().and_then(|last| {
            reached.iter().find(|reached| reached.channel == last.channel && reached.contact == last.contact).cloned()
        });
        Standing {
            id: challenge.id,
            reference: challenge.reference,
            state: challenge.state,
            tries_left: challenge.tries_left,
            sends_left: (1 + self.rules.resend.max).saturating_sub(sends).min(self.rules.resend.max),
            expires_in: if challenge.state == State::Open { self.rules.ttl } else { challenge.expires_in },
            resend_in: challenge.resend_in,
            last,
            method: particulars.method.clone(),
            path: particulars.path().to_owned(),
            return_to: particulars.return_to.clone(),
            confirms: particulars.binding.is_some(),
            is_parked: challenge.parked.is_some(),
            asked: particulars.asked,
            reached,
        }
    }

    /// Records an event, and keeps it in the store for a look-up by its reference.
    pub(super) async fn note(&self, event: Event) {
        let reference = event.reference();
        let line = self.shared.audit.record(event);
        if let Err(error) = self.shared.store.note(reference, &line, KEPT).await {
            tracing::warn!(%error, "an event could not be kept for look-ups");
        }
    }
}

/// Counts what every provider that was tried made of a message.
fn tally(metrics: &Metrics, channel: Channel, outcome: &Result<Delivered, SendError>) {
    let failed = match outcome {
        Ok(delivered) => {
            metrics.sent(channel, &delivered.provider, SendOutcome::Accepted);
            &delivered.failed[..]
        }
        Err(error) => error.attempts(),
    };
    for attempt in failed {
        let outcome = if attempt.failure.surely_not_sent() { SendOutcome::Failed } else { SendOutcome::Unknown };
        metrics.sent(channel, &attempt.provider, outcome);
    }
}

/// How long events are kept for look-ups by reference.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether a request is a person looking at the page: a GET that is no prefetch, no preview and no sub-resource.
fn is_arrival(visit: &Visit) -> bool {
    visit.request.method == http::Method::GET
        && visit.request.kind == RequestKind::Navigation
        && !is_prefetch(&visit.headers)
}

/// The contacts as they may be shown, numbered within their channels.
pub(super) fn reached(contacts: &[Contact]) -> Vec<Reached> {
    let mut counts = [0_u16; 3];
    contacts
        .iter()
        .map(|contact| {
            let count = match contact.channel() {
                Channel::Email => &mut counts[0],
                Channel::Sms => &mut counts[1],
                Channel::Voice => &mut counts[2],
            };
            *count += 1;
            Reached {
                channel: contact.channel(),
                contact: *count - 1,
                to: contact.masked(),
                label: contact.label().map(str::to_owned),
            }
        })
        .collect()
}

/// Where a code goes when nothing was chosen: where it went last, else to the only or first contact.
fn first_choice(challenge: &Challenge, contacts: &[Contact]) -> Option<Choice> {
    let last = challenge.sent.last().map(|last| Choice { channel: last.channel, contact: last.contact });
    last.or_else(|| contacts.first().map(|contact| Choice { channel: contact.channel(), contact: 0 }))
}

fn pick(contacts: &[Contact], choice: Choice) -> Option<(Contact, Destination)> {
    let contact =
        contacts.iter().filter(|contact| contact.channel() == choice.channel).nth(usize::from(choice.contact))?;
    Some((contact.clone(), Destination { channel: choice.channel, contact: choice.contact }))
}

fn calling_code(contact: &Contact) -> Option<&str> {
    match contact.address() {
        crate::words::Address::Email(_) => None,
        crate::words::Address::Phone(number) => Some(number.calling_code()),
    }
}
