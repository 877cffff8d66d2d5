//! Registration: a policy with `contact: {form: …}` wants the contact proved that stands in the request's own form.
//!
//! The application is unmodified and reads the form by itself, so a form of which it cannot be told what it says never goes
//! on. Nobody has vouched for such a contact: a proof of it counts for nothing but this very contact, and limits for typed
//! addresses hold. Start at [`Gateway::read_contact`]; the rest of the road is that of any challenge.

use std::time::Duration;

use http::{Method, header};

use crate::audit::{self, Kind};
use crate::delivery::PhoneKind;
use crate::identity::{FieldName, Said};
use crate::request::{Authority, RequestKind, Scheme};
use crate::risk::{ContactFacts, Finding, Risk};
use crate::stepup::contacts::usable;
use crate::stepup::identify::Who;
use crate::stepup::judge::{Case, is_plain, may_challenge};
use crate::stepup::{BadForm, BodyError, Gateway, RequestBody, Ruling, Site, Visit};
use crate::store::{Paused, Provers, StoreError};
use crate::words::{Address, Channel, Contact, ContactRule, KeyedHash, Policy, StepUp, Subject};

/// The contact that stands in a request's own form.
#[derive(Debug, Clone)]
pub(super) struct InForm {
    /// The same address on each of the policy's channels that it fits, in their order; at least one.
    ways: Vec<Contact>,
    /// Its keyed hash, the same for all of them.
    pub hash: KeyedHash,
    /// Who is asked when nobody is signed in.
    pub subject: Subject,
}

/// What a request under such a policy says.
pub(super) enum Read {
    /// This contact.
    Contact(InForm),
    /// Nothing at all, so that nothing can be registered by it: it opens the page with the form, or what that page shows.
    Opens,
    /// It can show no page, so it is not read.
    NoPage,
    /// It has none that a code could go to.
    Bad(BadForm),
    /// Its body could not be had.
    NoBody(BodyError),
}

/// What the name of a subject begins with that is nobody but the holder of a contact. An application's own users are often
/// named by an address, too: who only types that address into a sign-up form must not use up their tries.
const HOLDER: &str = "contact:";

/// How long it counts that somebody proved a contact.
const LATELY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Gateway {
    /// Reads the contact that `policy` wants to be proved, and so the request's body. `None` under any other policy.
    pub(super) async fn read_contact(
        &self,
        case: &mut Case<'_>,
        policy: &StepUp,
        body: &mut dyn RequestBody,
    ) -> Option<Read> {
        let ContactRule::Form(field) = &policy.contact else { return None };
        let (site, visit) = (case.site, case.visit);
        let target = visit.target();
        let query = target.split_once('?').map(|(_, query)| query).filter(|query| !query.is_empty());
        let kind = visit.request.kind;
        if is_plain(&visit.request.method)
            && query.is_none()
            && body.declared() == Some(0)
            && kind != RequestKind::Upgrade
        {
            return Some(Read::Opens);
        }
        if !may_challenge(kind) && !policy.observe {
            return Some(Read::NoPage);
        }
        // With its contact proved, this very request goes on.
        body.keep();
        if let Err(error) = self.read_body(case, body).await {
            return Some(Read::NoBody(error));
        }
        let said = FieldName::new(field).read(query, &visit.headers, case.body.as_deref().unwrap_or_default());
        let read = match &said {
            Said::Text(text) => self.in_form(site, policy, text),
            Said::Nothing | Said::Unclear => None,
        };
        Some(read.map_or_else(|| Read::Bad(BadForm::of(policy)), Read::Contact))
    }

    fn in_form(&self, site: &Site, policy: &StepUp, text: &str) -> Option<InForm> {
        let parsed = policy.channels.iter().map(|channel| Contact::parse_in(channel, text, site.spec.country));
        let mut ways: Vec<Contact> = parsed.filter_map(Result::ok).collect();
        let first = ways.first()?.clone();
        // One form has one contact: a channel that reads another in it is left out.
        ways.retain(|way| way.reveal() == first.reveal());
        let subject = Subject::parse(&format!("{HOLDER}{}", first.reveal().to_ascii_lowercase())).ok()?;
        Some(InForm { hash: self.contact_hash(&first), subject, ways })
    }

    /// The contacts of a form at which `policy` can be answered.
    pub(super) fn ways_of(&self, policy: &StepUp, form: &InForm) -> Vec<Contact> {
        usable(&form.ways, policy, &self.delivery)
    }

    /// What speaks against the contact of a form.
    pub(super) async fn contact_risk(&self, case: &Case<'_>, who: &Who, form: &InForm) -> Result<Risk, StoreError> {
        let Some(contact) = form.ways.first().filter(|_| self.scoring.contact.is_on()) else {
            return Ok(Risk::default());
        };
        let line = match contact.address() {
            Address::Phone(number) => Some(self.delivery.facts(number).kind),
            Address::Email(_) => None,
        };
        let browser = case.visit.browser().map(|browser| self.browser_hash(&browser));
        let by = who.named().map(|subject| self.subject_hash(case.site, subject)).or(browser);
        let others = match by {
            _ if !self.scoring.points.counts(Finding::ContactReused) => 0,
            // Whoever comes without a cookie has proved nothing yet.
            by => self.others(case.site, form.hash, by.unwrap_or(KeyedHash::new([0; 16])), false).await?,
        };
        let guards = self.guards(contact);
        let paused = if guards.is_empty() || !self.scoring.points.counts(Finding::NumberRange) {
            None
        } else {
            let window = self.rules.limits.pumping.window;
            let ask = Paused { site: &case.site.spec.key, contact: form.hash, guards: &guards, window };
            self.shared.store.paused(&ask).await?
        };
        let abroad = self.phone_abroad(contact, &case.risk).flatten();
        let (is_voip, is_fixed_line) = (line == Some(PhoneKind::Voip), line == Some(PhoneKind::FixedLine));
        let takes_no_mail = self.scoring.contact.takes_no_mail(contact).await;
        let facts = ContactFacts { is_voip, is_fixed_line, takes_no_mail, others, paused, abroad };
        Ok(self.scoring.contact.of(contact, facts))
    }

    /// Remembers who proved a contact: the subject, or where nobody is signed in the browser under its new name. What cannot
    /// be remembered costs a signal, not the proof.
    pub(super) async fn proved_by(&self, site: &Site, named: Option<&Subject>, contact: &Contact, browser: KeyedHash) {
        if !self.scoring.points.counts(Finding::ContactReused) {
            return;
        }
        let by = named.map_or(browser, |subject| self.subject_hash(site, subject));
        if let Err(error) = self.others(site, self.contact_hash(contact), by, true).await {
            tracing::warn!(%error, "who proved a contact could not be remembered");
        }
    }

    async fn others(&self, site: &Site, contact: KeyedHash, by: KeyedHash, note: bool) -> Result<u32, StoreError> {
        let ask = Provers { site: &site.spec.key, contact, by, note, within: LATELY };
        self.shared.store.provers(&ask).await
    }

    /// A form without a contact that a code could go to: nothing of it goes on.
    pub(super) fn bad_form(&self, case: &Case<'_>, policy: &StepUp, bad: BadForm) -> Ruling {
        case.count(audit::Verdict::Invalid, None);
        let event = self.event(Kind::BadContact, case, policy).reason(bad.as_str());
        let reference = event.reference();
        self.shared.audit.record(event);
        Ruling::BadForm { bad, back: way_back(case.site, case.visit), reference }
    }

    /// Who holds the contact of a request that is no longer there, such as one that was parked: `None` where its policy asks
    /// for none.
    pub(super) async fn holder(&self, case: &mut Case<'_>, body: &mut dyn RequestBody) -> Option<Subject> {
        let Policy::StepUp(policy) = case.site.spec.routes.find(&case.visit.request).1 else { return None };
        match self.read_contact(case, policy, body).await? {
            Read::Contact(form) => Some(form.subject),
            Read::Opens | Read::NoPage | Read::Bad(_) | Read::NoBody(_) => None,
        }
    }
}

