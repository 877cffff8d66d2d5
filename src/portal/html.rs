//! The pages: where a code is asked for, typed and sent again.
//!
//! What goes well is answered with a redirect, so that a reload repeats nothing. What does not (a wrong code, a limit)
//! is told at once, with the status that the JSON endpoints give it; repeating it is counted like any try. Which page
//! shows what is in `html/show.rs`, how a form is read in `html/form.rs`.

mod form;
mod show;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use minijinja::context;

pub(super) use form::is_media_type;
pub(super) use show::{Alert, wrong_code};

use crate::portal::handle::Call;
use crate::portal::notice::Notice;
use crate::portal::{assets, page, sentences, turn, view};
use crate::request::{OwnOrigin, RequestKind};
use crate::stepup::{Arrival, Verified};
use crate::store::State;
use crate::words::ChallengeId;

/// A whole answer.
pub(super) struct Answer(http::Response<Bytes>);

/// The pages' routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/.otpgate", get(index))
        .route("/.otpgate/", get(index))
        .route("/.otpgate/challenge", get(arrive))
        .route("/.otpgate/help", get(help))
        .route("/.otpgate/verify", post(verify))
        .route("/.otpgate/send", post(send))
        .route("/.otpgate/finish", post(finish))
        .route("/.otpgate/back/{id}", get(back))
        .route("/.otpgate/ask", post(ask))
        .route("/.otpgate/logout", post(log_out))
        .route("/.otpgate/assets/{name}", get(asset))
        .method_not_allowed_fallback(wrong_method)
}

async fn index(Extension(call): Extension<Call>) -> Answer {
    call.tell(Notice::INDEX).link("/", "start").page().into()
}

async fn arrive(Extension(call): Extension<Call>) -> Answer {
    let Ok(id) = call.named() else { return call.tell(Notice::NO_CHALLENGE).link("/", "start").page().into() };
    match call.gateway.arrive(&call.site, &call.visit, id).await {
        Ok(arrival) => call.arrival(arrival).into(),
        Err(error) => call.unavailable(&error).page().into(),
    }
}

/// Help for someone to whom no code comes. Sends nothing.
async fn help(Extension(call): Extension<Call>) -> Answer {
    let Ok(id) = call.named() else { return call.tell(Notice::NO_CHALLENGE).link("/", "start").page().into() };
    match call.gateway.look(&call.site, &call.visit, id).await {
        Ok(Arrival::Standing(standing)) if matches!(standing.state, State::Open | State::Sent) => {
            call.page("help.html", StatusCode::OK, &standing, None, context! {}).into()
        }
        Ok(arrival) => call.arrival(arrival).into(),
        Err(error) => call.unavailable(&error).page().into(),
    }
}

async fn verify(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let form = match call.form(&body) {
        Ok(form) => form,
        Err(notice) => return call.tell(notice).link("/.otpgate/challenge", "go-to-code").page().into(),
    };
    let typed = form.fields.get("code").unwrap_or_default();
    let verified = match call.gateway.verify(&call.site, &call.visit, Some(form.id), typed).await {
        Ok(verified) => verified,
        Err(error) => return call.unavailable(&error).page().into(),
    };
    call.verified_page(verified)
}

/// The visitor says that they have finished on a provider's page.
async fn finish(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let form = match call.form(&body) {
        Ok(form) => form,
        Err(notice) => return call.tell(notice).link("/.otpgate/challenge", "go-to-code").page().into(),
    };
    match call.gateway.finish(&call.site, &call.visit, Some(form.id)).await {
        Ok(verified) => call.verified_page(verified),
        Err(error) => call.unavailable(&error).page().into(),
    }
}

/// A browser comes back from a provider's page, for good or bad: that alone means nothing, so it is only shown how the
/// challenge stands.
async fn back(Extension(call): Extension<Call>) -> Answer {
    let id = call.visit.request.path.decoded().strip_prefix("/.otpgate/back/").map(ChallengeId::parse);
    match id {
        Some(Ok(id)) => page::see_other(&view::page_address(&id), Vec::new()).into(),
        _ => call.tell(Notice::NO_CHALLENGE).link("/", "start").page().into(),
    }
}

