//! The road of a request: route, subject, proofs, verdict, and what follows from it.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::audit::{self, Event, Kind};
use crate::challenge::{Particulars, digest};
use crate::gate::{Facts, Passage, Verdict, Why, judge};
use crate::grant::Claims;
use crate::request::RequestKind;
use crate::risk::Risk;
use crate::stepup::identify::{Unknown, Who};
use crate::stepup::sign_up::{InForm, Read};
use crate::stepup::{
    BodyError, Changing, Forward, Gateway, Outage, Replacement, RequestBody, Ruling, Site, Visit, Watch,
};
use crate::store::Confirmed;
use crate::words::{
    Binding, Channel, ContactRule, KeyedHash, ParkedId, Policy, Proof, Reference, StepUp, Subject, Timestamp,
};

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
            Verdict::Refuse(why) => return self.refuse(&case, policy, why),
            Verdict::Forward(Passage::LowScore) if !wants_form(policy) && !self.may_rise(policy, case.risk.score()) => {
                return self.send_on(&mut case, Vec::new(), audit::Verdict::Forward);
            }
            Verdict::Forward(_) | Verdict::Challenge(_) => {}
        }
        let Policy::StepUp(policy) = policy else { return self.refuse(&case, policy, Why::Denied) };

        let grant = self.grant(site, visit);
        let mut who = match self.identify(site, visit, grant.as_ref()).await {
            Ok(who) => who,
            Err(unknown) if policy.observe => return self.observe_unknown(&case, policy, &unknown),
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
        let proofs = self.proofs(site, grant, who.subject.as_ref());
        let is_whole = self.suspect(&mut case, policy, &who, &proofs).await;
        let facts = Facts {
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
        let mut vouched = Vec::new();
        if let (Some(_), Some(subject), true) = (policy.recheck(), &who.subject, judge(&facts).lacks_proof()) {
            vouched = match self.vouched(site, visit, subject).await {
                Ok(vouched) => vouched,
                Err(outage) if policy.observe => {
                    let event = self.event(Kind::Observed, &case, policy).reason(outage.as_str());
                    self.shared.audit.record(self.naming(site, Some(subject), event));
                    return self.send_on(&mut case, Vec::new(), audit::Verdict::Observe);
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
            Some(Read::Bad(bad)) if policy.observe => {
                self.shared.audit.record(self.event(Kind::Observed, case, policy).reason(bad.as_str()));
                Err(Box::new(self.send_on(case, Vec::new(), audit::Verdict::Observe)))
            }
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
                Ok(Some(confirmed)) => return self.forward_confirmed(&mut case, policy, &who, &confirmed),
                Ok(None) => {}
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

    fn forward(&self, case: &mut Case<'_>, policy: &Arc<StepUp>, who: &Who, passage: Passage<'_>) -> Ruling {
        if let Passage::Observed(why) = passage {
            let event = self.event(Kind::Observed, case, policy).reason(why.as_str());
            self.shared.audit.record(self.naming(case.site, who.subject.as_ref(), event));
        }
        let mut add = Vec::with_capacity(5);
        if let Some(subject) = who.named() {
            push(&mut add, SUBJECT, subject.as_str().as_bytes());
        }
        match passage {
            Passage::Proof(Proof { channel, at, .. }) => {
                push_proof(&mut add, *channel, *at);
                push_contact(&mut add, case);
                self.assert(&mut add, case, who, (*channel, *at), false);
            }
            Passage::Vouched(vouched) => {
                self.note_vouched(case, policy, who, vouched);
                push_proof(&mut add, vouched.channel, vouched.at);
                self.assert(&mut add, case, who, (vouched.channel, vouched.at), true);
            }
            Passage::Bypass | Passage::LowScore | Passage::Confirmed | Passage::Observed(_) => {}
        }
        let counted =
            if matches!(passage, Passage::Observed(_)) { audit::Verdict::Observe } else { audit::Verdict::Forward };
        self.send_on(case, add, counted)
    }

    fn forward_confirmed(&self, case: &mut Case<'_>, policy: &Arc<StepUp>, who: &Who, confirmed: &Confirmed) -> Ruling {
        let event = self.event(Kind::Confirmed, case, policy);
        self.shared.audit.record(self.naming(case.site, who.subject.as_ref(), event));
        let mut add = Vec::with_capacity(5);
        if let Some(subject) = who.named() {
            push(&mut add, SUBJECT, subject.as_str().as_bytes());
        }
        push_contact(&mut add, case);
        if let Some(last) = confirmed.sent.last() {
            push_proof(&mut add, last.channel, confirmed.at);
            self.assert(&mut add, case, who, (last.channel, confirmed.at), false);
        }
        self.send_on(case, add, audit::Verdict::Forward)
    }

    /// Adds the assertion of what was proved, on which channel and when, or vouched for by the directory.
    fn assert(&self, add: &mut Added, case: &Case<'_>, who: &Who, proved: (Channel, Timestamp), is_vouched: bool) {
        let (channel, verified_at) = proved;
        let (site, subject) = (case.site.spec.key.clone(), who.named().cloned());
        let contact = case.form.as_ref().map(|form| form.canonical().to_owned());
        let claims = Claims { site, subject, channel, verified_at, is_vouched, score: case.risk.score(), contact };
        let shared = &self.shared;
        if let Some(assertion) = self.assertions.of(&claims, &self.keys, shared.clock.now(), &*shared.random) {
            add.push((ASSERTION, assertion));
        }
    }

    /// Sends a judged request on, with its body if that was read.
    fn send_on(&self, case: &mut Case<'_>, mut add: Added, counted: audit::Verdict) -> Ruling {
        let (site, visit) = (case.site, case.visit);
        site.metrics.count(counted);
        push(&mut add, SCORE_HEADER, case.risk.score().to_string().as_bytes());
        let instead = case.body.take().map(|body| Replacement {
            method: visit.request.method.clone(),
            target: visit.target(),
            headers: case.resumed.map(|_| visit.headers.clone()),
            body,
        });
        let (watch, changing) = (Watch::of(site, visit), Changing::of(self, site, visit));
        Ruling::Forward(Box::new(Forward { add, instead, watch, changing, set_cookies: Vec::new() }))
    }

    pub(super) fn refuse(&self, case: &Case<'_>, policy: &Policy, why: Why) -> Ruling {
        case.site.metrics.count(audit::Verdict::Refuse);
        let reference = self.shared.reference();
        let name = match policy {
            Policy::Bypass => "bypass",
            Policy::Deny => "deny",
            Policy::StepUp(policy) => &policy.name,
        };
        let event = Event::new(Kind::Refused, reference).policy(name).reason(why.as_str());
        self.shared.audit.record(about(case.site, case.visit, scored(case, event)));
        Ruling::Refused(reference)
    }

    fn refuse_conflict(&self, case: &Case<'_>, policy: &Arc<StepUp>) -> Ruling {
        case.site.metrics.count(audit::Verdict::Refuse);
        let event = self.event(Kind::IdentityConflict, case, policy);
        let reference = event.reference();
        self.shared.audit.record(event);
        Ruling::Refused(reference)
    }

    fn observe_unknown(&self, case: &Case<'_>, policy: &Arc<StepUp>, unknown: &Unknown) -> Ruling {
        let reason = match unknown {
            Unknown::Conflict => "identity_conflict",
            Unknown::Outage(outage) => outage.as_str(),
        };
        self.shared.audit.record(self.event(Kind::Observed, case, policy).reason(reason));
        self.pass_through(case.site, case.visit)
    }

    /// A failure of ours, or of what we ask: nothing goes on (I2).
    pub(super) fn unavailable(&self, case: &Case<'_>, policy: &Arc<StepUp>, outage: &Outage) -> Ruling {
        case.site.metrics.count(audit::Verdict::Unavailable);
        tracing::error!(error = %outage, site = %case.site.spec.key, "{}", outage.what());
        let event = self.event(Kind::Unavailable, case, policy).reason(outage.as_str());
        let reference = event.reference();
        self.shared.audit.record(event);
        Ruling::Unavailable(reference)
    }

    /// A body that cannot be read or kept.
    pub(super) fn body_ruling(&self, case: &Case<'_>, policy: &Arc<StepUp>, error: BodyError) -> Ruling {
        case.site.metrics.count(audit::Verdict::Challenge);
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
        case.site.metrics.count(audit::Verdict::Challenge);
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

/// Headers to add.
type Added = Vec<(HeaderName, HeaderValue)>;

const SUBJECT: HeaderName = HeaderName::from_static("x-otpgate-subject");
const CHANNEL: HeaderName = HeaderName::from_static("x-otpgate-channel");
const VERIFIED_AT: HeaderName = HeaderName::from_static("x-otpgate-verified-at");
const CONTACT: HeaderName = HeaderName::from_static("x-otpgate-contact");
const ASSERTION: HeaderName = HeaderName::from_static("x-otpgate-assertion");
const SCORE_HEADER: HeaderName = HeaderName::from_static("x-otpgate-score");

fn push(add: &mut Added, name: HeaderName, value: &[u8]) {
    // A subject has no control characters, so its UTF-8 is a header value.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        add.push((name, value));
    }
}

/// The contact of the request's own form, which was proved.
fn push_contact(add: &mut Added, case: &Case<'_>) {
    if let Some(form) = &case.form {
        push(add, CONTACT, form.canonical().as_bytes());
    }
}

fn push_proof(add: &mut Added, channel: Channel, at: Timestamp) {
    push(add, CHANNEL, channel.as_str().as_bytes());
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at.as_secs());
    push(add, VERIFIED_AT, humantime::format_rfc3339_seconds(time).to_string().as_bytes());
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
