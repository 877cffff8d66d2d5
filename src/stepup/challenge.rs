//! Putting a challenge: park the request, find the contacts, open it in the store.

use std::sync::Arc;

use http::HeaderValue;

use crate::audit::{self, Kind};
use crate::challenge::{Asked, FromForm, Parked, Particulars, Reach, digest};
use crate::gate::Why;
use crate::request::{OwnOrigin, RequestKind};
use crate::seal::Purpose;
use crate::stepup::contacts::Known;
use crate::stepup::identify::Who;
use crate::stepup::judge::{Case, is_plain, may_challenge};
use crate::stepup::sign_up::way_back;
use crate::stepup::visit::BROWSER;
use crate::stepup::{BadForm, Gateway, Outage, RequestBody, Ruling, Site, Visit};
use crate::store::{Found, NewChallenge, Opened, Parking, StoreError};
use crate::words::{BrowserId, ChallengeId, KeyedHash, ParkedId, Reference, SendWhen, StepUp, Subject};

/// The subject of a challenge whose page asks for an address first.
pub(super) const NOBODY: &str = "nobody";

impl Gateway {
    /// Nobody is signed in: the visitor is asked for an address, or sent to sign in.
    pub(super) async fn nobody(&self, case: Case<'_>, policy: &Arc<StepUp>, body: &mut dyn RequestBody) -> Ruling {
        let kind = case.visit.request.kind;
        if !may_challenge(kind) {
            return self.plain_401(&case, policy, Why::NoSubject);
        }
        if kind == RequestKind::Navigation && case.site.asks() {
            return self.challenge(case, policy, Who::default(), Why::NoSubject, None, body).await;
        }
        case.count(audit::Verdict::SignIn, Some(Why::NoSubject));
        let event = self.event(Kind::SignIn, &case, policy).reason(Why::NoSubject.as_str());
        let reference = event.reference();
        self.shared.audit.record(event);
        let (to, cookie) = self.sign_in(case.site, case.visit);
        Ruling::SignIn { to, cookies: cookie.into_iter().collect(), reference }
    }

    /// Where a code can go.
    async fn reachable(&self, case: &Case<'_>, policy: &Arc<StepUp>, who: &Who) -> Result<Known, Outage> {
        match &case.form {
            // Of whoever types it nothing else need be known.
            Some(form) => Ok(Known { contacts: self.ways_of(policy, form), ..Known::default() }),
            None => self.contacts(case.site, case.visit, policy, who.subject.as_ref()).await,
        }
    }

