//! Every page that there is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::down::Down;
use crate::audit::Audit;
use crate::challenge::{Asked, FromForm};
use crate::delivery::{Delivery, DeliverySpec, Outbox, Tools};
use crate::gate::{HostPattern, Routes};
use crate::portal::handle::Call;
use crate::portal::html::{Alert, wrong_code};
use crate::portal::notice::Notice;
use crate::portal::{Asker, Handled, Portal, turn};
use crate::request::path::BadPath;
use crate::request::{CanonicalRequest, PathRules, RawRequest, Refused, TrustedProxies};
use crate::seal::{CodeShape, KeyRing, Secret, SystemRandom, Typed};
use crate::stepup::{
    Arrival, BadForm, ChallengeRules, Gateway, HostedPage, NoBody, Reached, Ruling, Sending, Shared, SignIn, SiteSpec,
    Standing, Visit,
};
use crate::store::{Budget, Limits, Lock, Resend, SiteKey, State};
use crate::words::{ChallengeId, Channel, FailureClass, Policy, Progress, Reference, TestClock, Timestamp};

const REFERENCE: Reference = Reference::from_random([7, 1, 2, 3, 4]);

/// A gateway of one site on which challenges by hand are shown.
pub(super) struct Stage(Call);

fn phone(channel: Channel, label: Option<&str>) -> Reached {
    Reached { channel, contact: 0, to: "+** *** **89".to_owned(), label: label.map(str::to_owned), costs: true }
}

pub(super) fn standing() -> Standing {
    let email =
        Reached { channel: Channel::Email, contact: 0, to: "a***@e***.com".to_owned(), label: None, costs: false };
    let reached = vec![email.clone(), phone(Channel::Sms, Some("work")), phone(Channel::Voice, None)];
    Standing {
        id: ChallengeId::from_random([9; 16]),
        reference: REFERENCE,
        state: State::Sent,
        tries_left: 5,
        sends_left: 3,
        expires_in: Duration::from_secs(300),
        resend_in: Duration::from_secs(30),
        reached,
        last: Some(email),
        progress: Some(Progress::Accepted),
        reports: false,
        wanted: None,
        page: None,
        method: "GET".to_owned(),
        path: "/account".to_owned(),
        return_to: "/account?tab=2".to_owned(),
        confirms: false,
        form: None,
        is_parked: false,
        is_earlier: false,
        usable_in: None,
        asked: Asked::Page,
    }
}

/// It goes on at a provider's page.
fn hosted(standing: &mut Standing, is_proved: bool) {
    standing.reached = vec![phone(Channel::Hosted, None)];
    standing.last = standing.reached.first().cloned();
    standing.page = Some(HostedPage { link: "https://otp.example/v/1?a=1&b=%22".to_owned(), is_proved });
}

/// The number in a sign-up form is proved.
fn from_form(standing: &mut Standing, back: Option<&str>) {
    standing.reached = vec![phone(Channel::Sms, None)];
    standing.last = standing.reached.first().cloned();
    standing.form = Some(FromForm { is_named: false, back: back.map(str::to_owned) });
    standing.is_parked = true;
    "POST".clone_into(&mut standing.method);
}

fn boxed(change: impl FnOnce(&mut Standing)) -> Box<Standing> {
    let mut standing = standing();
    change(&mut standing);
    Box::new(standing)
}

/// A text message went out and came as far as this; its provider reports.
fn sms(standing: &mut Standing, progress: Progress) {
    standing.last = Some(standing.reached[1].clone());
    (standing.progress, standing.reports) = (Some(progress), true);
}

/// A text message was just asked for, the first one.
fn wanted(change: impl FnOnce(&mut Standing)) -> Box<Standing> {
    boxed(|standing| {
        (standing.state, standing.last, standing.progress) = (State::Open, None, None);
        standing.wanted = Some(standing.reached[1].clone());
        change(standing);
    })
}

