//! Answering a challenge: the code is compared in the store, and a right one becomes a grant.

use std::sync::Arc;

use http::HeaderValue;

use crate::audit::{Event, Kind, VerifyOutcome};
use crate::challenge::Particulars;
use crate::grant::{Grant, Owned};
use crate::seal::{Code, Typed};
use crate::stepup::judge::about;
use crate::stepup::steps::{Mine, NotMine};
use crate::stepup::visit::{BROWSER, GRANT, RESUME};
use crate::stepup::{Gateway, Outage, Site, Verified, Visit};
use crate::store::{Answer, Answered, Destination, State, StoreError};
use crate::words::{BrowserId, ChallengeId, Channel, Contact, KeyedHash, MessageId, Proof, ResumeToken, Subject};

impl Gateway {
    /// A visitor types a code.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn verify(
        &self,
        site: &Site,
        visit: &Visit,
        id: Option<ChallengeId>,
        typed: &str,
    ) -> Result<Verified, Outage> {
        let mine = match self.mine(site, visit, id).await {
            Ok(mine) => mine,
            Err(NotMine::Arrival(arrival)) => return Ok(Verified::Not(arrival)),
            Err(NotMine::Outage(outage)) => return Err(outage),
        };
        let standing = || Box::new(self.standing_of(mine.challenge.clone(), &mine.particulars));
        let code = match self.rules.shape.read(typed) {
            Typed::Code(code) => code,
            malformed => {
                self.shared.audit.metrics.verified(VerifyOutcome::Malformed);
                return Ok(Verified::Malformed(standing(), malformed));
            }
        };
        // Nobody was sent a code there: what is typed could only be a guess.
        let last = mine.challenge.sent.last();
        if mine.challenge.state == State::Sent && last.is_some_and(|last| last.to.channel == Channel::Hosted) {
            return Ok(Verified::NotSent(standing()));
        }
        self.answer(site, visit, mine, &code).await
    }

    /// Answers a challenge.
    pub(super) async fn answer(&self, site: &Site, visit: &Visit, mine: Mine, code: &Code) -> Result<Verified, Outage> {
        let Mine { challenge, particulars, browser, subject } = mine;
        let (id, reference) = (challenge.id, challenge.reference);
        let standing = |tries_left: Option<u32>| {
            let mut standing = self.standing_of(challenge.clone(), &particulars);
            standing.tries_left = tries_left.unwrap_or(standing.tries_left);
            Box::new(standing)
        };
        let metrics = &self.shared.audit.metrics;
        let (new_browser, token) = (self.shared.browser_id(), self.shared.resume_token());
        let new_hash = self.browser_hash(&new_browser);
        let confirm = particulars.binding.map(|binding| (self.bound_to(binding, new_hash), self.rules.ttl));
        let resume = challenge.parked.map(|_| (self.keys.hash("resume", &[token.as_bytes()]), self.rules.ttl));
        let answer = Answer {
            site: &site.spec.key,
            browser: self.browser_hash(&browser),
            challenge: id,
            subject,
            code: self.keys.hash_code(&id, code),
            ip: self.ip_hash(&visit.request),
            new_browser: new_hash,
            confirm,
            resume,
            limits: &self.rules.limits.failures,
        };
        let event = |kind| {
            let event = Event::new(kind, reference).policy(&particulars.policy);
            about(site, visit, self.naming_asked(site, &particulars, event))
        };
        Ok(match self.shared.store.answer(&answer).await? {
            Answered::Passed { sent, resumes, message, .. } => {
                metrics.verified(VerifyOutcome::Passed);
                if let Some(message) = message {
                    self.came_back(message);
                }
                let contacts = particulars.contacts();
                let contact = sent.last().and_then(|last| contact_at(&contacts, *last));
                self.note(match &contact {
                    Some(contact) => event(Kind::Passed).contact(contact),
                    None => event(Kind::Passed),
                })
                .await;
                if let Some(named) = particulars.named().as_ref() {
                    self.count_subject(site, visit, named);
                }
                if let Some(contact) = &contact {
                    self.mark(site, &particulars, contact, reference);
                    self.proved_by(site, particulars.named().as_ref(), contact, new_hash).await;
                }
                let token = resumes.then_some(token);
                let mut cookies = self.passed_cookies(visit, &particulars, subject, &new_browser, token.as_ref());
                if let (Some(whose), Some(contact)) = (particulars.subject(), contact) {
                    let proof = self.proof(site, visit, &particulars, &sent, &contact);
                    let account = particulars.account.is_some().then_some(subject);
                    if particulars.named().is_some() {
                        let hash = self.subject_hash(site, &whose);
                        self.arrived(site, visit, hash);
                        let owned = Owned::by(&proof, hash, account);
                        cookies.extend(self.remember_device(site, visit, &whose, subject, owned).await);
                    }
                    if particulars.binding.is_none() {
                        cookies.extend(self.grant_cookie(site, visit, whose, account, proof));
                    }
                }
                Verified::Passed { cookies, return_to: particulars.return_to }
            }
            Answered::Wrong { tries_left } => {
                metrics.verified(VerifyOutcome::Wrong);
                self.note(event(Kind::WrongCode)).await;
                self.count_failure(site, visit, subject, (id, tries_left)).await;
                Verified::Wrong(standing(Some(tries_left)), tries_left)
            }
            Answered::Locked(lock) => {
                metrics.verified(VerifyOutcome::Locked);
                self.note(event(Kind::Locked)).await;
                self.hold_lock(site, subject, lock).await;
                // Where no code was sent, none was guessed.
                if !challenge.sent.is_empty() {
                    self.count_failure(site, visit, subject, (id, 0)).await;
                }
                Verified::Locked(standing(Some(0)), lock)
            }
            Answered::Expired => {
                metrics.verified(VerifyOutcome::Expired);
                self.note(event(Kind::Expired)).await;
                Verified::Expired(standing(None))
            }
            Answered::Spent => {
                metrics.verified(VerifyOutcome::Spent);
                Verified::Spent(standing(None))
            }
            Answered::NotSent => Verified::NotSent(standing(None)),
            Answered::Missing => Verified::Not(crate::stepup::Arrival::Nothing),
        })
    }

    /// Counts beside the road that a code came back: the visitor does not wait for it.
    fn came_back(&self, message: MessageId) {
        let delivery = Arc::clone(&self.delivery);
        tokio::spawn(async move {
            if let Err(error) = delivery.came_back(message).await {
                tracing::warn!(%error, "a code came back, and it could not be counted for its provider");
            }
        });
    }

    /// The browser's new name (C01), and its resume token for exactly the address that it goes back to.
    fn passed_cookies(
        &self,
        visit: &Visit,
        particulars: &Particulars,
        counted: KeyedHash,
        browser: &BrowserId,
        token: Option<&ResumeToken>,
    ) -> Vec<HeaderValue> {
        let scheme = visit.request.scheme;
        let browser = BROWSER.set(scheme, &browser.to_string(), None);
        let token = token.zip(particulars.subject()).map(|(token, subject)| {
            let address = self.keys.form_token(particulars.return_to.as_bytes());
            let whom = self.keys.form_token(&whom(&token.to_string(), &subject, counted));
            RESUME.set(scheme, &format!("{token}.{address}.{whom}"), Some(self.rules.ttl))
        });
        browser.into_iter().chain(token.into_iter().flatten()).collect()
    }

    fn proof(
        &self,
        site: &Site,
        visit: &Visit,
        particulars: &Particulars,
        sent: &[Destination],
        contact: &Contact,
    ) -> Proof {
        let mut others = Vec::new();
        for destination in sent {
            if destination.channel != contact.channel() && !others.contains(&destination.channel) {
                others.push(destination.channel);
            }
        }
        let app_session = site.app_session(&visit.headers);
        Proof {
            channel: contact.channel(),
            others,
            contact: self.contact_hash(contact),
            // A decoy never passes.
            origin: particulars.origin(),
            at: self.shared.clock.now(),
            app_session: app_session.map(|cookie| self.session_hash(site, cookie)).or(particulars.app_session),
            network: self.network_hash(&visit.request),
            spot: self.scoring.address.whereabouts(&visit.request.client).spot(),
        }
    }

    /// The grant with the new proof. It keeps the name of the browser's good grant for the same subject, so that one
    /// logout ends both copies.
    fn grant_cookie(
        &self,
        site: &Site,
        visit: &Visit,
        subject: Subject,
        account: Option<KeyedHash>,
        proof: Proof,
    ) -> Option<HeaderValue> {
        let scheme = visit.request.scheme;
        let known = self.grant(site, visit).filter(|grant| grant.subject == subject && grant.account == account);
        let kept = known.as_ref().map(|grant| self.proofs(site, Some(grant.clone()), Some(&subject)));
        let grant = Grant {
            id: known.map_or_else(|| self.shared.grant_id(), |grant| grant.id),
            subject,
            account,
            proofs: kept.unwrap_or_default(),
        };
        let value = grant.with(proof, site.longest).seal(&self.keys, &site.spec.key, scheme, &*self.shared.random);
        GRANT.set(scheme, &value, Some(site.longest)).ok()
    }

    /// Ends this browser's grant on every gateway. By which browsers a subject is known again stays as it is: the same person
    /// signs in with the same one. Gives the `Set-Cookie` values that make the browser forget it.
    ///
    /// # Errors
    /// When the store does not answer: then the cookie is kept, since the grant would still be good elsewhere.
    pub async fn log_out(&self, site: &Site, visit: &Visit) -> Result<Vec<HeaderValue>, StoreError> {
        let scheme = visit.request.scheme;
        if let Some(grant) = self.grant(site, visit) {
            let revocation = crate::store::Revocation::Grant { site: site.spec.key.clone(), grant: grant.id };
            self.shared.store.revoke(&revocation, site.longest).await?;
            self.shared.revoked.add(&revocation, site.longest, self.shared.clock.now());
            let event = Event::new(Kind::LoggedOut, self.shared.reference());
            self.note(about(site, visit, self.naming(site, Some(&grant.subject), event))).await;
        }
        Ok([GRANT, RESUME].iter().filter_map(|cookie| cookie.clear(scheme).ok()).collect())
    }

    /// The hidden token of the forms of a challenge's page.
    #[must_use]
    pub fn form_token(&self, id: &ChallengeId) -> String {
        self.keys.form_token(id.as_bytes())
    }

    /// Whether a form's hidden token is the challenge's (C12, U24).
    #[must_use]
    pub fn is_form_token(&self, id: &ChallengeId, token: &str) -> bool {
        self.keys.is_form_token(id.as_bytes(), token)
    }

    /// A reference for an answer that belongs to no challenge.
    #[must_use]
    pub fn reference(&self) -> crate::words::Reference {
        self.shared.reference()
    }
}

/// For whom a parked request is taken up: the bearer of this token, while this subject is signed in, who is counted so.
pub(super) fn whom(token: &str, subject: &Subject, counted: KeyedHash) -> Vec<u8> {
    [b"resume ", token.as_bytes(), b" ", counted.as_bytes(), subject.as_str().as_bytes()].concat()
}

fn contact_at(contacts: &[Contact], destination: Destination) -> Option<Contact> {
    let mut of_channel = contacts.iter().filter(|contact| contact.channel() == destination.channel);
    of_channel.nth(usize::from(destination.contact)).cloned()
}