    /// Puts a challenge. A navigation's body is parked; nothing was sent to the upstream and no message goes out.
    pub(super) async fn challenge(
        &self,
        mut case: Case<'_>,
        policy: &Arc<StepUp>,
        who: Who,
        why: Why,
        binding: Option<KeyedHash>,
        body: &mut dyn RequestBody,
    ) -> Ruling {
        let (site, visit) = (case.site, case.visit);
        let request = &visit.request;
        if !may_challenge(request.kind) {
            return self.plain_401(&case, policy, why);
        }
        if let Some(form) = &case.form
            && self.ways_of(policy, form).is_empty()
        {
            return self.bad_form(&case, policy, BadForm::unreachable(form));
        }
        let is_page = request.kind == RequestKind::Navigation;
        // A body posted by another site is never parked: replaying it would be that site's deed (R15). Nor is a login
        // form: it has a password.
        let parks = is_page
            && !is_plain(&request.method)
            && visit.origin() != OwnOrigin::Foreign
            && !site.is_sign_in(request.path.decoded());
        if parks && let Err(error) = self.read_body(&mut case, body).await {
            return self.body_ruling(&case, policy, error);
        }
        let known = match self.reachable(&case, policy, &who).await {
            Ok(found) => found,
            Err(outage) => return self.unavailable(&case, policy, &outage),
        };
        if let Err(refused) = self.suspect_contacts(&mut case, policy, &who, &known) {
            return *refused;
        }
        // What the directory says may ask for a stronger channel.
        let asked = policy;
        let policy = asked.at(case.risk.score());
        let known = match Arc::ptr_eq(policy, asked) {
            true => Ok(known),
            false => self.reachable(&case, policy, &who).await,
        };
        let known = match known {
            Ok(found) => found,
            Err(outage) => return self.unavailable(&case, policy, &outage),
        };
        case.count(audit::Verdict::Challenge, Some(why));
        let asked = match (&who.subject, is_page) {
            (None, _) => Asked::Nobody,
            (Some(_), true) => Asked::Page,
            (Some(_), false) => Asked::Api,
        };
        let subject = who.subject.clone().or_else(|| Subject::parse(NOBODY).ok());
        let Some(subject) = subject else { return self.plain_401(&case, policy, why) };
        let target = visit.target();
        let mut particulars = Particulars::of(&subject, &policy.name, asked);
        request.method.as_str().clone_into(&mut particulars.method);
        particulars.return_to.clone_from(&target);
        particulars.target.clone_from(&target);
        particulars.binding = binding;
        particulars.contacts = known.contacts.iter().map(Reach::new).collect();
        particulars.is_earlier = known.is_earlier;
        particulars.usable_at = known.usable_in.map(|wait| self.shared.clock.now().after(wait));
        particulars.language = known.language;
        particulars.known_by = known.directory.map(|directory| directory.as_str().to_owned());
        particulars.account = known.account.map(|account| account.as_str().to_owned());
        particulars.send = policy.send;
        particulars.app_session = who.app_session;
        if case.form.is_some() {
            particulars.form = Some(FromForm { is_named: !who.is_holder, back: way_back(site, visit) });
            if visit.origin() == OwnOrigin::Foreign {
                // Another site made the visitor post it: it must not make messages go out, too.
                particulars.send = SendWhen::OnClick;
            }
        }
        let parking = match (case.resumed, parks) {
            (Some(resumed), _) => Park::Adopt(resumed.parked),
            (None, true) => {
                let body = case.body.clone().unwrap_or_default();
                let parked = Parked::new(request.method.clone(), &target, &visit.headers, body);
                Park::New(self.shared.parked_id(), parked)
            }
            (None, false) => Park::None,
        };
        particulars.parked = match &parking {
            Park::New(id, _) | Park::Adopt(id) | Park::Inherit(id) => Some(*id),
            Park::None => None,
        };
        let likeness = self.likeness(&case, policy, &particulars);
        let (browser, mut cookies) = self.browser_of(visit);
        let id = self.shared.challenge_id();
        let opening = Opening { id, browser, particulars, parking, likeness, reference: self.shared.reference() };
        match self.open(site, &opening).await {
            Ok(Opened::Full) => {
                let event = self.event(Kind::ParkFull, &case, policy);
                let reference = event.reference();
                self.shared.audit.record(event);
                Ruling::Crowded(reference)
            }
            Ok(Opened::Same(id)) => self.put(&case, policy, id, opening.browser, cookies).await,
            Ok(Opened::New) => {
                let event = self.event_under(Kind::Opened, &case, policy, opening.reference).reason(why.as_str());
                self.note(self.naming(site, who.subject.as_ref(), event)).await;
                if let Some(subject) = who.named() {
                    self.count_subject(site, visit, subject);
                }
                if parks {
                    self.note(self.event_under(Kind::Parked, &case, policy, opening.reference)).await;
                }
                cookies.extend(self.move_device(site, visit, who.subject.as_ref()).await);
                self.put(&case, policy, opening.id, opening.browser, cookies).await
            }
            Err(error) => self.unavailable(&case, policy, &error.into()),
        }
    }

    /// Tells the visitor where the challenge is.
    async fn put(
        &self,
        case: &Case<'_>,
        policy: &Arc<StepUp>,
        id: ChallengeId,
        browser: BrowserId,
        cookies: Vec<HeaderValue>,
    ) -> Ruling {
        if case.visit.request.kind == RequestKind::Navigation {
            return Ruling::ToPage { id, cookies };
        }
        match self.find(case.site, self.browser_hash(&browser), Some(id)).await {
            Ok(Found::One(challenge)) => match self.standing(*challenge) {
                Some(standing) => {
                    let max_age = policy.max_age.as_secs();
                    Ruling::ToClient { standing: Box::new(standing), cookies, max_age }
                }
                None => Ruling::Unavailable(self.shared.reference()),
            },
            Ok(_) => Ruling::Unavailable(self.shared.reference()),
            Err(error) => self.unavailable(case, policy, &error.into()),
        }
    }