fn call() -> Call {
    let random = SystemRandom::new();
    let clock = Arc::new(TestClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let audit = Arc::new(Audit::new(clock.clone()));
    let shared = Arc::new(Shared::new(Arc::new(Down), clock.clone(), Arc::new(SystemRandom::new()), audit));
    let keys = KeyRing::new(&[Secret::parse(&Secret::generate(&random)).unwrap()]).unwrap();
    let delivery =
        Arc::new(Delivery::new(DeliverySpec::default(), Tools::alone(Arc::new(Outbox::new(clock)))).unwrap());
    let rules = ChallengeRules {
        shape: CodeShape::new(6).unwrap(),
        ttl: Duration::from_secs(300),
        tries: 5,
        resend: Resend { max: 3, wait: vec![Duration::from_secs(30)] },
        max_body: 1 << 20,
        park_ttl: Duration::from_secs(3600),
        budget: Budget { per_subject: 1 << 22, total: 1 << 28, per_browser: 8 },
        limits: Limits::default(),
    };
    let spec = SiteSpec {
        hosts: vec![HostPattern::Exact("shop.example.com".to_owned())],
        key: SiteKey::new("shop.example.com"),
        case_insensitive: false,
        contact_cooldown: None,
        country: None,
        name: "Example Shop".into(),
        support: Some("help@example.com".into()),
        routes: Routes::new(Vec::new(), Policy::Bypass).unwrap(),
        observe: false,
        sources: Vec::new(),
        sign_in: Some(SignIn::new("/login".to_owned())),
        directories: crate::directory::Directories::default(),
        identity_headers: Default::default(),
        webhook: None,
    };
    let gateway =
        Arc::new(Gateway::new(shared, Arc::new(keys), delivery, rules, vec![spec], TrustedProxies::default()));
    let site = Arc::clone(gateway.site("shop.example.com").unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("shop.example.com"));
    headers.insert("accept", HeaderValue::from_static("text/html"));
    let request = request(&Method::GET, "/.otpgate/challenge", &headers);
    Call { gateway, site, visit: Arc::new(Visit { request, headers, certificate: None }) }
}

fn request(method: &Method, target: &str, headers: &HeaderMap) -> CanonicalRequest {
    let (target, peer) = (target.as_bytes(), IpAddr::from([192, 0, 2, 1]));
    let raw = RawRequest { method, target, headers, authority: None, peer, tls: true };
    CanonicalRequest::new(raw, &TrustedProxies::default(), PathRules::default()).unwrap()
}

impl Stage {
    pub(super) fn new() -> Self {
        Self(call())
    }

    pub(super) fn token(&self) -> String {
        self.0.gateway.form_token(&standing().id)
    }

    /// Sends a request of a browser whose cookie names it; `None` when it went on to the application.
    pub(super) async fn ask(&self, method: &str, target: &str, kind: &str, body: &str) -> Option<Response<Bytes>> {
        let mut headers = self.0.visit.headers.clone();
        headers.insert("cookie", HeaderValue::from_static("__Host-otpgate_browser=AQEBAQEBAQEBAQEBAQEBAQ"));
        if !kind.is_empty() {
            headers.insert("content-type", HeaderValue::try_from(kind).unwrap());
        }
        let method = method.parse().unwrap();
        let request = request(&method, target, &headers);
        let (visit, mut body) =
            (Visit { request, headers, certificate: None }, NoBody(Bytes::copy_from_slice(body.as_bytes())));
        let (_, handled) = Portal::default().handle(&self.0.gateway, &self.0.site, visit, &mut body).await;
        match handled {
            Handled::Answer(answer) => Some(answer),
            Handled::Forward(_) => None,
        }
    }

    fn show(&self, change: impl FnOnce(&mut Standing)) -> Response<Bytes> {
        self.0.arrival(Arrival::Standing(boxed(change)))
    }

    pub(super) fn sent(&self) -> Response<Bytes> {
        self.show(|_| {})
    }

    pub(super) fn open(&self) -> Response<Bytes> {
        self.show(|standing| (standing.state, standing.last) = (State::Open, None))
    }

    pub(super) fn wrong(&self, tries_left: u32) -> Response<Bytes> {
        self.0.code_again(StatusCode::FORBIDDEN, &standing(), wrong_code(tries_left))
    }

    pub(super) fn of_path(&self, path: &str) -> Response<Bytes> {
        self.show(|standing| path.clone_into(&mut standing.path))
    }

    pub(super) fn typed(&self, allowed: bool) -> Response<Bytes> {
        self.show(|standing| {
            standing.asked = if allowed { Asked::Typed } else { Asked::Decoy };
            standing.reached.truncate(1);
            standing.progress = None;
        })
    }

    /// The code page once a text message came as far as this.
    pub(super) fn after_sms(&self, progress: Progress) -> Response<Bytes> {
        self.show(|standing| sms(standing, progress))
    }

    /// No provider took a text message, and no code is out.
    pub(super) fn not_taken(&self, class: FailureClass) -> Response<Bytes> {
        self.0.arrival(Arrival::Undelivered(wanted(|_| {}), class))
    }

    /// The same for somebody who has nothing but this number.
    pub(super) fn not_taken_and_nothing_else(&self, class: FailureClass) -> Response<Bytes> {
        let only = |standing: &mut Standing| standing.reached.retain(|reached| reached.channel == Channel::Sms);
        self.0.arrival(Arrival::Undelivered(wanted(only), class))
    }

    pub(super) fn out_of_money(&self) -> Response<Bytes> {
        self.0.arrival(Arrival::OutOfMoney(wanted(|_| {}), Duration::from_secs(1200)))
    }

    pub(super) fn paused(&self) -> Response<Bytes> {
        self.0.arrival(Arrival::Paused(wanted(|_| {}), Duration::from_secs(3600)))
    }
}

/// Every page, by name.
pub(super) fn every_page() -> Vec<(&'static str, Response<Bytes>)> {
    let stage = Stage::new();
    let call = &stage.0;
    let only = |standing: &mut Standing, channel: Channel| {
        standing.reached.retain(|reached| reached.channel == channel);
        standing.last = standing.reached.first().cloned();
    };
    let malformed =
        |typed: Typed| call.code_again(StatusCode::UNPROCESSABLE_ENTITY, &standing(), call.malformed(&typed));
    let ruled = |ruling: Ruling| turn::answer(&call.site, &call.visit, ruling);
    let headers = &call.visit.headers;
    let asker = Asker { method: &Method::GET, headers, reference: REFERENCE };
    let state = |state: State| stage.show(move |standing| standing.state = state);
    vec![
        ("code", stage.sent()),
        ("code-sms", stage.show(|standing| only(standing, Channel::Sms))),
        (
            "code-voice-confirm-ready",
            stage.show(|standing| {
                only(standing, Channel::Voice);
                "POST".clone_into(&mut standing.method);
                "/transfer".clone_into(&mut standing.path);
                (standing.confirms, standing.is_parked, standing.resend_in) = (true, true, Duration::ZERO);
            }),
        ),
        ("sign-up", stage.show(|standing| from_form(standing, Some("/register?plan=2")))),
        ("sign-up-without-way-back", stage.show(|standing| from_form(standing, None))),
        (
            "sign-up-undelivered",
            call.sending(Sending::Undelivered(
                boxed(|standing| {
                    from_form(standing, Some("/register"));
                    (standing.state, standing.wanted) = (State::Open, standing.last.take());
                }),
                FailureClass::InvalidNumber,
            )),
        ),
        ("sign-up-unreadable", ruled(Ruling::BadForm { bad: BadForm::NoContact, back: None, reference: REFERENCE })),
        (
            "sign-up-unreachable",
            ruled(Ruling::BadForm {
                bad: BadForm::PhoneUnreachable,
                back: Some("/register".to_owned()),
                reference: REFERENCE,
            }),
        ),
        ("hosted", stage.show(|standing| hosted(standing, false))),
        ("hosted-proved", stage.show(|standing| hosted(standing, true))),
        ("hosted-unfinished", call.unfinished(&boxed(|standing| hosted(standing, false)))),
        (
            "hosted-wait",
            call.sending(Sending::TooMany(
                boxed(|standing| {
                    hosted(standing, false);
                    standing.page = None;
                }),
                Duration::from_secs(25),
            )),
        ),
        (
            "hosted-undelivered",
            call.sending(Sending::Undelivered(
                boxed(|standing| {
                    hosted(standing, false);
                    (standing.state, standing.wanted) = (State::Open, standing.last.take());
                }),
                FailureClass::ProviderDown,
            )),
        ),
        ("code-typed", stage.typed(true)),
        ("code-no-more-sends", stage.show(|standing| standing.sends_left = 0)),
        ("code-long-path", stage.of_path(&format!("/{}", "averylongword".repeat(20)))),
        ("code-wrong", stage.wrong(1)),
        ("code-empty", malformed(Typed::Empty)),
        ("code-too-short", malformed(Typed::TooShort)),
        ("code-too-long", malformed(Typed::TooLong)),
        ("code-not-digits", malformed(Typed::NotDigits)),
        ("code-wait", call.sending(Sending::TooMany(boxed(|_| {}), Duration::from_secs(25)))),
        ("code-waiting", stage.after_sms(Progress::Sent)),
        ("code-delivered", stage.after_sms(Progress::Delivered)),
        ("code-failed-landline", stage.after_sms(Progress::Failed(FailureClass::Landline))),
        ("code-failed-for-now", stage.after_sms(Progress::Failed(FailureClass::UnreachableTemporarily))),
        ("code-failed-our-fault", stage.after_sms(Progress::Failed(FailureClass::AuthConfig))),
        (
            "code-failed-and-nothing-else",
            stage.show(|standing| {
                sms(standing, Progress::Failed(FailureClass::InvalidNumber));
                standing.reached.retain(|reached| reached.channel == Channel::Sms);
            }),
        ),
        (
            "code-failed-and-no-more-sends",
            stage.show(|standing| {
                sms(standing, Progress::Failed(FailureClass::Landline));
                standing.sends_left = 0;
            }),
        ),
        (
            "code-undelivered-again",
            call.sending(Sending::Undelivered(
                boxed(|standing| standing.wanted = Some(standing.reached[1].clone())),
                FailureClass::ProviderDown,
            )),
        ),
        (
            "code-out-of-money",
            call.sending(Sending::OutOfMoney(
                boxed(|standing| standing.wanted = Some(standing.reached[2].clone())),
                Duration::from_secs(1200),
            )),
        ),
        ("undelivered-for-good", stage.not_taken(FailureClass::Landline)),
        ("undelivered-and-nothing-else", stage.not_taken_and_nothing_else(FailureClass::OptedOut)),
        ("out-of-money", stage.out_of_money()),
        ("paused", stage.paused()),
        ("choose", stage.open()),
        (
            "choose-one-parked",
            stage.show(|standing| {
                only(standing, Channel::Email);
                "POST".clone_into(&mut standing.method);
                (standing.state, standing.last, standing.is_parked) = (State::Open, None, true);
            }),
        ),
        (
            "code-earlier",
            stage.show(|standing| {
                only(standing, Channel::Email);
                (standing.is_earlier, standing.usable_in) = (true, Some(Duration::from_secs(82_000)));
            }),
        ),
        (
            "choose-earlier",
            stage.show(|standing| {
                (standing.state, standing.last) = (State::Open, None);
                (standing.is_earlier, standing.usable_in) = (true, Some(Duration::from_secs(82_000)));
            }),
        ),
        (
            "cooling",
            stage.show(|standing| {
                (standing.state, standing.last) = (State::Open, None);
                standing.reached.clear();
                standing.usable_in = Some(Duration::from_secs(82_000));
            }),
        ),
        (
            "ask",
            stage.show(|standing| {
                (standing.state, standing.asked, standing.last) = (State::Open, Asked::Nobody, None);
                standing.reached.clear();
            }),
        ),
        (
            "ask-wrong",
            call.page(
                "ask.html",
                StatusCode::UNPROCESSABLE_ENTITY,
                &standing(),
                Some(Alert::Field(crate::portal::sentences::say("error.address", &[]))),
                minijinja::context! { typed => "alice@example" },
            ),
        ),
        ("help", call.page("help.html", StatusCode::OK, &standing(), None, minijinja::context! {})),
        (
            "no-contact",
            stage.show(|standing| {
                (standing.state, standing.last) = (State::Open, None);
                standing.reached.clear();
            }),
        ),
        ("locked", state(State::Locked(Lock::For(Duration::from_secs(2400))))),
        ("locked-challenge", state(State::Locked(Lock::Challenge))),
        ("locked-until-unlocked", state(State::Locked(Lock::UntilUnlocked))),
        (
            "too-many-sends",
            call.arrival(Arrival::TooMany(
                boxed(|standing| (standing.state, standing.last) = (State::Open, None)),
                Duration::from_secs(500),
            )),
        ),
        ("undelivered", stage.not_taken(FailureClass::ProviderDown)),
        ("expired", stage.show(|standing| (standing.state, standing.is_parked) = (State::Expired, true))),
        ("passed", state(State::Passed)),
        ("nothing", call.arrival(Arrival::Nothing)),
        ("several", call.arrival(Arrival::Several)),
        ("not-signed-in", call.arrival(Arrival::NotSignedIn)),
        ("somebody-else", call.arrival(Arrival::SomebodyElse)),
        ("no-such-contact", call.sending(Sending::NoSuchContact(boxed(|_| {})))),
        ("refused", ruled(Ruling::Refused(REFERENCE))),
        ("too-large", ruled(Ruling::TooLarge { limit: 1 << 20, reference: REFERENCE })),
        ("already-sent", ruled(Ruling::AlreadySent { cookies: Vec::new(), reference: REFERENCE })),
        ("crowded", ruled(Ruling::Crowded(REFERENCE))),
        ("broken-body", ruled(Ruling::BrokenBody(REFERENCE))),
        ("unavailable", ruled(Ruling::Unavailable(REFERENCE))),
        ("sign-in", ruled(Ruling::SignIn { to: None, cookies: Vec::new(), reference: REFERENCE })),
        ("index", call.tell(Notice::INDEX).link("/", "start").page()),
        ("logged-out", call.tell(Notice::LOGGED_OUT).link("/", "start").page()),
        ("foreign-origin", call.tell(Notice::FOREIGN_ORIGIN).link("/", "start").page()),
        ("stale-form", call.tell(Notice::STALE_FORM).link("/.otpgate/challenge", "go-to-code").page()),
        ("not-found", call.tell(Notice::NOT_FOUND).link("/", "start").page()),
        ("wrong-method", call.tell(Notice::WRONG_METHOD).link("/.otpgate/challenge", "go-to-code").page()),
        ("bad-request", asker.refused(Refused::HostRepeated)),
        ("bad-path", asker.refused(Refused::Path(BadPath::Backslash))),
        ("unknown-host", asker.unknown_host()),
        ("no-answer", asker.upstream_trouble(StatusCode::BAD_GATEWAY)),
        ("slow-answer", asker.upstream_trouble(StatusCode::GATEWAY_TIMEOUT)),
        ("header-too-large", asker.header_too_large()),
        ("internal-error", asker.internal_error()),
    ]
}
