//! Sending a code: permitted by the store first, then handed to a provider.

use std::sync::Arc;

use crate::audit::{Event, Kind, Metrics, SendOutcome};
use crate::challenge::Asked;
use crate::delivery::{Delivered, Message, Order, SendError};
use crate::seal::{Code, Purpose};
use crate::stepup::hosted::way_back;
use crate::stepup::judge::about;
use crate::stepup::message::{aim, language, site_name};
use crate::stepup::steps::Mine;
use crate::stepup::{Arrival, Choice, Gateway, HostedPage, Sending, Site, Visit};
use crate::store::{Challenge, Destination, Found, Guard, Permit, SendAsk, State, StoreError};
use crate::words::{Address, ChallengeId, Channel, Contact, Progress};

impl Gateway {
    /// Sends the code of a challenge, to where the visitor chose.
    pub(super) async fn send_mine(
        &self,
        site: &Site,
        visit: &Visit,
        mine: Mine,
        choice: Option<Choice>,
    ) -> Result<Sending, StoreError> {
        let Mine { challenge, particulars, browser, subject } = mine;
        let contacts = particulars.contacts();
        let choice = choice.or_else(|| first_choice(&challenge, &contacts));
        let standing = || {
            let mut standing = Box::new(self.standing_of(challenge.clone(), &particulars));
            let wanted = choice.map(|choice| Destination { channel: choice.channel, contact: choice.contact });
            let wanted = wanted.and_then(|wanted| standing.reached.iter().find(|reached| reached.is_at(wanted)));
            standing.wanted = wanted.cloned();
            standing
        };
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
                guards: &self.guards(&contact),
                typed: particulars.is_limited(),
                destination,
                code: (hash, &sealed),
                code_ttl: self.rules.ttl,
                resend: &self.rules.resend,
                limits: &self.rules.limits,
            })
            .await?;
        let event = |kind| {
            let event = Event::new(kind, challenge.reference).policy(&particulars.policy).contact(&contact);
            about(site, visit, self.naming_asked(site, &particulars, event))
        };
        let (send, sealed, sends_left, resend_in, expires_in) = match permit {
            Permit::Send { send, sealed, sends_left, resend_in, expires_in, suspicious } => {
                if let Some(guard) = suspicious {
                    tracing::warn!(
                        guard,
                        "hardly any code comes back from numbers like this one; `observe` lets it go"
                    );
                    self.note(event(Kind::Pumping).reason(format!("{guard}, observed"))).await;
                }
                self.count_send(site, visit, subject);
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
            Permit::Paused { guard, retry_after, begins } => {
                if begins {
                    tracing::warn!(guard, pause = ?retry_after, "hardly any code comes back from numbers like one that asks: paused");
                }
                self.note(event(Kind::Pumping).reason(guard)).await;
                self.count_paused(site, visit, self.contact_hash(&contact));
                return Ok(Sending::Paused(standing(), retry_after));
            }
            Permit::Locked(lock) => {
                self.hold_lock(site, subject, lock).await;
                return Ok(Sending::Locked(standing(), lock));
            }
            Permit::Expired => return Ok(Sending::Expired(standing())),
            Permit::Passed => return Ok(Sending::Passed(standing())),
            Permit::Missing => return Ok(Sending::Not(Arrival::Nothing)),
        };
        let after = |progress: Progress, provider: Option<&str>| {
            let mut standing = standing();
            standing.state = State::Sent;
            standing.last.clone_from(&standing.wanted);
            (standing.sends_left, standing.resend_in, standing.expires_in) = (sends_left, resend_in, expires_in);
            standing.progress = (!particulars.is_typed()).then_some(progress);
            standing.reports = provider.is_some_and(|provider| self.delivery.reports(provider));
            standing
        };
        if particulars.asked == Asked::Decoy {
            self.note(event(Kind::Sent).reason("not_allowed")).await;
            return Ok(Sending::Sent(after(Progress::Handed, None)));
        }
        let code = self.keys.open(Purpose::Code, id.as_bytes(), &sealed).and_then(|bytes| Code::unsealed(&bytes));
        let Some(code) = code else { return Ok(Sending::Expired(standing())) };
        let message = Message {
            to: contact.clone(),
            code: Some(code),
            site: site_name(site, visit),
            aim: aim(&particulars),
            expires_in,
            reference: challenge.reference,
            language: language(&particulars, &visit.headers),
            client: Some(visit.request.client.ip),
        };
        if particulars.asked == Asked::Typed {
            // An allowed address must not take longer to answer than one that is not (O25).
            self.note(event(Kind::Sent)).await;
            let (delivery, key, budget) = (Arc::clone(&self.delivery), site.spec.key.clone(), self.rules.limits.money);
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                let order = Order { message: &message, site: &key, challenge: id, send, budget: &budget, avoid: None };
                let outcome = delivery.send(&order).await;
                tally(&shared.audit.metrics, destination.channel, &outcome);
                if let Err(error) = outcome {
                    tracing::warn!(%error, "a code could not be sent");
                    if error.surely_not_sent() {
                        let _ = shared.store.give_back(&key, id, send).await;
                    }
                }
            });
            return Ok(Sending::Sent(after(Progress::Handed, None)));
        }
        let avoid = challenge.sent.last().and_then(|last| last.carried.as_ref()).map(|(provider, _)| provider.as_str());
        let budget = &self.rules.limits.money;
        let order = Order { message: &message, site: &site.spec.key, challenge: id, send, budget, avoid };
        let is_page = destination.channel == Channel::Hosted;
        let outcome = match is_page {
            true => self.delivery.open_page(&order, way_back(visit, id)).await,
            false => self.delivery.send(&order).await,
        };
        tally(&self.shared.audit.metrics, destination.channel, &outcome);
        match outcome {
            Ok(delivered) => {
                self.note(event(Kind::Sent).reason(&delivered.provider)).await;
                let mut standing = after(Progress::Accepted, Some(&delivered.provider));
                if is_page && let Some((_, page)) = self.page_of(&delivered.provider, delivered.message).await? {
                    standing.page = Some(HostedPage { link: page.link().to_owned(), is_proved: false });
                }
                Ok(Sending::Sent(standing))
            }
            Err(error) => {
                let kind = if error.exhausted().is_some() { Kind::OutOfMoney } else { Kind::SendFailed };
                self.note(event(kind).reason(&error)).await;
                // Whatever a provider made of it, nobody has its page.
                let surely_not = is_page || error.surely_not_sent();
                self.undelivered(site, id, send, &error, surely_not).await?;
                Ok(match error.exhausted() {
                    _ if !surely_not => Sending::Sent(after(Progress::Handed, None)),
                    Some((_, wait)) => Sending::OutOfMoney(standing(), wait),
                    None => Sending::Undelivered(standing(), error.class()),
                })
            }
        }
    }

    /// The groups of a phone number that the guard against pumping looks at, under keyed hashes: a prefix is most of a
    /// number.
    pub(super) fn guards(&self, contact: &Contact) -> Vec<Guard> {
        let Address::Phone(number) = contact.address() else { return Vec::new() };
        let guards = self.rules.limits.pumping.guards(number.reveal(), number.calling_code()).into_iter();
        let hashed =
            |guard: Guard| Guard { prefix: self.keys.hash("prefix", &[guard.prefix.as_bytes()]).to_string(), ..guard };
        guards.map(hashed).collect()
    }

    async fn undelivered(
        &self,
        site: &Site,
        id: ChallengeId,
        send: u32,
        error: &SendError,
        surely_not: bool,
    ) -> Result<(), StoreError> {
        tracing::warn!(%error, "a code could not be sent");
        if surely_not {
            self.shared.store.give_back(&site.spec.key, id, send).await?;
        }
        Ok(())
    }
}

/// Counts what every provider that was tried made of a message.
pub(super) fn tally(metrics: &Metrics, channel: Channel, outcome: &Result<Delivered, SendError>) {
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

/// Where a code goes when nothing was chosen: where it went last, else to the only or first contact.
fn first_choice(challenge: &Challenge, contacts: &[Contact]) -> Option<Choice> {
    let last = challenge.sent.last().map(|last| Choice { channel: last.to.channel, contact: last.to.contact });
    last.or_else(|| contacts.first().map(|contact| Choice { channel: contact.channel(), contact: 0 }))
}

fn pick(contacts: &[Contact], choice: Choice) -> Option<(Contact, Destination)> {
    let contact =
        contacts.iter().filter(|contact| contact.channel() == choice.channel).nth(usize::from(choice.contact))?;
    Some((contact.clone(), Destination { channel: choice.channel, contact: choice.contact }))
}

fn calling_code(contact: &Contact) -> Option<&str> {
    match contact.address() {
        Address::Email(_) => None,
        Address::Phone(number) => Some(number.calling_code()),
    }
}