    /// The browser that the cookie names, or a new one and its cookie.
    pub(super) fn browser_of(&self, visit: &Visit) -> (BrowserId, Vec<HeaderValue>) {
        match visit.browser() {
            Some(browser) => (browser, Vec::new()),
            None => {
                let browser = self.shared.browser_id();
                let cookie = BROWSER.set(visit.request.scheme, &browser.to_string(), None);
                (browser, cookie.into_iter().collect())
            }
        }
    }

    /// Two requests of the same likeness share a challenge: the same page again, or any request of an API client under
    /// the same policy that needs no confirmation of its own. Never those of two subjects: whoever signs in after
    /// somebody else on the same browser is asked anew.
    fn likeness(&self, case: &Case<'_>, policy: &StepUp, particulars: &Particulars) -> KeyedHash {
        let body = case.body.as_deref().unwrap_or_default();
        let whole = digest(&case.visit.request.method, &particulars.target, &case.visit.headers, body);
        let what = if particulars.asked == Asked::Api && particulars.binding.is_none() { &[][..] } else { &whole[..] };
        let asked: &[u8] = match particulars.asked {
            Asked::Api => b"api",
            _ => b"page",
        };
        let subject = particulars.subject();
        let subject = subject.as_ref().map_or("", |subject| subject.as_str());
        // Another contact in the same form is another challenge.
        let form = case.form.as_ref().map(|form| form.hash);
        let form = form.as_ref().map_or(&[][..], |hash| hash.as_bytes());
        // So is one that a cool-down keeps from the contacts of now, as long as it does.
        let cooling: &[u8] = if particulars.usable_at.is_some() { b"cooling" } else { b"" };
        // Nor do other channels do, which a higher score asks for.
        let channels: String = policy.channels.iter().map(|channel| channel.as_str()).collect();
        let policy = particulars.policy.as_bytes();
        let parts = [asked, subject.as_bytes(), policy, what, form, cooling, channels.as_bytes()];
        self.keys.hash("likeness", &parts)
    }

    /// Opens a challenge in the store.
    pub(super) async fn open(&self, site: &Site, opening: &Opening) -> Result<Opened, StoreError> {
        let (id, random) = (opening.id, &*self.shared.random);
        let plain = opening.particulars.encode();
        let sealed = self.keys.seal(Purpose::Challenge, id.as_bytes(), &plain, random);
        let parked;
        let parking = match &opening.parking {
            Park::None => Parking::None,
            Park::New(id, request) => {
                let context = [site.spec.key.as_str().as_bytes(), id.as_bytes()].concat();
                parked = self.keys.seal(Purpose::Parked, &context, &request.encode(), random);
                Parking::New(*id, &parked)
            }
            Park::Adopt(id) => Parking::Adopt(*id),
            Park::Inherit(id) => Parking::Inherit(*id),
        };
        let browser = self.browser_hash(&opening.browser);
        let subject = match opening.particulars.counted() {
            Some(subject) => self.subject_hash(site, &subject),
            // Each browser of which nobody knows whose it is stands for itself: one cannot use up the others' budget.
            None => self.keys.hash("nobody", &[site.spec.key.as_str().as_bytes(), browser.as_bytes()]),
        };
        self.shared
            .store
            .open(&NewChallenge {
                site: &site.spec.key,
                id,
                browser,
                subject,
                likeness: opening.likeness,
                sealed: &sealed,
                parked: parking,
                reference: opening.reference,
                tries: self.rules.tries,
                ttl: self.rules.park_ttl,
                budget: self.rules.budget,
            })
            .await
    }
}

/// A challenge about to be opened.
pub(super) struct Opening {
    pub id: ChallengeId,
    pub browser: BrowserId,
    pub particulars: Particulars,
    pub parking: Park,
    pub likeness: KeyedHash,
    pub reference: Reference,
}

/// The parked request of a challenge about to be opened.
pub(super) enum Park {
    None,
    New(ParkedId, Parked),
    /// Of an earlier challenge of the same subject.
    Adopt(ParkedId),
    /// Of this browser, before anybody said who it is.
    Inherit(ParkedId),
}
