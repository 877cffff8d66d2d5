//! What goes along with a judged request to the application: who asks, what was proved, the score and its reasons.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};

use crate::audit::{self, Kind};
use crate::gate::Passage;
use crate::grant::Claims;
use crate::risk::Risk;
use crate::stepup::identify::Who;
use crate::stepup::judge::Case;
use crate::stepup::{Changing, Forward, Gateway, Replacement, Ruling, Watch};
use crate::store::Confirmed;
use crate::words::{Channel, Proof, StepUp, Subject, Timestamp};

/// Headers to add.
pub(super) type Added = Vec<(HeaderName, HeaderValue)>;

const SUBJECT: HeaderName = HeaderName::from_static("x-otpgate-subject");
const CHANNEL: HeaderName = HeaderName::from_static("x-otpgate-channel");
const VERIFIED_AT: HeaderName = HeaderName::from_static("x-otpgate-verified-at");
const CONTACT: HeaderName = HeaderName::from_static("x-otpgate-contact");
const ASSERTION: HeaderName = HeaderName::from_static("x-otpgate-assertion");
const REASONS: HeaderName = HeaderName::from_static("x-otpgate-reasons");
const SCORE_HEADER: HeaderName = HeaderName::from_static("x-otpgate-score");

impl Gateway {
    pub(super) fn forward(&self, case: &mut Case<'_>, policy: &Arc<StepUp>, who: &Who, passage: Passage<'_>) -> Ruling {
        if let Passage::Observed(why) = passage {
            case.site.metrics.reason(audit::Verdict::Observe, why.as_str());
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

    pub(super) fn forward_confirmed(
        &self,
        case: &mut Case<'_>,
        policy: &Arc<StepUp>,
        who: &Who,
        confirmed: &Confirmed,
    ) -> Ruling {
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
        let reasons = case.risk.signals().iter().map(|signal| signal.name.to_string()).collect();
        let claims =
            Claims { site, subject, channel, verified_at, is_vouched, score: case.risk.score(), reasons, contact };
        let shared = &self.shared;
        if let Some(assertion) = self.assertions.of(&claims, &self.keys, shared.clock.now(), &*shared.random) {
            add.push((ASSERTION, assertion));
        }
    }

    /// Sends on what would go no further under a policy that does more than observe, and says why.
    pub(super) fn observe(&self, case: &mut Case<'_>, policy: &StepUp, by: Option<&Subject>, why: &str) -> Ruling {
        case.site.metrics.reason(audit::Verdict::Observe, why);
        let event = self.event(Kind::Observed, case, policy).reason(why);
        self.shared.audit.record(self.naming(case.site, by, event));
        self.send_on(case, Vec::new(), audit::Verdict::Observe)
    }

    /// Sends a judged request on, with its body if that was read.
    pub(super) fn send_on(&self, case: &mut Case<'_>, mut add: Added, counted: audit::Verdict) -> Ruling {
        let (site, visit) = (case.site, case.visit);
        case.count(counted, None);
        push(&mut add, SCORE_HEADER, case.risk.score().to_string().as_bytes());
        push_reasons(&mut add, &case.risk);
        let instead = case.body.take().map(|body| Replacement {
            method: visit.request.method.clone(),
            target: visit.target(),
            headers: case.resumed.map(|_| visit.headers.clone()),
            body,
        });
        let (watch, changing) = (Watch::of(site, visit), Changing::of(self, site, visit));
        Ruling::Forward(Box::new(Forward { add, instead, watch, changing, set_cookies: Vec::new() }))
    }
}

fn push(add: &mut Added, name: HeaderName, value: &[u8]) {
    // A subject has no control characters, so its UTF-8 is a header value.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        add.push((name, value));
    }
}

/// What the score is made of, if anything: `country_unexpected 25, drop 60`.
fn push_reasons(add: &mut Added, risk: &Risk) {
    if risk.signals().is_empty() {
        return;
    }
    let mut text = String::new();
    for signal in risk.signals() {
        let comma = if text.is_empty() { "" } else { ", " };
        // A list may be called anything; what parts one reason from the next, or ends a header, is none of its name (S16).
        let name = signal.name.replace(|c: char| c == ',' || c.is_control(), "_");
        let _ = write!(text, "{comma}{name} {}", signal.points);
    }
    push(add, REASONS, text.as_bytes());
}

/// The contact of the request's own form, which was proved.
fn push_contact(add: &mut Added, case: &Case<'_>) {
    if let Some(form) = &case.form {
        push(add, CONTACT, form.canonical().as_bytes());
    }
}

fn push_proof(add: &mut Added, channel: Channel, at: Timestamp) {
    push(add, CHANNEL, channel.as_str().as_bytes());
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_secs());
    push(add, VERIFIED_AT, humantime::format_rfc3339_seconds(time).to_string().as_bytes());
}
