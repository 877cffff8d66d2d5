//! What the conductor ruled, as an answer.

use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use http::{HeaderValue, Response, StatusCode, header};

use crate::portal::door::without_body;
use crate::portal::notice::{Notice, Telling};
use crate::portal::{page, view};
use crate::request::RequestKind;
use crate::stepup::{BadForm, Gateway, Ruling, Site, Standing, Visit};
use crate::words::Reference;

/// How long to wait when the store or a directory does not answer.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How long to wait until some of what waits for a code was answered.
const CROWDED: Duration = Duration::from_secs(60);

/// The answer to a request that does not go on. [`Ruling::Forward`] has none: it is told as a fault of the program.
pub(super) fn answer(site: &Site, visit: &Visit, ruling: Ruling) -> Response<Bytes> {
    let tell = |notice: Notice, reference: Reference| notice.tell(Some(site), reference);
    let kind = visit.request.kind;
    let response = match ruling {
        Ruling::ToPage { id, cookies } => page::see_other(&view::page_address(&id), cookies),
        Ruling::ToClient { standing, cookies, max_age } => {
            to_client(site, &standing, max_age).cookies(cookies).problem()
        }
        Ruling::Plain401 => plain_401(),
        Ruling::SignIn { to: Some(to), cookies, .. } if kind == RequestKind::Navigation => {
            page::see_other(&to, cookies)
        }
        Ruling::Onward { to, cookies } => page::see_other(&to, cookies),
        Ruling::SignIn { to, reference, .. } => sign_in(site, to, reference).to(kind),
        Ruling::Refused(reference) => tell(Notice::REFUSED, reference).link("/", "start").to(kind),
        Ruling::TooLarge { limit, reference } => {
            tell(Notice::TOO_LARGE, reference).place("limit", size(limit)).member("limit", limit).to(kind)
        }
        Ruling::AlreadySent { cookies, reference } => {
            tell(Notice::ALREADY_SENT, reference).cookies(cookies).link("/", "start").to(kind)
        }
        Ruling::Crowded(reference) => crowded(site, reference).to(kind),
        Ruling::BadForm { bad, back, reference } => {
            let telling = tell(bad_form(bad), reference).member("reason", bad.as_str());
            match back {
                Some(back) => telling.link(back, "to-form"),
                None => telling,
            }
            .to(kind)
        }
        Ruling::BrokenBody(reference) => tell(Notice::BROKEN_BODY, reference).to(kind),
        Ruling::Unavailable(reference) => unavailable(site, visit, reference).to(kind),
        Ruling::Forward(_) => page::answer(StatusCode::INTERNAL_SERVER_ERROR, "", Bytes::new()),
    };
    without_body(&visit.request.method, response)
}

/// How an API client proves itself.
fn to_client<'a>(site: &'a Site, standing: &Standing, max_age: u64) -> Telling<'a> {
    // RFC 9470, section 3: what a client of a bearer token understands. The body says the rest.
    let how = format!(
        "Bearer error=\"insufficient_user_authentication\", error_description=\"A one-time code is needed\", \
         max_age={max_age}"
    );
    let how = HeaderValue::try_from(how).unwrap_or_else(|_| HeaderValue::from_static("Bearer"));
    let telling = Notice::STEP_UP.tell(Some(site), standing.reference).header(header::WWW_AUTHENTICATE, how);
    telling.member("challenge", view::json(standing))
}

/// What is wrong with a form whose contact is to be proved.
const fn bad_form(bad: BadForm) -> Notice {
    match bad {
        BadForm::NoEmail => Notice::UNREADABLE_EMAIL,
        BadForm::NoPhone => Notice::UNREADABLE_PHONE,
        BadForm::NoContact => Notice::UNREADABLE_CONTACT,
        BadForm::EmailUnreachable => Notice::UNREACHABLE_EMAIL,
        BadForm::PhoneUnreachable => Notice::UNREACHABLE_PHONE,
    }
}

/// For what can show no page and read no problem: an image, a frame, a WebSocket.
fn plain_401() -> Response<Bytes> {
    let mut response = page::answer(StatusCode::UNAUTHORIZED, "text/plain; charset=utf-8", "A code is needed.\n");
    let how = HeaderValue::from_static("Bearer error=\"insufficient_user_authentication\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
    response
}

/// Nobody is signed in.
pub(super) fn sign_in(site: &Site, to: Option<String>, reference: Reference) -> Telling<'_> {
    let telling = Notice::SIGN_IN.tell(Some(site), reference);
    // Where no page is there to sign in, a browser asks for name and password by itself.
    let how = match site.basics().next() {
        Some(basic) if to.is_none() => basic.challenge(site.spec.key.as_str()),
        _ => HeaderValue::from_static("Bearer"),
    };
    let telling = telling.header(header::WWW_AUTHENTICATE, how);
    match to {
        Some(to) => telling.member("sign_in", to.as_str()).link(to, "sign-in"),
        None => telling.link("/", "start"),
    }
}

/// Too much waits for a code.
pub(super) fn crowded(site: &Site, reference: Reference) -> Telling<'_> {
    Notice::TOO_MUCH_WAITING.tell(Some(site), reference).wait(CROWDED, None)
}

/// A failure of ours. What can be asked again without harm, a page offers to.
pub(super) fn unavailable<'a>(site: &'a Site, visit: &Visit, reference: Reference) -> Telling<'a> {
    let telling = Notice::UNAVAILABLE.tell(Some(site), reference).wait(PAUSE, None);
    if visit.request.method == http::Method::GET { telling.link(visit.target(), "retry") } else { telling }
}

/// A body that is larger than anything the portal takes.
pub(super) fn too_large_for_portal(gateway: &Gateway, site: &Site, visit: &Visit, limit: usize) -> Response<Bytes> {
    let telling = Notice::FORM_TOO_LARGE.tell(Some(site), gateway.reference()).place("limit", size(limit as u64));
    telling.to(kind_of(visit))
}

/// A body that broke off on its way to the portal.
pub(super) fn broken(gateway: &Gateway, site: &Site, visit: &Visit) -> Response<Bytes> {
    Notice::BROKEN_BODY.tell(Some(site), gateway.reference()).to(kind_of(visit))
}

/// What an address of the portal is answered with: its JSON endpoints answer programs, whoever asks.
pub(super) fn kind_of(visit: &Visit) -> RequestKind {
    if visit.request.path.folded().starts_with("/.otpgate/api/") { RequestKind::ApiClient } else { visit.request.kind }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string().replace(".0 ", " ")
}
