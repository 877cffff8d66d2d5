//! Templates to answers, and the headers that keep an answer safe.
//!
//! Every template is HTML, so every value is escaped.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use minijinja::{Environment, Output, State, UndefinedBehavior, Value, context};

use crate::portal::{assets, sentences};
use crate::stepup::Site;
use crate::words::{EmailAddress, Reference};

/// A page about to be rendered.
pub(super) struct Page<'a> {
    /// Its template.
    pub template: &'static str,
    /// Its status.
    pub status: StatusCode,
    /// The site that it belongs to; none when a request named no site.
    pub site: Option<&'a Site>,
    /// The code that a visitor can read out.
    pub reference: Reference,
    /// What the template is told besides.
    pub values: Value,
    /// Where its forms may lead.
    pub forms: Forms,
}

/// Where the forms of a page may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    /// To the portal itself.
    Own,
    /// Through the portal to wherever the application then redirects: a payment service, a sign-in elsewhere. Chromium
    /// applies `form-action` to every redirect that follows a form, and would leave the visitor on the code page.
    Onward,
}

const TEMPLATES: [(&str, &str); 8] = [
    ("ask.html", include_str!("templates/ask.html")),
    ("choose.html", include_str!("templates/choose.html")),
    ("code.html", include_str!("templates/code.html")),
    ("help.html", include_str!("templates/help.html")),
    ("hosted.html", include_str!("templates/hosted.html")),
    ("layout.html", include_str!("templates/layout.html")),
    ("macros.html", include_str!("templates/macros.html")),
    ("notice.html", include_str!("templates/notice.html")),
];

static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_formatter(escape);
    environment.add_function("t", sentences::t);
    environment.add_function("paragraphs", sentences::paragraphs);
    environment.add_global("style", assets::STYLESHEET.address());
    environment.add_global("script", assets::SCRIPT.address());
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
});

/// Like the engine's own, but leaves `/` as it is: paths stay legible in the source, and pages small.
fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => out.write_str(&sentences::escaped(text)).map_err(minijinja::Error::from),
        None => minijinja::escape_formatter(out, state, value),
    }
}

/// Nothing but the portal's own style, script and icon; in no frame (U23). No nonce: no page has a line of inline code.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// That of the code page, whose script asks what became of the message.
const POLICY_ONWARD: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                             connect-src 'self'; form-action 'self' https: http:; base-uri 'none'; \
                             frame-ancestors 'none'";

// === impl Page ===

impl Page<'_> {
    /// The answer. A template that fails is a fault of the program: a bare 500.
    pub(super) fn render(self) -> Response<Bytes> {
        let shared = context! {
            site => self.site.map(|site| site_values(&site.spec.name, site.spec.support.as_deref())),
            reference => self.reference.to_string(),
        };
        let rendered = ENVIRONMENT.as_ref().map_err(ToString::to_string).and_then(|environment| {
            let template = environment.get_template(self.template);
            let html = template.and_then(|template| template.render(context! { ..self.values, ..shared }));
            html.map_err(|error| format!("{error:#}"))
        });
        let (status, kind, body) = match rendered {
            Ok(html) => (self.status, "text/html; charset=utf-8", html),
            Err(error) => {
                tracing::error!(template = self.template, error, "a page failed");
                let sentence = sentences::say("notice.internal-error.text", &[]);
                (StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", format!("{sentence}\n"))
            }
        };
        let mut response = answer(status, kind, body);
        let headers = response.headers_mut();
        let policy = if self.forms == Forms::Own { POLICY } else { POLICY_ONWARD };
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        headers.insert(header::CONTENT_LANGUAGE, language());
        response
    }
}

fn site_values(name: &str, support: Option<&str>) -> Value {
    let link = support.and_then(|support| {
        if support.starts_with("https://") || support.starts_with("http://") {
            Some(support.to_owned())
        } else {
            EmailAddress::parse(support).ok().map(|address| format!("mailto:{}", address.reveal()))
        }
    });
    context! { name, support, support_link => link }
}

fn language() -> HeaderValue {
    HeaderValue::try_from(sentences::say("language", &[])).unwrap_or_else(|_| HeaderValue::from_static("en"))
}

/// An answer of the gateway itself: kept by nobody, shown in no frame, taken for nothing else (U23).
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if !kind.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Sends a browser to an address of the site itself, with GET.
pub(super) fn see_other(target: &str, cookies: Vec<HeaderValue>) -> Response<Bytes> {
    let mut response = answer(StatusCode::SEE_OTHER, "", Bytes::new());
    response.headers_mut().insert(header::LOCATION, local(target));
    set_cookies(response.headers_mut(), cookies);
    response
}

/// The target, if a browser surely takes it for an address of this site; else the start page. Targets come out of the
/// store and the config, never out of a parameter (R01): this is a second lock on the same door.
fn local(target: &str) -> HeaderValue {
    let is_local = target.starts_with('/') && !target.starts_with("//") && !target.starts_with("/\\");
    let target = if is_local { HeaderValue::try_from(target).ok() } else { None };
    target.unwrap_or_else(|| HeaderValue::from_static("/"))
}

/// Adds `Set-Cookie` lines.
pub(super) fn set_cookies(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Says when to come again: whole seconds, at least one.
pub(super) fn retry_after(headers: &mut HeaderMap, wait: Duration) {
    headers.insert(header::RETRY_AFTER, HeaderValue::from(sentences::seconds(wait).max(1)));
}
