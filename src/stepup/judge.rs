//! The road of a request: route, subject, proofs, verdict, and what follows from it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::audit::{self, Event, Kind};
use crate::challenge::{Particulars, digest};
use crate::gate::{Facts, Passage, Verdict, Why, judge};
use crate::request::RequestKind;
use crate::risk::{Ban, Risk};
use crate::stepup::identify::{Unknown, Who};
use crate::stepup::sign_up::{InForm, Read};
use crate::stepup::{BodyError, Changing, Forward, Gateway, Outage, RequestBody, Ruling, Site, Visit, Watch};
use crate::words::{Binding, ContactRule, KeyedHash, ParkedId, Policy, Reference, StepUp, Subject, Timestamp};

/// What one judgement needs from start to end.
pub(super) struct Case<'a> {
    pub site: &'a Arc<Site>,
    pub visit: &'a Visit,
    /// The request's body, once it was read.
    pub body: Option<Bytes>,
    /// The contact in the request's own form, once it was read.
    pub form: Option<InForm>,
    /// What speaks against the request.
    pub risk: Risk,
    /// The challenge whose parked request this is, when one is resumed.
    pub resumed: Option<Resumed>,
}

/// Where a resumed request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resumed {
    pub parked: ParkedId,
    pub token: KeyedHash,
}

impl Case<'_> {
    /// Counts what becomes of the request, and why: by the gate's word, and by each signal.
    pub(super) fn count(&self, verdict: audit::Verdict, why: Option<Why>) {
        let metrics = &self.site.metrics;
        metrics.count(verdict);
        let signals = self.risk.signals().iter().map(|signal| &*signal.name);
        why.map(Why::as_str).into_iter().chain(signals).for_each(|reason| metrics.reason(verdict, reason));
    }
}

impl Gateway {
    /// The whole decision about one request. The body is read only to be parked, or to be bound to a confirmation.
    pub async fn judge(&self, site: &Arc<Site>, visit: &Visit, body: &mut dyn RequestBody) -> Ruling {
        if let Some(ruling) = self.resume(site, visit).await {
            return ruling;
        }
        let mut forget = None;
        if let Some(ruling) = self.onward(site, visit, &mut forget).await {
            return ruling;
        }
        let mut ruling =
            self.decide(Case { site, visit, body: None, form: None, risk: Risk::default(), resumed: None }, body).await;
        match &mut ruling {
            Ruling::Forward(forward) => forward.set_cookies.extend(forget),
            Ruling::ToPage { cookies, .. } => cookies.extend(forget),
            _ => {}
        }
        ruling
    }

