//! Which page shows what.

use std::time::Duration;

use axum::body::Bytes;
use http::{Response, StatusCode};
use minijinja::{Value, context};
use url::form_urlencoded;

use crate::audit::{Event, Kind};
use crate::challenge::Asked;
use crate::portal::handle::Call;
use crate::portal::notice::{Notice, Telling};
use crate::portal::page::{self, Forms, Page};
use crate::portal::trouble::Trouble;
use crate::portal::{sentences, turn, view};
use crate::seal::Typed;
use crate::stepup::{Arrival, Outage, Sending, SignIn, Standing};
use crate::store::{Lock, State};
use crate::words::{Channel, FailureClass};

/// What stands in the box at the top of a page.
pub(in crate::portal) enum Alert {
    /// Something about the one field of the page.
    Field(String),
    /// That a code can be sent again only after this long.
    Wait(Duration),
}

// === impl Call ===

impl Call {
    /// Begins to tell something that belongs to no challenge.
    pub(in crate::portal) fn tell(&self, notice: Notice) -> Telling<'_> {
        notice.tell(Some(&self.site), self.gateway.reference())
    }

    /// A failure of ours, or of what we ask, and a record of it under the reference that the visitor sees.
    pub(in crate::portal) fn unavailable(&self, outage: &Outage) -> Telling<'_> {
        let reference = self.gateway.reference();
        tracing::error!(error = %outage, %reference, "{}", outage.what());
        let request = &self.visit.request;
        let event = Event::new(Kind::Unavailable, reference)
            .site(self.site.spec.key.as_str())
            .client(request.client.ip)
            .request(request.method.as_str(), request.path.decoded());
        self.gateway.shared().audit.record(event);
        turn::unavailable(&self.site, &self.visit, reference)
    }

    pub(in crate::portal) fn arrival(&self, arrival: Arrival) -> Response<Bytes> {
        match arrival {
            Arrival::Nothing => self.tell(Notice::NO_CHALLENGE).link("/", "start").page(),
            Arrival::Several => self.tell(Notice::SEVERAL).link("/", "start").page(),
            Arrival::NotSignedIn => {
                turn::sign_in(&self.site, self.site.spec.sign_in.as_ref().map(SignIn::start), self.gateway.reference())
                    .page()
            }
            Arrival::SomebodyElse => self.tell(Notice::SOMEBODY_ELSE).link("/", "start").page(),
            Arrival::Standing(standing) => self.standing(&standing),
            Arrival::Undelivered(standing, class) => self.undelivered(&standing, class),
            Arrival::TooMany(standing, wait) => self.too_many(&standing, wait),
            Arrival::OutOfMoney(standing, wait) => self.out_of_money(&standing, wait),
            Arrival::Paused(standing, wait) => self.paused(&standing, wait),
        }
    }

    pub(in crate::portal) fn sending(&self, sending: Sending) -> Response<Bytes> {
        match sending {
            Sending::Sent(standing) => {
                let is_resend = standing.sends_left < self.gateway.rules().resend.max;
                let again = if is_resend { "&again" } else { "" };
                page::see_other(&format!("{}{again}", view::page_address(&standing.id)), Vec::new())
            }
            Sending::Renewed(standing) => page::see_other(&view::page_address(&standing.id), Vec::new()),
            Sending::TooMany(standing, wait) => self.too_many(&standing, wait),
            Sending::Locked(standing, lock) => self.locked(&standing, lock),
            Sending::Expired(standing) => self.expired(&standing),
            Sending::Passed(standing) => self.passed(&standing, StatusCode::GONE),
            Sending::NoSuchContact(standing) if standing.reached.is_empty() => self.standing(&standing),
            Sending::NoSuchContact(standing) => {
                let telling = Notice::NO_SUCH_CONTACT.tell(Some(&self.site), standing.reference);
                telling.link(view::page_address(&standing.id), "go-to-code").page()
            }
            Sending::Undelivered(standing, class) => self.undelivered(&standing, class),
            Sending::OutOfMoney(standing, wait) => self.out_of_money(&standing, wait),
            Sending::Paused(standing, wait) => self.paused(&standing, wait),
            Sending::Crowded(reference) => turn::crowded(&self.site, reference).page(),
            Sending::Not(arrival) => self.arrival(arrival),
        }
    }

    /// The page of a challenge as it stands.
    pub(in crate::portal) fn standing(&self, standing: &Standing) -> Response<Bytes> {
        match standing.state {
            State::Open if standing.asked == Asked::Nobody => {
                self.page("ask.html", StatusCode::OK, standing, None, context! {})
            }
            State::Open if standing.reached.is_empty() && standing.usable_in.is_some() => {
                let now = self.gateway.shared().clock.now();
                let wait = standing.usable_in.unwrap_or_default();
                self.about(Notice::COOLING, standing, false).wait(wait, Some(now)).link(self.safe(), "cancel").page()
            }
            State::Open if standing.reached.is_empty() => {
                self.about(Notice::NO_CONTACT, standing, false).link(self.safe(), "cancel").page()
            }
            State::Open => self.page("choose.html", StatusCode::OK, standing, None, context! {}),
            State::Sent => self.page(template(standing), StatusCode::OK, standing, None, context! {}),
            State::Passed => self.passed(standing, StatusCode::OK),
            State::Locked(lock) => self.locked(standing, lock),
            State::Expired => self.expired(standing),
        }
    }

    pub(in crate::portal) fn code_again(
        &self,
        status: StatusCode,
        standing: &Standing,
        alert: Alert,
    ) -> Response<Bytes> {
        self.page(template(standing), status, standing, Some(alert), context! {})
    }

    /// The provider has not said yet that the visitor finished on its page.
    pub(in crate::portal) fn unfinished(&self, standing: &Standing) -> Response<Bytes> {
        let host = view::page_host(standing);
        let alert = Alert::Field(sentences::say("error.unfinished", &[("host", &host)]));
        self.code_again(StatusCode::CONFLICT, standing, alert)
    }

    pub(in crate::portal) fn malformed(&self, typed: &Typed) -> Alert {
        let digits = self.gateway.rules().shape.digits().to_string();
        let key = match typed {
            Typed::Empty | Typed::Code(_) => "error.empty",
            Typed::TooShort => "error.too-short",
            Typed::TooLong => "error.too-long",
            Typed::NotDigits => "error.not-digits",
        };
        Alert::Field(sentences::say(key, &[("n", &digits)]))
    }

    pub(in crate::portal) fn locked(&self, standing: &Standing, lock: Lock) -> Response<Bytes> {
        let now = self.gateway.shared().clock.now();
        match lock {
            Lock::Challenge => self.about(Notice::CHALLENGE_LOCKED, standing, true).link(self.safe(), "cancel"),
            Lock::For(wait) => self
                .about(Notice::LOCKED, standing, false)
                .wait(wait, Some(now))
                .link(view::page_address(&standing.id), "retry")
                .link(self.safe(), "cancel"),
            Lock::UntilUnlocked => self.about(Notice::UNTIL_UNLOCKED, standing, false).link(self.safe(), "cancel"),
        }
        .page()
    }

    pub(in crate::portal) fn expired(&self, standing: &Standing) -> Response<Bytes> {
        self.about(Notice::EXPIRED, standing, true).link(self.safe(), "cancel").page()
    }

    pub(in crate::portal) fn passed(&self, standing: &Standing, status: StatusCode) -> Response<Bytes> {
        self.about(Notice::PASSED, standing, false).status(status).link(&standing.return_to, "go-on").page()
    }

    pub(in crate::portal) fn undelivered(&self, standing: &Standing, class: FailureClass) -> Response<Bytes> {
        let trouble = Trouble::not_taken(standing, class);
        if trouble.is_final() {
            return self.troubled(StatusCode::UNPROCESSABLE_ENTITY, standing, &trouble, None);
        }
        self.troubled(StatusCode::SERVICE_UNAVAILABLE, standing, &trouble, Some(turn::PAUSE))
    }

    pub(in crate::portal) fn out_of_money(&self, standing: &Standing, wait: Duration) -> Response<Bytes> {
        let trouble = Trouble::out_of_money(standing, wait);
        self.troubled(StatusCode::SERVICE_UNAVAILABLE, standing, &trouble, Some(wait))
    }

    pub(in crate::portal) fn paused(&self, standing: &Standing, wait: Duration) -> Response<Bytes> {
        let trouble = Trouble::paused(standing, wait);
        self.troubled(StatusCode::TOO_MANY_REQUESTS, standing, &trouble, Some(wait))
    }

    /// The code page when a code is out already, else the choice of ways, with what went wrong at its top.
    fn troubled(
        &self,
        status: StatusCode,
        standing: &Standing,
        trouble: &Trouble,
        wait: Option<Duration>,
    ) -> Response<Bytes> {
        let template = if standing.state == State::Sent { template(standing) } else { "choose.html" };
        let mut response = self.page_with(template, status, standing, None, Some(trouble), context! {});
        if let Some(wait) = wait {
            page::retry_after(response.headers_mut(), wait);
        }
        response
    }

    pub(in crate::portal) fn too_many(&self, standing: &Standing, wait: Duration) -> Response<Bytes> {
        let now = self.gateway.shared().clock.now();
        if standing.state == State::Sent {
            let mut response = self.code_again(StatusCode::TOO_MANY_REQUESTS, standing, Alert::Wait(wait));
            page::retry_after(response.headers_mut(), wait);
            return response;
        }
        self.about(Notice::TOO_MANY_SENDS, standing, true).wait(wait, Some(now)).link(self.safe(), "cancel").page()
    }

    /// Begins to tell something about a challenge.
    pub(in crate::portal) fn about(&self, notice: Notice, standing: &Standing, offers_ways: bool) -> Telling<'_> {
        notice.tell(Some(&self.site), standing.reference).challenge(view::challenge(self, standing), offers_ways)
    }

    pub(in crate::portal) fn page(
        &self,
        template: &'static str,
        status: StatusCode,
        standing: &Standing,
        alert: Option<Alert>,
        values: Value,
    ) -> Response<Bytes> {
        self.page_with(template, status, standing, alert, Trouble::of(standing).as_ref(), values)
    }

    fn page_with(
        &self,
        template: &'static str,
        status: StatusCode,
        standing: &Standing,
        alert: Option<Alert>,
        trouble: Option<&Trouble>,
        values: Value,
    ) -> Response<Bytes> {
        let now = self.gateway.shared().clock.now();
        let field = match template {
            "ask.html" => "address",
            "hosted.html" => "finish",
            _ => "code",
        };
        let alert = alert.map(|alert| match alert {
            Alert::Field(text) => context! { text, field },
            Alert::Wait(wait) => context! { wait => view::moment(now, wait) },
        });
        let again = form_urlencoded::parse(self.visit.request.query.raw().unwrap_or_default());
        let values = context! {
            alert,
            again => again.into_iter().any(|(name, _)| name == "again"),
            digits => self.gateway.rules().shape.digits(),
            challenge => view::challenge(self, standing),
            last => view::last(standing),
            news => view::news(standing),
            page => view::page(standing),
            trouble => trouble.map(|trouble| trouble.values(standing, now)),
            safe => self.safe(),
            ..values
        };
        let forms = if matches!(template, "code.html" | "hosted.html") { Forms::Onward } else { Forms::Own };
        let (site, reference) = (Some(&*self.site), standing.reference);
        Page { template, status, site, reference, values, forms }.render()
    }

    /// Where a visitor who changes their mind goes, still signed in (U13): the start page, unless that asks for a code
    /// itself.
    pub(in crate::portal) fn safe(&self) -> &'static str {
        if self.site.is_open(&self.visit.request, "/") { "/" } else { "/.otpgate/" }
    }
}

/// Where a code is typed; or, when it goes on at a provider's page, where that is.
fn template(standing: &Standing) -> &'static str {
    let is_page = standing.last.as_ref().is_some_and(|last| last.channel == Channel::Hosted);
    if is_page { "hosted.html" } else { "code.html" }
}

pub(in crate::portal) fn wrong_code(tries_left: u32) -> Alert {
    let mut text = sentences::say("error.wrong", &[]);
    text.push('.');
    // Told only when it matters (U10).
    if tries_left <= 2 {
        let key = if tries_left == 1 { "code.tries.one" } else { "code.tries.other" };
        text.push(' ');
        text.push_str(&sentences::say(key, &[("n", &tries_left.to_string())]));
    }
    Alert::Field(text)
}
