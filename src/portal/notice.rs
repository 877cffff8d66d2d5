//! What is told instead of what was asked for: a page to a person, a problem (RFC 9457) to a program.
//!
//! A [`Notice`] is which one, a [`Telling`] is one about to be told. One place turns both into bytes, so that nobody
//! learns from a page what a problem hides, or the other way round.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use minijinja::{Value, context};
use serde_json::{Map, json};

use crate::portal::page::{self, Forms, Page};
use crate::portal::{sentences, view};
use crate::request::RequestKind;
use crate::stepup::Site;
use crate::words::{Reference, Timestamp};

/// One thing that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Notice {
    /// Names its sentences, `notice.KEY.heading` and so on.
    pub key: &'static str,
    /// The `type` of its problem, behind `urn:otpgate:`.
    urn: &'static str,
    status: u16,
    icon: &'static str,
}

macro_rules! notices {
    ($($name:ident = $key:literal $urn:literal $status:literal $icon:literal;)*) => {
        impl Notice {
            $(pub const $name: Self = Self { key: $key, urn: $urn, status: $status, icon: $icon };)*

            /// Every notice.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

notices! {
    // About a challenge.
    NO_CHALLENGE = "no-challenge" "no-challenge" 404 "info";
    SEVERAL = "several-challenges" "several-challenges" 409 "info";
    SIGN_IN = "sign-in-required" "sign-in-required" 401 "person";
    SOMEBODY_ELSE = "subject-changed" "subject-changed" 403 "person";
    NO_CONTACT = "no-contact" "no-contact" 403 "wrong";
    COOLING = "cooling" "no-contact" 403 "clock";
    LOCKED = "locked" "locked" 403 "lock";
    CHALLENGE_LOCKED = "locked-challenge" "locked" 403 "lock";
    UNTIL_UNLOCKED = "locked-until-unlocked" "locked" 403 "lock";
    TOO_MANY_SENDS = "too-many-sends" "too-many-sends" 429 "clock";
    EXPIRED = "expired" "expired" 410 "clock";
    UNDELIVERED = "undelivered" "unavailable" 503 "wrong";
    UNDELIVERABLE = "undeliverable" "undeliverable" 422 "wrong";
    OUT_OF_MONEY = "out-of-money" "budget-exhausted" 503 "clock";
    PAUSED = "paused" "paused" 429 "clock";
    PASSED = "passed" "expired" 410 "done";
    MALFORMED_CODE = "malformed-code" "malformed-code" 422 "wrong";
    WRONG_CODE = "wrong-code" "wrong-code" 403 "wrong";
    NOT_SENT = "not-sent" "not-sent" 409 "info";
    UNFINISHED = "unfinished" "unfinished" 409 "clock";
    NO_SUCH_CONTACT = "no-such-contact" "no-such-contact" 404 "wrong";

    // About a request to the application.
    STEP_UP = "step-up-required" "step-up-required" 401 "lock";
    REFUSED = "refused" "refused" 403 "lock";
    TOO_LARGE = "too-large" "too-large" 413 "wrong";
    UNREADABLE_EMAIL = "unreadable-email" "unreadable-contact" 422 "wrong";
    UNREADABLE_PHONE = "unreadable-phone" "unreadable-contact" 422 "wrong";
    UNREADABLE_CONTACT = "unreadable-contact" "unreadable-contact" 422 "wrong";
    UNREACHABLE_EMAIL = "unreachable-email" "unreachable-contact" 422 "wrong";
    UNREACHABLE_PHONE = "unreachable-phone" "unreachable-contact" 422 "wrong";
    ALREADY_SENT = "already-sent" "already-sent" 409 "done";
    TOO_MUCH_WAITING = "too-much-waiting" "too-much-waiting" 429 "clock";
    BROKEN_BODY = "broken-body" "broken-body" 400 "wrong";
    UNAVAILABLE = "unavailable" "unavailable" 503 "wrong";

    // About a request to the portal.
    INDEX = "index" "index" 200 "info";
    LOGGED_OUT = "logged-out" "logged-out" 200 "done";
    FOREIGN_ORIGIN = "foreign-origin" "foreign-origin" 403 "wrong";
    STALE_FORM = "stale-form" "stale-form" 403 "clock";
    BAD_FORM = "bad-form" "bad-form" 400 "wrong";
    BAD_JSON = "bad-json" "bad-json" 400 "wrong";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type" "unsupported-media-type" 415 "wrong";
    FORM_TOO_LARGE = "form-too-large" "too-large" 413 "wrong";
    NOT_FOUND = "not-found" "not-found" 404 "info";
    WRONG_METHOD = "wrong-method" "method-not-allowed" 405 "info";

    // About a request that reaches no site, or no answer of its application.
    BAD_REQUEST = "bad-request" "bad-request" 400 "wrong";
    METHOD_NOT_ALLOWED = "method-not-allowed" "method-not-allowed" 405 "info";
    URI_TOO_LONG = "uri-too-long" "uri-too-long" 414 "wrong";
    UNKNOWN_HOST = "unknown-host" "unknown-host" 421 "info";
    NO_PAGE = "no-page" "not-found" 404 "info";
    HEADER_TOO_LARGE = "header-too-large" "header-too-large" 431 "wrong";
    INTERNAL_ERROR = "internal-error" "internal-error" 500 "wrong";
    NO_ANSWER = "no-answer" "no-answer" 502 "wrong";
    SLOW_ANSWER = "slow-answer" "slow-answer" 504 "clock";
}

/// A notice about to be told.
pub(super) struct Telling<'a> {
    notice: Notice,
    site: Option<&'a Site>,
    reference: Reference,
    status: StatusCode,
    wait: Option<Duration>,
    /// When it is told, so that a page can say until when to wait.
    now: Option<Timestamp>,
    places: Vec<(&'static str, String)>,
    detail: Option<String>,
    members: Map<String, serde_json::Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    challenge: Option<Value>,
    offers_ways: bool,
    links: Vec<(String, &'static str)>,
}

// === impl Notice ===

impl Notice {
    /// Begins to tell it.
    pub(super) fn tell(self, site: Option<&Site>, reference: Reference) -> Telling<'_> {
        Telling {
            notice: self,
            site,
            reference,
            status: StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            wait: None,
            now: None,
            places: Vec::new(),
            detail: None,
            members: Map::new(),
            headers: Vec::new(),
            challenge: None,
            offers_ways: false,
            links: Vec::new(),
        }
    }
}

// === impl Telling ===

impl Telling<'_> {
    /// Under another status than its own.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// When it helps to come again. `now` lets a page name the moment.
    pub(super) fn wait(mut self, wait: Duration, now: Option<Timestamp>) -> Self {
        (self.wait, self.now) = (Some(wait), now);
        self
    }

    /// Fills a place of its sentences.
    pub(super) fn place(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.places.push((name, text.into()));
        self
    }

    /// What the problem says in place of its sentence.
    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A member that the problem has besides.
    pub(super) fn member(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// A header that the answer has besides.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// `Set-Cookie` lines.
    pub(super) fn cookies(mut self, cookies: Vec<HeaderValue>) -> Self {
        self.headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        self
    }

    /// The challenge that it is about, as [`view::challenge`] shows it; with `offers_ways`, the page has a button for
    /// each way that a code can go.
    pub(super) fn challenge(mut self, challenge: Value, offers_ways: bool) -> Self {
        (self.challenge, self.offers_ways) = (Some(challenge), offers_ways);
        self
    }

    /// A way on; the first is the one that stands out.
    pub(super) fn link(mut self, href: impl Into<String>, key: &'static str) -> Self {
        self.links.push((href.into(), key));
        self
    }

    /// A page for a navigation, a problem for everybody else.
    pub(super) fn to(self, kind: RequestKind) -> Response<Bytes> {
        if kind == RequestKind::Navigation { self.page() } else { self.problem() }
    }

    /// A page.
    pub(super) fn page(self) -> Response<Bytes> {
        let limit = self.places.iter().find(|(name, _)| *name == "limit").map(|(_, text)| text.as_str());
        let values = context! {
            key => self.notice.key,
            icon_name => self.notice.icon,
            wait => self.wait.map(|wait| view::moment(self.now.unwrap_or_default(), wait)),
            limit,
            challenge => self.challenge,
            offers_ways => self.offers_ways,
            links => self.links.iter().map(|(href, key)| context! { href => href.as_str(), key => *key }).collect::<Vec<_>>(),
            logs_out => self.notice == Notice::INDEX,
        };
        let page = Page {
            template: "notice.html",
            status: self.status,
            site: self.site,
            reference: self.reference,
            values,
            forms: Forms::Own,
        };
        finish(page.render(), self.wait, self.headers)
    }

    /// A problem.
    pub(super) fn problem(self) -> Response<Bytes> {
        let this_site = sentences::say("this-site", &[]);
        let site = self.site.map_or(this_site.as_str(), |site| &site.spec.name);
        let support = self.site.and_then(|site| site.spec.support.as_deref());
        let somebody = sentences::say("somebody", &[("site", site)]);
        let mut places: Vec<(&str, &str)> = vec![("site", site), ("support", support.unwrap_or(&somebody))];
        places.extend(self.places.iter().map(|(name, text)| (*name, text.as_str())));
        let key = format!("notice.{}", self.notice.key);
        let detail = self.detail.unwrap_or_else(|| {
            let own = format!("{key}.detail");
            let own = if sentences::is_there(&own) { own } else { format!("{key}.text") };
            sentences::say(&own, &places).replace("\n\n", " ")
        });
        let mut members = Map::new();
        members.insert("type".to_owned(), format!("urn:otpgate:{}", self.notice.urn).into());
        members.insert("title".to_owned(), sentences::say(&format!("{key}.heading"), &places).into());
        members.insert("status".to_owned(), self.status.as_u16().into());
        members.insert("detail".to_owned(), detail.into());
        members.insert("reference".to_owned(), self.reference.to_string().into());
        members.extend(self.members);
        let response = page::answer(self.status, "application/problem+json", json!(members).to_string());
        finish(response, self.wait, self.headers)
    }
}

fn finish(
    mut response: Response<Bytes>,
    wait: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> Response<Bytes> {
    if let Some(wait) = wait {
        page::retry_after(response.headers_mut(), wait);
    }
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
    response
}