    /// Decides about a request that is no resumption, or about the parked request of one.
    pub(super) async fn decide(&self, mut case: Case<'_>, body: &mut dyn RequestBody) -> Ruling {
        let (site, visit) = (case.site, case.visit);
        let (_, policy) = site.spec.routes.find(&visit.request);
        if matches!(policy, Policy::StepUp(_)) {
            case.risk = self.scoring.of(&visit.request, &visit.headers);
        }
        let ban = self.ban(&mut case, policy);
        let nobody = Facts {
            policy,
            has_subject: false,
            proofs: &[],
            vouched: &[],
            wanted: None,
            confirmed: false,
            score: case.risk.score(),
            is_whole: true,
            app_session: None,
            network: KeyedHash::new([0; 16]),
            now: Timestamp::default(),
        };
        // What needs no subject is decided without one: a bypass route asks nothing of the store (I2).
        match judge(&nobody) {
            Verdict::Forward(Passage::Bypass) => return self.pass_through(site, visit),
            Verdict::Refuse(why) if site.spec.observe => return self.observe_denied(case, policy, why),
            Verdict::Refuse(why) => return self.refuse(&case, policy, why),
            Verdict::Forward(Passage::LowScore)
                if !wants_form(policy) && ban.is_none() && !self.may_rise(site, policy, case.risk.score()) =>
            {
                return self.send_on(&mut case, Vec::new(), audit::Verdict::Forward);
            }
            Verdict::Forward(_) | Verdict::Challenge(_) => {}
        }
        let Policy::StepUp(base) = policy else { return self.refuse(&case, policy, Why::Denied) };
        let policy = base.at(case.risk.score());

        let grant = self.grant(site, visit);
        let mut who = match self.identify(site, visit, grant.as_ref()).await {
            Ok(who) => who,
            Err(unknown) if policy.observe => return self.observe_unknown(case, policy, &unknown),
            Err(Unknown::Conflict) => return self.refuse_conflict(&case, policy),
            Err(Unknown::Outage(outage)) => return self.unavailable(&case, policy, &outage),
        };
        match self.read_form(&mut case, policy, &mut who, body).await {
            Ok(()) => {}
            Err(ruling) => return *ruling,
        }
        if who.subject.is_none() && site.spec.may_sign_in(&visit.request) {
            return self.pass_through(site, visit);
        }
        if let (true, Some(subject)) = (who.is_new, who.named()) {
            self.count_subject(site, visit, subject);
        }
        let proofs = self.proofs(site, grant, who.subject.as_ref());
        let is_whole = self.suspect(&mut case, base, &who, &proofs).await;
        // What was found of a contact, or of the subject, may ask for more.
        let policy = base.at(case.risk.score());
        let mut facts = Facts {
            has_subject: who.subject.is_some(),
            proofs: &proofs,
            wanted: case.form.as_ref().map(|form| form.hash),
            score: case.risk.score(),
            is_whole,
            app_session: who.app_session,
            network: if policy.binds(Binding::Network) { self.network_hash(&visit.request) } else { nobody.network },
            now: self.shared.clock.now(),
            ..nobody
        };
        if let Some(ban) = ban {
            // Is there a proof that this policy would take, were it asked for one?
            let score = facts.score.max(policy.challenge_at);
            if !matches!(judge(&Facts { score, ..facts }), Verdict::Forward(Passage::Proof(_))) {
                ban.count(&self.scoring.points, &mut case.risk);
                facts.score = case.risk.score();
            }
        }
        let mut vouched = Vec::new();
        if let (Some(_), Some(subject), true) = (policy.recheck(), &who.subject, judge(&facts).lacks_proof()) {
            vouched = match self.vouched(site, visit, subject).await {
                Ok(vouched) => vouched,
                Err(outage) if policy.observe => {
                    return self.observe(&mut case, policy, Some(subject), outage.as_str());
                }
                Err(outage) => return self.unavailable(&case, policy, &outage),
            };
        }
        match judge(&Facts { vouched: &vouched, ..facts }) {
            Verdict::Forward(Passage::LowScore) => self.send_on(&mut case, Vec::new(), audit::Verdict::Forward),
            Verdict::Forward(passage) => self.forward(&mut case, policy, &who, passage),
            Verdict::Refuse(why) => self.refuse(&case, &Policy::StepUp(Arc::clone(policy)), why),
            Verdict::Challenge(Why::NoSubject) => self.nobody(case, policy, body).await,
            Verdict::Challenge(Why::Confirm) => self.confirm(case, policy, who, body).await,
            Verdict::Challenge(why) => self.challenge(case, policy, who, why, None, body).await,
        }
    }

    /// Adds what was seen of where the request comes from. Gives a ban that does not count yet: it stops new tries, never a good
    /// grant, and whether there is one is known once it is known who asks.
    fn ban(&self, case: &mut Case<'_>, policy: &Policy) -> Option<Ban> {
        if !matches!(policy, Policy::StepUp(_)) {
            return None;
        }
        let ban = self.behaviour(case.site, case.visit, &mut case.risk)?;
        if self.scoring.bans.spare_grants && self.grant(case.site, case.visit).is_some() {
            return Some(ban);
        }
        ban.count(&self.scoring.points, &mut case.risk);
        None
    }

    /// Under a policy that wants it proved, the contact in the request's own form; and with it, who asks if nobody is signed
    /// in. An error is the ruling on a request that goes no further, or needs no code.
    async fn read_form(
        &self,
        case: &mut Case<'_>,
        policy: &Arc<StepUp>,
        who: &mut Who,
        body: &mut dyn RequestBody,
    ) -> Result<(), Box<Ruling>> {
        match self.read_contact(case, policy, body).await {
            None => Ok(()),
            Some(Read::Opens) => Err(Box::new(self.pass_through(case.site, case.visit))),
            Some(Read::NoPage) => Err(Box::new(self.plain_401(case, policy, Why::NoProof))),
            Some(Read::NoBody(error)) => Err(Box::new(self.body_ruling(case, policy, error))),
            Some(Read::Bad(bad)) if policy.observe => Err(Box::new(self.observe(case, policy, None, bad.as_str()))),
            Some(Read::Bad(bad)) => Err(Box::new(self.bad_form(case, policy, bad))),
            Some(Read::Contact(form)) => {
                if who.subject.is_none() {
                    who.subject = Some(form.subject.clone());
                    who.is_holder = true;
                }
                match self.contact_risk(case, who, &form).await {
                    Ok(risk) => case.risk.extend(risk),
                    // Nothing is known of it: it may be the worst (I2).
                    Err(error) if !policy.observe => {
                        return Err(Box::new(self.unavailable(case, policy, &error.into())));
                    }
                    Err(_) => {}
                }
                case.form = Some(form);
                Ok(())
            }
        }
    }