async fn send(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let form = match call.form(&body) {
        Ok(form) => form,
        Err(notice) => return call.tell(notice).link("/.otpgate/challenge", "go-to-code").page().into(),
    };
    let Ok(choice) = form.choice() else {
        return call.tell(Notice::NO_SUCH_CONTACT).link(view::page_address(&form.id), "go-to-code").page().into();
    };
    // The visitor need not know that a code's time is over: who asks for a code gets one.
    match call.gateway.send(&call.site, &call.visit, Some(form.id), choice, true).await {
        Ok(sending) => call.sending(sending).into(),
        Err(error) => call.unavailable(&error).page().into(),
    }
}

async fn ask(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let form = match call.form(&body) {
        Ok(form) => form,
        Err(notice) => return call.tell(notice).link("/.otpgate/challenge", "go-to-code").page().into(),
    };
    let typed = form.fields.get("address").unwrap_or_default();
    match call.gateway.ask(&call.site, &call.visit, Some(form.id), typed).await {
        Ok(Ok(sending)) => call.sending(sending).into(),
        Ok(Err(_)) => match call.gateway.look(&call.site, &call.visit, Some(form.id)).await {
            Ok(Arrival::Standing(standing)) => {
                let alert = Alert::Field(sentences::say("error.address", &[]));
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                call.page("ask.html", status, &standing, Some(alert), context! { typed }).into()
            }
            Ok(arrival) => call.arrival(arrival).into(),
            Err(error) => call.unavailable(&error).page().into(),
        },
        Err(error) => call.unavailable(&error).page().into(),
    }
}

/// Needs no token: a form of another site brings no cookie of this one (SameSite=Lax), so there is nothing to end.
async fn log_out(Extension(call): Extension<Call>) -> Answer {
    if call.visit.origin() == OwnOrigin::Foreign {
        return call.tell(Notice::FOREIGN_ORIGIN).to(call.visit.request.kind).into();
    }
    match call.gateway.log_out(&call.site, &call.visit).await {
        Ok(cookies) if call.visit.request.kind == RequestKind::Navigation => {
            call.tell(Notice::LOGGED_OUT).cookies(cookies).link("/", "start").page().into()
        }
        Ok(cookies) => {
            let mut response = page::answer(StatusCode::NO_CONTENT, "", Bytes::new());
            page::set_cookies(response.headers_mut(), cookies);
            response.into()
        }
        Err(error) => call.unavailable(&error.into()).to(call.visit.request.kind).into(),
    }
}

async fn asset(Extension(call): Extension<Call>, Path(name): Path<String>) -> Answer {
    match assets::Asset::find(&name) {
        Some(response) => response.into(),
        None => call.tell(Notice::NOT_FOUND).link("/", "start").to(call.visit.request.kind).into(),
    }
}

/// Any other address below `/.otpgate`.
pub(super) async fn not_found(Extension(call): Extension<Call>) -> Answer {
    call.tell(Notice::NOT_FOUND).link("/", "start").to(turn::kind_of(&call.visit)).into()
}

/// A form's address that is opened, for instance by a browser that restores its tabs. A code in it is not looked at
/// (O34).
pub(super) async fn wrong_method(Extension(call): Extension<Call>) -> Answer {
    call.tell(Notice::WRONG_METHOD).link("/.otpgate/challenge", "go-to-code").to(turn::kind_of(&call.visit)).into()
}

// === impl Call ===

impl Call {
    fn verified_page(&self, verified: Verified) -> Answer {
        match verified {
            Verified::Passed { cookies, return_to } => page::see_other(&return_to, cookies),
            Verified::Malformed(standing, typed) => {
                self.code_again(StatusCode::UNPROCESSABLE_ENTITY, &standing, self.malformed(&typed))
            }
            Verified::Wrong(standing, tries_left) => {
                self.code_again(StatusCode::FORBIDDEN, &standing, wrong_code(tries_left))
            }
            Verified::Locked(standing, lock) => self.locked(&standing, lock),
            Verified::Expired(standing) => self.expired(&standing),
            Verified::Spent(standing) => self.passed(&standing, StatusCode::GONE),
            Verified::NotSent(standing) => self.standing(&standing),
            Verified::Unfinished(standing) => self.unfinished(&standing),
            Verified::Not(arrival) => self.arrival(arrival),
        }
        .into()
    }
}

// === impl Answer ===

impl From<http::Response<Bytes>> for Answer {
    fn from(response: http::Response<Bytes>) -> Self {
        Self(response)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0.map(Body::from)
    }
}