/// The page of the site from which a form was posted, for a link to correct it: a local target. The browser may not tell;
/// then it is the form's own address, if that can be opened.
pub(super) fn way_back(site: &Site, visit: &Visit) -> Option<String> {
    let own = referer(visit).filter(|target| !target.starts_with("/.otpgate"));
    own.or_else(|| {
        let path = visit.request.path.wire();
        let opens =
            visit.request.method != Method::GET && site.opens_form(&visit.request, visit.request.path.decoded());
        opens.then(|| path.to_owned())
    })
}

/// The path and query of a `Referer` on the site's own origin.
fn referer(visit: &Visit) -> Option<String> {
    let url = url::Url::parse(visit.headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    let scheme = Scheme::parse(url.scheme())?;
    let authority = Authority::parse(url.authority().as_bytes()).ok()?;
    let is_own = scheme == visit.request.scheme && authority.is_same(&visit.request.authority, scheme);
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    // `//host` would be another site's address (R01).
    (is_own && !target.starts_with("//") && !target.contains('\\')).then_some(target)
}

impl BadForm {
    /// No contact of the kind that `policy` takes can be read.
    fn of(policy: &StepUp) -> Self {
        let mut channels = policy.channels.iter();
        let (mut email, mut phone) = (false, false);
        channels.by_ref().for_each(|channel| match channel {
            Channel::Email => email = true,
            Channel::Sms | Channel::Voice => phone = true,
            Channel::Hosted => (email, phone) = (true, true),
        });
        match (email, phone) {
            (true, false) => Self::NoEmail,
            (false, true) => Self::NoPhone,
            _ => Self::NoContact,
        }
    }

    /// No code can go to the contact of a form.
    pub(super) fn unreachable(form: &InForm) -> Self {
        match form.ways.first().map(Contact::address) {
            Some(Address::Email(_)) | None => Self::EmailUnreachable,
            Some(Address::Phone(_)) => Self::PhoneUnreachable,
        }
    }
}

// === impl InForm ===

impl InForm {
    /// As the application is told of it.
    pub(super) fn canonical(&self) -> &str {
        self.ways.first().map_or("", Contact::reveal)
    }
}