    /// A policy that confirms each request: the confirmation of this very one is spent, or asked for.
    async fn confirm(&self, mut case: Case<'_>, policy: &Arc<StepUp>, who: Who, body: &mut dyn RequestBody) -> Ruling {
        if !may_challenge(case.visit.request.kind) {
            return self.plain_401(&case, policy, Why::Confirm);
        }
        // A visitor may send a confirmed form again by hand: then it is this very request that goes on.
        body.keep();
        if let Err(error) = self.read_body(&mut case, body).await {
            return self.body_ruling(&case, policy, error);
        }
        let binding = self.binding(&case, &who);
        if let Some(browser) = case.visit.browser() {
            let bound = self.bound_to(binding, self.browser_hash(&browser));
            match self.shared.store.spend(&case.site.spec.key, bound).await {
                Ok(Some(confirmed)) if confirmed.sent.iter().all(|sent| policy.accepts(sent.channel)) => {
                    return self.forward_confirmed(&mut case, policy, &who, &confirmed);
                }
                // By a channel that is not enough any more, or not at all.
                Ok(_) => {}
                Err(error) => return self.unavailable(&case, policy, &error.into()),
            }
        }
        self.challenge(case, policy, who, Why::Confirm, Some(binding), body).await
    }

    /// Reads the body into the case, once.
    pub(super) async fn read_body(&self, case: &mut Case<'_>, body: &mut dyn RequestBody) -> Result<(), BodyError> {
        if case.body.is_none() {
            let limit = self.rules.max_body;
            if body.declared().is_some_and(|length| length > limit as u64) {
                return Err(BodyError::TooLarge);
            }
            case.body = Some(body.read(limit).await?);
        }
        Ok(())
    }

    /// What a confirmation of this request is bound to, but for the browser: site, subject, method, target and body.
    fn binding(&self, case: &Case<'_>, who: &Who) -> KeyedHash {
        let request = &case.visit.request;
        let body = case.body.as_deref().unwrap_or_default();
        let digest = digest(&request.method, &case.visit.target(), &case.visit.headers, body);
        let subject = who.subject.as_ref().map_or("", |subject| subject.as_str());
        // Under a policy that wants a contact of the directory proved, a typed one is no confirmation.
        let form = case.form.as_ref().map(|form| form.hash);
        let form = form.as_ref().map_or(&[][..], |hash| hash.as_bytes());
        self.keys.hash("binding", &[case.site.spec.key.as_str().as_bytes(), subject.as_bytes(), &digest, form])
    }

    /// A binding with its browser.
    pub(super) fn bound_to(&self, binding: KeyedHash, browser: KeyedHash) -> KeyedHash {
        self.keys.hash("confirmation", &[binding.as_bytes(), browser.as_bytes()])
    }

    fn pass_through(&self, site: &Arc<Site>, visit: &Visit) -> Ruling {
        site.metrics.count(audit::Verdict::Forward);
        Ruling::Forward(Box::new(Forward {
            watch: Watch::of(site, visit),
            changing: Changing::of(self, site, visit),
            ..Forward::default()
        }))
    }

    /// A site that only observes denies nobody.
    fn observe_denied(&self, mut case: Case<'_>, policy: &Policy, why: Why) -> Ruling {
        case.site.metrics.reason(audit::Verdict::Observe, why.as_str());
        let event = Event::new(Kind::Observed, self.shared.reference()).policy(policy.name()).reason(why.as_str());
        self.shared.audit.record(about(case.site, case.visit, scored(&case, event)));
        self.send_on(&mut case, Vec::new(), audit::Verdict::Observe)
    }

    pub(super) fn refuse(&self, case: &Case<'_>, policy: &Policy, why: Why) -> Ruling {
        case.count(audit::Verdict::Refuse, Some(why));
        let reference = self.shared.reference();
        let event = Event::new(Kind::Refused, reference).policy(policy.name()).reason(why.as_str());
        self.shared.audit.record(about(case.site, case.visit, scored(case, event)));
        Ruling::Refused(reference)
    }

    fn refuse_conflict(&self, case: &Case<'_>, policy: &Arc<StepUp>) -> Ruling {
        case.count(audit::Verdict::Refuse, None);
        let event = self.event(Kind::IdentityConflict, case, policy);
        let reference = event.reference();
        self.shared.audit.record(event);
        Ruling::Refused(reference)
    }

    fn observe_unknown(&self, mut case: Case<'_>, policy: &Arc<StepUp>, unknown: &Unknown) -> Ruling {
        let reason = match unknown {
            Unknown::Conflict => "identity_conflict",
            Unknown::Outage(outage) => outage.as_str(),
        };
        self.observe(&mut case, policy, None, reason)
    }

    /// A failure of ours, or of what we ask: nothing goes on (I2).
    pub(super) fn unavailable(&self, case: &Case<'_>, policy: &Arc<StepUp>, outage: &Outage) -> Ruling {
        case.count(audit::Verdict::Unavailable, None);
        tracing::error!(error = %outage, site = %case.site.spec.key, "{}", outage.what());
        let event = self.event(Kind::Unavailable, case, policy).reason(outage.as_str());
        let reference = event.reference();
        self.shared.audit.record(event);
        Ruling::Unavailable(reference)
    }

    /// A body that cannot be read or kept.
    pub(super) fn body_ruling(&self, case: &Case<'_>, policy: &Arc<StepUp>, error: BodyError) -> Ruling {
        case.count(audit::Verdict::Challenge, None);
        match error {
            BodyError::Broken => Ruling::BrokenBody(self.shared.reference()),
            BodyError::TooLarge => {
                let event = self.event(Kind::TooLarge, case, policy);
                let reference = event.reference();
                self.shared.audit.record(event);
                Ruling::TooLarge { limit: self.rules.max_body as u64, reference }
            }
        }
    }

    /// What can show no page gets a plain 401.
    pub(super) fn plain_401(&self, case: &Case<'_>, policy: &Arc<StepUp>, why: Why) -> Ruling {
        case.count(audit::Verdict::Challenge, Some(why));
        self.shared.audit.record(self.event(Kind::Challenged, case, policy).reason(why.as_str()));
        Ruling::Plain401
    }

    /// An event about this case, under a reference of its own.
    pub(super) fn event(&self, kind: Kind, case: &Case<'_>, policy: &StepUp) -> Event {
        self.event_under(kind, case, policy, self.shared.reference())
    }

    pub(super) fn event_under(&self, kind: Kind, case: &Case<'_>, policy: &StepUp, reference: Reference) -> Event {
        about(case.site, case.visit, scored(case, Event::new(kind, reference).policy(&policy.name)))
    }

    /// The event of a challenge with its subject, under the hash by which it is counted.
    pub(super) fn naming_asked(&self, site: &Site, particulars: &Particulars, event: Event) -> Event {
        match (particulars.subject(), particulars.counted()) {
            (Some(subject), Some(counted)) => event.subject(&subject, self.subject_hash(site, &counted)),
            _ => event,
        }
    }

    /// The event with its subject, where there is one.
    pub(super) fn naming(&self, site: &Site, subject: Option<&Subject>, event: Event) -> Event {
        match subject {
            Some(subject) => event.subject(subject, self.subject_hash(site, subject)),
            None => event,
        }
    }
}

/// The event with what speaks against the request, if anything does.
fn scored(case: &Case<'_>, event: Event) -> Event {
    let signals = case.risk.signals();
    if signals.is_empty() {
        return event;
    }
    event.score(case.risk.score()).reasons(signals)
}

/// The event with what is known of its request.
pub(super) fn about(site: &Site, visit: &Visit, event: Event) -> Event {
    let request = &visit.request;
    event
        .site(site.spec.key.as_str())
        .client(request.client.ip)
        .request(request.method.as_str(), request.path.decoded())
}

/// Whether a request of this kind can be asked for a code.
pub(super) const fn may_challenge(kind: RequestKind) -> bool {
    matches!(kind, RequestKind::Navigation | RequestKind::ApiClient)
}

/// Whether it is the contact in the request's own form that `policy` wants proved.
fn wants_form(policy: &Policy) -> bool {
    matches!(policy, Policy::StepUp(policy) if matches!(policy.contact, ContactRule::Form(_)))
}

/// Whether a method has no body worth keeping.
pub(super) fn is_plain(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The headers of a resumed request: the parked ones, with the cookies and authorisation of the present one (R14).
pub(super) fn resumed_headers(parked: &HeaderMap, present: &HeaderMap) -> HeaderMap {
    let mut headers = parked.clone();
    for name in [http::header::COOKIE, http::header::AUTHORIZATION, http::header::HOST] {
        for value in present.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    headers
}
